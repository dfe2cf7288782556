//! Which blocks other finders of content would keep, and which the page's own markup repeats.
//!
//! A finder that answers with text is asked block by block: a long block by its runs of four words, a short one
//! as a line. **Not here:** how much a vote counts.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use dom_query::{Document, NodeId};

use super::{Block, words};
use crate::page::{self, Step};

/// Finders that are asked.
pub(super) const COUNT: usize = 4;
/// Words of a run that is looked up.
const RUN_WORDS: usize = 4;

/// What the finders kept.
pub(crate) struct Opinions<'a> {
    /// What `dom_smoothie`, `trafilatura` and the page's markup say.
    pub(crate) texts: [&'a str; COUNT - 1],
    /// The page without its frame, nodes numbered as in the page.
    pub(crate) frameless: &'a Document,
}

/// The same, ready to be asked.
pub(crate) struct Votes {
    kept: Vec<Kept>,
    frameless: HashSet<NodeId>,
}

struct Kept {
    runs: HashSet<u64>,
    lines: HashSet<u64>,
}

impl Votes {
    /// Prepares the answers.
    pub(crate) fn of_opinions(opinions: &Opinions<'_>) -> Self {
        let mut frameless = HashSet::new();
        page::walk(&opinions.frameless.root(), &mut |node, step| {
            if step == Step::In && node.is_text() {
                frameless.insert(node.id);
            }
            true
        });
        Self { kept: opinions.texts.iter().map(|text| Kept::of(text)).collect(), frameless }
    }

    /// Share of the block that each finder kept, 0 to 1.
    pub(super) fn of(&self, block: &Block) -> [f32; COUNT] {
        let mut votes = [0.0; COUNT];
        for (vote, kept) in votes.iter_mut().zip(&self.kept) {
            *vote = kept.share(&block.words);
        }
        let in_frame = block.texts.iter().filter(|id| !self.frameless.contains(id)).count();
        votes[COUNT - 1] = 1.0 - in_frame as f32 / block.texts.len().max(1) as f32;
        votes
    }
}

impl Kept {
    fn of(text: &str) -> Self {
        let runs = words(text).windows(RUN_WORDS).map(hash).collect();
        let lines = text.lines().map(|line| hash(&words(line))).collect();
        Self { runs, lines }
    }

    fn share(&self, words: &[String]) -> f32 {
        if self.lines.contains(&hash(words)) {
            return 1.0;
        }
        let (mut found, mut all) = (0, 0);
        for run in words.windows(RUN_WORDS) {
            all += 1;
            found += usize::from(self.runs.contains(&hash(run)));
        }
        if all == 0 { 0.0 } else { found as f32 / all as f32 }
    }
}

fn hash(words: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    hasher.finish()
}
