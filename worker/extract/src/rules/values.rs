//! Numbers and money, as people and shops write them.
//!
//! **Not here:** which text belongs to which field; dates are in `dates`, yes and no in `yes_no`.

use std::sync::LazyLock;

use jiff::{SpanRelativeTo, Unit};
use regex::Regex;
use serde_json::{Number, Value};

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[-−+]?\d(?:[\d.,'’]|[\u{a0}\u{202f}\u{2009} ]\d{3}\b)*(?:[eE][-+]?\d{1,2}\b)?|[-−+]?\.\d+")
        .expect("the pattern is a constant and compiles")
});

/// Signs and what they stand for; the longer ones first.
const CURRENCIES: &[(&str, &str)] = &[
    ("US$", "USD"),
    ("CA$", "CAD"),
    ("C$", "CAD"),
    ("AU$", "AUD"),
    ("A$", "AUD"),
    ("NZ$", "NZD"),
    ("HK$", "HKD"),
    ("S$", "SGD"),
    ("R$", "BRL"),
    ("MX$", "MXN"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("円", "JPY"),
    ("元", "CNY"),
    ("원", "KRW"),
    ("₹", "INR"),
    ("₽", "RUB"),
    ("₩", "KRW"),
    ("₺", "TRY"),
    ("₴", "UAH"),
    ("₪", "ILS"),
    ("฿", "THB"),
    ("₫", "VND"),
    ("zł", "PLN"),
    ("Kč", "CZK"),
    ("Fr.", "CHF"),
    ("$", "USD"),
];
const CODES: &[&str] = &[
    "USD", "EUR", "GBP", "CHF", "JPY", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON",
    "BGN", "INR", "CNY", "KRW", "BRL", "MXN", "ZAR", "TRY", "RUB", "UAH", "ILS", "SGD", "HKD", "THB", "AED",
    "SAR",
];

/// Costs nothing.
const FREE: &[&str] = &[
    "free",
    "kostenlos",
    "gratis",
    "gratuit",
    "gratuito",
    "gratuita",
    "bezpłatnie",
    "無料",
    "ücretsiz",
    "free entry",
];

/// How a number may have been written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Writing {
    /// Written for readers: a single separator before three digits groups thousands.
    pub(crate) visible: bool,
    /// The page's language writes decimals with a comma.
    pub(crate) decimal_comma: bool,
}

/// The first number in a text: "1.299,00 €", "$49.99", "1'299.–", "12k", "Three".
pub(crate) fn number(text: &str, writing: Writing) -> Option<f64> {
    let text = text.trim();
    if let Some(found) = NUMBER.find(text) {
        let before = text[..found.start()].chars().next_back();
        let raw = found.as_str().trim_end_matches(['.', ',', '\'', '’']);
        let raw = if before.is_some_and(char::is_alphanumeric) {
            raw.trim_start_matches(['-', '−', '+'])
        } else {
            raw
        };
        let money = currency(text).is_some();
        let value: f64 = plain(raw, writing, money)?.parse().ok()?;
        let factor = match text[found.end()..].trim_start_matches(['.', ',']).chars().next() {
            Some('k' | 'K') if !text[found.end()..].chars().nth(1).is_some_and(char::is_alphabetic) => 1e3,
            Some('M') if !text[found.end()..].chars().nth(1).is_some_and(char::is_alphabetic) => 1e6,
            _ => 1.0,
        };
        return Some(value * factor).filter(|value| value.is_finite());
    }
    let words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    if FREE.contains(&text.to_lowercase().as_str()) {
        return Some(0.0);
    }
    let stars = text.chars().filter(|c| *c == '★').count();
    if stars > 0 && text.chars().all(|c| matches!(c, '★' | '☆' | ' ')) {
        return Some(stars as f64);
    }
    words.iter().position(|word| text.eq_ignore_ascii_case(word)).map(|index| index as f64)
}

/// Minutes of an ISO 8601 duration ("PT1H30M").
pub(crate) fn minutes(text: &str) -> Option<f64> {
    let span: jiff::Span = if text.starts_with('P') { text.parse().ok()? } else { return None };
    let days = SpanRelativeTo::days_are_24_hours();
    span.total((Unit::Minute, days)).ok()
}

