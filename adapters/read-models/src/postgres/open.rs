//! The schema, its connections, and the right to write: a session lock that the server frees with the connection.

use crate::ReadModelError;
use leafcutter_sql::Server;
use sqlx::{PgConnection, PgPool};
use std::time::Duration;

/// Where the tables are. The reactions' tables, in the same database, have another.
const SCHEMA: &str = "leafcutter_read_models";
/// Connections for reading, of one process.
const READERS_MAX: u32 = 8;
/// Names the right to write within the database: "leafproj" in ASCII.
const TURN_LOCK: i64 = 0x6c65_6166_7072_6f6a;
/// How often a waiting process asks for the right to write.
const TURN_POLL_MS: u64 = 1_000;

/// Where reads go, and where connections come from.
pub(crate) struct Connections {
    pub(crate) readers: PgPool,
    pub(crate) server: Server,
}

/// Reaches the server and brings the schema to this version's form.
pub(crate) async fn connect(url: &str) -> Result<Connections, ReadModelError> {
    let server = Server::new(url, SCHEMA)?;
    server.migrate(sqlx::migrate!("migrations/postgres")).await?;
    Ok(Connections { readers: server.pool(READERS_MAX), server })
}

/// Waits until nobody else has the right to write, and takes it for as long as the connection lives.
pub(crate) async fn take_turn(server: &Server) -> Result<PgConnection, ReadModelError> {
    let mut connection = server.connect().await?;
    loop {
        let asked = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(TURN_LOCK);
        if crate::models::in_time(async { Ok(asked.fetch_one(&mut connection).await?) }).await? {
            return Ok(connection);
        }
        tokio::time::sleep(Duration::from_millis(TURN_POLL_MS)).await;
    }
}
