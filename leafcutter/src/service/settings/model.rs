//! The language model that reads pages for JSON: where it is and what it may take. Its key comes from the environment
//! alone, and only the worker has it.

use super::servers::Address;
use anyhow::{Context, bail, ensure};
use clap::Args;
use leafcutter_domain::ModelBudget;
use leafcutter_worker::{ApiKey, ModelSettings};
use std::time::Duration;

const KEY: &str = "LEAFCUTTER_MODEL_KEY";

#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArgs {
    /// Language model that reads pages for JSON: base address of an endpoint of the OpenAI chat protocol, as
    /// https://api.openai.com/v1; its key is LEAFCUTTER_MODEL_KEY [default: none].
    #[arg(long, env = "LEAFCUTTER_MODEL_URL", hide_env_values = true, value_name = "ADDRESS")]
    model_url: Option<Address>,

    /// Name of the model at its endpoint.
    #[arg(long, env = "LEAFCUTTER_MODEL", value_name = "NAME")]
    model: Option<String>,

    /// Tokens of a page, about 3 bytes each, that the model is given; more of it is left out.
    #[arg(long, env = "LEAFCUTTER_MODEL_INPUT_TOKENS", default_value_t = 8_000, value_parser = clap::value_parser!(u32).range(500..=500_000))]
    model_input_tokens: u32,

    /// Tokens that the model may answer with.
    #[arg(long, env = "LEAFCUTTER_MODEL_OUTPUT_TOKENS", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    model_output_tokens: u32,

    /// Seconds that one answer of the model may take.
    #[arg(long, env = "LEAFCUTTER_MODEL_TIMEOUT", default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..=600))]
    model_timeout: u16,
}

impl ModelArgs {
    fn url(&self) -> Option<&str> {
        self.model_url.as_ref().map(Address::reveal)
    }

    /// What the model may take; `None` without one. Who only takes orders needs this for their price, and no key.
    pub(crate) fn budget(&self) -> Option<ModelBudget> {
        let budget =
            ModelBudget { page_tokens: self.model_input_tokens, answer_tokens: self.model_output_tokens };
        self.url().map(|_| budget)
    }

    /// The model, with its key when there is one.
    ///
    /// # Errors
    /// Something of it is missing or cannot be used. The address is not repeated: it may hold a password.
    pub(crate) fn settings(&self) -> anyhow::Result<Option<ModelSettings>> {
        let key = std::env::var(KEY).ok().filter(|key| !key.is_empty());
        self.with_key(key)
    }

    fn with_key(&self, key: Option<String>) -> anyhow::Result<Option<ModelSettings>> {
        let (Some(url), Some(budget)) = (self.url(), self.budget()) else {
            ensure!(self.model.is_none(), "LEAFCUTTER_MODEL is set without LEAFCUTTER_MODEL_URL");
            ensure!(key.is_none(), "{KEY} is set without LEAFCUTTER_MODEL_URL");
            return Ok(None);
        };
        let Some(model) = self.model.clone() else {
            bail!("LEAFCUTTER_MODEL_URL needs the name of a model in LEAFCUTTER_MODEL");
        };
        let url = url.parse().context("LEAFCUTTER_MODEL_URL is no address")?;
        let mut settings = ModelSettings::new(url, model, budget);
        settings.key = key.map(ApiKey::new);
        settings.call_limit = Duration::from_secs(self.model_timeout.into());
        settings.check().context("the settings of the model (LEAFCUTTER_MODEL_…) cannot be used")?;
        Ok(Some(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: ModelArgs,
    }

    fn args(flags: &[&str]) -> ModelArgs {
        Line::try_parse_from(std::iter::once("leafcutter").chain(flags.iter().copied())).unwrap().args
    }

    fn key() -> Option<String> {
        Some("sk-SECRET".to_owned())
    }

    #[test]
    fn a_model_has_an_address_and_a_name_and_perhaps_a_key() {
        assert!(args(&[]).with_key(None).unwrap().is_none());
        let model = args(&["--model-url", "http://localhost:11434/v1", "--model", "m"]);
        assert!(model.with_key(None).unwrap().is_some_and(|settings| settings.key.is_none()));
        let settings = model.with_key(key()).unwrap().unwrap();
        assert!(settings.key.is_some() && !format!("{settings:?}").contains("SECRET"));
        let budget = Some(ModelBudget { page_tokens: 8_000, answer_tokens: 2_000 });
        assert_eq!((model.budget(), args(&[]).budget()), (budget, None));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_and_the_address_is_not_repeated() {
        let of = |flags: &[&str], key| format!("{:#}", args(flags).with_key(key).unwrap_err());
        assert!(of(&["--model", "m"], None).contains("LEAFCUTTER_MODEL_URL"));
        assert!(of(&[], key()).contains("LEAFCUTTER_MODEL_URL"));
        assert!(of(&["--model-url", "http://localhost/v1"], None).contains("LEAFCUTTER_MODEL"));
        for url in ["SECRET", "ftp://SECRET/v1", "http://user:SECRET@host/v1", "http://host/v1?key=SECRET"] {
            let text = of(&["--model-url", url, "--model", "m"], None);
            assert!(text.contains("LEAFCUTTER_MODEL_") && !text.contains("SECRET"), "{text}");
        }
        assert!(!format!("{:?}", args(&["--model-url", "http://u:SECRET@h/v1"])).contains("SECRET"));
    }
}
