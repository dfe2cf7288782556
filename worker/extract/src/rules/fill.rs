//! Fills a shape from facts: the first fact whose name fits and whose value can be read as wanted.
//!
//! **Not here:** lists (`lists`), validity against the whole schema (`validate`).

use std::cell::Cell;

use serde_json::{Map, Value};

use super::convert;
use super::lists;
use super::match_names::Query;
use super::shape::{Field, Kind, Shape};
use super::{sources, values};
use crate::structured::Found;
use crate::structured::entity::{Entity, Fact, scalar};
use crate::structured::listing::Listing;

/// Extra words that a label may have around a field's own ("Weight (kg)").
const EXTRA_WORDS_MAX: usize = 2;
/// Names of facts that are looked at for one page; far more than a real page and schema need.
const COMPARISONS_MAX: usize = 40_000_000;

/// Everything that filling reads from.
pub(crate) struct Filler<'f> {
    pub(crate) found: &'f Found,
    pub(crate) listings: Vec<Listing>,
    /// A schema of many fields over a page of many lists stops finding when these are used up.
    comparisons_left: Cell<usize>,
}

/// An object with how much of it the page gave.
#[derive(Default)]
pub(crate) struct Filled {
    pub(crate) object: Map<String, Value>,
    /// Fields with a value from the page.
    pub(crate) count: usize,
    /// Paths of required fields without one.
    pub(crate) missing: Vec<String>,
}

impl<'f> Filler<'f> {
    pub(crate) fn new(found: &'f Found) -> Self {
        let comparisons_left = Cell::new(COMPARISONS_MAX);
        Self { found, listings: sources::listings(found), comparisons_left }
    }

    /// Asks facts, then hints, by each name in turn; then facts whose label contains the field's words.
    pub(crate) fn lookup<T>(
        &self,
        entity: &Entity,
        query: &Query,
        read: impl Fn(&Fact) -> Option<T>,
    ) -> Option<T> {
        let compared = (entity.facts.len() + entity.hints.len()) * (query.names.len() + 1);
        let left = self.comparisons_left.get().checked_sub(compared)?;
        self.comparisons_left.set(left);
        for tier in [&entity.facts, &entity.hints] {
            for name in &query.names {
                if let Some(found) = tier.iter().filter(|fact| fact.name == *name).find_map(&read) {
                    return Some(found);
                }
            }
        }
        // Only labels: there people add units and asides.
        let similar = |fact: &&Fact| {
            fact.visible
                && fact.words.len() <= query.words.len() + EXTRA_WORDS_MAX
                && query.words.iter().all(|word| word.len() > 2 && fact.words.contains(word))
        };
        let known = query.concept.is_some();
        entity
            .facts
            .iter()
            .filter(similar)
            .find_map(&read)
            .or_else(|| if known { None } else { entity.hints.iter().filter(similar).find_map(&read) })
    }

    /// Fills every field that the entity answers.
    pub(crate) fn object(&self, fields: &[Field], entity: &Entity, root: bool) -> Filled {
        let mut filled = Filled::default();
        for field in fields {
            match self.shaped(&field.shape, &field.query, entity, root) {
                Ok(Some(value)) => {
                    filled.count += usize::from(!value.is_null());
                    filled.object.insert(field.name.clone(), value);
                }
                _ if field.shape.nullable => {
                    filled.object.insert(field.name.clone(), Value::Null);
                }
                outcome if field.required => match outcome.err().unwrap_or_default() {
                    inner if inner.is_empty() => filled.missing.push(field.name.clone()),
                    inner => {
                        let path = |inner: String| format!("{}.{inner}", field.name);
                        filled.missing.extend(inner.into_iter().map(path));
                    }
                },
                _ => {}
            }
        }
        filled
    }

    /// A value of that shape; `Err` names the parts that an object lacks.
    fn shaped(
        &self,
        shape: &Shape,
        query: &Query,
        entity: &Entity,
        root: bool,
    ) -> Result<Option<Value>, Vec<String>> {
        match &shape.kind {
            Kind::Object(fields) => self.nested(fields, query, entity, root),
            Kind::List(item) => Ok(lists::fill(self, item, query, entity, root)),
            Kind::Either(shapes) => {
                Ok(shapes.iter().find_map(|one| self.shaped(one, query, entity, root).ok().flatten()))
            }
            _ => Ok(self.scalar(shape, query, entity)),
        }
    }

    pub(crate) fn scalar(&self, shape: &Shape, query: &Query, entity: &Entity) -> Option<Value> {
        if let [only] = shape.choices.as_slice() {
            return Some(only.clone());
        }
        let read = |fact: &Fact| convert::scalar_value(fact, shape, query, self.found);
        self.lookup(entity, query, read).or_else(|| derived(self, entity, shape, query)).or_else(|| {
            let kind = |name: &String| entity.kinds.iter().find(|fact| fact.name == *name);
            query.names.iter().find_map(kind).and_then(read)
        })
    }

    /// An object from the part of that name, from a text that names it, or from the facts around.
    fn nested(
        &self,
        fields: &[Field],
        query: &Query,
        entity: &Entity,
        root: bool,
    ) -> Result<Option<Value>, Vec<String>> {
        let part = self.lookup(entity, query, |fact| match &fact.value {
            Value::Object(_) => Some(Entity::from_json(&fact.value)),
            Value::Array(list) => list.iter().find(|one| one.is_object()).map(Entity::from_json),
            _ => None,
        });
        let mut missing = Vec::new();
        if let Some(part) = part {
            let filled = self.object(fields, &part, false);
            if filled.count > 0 && filled.missing.is_empty() {
                return Ok(Some(Value::Object(filled.object)));
            }
            missing = filled.missing;
        }
        if let Some(name) = self.lookup(entity, query, |fact| fact.value.as_str().and(scalar(&fact.value))) {
            let named = Entity { facts: vec![Fact::new("name", name, false)], ..Entity::default() };
            let filled = self.object(fields, &named, false);
            if filled.count > 0 && filled.missing.is_empty() {
                return Ok(Some(Value::Object(filled.object)));
            }
        }
        // "product": {…} on a product's page is the page's own subject.
        if root {
            let filled = self.object(fields, entity, false);
            if filled.count > 0 && filled.missing.is_empty() {
                return Ok(Some(Value::Object(filled.object)));
            }
            if missing.is_empty() {
                missing = filled.missing;
            }
        }
        if missing.is_empty() { Ok(None) } else { Err(missing) }
    }
}

/// What follows from other facts: the currency from the sign in a price.
fn derived(filler: &Filler<'_>, entity: &Entity, shape: &Shape, query: &Query) -> Option<Value> {
    if query.concept != Some("currency") || !matches!(shape.kind, Kind::Text | Kind::Any) {
        return None;
    }
    let price = Query::new("price", "");
    let code = filler.lookup(entity, &price, |fact| values::currency(&scalar(&fact.value)?))?;
    let allowed = shape.choices.is_empty() || shape.choices.contains(&Value::from(code));
    allowed.then(|| Value::from(code))
}
