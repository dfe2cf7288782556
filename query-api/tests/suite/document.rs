//! The OpenAPI document: answers are held against it, and it is held against the rules for documents.

use crate::support::{Answer, World};
use serde_json::{Value, json};

pub(crate) struct Document(Value);

impl Document {
    pub(crate) fn new(document: &utoipa::openapi::OpenApi) -> Self {
        Self(serde_json::to_value(document).unwrap())
    }

    fn operations(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0["paths"].as_object().unwrap().iter().map(|(path, item)| (path.as_str(), &item["get"]))
    }

    /// Fails the test when the answer is not one that the document knows.
    pub(crate) fn check(&self, path: &str, answer: &Answer) {
        let path = path.split('?').next().unwrap();
        let operation = self.operations().find(|(template, _)| is_like(template, path));
        let (template, operation) = operation.unwrap_or_else(|| panic!("{path} is not documented"));
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{template} answers {} undocumented: {}", answer.status, answer.json);
        let Some(content) = response.get("content") else {
            assert!(answer.bytes.is_empty(), "{template} answers with an undocumented body");
            return;
        };
        let kind = answer.header("content-type");
        assert!(content[kind].is_object(), "{template} answers with an undocumented {kind}");
        if kind == "application/json" {
            let mut schema = content[kind]["schema"].clone();
            schema["components"] = self.0["components"].clone();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let faults: Vec<String> =
                validator.iter_errors(&answer.json).map(|one| one.to_string()).collect();
            assert!(faults.is_empty(), "{template}: {faults:?} in {}", answer.json);
        }
    }
}

fn is_like(template: &str, path: &str) -> bool {
    let (mut parts, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (parts.next(), given.next()) {
            (None, None) => return true,
            (Some(part), Some(value)) if part == value || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

fn parameter<'a>(operation: &'a Value, name: &str) -> &'a Value {
    operation["parameters"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()
}

#[tokio::test]
async fn every_operation_names_its_refusals_and_no_catch_all() {
    let document = World::new().await.document();
    let mut ids = Vec::new();
    for (path, operation) in document.operations() {
        let responses = operation["responses"].as_object().unwrap();
        for status in ["200", "401", "429", "503"] {
            assert!(responses.contains_key(status), "{path} says nothing of {status}");
        }
        assert_eq!(responses.contains_key("403"), path.starts_with("/api"), "{path}");
        assert_eq!(responses.contains_key("404"), path.contains('{'), "{path}");
        assert!(responses.keys().all(|status| status.parse::<u16>().is_ok()), "{path} has a catch-all");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path}");
        ids.push(operation["operationId"].clone());
    }
    assert_eq!(ids.len(), 12);
}

#[tokio::test]
async fn ids_and_numbers_are_described_with_their_bounds() {
    let document = World::new().await.document();
    for (path, operation) in document.operations().filter(|(path, _)| path.contains('{')) {
        let name = if path.starts_with("/v1") { "batch_id" } else { "batchId" };
        assert_eq!(
            parameter(operation, name)["schema"],
            json!({"type": "string", "format": "uuid"}),
            "{path}"
        );
    }
    for (path, limit_max) in
        [("/api/batch/scrape", 50), ("/v1/batch-sessions", 100), ("/api/credits/history", 100)]
    {
        let operation = &document.0["paths"][path]["get"];
        for (name, max) in [("page", 2_147_483_647_u32), ("limit", limit_max)] {
            let schema = &parameter(operation, name)["schema"];
            assert_eq!((&schema["minimum"], &schema["maximum"]), (&json!(1), &json!(max)), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn only_results_and_metadata_are_free_objects() {
    let document = World::new().await.document();
    let mut free = Vec::new();
    for (name, schema) in document.0["components"]["schemas"].as_object().unwrap() {
        let Some(properties) = schema["properties"].as_object() else { continue };
        for (property, schema) in properties {
            let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
            if types.contains(&json!("object")) && schema.get("properties").is_none() {
                free.push(format!("{name}.{property}"));
            }
            let described =
                ["type", "$ref", "oneOf", "allOf", "enum"].iter().any(|key| schema.get(key).is_some());
            assert!(described, "{name}.{property} may be anything");
        }
    }
    free.sort();
    assert_eq!(free, ["BatchItem.result", "BatchStatus.metadata"]);
}

#[tokio::test]
async fn every_parameter_is_one_plain_value_and_every_answer_has_all_its_fields() {
    let document = World::new().await.document();
    for (path, operation) in document.operations() {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["schema"]["type"].is_string(), "{path}: {parameter}");
        }
    }
    let mut optional = Vec::new();
    for (name, schema) in document.0["components"]["schemas"].as_object().unwrap() {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let properties = schema["properties"].as_object().into_iter().flat_map(|all| all.keys());
        let left_out = properties.filter(|property| !required.contains(&json!(property)));
        optional.extend(left_out.map(|property| format!("{name}.{property}")));
    }
    assert_eq!(optional, ["BatchItem.result"]);
}
