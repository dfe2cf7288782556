//! The text of a PDF as headings and paragraphs: larger letters than most are a heading, a wider gap between two
//! lines begins a paragraph. Columns and tables stay in the order in which the file draws them.
//!
//! **Not here:** how a page is drawn (`pdf_text`), recognition of pictures of text.

use serde_json::{Value, json};

use super::{escaped, in_line, pdf_text};
use crate::ExtractError;
use pdf_text::{Line, Pages};

/// A line is a heading when its letters are this much larger than those of the text.
const HEADING_SIZE_MIN: f32 = 1.15;
/// A longer line is a paragraph, however large.
const HEADING_CHARS_MAX: usize = 200;
/// Levels of headings that are told apart.
const HEADING_LEVELS_MAX: usize = 3;
/// Two lines further apart than so many heights of a letter belong to two paragraphs.
const LEADING_MAX: f32 = 1.75;
/// Sizes that differ by less are the same.
const SIZE_DIFFERENCE_MIN: f32 = 0.07;

/// A PDF that has been read.
pub(crate) struct Pdf {
    title: Option<String>,
    language: Option<String>,
    pages: usize,
    blocks: Vec<Block>,
}

/// A heading of a level from 1, or a paragraph (0).
struct Block {
    level: usize,
    text: String,
}

/// Reads the text.
pub(crate) fn read(bytes: &[u8]) -> Result<Pdf, ExtractError> {
    let Pages { title, language, count, lines } = pdf_text::read(bytes)?;
    let blocks = blocks(lines);
    if blocks.is_empty() {
        return Err(ExtractError::Unsupported(
            "the PDF holds no text, only pictures; let a text recognition read it first".to_owned(),
        ));
    }
    Ok(Pdf { title, language, pages: count, blocks })
}

fn blocks(lines: Vec<Line>) -> Vec<Block> {
    let body = body_size(&lines);
    let levels = heading_sizes(&lines, body);
    let mut blocks: Vec<Block> = Vec::new();
    let mut before: Option<Line> = None;
    for line in lines {
        let level = levels.iter().position(|size| same(*size, line.size)).map_or(0, |at| at + 1);
        let level = if line.text.chars().count() > HEADING_CHARS_MAX { 0 } else { level };
        let goes_on = before.as_ref().is_some_and(|before| continues(before, &line));
        match blocks.last_mut() {
            Some(block) if goes_on && block.level == level => join(&mut block.text, &line.text),
            _ => blocks.push(Block { level, text: line.text.clone() }),
        }
        before = Some(line);
    }
    blocks
}

/// Whether a line is the next one of the same paragraph.
fn continues(before: &Line, line: &Line) -> bool {
    let down = before.y - line.y;
    before.page == line.page
        && same(before.size, line.size)
        && down > 0.0
        && down <= before.size * LEADING_MAX
}

/// Takes the hyphen away that a word was broken with.
fn join(text: &mut String, next: &str) {
    let broken = text.ends_with('-')
        && text.chars().rev().nth(1).is_some_and(char::is_alphabetic)
        && next.starts_with(char::is_lowercase);
    if broken {
        text.pop();
    } else {
        text.push(' ');
    }
    text.push_str(next);
}

fn same(one: f32, other: f32) -> bool {
    (one - other).abs() <= one.max(other) * SIZE_DIFFERENCE_MIN
}

/// The size of most letters.
fn body_size(lines: &[Line]) -> f32 {
    let mut sizes: Vec<(f32, usize)> = Vec::new();
    for line in lines {
        let letters = line.text.len();
        match sizes.iter_mut().find(|(size, _)| same(*size, line.size)) {
            Some((_, count)) => *count += letters,
            None => sizes.push((line.size, letters)),
        }
    }
    sizes.into_iter().max_by_key(|(_, count)| *count).map_or(0.0, |(size, _)| size)
}

/// The sizes of headings, the largest first.
fn heading_sizes(lines: &[Line], body: f32) -> Vec<f32> {
    let mut sizes: Vec<f32> = Vec::new();
    for line in lines.iter().filter(|line| line.size >= body * HEADING_SIZE_MIN) {
        if !sizes.iter().any(|size| same(*size, line.size)) {
            sizes.push(line.size);
        }
    }
    sizes.sort_by(|one, other| other.total_cmp(one));
    sizes.truncate(HEADING_LEVELS_MAX);
    sizes
}

impl Pdf {
    pub(crate) fn markdown(&self) -> String {
        let mut out = String::new();
        for Block { level, text } in &self.blocks {
            let marks = "#".repeat(*level);
            out.push_str(&format!("{marks}{}{}\n\n", if *level > 0 { " " } else { "" }, paragraph(text)));
        }
        format!("{}\n", out.trim_end())
    }

    pub(crate) fn json(&self) -> Value {
        let mut object = json!({ "pages": self.pages, "text": self.markdown() });
        for (name, value) in [("title", &self.title), ("language", &self.language)] {
            if let Some(value) = value {
                object[name] = Value::from(value.as_str());
            }
        }
        object
    }

    pub(crate) fn html(&self) -> String {
        let title = self.title.as_deref().map(|title| format!("<title>{}</title>", escaped(title)));
        let language = self.language.as_deref().unwrap_or_default();
        let mut out =
            format!("<html lang=\"{}\"><head>{}</head><body>", escaped(language), title.unwrap_or_default());
        for Block { level, text } in &self.blocks {
            let tag = if *level > 0 { format!("h{level}") } else { "p".to_owned() };
            out.push_str(&format!("<{tag}>{}</{tag}>", escaped(text)));
        }
        out + "</body></html>"
    }
}

/// A paragraph that begins with none of the marks that would make it something else.
fn paragraph(text: &str) -> String {
    let text = in_line(text);
    let marked = text.starts_with(['#', '>', '+', '-', '=', '~']);
    if marked { format!("\\{text}") } else { text }
}
