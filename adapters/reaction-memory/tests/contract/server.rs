//! What is promised beside a server only: it may be absent, go and come back.

use crate::support::{position, put, row};
use leafcutter_event_store::Position;
use leafcutter_reaction_memory::{MemoryError, ReactionMemory};
use leafcutter_test_servers::{Postgres, free_port};

#[tokio::test]
async fn the_tables_answer_again_after_the_server_was_killed_and_keep_what_they_had() {
    let server = Postgres::start().await;
    let memory = ReactionMemory::connect(&server.database().await).await.unwrap();
    memory.save(&[put("a", "1")], Position::START, position(1)).await.unwrap();
    server.kill().await;
    assert!(memory.check().await.unwrap_err().is_passing());
    server.restart().await;
    assert_eq!(memory.load().await.unwrap(), (vec![row("a", "1")], position(1)));
    memory.save(&[put("a", "2")], position(1), position(2)).await.unwrap();
    memory.close().await;
}

#[tokio::test]
async fn an_absent_server_is_worth_waiting_for_and_a_wrong_address_is_not() {
    let url = format!("postgres://leafcutter:hunter2@127.0.0.1:{}/cut", free_port());
    let absent = ReactionMemory::connect(&url).await.unwrap_err();
    assert!(absent.is_passing() && !format!("{absent} {absent:?}").contains("hunter2"), "{absent:?}");
    let wrong = ReactionMemory::connect("postgres:hunter2").await.unwrap_err();
    assert!(matches!(wrong, MemoryError::Address(_)) && !wrong.is_passing());
    assert!(!format!("{wrong} {wrong:?}").contains("hunter2"));
}
