//! The judgement: whether what came is a page or what a site shows instead of one.

use crate::{
    page::{LOOKED_AT_BYTES_MAX, Page},
    signatures::{self, REFUSING, SIGNATURES, TELLING_HEADERS},
    widget::{self, Widget},
    wording::{HUMAN, REFUSED, WAIT, is_title, says},
};
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// HTML that is always looked at; larger pages only when they hold one of the known marks.
const SMALL_PAGE_BYTES: usize = 8 * 1024;
/// Letters of a page that can be nothing but a challenge, under a status that grants the page.
const THIN_LETTERS_MAX: usize = 500;
/// The same when the widget is all that asks for anything.
const BARE_LETTERS_MAX: usize = 150;
/// The same under a status that refuses.
const REFUSED_LETTERS_MAX: usize = 1_500;
/// Links of such a page, granted and refused.
const THIN_LINKS_MAX: usize = 8;
const REFUSED_LINKS_MAX: usize = 25;

/// What came.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// HTTP status of the main document.
    pub status: u16,
    /// Its headers with names in lower case; those of [`TELLING_HEADERS`] are enough.
    pub headers: &'a [(String, String)],
    /// The document: in a browser as it stands, else as it was sent.
    pub html: &'a str,
}

impl Evidence<'_> {
    /// Whether there is such a header, with `part` in its value.
    pub(crate) fn has(&self, name: &str, part: &str) -> bool {
        self.headers.iter().any(|(known, value)| known == name && value.to_ascii_lowercase().contains(part))
    }

    fn refuses(&self) -> bool {
        REFUSING.contains(&self.status)
    }
}

/// What a page that is none wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The visitor is refused and can do nothing.
    Blocked,
    /// A person, or a solver, could go on.
    Captcha,
}

/// A page that stands for another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// What it wants.
    pub verdict: Verdict,
    /// Who shows it, as far as known.
    pub by: &'static str,
    /// The CAPTCHA in it.
    pub widget: Option<Widget>,
    /// It may let a browser pass after some seconds, without a person.
    pub settles: bool,
}

/// Whether an answer with this status has to be looked at before it counts as an error of HTTP.
#[must_use]
pub fn may_hide_a_challenge(status: u16) -> bool {
    REFUSING.contains(&status)
}

/// Says whether the document is a challenge instead of a page. Costs next to nothing for ordinary pages.
#[must_use]
pub fn judge(evidence: &Evidence<'_>) -> Option<Challenge> {
    // An error that is no refusal is what it says.
    if evidence.status >= 400 && !evidence.refuses() {
        return None;
    }
    let told = evidence.headers.iter().any(|(name, _)| name != "server" && is_telling(name));
    if !told && !evidence.refuses() && !worth_a_look(evidence.html) {
        return None;
    }
    let page = Page::read(evidence.html);
    let widget = widget::best(&page.widgets);
    let signature = SIGNATURES.iter().find(|known| known.fits(evidence, &page));
    let found = match signature {
        Some(known) => Some((known.verdict, known.vendor, known.settles)),
        None => by_words(evidence, &page, widget.as_ref()),
    };
    found.map(|(verdict, by, settles)| {
        // Whoever shows a CAPTCHA lets those pass who solve it.
        let verdict = if widget.is_some() { Verdict::Captcha } else { verdict };
        Challenge { verdict, by, widget, settles }
    })
}

fn is_telling(name: &str) -> bool {
    TELLING_HEADERS.contains(&name)
}

/// A page of nobody in particular: by its widget and its words, if there is little else.
fn by_words(
    evidence: &Evidence<'_>,
    page: &Page,
    widget: Option<&Widget>,
) -> Option<(Verdict, &'static str, bool)> {
    const BY: &str = "the site";
    let refuses = evidence.refuses();
    let (letters, links) =
        if refuses { (REFUSED_LETTERS_MAX, REFUSED_LINKS_MAX) } else { (THIN_LETTERS_MAX, THIN_LINKS_MAX) };
    let thin = !page.cut && page.letters <= letters && page.links <= links;
    // Whoever is asked for a name, a password or a search is not only asked to be human.
    let asks = page.fields > 0;
    if !thin || (asks && !is_text_captcha(page)) {
        return None;
    }
    let titled = is_title(&page.title);
    let human = says(&page.text, HUMAN) || says(&page.title, HUMAN);
    if let Some(widget) = widget {
        let bare = widget.is_element() && page.letters <= BARE_LETTERS_MAX && page.links <= 2;
        if human || refuses || titled || bare {
            return Some((Verdict::Captcha, BY, false));
        }
    }
    if !refuses && !titled {
        return None;
    }
    let waits = says(&page.text, WAIT);
    if waits || human {
        return Some((Verdict::Captcha, BY, waits));
    }
    says(&page.text, REFUSED).then_some((Verdict::Blocked, BY, false))
}

/// A picture with letters to be typed: one field, and words that ask for it.
fn is_text_captcha(page: &Page) -> bool {
    page.fields == 1 && page.machinery.contains("captcha") && says(&page.text, HUMAN)
}

fn worth_a_look(html: &str) -> bool {
    static MARKS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        let words = [HUMAN, WAIT, REFUSED].concat();
        let marks = signatures::marks().chain(widget::marks()).chain(words);
        AhoCorasick::builder().ascii_case_insensitive(true).build(marks).ok()
    });
    html.len() <= SMALL_PAGE_BYTES
        || (html.len() <= LOOKED_AT_BYTES_MAX && MARKS.as_ref().is_none_or(|marks| marks.is_match(html)))
}
