//! Which host a page is of, as far as politeness goes: a short key instead of a name, so that offers stay small and
//! tell nobody what is scraped. Not here: what may be asked of a host, and when.

use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

/// A host: the same for every scheme and port of one name or address. Two hosts may share a key once in an age; then
/// they share their turns, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostKey(u64);

impl HostKey {
    /// The host of this address; `None` when it has none. The same in every process and version.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?.trim_end_matches('.');
        Some(Self(Uuid::new_v5(&Uuid::NAMESPACE_DNS, host.as_bytes()).as_u64_pair().0))
    }

    /// The host of an address as the client wrote it.
    #[must_use]
    pub fn of_text(url: &str) -> Option<Self> {
        Self::of(&Url::parse(url.trim()).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_the_same_in_every_spelling_and_on_every_port() {
        let one = HostKey::of_text("https://example.com/a").unwrap();
        for same in ["http://EXAMPLE.com:8080/b?c", " https://example.com./", "https://user@example.com"] {
            assert_eq!(HostKey::of_text(same), Some(one), "{same}");
        }
        for other in ["https://www.example.com/", "https://example.org/"] {
            assert_ne!(HostKey::of_text(other), Some(one), "{other}");
        }
        assert_eq!(HostKey::of_text("http://127.1/"), HostKey::of_text("http://127.0.0.1/"));
        assert_eq!(HostKey::of_text("data:,x"), None);
    }

    #[test]
    fn a_key_never_changes_as_it_travels_and_is_remembered() {
        let key = HostKey::of_text("https://example.com/").unwrap();
        assert_eq!(serde_json::to_string(&key).unwrap(), "14969948469315589765");
    }
}
