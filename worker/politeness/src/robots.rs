//! The rules of a site's `robots.txt` for one product, read and matched as RFC 9309 says: the groups of the product or
//! else those of everybody, the longest rule that matches, and `Allow` where two are as long. What else is in the
//! file is passed over, but for `Crawl-delay`.
//!
//! Of our own, because the crates that do it have had no release for years, and those that know `Crawl-delay` make a
//! regular expression of each rule, of which a hostile file can have tens of thousands.
//!
//! **Not allowed here:** fetching, and what an answer without such a file means.

use std::{borrow::Cow, time::Duration};
use url::Url;

/// What is read of a file; RFC 9309 asks for at least 500 KiB.
pub const ROBOTS_BYTES_MAX: usize = 512_000;
/// Rules that are kept for one product. With the bound on their length this bounds the time of a question.
pub const ROBOTS_RULES_MAX: usize = 10_000;
/// Length of one rule; a longer one is passed over.
pub const PATTERN_BYTES_MAX: usize = 2_048;
/// Where the rules are; always allowed.
const PLACE: &str = "/robots.txt";

/// What a site allows one product.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Robots {
    rules: Vec<Rule>,
    crawl_delay: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allow: bool,
    /// In the form of [`normal`]. A `*` stands for anything, a `$` at the end for the end.
    pattern: String,
}

impl Robots {
    /// Reads a file for the product with this token. Of a larger file only the first [`ROBOTS_BYTES_MAX`] count.
    #[must_use]
    pub fn read(file: &[u8], product: &str) -> Self {
        let text = String::from_utf8_lossy(&file[..file.len().min(ROBOTS_BYTES_MAX)]);
        let (mut ours, mut everybodys) = (Group::default(), Group::default());
        let mut reader = Reader { product, mentioned: Mentioned::default(), rules_begun: false };
        for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']) {
            reader.line(line, &mut ours, &mut everybodys);
        }
        if ours.named { ours.robots } else { everybodys.robots }
    }

    /// Whether the page may be opened.
    #[must_use]
    pub fn allows(&self, page: &Url) -> bool {
        if page.path() == PLACE {
            return true;
        }
        let asked = match page.query() {
            Some(query) => Cow::Owned(format!("{}?{query}", page.path())),
            None => Cow::Borrowed(page.path()),
        };
        let asked = normal(&asked);
        let matching = self.rules.iter().filter(|rule| matches(&rule.pattern, &asked));
        matching.max_by_key(|rule| (rule.pattern.len(), rule.allow)).is_none_or(|rule| rule.allow)
    }

    /// What the site asks for between two pages; zero when it asks for nothing.
    #[must_use]
    pub fn crawl_delay(&self) -> Duration {
        self.crawl_delay
    }
}

/// The groups of one user agent, put together.
#[derive(Default)]
struct Group {
    named: bool,
    robots: Robots,
}

/// Of whom the present group speaks.
#[derive(Default)]
struct Mentioned {
    us: bool,
    everybody: bool,
}

struct Reader<'a> {
    product: &'a str,
    mentioned: Mentioned,
    /// Whether a further user agent begins a new group.
    rules_begun: bool,
}

impl Reader<'_> {
    fn line(&mut self, line: &str, ours: &mut Group, everybodys: &mut Group) {
        let line = line.split('#').next().unwrap_or_default();
        let Some((key, value)) = line.split_once(':') else { return };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        let allow = match key.as_str() {
            "user-agent" => {
                self.agent(value);
                ours.named |= self.mentioned.us;
                return;
            }
            "crawl-delay" => None,
            "allow" => Some(true),
            "disallow" => Some(false),
            _ => return,
        };
        self.rules_begun |= allow.is_some();
        for (mentioned, group) in [(self.mentioned.us, ours), (self.mentioned.everybody, everybodys)] {
            if mentioned {
                group.robots.take(allow, value);
            }
        }
    }

    /// Lines of user agents that follow each other speak of one group.
    fn agent(&mut self, value: &str) {
        if std::mem::take(&mut self.rules_begun) {
            self.mentioned = Mentioned::default();
        }
        // Whatever follows the token, such as a version, is passed over.
        let end = value.find(|letter: char| !letter.is_ascii_alphabetic() && !"-_".contains(letter));
        self.mentioned.us |= value[..end.unwrap_or(value.len())].eq_ignore_ascii_case(self.product);
        self.mentioned.everybody |= value.strip_prefix('*').is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(|letter: char| letter.is_ascii_whitespace())
        });
    }
}

impl Robots {
    fn take(&mut self, allow: Option<bool>, value: &str) {
        let Some(allow) = allow else {
            if let Some(delay) =
                value.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            {
                self.crawl_delay = delay;
            }
            return;
        };
        // A rule without a pattern is no rule.
        if !value.is_empty() && value.len() <= PATTERN_BYTES_MAX && self.rules.len() < ROBOTS_RULES_MAX {
            self.rules.push(Rule { allow, pattern: normal(value) });
        }
    }
}

/// The form in which paths are compared: an encoded octet is decoded where it stands for a letter, a digit or one of
/// `-._~`, any other is written in capitals, and what is not ASCII is encoded.
fn normal(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut form = String::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let encoded = (byte == b'%').then(|| octet(bytes.get(at + 1..at + 3)?)).flatten();
        match encoded {
            Some(octet) if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) => {
                form.push(octet.into())
            }
            Some(octet) => form.push_str(&format!("%{octet:02X}")),
            None if byte.is_ascii() => form.push(byte.into()),
            None => form.push_str(&format!("%{byte:02X}")),
        }
        at += if encoded.is_some() { 3 } else { 1 };
    }
    form
}

fn octet(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*digits.first()?)? << 4 | digit(*digits.get(1)?)?)
}

/// Whether the pattern matches the beginning of the path, or all of it when it ends in `$`. Each part between two
/// stars is taken where it comes first, so the time is that of reading both once.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, to_the_end) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return !to_the_end || rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    if to_the_end { rest.ends_with(last) } else { rest.contains(last) }
}
