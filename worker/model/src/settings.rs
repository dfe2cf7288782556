//! What an operator may set about the model. Reading flags and environment variables is the binary's task.

use leafcutter_domain::ModelBudget;
use std::{fmt, time::Duration};
use thiserror::Error;
use url::Url;
use zeroize::Zeroizing;

/// How long one call may take, unless the operator says otherwise, in seconds.
const CALL_LIMIT_S: u64 = 40;
/// Wait before a call is repeated, in milliseconds; it doubles with each further one.
const BACK_OFF_MS: u64 = 500;

/// The key of the endpoint. Never printed; its memory is wiped when dropped.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Takes the key.
    #[must_use]
    pub fn new(key: String) -> Self {
        Self(Zeroizing::new(key))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// Which model is asked, and how much.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// Base of the endpoint, as `https://api.openai.com/v1`; `/chat/completions` is put behind it.
    pub url: Url,
    /// Name of the model.
    pub model: String,
    /// Sent as a bearer token; nothing is sent without one.
    pub key: Option<ApiKey>,
    /// What each question may take.
    pub budget: ModelBudget,
    /// How long one call may take. The item's own limit ends it as well.
    pub call_limit: Duration,
    /// Wait before a call is repeated; it doubles with each further one.
    pub back_off: Duration,
}

/// What is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelSettingsError {
    /// Another scheme, a password, a query.
    #[error(
        "the model's address must be http:// or https://, with no user, password, query or fragment in it"
    )]
    Url,
    /// No name.
    #[error("the model's endpoint is set, but no model is named")]
    NameMissing,
    /// The key has characters that no header may hold.
    #[error("the model's key has characters that cannot be sent; copy it again")]
    Key,
    /// The TLS library cannot be used.
    #[error("no HTTP client can be made for the model")]
    Client,
}

impl ModelSettings {
    /// The defaults, for this model at this address.
    #[must_use]
    pub fn new(url: Url, model: impl Into<String>, budget: ModelBudget) -> Self {
        Self {
            url,
            model: model.into(),
            key: None,
            budget,
            call_limit: Duration::from_secs(CALL_LIMIT_S),
            back_off: Duration::from_millis(BACK_OFF_MS),
        }
    }

    /// Whether they can be used.
    ///
    /// # Errors
    /// What is wrong; the message repeats no value.
    pub fn check(&self) -> Result<(), ModelSettingsError> {
        let url = &self.url;
        let plain = url.username().is_empty() && url.password().is_none();
        let bare = url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain || !bare {
            return Err(ModelSettingsError::Url);
        }
        if self.model.trim().is_empty() {
            return Err(ModelSettingsError::NameMissing);
        }
        Ok(())
    }
}
