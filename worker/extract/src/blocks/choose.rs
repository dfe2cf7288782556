//! Cuts a page down to the blocks that are most likely its content.
//!
//! With the likelihood of every block known, the choice is the one with the highest expected F1: blocks are taken
//! from the likeliest down for as long as that rises. So no threshold has to fit every kind of page. What reads
//! as a whole (code, a table with heads) stays or goes as a whole, and a text that stands there twice is said once.
//! **Not here:** the likelihoods (`model`).

use std::collections::{HashMap, HashSet};

use dom_query::{Document, NodeId, NodeRef};

use super::Blocks;
use crate::page::{self, Step};

/// A text of fewer words may be said twice (a label, a price).
const REPEAT_WORDS_MIN: usize = 8;
/// A whole is kept when at least this share of its words is.
const WHOLE_SHARE_MIN: f32 = 0.5;
/// What lies in a table with more of the page's words than this is judged by itself: it is a layout.
const TABLE_SHARE_MAX: f32 = 0.6;
/// Elements that say something without text, as long as their neighbours are kept.
const IMAGES: &[&str] = &["img", "picture", "math"];
/// Elements that may stand empty in what is kept.
const EMPTY: &[&str] = &["br", "hr", "td", "th", "col", "colgroup", "source"];

/// Which blocks to keep, given how likely each is content.
pub(crate) fn best(page: &Blocks, likelihoods: &[f32]) -> Vec<bool> {
    let mut keep = likeliest(page, likelihoods);
    keep_headings(page, &mut keep);
    say_once(page, &mut keep);
    keep_wholes(page, &mut keep);
    keep
}

/// The blocks whose expected F1 is highest: 2 · expected hits / (words taken + expected words of content).
fn likeliest(page: &Blocks, likelihoods: &[f32]) -> Vec<bool> {
    let words = |place: usize| page.blocks[place].words.len() as f32;
    let mut order: Vec<usize> = (0..page.blocks.len().min(likelihoods.len())).collect();
    order.sort_by(|a, b| likelihoods[*b].total_cmp(&likelihoods[*a]));
    let content: f32 = order.iter().map(|place| likelihoods[*place] * words(*place)).sum();
    let (mut hits, mut taken, mut highest, mut count) = (0.0, 0.0, 0.0, 0);
    for (rank, place) in order.iter().enumerate() {
        hits += likelihoods[*place] * words(*place);
        taken += words(*place);
        let expected = 2.0 * hits / (taken + content);
        if expected > highest {
            (highest, count) = (expected, rank + 1);
        }
    }
    let mut keep = vec![false; page.blocks.len()];
    for place in &order[..count] {
        keep[*place] = true;
    }
    keep
}

/// A heading right above what is kept, and the page's only `h1`, tell a reader what it is.
fn keep_headings(page: &Blocks, keep: &mut [bool]) {
    let level = |place: usize| page.elements[page.blocks[place].element].heading_level();
    for place in (1..keep.len()).rev() {
        keep[place - 1] |= keep[place] && level(place - 1) > 0;
    }
    let titles: Vec<usize> = (0..keep.len()).filter(|place| level(*place) == 1).collect();
    if let [title] = titles[..] {
        keep[title] = true;
    }
}

fn say_once(page: &Blocks, keep: &mut [bool]) {
    let mut said = HashSet::new();
    for (block, keep) in page.blocks.iter().zip(keep) {
        if *keep && block.words.len() >= REPEAT_WORDS_MIN {
            *keep = said.insert(block.words.as_slice());
        }
    }
}

fn keep_wholes(page: &Blocks, keep: &mut [bool]) {
    let heads: HashSet<usize> = page
        .blocks
        .iter()
        .filter(|block| page.elements[block.element].name == "th")
        .filter_map(|block| page.around(block.element, "table"))
        .collect();
    for (place, element) in page.elements.iter().enumerate() {
        let small = element.sum.words <= TABLE_SHARE_MAX * page.elements[0].sum.words;
        if element.name != "pre" && !(heads.contains(&place) && small) {
            continue;
        }
        let inside = element.from..element.to;
        let words = |place: &usize| page.blocks[*place].words.len();
        let all: usize = inside.clone().map(|place| words(&place)).sum();
        let kept: usize = inside.clone().filter(|place| keep[*place]).map(|place| words(&place)).sum();
        keep[inside].fill(kept as f32 >= WHOLE_SHARE_MIN * all as f32);
    }
}

