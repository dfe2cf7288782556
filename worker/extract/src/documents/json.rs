//! JSON documents, one value or one a line. **Not here:** JSON inside of pages (`structured`).

use serde_json::{Value, json};

/// A JSON document with its text as it was sent.
pub(crate) struct Json {
    text: String,
    value: Value,
}

/// Reads the text; gives nothing when it is no JSON.
pub(crate) fn read(text: &str) -> Option<Json> {
    let value = serde_json::from_str(text).ok().or_else(|| lines(text))?;
    Some(Json { text: text.to_owned(), value })
}

/// One value a line.
fn lines(text: &str) -> Option<Value> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| serde_json::from_str(line).ok()).collect::<Option<Vec<Value>>>().map(Value::Array)
}

impl Json {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The document itself; a result is an object, so what is none goes into one.
    pub(crate) fn object(&self) -> Value {
        match &self.value {
            Value::Object(_) => self.value.clone(),
            Value::Array(items) => json!({ "items": items }),
            other => json!({ "value": other }),
        }
    }

    /// As the structured data of an otherwise empty page.
    pub(crate) fn html(&self) -> String {
        let data = self.value.to_string().replace("</", "<\\/");
        format!("<html><head><script type=\"application/ld+json\">{data}</script></head><body></body></html>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_a_bare_value_go_into_an_object() {
        assert_eq!(read("{\"a\":1}").unwrap().object(), json!({"a": 1}));
        assert_eq!(read("[1,2]").unwrap().object(), json!({"items": [1, 2]}));
        assert_eq!(read("7").unwrap().object(), json!({"value": 7}));
        assert_eq!(
            read("{\"a\":1}\n\n{\"a\":2}\n").unwrap().object(),
            json!({"items": [{"a": 1}, {"a": 2}]})
        );
        assert!(read("no json").is_none());
    }
}