/// A whole number in groups of three digits, whatever separates them.
pub(crate) fn grouped(text: &str) -> Option<f64> {
    let found = NUMBER.find(text)?.as_str();
    let mut groups = found.split(['.', ',', '\'', '’', ' ', '\u{a0}', '\u{202f}']);
    let first = groups.next().filter(|first| (1..=3).contains(&first.len()) && !first.starts_with('0'))?;
    let rest: Vec<&str> = groups.collect();
    let whole = !rest.is_empty() && rest.iter().all(|group| group.len() == 3);
    whole.then(|| format!("{first}{}", rest.concat()).parse().ok())?
}

/// The digits in the form that a machine reads.
fn plain(raw: &str, writing: Writing, money: bool) -> Option<String> {
    let raw: String = raw
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '’'))
        .map(|c| if c == '−' { '-' } else { c })
        .collect();
    let (dots, commas) = (raw.matches('.').count(), raw.matches(',').count());
    let after = |mark| raw.rsplit_once(mark).map_or(0, |(_, tail): (&str, &str)| tail.len());
    let leading = raw.trim_start_matches(['-', '+']).starts_with('0');
    let thousands_dot = dots > 1
        || (dots == 1
            && after('.') == 3
            && !leading
            && writing.visible
            && (writing.decimal_comma || (money && commas == 0)));
    let thousands_comma =
        commas > 1 || (commas == 1 && after(',') == 3 && !leading && !writing.decimal_comma);
    let decimal = match (dots, commas) {
        (0, 0) => None,
        (_, 0) => (!thousands_dot).then_some('.'),
        (0, _) => (!thousands_comma).then_some(','),
        _ if raw.rfind('.') > raw.rfind(',') => (dots == 1).then_some('.'),
        _ => (commas == 1).then_some(','),
    };
    let (whole, fraction) = match decimal {
        Some(mark) => raw.rsplit_once(mark)?,
        None => (raw.as_str(), ""),
    };
    let whole: String = whole.chars().filter(|c| !matches!(c, '.' | ',')).collect();
    Some(if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") })
}

/// A JSON number; whole ones without a fraction.
pub(crate) fn json_number(value: f64) -> Option<Value> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT_MAX {
        return Some(Value::from(value as i64));
    }
    Number::from_f64(value).map(Value::Number)
}

/// The currency's code, from a code or a sign.
pub(crate) fn currency(text: &str) -> Option<&'static str> {
    let code = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .find_map(|word| CODES.iter().find(|code| **code == word));
    let whole = CODES.iter().find(|code| text.trim().eq_ignore_ascii_case(code));
    let sign = || CURRENCIES.iter().find(|(sign, _)| text.contains(sign)).map(|(_, code)| *code);
    code.or(whole).copied().or_else(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_of_many_countries_are_read() {
        let shown = Writing { visible: true, decimal_comma: false };
        let cases = [
            ("1.299,00 €", 1299.0),
            ("$49.99", 49.99),
            ("$1,299", 1299.0),
            ("CHF 1'299.50", 1299.5),
            ("1 299,00 €", 1299.0),
            ("1.299 €", 1299.0),
            ("₹1,29,999.00", 129_999.0),
            ("49,90", 49.9),
            ("EUR 19,-", 19.0),
            ("-5 °C", -5.0),
            ("from £1,234.56 to £2,000", 1234.56),
            ("12.5k followers", 12_500.0),
            ("SKU-123", 123.0),
            ("0.125", 0.125),
            ("4.7 out of 5", 4.7),
            ("Three", 3.0),
            ("$.99", 0.99),
            ("1,234 reviews", 1234.0),
            ("12.345.678", 12_345_678.0),
        ];
        for (text, expected) in cases {
            assert_eq!(number(text, shown), Some(expected), "{text}");
        }
        assert_eq!(number("no digits", shown), None);
    }

    #[test]
    fn a_machine_written_dot_is_a_decimal_point() {
        assert_eq!(number("1.299", Writing::default()), Some(1.299));
        assert_eq!(number("1.299", Writing { visible: true, decimal_comma: true }), Some(1299.0));
        assert_eq!(number("3,125", Writing { visible: true, decimal_comma: true }), Some(3.125));
    }

    #[test]
    fn currencies_come_from_codes_and_signs() {
        for (text, code) in
            [("49,99 €", "EUR"), ("$5", "USD"), ("eur", "EUR"), ("CA$ 12", "CAD"), ("12 CHF", "CHF")]
        {
            assert_eq!(currency(text), Some(code), "{text}");
        }
        assert_eq!(currency("12"), None);
    }
}
