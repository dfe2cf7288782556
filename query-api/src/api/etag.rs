//! Whether a client has this answer already. The tag names what the answer is made from, so it is known before
//! anything large is read.

use axum::http::{HeaderMap, HeaderValue, header};
use leafcutter_domain::BatchId;

/// Raised when the same batch is written otherwise, so that no client keeps an answer of an older form.
const FORM: u32 = 1;

/// The tag of a batch's status, as a header has it.
pub(super) fn tag(batch: BatchId, revision: u64, summary: bool) -> String {
    let include = if summary { "summary" } else { "all" };
    format!("\"{batch}.{revision}.{include}.{FORM}\"")
}

/// Whether `If-None-Match` names the tag.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH);
    let mut named = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    named.any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}

/// Names the answer, and has it asked for again each time.
pub(super) fn set(headers: &mut HeaderMap, tag: &str) {
    if let Ok(value) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_tag_is_known_alone_in_a_list_and_weak() {
        for value in ["\"a\"", "\"b\", \"a\"", "W/\"a\"", "*"] {
            assert!(is_known(&asked(value), "\"a\""), "{value}");
        }
        for value in ["\"b\"", "a", ""] {
            assert!(!is_known(&asked(value), "\"a\""), "{value}");
        }
    }
}
