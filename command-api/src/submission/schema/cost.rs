//! How much work it is to check an answer against a schema, found out before any answer exists.
//!
//! `allOf` of two references to an `allOf` of two references … is small to write and takes 2ⁿ steps to check, and so
//! does a recursive schema with two ways into itself. The worst case is counted level by level of the
//! answer, each pair of schema and level once, so the counting itself is cheap.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};

use super::walk::{self, Applies, Document};

/// Levels of an answer that are counted. The extractor gives none that is deeper.
const ANSWER_LEVELS_MAX: usize = 16;
/// Looks at one value of the answer. A model with unions three deep stays below 200.
const LOOKS_MAX: u64 = 5_000;
/// Schemas that stand inside each other or refer to each other, for one path through the answer.
const CHAIN_MAX: usize = 256;

/// Why a schema is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooMuch {
    /// It refers to itself for the same value.
    Cycle,
    /// References follow each other without end in sight.
    Chain,
    /// Its alternatives multiply.
    Looks,
}

/// Nothing when any answer can be checked with at most [`LOOKS_MAX`] looks at each of its values.
pub(super) fn fault(document: &Document<'_>) -> Option<TooMuch> {
    Counter { document, counted: HashMap::new(), chain: 0 }.looks(document.root, ANSWER_LEVELS_MAX).err()
}

struct Counter<'s> {
    document: &'s Document<'s>,
    /// By schema and levels left; `None` while it is being counted.
    counted: HashMap<(*const Map<String, Value>, usize), Option<u64>>,
    chain: usize,
}

impl fmt::Display for TooMuch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cycle => "refers to itself for the same value, which never ends",
            Self::Chain => "has references that follow each other too often, write the schema out",
            Self::Looks => {
                "has alternatives and references that multiply (a value would be looked at thousands of times), \
                simplify its anyOf, oneOf and allOf"
            }
        })
    }
}

impl Counter<'_> {
    fn looks(&mut self, schema: &Value, levels: usize) -> Result<u64, TooMuch> {
        let Some(schema) = schema.as_object() else { return Ok(1) };
        let key = (std::ptr::from_ref(schema), levels);
        match self.counted.get(&key) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err(TooMuch::Cycle),
            None => {}
        }
        if self.chain >= CHAIN_MAX {
            return Err(TooMuch::Chain);
        }
        self.counted.insert(key, None);
        self.chain += 1;
        let sum = self.sum(schema, levels)?;
        self.chain -= 1;
        self.counted.insert(key, Some(sum));
        Ok(sum)
    }

    fn sum(&mut self, schema: &Map<String, Value>, levels: usize) -> Result<u64, TooMuch> {
        let (mut here, mut one_member, mut each_member) = (1_u64, 0_u64, 0_u64);
        for (applies, inner) in walk::inner(schema) {
            match applies {
                Applies::Here => here += self.looks(inner, levels)?,
                Applies::OneMember if levels > 0 => {
                    one_member = one_member.max(self.looks(inner, levels - 1)?);
                }
                Applies::EachMember if levels > 0 => each_member += self.looks(inner, levels - 1)?,
                Applies::OneMember | Applies::EachMember => {}
            }
        }
        for reference in walk::references(schema) {
            if let Some(target) = self.document.target(reference) {
                here += self.looks(target, levels)?;
            }
        }
        // What was evaluated has to be found out anew for each of these.
        let again = ["unevaluatedProperties", "unevaluatedItems"].iter().any(|key| schema.contains_key(*key));
        let sum = here * (1 + u64::from(again)) + one_member + each_member;
        if sum > LOOKS_MAX { Err(TooMuch::Looks) } else { Ok(sum) }
    }
}
