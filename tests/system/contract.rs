//! The HTTP surface against its own OpenAPI document: schemathesis makes requests of every kind and looks whether each
//! answer is one that the document names; and the document itself must say what it means, without catch-alls.

use crate::{
    harness::{ADMIN_TOKEN, Api, Options, PATIENCE, Service, Site},
    sdk,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long all requests together may take.
const REQUESTS_LIMIT: Duration = Duration::from_secs(570);
/// The only fields that may hold anything: what was extracted, and what the caller brings along.
const FREE_FORM: [&str; 4] = ["result", "schema", "metadata", "webhook"];

#[tokio::test]
async fn every_answer_is_one_that_the_document_names() {
    let site = Site::open().await;
    let options = Options::for_site(site.address).env("LEAFCUTTER_PENDING_BATCHES", "100000");
    let service = Service::start(&options.env("LEAFCUTTER_DEFAULT_CREDITS", "1000000000000")).await;
    let mut command = sdk::python();
    let (scripts, folder) = (Path::new(sdk::SCRIPTS), TempDir::new().unwrap());
    // In a folder of its own, for it leaves its notes where it runs.
    command.current_dir(folder.path()).env("PYTHONPATH", scripts);
    command
        .args(["-m", "schemathesis.cli", "--no-color", "--config-file"])
        .arg(scripts.join("schemathesis.toml"));
    command.arg("run").arg(format!("{}/openapi.json", service.api.base()));
    command.env("LEAFCUTTER_KEY", service.api.key()).env("LEAFCUTTER_ADMIN_TOKEN", ADMIN_TOKEN);
    command.env("LEAFCUTTER_SITE", site.url("")).envs(things_to_ask_for(&service.api, &site).await);
    let output =
        timeout(REQUESTS_LIMIT, command.output()).await.expect("the requests take too long").unwrap();
    assert!(output.status.success(), "{}\n{}", output.status, sdk::words(&output));
    service.stop().await;
}

/// What cannot come from drawn requests: a batch with a picture, and an account with a key that nobody uses.
async fn things_to_ask_for(api: &Api, site: &Site) -> [(&'static str, String); 3] {
    let batch = api.submit(&json!({"urls": [site.url("/ok/pictured")], "screenshot": true})).await;
    let finished = api.finished(&batch).await;
    assert_eq!(finished["completedCount"], 1, "{finished}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let account = api.admin(Method::POST, "/admin/accounts", &json!({"name": "another"})).await.expect(201);
    let account = text(&account.body["accountId"]);
    let keys = format!("/admin/accounts/{account}/keys");
    let key = text(&api.admin(Method::POST, &keys, &Value::Null).await.expect(201).body["keyId"]);
    [("LEAFCUTTER_BATCH", batch), ("LEAFCUTTER_ACCOUNT", account), ("LEAFCUTTER_SPARE_KEY", key)]
}

#[tokio::test]
async fn a_request_that_is_refused_before_its_body_leaves_the_connection_to_the_next_one() {
    let service = Service::start(&Options::default()).await;
    for (request, status) in [("POST /v1/batch-sessions/x/retry", "401"), ("POST /nowhere", "404")] {
        let address = service.api.base().trim_start_matches("http://");
        let mut connection = TcpStream::connect(address).await.unwrap();
        let head = format!("{request} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 2000000\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&vec![b'x'; 2_000_000]).await.unwrap();
        assert!(answer(&mut connection).await.starts_with(&format!("HTTP/1.1 {status}")), "{request}");
        let next = format!("GET /health/live HTTP/1.1\r\nhost: {address}\r\n\r\n");
        connection.write_all(next.as_bytes()).await.unwrap();
        assert!(answer(&mut connection).await.starts_with("HTTP/1.1 200"), "{request}");
    }
    service.stop().await;
}

/// What comes next on the connection: an answer, as all of them are shorter than a packet.
async fn answer(connection: &mut TcpStream) -> String {
    let mut bytes = [0; 4_096];
    let read = timeout(PATIENCE, connection.read(&mut bytes)).await.expect("no answer").unwrap();
    String::from_utf8_lossy(&bytes[..read]).into_owned()
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
