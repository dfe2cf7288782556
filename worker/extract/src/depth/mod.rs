//! Flattens HTML that is nested too deeply, before any parser sees it.
//!
//! Parsers and converters recurse, or search their stack of open elements for every tag: 100,000 nested
//! `div`s overflow one and take minutes in the other. This scanner follows the open elements roughly as
//! a browser does and cuts the tags (never the text) beyond a depth. Where it is unsure it counts too
//! many open elements rather than too few. **Not here:** building a tree.

mod kinds;
mod tags;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use kinds::Kind;
use tags::{after, raw_text_end, tag_end, tag_name};

/// Open elements at once. Chromium stops at 512; real pages stay below 100.
pub(crate) const DEPTH_MAX_ELEMENTS: usize = 256;
/// Unclosed formatting elements at once; each is opened again in every following paragraph.
const FORMATTING_MAX_ELEMENTS: usize = 16;
/// Elements that re-opened formatting may grow a page to before formatting is cut altogether.
const ELEMENTS_MAX: usize = 1_000_000;

/// The same page with at most [`DEPTH_MAX_ELEMENTS`] open elements. Most pages come back untouched.
pub(crate) fn cap(html: &str) -> Cow<'_, str> {
    let mut scan = Scan::new(html, FORMATTING_MAX_ELEMENTS);
    scan.run();
    if scan.elements > ELEMENTS_MAX {
        scan = Scan::new(html, 0);
        scan.run();
    }
    scan.finish()
}

/// An open element: its index into `Scan::kinds`, and how much formatting was open before it.
struct Open {
    kind: usize,
    formatting_before: usize,
}

struct Scan<'a> {
    html: &'a str,
    formatting_max: usize,
    kinds: Vec<Kind>,
    by_name: HashMap<String, usize>,
    open: Vec<Open>,
    formatting: Vec<usize>,
    /// Elements that were cut for their depth and have not ended; all inside them is cut too.
    cut_open: usize,
    cuts: Vec<(usize, usize)>,
    elements: usize,
}

impl<'a> Scan<'a> {
    fn new(html: &'a str, formatting_max: usize) -> Self {
        let (kinds, open, formatting, cuts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self {
            html,
            formatting_max,
            kinds,
            by_name: HashMap::new(),
            open,
            formatting,
            cut_open: 0,
            cuts,
            elements: 0,
        }
    }

    fn run(&mut self) {
        let html = self.html;
        let mut at = 0;
        while let Some(found) = html[at..].find('<') {
            let start = at + found;
            let rest = &html[start + 1..];
            at = match rest.bytes().next() {
                Some(b'!') if rest.starts_with("!--") => after(html, start + 4, "-->"),
                Some(b'!' | b'?') => after(html, start + 1, ">"),
                Some(b'/') if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) => {
                    let name = tag_name(&rest[1..]);
                    let end = tag_end(html, start + 2 + name.len());
                    let kind = self.kind(name);
                    self.end_tag(kind, (start, end));
                    end
                }
                Some(first) if first.is_ascii_alphabetic() => {
                    let name = tag_name(rest);
                    let end = tag_end(html, start + 1 + name.len());
                    let kind = self.kind(name);
                    let raw = self.kinds[kind].raw_text && !self.in_foreign();
                    self.start_tag(kind, (start, end));
                    if raw { raw_text_end(html, end, name) } else { end }
                }
                _ => start + 1,
            };
        }
    }

    fn kind(&mut self, name: &str) -> usize {
        let name = name.to_ascii_lowercase();
        if let Some(&kind) = self.by_name.get(&name) {
            return kind;
        }
        self.by_name.insert(name.clone(), self.kinds.len());
        self.kinds.push(Kind::of(name));
        self.kinds.len() - 1
    }

