//! What the tables hold, and how a change of them is all or nothing.

use crate::support::{ACCOUNT, PATIENCE, Place, added, applied, batch, numbers, position};
use leafcutter_domain::{AccountId, BatchId, Moment};
use leafcutter_event_store::StreamName;
use leafcutter_read_models::{
    BatchChange, BatchFilter, Changes, ItemView, Quarantined, ReadModelError, Status, Usage,
};
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

pub(crate) async fn a_batch_comes_back_as_it_was_written_also_after_a_restart(place: &Place) {
    let models = place.open().await;
    let view = batch(7, 1, Status::Completed);
    applied(&models, &added([view.clone()]), 0, 9).await.unwrap();
    assert_eq!(models.batch(view.header.batch).await.unwrap(), Some(view.clone()));
    models.close().await;
    let models = place.open().await;
    assert_eq!(models.batch(view.header.batch).await.unwrap(), Some(view));
    assert_eq!(models.checkpoint().await.unwrap(), position(9));
    assert_eq!(models.batch(BatchId(Uuid::from_u128(8))).await.unwrap(), None);
}

pub(crate) async fn a_change_rewrites_the_batch_and_moves_it_between_the_counts(place: &Place) {
    let models = place.open().await;
    let before = batch(7, 1, Status::Completed);
    applied(&models, &added([before.clone()]), 0, 1).await.unwrap();
    let mut after = before.clone();
    (after.header.status, after.header.finished_at, after.header.revision) = (Status::Running, None, 10);
    after.items[1] = ItemView { status: Status::Pending, error: None, ..after.items[1].clone() };
    let change = BatchChange { before: Some(before), after: after.clone() };
    let changes = Changes { batches: vec![change], ..Changes::default() };
    applied(&models, &changes, 1, 2).await.unwrap();
    assert_eq!(models.batch(after.header.batch).await.unwrap(), Some(after));
    let with = |status| BatchFilter { status: Some(status), ..BatchFilter::default() };
    assert_eq!(numbers(&models, &with(Status::Completed), 1, 10).await, (vec![], 0));
    assert_eq!(numbers(&models, &with(Status::Running), 1, 10).await, (vec![7], 1));
    assert_eq!(numbers(&models, &BatchFilter::default(), 1, 10).await, (vec![7], 1));
}

pub(crate) async fn changes_from_another_checkpoint_are_refused_whole(place: &Place) {
    let models = place.open().await;
    let mut changes = added([batch(7, 1, Status::Completed)]);
    changes.add_usage(ACCOUNT, Moment::from_millis(0), Usage { requests: 1, ..Usage::default() });
    applied(&models, &changes, 0, 5).await.unwrap();
    let again = applied(&models, &changes, 0, 5).await;
    assert!(matches!(again, Err(ReadModelError::CheckpointMoved { found, .. }) if found == position(5)));
    assert_eq!(models.usage(ACCOUNT, "1970-01-01").await.unwrap()[0].usage.requests, 1);
    assert_eq!(numbers(&models, &BatchFilter::default(), 1, 10).await.1, 1);
}

pub(crate) async fn the_list_is_newest_first_and_pages_hold_each_batch_once(place: &Place) {
    let models = place.open().await;
    // Batches 1 to 5, two of them in the same millisecond, and one of another account.
    let mut views: Vec<_> =
        [(1, 1), (2, 2), (3, 2), (4, 4), (5, 5)].map(|(n, s)| batch(n, s, Status::Completed)).into();
    let mut foreign = batch(6, 6, Status::Completed);
    foreign.header.account = AccountId(Uuid::from_u128(2));
    views.push(foreign);
    applied(&models, &added(views), 0, 1).await.unwrap();
    let all = BatchFilter::default();
    assert_eq!(numbers(&models, &all, 1, 2).await, (vec![5, 4], 5));
    assert_eq!(numbers(&models, &all, 2, 2).await, (vec![3, 2], 5));
    assert_eq!(numbers(&models, &all, 3, 2).await, (vec![1], 5));
    assert_eq!(numbers(&models, &all, 4, 2).await, (vec![], 5));
    assert_eq!(numbers(&models, &all, u64::MAX, 100).await, (vec![], 5));
}

pub(crate) async fn the_list_keeps_to_its_filters(place: &Place) {
    let models = place.open().await;
    let views = (1..=4).map(|number| {
        let status = if number % 2 == 0 { Status::Running } else { Status::Completed };
        batch(u128::from(number as u32), i64::from(number), status)
    });
    applied(&models, &added(views), 0, 1).await.unwrap();
    let second = |second: i64| Some(Moment::from_millis(second * 1_000));
    let filter = BatchFilter { created_after: second(1), created_before: second(4), status: None };
    assert_eq!(numbers(&models, &filter, 1, 10).await, (vec![3, 2], 2));
    let filter = BatchFilter { status: Some(Status::Running), ..filter };
    assert_eq!(numbers(&models, &filter, 1, 10).await, (vec![2], 1));
}

