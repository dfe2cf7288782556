//! Schemas that are taken, and hostile ones that are not.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn with_property(schema: Value) -> Value {
    json!({"type": "object", "properties": {"a": schema}})
}

/// `d0` to `dN`, each made from a reference to the next.
fn chain(length: usize, link: impl Fn(Value) -> Value) -> Value {
    let name = |index: usize| format!("d{index}");
    let reference = |index: usize| json!({"$ref": format!("#/$defs/{}", name(index))});
    let mut defs: Map<String, Value> =
        (0..length).map(|index| (name(index), link(reference(index + 1)))).collect();
    defs.insert(name(length), json!({"type": "string"}));
    json!({"type": "object", "$defs": defs, "properties": {"a": reference(0)}})
}

fn refused(schema: &Value, word: &str) {
    let fault = fault(schema).unwrap_or_else(|| panic!("taken: {schema:.200}"));
    assert!(fault.contains(word), "{fault}: {schema:.200}");
}

#[test]
fn a_schema_of_an_object_is_taken() {
    let schema = with_property(json!({"type": "number"}));
    assert_eq!(fault(&schema), None);
    assert_eq!(warnings(&schema), Vec::<String>::new());
}

#[test]
fn schemas_that_tools_write_are_taken() {
    let recursive = json!({"type": "object", "$defs": {"Comment": {"type": "object", "properties": {
        "text": {"type": "string"}, "replies": {"anyOf": [
            {"type": "array", "items": {"$ref": "#/$defs/Comment"}}, {"type": "null"}]}}}},
        "properties": {"comments": {"type": "array", "items": {"$ref": "#/$defs/Comment"}}}});
    let patterns = with_property(json!({"type": "string", "pattern": "^[\\p{L} '-]{1,50}$"}));
    let tree = json!({"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}},
        "additionalProperties": {"$ref": "#"}});
    let anchored = json!({"type": "object", "$defs": {"x": {"$anchor": "name", "type": "string"}},
        "properties": {"a": {"$ref": "#name"}, "$ref": {"type": "string"}, "$id": {"type": "string"}}});
    let drafts = json!({"$schema": "http://json-schema.org/draft-07/schema#", "$id": "https://x.example/a",
        "type": "object", "definitions": {"a b": {"type": "string"}},
        "properties": {"a": {"$ref": "#/definitions/a%20b"}, "b": {"const": {"$ref": "http://x.example/"}}}});
    let variants: Vec<Value> = (0..40).map(|index| with_property(json!({"const": index}))).collect();
    let union = json!({"type": "object", "$defs": {"U": {"oneOf": variants}},
        "properties": {"list": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/U"}, {"type": "null"}]}}}});
    for schema in [recursive, patterns, tree, anchored, drafts, union] {
        assert_eq!(fault(&schema), None, "{schema}");
    }
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
        (with_property(json!({"type": "wrong"})), "valid"),
        (json!({"type": "object", "required": "a"}), "valid"),
        (with_property(json!({"description": "x".repeat(SCHEMA_BYTES_MAX)})), "larger"),
        (deep, "nested"),
    ];
    for (schema, word) in cases {
        refused(&schema, word);
    }
}

#[test]
fn no_reference_leaves_the_schema() {
    for reference in
        ["http://127.0.0.1:9/y", "file:///etc/passwd", "other.json", "#/nowhere", "#nobody", "//x"]
    {
        refused(&with_property(json!({"$ref": reference})), "refers");
        refused(&with_property(json!({"$dynamicRef": reference})), "refers");
        let kept = json!({"type": "object", "$defs": {"a": {"not": {"$ref": reference}}}});
        refused(&kept, "refers");
    }
    refused(&with_property(json!({"$id": "http://127.0.0.1:9/x", "type": "string"})), "$id");
    let foreign = json!({"$schema": "http://127.0.0.1:9/schema", "type": "object"});
    refused(&foreign, "valid");
}

#[test]
fn references_that_never_end_are_refused() {
    refused(&json!({"$ref": "#"}), "never ends");
    refused(&json!({"type": "object", "anyOf": [{"not": {"$ref": "#"}}]}), "never ends");
    let round = json!({"type": "object", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}},
        "properties": {"x": {"$ref": "#/$defs/a"}}});
    refused(&round, "never ends");
    refused(&chain(1_000, |next| json!({"allOf": [next]})), "follow each other");
}

