//! How a PDF draws its text: lines with their places and the size of their letters.
//!
//! The file is hostile: what it may unpack to, its pages, its text are all bounded. **Not here:** what the lines mean
//! (`pdf`), which letters the bytes of a font are (`pdf_font`).

use std::cell::Cell;
use std::collections::BTreeMap;

use lopdf::content::Content;
use lopdf::{Document, LoadOptions, Object, ObjectId};

use super::pdf_font::Font;
use crate::{ExtractError, page};

/// Largest file that is read, in bytes.
const PDF_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What all packed objects of a file may unpack to, in bytes.
const OBJECTS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What the drawing of one page may unpack to, in bytes.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What the drawing of all pages may unpack to, in bytes.
const PAGES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Pages that are read; the rest of a longer file is left out.
const PAGES_MAX: usize = 2_000;
/// Text that is read, in bytes; the rest is left out.
const TEXT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Fonts of one page that are looked at.
const FONTS_MAX: usize = 200;
/// Saved states of the drawing.
const STATES_MAX: usize = 256;
/// A gap between two pieces of text on one line that is a space, as a part of the size of a letter.
const PIECES_SPACE_MIN: f32 = 0.15;
/// Pieces of text whose heights differ by less, as a part of the size of a letter, stand on one line.
const SAME_LINE_MAX: f32 = 0.4;

/// Letters that fonts join, and what they are to a reader.
const LIGATURES: &[(char, &str)] = &[('ﬀ', "ff"), ('ﬁ', "fi"), ('ﬂ', "fl"), ('ﬃ', "ffi"), ('ﬄ', "ffl")];

/// One line as it stands on its page; the origin is below on the left.
pub(crate) struct Line {
    pub(crate) page: usize,
    pub(crate) y: f32,
    /// Size of its letters, in points.
    pub(crate) size: f32,
    /// White space squeezed, never empty.
    pub(crate) text: String,
}

/// What was drawn.
pub(crate) struct Pages {
    pub(crate) title: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) count: usize,
    pub(crate) lines: Vec<Line>,
}

/// Reads the file.
pub(crate) fn read(bytes: &[u8]) -> Result<Pages, ExtractError> {
    let document = load(bytes)?;
    let pages = document.get_pages();
    let (mut lines, mut left, mut text) = (Vec::new(), PAGES_BYTES_MAX, TEXT_BYTES_MAX);
    for (nth, id) in pages.values().take(PAGES_MAX).enumerate() {
        let found = page_lines(&document, *id, nth, &mut left).unwrap_or_default();
        for line in found {
            text = text.saturating_sub(line.text.len());
            if text == 0 {
                break;
            }
            lines.push(line);
        }
    }
    let title = document
        .trailer
        .get(b"Info")
        .and_then(|info| document.dereference(info))
        .and_then(|(_, info)| info.as_dict()?.get(b"Title"))
        .ok()
        .and_then(|title| lopdf::decode_text_string(title).ok());
    let language = document.catalog().and_then(|catalog| catalog.get(b"Lang")).ok();
    let language = language.and_then(|language| lopdf::decode_text_string(language).ok());
    let worded = |text: Option<String>| text.map(|text| page::squeeze(&text)).filter(|text| !text.is_empty());
    Ok(Pages { title: worded(title), language: worded(language), count: pages.len(), lines })
}

