//! Values at the edge of what an engine can hold, and all rows as text.

use crate::support::{ACCOUNT, Place, added, applied, balance, batch, entry, numbers, position, rows};
use leafcutter_domain::{AccountId, Moment};
use leafcutter_event_store::StreamName;
use leafcutter_read_models::{BatchFilter, Changes, Quarantined, RecordedEntry, Status, Usage};
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

pub(crate) async fn what_clients_and_pages_write_comes_back_to_the_letter(place: &Place) {
    let models = place.open().await;
    let metadata = [
        json!({"nul": "a\0b", "\0": "\u{10}0", "text": "\\u0000"}),
        json!({"numbers": [1e16, 0.1, -0.0, 1e300, 1, u64::MAX, i64::MIN]}),
        json!({"z": 1, "a": {"é": "\u{1F41C}", "": null}}),
        json!({}),
    ];
    let mut views = Vec::new();
    // More rows than go through statements where there is a faster way.
    for (number, metadata) in (1..=400).zip(metadata.into_iter().cycle()) {
        let mut view = batch(number, 1, Status::Failed);
        view.header.metadata = Some(metadata);
        view.items[0].url = "https://example.com/\0?\u{10}1\u{10}0'".to_owned();
        view.items[1].final_url = Some("\0".to_owned());
        view.items[1].error.as_mut().unwrap().message = "It says \"\0\", \u{FFFD}.".to_owned();
        views.push(view);
    }
    let few = views.split_off(396);
    applied(&models, &added(views.clone()), 0, 1).await.unwrap();
    applied(&models, &added(few.clone()), 1, 2).await.unwrap();
    for view in views.into_iter().chain(few) {
        let found = models.batch(view.header.batch).await.unwrap().unwrap();
        assert_eq!(
            found.header.metadata.as_ref().unwrap().to_string(),
            view.header.metadata.as_ref().unwrap().to_string()
        );
        assert_eq!(found, view);
    }
    models.close().await;
}

pub(crate) async fn every_moment_that_a_filter_can_name_is_compared(place: &Place) {
    let models = place.open().await;
    // One of before 1970, to the millisecond.
    let mut old = batch(1, 1, Status::Completed);
    old.header.created_at = Moment::from_millis(-1_001);
    applied(&models, &added([old.clone(), batch(2, 2, Status::Completed)]), 0, 1).await.unwrap();
    assert_eq!(models.batch(old.header.batch).await.unwrap(), Some(old));
    let (first, last) = (Moment::from_millis(i64::MIN), Moment::from_millis(i64::MAX));
    let between = |after, before| BatchFilter {
        created_after: Some(after),
        created_before: Some(before),
        status: None,
    };
    assert_eq!(numbers(&models, &between(first, last), 1, 10).await, (vec![2, 1], 2));
    assert_eq!(numbers(&models, &between(last, first), 1, 10).await, (vec![], 0));
    let edge = |millis| between(first, Moment::from_millis(millis));
    assert_eq!(numbers(&models, &edge(-1_001), 1, 10).await.1, 0);
    assert_eq!(numbers(&models, &edge(-1_000), 1, 10).await.1, 1);
    models.close().await;
}

pub(crate) async fn thousands_of_rows_are_one_change(place: &Place) {
    let models = place.open().await;
    let mut changes = added((1..=1_200).map(|number| batch(number, 1, Status::Running)));
    let streams: Vec<_> = (0..1_200_u32).map(|number| StreamName::new("ledger", number)).collect();
    for (number, stream) in (0_u32..).zip(&streams) {
        let account = AccountId(Uuid::from_u128(number.into()));
        changes.ledgers.insert(stream.clone(), balance(account, "2026-11", number.into()));
        changes.add_usage(account, Moment::from_millis(0), Usage { credits: 1, ..Usage::default() });
    }
    applied(&models, &changes, 0, 1).await.unwrap();
    assert_eq!(numbers(&models, &BatchFilter::default(), 120, 10).await.1, 1_200);
    let batches: Vec<_> = changes.batches.iter().map(|change| change.after.header.batch).collect();
    assert_eq!(models.batches(&batches).await.unwrap().len(), 1_200);
    let expected: HashMap<_, _> = changes.ledgers.into_iter().collect();
    let mut asked = streams;
    asked.push(StreamName::new("ledger", "unknown"));
    assert_eq!(models.ledgers(&asked).await.unwrap(), expected);
    assert_eq!(models.ledgers(&[]).await.unwrap(), HashMap::new());
    assert_eq!(models.batches(&[]).await.unwrap(), HashMap::new());
    // A row of each batch, two of its items, one count, and a day and a ledger of each account.
    assert_eq!(rows(&models).await.len(), 1_200 * 3 + 1 + 1_200 * 2);
    models.close().await;
}

pub(crate) async fn rows_tell_everything_but_positions(place: &Place) {
    let (elsewhere, moved) = (place.another().await, place.another().await);
    let (models, twin, other) = (place.open().await, elsewhere.open().await, moved.open().await);
    let mut changes = added([batch(7, 1, Status::Completed)]);
    changes.add_usage(ACCOUNT, Moment::from_millis(0), Usage { requests: 1, ..Usage::default() });
    changes.ledgers.insert(StreamName::new("ledger", "x"), balance(ACCOUNT, "2026-11", 0));
    let poison = |at| {
        let (stream, reason) = (StreamName::new("batch", "x"), "unreadable".to_owned());
        vec![Quarantined { stream, revision: 3, position: position(at), reason }]
    };
    let (event, entry) = (Uuid::from_u128(8), entry("2026-11", 0, 1));
    let recorded =
        |at| RecordedEntry { account: ACCOUNT, entry: entry.clone(), event, position: position(at) };
    (changes.quarantined, changes.entries) = (poison(1), vec![recorded(1)]);
    applied(&models, &changes, 0, 9).await.unwrap();
    (changes.quarantined, changes.entries) = (poison(100), vec![recorded(100)]);
    applied(&twin, &changes, 0, 900).await.unwrap();
    assert_eq!(rows(&models).await, rows(&twin).await);
    assert_eq!(rows(&models).await.len(), 8);
    changes.batches[0].after.items[1].attempts += 1;
    applied(&other, &Changes { batches: changes.batches, ..Changes::default() }, 0, 9).await.unwrap();
    let (here, there) = (rows(&models).await, rows(&other).await);
    assert_eq!(here.iter().filter(|row| !there.contains(row)).count(), 5);
    for models in [models, twin, other] {
        models.close().await;
    }
}
