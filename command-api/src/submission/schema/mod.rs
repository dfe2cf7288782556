//! Which JSON Schemas may be submitted, and what is said about keywords that the extractor does not use.
//!
//! A schema is checked in bounded work, and one that is taken can be checked against any answer in bounded work.
//! **Not here:** extraction; the worker compiles the schema again with the same engine.

mod cost;
mod limits;
#[cfg(test)]
mod tests;
mod walk;

use leafcutter_domain::limits::{SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX};
use serde_json::{Map, Value};

use walk::Document;

/// Keywords that are checked on the result but do not help the extractor to find it.
const UNSUPPORTED: [&str; 8] = [
    "if",
    "not",
    "patternProperties",
    "dependentSchemas",
    "unevaluatedProperties",
    "unevaluatedItems",
    "propertyNames",
    "contains",
];

/// Says what is wrong with a schema, or nothing. Costs little more than reading it, whatever it holds.
pub(super) fn fault(schema: &Value) -> Option<String> {
    let Value::Object(root) = schema else { return Some("must be a JSON Schema object".to_owned()) };
    if schema.to_string().len() > SCHEMA_BYTES_MAX {
        return Some(format!("is larger than {SCHEMA_BYTES_MAX} bytes"));
    }
    if depth(schema) > SCHEMA_DEPTH_MAX {
        return Some(format!("is nested deeper than {SCHEMA_DEPTH_MAX} levels"));
    }
    let describes_object = match root.get("type") {
        Some(kind) => kind == "object",
        None => ["properties", "$ref", "allOf", "anyOf"].iter().any(|key| root.contains_key(*key)),
    };
    if !describes_object {
        return Some("must describe an object at its root (\"type\": \"object\")".to_owned());
    }
    // The order matters: only what has passed the limits is given to the validator to compile.
    let document = Document::new(schema);
    let schemas = match document.schemas() {
        Ok(schemas) => schemas,
        Err(reference) => {
            return Some(format!("refers to '{reference}'; only references inside the schema are followed"));
        }
    };
    address_fault(&schemas)
        .or_else(|| limits::fault(&schemas))
        .or_else(|| cost::fault(&document).map(|fault| fault.to_string()))
        .or_else(|| compile_fault(schema))
}

/// An inner schema with an address of its own changes what the references below it mean.
fn address_fault(schemas: &[&Map<String, Value>]) -> Option<String> {
    let old = schemas
        .first()
        .and_then(|root| root.get("$schema")?.as_str())
        .is_some_and(|draft| ["draft-03", "draft-04"].iter().any(|old| draft.contains(old)));
    let keys: &[&str] = if old { &["id", "$schema"] } else { &["$id", "$schema"] };
    let key = schemas.iter().skip(1).find_map(|one| keys.iter().find(|key| one.contains_key(**key)))?;
    Some(format!("has '{key}' below its root; name inner schemas by their place, as in \"#/$defs/name\""))
}

fn compile_fault(schema: &Value) -> Option<String> {
    let options = jsonschema::options().offline().with_pattern_options(limits::largest_engine());
    options.build(schema).err().map(|error| format!("is not a valid JSON Schema: {error}"))
}

/// One sentence for each keyword that has no effect on what is extracted.
pub(super) fn warnings(schema: &Value) -> Vec<String> {
    let schemas = Document::new(schema).schemas().unwrap_or_default();
    let found = UNSUPPORTED.iter().filter(|key| schemas.iter().any(|one| one.contains_key(**key)));
    found
        .map(|keyword| {
            format!("schema: '{keyword}' is checked on each result but does not guide the extraction")
        })
        .collect()
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