    fn any_open(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.by_name.get(*name).is_some_and(|&kind| self.kinds[kind].open > 0))
    }

    /// Inside `svg` or `math`, and not inside a part of them that holds HTML again.
    fn in_foreign(&self) -> bool {
        if !self.any_open(&["svg", "math"]) {
            return false;
        }
        let mut names = self.open.iter().rev().map(|open| self.kinds[open.kind].name.as_str());
        names
            .find(|name| ["svg", "math", "foreignobject", "desc", "title", "annotation-xml"].contains(name))
            .is_some_and(|name| ["svg", "math"].contains(&name))
    }

    fn start_tag(&mut self, kind: usize, span: (usize, usize)) {
        let foreign = self.in_foreign();
        let closed = foreign && self.html[..span.1].ends_with("/>");
        let Kind { void, raw_text, formatting, .. } = self.kinds[kind];
        let root = ["html", "head", "body"].contains(&self.kinds[kind].name.as_str());
        if closed || root || ((raw_text || void) && !foreign) {
            self.elements += 1;
            return;
        }
        if self.cut_open == 0 {
            self.close_implied(kind);
        }
        let too_deep = self.cut_open > 0 || self.open.len() >= DEPTH_MAX_ELEMENTS;
        if too_deep || (formatting && self.formatting.len() >= self.formatting_max) {
            self.cut_open += usize::from(too_deep && !formatting);
            self.kinds[kind].skipped += 1;
            self.cuts.push(span);
            return;
        }
        self.elements += 1 + self.formatting.len();
        self.kinds[kind].open += 1;
        self.open.push(Open { kind, formatting_before: self.formatting.len() });
        if formatting {
            self.formatting.push(kind);
        }
    }

    fn end_tag(&mut self, kind: usize, span: (usize, usize)) {
        let Kind { formatting, table_part, special, skipped, .. } = self.kinds[kind];
        if skipped > 0 {
            self.kinds[kind].skipped -= 1;
            self.cut_open -= usize::from(!formatting);
            self.cuts.push(span);
        } else if formatting || self.kinds[kind].name == "a" {
            // Blocks opened inside a formatting element stay open when it ends.
            if let Some(index) = self.formatting.iter().rposition(|&one| one == kind) {
                self.formatting.remove(index);
            }
            if let Some(index) = self.find_open(kind, |above| above.barrier) {
                self.open.remove(index);
                self.kinds[kind].open -= 1;
            }
        } else {
            let found = if table_part {
                self.find_open(kind, |above| matches!(above.name.as_str(), "table" | "template"))
            } else {
                self.find_open(kind, |above| above.barrier || (!special && above.special))
            };
            if let Some(index) = found {
                self.truncate(index);
            }
        }
    }

    /// The innermost open element of that kind, unless one above it stops the search.
    fn find_open(&self, kind: usize, stops: impl Fn(&Kind) -> bool) -> Option<usize> {
        if self.kinds[kind].open == 0 {
            return None;
        }
        for (index, open) in self.open.iter().enumerate().rev() {
            if open.kind == kind {
                return Some(index);
            }
            if stops(&self.kinds[open.kind]) {
                return None;
            }
        }
        None
    }

    fn truncate(&mut self, index: usize) {
        if self.cut_open > 0 {
            // What was cut stood inside the innermost open element and ends with it.
            self.cut_open = 0;
            self.kinds.iter_mut().filter(|kind| !kind.formatting).for_each(|kind| kind.skipped = 0);
        }
        for open in &self.open[index..] {
            self.kinds[open.kind].open -= 1;
        }
        let mut closed = self.open[index..].iter();
        let cell = closed.find(|open| matches!(self.kinds[open.kind].name.as_str(), "td" | "th" | "caption"));
        if let Some(cell) = cell {
            self.formatting.truncate(cell.formatting_before);
        }
        self.open.truncate(index);
    }

    fn close_implied(&mut self, kind: usize) {
        if self.kinds[kind].closes_p
            && let Some(&p) = self.by_name.get("p")
            && let Some(index) = self.find_open(p, |above| above.barrier)
        {
            self.truncate(index);
        }
        let group: &[&str] = match self.kinds[kind].name.as_str() {
            "li" => &["li"],
            "dd" | "dt" => &["dd", "dt"],
            "option" | "optgroup" => &["option"],
            "tr" => &["tr"],
            "td" | "th" => &["td", "th"],
            "tbody" | "thead" | "tfoot" => &["tbody", "thead", "tfoot", "colgroup", "caption"],
            _ => return,
        };
        if !self.any_open(group) {
            return;
        }
        for index in (0..self.open.len()).rev() {
            let above = &self.kinds[self.open[index].kind];
            let name = above.name.as_str();
            if group.contains(&name) {
                self.truncate(index);
                return;
            }
            let row_or_cell =
                self.kinds[kind].table_part && above.table_part && name != "table" && name != "template";
            if above.special && !row_or_cell && !matches!(name, "address" | "div" | "p") {
                return;
            }
        }
    }

    fn finish(self) -> Cow<'a, str> {
        if self.cuts.is_empty() {
            return Cow::Borrowed(self.html);
        }
        let mut kept = String::with_capacity(self.html.len());
        let mut at = 0;
        for (start, end) in self.cuts {
            kept.push_str(&self.html[at..start]);
            at = end;
        }
        kept.push_str(&self.html[at..]);
        Cow::Owned(kept)
    }
}
