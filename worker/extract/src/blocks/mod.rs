//! A page as its blocks: the runs of text that stand on their own, and the elements around them.
//!
//! Flat lists instead of a tree, filled in one walk, so that every later question about a block is arithmetic.
//! **Not here:** what a block is worth (`features`, `model`) and what becomes of it (`choose`).

mod choose;
mod facts;
mod features;
mod model;
mod names;
mod read;
mod votes;

use std::collections::HashMap;

use dom_query::{Document, NodeId, NodeRef};

use crate::page;
pub(crate) use choose::{best, cut};
pub(crate) use facts::{ARTICLE, COUNT as FACTS, NO_ARTICLE, of as facts, said};
pub(crate) use features::rows;
pub(crate) use model::get as model;
use read::Reader;
pub(crate) use votes::{Opinions, Votes};

/// One element that holds text.
pub(crate) struct Element {
    /// Place of the element around it; its own place for the body.
    pub(crate) parent: usize,
    pub(crate) id: NodeId,
    pub(crate) depth: usize,
    /// Blocks inside: from this place up to (not with) that one.
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) name: String,
    /// Bits of `names`: element and role, words of class and id.
    pub(crate) tags: u32,
    pub(crate) groups: u32,
    pub(crate) hidden: bool,
    /// Elements of this name and class beside it, itself included.
    pub(crate) alike: usize,
    pub(crate) sum: Sum,
}

impl Element {
    /// 1 to 6, or 0 when it is no heading.
    fn heading_level(&self) -> usize {
        match self.name.as_bytes() {
            [b'h', digit @ b'1'..=b'6'] => usize::from(digit - b'0'),
            _ => 0,
        }
    }
}

/// What a part of the page holds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    pub(crate) words: f32,
    pub(crate) linked: f32,
    pub(crate) prose: f32,
    pub(crate) blocks: f32,
    pub(crate) votes: [f32; votes::COUNT],
}

/// One run of text.
pub(crate) struct Block {
    /// Place of the nearest element that is not part of a line of text.
    pub(crate) element: usize,
    /// The text nodes of the run.
    pub(crate) texts: Vec<NodeId>,
    pub(crate) text: String,
    /// Words, lower case.
    pub(crate) words: Vec<String>,
    pub(crate) linked: usize,
    pub(crate) strong: bool,
    pub(crate) prose: bool,
    pub(crate) votes: [f32; votes::COUNT],
}

/// The page.
pub(crate) struct Blocks {
    pub(crate) elements: Vec<Element>,
    pub(crate) blocks: Vec<Block>,
}

impl Blocks {
    /// Reads the body; `None` when it holds no text.
    pub(crate) fn of(document: &Document) -> Option<Self> {
        let body = document.body()?;
        let mut reader = Reader::default();
        page::walk(&body, &mut |node, step| reader.step(node, step));
        if reader.blocks.is_empty() {
            return None;
        }
        let mut read = Self { elements: reader.elements, blocks: reader.blocks };
        read.count_alike(document);
        read.add_up();
        Some(read)
    }

    /// Notes how much of each block every finder kept.
    pub(crate) fn note(&mut self, votes: &Votes) {
        for block in &mut self.blocks {
            block.votes = votes.of(block);
        }
        self.add_up();
    }

    /// Adds the blocks up in every element.
    fn add_up(&mut self) {
        for element in &mut self.elements {
            element.sum = Sum::default();
        }
        for block in &self.blocks {
            self.elements[block.element].sum.add_block(block);
        }
        // An element lies behind the one around it.
        for place in (1..self.elements.len()).rev() {
            let (sum, parent) = (self.elements[place].sum, self.elements[place].parent);
            self.elements[parent].sum.add(&sum);
        }
    }

    /// Words of the blocks to keep, as a share of those outside the frame.
    pub(crate) fn share_of_frameless(&self, keep: &[bool]) -> f32 {
        let kept =
            self.blocks.iter().zip(keep).filter(|(_, keep)| **keep).map(|(block, _)| block.words.len());
        let frameless = self.total().votes[votes::COUNT - 1];
        kept.sum::<usize>() as f32 / frameless.max(1.0)
    }

    /// Everything that the page holds.
    pub(crate) fn total(&self) -> Sum {
        self.elements.first().map(|body| body.sum).unwrap_or_default()
    }

    /// The texts of all blocks, one a line.
    pub(crate) fn lines(&self) -> String {
        self.blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The nearest element of this name, `at` itself or around it.
    fn around(&self, mut at: usize, name: &str) -> Option<usize> {
        while self.elements[at].name != name {
            let parent = self.elements[at].parent;
            if parent == at {
                return None;
            }
            at = parent;
        }
        Some(at)
    }

    fn count_alike(&mut self, document: &Document) {
        let tree = &document.tree;
        let mut counts: HashMap<(usize, String, String), usize> = HashMap::new();
        let keys: Vec<(usize, String, String)> = self
            .elements
            .iter()
            .map(|element| {
                let class = tree.get(&element.id).map(|node| first_class(&node)).unwrap_or_default();
                (element.parent, element.name.clone(), class)
            })
            .collect();
        for key in &keys {
            *counts.entry(key.clone()).or_default() += 1;
        }
        for (element, key) in self.elements.iter_mut().zip(&keys) {
            element.alike = counts[key];
        }
    }
}

fn first_class(node: &NodeRef<'_>) -> String {
    node.attr_or("class", "").split_whitespace().next().unwrap_or("").to_owned()
}

impl Sum {
    fn add_block(&mut self, block: &Block) {
        let words = block.words.len() as f32;
        self.words += words;
        self.linked += block.linked as f32;
        self.prose += if block.prose { words } else { 0.0 };
        self.blocks += 1.0;
        for (sum, vote) in self.votes.iter_mut().zip(block.votes) {
            *sum += vote * words;
        }
    }

    fn add(&mut self, other: &Self) {
        self.words += other.words;
        self.linked += other.linked;
        self.prose += other.prose;
        self.blocks += other.blocks;
        for (sum, more) in self.votes.iter_mut().zip(other.votes) {
            *sum += more;
        }
    }
}

/// The words of a text, lower case.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}
