//! Which headers cross the proxy: those of one connection stay on it, the rest pass unchanged
//! and in their order.
//!
//! **Not allowed here:** adding what tells a target that there is a proxy (`Via`,
//! `X-Forwarded-For`). hyper frames bodies itself on both sides, so no `Transfer-Encoding`
//! of one side is ever read by the other.

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};

use crate::proxy::REFUSAL_HEADER;

const KEEP_ALIVE: &str = "keep-alive";
const PROXY_CONNECTION: &str = "proxy-connection";
/// Everything between a client and its proxy: credentials, challenges, `Proxy-Connection`.
const PROXY_PREFIX: &str = "proxy-";

/// Whether a request asks to become a WebSocket, the only protocol that it may change to.
pub(crate) fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
        && connection_tokens(headers).any(|token| token.eq_ignore_ascii_case("upgrade"))
}

/// The headers of a request as its target gets them. `host` comes from the request's target, so
/// that a `Host` header that says something else reaches nobody.
pub(crate) fn for_target(headers: HeaderMap, host: HeaderValue, websocket: bool) -> HeaderMap {
    let mut passed = passing(headers, websocket);
    passed.insert(HOST, host);
    passed
}

/// The headers of a response as the client gets them.
pub(crate) fn for_client(headers: HeaderMap, websocket: bool) -> HeaderMap {
    let mut passed = passing(headers, websocket);
    // Only the proxy itself may say that it refused something.
    passed.remove(REFUSAL_HEADER);
    passed
}

/// Copies what is not bound to one connection. A copy keeps the order, which removal would not.
fn passing(headers: HeaderMap, websocket: bool) -> HeaderMap {
    let named: Vec<String> = connection_tokens(&headers)
        .filter(|token| !token.eq_ignore_ascii_case("close") && !token.eq_ignore_ascii_case(KEEP_ALIVE))
        .map(str::to_ascii_lowercase)
        .collect();
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    let mut passed = HeaderMap::with_capacity(headers.len() + 1);
    let mut current: Option<HeaderName> = None;
    for (name, value) in headers {
        // Only the first of several values of a header comes with its name.
        current = name.or(current);
        let Some(name) = &current else { continue };
        if websocket && (*name == UPGRADE || *name == CONNECTION) {
            passed.append(name, value);
        } else if name.as_str() == PROXY_CONNECTION {
            // A browser says `Connection` without a proxy; so it reads with one.
            passed.insert(CONNECTION, HeaderValue::from_static(KEEP_ALIVE));
        } else if !(stays(name, &named) || chunked && *name == CONTENT_LENGTH) {
            passed.append(name, value);
        }
    }
    passed
}

/// Whether a header is meant for the other end of this connection only.
fn stays(name: &HeaderName, named: &[String]) -> bool {
    [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].contains(name)
        || name.as_str() == KEEP_ALIVE
        || name.as_str().starts_with(PROXY_PREFIX)
        || named.iter().any(|token| token == name.as_str())
}

/// The options that `Connection` headers list.
fn connection_tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn lines(headers: &HeaderMap) -> Vec<(&str, &str)> {
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
    }

    #[test]
    fn hop_by_hop_and_proxy_headers_stay_and_the_rest_keeps_its_order() {
        let headers = map(&[
            ("host", "other.example"),
            ("proxy-connection", "keep-alive"),
            ("user-agent", "leaf"),
            ("proxy-authorization", "Basic c2VjcmV0"),
            ("connection", "close, X-Private"),
            ("keep-alive", "timeout=5"),
            ("x-private", "1"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("cookie", "a=1"),
            ("accept", "text/html"),
        ]);
        let passed = for_target(headers, HeaderValue::from_static("example.com"), false);
        assert_eq!(
            lines(&passed),
            [
                ("host", "example.com"),
                ("connection", "keep-alive"),
                ("user-agent", "leaf"),
                ("cookie", "a=1"),
                ("accept", "text/html"),
            ]
        );
    }

    #[test]
    fn several_values_of_one_header_all_pass() {
        let passed = for_client(map(&[("set-cookie", "a=1"), ("set-cookie", "b=2"), ("server", "x")]), false);
        assert_eq!(lines(&passed), [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("server", "x")]);
    }

    #[test]
    fn a_length_beside_a_transfer_encoding_does_not_pass() {
        let passed = for_client(map(&[("content-length", "3"), ("transfer-encoding", "chunked")]), false);
        assert!(passed.is_empty());
    }

    #[test]
    fn a_target_cannot_claim_that_the_proxy_refused_it() {
        assert!(for_client(map(&[("x-leafcutter-refusal", "PRIVATE_ADDRESS")]), false).is_empty());
    }

    #[test]
    fn only_a_websocket_upgrade_passes() {
        let websocket = map(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")]);
        assert!(asks_for_websocket(&websocket));
        assert_eq!(for_client(websocket, true).len(), 2);
        assert!(!asks_for_websocket(&map(&[("connection", "upgrade"), ("upgrade", "h2c")])));
        assert!(!asks_for_websocket(&map(&[("upgrade", "websocket")])));
    }
}
