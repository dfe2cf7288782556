//! From Chromium's `net::ERR_…` and the egress proxy's refusals to the error codes of the contract.

use leafcutter_dispatch::FailedPage;
use leafcutter_domain::ErrorCode;
use leafcutter_egress::Refusal;

/// A page that failed before it answered.
pub(crate) fn failed(code: ErrorCode, message: impl Into<String>) -> FailedPage {
    FailedPage { code, message: message.into(), final_url: None, http_status: None }
}

/// What the egress proxy did not carry.
pub(crate) fn refused(refusal: &Refusal) -> FailedPage {
    let code = match refusal {
        // A page that leads to another scheme or to a port of another service leads off the public web.
        Refusal::Scheme { .. } | Refusal::UserInfo | Refusal::Port { .. } => ErrorCode::PrivateAddress,
        other => ErrorCode::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == other.code())
            .unwrap_or(ErrorCode::ConnectFailed),
    };
    failed(code, refusal.to_string())
}

/// What Chromium says about a main document that did not come.
pub(crate) fn from_chromium(text: &str) -> FailedPage {
    let name = text.trim_start_matches("net::ERR_");
    let (code, message) = match name {
        "NAME_NOT_RESOLVED" | "NAME_RESOLUTION_FAILED" => {
            (ErrorCode::DnsFailure, "the host name has no address")
        }
        "TIMED_OUT" | "CONNECTION_TIMED_OUT" => {
            (ErrorCode::NavigationTimeout, "the host did not answer in time")
        }
        "TOO_MANY_REDIRECTS" => (ErrorCode::ConnectFailed, "the page redirects more often than is followed"),
        "ABORTED" => {
            (ErrorCode::UnsupportedContent, "the page answered with a download or with nothing to show")
        }
        "INVALID_URL"
        | "UNKNOWN_URL_SCHEME"
        | "DISALLOWED_URL_SCHEME"
        | "UNSAFE_PORT"
        | "UNSAFE_REDIRECT"
        | "BLOCKED_BY_CLIENT"
        | "ACCESS_DENIED" => {
            (ErrorCode::PrivateAddress, "the page leads to an address that is not on the public web")
        }
        _ if name.starts_with("CERT_") || name.starts_with("SSL_") || name.starts_with("BAD_SSL") => {
            (ErrorCode::TlsFailed, "no trusted TLS connection to the host")
        }
        _ => (ErrorCode::ConnectFailed, "no usable connection to the host"),
    };
    failed(code, format!("{message} ({text})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_network_error_has_its_code() {
        for (text, code) in [
            ("net::ERR_NAME_NOT_RESOLVED", ErrorCode::DnsFailure),
            ("net::ERR_CONNECTION_REFUSED", ErrorCode::ConnectFailed),
            ("net::ERR_TUNNEL_CONNECTION_FAILED", ErrorCode::ConnectFailed),
            ("net::ERR_CERT_AUTHORITY_INVALID", ErrorCode::TlsFailed),
            ("net::ERR_SSL_PROTOCOL_ERROR", ErrorCode::TlsFailed),
            ("net::ERR_TIMED_OUT", ErrorCode::NavigationTimeout),
            ("net::ERR_ABORTED", ErrorCode::UnsupportedContent),
            ("net::ERR_UNKNOWN_URL_SCHEME", ErrorCode::PrivateAddress),
        ] {
            assert_eq!(from_chromium(text).code, code, "{text}");
        }
    }

    #[test]
    fn a_refusal_keeps_its_code_and_its_words() {
        let refusal = Refusal::PrivateAddress { host: "10.0.0.1".to_owned() };
        let page = refused(&refusal);
        assert_eq!((page.code, page.message), (ErrorCode::PrivateAddress, refusal.to_string()));
        assert_eq!(refused(&Refusal::Dns { host: "x.test".to_owned() }).code, ErrorCode::DnsFailure);
        assert_eq!(refused(&Refusal::Port { port: 25 }).code, ErrorCode::PrivateAddress);
    }
}
