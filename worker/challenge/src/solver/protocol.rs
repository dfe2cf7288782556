//! The messages of the protocol that solver services share: create a task, ask for its result.

use super::{SolverError, SolverKey};
use crate::widget::{Widget, WidgetKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// Length of an answer that is put into a page.
const ANSWER_CHARS_MAX: usize = 16 * 1024;
/// Length of a service's error code that is repeated.
const CODE_CHARS_MAX: usize = 64;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Create<'a> {
    pub(super) client_key: &'a SolverKey,
    pub(super) task: Task<'a>,
}

#[derive(Serialize)]
pub(super) struct Task<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "websiteURL")]
    url: String,
    #[serde(rename = "websiteKey")]
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
}

impl<'a> Task<'a> {
    /// The task for a widget on the page at `url`.
    pub(super) fn of(widget: &'a Widget, url: &Url) -> Result<Self, SolverError> {
        let kind = match widget.kind {
            WidgetKind::Recaptcha => "RecaptchaV2TaskProxyless",
            WidgetKind::Hcaptcha => "HCaptchaTaskProxyless",
            WidgetKind::Turnstile => "TurnstileTaskProxyless",
            WidgetKind::Other => return Err(SolverError::Unsupported),
        };
        let key = widget.site_key.as_deref().ok_or(SolverError::NoSiteKey)?;
        let mut url = url.clone();
        url.set_fragment(None);
        // Both fail only for addresses that have no host, which no page has.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let turnstile = widget.kind == WidgetKind::Turnstile;
        Ok(Self {
            kind,
            url: url.into(),
            key,
            action: widget.action.as_deref().filter(|_| turnstile),
            data: widget.data.as_deref().filter(|_| turnstile),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ask<'a> {
    pub(super) client_key: &'a SolverKey,
    pub(super) task_id: &'a Value,
}

/// What the service says to either.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Said {
    #[serde(default)]
    error_id: i64,
    #[serde(default)]
    error_code: Option<String>,
    #[serde(default)]
    task_id: Option<Value>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    solution: Option<Solution>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Solution {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    g_recaptcha_response: Option<String>,
}

/// How a task stands.
pub(super) enum Standing {
    Processing,
    Ready(String),
}

impl Said {
    /// The id of the task that was made: a number, or a text with some services.
    pub(super) fn task(self, key: &SolverKey) -> Result<Value, SolverError> {
        self.refusal(key)?;
        self.task_id.filter(|id| id.is_number() || id.is_string()).ok_or(SolverError::Malformed)
    }

    /// How the task stands.
    pub(super) fn standing(self, key: &SolverKey) -> Result<Standing, SolverError> {
        self.refusal(key)?;
        match self.status.as_deref() {
            Some("processing" | "idle") => Ok(Standing::Processing),
            Some("ready") => {
                let solution = self.solution.ok_or(SolverError::Malformed)?;
                let answer = solution.g_recaptcha_response.or(solution.token);
                answer.filter(|answer| usable(answer)).map(Standing::Ready).ok_or(SolverError::Malformed)
            }
            Some(_) | None => Err(SolverError::Malformed),
        }
    }

    fn refusal(&self, key: &SolverKey) -> Result<(), SolverError> {
        if self.error_id == 0 {
            return Ok(());
        }
        // Only the code is repeated, and only if it looks like one: descriptions may hold anything.
        let code = self.error_code.clone().unwrap_or_default();
        let plain = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
        let fit = !code.is_empty() && code.len() <= CODE_CHARS_MAX && code.chars().all(plain);
        let code = if fit && !code.contains(key.reveal()) { code } else { "no code".to_owned() };
        Err(SolverError::Refused { code })
    }
}

fn usable(answer: &str) -> bool {
    !answer.is_empty()
        && answer.len() <= ANSWER_CHARS_MAX
        && answer.chars().all(|letter| letter.is_ascii_graphic())
}