thread_local! {
    /// What the packed objects of the file that this thread loads may still unpack to, in bytes.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

fn load(bytes: &[u8]) -> Result<Document, ExtractError> {
    let unsupported = |text: &str| Err(ExtractError::Unsupported(text.to_owned()));
    if bytes.len() > PDF_BYTES_MAX {
        return unsupported("the PDF is larger than what is read (16 MiB)");
    }
    let mut options =
        LoadOptions { max_decompressed_size: Some(OBJECTS_BYTES_MAX), ..LoadOptions::default() };
    if holds(bytes, b"/Encrypt") {
        // The library's filter is not asked here, so every stream gets its part beforehand.
        let streams = count(bytes, b"endstream").max(1);
        options.max_decompressed_size = Some(OBJECTS_BYTES_MAX / streams);
    } else {
        LEFT.set(OBJECTS_BYTES_MAX);
        options.filter = Some(within_bounds);
    }
    let document = match Document::load_mem_with_options(bytes, options) {
        Ok(document) => document,
        Err(error) => return unsupported(&format!("the PDF cannot be read: {error}")),
    };
    if document.is_encrypted() {
        return unsupported("the PDF is locked with a password");
    }
    Ok(document)
}

fn count(bytes: &[u8], word: &[u8]) -> usize {
    bytes.windows(word.len()).filter(|window| *window == word).count()
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Drops packed objects once all of them together unpack to more than may be.
fn within_bounds(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    let Object::Stream(stream) = object else { return Some((id, object.clone())) };
    if stream.dict.has_type(b"ObjStm") {
        let left = LEFT.get();
        let size = stream.decompressed_content_with_limit(left).map_or(left, |content| content.len());
        LEFT.set(left - size.min(left));
        if size >= left {
            return None;
        }
    }
    // Of a stream the library asks only whether there is an answer.
    Some((id, Object::Null))
}

/// From one system of coordinates to another: a b c d e f, as PDF writes it.
type Matrix = [f32; 6];
const SAME: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

fn product(one: &Matrix, other: &Matrix) -> Matrix {
    let [a, b, c, d, e, f] = *one;
    let [g, h, i, j, k, l] = *other;
    [a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + l]
}

/// The state of the drawing, as far as text depends on it.
struct Pen<'a> {
    fonts: BTreeMap<Vec<u8>, Font<'a>>,
    font: Vec<u8>,
    size: f32,
    leading: f32,
    space: Matrix,
    saved: Vec<Matrix>,
    line: Matrix,
    text: Matrix,
    page: usize,
    /// The line that is being written, and where its last piece ended.
    open: Option<(Line, f32)>,
    lines: Vec<Line>,
}

fn page_lines(
    document: &Document,
    id: ObjectId,
    page: usize,
    left: &mut usize,
) -> Result<Vec<Line>, lopdf::Error> {
    let content = document.get_page_content_with_limit(id, PAGE_BYTES_MAX.min(*left))?;
    *left -= content.len().min(*left);
    let fonts = document.get_page_fonts(id)?.into_iter().take(FONTS_MAX);
    let mut pen = Pen {
        fonts: fonts.map(|(name, font)| (name, Font::of(font, document))).collect(),
        font: Vec::new(),
        size: 0.0,
        leading: 0.0,
        space: SAME,
        saved: Vec::new(),
        line: SAME,
        text: SAME,
        page,
        open: None,
        lines: Vec::new(),
    };
    for operation in Content::decode_iter(&content) {
        let Ok(operation) = operation else { break };
        pen.draw(&operation.operator, &operation.operands);
    }
    pen.close();
    Ok(pen.lines)
}

impl Pen<'_> {
    fn draw(&mut self, operator: &str, operands: &[Object]) {
        let number = |at: usize| operands.get(at).and_then(|value| value.as_float().ok()).unwrap_or(0.0);
        let matrix = || [number(0), number(1), number(2), number(3), number(4), number(5)];
        match operator {
            "q" if self.saved.len() < STATES_MAX => self.saved.push(self.space),
            "Q" => self.space = self.saved.pop().unwrap_or(self.space),
            "cm" => self.space = product(&matrix(), &self.space),
            "BT" => (self.line, self.text) = (SAME, SAME),
            "Tf" => {
                self.font =
                    operands.first().and_then(|name| name.as_name().ok()).unwrap_or_default().to_vec();
                self.size = number(1);
            }
            "TL" => self.leading = number(0),
            "Td" => self.step(number(0), number(1)),
            "TD" => {
                self.leading = -number(1);
                self.step(number(0), number(1));
            }
            "Tm" => (self.line, self.text) = (matrix(), matrix()),
            "T*" => self.step(0.0, -self.leading),
            "Tj" => self.show(operands.first()),
            "TJ" => self.show_all(operands.first()),
            "'" => {
                self.step(0.0, -self.leading);
                self.show(operands.first());
            }
            "\"" => {
                self.step(0.0, -self.leading);
                self.show(operands.get(2));
            }
            _ => {}
        }
    }

    fn step(&mut self, x: f32, y: f32) {
        self.line = product(&[1.0, 0.0, 0.0, 1.0, x, y], &self.line);
        self.text = self.line;
    }

    fn advance(&mut self, by: f32) {
        self.text = product(&[1.0, 0.0, 0.0, 1.0, by, 0.0], &self.text);
    }

    fn show_all(&mut self, array: Option<&Object>) {
        for part in array.and_then(|array| array.as_array().ok()).into_iter().flatten() {
            match part.as_float() {
                Ok(gap) => self.advance(-gap / 1_000.0 * self.size),
                Err(_) => self.show(Some(part)),
            }
        }
    }

    fn show(&mut self, text: Option<&Object>) {
        let Some(Object::String(bytes, _)) = text else { return };
        let Some(font) = self.fonts.get(&self.font) else { return };
        let mut written = String::new();
        let known = font.encoding.as_ref().is_some_and(|it| it.write_to_string(bytes, &mut written).is_ok());
        let width = font.width(bytes) * self.size;
        let before = product(&self.text, &self.space);
        self.advance(width);
        let after = product(&self.text, &self.space);
        // Letters may be turned; their height is what the vertical unit comes to.
        let size = self.size.abs() * before[2].hypot(before[3]);
        if known && size.is_finite() && size > 0.0 {
            self.write(&written, before[4], before[5], after[4], size);
        }
    }

    /// Puts a piece of text where it belongs: behind the last one, or on a line of its own.
    fn write(&mut self, text: &str, x: f32, y: f32, end: f32, size: f32) {
        if let Some((line, last)) = &mut self.open
            && (line.y - y).abs() <= line.size.max(size) * SAME_LINE_MAX
            && x >= *last - line.size
        {
            if x - *last > size * PIECES_SPACE_MIN {
                line.text.push(' ');
            }
            line.text.push_str(text);
            line.size = line.size.max(size);
            *last = end;
            return;
        }
        self.close();
        self.open = Some((Line { page: self.page, y, size, text: text.to_owned() }, end));
    }

    fn close(&mut self) {
        if let Some((mut line, _)) = self.open.take() {
            line.text = page::squeeze(&line.text.replace('\0', ""));
            // Letters that were cast together for print.
            for (joined, letters) in LIGATURES {
                if line.text.contains(*joined) {
                    line.text = line.text.replace(*joined, letters);
                }
            }
            if !line.text.is_empty() {
                self.lines.push(line);
            }
        }
    }
}
