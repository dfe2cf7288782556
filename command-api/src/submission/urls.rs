//! Which URLs may be submitted: absolute, http or https, not too long, no credentials, nothing private.

use leafcutter_domain::limits::URL_CHARS_MAX;
use leafcutter_egress::Policy;
use url::Url;

/// Says what is wrong with a URL, or nothing.
pub(super) fn fault(policy: &Policy, text: &str) -> Option<String> {
    if text.chars().count() > URL_CHARS_MAX {
        return Some(format!("is longer than {URL_CHARS_MAX} characters"));
    }
    match Url::parse(text) {
        Err(error) => Some(format!("is not an absolute URL ({error})")),
        Ok(url) => policy.check_url(&url).err().map(|refusal| refusal.to_string()),
    }
}
