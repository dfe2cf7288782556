//! What is asked, in which form, and what becomes of good answers and of repaired ones.

use crate::server::{KEY, Say, Server, by_prompt, by_schema};
use leafcutter_model::ModelError;
use serde_json::json;

#[tokio::test]
async fn a_page_becomes_json_by_its_schema() {
    let server = Server::saying([Say::json(&json!({"name": "Green leaf", "price": null}))]).await;
    assert_eq!(server.extract(&by_schema()).await, Ok(json!({"name": "Green leaf"})));
    let asked = server.asked().remove(0);
    assert_eq!((asked.path.as_str(), asked.form().as_str()), ("/v1/chat/completions", "json_schema strict"));
    assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(asked.body["model"], "leaf-1");
    assert_eq!(asked.body["max_completion_tokens"], 500);
    let schema = &asked.body["response_format"]["json_schema"]["schema"];
    assert_eq!(schema["properties"]["price"]["type"], json!(["number", "null"]));
    assert!(asked.message(0).contains("\"required\":[\"name\"]"), "{}", asked.message(0));
    for part in ["https://shop.example/leaf", "# Green leaf", "{\"@type\":\"Product\"}"] {
        assert!(asked.message(1).contains(part) && !asked.message(0).contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_prompt_alone_is_asked_for_any_object() {
    let server = Server::saying([Say::json(&json!({"name": "Green leaf", "price": 5}))]).await;
    assert_eq!(server.extract(&by_prompt()).await, Ok(json!({"name": "Green leaf", "price": 5})));
    let asked = server.asked().remove(0);
    assert_eq!(asked.form(), "json_object");
    assert!(asked.message(0).contains("the price of the leaf"));
}

#[tokio::test]
async fn without_a_key_none_is_sent() {
    let server = Server::with([Say::json(&json!({}))], |settings| settings.key = None).await;
    server.extract(&by_prompt()).await.unwrap();
    assert!(!server.asked()[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn an_endpoint_without_structured_output_is_asked_in_weaker_forms_and_remembered() {
    let server = Server::saying([]).await;
    for _ in 0..4 {
        server.tell([
            Say::status(400, "response_format json_schema is not supported"),
            Say::status(422, "[]"),
            Say::json(&json!({"name": "Leaf"})),
        ]);
    }
    for _ in 0..3 {
        assert_eq!(server.extract(&by_schema()).await, Ok(json!({"name": "Leaf"})));
    }
    let forms: Vec<String> = server.asked().iter().map(|asked| asked.form()).collect();
    assert_eq!(forms[..3], ["json_schema strict", "json_schema", "json_object"]);
    server.tell([]);
    assert_eq!(forms.len(), 9);
    server.extract(&by_schema()).await.unwrap_err();
    assert_eq!(server.asked()[9].form(), "json_object", "the others are no longer tried");
}

#[tokio::test]
async fn an_endpoint_that_knows_no_form_at_all_is_asked_by_words() {
    let refusals = (0..3).map(|_| Say::status(400, "unknown field"));
    let server =
        Server::saying(refusals.chain([Say::text("Sure:\n```json\n{\"name\":\"Leaf\"}\n```")])).await;
    assert_eq!(server.extract(&by_schema()).await, Ok(json!({"name": "Leaf"})));
    assert_eq!(server.asked()[3].form(), "words");
}

#[tokio::test]
async fn fields_that_an_endpoint_does_not_know_are_left_out_for_good() {
    let server = Server::saying([
        Say::status(400, "Unsupported value: 'temperature' does not support 0"),
        Say::status(400, "extra fields not permitted: max_completion_tokens"),
        Say::json(&json!({"name": "Leaf"})),
        Say::json(&json!({"name": "Leaf"})),
    ])
    .await;
    for _ in 0..2 {
        server.extract(&by_schema()).await.unwrap();
    }
    for asked in &server.asked()[2..] {
        assert!(asked.body.get("temperature").is_none(), "{}", asked.body);
        assert_eq!((&asked.body["max_tokens"], asked.form().as_str()), (&json!(500), "json_schema strict"));
    }
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_faulty_answer_is_repaired_once_with_the_faults() {
    let bad = json!({"name": 7});
    let server = Server::saying([Say::json(&bad), Say::json(&json!({"name": "Leaf"}))]).await;
    assert_eq!(server.extract(&by_schema()).await, Ok(json!({"name": "Leaf"})));
    let second = server.asked().remove(1);
    assert_eq!(second.body["messages"][2]["role"], "assistant");
    assert_eq!(second.message(2), bad.to_string());
    assert!(
        second.message(3).contains("/name") && second.message(3).contains("string"),
        "{}",
        second.message(3)
    );
}

#[tokio::test]
async fn an_answer_that_stays_faulty_is_a_mismatch() {
    for bad in ["{\"name\": 7}", "no JSON", "{\"name\": NaN}", "[]", "{\"name\": \"a\", \"name\": 7}"] {
        let server = Server::saying([Say::text(bad), Say::text(bad)]).await;
        let failure = server.extract(&by_schema()).await.unwrap_err();
        assert!(matches!(failure, ModelError::SchemaMismatch(_)), "{bad}: {failure:?}");
        assert_eq!(server.asked().len(), 2, "{bad}");
    }
}
