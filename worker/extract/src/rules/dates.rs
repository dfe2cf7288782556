//! Dates as pages write them, as ISO 8601.
//!
//! No clock: "yesterday" is no date here.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use regex::Regex;

static PARTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(\d{1,4})\s*[./-]\s*(\d{1,2})\s*[./-]\s*(\d{4}|\d{1,2})\b")
        .expect("the pattern is a constant and compiles")
});
/// 2026年3月5日, 2026년 3월 5일.
static SIGNED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]")
        .expect("the pattern is a constant and compiles")
});
static DAY_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(\d{1,2})(?:st|nd|rd|th|\.|er)?\s+(?:de\s+|of\s+)?(\p{L}{3,})\.?,?\s+(?:de\s+)?(\d{4})")
        .expect("the pattern is a constant and compiles")
});
static MONTH_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(\p{L}{3,})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
        .expect("the pattern is a constant and compiles")
});

/// Month names by their beginning, of several languages; the first that fits counts.
const MONTHS: &[(&str, i8)] = &[
    ("jan", 1),
    ("ene", 1),
    ("gen", 1),
    ("jän", 1),
    ("feb", 2),
    ("fév", 2),
    ("fev", 2),
    ("mar", 3),
    ("mär", 3),
    ("maa", 3),
    ("mrz", 3),
    ("apr", 4),
    ("avr", 4),
    ("abr", 4),
    ("may", 5),
    ("mai", 5),
    ("mei", 5),
    ("mag", 5),
    ("juin", 6),
    ("jun", 6),
    ("giu", 6),
    ("juil", 7),
    ("jul", 7),
    ("lug", 7),
    ("aug", 8),
    ("aoû", 8),
    ("ago", 8),
    ("sep", 9),
    ("set", 9),
    ("oct", 10),
    ("okt", 10),
    ("out", 10),
    ("ott", 10),
    ("nov", 11),
    ("dec", 12),
    ("dez", 12),
    ("déc", 12),
    ("dic", 12),
    ("sty", 1),
    ("lut", 2),
    ("kwi", 4),
    ("maj", 5),
    ("cze", 6),
    ("lip", 7),
    ("sie", 8),
    ("wrz", 9),
    ("paź", 10),
    ("lis", 11),
    ("gru", 12),
];

/// `2026-03-05`.
pub(crate) fn date(text: &str) -> Option<String> {
    moment(text).map(|(date, _)| date.to_string())
}

/// RFC 3339; a time without an offset is taken as UTC, a date as its midnight.
pub(crate) fn date_time(text: &str) -> Option<String> {
    let (date, stamp) = moment(text)?;
    Some(stamp.unwrap_or_else(|| format!("{date}T00:00:00Z")))
}

/// The day, and the instant in RFC 3339 where a time is given.
fn moment(text: &str) -> Option<(Date, Option<String>)> {
    let text = text.trim();
    machine(text).or_else(|| written(text).map(|date| (date, None)))
}

fn machine(text: &str) -> Option<(Date, Option<String>)> {
    if text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        let second = if text.len() >= 13 { number / 1_000 } else { number };
        let stamp = Timestamp::from_second(second).ok()?;
        return Some((stamp.to_zoned(TimeZone::UTC).date(), Some(stamp.to_string())));
    }
    let iso = text.replacen(' ', "T", 1);
    if text.contains(':') {
        for candidate in [text, iso.as_str()] {
            if let Ok(stamp) = candidate.parse::<Timestamp>() {
                let day = candidate.get(..10).and_then(|day| day.parse().ok());
                let stamp_text =
                    if candidate.contains('T') { candidate.to_owned() } else { stamp.to_string() };
                return Some((
                    day.unwrap_or_else(|| stamp.to_zoned(TimeZone::UTC).date()),
                    Some(rfc3339(stamp_text, stamp)),
                ));
            }
            if let Ok(local) = candidate.parse::<DateTime>() {
                return Some((local.date(), Some(format!("{local}Z"))));
            }
        }
        if let Ok(zoned) = jiff::fmt::rfc2822::parse(text) {
            return Some(from_zoned(&zoned));
        }
    }
    text.get(..10).and_then(|day| day.parse::<Date>().ok()).map(|day| (day, None))
}

