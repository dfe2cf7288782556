//! HTML reduced to what a judgement needs: title, visible words, links, fields, widgets, and the machinery (scripts
//! and addresses) behind them. It reads tokens and builds no tree, so no nesting can hurt it.

use crate::widget::{Widget, in_iframe, in_script, in_tag};
use html5ever::{
    LocalName, local_name,
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind,
    },
};
use std::cell::RefCell;

/// HTML that is looked at. Challenge pages are small.
pub(crate) const LOOKED_AT_BYTES_MAX: usize = 256 * 1024;
/// The tokenizer is fed in pieces of this size.
const PIECE_BYTES: usize = 4 * 1024;
/// Pieces that one tag may span. A tag costs the square of its attributes.
const PIECES_OF_A_TAG_MAX: usize = 8;
/// Visible words that are kept.
const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Scripts and addresses that are kept.
const MACHINERY_BYTES_MAX: usize = 128 * 1024;
/// Widgets that are kept.
const WIDGETS_MAX: usize = 8;

/// What of a page matters here. Words are in lower case, with single spaces.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) text: String,
    /// All visible letters, also those that `text` does not keep.
    pub(crate) letters: usize,
    pub(crate) links: usize,
    /// Fields that a person fills in.
    pub(crate) fields: usize,
    pub(crate) widgets: Vec<Widget>,
    /// Inline scripts and the addresses, ids and classes of elements, in lower case.
    pub(crate) machinery: String,
    /// There is more than was looked at.
    pub(crate) cut: bool,
}

impl Page {
    pub(crate) fn read(html: &str) -> Self {
        let mut end = html.len().min(LOOKED_AT_BYTES_MAX);
        while !html.is_char_boundary(end) {
            end -= 1;
        }
        let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
        let input = BufferQueue::default();
        let mut rest = &html[..end];
        let mut silent = 0;
        while !rest.is_empty() && silent < PIECES_OF_A_TAG_MAX {
            let mut piece = rest.len().min(PIECE_BYTES);
            while !rest.is_char_boundary(piece) {
                piece += 1;
            }
            let before = tokenizer.sink.0.borrow().tokens;
            input.push_back(StrTendril::from(&rest[..piece]));
            let _ = tokenizer.feed(&input);
            rest = &rest[piece..];
            silent = if tokenizer.sink.0.borrow().tokens == before { silent + 1 } else { 0 };
        }
        let cut = end < html.len() || !rest.is_empty();
        if !cut {
            tokenizer.end();
        }
        let state = tokenizer.sink.0.into_inner();
        Self { cut, ..state.page }
    }
}

#[derive(Default)]
struct Reader(RefCell<State>);

#[derive(Default)]
struct State {
    page: Page,
    tokens: u64,
    place: Place,
    /// What of the open script has been read.
    script: String,
}

/// Where in the document the reader is.
#[derive(Default)]
enum Place {
    #[default]
    Shown,
    Title,
    Script,
    /// In an element that is not shown, with the number of open elements of its name.
    Hidden(LocalName, usize),
}

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        state.tokens += u64::from(!matches!(token, Token::ParseError(_)));
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return state.opened(&tag),
            Token::TagToken(tag) => state.closed(&tag.name),
            Token::CharacterTokens(text) => state.said(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl State {
    fn opened(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        for name in ["src", "href", "action", "id", "class"] {
            if let Some(value) = attribute(tag, name) {
                note(&mut self.page.machinery, value);
            }
        }
        if self.page.widgets.len() < WIDGETS_MAX {
            let found = if tag.name == local_name!("iframe") { in_iframe(tag) } else { in_tag(tag) };
            self.page.widgets.extend(found);
        }
        if matches!(tag.name, local_name!("input") | local_name!("textarea") | local_name!("select")) {
            self.page.fields += usize::from(is_filled_in(tag));
        }
        if let Place::Hidden(name, open) = &mut self.place {
            *open += usize::from(*name == tag.name);
            return raw(tag);
        }
        match tag.name {
            local_name!("title") if self.page.title.is_empty() => self.place = Place::Title,
            local_name!("script") => self.place = Place::Script,
            _ if !shown(tag) => self.place = Place::Hidden(tag.name.clone(), 1),
            local_name!("a") => self.page.links += usize::from(attribute(tag, "href").is_some()),
            _ => self.part(&tag.name),
        }
        raw(tag)
    }

    fn closed(&mut self, name: &LocalName) {
        match &mut self.place {
            Place::Hidden(hidden, open) if hidden == name => {
                *open -= 1;
                if *open == 0 {
                    self.place = Place::Shown;
                }
            }
            Place::Title if *name == local_name!("title") => self.place = Place::Shown,
            Place::Script if *name == local_name!("script") => {
                self.place = Place::Shown;
                let script = std::mem::take(&mut self.script);
                if self.page.widgets.len() < WIDGETS_MAX {
                    self.page.widgets.extend(in_script(&script));
                }
                note(&mut self.page.machinery, &script);
            }
            Place::Shown => self.part(name),
            Place::Title | Place::Script | Place::Hidden(..) => {}
        }
    }

    /// Parts what an element parts. Letters of one word may be in several of the others.
    fn part(&mut self, name: &LocalName) {
        if !["a", "b", "em", "font", "i", "span", "strong"].contains(&&**name) {
            add_space(&mut self.page.text);
        }
    }

    fn said(&mut self, text: &str) {
        match self.place {
            Place::Hidden(..) => {}
            Place::Title => say(&mut self.page.title, text),
            Place::Script => self.script.push_str(text),
            Place::Shown => {
                self.page.letters += text.chars().filter(|letter| !letter.is_whitespace()).count();
                say(&mut self.page.text, text);
            }
        }
    }
}

pub(crate) fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
}

