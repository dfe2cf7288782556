//! One walk over the page that fills the flat lists of `Blocks`.
//!
//! **Not here:** what is counted afterwards (`Blocks`).

use dom_query::{NodeId, NodeRef};

use super::{Block, Element, Sum, names, votes, words};
use crate::page::{self, Step};

/// A run of so many words that ends like a sentence, or is this long, reads as prose.
const PROSE_WORDS_MIN: usize = 10;

#[derive(Default)]
pub(super) struct Reader {
    pub(super) elements: Vec<Element>,
    pub(super) blocks: Vec<Block>,
    open: Vec<usize>,
    links: usize,
    strong: usize,
    run: Run,
}

#[derive(Default)]
struct Run {
    texts: Vec<NodeId>,
    text: String,
    linked: usize,
    strong: bool,
}

impl Reader {
    pub(super) fn step(&mut self, node: &NodeRef<'_>, step: Step) -> bool {
        if node.is_text() {
            if step == Step::In {
                self.text(node);
            }
            return false;
        }
        if !node.is_element() || page::is_invisible(node) {
            return false;
        }
        let (enters, one) = (step == Step::In, usize::from(step == Step::In));
        if node.has_name("br") {
            self.run.text.push(' ');
            return false;
        }
        if page::is_inline(node) {
            if node.has_name("a") {
                self.links = if enters { self.links + 1 } else { self.links.saturating_sub(1) };
            }
            if node.has_name("b") || node.has_name("strong") {
                self.strong = (self.strong + one).saturating_sub(1 - one);
            }
            return true;
        }
        self.flush();
        if enters {
            self.enter(node);
        } else if let Some(place) = self.open.pop() {
            self.elements[place].to = self.blocks.len();
        }
        true
    }

    fn text(&mut self, node: &NodeRef<'_>) {
        let text = node.text();
        if text.trim().is_empty() {
            self.run.text.push(' ');
            return;
        }
        if self.links > 0 {
            self.run.linked += words(&text).len();
        }
        self.run.strong |= self.strong > 0;
        self.run.texts.push(node.id);
        self.run.text.push_str(&text);
    }

    fn enter(&mut self, node: &NodeRef<'_>) {
        let place = self.elements.len();
        let name = page::name(node);
        self.elements.push(Element {
            parent: self.open.last().copied().unwrap_or(place),
            id: node.id,
            depth: self.open.len(),
            from: self.blocks.len(),
            to: self.blocks.len(),
            tags: names::tags(node, &name),
            groups: names::groups(node),
            hidden: page::is_styled_away(node),
            name,
            alike: 1,
            sum: Sum::default(),
        });
        self.open.push(place);
    }

    fn flush(&mut self) {
        let run = std::mem::take(&mut self.run);
        let Some(element) = self.open.last().copied() else { return };
        let words = words(&run.text);
        if words.is_empty() {
            return;
        }
        let text = page::squeeze(&run.text);
        let linked = run.linked.min(words.len());
        let sentence = text.ends_with(['.', '!', '?', ':', '…', '。', '”', '"', ')']);
        let prose = linked * 2 < words.len()
            && (words.len() >= 2 * PROSE_WORDS_MIN || (words.len() >= PROSE_WORDS_MIN && sentence));
        self.blocks.push(Block {
            element,
            texts: run.texts,
            text,
            linked,
            words,
            strong: run.strong,
            prose,
            votes: [0.0; votes::COUNT],
        });
    }
}
