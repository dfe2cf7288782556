//! The header `Retry-After`: seconds, or a date.

use std::time::{Duration, SystemTime};

/// The longest wait that a host can ask for, in milliseconds; then it is asked again.
pub const RETRY_AFTER_MS_MAX: u64 = 300_000;

/// How long the host wants to be left alone, cut to [`RETRY_AFTER_MS_MAX`]; `None` when the value cannot be read.
/// A date that has passed is no wait.
#[must_use]
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more than the bound, too.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(Duration::from_millis(RETRY_AFTER_MS_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wed, 21 Oct 2015 07:28:00 GMT
    const THEN_S: u64 = 1_445_412_480;

    fn read(value: &str, now_s: u64) -> Option<u64> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now_s);
        retry_after(value, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_every_form_of_date_are_read() {
        let dates = [
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "Wednesday, 21-Oct-15 07:28:00 GMT",
            "Wed Oct 21 07:28:00 2015",
        ];
        for date in dates {
            assert_eq!(read(date, THEN_S - 90), Some(90), "{date}");
        }
        assert_eq!(read("120", 0), Some(120));
        assert_eq!(read(" 0 ", 0), Some(0));
    }

    #[test]
    fn a_wait_is_bounded_and_a_date_that_has_passed_is_none() {
        let bound = Some(RETRY_AFTER_MS_MAX / 1_000);
        assert_eq!(read("999999", 0), bound);
        assert_eq!(read("99999999999999999999999999", 0), bound);
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT", 0), bound);
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT", THEN_S + 5), Some(0));
    }

    #[test]
    fn what_cannot_be_read_asks_for_nothing() {
        for value in ["", "soon", "-5", "1.5", "120s", "Wed, 99 Oct 2015 07:28:00 GMT"] {
            assert_eq!(read(value, 0), None, "{value}");
        }
    }
}
