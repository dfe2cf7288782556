//! A font of a PDF: which letters its bytes are, and how wide they are.
//!
//! **Not here:** the shapes of letters, where they stand (`pdf_text`).

use std::collections::HashMap;

use lopdf::{Dictionary, Document, Encoding, Object};

/// What a font's table of characters may unpack to, in bytes.
const FONT_BYTES_MAX: usize = 1024 * 1024;
/// Width of a letter that no font tells, as a part of its size.
const WIDTH_GUESSED: f32 = 0.5;
/// Widths of letters of one font.
const WIDTHS_MAX: usize = 65_536;

/// A font as far as its text has to be read.
pub(super) struct Font<'a> {
    pub(super) encoding: Option<Encoding<'a>>,
    /// Widths of its letters by their codes, as a part of their size.
    widths: HashMap<u32, f32>,
    /// Width of a letter without one.
    width: f32,
    /// Bytes of a code.
    code_bytes: usize,
}

impl<'a> Font<'a> {
    pub(super) fn of(font: &'a Dictionary, document: &'a Document) -> Self {
        let encoding = font.get_font_encoding_with_limit(document, FONT_BYTES_MAX).ok();
        let followed = |from: &'a Dictionary, name: &[u8]| -> Option<&'a Object> {
            Some(document.dereference(from.get(name).ok()?).ok()?.1)
        };
        let composite = followed(font, b"DescendantFonts")
            .and_then(|fonts| document.dereference(fonts.as_array().ok()?.first()?).ok()?.1.as_dict().ok());
        let mut widths = HashMap::new();
        let mut width = WIDTH_GUESSED;
        if let Some(inner) = composite {
            width =
                followed(inner, b"DW").and_then(|width| width.as_float().ok()).map_or(1.0, |w| w / 1_000.0);
            let parts = followed(inner, b"W").and_then(|parts| parts.as_array().ok());
            composite_widths(document, parts.map(Vec::as_slice).unwrap_or_default(), &mut widths);
        } else if let Some(Ok(all)) = followed(font, b"Widths").map(Object::as_array) {
            let first = font.get(b"FirstChar").and_then(Object::as_i64).unwrap_or(0);
            let codes = (u32::try_from(first).unwrap_or(0)..).zip(all);
            widths.extend(
                codes.take(256).filter_map(|(code, width)| Some((code, width.as_float().ok()? / 1_000.0))),
            );
        }
        Self { encoding, widths, width, code_bytes: if composite.is_some() { 2 } else { 1 } }
    }

    /// Width of a text, as a part of the size of a letter.
    pub(super) fn width(&self, bytes: &[u8]) -> f32 {
        let code = |bytes: &[u8]| bytes.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
        let of = |bytes: &[u8]| self.widths.get(&code(bytes)).copied().unwrap_or(self.width);
        bytes.chunks(self.code_bytes).map(of).sum()
    }
}

/// Widths of a composite font: a code with the widths from it on, or two codes with the width of all between them.
fn composite_widths(document: &Document, parts: &[Object], widths: &mut HashMap<u32, f32>) {
    let code = |at: usize| parts.get(at).and_then(|code| u32::try_from(code.as_i64().ok()?).ok());
    let mut at = 0;
    while let (Some(first), Some(next)) = (code(at), parts.get(at + 1)) {
        if widths.len() > WIDTHS_MAX {
            return;
        }
        if let Ok((_, Object::Array(all))) = document.dereference(next) {
            let codes = (first..).zip(all.iter().take(WIDTHS_MAX));
            widths.extend(codes.filter_map(|(code, width)| Some((code, width.as_float().ok()? / 1_000.0))));
            at += 2;
            continue;
        }
        let (Some(last), Some(Ok(width))) = (code(at + 1), parts.get(at + 2).map(Object::as_float)) else {
            return;
        };
        widths.extend((first..=last).take(WIDTHS_MAX).map(|code| (code, width / 1_000.0)));
        at += 3;
    }
}
