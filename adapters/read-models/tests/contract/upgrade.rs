//! Tables of before the statement know nothing of past entries: they are emptied, so that all is built from the log.

use crate::support::{Place, position, rows};
use leafcutter_sql::Server;
use sqlx::{SqlitePool, migrate::Migrator, sqlite::SqliteConnectOptions};
use std::borrow::Cow;

/// The last form without a statement.
const BEFORE: i64 = 2;
/// A row of two tables, and a log that was applied up to position 9.
const FILLED: [&str; 3] = [
    "INSERT INTO usage_days (account, day, requests, latency_ms, latency_samples, credits)
     VALUES ('00000000-0000-0000-0000-000000000001', '2026-11-01', 1, 1, 1, 1)",
    "INSERT INTO ledgers (stream, account, revision) VALUES ('ledger-x', '00000000-0000-0000-0000-000000000001', 4)",
    "UPDATE checkpoints SET position = '9'",
];

fn until_before(all: Migrator) -> Migrator {
    let before = all.migrations.iter().filter(|one| one.version <= BEFORE).cloned().collect();
    Migrator { migrations: Cow::Owned(before), ..all }
}

pub(crate) async fn tables_of_before_the_statement_are_emptied_to_be_built_again(place: &Place) {
    match place {
        Place::File(folder) => {
            let path = folder.path().join("read-models.sqlite");
            let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
            let pool = SqlitePool::connect_with(options).await.unwrap();
            until_before(sqlx::migrate!("migrations/sqlite")).run(&pool).await.unwrap();
            for statement in FILLED {
                sqlx::query(statement).execute(&pool).await.unwrap();
            }
            pool.close().await;
        }
        Place::Database { url, .. } => {
            let server = Server::new(url, "leafcutter_read_models").unwrap();
            server.migrate(until_before(sqlx::migrate!("migrations/postgres"))).await.unwrap();
            let pool = server.pool(1);
            for statement in FILLED {
                sqlx::query(statement).execute(&pool).await.unwrap();
            }
            pool.close().await;
        }
    }
    let models = place.open().await;
    assert_eq!(models.checkpoint().await.unwrap(), position(0));
    assert_eq!(rows(&models).await, Vec::<String>::new());
    models.close().await;
}