/// Takes everything else out of the document that `page` was read from; false, and the document is as it was,
/// when nothing is kept.
pub(crate) fn cut(document: &Document, page: &Blocks, keep: &[bool]) -> bool {
    let (Some(body), true) = (document.body(), keep.contains(&true)) else { return false };
    let mut block_of = HashMap::new();
    for (place, block) in page.blocks.iter().enumerate() {
        block_of.extend(block.texts.iter().map(|id| (*id, place)));
    }
    let mut full = filled(&body, &block_of, keep);
    full.insert(body.id);
    let mut unwanted = Vec::new();
    page::walk(&body, &mut |node, step| {
        if step == Step::Out {
            return false;
        }
        let blank = node.is_text() && node.text().trim().is_empty();
        let stays = full.contains(&node.id) || blank || is_one_of(node, EMPTY);
        if !stays {
            unwanted.push(*node);
        }
        full.contains(&node.id)
    });
    for node in unwanted {
        node.remove_from_parent();
    }
    true
}

/// The texts and images that stay, and every element around them.
fn filled(body: &NodeRef<'_>, block_of: &HashMap<NodeId, usize>, keep: &[bool]) -> HashSet<NodeId> {
    let mut full = HashSet::new();
    let mut next = 0;
    page::walk(body, &mut |node, step| {
        if node.is_element() && page::is_invisible(node) {
            return false;
        }
        let stays = if let Some(place) = block_of.get(&node.id) {
            next = place + 1;
            keep[*place]
        } else if is_one_of(node, IMAGES) {
            let kept = |place: Option<usize>| place.and_then(|place| keep.get(place)) == Some(&true);
            kept(next.checked_sub(1)) || kept(Some(next))
        } else {
            false
        };
        if step == Step::In && stays {
            full.insert(node.id);
        }
        if step == Step::Out
            && full.contains(&node.id)
            && let Some(parent) = node.parent()
        {
            full.insert(parent.id);
        }
        true
    });
    full
}

fn is_one_of(node: &NodeRef<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| node.has_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_by(html: &str, likelihood: fn(&str) -> f32) -> String {
        let document = Document::from(html);
        let blocks = Blocks::of(&document).expect("the page has text");
        let likelihoods: Vec<f32> = blocks.blocks.iter().map(|block| likelihood(&block.text)).collect();
        let keep = best(&blocks, &likelihoods);
        assert!(cut(&document, &blocks, &keep));
        document.body().map(|body| body.inner_html().to_string()).unwrap_or_default()
    }

    fn long_is_likely(text: &str) -> f32 {
        if text.split(' ').count() >= 4 { 0.9 } else { 0.05 }
    }

    #[test]
    fn unlikely_blocks_go_with_the_elements_around_them_and_the_images_among_them() {
        let html = "<body><nav><img src=l><ul><li><a>Home</a></ul></nav><main><p>Four words and more</p><img src=i></main>";
        assert_eq!(cut_by(html, long_is_likely), "<main><p>Four words and more</p><img src=\"i\"></main>");
    }

    #[test]
    fn a_long_text_that_stands_there_twice_is_kept_once() {
        let text = "one two three four five six seven eight";
        let html = format!("<body><p>{text}</p><div><p>{text}</p></div><p>and four more words</p>");
        let kept = format!("<p>{text}</p><p>and four more words</p>");
        assert_eq!(cut_by(&html, long_is_likely), kept);
    }

    #[test]
    fn what_is_kept_keeps_its_heading_and_the_title_of_the_page() {
        let html = "<body><h1>Title</h1><p>gone</p><h2>Part</h2><p>Four words and more</p><h2>Empty</h2>";
        assert_eq!(cut_by(html, long_is_likely), "<h1>Title</h1><h2>Part</h2><p>Four words and more</p>");
    }

    #[test]
    fn code_and_tables_with_heads_stay_whole() {
        let table = "<table><tbody><tr><th>Key</th><td></td></tr><tr><td>four words in here</td><td>b</td></tr></tbody></table>";
        let html = format!("<body><p>Four words and more, and many others besides</p>{table}<p>gone</p>");
        let kept = format!("<p>Four words and more, and many others besides</p>{table}");
        assert_eq!(cut_by(&html, long_is_likely), kept);
    }
}
