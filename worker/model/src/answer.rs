//! Reading what an endpoint sends: an answer may lack anything, hold anything, and wrap its JSON in anything.

use leafcutter_domain::{ModelTokens, estimated_tokens};
use serde::Deserialize;
use serde_json::Value;

/// The body of an answer. Every field may be missing or of another type: endpoints differ, and some are broken.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    choices: Value,
    #[serde(default)]
    usage: Value,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It had said everything, as far as the endpoint tells.
    Done,
    /// The bound of the answer.
    Cut,
    /// The endpoint's filter.
    Filtered,
    /// It said that it will not.
    Declined,
    /// There is no choice, or nothing in it.
    Nothing,
}

/// What the model said.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) end: End,
    pub(crate) tokens: ModelTokens,
}

impl Answer {
    /// The first choice, with the tokens as told, or, where they are not, as estimated from `question_bytes`.
    pub(crate) fn into_reply(self, question_bytes: usize) -> Reply {
        let choice = &self.choices[0];
        let message = &choice["message"];
        let text = content(&message["content"]);
        let end = match choice["finish_reason"].as_str() {
            Some("content_filter") => End::Filtered,
            _ if message["refusal"].as_str().is_some_and(|refusal| !refusal.is_empty()) => End::Declined,
            Some("length") => End::Cut,
            _ if text.trim().is_empty() => End::Nothing,
            _ => End::Done,
        };
        let told = |name: &str| {
            let tokens = self.usage[name].as_u64().filter(|tokens| *tokens > 0)?;
            Some(u32::try_from(tokens).unwrap_or(u32::MAX))
        };
        let input = told("prompt_tokens").unwrap_or_else(|| estimated_tokens(question_bytes));
        let output = told("completion_tokens").unwrap_or_else(|| estimated_tokens(text.len()));
        Reply { text, end, tokens: ModelTokens { input, output } }
    }
}

/// Text, or the texts of a list of parts.
fn content(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// The JSON in a text: the text itself, what stands between fences, or what begins with the first brace.
///
/// # Errors
/// There is none; says where the reading stopped, in words that repeat nothing of the text.
pub(crate) fn json(text: &str) -> Result<Value, String> {
    let text = after_thoughts(text).trim().trim_start_matches('\u{feff}');
    let whole = serde_json::from_str(text);
    let error = match whole {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let fenced = fenced(text).and_then(|inner| serde_json::from_str(inner).ok());
    let begun = || {
        let text = text.get(text.find('{')?..)?;
        serde_json::Deserializer::from_str(text).into_iter::<Value>().next()?.ok()
    };
    fenced.or_else(begun).ok_or_else(|| format!("is not JSON: {error}"))
}

/// Some models think aloud first.
fn after_thoughts(text: &str) -> &str {
    match text.trim_start().strip_prefix("<think>") {
        Some(thoughts) => thoughts.split_once("</think>").map_or(text, |(_, rest)| rest),
        None => text,
    }
}

fn fenced(text: &str) -> Option<&str> {
    let (_, inner) = text.split_once("```")?;
    let (_, inner) = inner.split_once('\n')?;
    inner.split_once("```").map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reply(body: Value) -> Reply {
        serde_json::from_value::<Answer>(body).unwrap().into_reply(300)
    }

    #[test]
    fn json_is_found_however_it_is_wrapped() {
        let found = json!({"price": 5});
        for text in [
            "{\"price\": 5}",
            " \u{feff}{\"price\": 5}\n",
            "```json\n{\"price\": 5}\n```",
            "Here it is:\n```\n{\"price\": 5}\n```\nAnything else?",
            "Sure! {\"price\": 5} is what I found.",
            "<think>A {brace} to think about</think>{\"price\": 5}",
        ] {
            assert_eq!(super::json(text), Ok(found.clone()), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_told_without_repeating_it() {
        let deep = "[".repeat(100_000);
        for text in ["", "SECRET", "{\"SECRET\": NaN}", "{'SECRET': 1}", "{\"SECRET\": 1e999}", &deep] {
            let error = super::json(text).unwrap_err();
            assert!(error.contains("not JSON") && !error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        assert_eq!(super::json("{\"a\": 1, \"a\": 2}"), Ok(json!({"a": 2})));
    }

    #[test]
    fn tokens_are_taken_as_told_or_estimated() {
        let choices = json!([{"message": {"content": "{\"a\":1}"}, "finish_reason": "stop"}]);
        let usage = json!({"prompt_tokens": 70, "completion_tokens": 5});
        let told = reply(json!({"choices": choices, "usage": usage}));
        assert_eq!((told.tokens, told.end), (ModelTokens { input: 70, output: 5 }, End::Done));
        let strange = json!({"prompt_tokens": -1, "completion_tokens": "many"});
        for usage in [Value::Null, strange, json!([])] {
            let estimated = reply(json!({"choices": choices, "usage": usage})).tokens;
            assert_eq!(estimated, ModelTokens { input: 100, output: 3 });
        }
        let huge = json!({"prompt_tokens": u64::MAX, "completion_tokens": 1e30});
        assert_eq!(reply(json!({"choices": choices, "usage": huge})).tokens.input, u32::MAX);
    }

    #[test]
    fn every_end_is_told_apart() {
        let end = |choice: Value| reply(json!({"choices": [choice]})).end;
        assert_eq!(end(json!({"message": {"content": "{"}, "finish_reason": "length"})), End::Cut);
        assert_eq!(
            end(json!({"message": {"content": ""}, "finish_reason": "content_filter"})),
            End::Filtered
        );
        assert_eq!(end(json!({"message": {"content": null, "refusal": "No."}})), End::Declined);
        assert_eq!(end(json!({"message": {"content": [{"type": "text", "text": "{}"}]}})), End::Done);
        assert_eq!(end(json!({"message": 5})), End::Nothing);
        assert_eq!(reply(json!({"choices": []})).end, End::Nothing);
        assert_eq!(reply(json!({"choices": "none", "usage": 5})).end, End::Nothing);
    }
}
