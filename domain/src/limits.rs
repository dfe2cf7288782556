//! Every bound of the rules, with its unit last. Bounds of one adapter live in that adapter.

/// URLs in one submit.
pub const BATCH_URLS_MAX: usize = 50;
/// Length of one URL.
pub const URL_CHARS_MAX: usize = 2_048;
/// Length of a prompt.
pub const PROMPT_CHARS_MAX: usize = 10_000;
/// Size of a JSON Schema, as sent.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// Nesting of a JSON Schema.
pub const SCHEMA_DEPTH_MAX: usize = 32;
/// Size of the raw `Cookie` header of a batch.
pub const COOKIES_BYTES_MAX: usize = 16 * 1024;
/// Size of the metadata object of a batch, as JSON.
pub const METADATA_BYTES_MAX: usize = 4 * 1024;
/// Explicit retries of one batch.
pub const RETRY_ROUNDS_MAX: u32 = 20;
/// Attempts an item may get in one round, as the caller may ask.
pub const ATTEMPTS_MAX: u8 = 3;
/// Times an item is queued again in one round because a worker or browser was lost.
pub const LOST_REQUEUES_MAX: u8 = 3;
/// Times an item is queued again in one round because we stopped or lost the broker.
pub const PUT_BACKS_MAX: u8 = 20;
/// Length of an error message in an event.
pub const MESSAGE_CHARS_MAX: usize = 500;
/// Length of the address to which a page led, in an event.
pub const FINAL_URL_CHARS_MAX: usize = 4_096;
/// Size of one append to the log.
pub const APPEND_BYTES_MAX: usize = 512 * 1024;
/// Months a top-up lasts after the month that granted it.
pub const TOP_UP_MONTHS: i32 = 12;
/// Size of one result, unless the operator says otherwise.
pub const RESULT_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// Length of an account's name.
pub const ACCOUNT_NAME_CHARS_MAX: usize = 100;
/// Largest monthly allowance or top-up; keeps every sum far inside 64 bits.
pub const CREDITS_MAX: u64 = 1_000_000_000_000;
/// Difference between the clocks of replicas that leases put up with.
pub const CLOCK_SKEW_MS_MAX: i64 = 600_000;
/// The largest single price; keeps what a batch sets aside, tokens of the largest model included, far inside 64 bits.
pub const PRICE_CREDITS_MAX: u64 = 1_000_000;