#[test]
fn alternatives_that_multiply_are_refused() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        refused(&chain(20, |next| json!({keyword: [next, next]})), "multiply");
    }
    let two_ways = json!({"type": "object", "$defs": {"E": {"anyOf": [
        {"properties": {"x": {"$ref": "#/$defs/E"}}}, {"properties": {"x": {"$ref": "#/$defs/E"}, "y": {}}}]}},
        "properties": {"e": {"$ref": "#/$defs/E"}}});
    refused(&two_ways, "multiply");
    // Written out many times it is small: each member of an answer is looked at once.
    assert_eq!(fault(&chain(20, |next| json!({"properties": {"a": next, "b": next}}))), None);
}

#[test]
fn too_many_parts_are_refused() {
    let many: Map<String, Value> = (0..501).map(|index| (format!("p{index}"), json!({}))).collect();
    refused(&json!({"type": "object", "properties": many}), "properties");
    let required: Vec<String> = (0..501).map(|index| format!("p{index}")).collect();
    refused(&json!({"type": "object", "required": required}), "properties");
    refused(&with_property(json!({"enum": (0..2_001).collect::<Vec<_>>()})), "enumerations");
    let patterns: Map<String, Value> =
        (0..65).map(|index| (format!("p{index}"), json!({"pattern": "^a$"}))).collect();
    refused(&json!({"type": "object", "properties": patterns}), "patterns");
    for key in ["minItems", "minLength", "minProperties"] {
        refused(&with_property(json!({key: 1e300})), "demands");
    }
    let large = json!({"maxItems": u64::MAX, "maxLength": 1e300, "multipleOf": 1e-300});
    assert_eq!(fault(&with_property(large)), None);
}

#[test]
fn patterns_that_could_take_long_are_refused() {
    let cases = [r"(?=a)b", r"(a)\1", r"(?<!x)y", "(a{1000}){1000}", r"((\p{L}{100}){100}){100}", "("];
    for pattern in cases {
        refused(&with_property(json!({"pattern": pattern})), "pattern");
        refused(&json!({"type": "object", "patternProperties": {pattern: {}}}), "pattern");
    }
    let big: Map<String, Value> = (0..10)
        .map(|index| (format!("p{index}"), json!({"pattern": format!("^\\p{{L}}{{1,50}}{index}$")})))
        .collect();
    refused(&json!({"type": "object", "properties": big}), "together");
    // What makes a backtracking engine take exponential time is harmless here.
    assert_eq!(fault(&with_property(json!({"pattern": "^(a+)+$"}))), None);
}

fn anything() -> impl Strategy<Value = Value> {
    let words = "type|object|string|array|#|#/\\$defs/a|http://x|\\^\\(a\\+\\)\\+\\$|\\(\\?=a\\)|[a-z]{0,3}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
    ];
    let keys = "type|properties|items|\\$ref|\\$defs|anyOf|allOf|oneOf|not|enum|const|pattern|required|minItems|\
        format|\\$id|\\$schema|\\$anchor|patternProperties|additionalProperties|a|dependencies|multipleOf|unevaluatedProperties";
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            4 => proptest::collection::hash_map(keys, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_json_as_a_schema_makes_it_fail(inner in anything(), answer in anything()) {
        for schema in [&inner, &with_property(inner.clone())] {
            let _ = warnings(schema);
            if fault(schema).is_none() {
                let validator = jsonschema::options().offline().build(schema).expect("it was taken");
                let _ = validator.iter_errors(&answer).count();
            }
        }
    }
}