/// Keeps the page's own offset where it is written as RFC 3339 wants it.
fn rfc3339(text: String, stamp: Timestamp) -> String {
    let tail = text.get(10..).unwrap_or_default();
    let offset_ok = tail.ends_with('Z') || tail.rfind(['+', '-']).is_some_and(|at| tail.len() - at == 6);
    if offset_ok && tail.matches(':').count() >= 2 { text } else { stamp.to_string() }
}

fn from_zoned(zoned: &Zoned) -> (Date, Option<String>) {
    (zoned.date(), Some(zoned.timestamp().to_string()))
}

fn written(text: &str) -> Option<Date> {
    if let Some(found) = SIGNED.captures(text) {
        return day(found[1].parse().ok()?, found[2].parse().ok()?, found[3].parse().ok()?);
    }
    if let Some(found) = PARTS.captures(text) {
        let part = |index: usize| {
            found.get(index).and_then(|part| part.as_str().parse::<i16>().ok()).unwrap_or_default()
        };
        let dotted = found[0].contains('.');
        let (first, second, third) = (part(1), part(2), part(3));
        if first > 31 {
            return day(first, second, third);
        }
        let year = if third < 100 { 2_000 + third } else { third };
        // Slashes are American unless the first number can be no month; dots and dashes are not.
        let month_first = !dotted && found[0].contains('/') && first <= 12;
        return if month_first { day(year, first, second) } else { day(year, second, first) };
    }
    if let Some(found) = DAY_FIRST.captures(text) {
        return day(found[3].parse().ok()?, month(&found[2])?, found[1].parse().ok()?);
    }
    let found = MONTH_FIRST.captures(text)?;
    day(found[3].parse().ok()?, month(&found[1])?, found[2].parse().ok()?)
}

fn month(name: &str) -> Option<i16> {
    let name = name.to_lowercase();
    MONTHS.iter().find(|(start, _)| name.starts_with(start)).map(|(_, month)| i16::from(*month))
}

fn day(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_the_forms_that_pages_use() {
        for text in [
            "2026-03-05",
            "2026-03-05T10:00:00Z",
            "2026-03-05T23:30:00-08:00",
            "March 5, 2026",
            "5 March 2026",
            "5. März 2026",
            "05.03.2026",
            "03/05/2026",
            "Thu, 05 Mar 2026 10:00:00 GMT",
            "Published: Mar 5th, 2026",
            "5 de marzo de 2026",
            "2026/03/05",
            "1772704800",
            "2026-03-05 10:00:00",
            "2026年3月5日",
            "5 marca 2026",
            "Posted on 5 mars 2026 by Ann",
        ] {
            assert_eq!(date(text).as_deref(), Some("2026-03-05"), "{text}");
        }
        for text in ["soon", "13/13/2026", "version 1.2.3456789"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn instants_are_rfc_3339() {
        assert_eq!(date_time("2026-03-05T23:30:00-08:00").as_deref(), Some("2026-03-05T23:30:00-08:00"));
        assert_eq!(date_time("2026-03-05").as_deref(), Some("2026-03-05T00:00:00Z"));
        assert_eq!(date_time("2026-03-05 10:00").as_deref(), Some("2026-03-05T10:00:00Z"));
        assert_eq!(date_time("Thu, 05 Mar 2026 10:00:00 +0100").as_deref(), Some("2026-03-05T09:00:00Z"));
        assert_eq!(date_time("2026-03-05T10:00:00+0100").as_deref(), Some("2026-03-05T09:00:00Z"));
    }
}
