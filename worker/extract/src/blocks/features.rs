//! What the model hears about a block: numbers about itself, its neighbours, the parts it lies in and the page.
//!
//! The order of the numbers is the model's contract: whoever changes it trains again (`docs` beside the model).
//! **Not here:** any judgement.

use std::collections::HashMap;

use super::{Block, Blocks, Element, Sum, names, votes};

/// Blocks to either side whose mean is heard.
const WINDOW_BLOCKS: usize = 4;
/// Largest share of the page's words that one of many like elements may hold.
const ITEM_SHARE_MAX: f32 = 0.4;
/// Words that make two blocks begin alike.
const START_WORDS: usize = 3;
/// Like elements from here on are a repeated part.
const ALIKE_MIN: usize = 3;

const VOTE_NAMES: [&str; votes::COUNT] = ["readability", "trafilatura", "markup", "frameless"];
const FACT_NAMES: [&str; super::FACTS] =
    ["fact0", "fact1", "fact2", "fact3", "fact4", "fact5", "fact6", "fact7", "fact8", "fact9"];

/// The numbers of one block, with their names.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) values: Vec<f32>,
    pub(crate) names: Vec<String>,
    named: bool,
}

impl Row {
    fn put(&mut self, name: &str, value: f32) {
        self.values.push(value);
        if self.named {
            self.names.push(name.to_owned());
        }
    }

    fn put_in(&mut self, part: &str, name: &str, value: f32) {
        self.values.push(value);
        if self.named {
            self.names.push(format!("{part}.{name}"));
        }
    }

    fn bits(&mut self, part: &str, list: &[(&str, &str)], bits: u32) {
        for (place, (name, _)) in list.iter().enumerate() {
            self.put_in(part, name, f32::from(u8::from(bits >> place & 1 == 1)));
        }
    }
}

struct Context<'b> {
    page: &'b Blocks,
    facts: u32,
    total: Sum,
    /// Words before each block.
    before: Vec<f32>,
    /// For each block the place of the heading above it.
    heading: Vec<Option<usize>>,
    /// How many blocks begin with the same words as each.
    alike: Vec<usize>,
    /// How often the text of each block stands in the page, and how often before it.
    copies: Vec<(usize, usize)>,
    first_heading: Option<usize>,
    /// Share of the blocks that lie in a repeated part, and how many name a sum of money.
    repeated: f32,
    money: f32,
}

/// Calls `visit` with the numbers of every block. `facts` are bits about the page itself.
pub(crate) fn rows(page: &Blocks, facts: u32, named: bool, visit: &mut dyn FnMut(&Block, Row)) {
    let context = Context::of(page, facts);
    for place in 0..page.blocks.len() {
        let mut row = Row { named, ..Row::default() };
        context.own(place, &mut row);
        context.around(place, &mut row);
        context.place(place, &mut row);
        context.parts(place, &mut row);
        context.whole(&mut row);
        visit(&page.blocks[place], row);
    }
}

impl<'b> Context<'b> {
    fn of(page: &'b Blocks, facts: u32) -> Self {
        let (mut before, mut heading, mut copies) = (Vec::new(), Vec::new(), Vec::new());
        let (mut words, mut last, mut seen) = (0.0, None, HashMap::<&str, usize>::new());
        for (place, block) in page.blocks.iter().enumerate() {
            before.push(words);
            words += block.words.len() as f32;
            heading.push(last);
            if page.elements[block.element].heading_level() > 0 {
                last = Some(place);
            }
            let count = seen.entry(block.text.as_str()).or_default();
            copies.push((0, *count));
            *count += 1;
        }
        for (copy, block) in copies.iter_mut().zip(&page.blocks) {
            copy.0 = seen[block.text.as_str()];
        }
        let is_first = |block: &Block| page.elements[block.element].heading_level() == 1;
        let alike = begin_alike(page);
        let first_heading = page.blocks.iter().position(is_first);
        let total = page.elements[0].sum;
        let mut context = Self {
            page,
            facts,
            total,
            before,
            heading,
            alike,
            copies,
            first_heading,
            repeated: 0.0,
            money: 0.0,
        };
        let repeated = page.blocks.iter().filter(|block| context.is_repeated(block)).count();
        context.repeated = repeated as f32 / page.blocks.len() as f32;
        context.money = page.blocks.iter().filter(|block| has_money(&block.text)).count() as f32;
        context
    }

