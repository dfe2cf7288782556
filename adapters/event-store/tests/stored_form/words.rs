//! The words that stand for choices inside stored events. Once written they are read for ever.
//! Not here: whole events.

use leafcutter_domain::{
    ErrorCode, Isolation, OutputFormat, ScrapeMode, Screenshot,
    batch::{BatchFailure, Channel, EraseReason, Extractor},
    ledger::RefundReason,
};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// Each choice is written as its word and read back. The match has no other arm: a new choice breaks the build.
macro_rules! words {
    ($enum:ident: $($variant:ident = $word:literal),+ $(,)?) => {{
        const _: fn(&$enum) = |choice| match choice { $($enum::$variant => ()),+ };
        pinned(&[$(($enum::$variant, $word)),+]);
    }};
}

fn pinned<T: Serialize + DeserializeOwned + PartialEq + Debug>(words: &[(T, &str)]) {
    for (choice, word) in words {
        assert_eq!(serde_json::to_value(choice).unwrap(), *word, "{choice:?}");
        assert_eq!(serde_json::from_value::<T>((*word).into()).unwrap(), *choice, "{word}");
    }
}

#[test]
fn choices_keep_their_words() {
    words!(OutputFormat: Json = "json", Markdown = "markdown");
    words!(ScrapeMode: Default = "default", Fast = "fast");
    words!(Screenshot: None = "none", Viewport = "viewport", FullPage = "fullPage");
    words!(Isolation: Batch = "batch", Item = "item");
    words!(Channel: Api = "api", Playground = "playground");
    words!(Extractor: Model = "model", Rules = "rules", None = "none");
    words!(BatchFailure: ReservationMissing = "reservationMissing");
    words!(EraseReason: Operator = "operator", Age = "age");
    words!(RefundReason: Failed = "failed", Cancelled = "cancelled", Abandoned = "abandoned");
}

#[test]
fn error_codes_keep_their_words() {
    words!(ErrorCode:
        DnsFailure = "DNS_FAILURE",
        ConnectFailed = "CONNECT_FAILED",
        TlsFailed = "TLS_FAILED",
        PrivateAddress = "PRIVATE_ADDRESS",
        RobotsDenied = "ROBOTS_DENIED",
        NavigationTimeout = "NAVIGATION_TIMEOUT",
        ItemTimeout = "ITEM_TIMEOUT",
        HttpStatus = "HTTP_STATUS",
        Blocked = "BLOCKED",
        CaptchaUnsolved = "CAPTCHA_UNSOLVED",
        TooLarge = "TOO_LARGE",
        UnsupportedContent = "UNSUPPORTED_CONTENT",
        EmptyContent = "EMPTY_CONTENT",
        ExtractionFailed = "EXTRACTION_FAILED",
        SchemaMismatch = "SCHEMA_MISMATCH",
        BrowserCrashed = "BROWSER_CRASHED",
        WorkerLost = "WORKER_LOST",
        CookiesExpired = "COOKIES_EXPIRED",
        Internal = "INTERNAL",
    );
}
