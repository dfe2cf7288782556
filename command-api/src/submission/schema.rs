//! Which JSON Schemas may be submitted, and what is said about keywords that the extractor does not use.

use leafcutter_domain::limits::{SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX};
use serde_json::Value;

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

/// Says what is wrong with a schema, or nothing.
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
    if let Some(reference) = remote_reference(schema) {
        return Some(format!("refers to '{reference}'; only references inside the schema are followed"));
    }
    jsonschema::validator_for(schema).err().map(|error| format!("is not a valid JSON Schema: {error}"))
}

/// One sentence for each keyword that has no effect on what is extracted.
pub(super) fn warnings(schema: &Value) -> Vec<String> {
    let mut found: Vec<&str> = Vec::new();
    visit(schema, &mut |key, _| {
        if let Some(keyword) = UNSUPPORTED.iter().find(|keyword| **keyword == key)
            && !found.contains(keyword)
        {
            found.push(keyword);
        }
    });
    found
        .iter()
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

fn visit<'a>(value: &'a Value, seen: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                seen(key, value);
                visit(value, seen);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| visit(value, seen)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn remote_reference(schema: &Value) -> Option<&str> {
    let mut remote = None;
    visit(schema, &mut |key, value| {
        if matches!(key, "$ref" | "$dynamicRef")
            && let Some(reference) = value.as_str()
            && !reference.starts_with('#')
        {
            remote = Some(reference);
        }
    });
    remote
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_of_an_object_is_taken() {
        let schema = json!({"type": "object", "properties": {"price": {"type": "number"}}});
        assert_eq!(fault(&schema), None);
        assert_eq!(warnings(&schema), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_usable_schema_is_refused_with_its_reason() {
        let mut deep = json!({});
        for _ in 0..SCHEMA_DEPTH_MAX {
            deep = json!({"properties": {"a": deep}});
        }
        let cases = [
            (json!([]), "object"),
            (json!({"type": "array"}), "root"),
            (json!({"type": "object", "properties": {"a": {"type": "wrong"}}}), "valid"),
            (json!({"type": "object", "properties": {"a": {"$ref": "http://x/y"}}}), "refers"),
            (deep, "nested"),
        ];
        for (schema, word) in cases {
            assert!(fault(&schema).is_some_and(|fault| fault.contains(word)), "{schema}");
        }
    }
}
