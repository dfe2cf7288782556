//! The cases of the contract.

use crate::support::{Place, forget, position, put, row};
use leafcutter_event_store::Position;
use leafcutter_reaction_memory::MemoryError;
use serde_json::Value;

pub(crate) async fn what_was_saved_is_there_after_reopening_and_what_was_forgotten_is_not(place: &Place) {
    let memory = place.open().await;
    assert_eq!(memory.load().await.unwrap(), (vec![], Position::START));
    memory.save(&[put("b", "2"), put("a", "1")], Position::START, position(7)).await.unwrap();
    memory.save(&[forget("b"), forget("c"), put("d", "4")], position(7), position(8)).await.unwrap();
    memory.check().await.unwrap();
    memory.close().await;
    let memory = place.open().await;
    assert_eq!(memory.load().await.unwrap(), (vec![row("a", "1"), row("d", "4")], position(8)));
    memory.close().await;
}

pub(crate) async fn of_several_changes_to_one_row_the_last_one_counts(place: &Place) {
    let memory = place.open().await;
    let changes = [put("a", "1"), put("b", "1"), forget("a"), put("b", "2"), put("c", "3"), forget("c")];
    memory.save(&changes, Position::START, position(1)).await.unwrap();
    assert_eq!(memory.load().await.unwrap().0, [row("b", "2")]);
    memory.save(&[forget("b"), put("b", "3")], position(1), position(1)).await.unwrap();
    assert_eq!(memory.load().await.unwrap(), (vec![row("b", "3")], position(1)));
    memory.close().await;
}

pub(crate) async fn changes_from_another_checkpoint_are_refused_whole(place: &Place) {
    let memory = place.open().await;
    memory.save(&[put("a", "1")], Position::START, position(5)).await.unwrap();
    for from in [Position::START, position(6)] {
        let refused = memory.save(&[put("a", "2"), put("b", "2")], from, position(9)).await;
        let Err(MemoryError::CheckpointMoved { expected, found }) = refused else { panic!("{refused:?}") };
        assert_eq!((expected, found), (from, position(5)));
    }
    assert_eq!(memory.load().await.unwrap(), (vec![row("a", "1")], position(5)));
    memory.close().await;
}

pub(crate) async fn of_many_savers_from_one_checkpoint_one_wins(place: &Place) {
    let memories = [place.open().await, place.open().await, place.open().await];
    for round in 0..10_u64 {
        let savers = memories.clone().map(|memory| {
            let changes = [put(round, "1")];
            tokio::spawn(async move { memory.save(&changes, position(round), position(round + 1)).await })
        });
        let mut won = 0;
        for saver in savers {
            match saver.await.unwrap() {
                Ok(()) => won += 1,
                Err(MemoryError::CheckpointMoved { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(won, 1);
    }
    assert_eq!(memories[0].load().await.unwrap().0.len(), 10);
    for memory in memories {
        memory.close().await;
    }
}

pub(crate) async fn thousands_of_changes_are_one_save(place: &Place) {
    let memory = place.open().await;
    let all: Vec<_> = (0..2_500).map(|id| put(id, "{}")).collect();
    memory.save(&all, Position::START, position(1)).await.unwrap();
    assert_eq!(memory.load().await.unwrap().0.len(), 2_500);
    let most: Vec<_> = (1..2_500).map(forget).collect();
    memory.save(&most, position(1), position(2)).await.unwrap();
    assert_eq!(memory.load().await.unwrap(), (vec![row(0, "{}")], position(2)));
    memory.close().await;
}

pub(crate) async fn any_json_comes_back_with_the_same_meaning(place: &Place) {
    let memory = place.open().await;
    let contents = [
        r#"{"z":[1,-2,18446744073709551615],"a":{"b":null,"c":true}}"#,
        r#"{"nul":"a\u0000b","\u0000":"\\u0000"}"#,
        "1e16",
        "0.1",
        r#""a text""#,
        r#""{\"like\":\"an object\"}""#,
        "null",
        "[]",
    ];
    let changes: Vec<_> = contents.iter().enumerate().map(|(id, content)| put(id, content)).collect();
    memory.save(&changes, Position::START, position(1)).await.unwrap();
    let meaning = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for (row, content) in memory.load().await.unwrap().0.iter().zip(contents) {
        assert_eq!(meaning(&row.content), meaning(content));
    }
    memory.close().await;
}
