//! Points in time and calendar months, both UTC, as the log writes them. No clock: see `Decider`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// A point in time with millisecond precision, UTC; written as RFC 3339 with three decimals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

/// Text that is not an RFC 3339 time or not a `yyyy-mm` month.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{text}' is not a {form}")]
pub struct ParseMomentError {
    text: String,
    form: &'static str,
}

impl ParseMomentError {
    fn new(text: &str, form: &'static str) -> Self {
        Self { text: text.to_owned(), form }
    }
}

impl Moment {
    /// From milliseconds since 1970-01-01T00:00:00Z, held inside the years -9999 to 9999.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond()))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0
    }

    /// This moment moved by `millis` (negative: earlier).
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this moment, 0 when it is not earlier.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// The calendar day, `yyyy-mm-dd`.
    #[must_use]
    pub fn day(self) -> String {
        self.timestamp().strftime("%Y-%m-%d").to_string()
    }

    fn timestamp(self) -> Timestamp {
        // Every constructor clamps, so the fallback is never taken.
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Moment {
    type Err = ParseMomentError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let timestamp = Timestamp::from_str(text);
        let form = "time such as 2026-11-22T10:00:00.000Z";
        let timestamp = timestamp.map_err(|_| ParseMomentError::new(text, form))?;
        Ok(Self(timestamp.as_millisecond()))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A calendar month in UTC, written `yyyy-mm`: the life of one ledger stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// Months since year 0, so that neighbours differ by one.
    months: i32,
}

impl Period {
    /// Before every month, as the lower end of a range.
    pub const MIN: Self = Self { months: i32::MIN };

    /// The month that holds `moment`.
    #[must_use]
    pub fn of(moment: Moment) -> Self {
        let date = jiff::tz::Offset::UTC.to_datetime(moment.timestamp()).date();
        Self { months: i32::from(date.year()) * 12 + i32::from(date.month()) - 1 }
    }

    /// The month `count` months later (negative: earlier).
    #[must_use]
    pub fn plus_months(self, count: i32) -> Self {
        Self { months: self.months.saturating_add(count) }
    }

    /// The month after this one.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus_months(1)
    }

    /// Its first moment.
    #[must_use]
    pub fn start(self) -> Moment {
        Moment::from_str(&format!("{self}-01T00:00:00Z")).unwrap_or(Moment(0))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.months.div_euclid(12), self.months.rem_euclid(12) + 1)
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Period {
    type Err = ParseMomentError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (year, month) = text.split_once('-')?;
            let (year, month) = (year.parse::<i32>().ok()?, month.parse::<i32>().ok()?);
            ((0..=9999).contains(&year) && (1..=12).contains(&month)).then_some(year * 12 + month - 1)
        };
        parse()
            .map(|months| Self { months })
            .ok_or_else(|| ParseMomentError::new(text, "month such as 2026-11"))
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_with_milliseconds_and_read_back() {
        let moment: Moment = "2026-11-22T10:00:00.5Z".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-11-22T10:00:00.500Z");
        assert_eq!(moment.to_string().parse::<Moment>().unwrap(), moment);
    }

    #[test]
    fn months_follow_each_other_across_the_year() {
        let december: Period = "2026-12".parse().unwrap();
        assert_eq!(december.next().to_string(), "2027-01");
        assert_eq!(Period::of(december.next().start().plus_millis(-1)), december);
        assert_eq!(Period::of(december.next().start()), december.next());
    }

    #[test]
    fn nonsense_is_no_month() {
        for text in ["2026-13", "2026", "-1-01", "2026-00", ""] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
