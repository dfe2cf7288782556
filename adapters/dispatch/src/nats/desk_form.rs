//! Claims, reports and their answers as JSON. Fields that a reader does not know are passed over; a form that it could
//! misunderstand has another version and is refused. The written structs have no `Debug`: they hold cookies and
//! lease tokens.

use crate::{
    Assignment, ClaimAnswer, ClaimRequest, Cookies, DeskError, FailedPage, LeaseToken, Outcome, Report,
    ReportAnswer, ScrapedPage,
};
use leafcutter_domain::{
    BatchId, ErrorCode, ItemIndex, Moment, ScrapeOptions, Usage, WorkerId,
    batch::{Extractor, StoredObject},
    limits::{FINAL_URL_CHARS_MAX, MESSAGE_CHARS_MAX},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// Version of the written form.
const VERSION: u32 = 1;
/// Size of a question or answer. The broker takes messages of 1 MiB unless it is told otherwise; the largest answer,
/// with schema, prompt, cookies and address at their limits and every character escaped, stays under half of it.
pub(super) const FORM_BYTES_MAX: usize = 768 * 1024;

/// Something said over the broker.
#[derive(Serialize, Deserialize)]
struct Said<T> {
    version: u32,
    body: T,
}

/// An answer, or why there is none.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Answer<T> {
    Here(T),
    Unavailable(String),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Claim {
    batch: BatchId,
    item: ItemIndex,
    claim: Uuid,
    worker: WorkerId,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Claimed {
    Granted(Box<Granted>),
    Refused,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Granted {
    batch: BatchId,
    item: ItemIndex,
    attempt: u32,
    url: String,
    options: ScrapeOptions,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cookies: Option<String>,
    lease: [u8; 32],
    deadline_ms: i64,
    object_prefix: String,
    result_bytes_max: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Reported {
    batch: BatchId,
    item: ItemIndex,
    lease: [u8; 32],
    outcome: Ended,
    usage: Usage,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Ended {
    Completed {
        result: StoredObject,
        screenshot: Option<StoredObject>,
        final_url: String,
        http_status: u16,
        extractor: Extractor,
    },
    Failed {
        code: ErrorCode,
        message: String,
        final_url: Option<String>,
        http_status: Option<u16>,
    },
    PutBack,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Recorded {
    Recorded,
    Refused,
}

/// Writes a question or an answer down.
pub(super) fn write<T: Serialize>(body: &T) -> Result<Vec<u8>, DeskError> {
    let bytes = serde_json::to_vec(&Said { version: VERSION, body })
        .map_err(|error| DeskError::Unavailable(format!("what is to be said cannot be written: {error}")))?;
    if bytes.len() > FORM_BYTES_MAX {
        let text = format!("what is to be said has {} bytes, {FORM_BYTES_MAX} are the most", bytes.len());
        return Err(DeskError::Unavailable(text));
    }
    Ok(bytes)
}

/// Reads a question or an answer. The error does not repeat what was read.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DeskError> {
    let strange = || {
        let text = "the other side speaks another version; bring workers and command-api to the same release";
        DeskError::Unavailable(text.to_owned())
    };
    let said: Said<T> = serde_json::from_slice(bytes).map_err(|_| strange())?;
    if said.version == VERSION { Ok(said.body) } else { Err(strange()) }
}

impl From<ClaimRequest> for Claim {
    fn from(ClaimRequest { batch, item, claim, worker }: ClaimRequest) -> Self {
        Self { batch, item, claim, worker }
    }
}

impl From<Claim> for ClaimRequest {
    fn from(Claim { batch, item, claim, worker }: Claim) -> Self {
        Self { batch, item, claim, worker }
    }
}

impl From<ClaimAnswer> for Claimed {
    fn from(answer: ClaimAnswer) -> Self {
        match answer {
            ClaimAnswer::Refused => Self::Refused,
            ClaimAnswer::Granted(granted) => Self::Granted(Box::new(Granted {
                batch: granted.batch,
                item: granted.item,
                attempt: granted.attempt,
                url: granted.url,
                options: granted.options,
                cookies: granted.cookies.map(|cookies| cookies.reveal().to_owned()),
                lease: granted.lease.0,
                deadline_ms: granted.deadline.millis(),
                object_prefix: granted.object_prefix,
                result_bytes_max: granted.result_bytes_max,
            })),
        }
    }
}

impl From<Claimed> for ClaimAnswer {
    fn from(claimed: Claimed) -> Self {
        match claimed {
            Claimed::Refused => Self::Refused,
            Claimed::Granted(granted) => Self::Granted(Box::new(Assignment {
                batch: granted.batch,
                item: granted.item,
                attempt: granted.attempt,
                url: granted.url,
                options: granted.options,
                cookies: granted.cookies.map(Cookies::new),
                lease: LeaseToken(granted.lease),
                deadline: Moment::from_millis(granted.deadline_ms),
                object_prefix: granted.object_prefix,
                result_bytes_max: granted.result_bytes_max,
            })),
        }
    }
}

impl From<Report> for Reported {
    /// Cuts what the desk would cut, so that a page's endless address does not keep a report from being sent.
    fn from(Report { batch, item, lease, outcome, usage }: Report) -> Self {
        let cut = |text: String, chars_max: usize| match text.char_indices().nth(chars_max) {
            Some((at, _)) => text[..at].to_owned(),
            None => text,
        };
        let outcome = match outcome {
            Outcome::Completed(page) => Ended::Completed {
                result: page.result,
                screenshot: page.screenshot,
                final_url: cut(page.final_url, FINAL_URL_CHARS_MAX),
                http_status: page.http_status,
                extractor: page.extractor,
            },
            Outcome::Failed(page) => Ended::Failed {
                code: page.code,
                message: cut(page.message, MESSAGE_CHARS_MAX),
                final_url: page.final_url.map(|url| cut(url, FINAL_URL_CHARS_MAX)),
                http_status: page.http_status,
            },
            Outcome::PutBack => Ended::PutBack,
        };
        Self { batch, item, lease: lease.0, outcome, usage }
    }
}

impl From<Reported> for Report {
    fn from(Reported { batch, item, lease, outcome, usage }: Reported) -> Self {
        let outcome = match outcome {
            Ended::Completed { result, screenshot, final_url, http_status, extractor } => {
                Outcome::Completed(ScrapedPage { result, screenshot, final_url, http_status, extractor })
            }
            Ended::Failed { code, message, final_url, http_status } => {
                Outcome::Failed(FailedPage { code, message, final_url, http_status })
            }
            Ended::PutBack => Outcome::PutBack,
        };
        Self { batch, item, lease: LeaseToken(lease), outcome, usage }
    }
}

impl From<ReportAnswer> for Recorded {
    fn from(answer: ReportAnswer) -> Self {
        match answer {
            ReportAnswer::Recorded => Self::Recorded,
            ReportAnswer::Refused => Self::Refused,
        }
    }
}

impl From<Recorded> for ReportAnswer {
    fn from(recorded: Recorded) -> Self {
        match recorded {
            Recorded::Recorded => Self::Recorded,
            Recorded::Refused => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> String {
        String::from_utf8(write(&Answer::Here(Recorded::Recorded)).unwrap()).unwrap()
    }

    #[test]
    fn unknown_fields_are_passed_over_and_another_version_is_refused() {
        let read = |text: &str| read::<Answer<Recorded>>(text.as_bytes());
        assert!(matches!(read(&written()), Ok(Answer::Here(Recorded::Recorded))));
        assert!(read(&written().replace("{\"version\"", "{\"tomorrow\":[],\"version\"")).is_ok());
        for other in [written().replace("\"version\":1", "\"version\":2"), "session=CRUMBS".to_owned()] {
            let said = read(&other).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains("another version") && !said.contains("CRUMBS"), "{said}");
        }
    }

    #[test]
    fn what_is_larger_than_the_broker_takes_is_not_sent() {
        assert!(write(&"x".repeat(FORM_BYTES_MAX - 100)).is_ok());
        assert!(write(&"x".repeat(FORM_BYTES_MAX)).is_err());
    }
}
