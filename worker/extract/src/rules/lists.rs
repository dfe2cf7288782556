//! Fills arrays: of objects from lists, tables and cards, of scalars from lists of values.

use serde_json::Value;

use super::convert;
use super::fill::Filler;
use super::match_names::Query;
use super::shape::{Field, Kind, Shape};
use crate::structured::entity::{Entity, Fact, scalar, words};
use crate::structured::listing::Listing;

/// Items of one array.
const ITEMS_MAX: usize = 1_000;
/// Items by which a list is judged.
const SAMPLE_ITEMS: usize = 40;

/// The array for a field, or `None` when the page has nothing for it.
pub(crate) fn fill(
    filler: &Filler<'_>,
    item: &Shape,
    query: &Query,
    entity: &Entity,
    root: bool,
) -> Option<Value> {
    match &item.kind {
        Kind::Object(fields) => objects(filler, fields, query, entity, root),
        Kind::Either(shapes) => shapes.iter().find_map(|one| fill(filler, one, query, entity, root)),
        Kind::List(_) => None,
        _ => scalars(filler, item, query, entity, root),
    }
}

fn objects(
    filler: &Filler<'_>,
    fields: &[Field],
    query: &Query,
    entity: &Entity,
    root: bool,
) -> Option<Value> {
    // A part of exactly that name ("reviews") is meant before any list that merely fits.
    let named = filler.lookup(entity, query, |fact| {
        let parts: Vec<Entity> = match &fact.value {
            Value::Array(list) => list.iter().filter(|one| one.is_object()).map(Entity::from_json).collect(),
            // An AggregateOffer in `offers` holds the offers, an ItemList its members.
            Value::Object(part) => match [fact.name.as_str(), "itemListElement"]
                .iter()
                .find_map(|key| part.get(*key)?.as_array())
            {
                Some(list) => list.iter().filter(|one| one.is_object()).map(Entity::from_json).collect(),
                None => vec![Entity::from_json(&fact.value)],
            },
            _ => return None,
        };
        rows(filler, fields, &parts).map(|(rows, _)| rows)
    });
    if named.is_some() || !root {
        return named.or_else(|| named_texts(filler, fields, query, entity)).map(Value::Array);
    }
    let mut best: Option<(&Listing, f64)> = None;
    for listing in &filler.listings {
        let score = score(filler, fields, &listing.items).unwrap_or_default() * bonus(listing, query);
        if score > best.map_or(0.0, |(_, highest)| highest) {
            best = Some((listing, score));
        }
    }
    let best = best.and_then(|(listing, _)| rows(filler, fields, &listing.items));
    best.map(|(rows, _)| rows)
        .or_else(|| named_texts(filler, fields, query, entity))
        .or_else(|| rows(filler, fields, std::slice::from_ref(entity)).map(|(rows, _)| rows))
        .map(Value::Array)
}

/// The entities that have all required fields, with a score: how much and how completely they are filled.
fn rows(filler: &Filler<'_>, fields: &[Field], items: &[Entity]) -> Option<(Vec<Value>, f64)> {
    let (mut rows, mut count) = (Vec::new(), 0);
    for item in items.iter().take(ITEMS_MAX) {
        let filled = filler.object(fields, item, false);
        if filled.missing.is_empty() && filled.count > 0 {
            count += filled.count;
            rows.push(Value::Object(filled.object));
        }
    }
    rows.dedup();
    let possible = (fields.len().max(1) * items.len().max(1)) as f64;
    let completeness = count as f64 / possible;
    // Completeness to the fourth: a short list that fits beats a long one that hardly does.
    (!rows.is_empty()).then(|| (rows, count as f64 * completeness.powi(4)))
}

/// How well a list fits, judged by its beginning: filling it whole only to compare would cost too much.
fn score(filler: &Filler<'_>, fields: &[Field], items: &[Entity]) -> Option<f64> {
    let sample = &items[..items.len().min(SAMPLE_ITEMS)];
    let (_, score) = rows(filler, fields, sample)?;
    Some(score * items.len() as f64 / sample.len() as f64)
}

