//! Why an item failed: the stable codes of the HTTP contract, and what each means for another attempt.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $retryable:literal;)+) => {
        /// Why an item failed. The text form is part of the public contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ErrorCode { $(
            $(#[$doc])*
            #[serde(rename = $code)]
            $variant
        ),+ }

        impl ErrorCode {
            /// Every code, for tables and documents.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// Whether the same attempt, made again, may end otherwise.
            #[must_use]
            pub fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable),+ }
            }
        }
    };
}

codes! {
    /// The host name has no address.
    DnsFailure = "DNS_FAILURE", true;
    /// No connection to the host.
    ConnectFailed = "CONNECT_FAILED", true;
    /// The TLS handshake failed.
    TlsFailed = "TLS_FAILED", false;
    /// The page, or where it led, is not on the public internet.
    PrivateAddress = "PRIVATE_ADDRESS", false;
    /// The site's robots.txt forbids the page.
    RobotsDenied = "ROBOTS_DENIED", false;
    /// The page did not load in time.
    NavigationTimeout = "NAVIGATION_TIMEOUT", true;
    /// The item as a whole took too long.
    ItemTimeout = "ITEM_TIMEOUT", true;
    /// The page answered with a status of 400 or above.
    HttpStatus = "HTTP_STATUS", true;
    /// The site showed a block page.
    Blocked = "BLOCKED", true;
    /// The site showed a CAPTCHA.
    CaptchaUnsolved = "CAPTCHA_UNSOLVED", true;
    /// The page or its result is larger than allowed.
    TooLarge = "TOO_LARGE", false;
    /// Not a kind of document that can be extracted.
    UnsupportedContent = "UNSUPPORTED_CONTENT", false;
    /// The page holds no text.
    EmptyContent = "EMPTY_CONTENT", true;
    /// The content could not be extracted.
    ExtractionFailed = "EXTRACTION_FAILED", false;
    /// The page does not hold what the schema requires.
    SchemaMismatch = "SCHEMA_MISMATCH", false;
    /// The browser crashed on the page.
    BrowserCrashed = "BROWSER_CRASHED", true;
    /// The worker that ran the item did not come back.
    WorkerLost = "WORKER_LOST", true;
    /// The cookies of the batch are gone; they are never stored.
    CookiesExpired = "COOKIES_EXPIRED", false;
    /// A fault of Leafcutter.
    Internal = "INTERNAL", true;
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
