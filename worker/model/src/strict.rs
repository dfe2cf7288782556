//! The caller's schema in the form that endpoints enforce strictly: every object closed, every field required, and
//! one that may be missing nullable instead. What such a schema cannot say about a value is left out, since answers
//! are checked against the caller's own schema anyway; a schema whose structure cannot be said gives none.

use serde_json::{Map, Value, json};

/// Levels that endpoints enforce.
const LEVELS_MAX: usize = 10;
/// Words about values that are kept as they are.
const KEPT: [&str; 12] = [
    "type",
    "description",
    "enum",
    "const",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
];
/// Words that change nothing, or only narrow a value.
const LEFT_OUT: [&str; 13] = [
    "title",
    "default",
    "examples",
    "example",
    "$schema",
    "$id",
    "$comment",
    "deprecated",
    "readOnly",
    "writeOnly",
    "minLength",
    "maxLength",
    "uniqueItems",
];
/// Forms of text that endpoints know.
const FORMATS: [&str; 8] = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6"];

/// The schema in its strict form; `None` when it has none.
pub(crate) fn strict(schema: &Value) -> Option<Value> {
    let adapted = adapt(schema, LEVELS_MAX, true)?;
    (adapted["type"] == "object").then_some(adapted)
}

/// `may_lack`: whether fields may be missing here. Not inside of alternatives: the null that stands for a missing
/// field could not be told from one that chooses between them.
fn adapt(schema: &Value, levels: usize, may_lack: bool) -> Option<Value> {
    let schema = schema.as_object()?;
    if levels == 0 {
        return None;
    }
    let mut adapted = Map::new();
    for (word, value) in schema {
        match word.as_str() {
            "properties" | "required" | "additionalProperties" => {}
            "items" => drop(adapted.insert(word.clone(), adapt(value, levels - 1, may_lack)?)),
            "anyOf" => drop(adapted.insert(word.clone(), alternatives(value, levels)?)),
            "format" if FORMATS.contains(&value.as_str()?) => {
                drop(adapted.insert(word.clone(), value.clone()))
            }
            "format" => {}
            _ if KEPT.contains(&word.as_str()) => drop(adapted.insert(word.clone(), value.clone())),
            _ if LEFT_OUT.contains(&word.as_str()) => {}
            _ => return None,
        }
    }
    let says = |kind: &str| match schema.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    };
    let typed = ["type", "enum", "const", "anyOf"].iter().any(|word| schema.contains_key(*word));
    if !typed || (says("array") && !schema.contains_key("items")) {
        return None;
    }
    if says("object") {
        object(schema, &mut adapted, levels, may_lack)?;
    } else if schema.contains_key("properties") {
        return None;
    }
    Some(Value::Object(adapted))
}

fn alternatives(value: &Value, levels: usize) -> Option<Value> {
    value
        .as_array()?
        .iter()
        .map(|one| adapt(one, levels - 1, false))
        .collect::<Option<Vec<_>>>()
        .map(Value::Array)
}

/// Closes an object. One that takes any field cannot be closed.
fn object(
    schema: &Map<String, Value>,
    adapted: &mut Map<String, Value>,
    levels: usize,
    may_lack: bool,
) -> Option<()> {
    let fields = schema.get("properties")?.as_object().filter(|fields| !fields.is_empty())?;
    if schema.get("additionalProperties").is_some_and(|more| *more != json!(false) && *more != json!(true)) {
        return None;
    }
    let required = match schema.get("required") {
        None => &Vec::new(),
        Some(names) => names.as_array()?,
    };
    let mut closed = Map::new();
    for (name, field) in fields {
        let is_required = required.iter().any(|one| one == name);
        if !is_required && !may_lack {
            return None;
        }
        let field = adapt(field, levels - 1, may_lack)?;
        closed.insert(name.clone(), if is_required { field } else { nullable(field) });
    }
    if required.iter().any(|name| !name.as_str().is_some_and(|name| fields.contains_key(name))) {
        return None;
    }
    let names = fields.keys().cloned().map(Value::String).collect();
    adapted.insert("properties".to_owned(), Value::Object(closed));
    adapted.insert("required".to_owned(), Value::Array(names));
    adapted.insert("additionalProperties".to_owned(), Value::Bool(false));
    Some(())
}

fn nullable(field: Value) -> Value {
    match field.get("type") {
        Some(Value::String(kind)) if field.get("enum").is_none() && field.get("const").is_none() => {
            let mut field = field.clone();
            field["type"] = if kind == "null" { json!("null") } else { json!([kind, "null"]) };
            field
        }
        Some(Value::Array(kinds)) if kinds.iter().any(|kind| kind == "null") => field,
        _ => json!({"anyOf": [field, {"type": "null"}]}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_field_becomes_a_null_and_every_object_is_closed() {
        let schema = json!({"$schema": "x", "title": "t", "type": "object", "required": ["name"], "properties": {
            "name": {"type": "string", "minLength": 3, "description": "d"},
            "price": {"type": "number", "minimum": 0},
            "stock": {"enum": ["in", "out"]},
            "tags": {"type": "array", "items": {"type": "object", "properties": {"t": {"type": "string"}}}}}});
        let expected = json!({"type": "object", "additionalProperties": false,
            "required": ["name", "price", "stock", "tags"], "properties": {
            "name": {"type": "string", "description": "d"},
            "price": {"type": ["number", "null"], "minimum": 0},
            "stock": {"anyOf": [{"enum": ["in", "out"]}, {"type": "null"}]},
            "tags": {"type": ["array", "null"], "items": {"type": "object", "additionalProperties": false,
                "required": ["t"], "properties": {"t": {"type": ["string", "null"]}}}}}});
        let mut found = strict(&schema).unwrap();
        let names = found["required"].as_array_mut().unwrap();
        names.sort_by_key(ToString::to_string);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_schema_that_cannot_be_said_strictly_has_no_strict_form() {
        let of = |property: Value| json!({"type": "object", "properties": {"a": property}});
        let deep = (0..12).fold(json!({"type": "string"}), |inner, _| of(inner));
        for schema in [
            json!({"type": "object"}),
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "patternProperties": {}}),
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}),
            json!({"type": "array", "items": {"type": "string"}}),
            of(json!(true)),
            of(json!({})),
            of(json!({"type": "array"})),
            of(json!({"$ref": "#/$defs/a"})),
            of(json!({"allOf": [{"type": "string"}]})),
            of(json!({"anyOf": [of(json!({"type": "string"})), {"type": "string"}]})),
            deep,
        ] {
            assert_eq!(strict(&schema), None, "{schema}");
        }
    }

    #[test]
    fn alternatives_whose_fields_are_all_required_are_kept() {
        let offer = json!({"type": "object", "required": ["p"], "properties": {"p": {"type": "number"}}});
        let schema = json!({"type": "object", "required": ["o"], "properties": {"o": {"anyOf": [offer, {"type": "null"}]}}});
        let found = strict(&schema).unwrap();
        assert_eq!(found["properties"]["o"]["anyOf"][0]["additionalProperties"], false);
    }
}
