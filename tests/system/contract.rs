//! The HTTP surface against its own OpenAPI document: schemathesis makes requests of every kind and looks whether each
//! answer is one that the document names; and the document itself must say what it means, without catch-alls.

use crate::{
    harness::{ADMIN_TOKEN, Options, Service, Site},
    sdk,
};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};
use tempfile::TempDir;
use tokio::time::timeout;

/// How long all requests together may take.
const REQUESTS_LIMIT: Duration = Duration::from_secs(570);
/// The only fields that may hold anything: what was extracted, and what the caller brings along.
const FREE_FORM: [&str; 4] = ["result", "schema", "metadata", "webhook"];

#[tokio::test]
async fn every_answer_is_one_that_the_document_names() {
    let site = Site::open().await;
    let options = Options::for_site(site.address).env("LEAFCUTTER_PENDING_BATCHES", "100000");
    let service = Service::start(&options.env("LEAFCUTTER_DEFAULT_CREDITS", "1000000000000")).await;
    let pictured = json!({"urls": [site.url("/ok/pictured")], "screenshot": true});
    let batch = service.api.submit(&pictured).await;
    let finished = service.api.finished(&batch).await;
    assert_eq!(finished["completedCount"], 1, "{finished}");

    let (scripts, folder) = (Path::new(sdk::SCRIPTS), TempDir::new().unwrap());
    let mut command = sdk::python();
    // In a folder of its own, for it leaves its notes where it runs.
    command.current_dir(folder.path()).env("PYTHONPATH", scripts);
    command
        .args(["-m", "schemathesis.cli", "--no-color", "--config-file"])
        .arg(scripts.join("schemathesis.toml"));
    command.arg("run").arg(format!("{}/openapi.json", service.api.base()));
    command.env("LEAFCUTTER_KEY", service.api.key()).env("LEAFCUTTER_ADMIN_TOKEN", ADMIN_TOKEN);
    command.env("LEAFCUTTER_SITE", site.url("")).env("LEAFCUTTER_BATCH", &batch);
    let output =
        timeout(REQUESTS_LIMIT, command.output()).await.expect("the requests take too long").unwrap();
    assert!(output.status.success(), "{}\n{}", output.status, sdk::words(&output));
    service.stop().await;
}

#[tokio::test]
async fn the_document_has_no_catch_all_answers_and_few_free_form_objects() {
    let service = Service::start(&Options::default()).await;
    let document = service.api.get("/openapi.json").await.expect(200).body;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{document}");
    assert!(document["paths"].as_object().is_some_and(|paths| paths.len() > 10), "{document}");
    assert_eq!(faults(&document), Vec::<String>::new());
    service.stop().await;
}

#[test]
fn a_vague_document_is_told_from_a_clear_one() {
    let object = |schema: Value| json!({"type": "object", "properties": {"field": schema, "result": {}}});
    let document = |status: &str, schema: Value| {
        let answer = json!({"content": {"application/json": {"schema": schema}}});
        json!({"paths": {"/": {"get": {"responses": {status: answer}}}}})
    };
    assert_eq!(faults(&document("200", object(json!({"type": "string"})))), Vec::<String>::new());
    for status in ["default", "4XX"] {
        assert_eq!(faults(&document(status, json!({"type": "string"}))).len(), 1, "{status}");
    }
    let map = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    assert_eq!(faults(&document("200", object(map))), Vec::<String>::new());
    let vague = [
        json!({}),
        json!(true),
        json!({"description": "x"}),
        json!({"type": "object"}),
        json!({"type": ["object", "null"]}),
        json!({"type": "array"}),
        json!({"type": "array", "items": {}}),
        json!({"oneOf": [{"type": "null"}, {"type": "object"}]}),
        json!({"type": "object", "additionalProperties": true}),
        json!({"type": "object", "properties": {}, "additionalProperties": {}}),
    ];
    for schema in vague {
        assert_eq!(faults(&document("200", object(schema.clone()))).len(), 1, "{schema}");
    }
}

/// Everything that the document leaves open.
fn faults(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    look(document, "", &mut faults);
    faults
}

/// Looks through everything that is no schema, until it comes to one.
fn look(node: &Value, place: &str, faults: &mut Vec<String>) {
    for (key, child) in children(node) {
        let place = format!("{place}/{key}");
        match key.as_str() {
            "example" | "examples" => {}
            "schema" => look_at_schema(child, "", &place, faults),
            "schemas" => {
                for (name, schema) in children(child) {
                    look_at_schema(schema, &name, &format!("{place}/{name}"), faults);
                }
            }
            "responses" => {
                let named =
                    |status: &str| status.len() == 3 && status.bytes().all(|digit| digit.is_ascii_digit());
                let catch_alls = children(child).filter(|(status, _)| !named(status));
                faults.extend(catch_alls.map(|(status, _)| format!("{place}/{status}: catches all")));
                look(child, &place, faults);
            }
            _ => look(child, &place, faults),
        }
    }
}

/// Looks at a schema and those in it; `field` is the name of the field that it describes.
fn look_at_schema(schema: &Value, field: &str, place: &str, faults: &mut Vec<String>) {
    if FREE_FORM.contains(&field) {
        return;
    }
    if holds_anything(schema) {
        faults.push(format!("{place}: holds anything"));
    }
    for (name, property) in children(&schema["properties"]) {
        look_at_schema(property, &name, &format!("{place}/{name}"), faults);
    }
    for part in ["items", "additionalProperties"] {
        if schema[part].is_object() {
            look_at_schema(&schema[part], field, &format!("{place}/{part}"), faults);
        }
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        for (index, part) in children(&schema[choice]) {
            look_at_schema(part, field, &format!("{place}/{choice}/{index}"), faults);
        }
    }
}

/// Whether the schema itself says nothing about what it describes, or allows anything in it.
fn holds_anything(schema: &Value) -> bool {
    const SAYING: [&str; 7] = ["type", "$ref", "oneOf", "anyOf", "allOf", "enum", "const"];
    let kind = &schema["type"];
    let may_be =
        |name: &str| kind == name || kind.as_array().is_some_and(|kinds| kinds.contains(&json!(name)));
    let says_nothing = !SAYING.iter().any(|key| schema.get(key).is_some());
    let unnamed = schema.get("properties").is_none() && schema.get("additionalProperties").is_none();
    let anything_else = schema["additionalProperties"] == true;
    says_nothing
        || anything_else
        || (may_be("object") && unnamed)
        || (may_be("array") && schema.get("items").is_none())
}

/// The members of an object or a list, with their names or places.
fn children(node: &Value) -> impl Iterator<Item = (String, &Value)> {
    let members = node.as_object().into_iter().flatten().map(|(name, child)| (name.clone(), child));
    let entries = node.as_array().into_iter().flatten().enumerate();
    members.chain(entries.map(|(place, child)| (place.to_string(), child)))
}
