//! Repeated like blocks: product cards, search results, job lists.

use std::collections::HashMap;

use dom_query::{Document, NodeId, NodeRef};
use url::Url;

use super::entity::{Entity, Fact};
use super::{microdata, visible};
use crate::page::{self, Step};

/// Fewer like siblings are no list.
const BLOCKS_MIN: usize = 2;
/// Blocks of one list, and lists of one page, that are read.
const BLOCKS_MAX: usize = 500;
const LISTINGS_MAX: usize = 10;
/// Nodes of one block that are weighed.
const WEIGHED_MAX: usize = 200;
/// A heading longer than this is no name of a list.
const LABEL_CHARS_MAX: usize = 200;
/// An answer longer than this is left out.
const SAID_CHARS_MAX: usize = 5_000;

/// Like things in page order.
pub(crate) struct Listing {
    /// Heading or caption above; empty when there is none.
    pub(crate) label: String,
    pub(crate) items: Vec<Entity>,
}

/// The page's lists, those with the most content first.
pub(crate) fn read(document: &Document, base: &Url) -> Vec<Listing> {
    let mut groups: Vec<(usize, Vec<NodeRef<'_>>)> = Vec::new();
    page::walk(&document.html_root(), &mut |node, step| {
        if step == Step::In
            && node.is_element()
            && !["head", "table", "svg", "select"].iter().any(|tag| node.has_name(tag))
        {
            groups.extend(like_children(node));
            return true;
        }
        step == Step::In && !node.is_element()
    });
    groups.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let listings = groups.into_iter().take(LISTINGS_MAX);
    listings.map(|(_, blocks)| listing(&blocks, base)).chain(explained(document)).collect()
}

/// Definition lists and parts that fold out: a term or question, with what is said about it.
fn explained(document: &Document) -> Vec<Listing> {
    let mut lists: Vec<(NodeId, Listing)> = Vec::new();
    for term in document.select("dl > dt, dl > div > dt, details > summary").nodes().iter().take(BLOCKS_MAX) {
        let said = siblings_text(term);
        let list =
            term.ancestors_it(Some(2)).find(|one| one.has_name("dl")).or_else(|| term.parent()?.parent());
        let (Some(list), Some(term), false) =
            (list, page::short_text(term, LABEL_CHARS_MAX).filter(|term| !term.is_empty()), said.is_empty())
        else {
            continue;
        };
        let fact = |(name, text): (&str, &String)| Fact::new(name, text.as_str(), true);
        let facts = [("term", &term), ("question", &term), ("definition", &said), ("answer", &said)];
        let item = Entity { hints: facts.into_iter().map(fact).collect(), ..Entity::default() };
        match lists.last_mut().filter(|(id, _)| *id == list.id) {
            Some((_, listing)) => listing.items.push(item),
            None => lists.push((list.id, Listing { label: heading_before(&list), items: vec![item] })),
        }
    }
    lists.into_iter().map(|(_, listing)| listing).filter(|listing| listing.items.len() > 1).collect()
}

/// What follows a term up to the next one.
fn siblings_text(term: &NodeRef<'_>) -> String {
    let (mut said, mut next) = (Vec::new(), term.next_sibling());
    while let Some(part) = next.filter(|part| !part.has_name("dt")) {
        said.extend(page::short_text(&part, SAID_CHARS_MAX).filter(|text| !text.is_empty()));
        next = part.next_sibling();
    }
    said.join(" ")
}

fn listing(blocks: &[NodeRef<'_>], base: &Url) -> Listing {
    let item = |block: &NodeRef<'_>| {
        let mut entity = visible::card(block, base);
        if let Some(item) = microdata::read(block, base).first() {
            let mut told = Entity::from_json(item);
            told.append(entity);
            entity = told;
        }
        let pairs = super::label_value::read(block);
        entity.facts.extend(pairs.into_iter().map(|(label, value)| Fact::new(&label, value, true)));
        entity
    };
    let label =
        blocks.first().and_then(NodeRef::parent).map(|list| heading_before(&list)).unwrap_or_default();
    Listing { label, items: blocks.iter().take(BLOCKS_MAX).map(item).collect() }
}

/// The largest set of children that look alike, with its weight.
fn like_children<'a>(parent: &NodeRef<'a>) -> Option<(usize, Vec<NodeRef<'a>>)> {
    let mut groups: HashMap<String, Vec<NodeRef<'a>>> = HashMap::new();
    for child in parent.element_children() {
        if let Some(signature) = signature(&child) {
            groups.entry(signature).or_default().push(child);
        }
    }
    let blocks = groups.into_values().filter(|blocks| blocks.len() >= BLOCKS_MIN).max_by_key(Vec::len)?;
    let weight: usize = blocks.iter().take(BLOCKS_MAX).map(weight).sum();
    (weight > 0).then_some((weight, blocks))
}

fn signature(node: &NodeRef<'_>) -> Option<String> {
    let tag = page::name(node);
    let class = node.attr_or("class", "").to_string();
    let class = class.split_whitespace().next().unwrap_or_default();
    match tag.as_str() {
        "li" | "article" => Some(tag),
        "div" | "section" | "a" => Some(format!("{tag}.{class}")),
        _ if tag.contains('-') => Some(tag),
        _ => None,
    }
}

/// How much a block says: parts count more than words, so that cards outweigh menus and paragraphs.
fn weight(block: &NodeRef<'_>) -> usize {
    if !page::has_text(block) {
        return 0;
    }
    let parts = block.descendants_it().take(WEIGHED_MAX).filter(|node| {
        ["h2", "h3", "h4", "h5", "img", "a", "p", "span", "time", "div", "li"]
            .iter()
            .any(|tag| node.has_name(tag))
    });
    parts.take(20).count().saturating_sub(1)
}

/// The text of the nearest heading before an element, looking at its siblings and those of its parents.
pub(crate) fn heading_before(node: &NodeRef<'_>) -> String {
    let mut at = Some(*node);
    for _ in 0..3 {
        let Some(here) = at else { break };
        let mut before = here.prev_element_sibling();
        for _ in 0..4 {
            let Some(one) = before else { break };
            if ["h1", "h2", "h3", "h4"].iter().any(|tag| one.has_name(tag)) {
                return page::short_text(&one, LABEL_CHARS_MAX).unwrap_or_default();
            }
            before = one.prev_element_sibling();
        }
        at = here.parent();
    }
    String::new()
}