/// A list under a heading or caption of the field's name is more likely meant.
fn bonus(listing: &Listing, query: &Query) -> f64 {
    let singular = |word: &String| word.trim_end_matches('s').to_owned();
    let label: Vec<String> = words(&listing.label).iter().map(singular).collect();
    if query.words.iter().map(singular).any(|word| label.contains(&word)) { 3.0 } else { 1.0 }
}

/// Texts where objects are wanted: authors as names.
fn named_texts(filler: &Filler<'_>, fields: &[Field], query: &Query, entity: &Entity) -> Option<Vec<Value>> {
    let texts = filler.lookup(entity, query, |fact| texts(fact, query))?;
    let named = |text: String| Entity { facts: vec![Fact::new("name", text, true)], ..Entity::default() };
    let parts: Vec<Entity> = texts.into_iter().map(named).collect();
    rows(filler, fields, &parts).map(|(rows, _)| rows)
}

fn scalars(filler: &Filler<'_>, item: &Shape, query: &Query, entity: &Entity, root: bool) -> Option<Value> {
    let read_all = |facts: Vec<Value>, visible: bool| {
        let values = facts.into_iter().filter_map(|value| {
            convert::scalar_value(&Fact::new("item", value, visible), item, query, filler.found)
        });
        let mut list: Vec<Value> = Vec::new();
        for value in values.take(ITEMS_MAX) {
            if !list.contains(&value) {
                list.push(value);
            }
        }
        (!list.is_empty()).then_some(list)
    };
    let from_fact = |fact: &Fact| {
        let members = match &fact.value {
            Value::Array(list) => list.clone(),
            Value::String(text) if splits(query) => split(text),
            other => vec![other.clone()],
        };
        read_all(members, fact.visible)
    };
    let several = filler
        .lookup(entity, query, |fact| from_fact(fact).filter(|list| list.len() > 1 || fact.value.is_array()));
    let column = || if root { column(filler, item, query) } else { None };
    several.or_else(column).or_else(|| filler.lookup(entity, query, from_fact)).map(Value::Array)
}

/// "titles": one field of every thing in the page's best list.
fn column(filler: &Filler<'_>, item: &Shape, query: &Query) -> Option<Vec<Value>> {
    let name = query.words.last()?.trim_end_matches('s');
    let field = Field::new(name, true, Shape { nullable: false, ..item.clone() });
    let fields = std::slice::from_ref(&field);
    let (mut best, mut best_score) = (None, 0.0);
    for listing in filler.listings.iter().filter(|listing| listing.items.len() > 1) {
        let score = score(filler, fields, &listing.items).unwrap_or_default();
        if score > best_score {
            (best, best_score) = (Some(listing), score);
        }
    }
    let (rows, _) = rows(filler, fields, &best?.items)?;
    Some(rows.into_iter().filter_map(|row| row.get(name).cloned()).collect())
}

fn texts(fact: &Fact, query: &Query) -> Option<Vec<String>> {
    let texts: Vec<String> = match &fact.value {
        Value::Array(list) => list.iter().filter_map(scalar).collect(),
        Value::String(text) if splits(query) => split(text).iter().filter_map(scalar).collect(),
        other => vec![scalar(other)?],
    };
    (!texts.is_empty()).then_some(texts)
}

/// Fields whose text is a list with separators.
fn splits(query: &Query) -> bool {
    !query.is_address()
        && !matches!(
            query.concept,
            Some("name" | "title" | "description" | "price" | "content" | "instructions")
        )
}

fn split(text: &str) -> Vec<Value> {
    let separator = [';', '|', ','].into_iter().find(|mark| text.contains(*mark)).unwrap_or(',');
    text.split(separator).map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect()
}
