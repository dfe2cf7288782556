//! What is promised beside a server only: it may be absent, go and come back.

use crate::support::{ACCOUNT, PATIENCE, Place, added, applied, batch, position, rows};
use leafcutter_domain::Moment;
use leafcutter_event_store::Position;
use leafcutter_read_models::{Changes, ReadModelError, ReadModels, Status, Usage};
use leafcutter_test_servers::{Postgres, free_port};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

/// Ends the connection that has the turn, as an administrator does; says whether there was one.
async fn end_the_turn(url: &str) -> bool {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let ended: Option<bool> = sqlx::query_scalar(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks JOIN pg_database ON pg_database.oid = database
         WHERE locktype = 'advisory' AND datname = current_database() AND granted",
    )
    .fetch_optional(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    ended.unwrap_or(false)
}

#[tokio::test]
async fn who_loses_the_connection_loses_the_turn_and_cannot_write_any_more() {
    let place = Place::database().await;
    let Place::Database { url, .. } = &place else { unreachable!("a database was asked for") };
    let (models, elsewhere) = (place.open().await, place.open().await);
    let mut lost = models.projector_turn().await.unwrap();
    assert!(end_the_turn(url).await);
    let mut turn = timeout(PATIENCE, elsewhere.projector_turn()).await.unwrap().unwrap();
    let changes = added([batch(7, 1, Status::Completed)]);
    let refused = lost.apply(&changes, Position::START, position(1)).await.unwrap_err();
    assert!(matches!(refused, ReadModelError::Unavailable(_)), "{refused:?}");
    assert!(lost.check().await.is_err());
    assert_eq!(rows(&models).await, Vec::<String>::new());
    turn.apply(&changes, Position::START, position(1)).await.unwrap();
    turn.give_back().await;
}

#[tokio::test]
async fn everything_answers_again_after_the_server_was_killed() {
    let server = Postgres::start().await;
    let models = ReadModels::connect(&server.database().await).await.unwrap();
    let view = batch(7, 1, Status::Completed);
    let mut turn = models.projector_turn().await.unwrap();
    turn.apply(&added([view.clone()]), Position::START, position(1)).await.unwrap();
    models.check().await.unwrap();
    server.kill().await;
    assert!(models.check().await.unwrap_err().is_passing());
    assert!(turn.apply(&Changes::default(), position(1), position(2)).await.unwrap_err().is_passing());
    server.restart().await;
    models.check().await.unwrap();
    assert_eq!(models.batch(view.header.batch).await.unwrap(), Some(view));
    drop(turn);
    applied(&models, &Changes::default(), 1, 2).await.unwrap();
    models.close().await;
}

#[tokio::test]
async fn an_absent_server_is_worth_waiting_for_and_a_wrong_address_is_not() {
    let url = format!("postgres://leafcutter:hunter2@127.0.0.1:{}/cut", free_port());
    let absent = ReadModels::connect(&url).await.unwrap_err();
    assert!(absent.is_passing() && !format!("{absent} {absent:?}").contains("hunter2"), "{absent:?}");
    let wrong = ReadModels::connect("postgres:hunter2").await.unwrap_err();
    assert!(matches!(wrong, ReadModelError::Address(_)) && !wrong.is_passing());
    assert!(!format!("{wrong} {wrong:?}").contains("hunter2"));
}

#[tokio::test]
async fn many_processes_may_make_the_tables_at_once() {
    let place = Place::database().await;
    let opened = futures::future::join_all((0..4).map(|_| place.open())).await;
    for models in opened {
        assert_eq!(models.checkpoint().await.unwrap(), Position::START);
        models.close().await;
    }
}

#[tokio::test]
async fn the_same_changes_leave_the_same_rows_in_both_engines() {
    let mut found = Vec::new();
    for place in [Place::file(), Place::database().await] {
        let models = place.open().await;
        let mut before = Vec::new();
        for step in 0..4_u64 {
            let statuses = [Status::Pending, Status::Running, Status::Completed, Status::Failed];
            let mut changes = added((1..=5).map(|number| batch(number, 1, statuses[step as usize])));
            for (change, before) in changes.batches.iter_mut().zip(before) {
                change.before = Some(before);
            }
            before = changes.batches.iter().map(|change| change.after.clone()).collect();
            changes.add_usage(ACCOUNT, Moment::from_millis(0), Usage { credits: step, ..Usage::default() });
            applied(&models, &changes, step, step + 1).await.unwrap();
        }
        found.push(rows(&models).await);
        models.close().await;
    }
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0].len(), 5 * 3 + 1 + 1);
}