    fn is_repeated(&self, block: &Block) -> bool {
        let most = ITEM_SHARE_MAX * self.total.words;
        self.chain(block.element).iter().any(|part| part.alike >= ALIKE_MIN && part.sum.words <= most)
    }

    fn own(&self, place: usize, row: &mut Row) {
        let block = &self.page.blocks[place];
        let element = &self.page.elements[block.element];
        let count = block.words.len() as f32;
        let chars = block.text.chars().count().max(1) as f32;
        let share = |is: fn(char) -> bool| block.text.chars().filter(|c| is(*c)).count() as f32 / chars;
        row.put("words", count.ln_1p());
        row.put("linked", block.linked as f32 / count);
        row.put("word_length", chars / count);
        row.put("digits", share(char::is_numeric));
        row.put("capitals", share(char::is_uppercase));
        row.put("marks", share(|c| matches!(c, ',' | '.' | ';' | '!' | '?')));
        row.put("sentence", flag(block.text.ends_with(['.', '!', '?', '…', '。'])));
        row.put("prose", flag(block.prose));
        row.put("strong", flag(block.strong));
        row.put("money", flag(has_money(&block.text)));
        row.put("heading", element.heading_level() as f32);
        row.put("paragraph", flag(element.name == "p"));
        row.put("cell", flag(matches!(element.name.as_str(), "td" | "th" | "dt" | "dd")));
        row.put("box", flag(matches!(element.name.as_str(), "div" | "section" | "article" | "main")));
        row.bits("line", names::LINES, names::line(&block.words));
        let (copies, earlier) = self.copies[place];
        row.put("copies", (copies as f32).ln());
        row.put("earlier_copies", (earlier as f32).ln_1p());
        row.put("alike", (self.alike[place] as f32).ln());
        row.put("depth", element.depth as f32);
        for (name, vote) in VOTE_NAMES.iter().zip(block.votes) {
            row.put(name, vote);
        }
    }

    fn around(&self, place: usize, row: &mut Row) {
        let blocks = &self.page.blocks;
        for (step, part) in [(-2_isize, "-2"), (-1, "-1"), (1, "1"), (2, "2")] {
            let other = place.checked_add_signed(step).and_then(|place| blocks.get(place));
            row.put_in(part, "words", other.map_or(-1.0, |block| (block.words.len() as f32).ln_1p()));
            row.put_in(
                part,
                "linked",
                other.map_or(-1.0, |block| block.linked as f32 / block.words.len() as f32),
            );
            row.put_in(
                part,
                "heading",
                other.map_or(-1.0, |block| self.page.elements[block.element].heading_level() as f32),
            );
            row.put_in(part, "votes", other.map_or(-1.0, |block| block.votes.iter().sum::<f32>()));
        }
        let from = place.saturating_sub(WINDOW_BLOCKS);
        let to = (place + WINDOW_BLOCKS + 1).min(blocks.len());
        let mut sum = Sum::default();
        for block in &blocks[from..to] {
            sum.add_block(block);
        }
        self.sum("window", &sum, row);
    }

    fn place(&self, place: usize, row: &mut Row) {
        let at = self.before[place];
        let count = self.page.blocks.len() as f32;
        row.put("at_words", at / self.total.words);
        row.put("at_blocks", place as f32 / count);
        row.put("to_end", (self.total.words - at).ln_1p());
        let after_first = self.first_heading.map_or(0.0, |first| at - self.before[first]);
        row.put("after_h1", after_first.signum() * after_first.abs().ln_1p());
        let above = self.heading[place];
        let line = above.map_or(0, |above| names::line(&self.page.blocks[above].words));
        row.bits("above", names::LINES, line);
        row.put(
            "above.level",
            above.map_or(0.0, |above| {
                self.page.elements[self.page.blocks[above].element].heading_level() as f32
            }),
        );
        row.put("above.words", above.map_or(-1.0, |above| (at - self.before[above]).ln_1p()));
        row.put("above.votes", above.map_or(-1.0, |above| self.page.blocks[above].votes.iter().sum()));
    }