pub(crate) async fn usage_adds_up_by_day(place: &Place) {
    let models = place.open().await;
    let day = |day: i64| Moment::from_millis(day * 86_400_000);
    let used = |requests| Usage {
        requests,
        latency_ms: 100,
        latency_samples: 1,
        credits: 2,
        tokens: 30,
        captchas: 1,
    };
    let mut changes = Changes::default();
    changes.add_usage(ACCOUNT, day(1), used(1));
    changes.add_usage(ACCOUNT, day(3), used(1));
    applied(&models, &changes, 0, 1).await.unwrap();
    applied(&models, &changes, 1, 2).await.unwrap();
    let days = models.usage(ACCOUNT, "1970-01-03").await.unwrap();
    assert_eq!(days.len(), 1);
    assert_eq!(days[0].day, "1970-01-04");
    let both =
        Usage { requests: 2, latency_ms: 200, latency_samples: 2, credits: 4, tokens: 60, captchas: 2 };
    assert_eq!(days[0].usage, both);
}

pub(crate) async fn whoever_waits_for_a_position_is_woken_by_the_write_also_of_another_process(
    place: &Place,
) {
    let (models, elsewhere) = (place.open().await, place.open().await);
    assert!(!models.wait_until(position(3), Duration::from_millis(1)).await.unwrap());
    let waiting = [models.clone(), elsewhere]
        .map(|models| tokio::spawn(async move { models.wait_until(position(3), PATIENCE).await.unwrap() }));
    applied(&models, &Changes::default(), 0, 3).await.unwrap();
    for woken in waiting {
        assert!(woken.await.unwrap());
    }
}

pub(crate) async fn a_quarantined_stream_is_listed_until_it_is_released(place: &Place) {
    let models = place.open().await;
    let stream = StreamName::new("batch", "x");
    let poison = Quarantined { stream, revision: 3, position: position(8), reason: "unreadable".to_owned() };
    let changes = Changes { quarantined: vec![poison.clone()], ..Changes::default() };
    applied(&models, &changes, 0, 9).await.unwrap();
    assert_eq!(models.quarantined().await.unwrap(), std::slice::from_ref(&poison));
    let changes = Changes { released: vec![poison.stream], ..Changes::default() };
    applied(&models, &changes, 9, 9).await.unwrap();
    assert_eq!(models.quarantined().await.unwrap(), []);
}

pub(crate) async fn readers_see_whole_transactions_while_another_writes(place: &Place) {
    let models = place.open().await;
    let start = batch(7, 1, Status::Completed);
    applied(&models, &added([start.clone()]), 0, 1).await.unwrap();
    let writer = tokio::spawn({
        let (models, mut before) = (models.clone(), start.clone());
        async move {
            let mut turn = models.projector_turn().await.unwrap();
            for step in 1..100_u64 {
                let mut after = before.clone();
                after.header.revision += 1;
                after.items.iter_mut().for_each(|item| item.attempts += 1);
                let change = BatchChange { before: Some(before), after: after.clone() };
                let changes = Changes { batches: vec![change], ..Changes::default() };
                turn.apply(&changes, position(step), position(step + 1)).await.unwrap();
                before = after;
            }
            turn.give_back().await;
        }
    });
    while !writer.is_finished() {
        let seen = models.batch(start.header.batch).await.unwrap().unwrap();
        let steps = seen.header.revision - start.header.revision;
        assert!(seen.items.iter().all(|item| u64::from(item.attempts) == 2 + steps), "a torn read");
    }
    writer.await.unwrap();
}

pub(crate) async fn of_many_writers_from_one_checkpoint_one_wins(place: &Place) {
    let models = [place.open().await, place.open().await, place.open().await];
    let mut changes = Changes::default();
    changes.add_usage(ACCOUNT, Moment::from_millis(0), Usage { requests: 1, ..Usage::default() });
    let writers = models.clone().map(|models| {
        let changes = changes.clone();
        tokio::spawn(async move { applied(&models, &changes, 0, 1).await })
    });
    let mut won = 0;
    for writer in writers {
        match writer.await.unwrap() {
            Ok(()) => won += 1,
            Err(error) => assert!(matches!(error, ReadModelError::CheckpointMoved { .. }), "{error:?}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(models[0].usage(ACCOUNT, "1970-01-01").await.unwrap()[0].usage.requests, 1);
}

pub(crate) async fn a_second_writer_waits_until_the_first_gives_its_turn_back(place: &Place) {
    let (models, elsewhere) = (place.open().await, place.open().await);
    let mut turn = models.projector_turn().await.unwrap();
    let waiting = tokio::spawn(async move { elsewhere.projector_turn().await.unwrap() });
    for step in 0..3 {
        turn.apply(&Changes::default(), position(step), position(step + 1)).await.unwrap();
        turn.check().await.unwrap();
    }
    assert!(!waiting.is_finished());
    turn.give_back().await;
    let mut next = timeout(PATIENCE, waiting).await.unwrap().unwrap();
    next.apply(&Changes::default(), position(3), position(4)).await.unwrap();
    next.give_back().await;
}

pub(crate) async fn a_dropped_wait_or_turn_leaves_the_turn_to_others(place: &Place) {
    let models = place.open().await;
    let turn = models.projector_turn().await.unwrap();
    let wait = std::time::Duration::from_millis(50);
    assert!(timeout(wait, models.projector_turn()).await.is_err());
    drop(turn);
    timeout(PATIENCE, models.projector_turn()).await.unwrap().unwrap().give_back().await;
}