/// How the inside of the element is to be read.
fn raw(tag: &Tag) -> TokenSinkResult<()> {
    match tag.name {
        local_name!("title") | local_name!("textarea") => TokenSinkResult::RawData(RawKind::Rcdata),
        local_name!("script") => TokenSinkResult::RawData(RawKind::ScriptData),
        local_name!("style")
        | local_name!("xmp")
        | local_name!("iframe")
        | local_name!("noembed")
        | local_name!("noframes") => TokenSinkResult::RawData(RawKind::Rawtext),
        _ => TokenSinkResult::Continue,
    }
}

/// Whether what is in the element can be seen, as far as its own tag tells.
fn shown(tag: &Tag) -> bool {
    match tag.name {
        local_name!("style")
        | local_name!("noscript")
        | local_name!("template")
        | local_name!("svg")
        | local_name!("iframe")
        | local_name!("textarea")
        | local_name!("title")
        | local_name!("noembed")
        | local_name!("noframes") => false,
        // Elements that people forget to close are taken as shown.
        local_name!("div")
        | local_name!("section")
        | local_name!("form")
        | local_name!("main")
        | local_name!("aside")
        | local_name!("span") => {
            let style = attribute(tag, "style").unwrap_or_default();
            let packed: String = style.chars().filter(|letter| !letter.is_whitespace()).collect();
            attribute(tag, "hidden").is_none() && !packed.to_ascii_lowercase().contains("display:none")
        }
        _ => true,
    }
}

fn is_filled_in(tag: &Tag) -> bool {
    let kind = attribute(tag, "type").unwrap_or("text").to_ascii_lowercase();
    let response = attribute(tag, "name").unwrap_or_default().ends_with("-response");
    let unfilled = ["hidden", "submit", "button", "image", "reset"].contains(&kind.as_str());
    !response && (tag.name != local_name!("input") || !unfilled)
}

fn add_space(text: &mut String) {
    if !text.is_empty() && !text.ends_with(' ') {
        text.push(' ');
    }
}

/// Adds words in lower case, with single spaces and plain apostrophes.
fn say(to: &mut String, text: &str) {
    for letter in text.chars() {
        if to.len() >= TEXT_BYTES_MAX {
            return;
        }
        match letter {
            letter if letter.is_whitespace() => add_space(to),
            '’' => to.push('\''),
            letter => to.extend(letter.to_lowercase()),
        }
    }
}

fn note(machinery: &mut String, text: &str) {
    let mut end = text.len().min(MACHINERY_BYTES_MAX.saturating_sub(machinery.len()));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    machinery.push_str(&text[..end].to_ascii_lowercase());
    machinery.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_shown_counts_as_text() {
        let page = Page::read(
            "<title>A  Title</title><style>x{}</style><p>One<b>two</b></p><script>var a='<p>no'</script>\
             <noscript>no</noscript><div hidden><div>no</div>no</div><div style='display: none'>no</div>&amp; It’s",
        );
        assert_eq!((page.title.as_str(), page.text.trim()), ("a title", "onetwo & it's"));
        assert!(page.machinery.contains("var a='<p>no'") && !page.cut);
    }

    #[test]
    fn only_fields_that_a_person_fills_in_are_counted() {
        let page = Page::read(
            "<input type=hidden><input type=submit><input name=q><select></select><a href=x>y</a><a>z</a>\
             <textarea name=g-recaptcha-response></textarea><textarea>typed</textarea>",
        );
        assert_eq!((page.fields, page.links, page.text.trim()), (3, 1, "yz"));
    }

    #[test]
    fn a_page_with_more_than_is_looked_at_says_so() {
        assert!(Page::read(&"<p>word".repeat(LOOKED_AT_BYTES_MAX / 7 + 2)).cut);
        let tag = format!("<p {}>end", "a ".repeat(PIECE_BYTES * PIECES_OF_A_TAG_MAX));
        assert!(Page::read(&tag).cut);
        assert!(!Page::read(&"<div>".repeat(50_000)).cut);
    }
}