    fn parts(&self, place: usize, row: &mut Row) {
        let block = &self.page.blocks[place];
        let chain = self.chain(block.element);
        let share = |element: &Element| element.sum.words / self.total.words;
        // The nearest part that is named so, and how much of the page it holds.
        for (bit, (name, _)) in names::GROUPS.iter().enumerate() {
            let found = chain.iter().position(|element| element.groups >> bit & 1 == 1 && element.depth > 0);
            row.put_in("named", name, found.map_or(0.0, |steps| 1.0 / (1.0 + steps as f32)));
            row.put_in("share", name, found.map_or(-1.0, |at| share(chain[at])));
        }
        for (bit, tags) in names::TAGS.iter().enumerate() {
            let found = chain.iter().position(|element| element.tags >> bit & 1 == 1);
            row.put_in("in", tags[0], found.map_or(0.0, |steps| 1.0 / (1.0 + steps as f32)));
            row.put_in("share", tags[0], found.map_or(-1.0, |at| share(chain[at])));
        }
        row.put("hidden", flag(chain.iter().any(|element| element.hidden)));
        let holds = |least: f32| chain.iter().find(|element| share(element) >= least).copied();
        let several = chain
            .iter()
            .find(|element| element.sum.blocks >= 2.0 && element.sum.words >= 2.0 * block.words.len() as f32);
        let largest = chain.iter().rev().find(|element| share(element) < 0.5).copied();
        self.part("several", several.copied(), row);
        self.part("tenth", holds(0.1), row);
        self.part("third", holds(0.3), row);
        self.part("largest", largest, row);
        let item = chain
            .iter()
            .find(|element| element.alike >= ALIKE_MIN && share(element) <= ITEM_SHARE_MAX)
            .copied();
        self.part("item", item, row);
        row.put("item.alike", item.map_or(0.0, |item| (item.alike as f32).ln()));
        self.part("items", item.map(|item| &self.page.elements[item.parent]), row);
    }

    fn part(&self, part: &str, element: Option<&Element>, row: &mut Row) {
        let Some(element) = element else {
            self.sum(part, &Sum::default(), row);
            row.put_in(part, "at", -1.0);
            return;
        };
        self.sum(part, &element.sum, row);
        row.put_in(part, "at", element.from as f32 / self.page.blocks.len() as f32);
    }

    fn sum(&self, part: &str, sum: &Sum, row: &mut Row) {
        let words = sum.words.max(1.0);
        row.put_in(part, "words", sum.words.ln_1p());
        row.put_in(part, "share", sum.words / self.total.words);
        row.put_in(part, "linked", sum.linked / words);
        row.put_in(part, "prose", sum.prose / words);
        row.put_in(part, "per_block", words / sum.blocks.max(1.0));
        for (name, votes) in VOTE_NAMES.iter().zip(sum.votes) {
            row.put_in(part, name, votes / words);
        }
    }

    fn whole(&self, row: &mut Row) {
        self.sum("page", &self.total, row);
        row.put("page.repeated", self.repeated);
        row.put("page.money", self.money.ln_1p());
        for (bit, name) in FACT_NAMES.iter().enumerate() {
            row.put_in("page", name, flag(self.facts >> bit & 1 == 1));
        }
    }

    /// The element and everything around it, inside out, without the body.
    fn chain(&self, element: usize) -> Vec<&'b Element> {
        let (mut chain, mut at) = (Vec::new(), element);
        while self.page.elements[at].parent != at {
            chain.push(&self.page.elements[at]);
            at = self.page.elements[at].parent;
        }
        chain
    }
}

/// How many blocks begin with the same words as each, itself included.
fn begin_alike(page: &Blocks) -> Vec<usize> {
    let start = |block: &'_ Block| block.words.iter().take(START_WORDS).cloned().collect::<Vec<_>>();
    let mut counts = HashMap::<Vec<String>, usize>::new();
    for block in &page.blocks {
        *counts.entry(start(block)).or_default() += 1;
    }
    page.blocks.iter().map(|block| counts[&start(block)]).collect()
}

fn flag(is: bool) -> f32 {
    f32::from(u8::from(is))
}

fn has_money(text: &str) -> bool {
    text.contains(['$', '€', '£', '¥', '₹']) && text.contains(|c: char| c.is_ascii_digit())
}
