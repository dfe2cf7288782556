//! Tokens of a language model: how text is counted without asking the model, and the most that one item may take.
//! Prices are in `pricing`; asking is the worker's.

use crate::{OutputFormat, ScrapeOptions};

/// Bytes of text taken for one token. Tokenizers need 3 to 4 bytes of English and about 3 of other scripts, so the
/// count is rather too high than too low.
pub const TOKEN_BYTES: usize = 3;
/// Questions that one item may ask: the first, and one that repairs its answer.
pub const MODEL_ROUNDS_MAX: u32 = 2;
/// Tokens of the instructions around a page.
pub const MODEL_FRAME_TOKENS_MAX: u32 = 1_000;
/// Tokens of the faults that a repair names.
pub const MODEL_FAULTS_TOKENS_MAX: u32 = 1_000;
/// How often a schema stands in one question: as text, and in the form that the endpoint enforces, which is longer.
const SCHEMA_COPIES: u32 = 3;

/// Tokens taken for a text of this many bytes.
#[must_use]
pub fn estimated_tokens(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(TOKEN_BYTES)).unwrap_or(u32::MAX)
}

/// What the operator lets the model have for each question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelBudget {
    /// Tokens of the page.
    pub page_tokens: u32,
    /// Tokens of the answer.
    pub answer_tokens: u32,
}

/// Tokens of all questions and answers of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModelTokens {
    /// What was asked.
    pub input: u32,
    /// What was answered.
    pub output: u32,
}

impl ModelBudget {
    /// The most that an item with these options takes, over all rounds.
    #[must_use]
    pub fn most(&self, options: &ScrapeOptions) -> ModelTokens {
        let prompt = estimated_tokens(options.prompt.as_ref().map_or(0, String::len));
        let schema = options.schema.as_ref().map_or(0, |schema| estimated_tokens(schema.to_string().len()));
        let question = MODEL_FRAME_TOKENS_MAX
            .saturating_add(prompt)
            .saturating_add(schema.saturating_mul(SCHEMA_COPIES))
            .saturating_add(self.page_tokens);
        let repair = self.answer_tokens.saturating_add(MODEL_FAULTS_TOKENS_MAX);
        ModelTokens {
            input: question.saturating_mul(MODEL_ROUNDS_MAX).saturating_add(repair),
            output: self.answer_tokens.saturating_mul(MODEL_ROUNDS_MAX),
        }
    }
}

impl ScrapeOptions {
    /// Whether a model is asked, where there is one: it needs to be told what to look for.
    #[must_use]
    pub fn asks_model(&self) -> bool {
        self.output == OutputFormat::Json && (self.schema.is_some() || self.prompt.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BUDGET: ModelBudget = ModelBudget { page_tokens: 8_000, answer_tokens: 2_000 };

    #[test]
    fn a_token_that_was_begun_counts() {
        assert_eq!([0, 1, 3, 4].map(estimated_tokens), [0, 1, 1, 2]);
        assert_eq!(estimated_tokens(usize::MAX), u32::MAX);
    }

    #[test]
    fn what_the_caller_sends_along_is_counted_in_every_round() {
        let plain = BUDGET.most(&ScrapeOptions::default());
        assert_eq!(plain, ModelTokens { input: 2 * 9_000 + 3_000, output: 4_000 });
        let prompt = Some("x".repeat(300));
        let asked = BUDGET.most(&ScrapeOptions { prompt, ..ScrapeOptions::default() });
        assert_eq!(asked.input, plain.input + 200);
        let schema = Some(json!({"type": "object"}));
        assert!(BUDGET.most(&ScrapeOptions { schema, ..ScrapeOptions::default() }).input > plain.input);
    }

    #[test]
    fn a_huge_budget_does_not_overflow() {
        let huge = ModelBudget { page_tokens: u32::MAX, answer_tokens: u32::MAX };
        assert_eq!(huge.most(&ScrapeOptions::default()), ModelTokens { input: u32::MAX, output: u32::MAX });
    }

    #[test]
    fn a_model_is_asked_for_json_with_a_schema_or_a_prompt_only() {
        let json = ScrapeOptions { output: OutputFormat::Json, ..ScrapeOptions::default() };
        assert!(!json.asks_model());
        assert!(ScrapeOptions { prompt: Some("prices".to_owned()), ..json.clone() }.asks_model());
        assert!(ScrapeOptions { schema: Some(json!({})), ..json }.asks_model());
        let markdown = ScrapeOptions { prompt: Some("prices".to_owned()), ..ScrapeOptions::default() };
        assert!(!markdown.asks_model());
    }
}
