//! The schemas, their connections, and the right to write: a session lock that the server frees with the connection.

use crate::{ReadModelError, models::in_time};
use leafcutter_sql::Server;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use std::time::Duration;

/// Where the tables of the first version are; later ones add their number. The reactions' tables, in the same
/// database, have another.
const SCHEMA: &str = "leafcutter_read_models";
/// Where the versions are listed.
const REGISTRY_SCHEMA: &str = "leafcutter_projections";
/// Connections for reading, of one process.
const READERS_MAX: u32 = 8;
/// Connections to the list of versions.
const REGISTRY_CONNECTIONS_MAX: u32 = 1;
/// Names the right to write the first version within the database: "leafproj" in ASCII. Later ones add their number.
const TURN_LOCK: i64 = 0x6c65_6166_7072_6f6a;
/// Names the right to change versions: "leafvers" in ASCII.
const VERSIONS_LOCK: i64 = 0x6c65_6166_7665_7273;
/// How often a waiting process asks for the right to write.
const TURN_POLL_MS: u64 = 1_000;

/// Where reads go, and where connections come from.
pub(crate) struct Connections {
    pub(crate) readers: PgPool,
    pub(crate) server: Server,
    turn_lock: i64,
}

/// The schema of a version. The first has the name that it had when there was no other.
fn schema(number: u32) -> String {
    if number == 1 { SCHEMA.to_owned() } else { format!("{SCHEMA}_{number}") }
}

/// Reaches the server and brings the schema of this version to this program's form.
pub(crate) async fn connect(url: &str, number: u32) -> Result<Connections, ReadModelError> {
    let server = Server::new(url, &schema(number))?;
    server.migrate(sqlx::migrate!("migrations/postgres")).await?;
    let turn_lock = TURN_LOCK + i64::from(number) - 1;
    Ok(Connections { readers: server.pool(READERS_MAX), server, turn_lock })
}

/// Reaches the list of versions, and makes it where it is missing.
pub(crate) async fn registry(url: &str) -> Result<(Server, PgPool), ReadModelError> {
    let server = Server::new(url, REGISTRY_SCHEMA)?;
    server.migrate(sqlx::migrate!("migrations/versions")).await?;
    let pool = server.pool(REGISTRY_CONNECTIONS_MAX);
    Ok((server, pool))
}

/// Waits until nobody else has the right to write, and takes it for as long as the connection lives.
pub(crate) async fn take_turn(database: &Connections) -> Result<PgConnection, ReadModelError> {
    let mut connection = database.server.connect().await?;
    while !try_lock(&mut connection, database.turn_lock).await? {
        tokio::time::sleep(Duration::from_millis(TURN_POLL_MS)).await;
    }
    Ok(connection)
}

/// Takes the right to change versions for as long as the connection lives, if nobody has it.
pub(crate) async fn lock_versions(server: &Server) -> Result<Option<PgConnection>, ReadModelError> {
    let mut connection = server.connect().await?;
    Ok(try_lock(&mut connection, VERSIONS_LOCK).await?.then_some(connection))
}

async fn try_lock(connection: &mut PgConnection, name: i64) -> Result<bool, ReadModelError> {
    let asked = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(name);
    in_time(async { Ok(asked.fetch_one(connection).await?) }).await
}

/// Drops the schema of a version, if it is there.
pub(crate) async fn drop_tables(server: &Server, number: u32) -> Result<(), ReadModelError> {
    in_time(async {
        let mut connection = server.connect().await?;
        // The name is made of a constant and a number.
        let statement = AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {} CASCADE", schema(number)));
        sqlx::raw_sql(statement).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    })
    .await
}
