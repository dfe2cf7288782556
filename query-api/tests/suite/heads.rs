//! The head in every balance.

use crate::{
    support::{OWNER, World, now},
    tampering::{AUGUST, NOVEMBER, OCTOBER, stream},
};
use leafcutter_ledger_proof::read_heads;
use serde_json::{Value, json};

async fn head(world: &World) -> Value {
    let answer = world.get("/api/credits").await.json;
    let heads = read_heads(&answer.to_string()).unwrap();
    assert_eq!(heads[0].verify(), Ok(()));
    answer["head"].clone()
}

#[tokio::test]
async fn a_head_names_the_ends_of_the_last_months_and_of_those_that_went_on_after_their_close() {
    let world = World::new().await;
    let fresh = head(&world).await;
    let account = json!(OWNER.to_string());
    assert_eq!((&fresh["entries"], &fresh["account"]), (&json!([]), &account));
    assert_eq!(fresh["at"], json!(now().to_string()));
    world.three_months().await;
    let later = head(&world).await;
    let named: Vec<_> = later["entries"].as_array().unwrap().iter().map(|entry| &entry["stream"]).collect();
    assert_eq!(named, [&json!(stream(AUGUST)), &json!(stream(OCTOBER)), &json!(stream(NOVEMBER))]);
    assert_eq!(later["entries"][2]["revision"], 3);
    assert_eq!(later["publicKey"], fresh["publicKey"]);
}
