//! A PostgreSQL server: its address, time limits and how a lost peer is noticed. Every connection works in one schema
//! of its own, so that several sets of tables share a database.

use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{fmt, future::Future, io, str::FromStr, time::Duration};

/// How long a caller waits for a connection, a free one or a new one.
const ACQUIRE_TIMEOUT_MS: u64 = 5_000;
/// How long the server works on one statement before it gives up.
const STATEMENT_TIMEOUT_MS: u32 = 10_000;
/// How long the server lets a transaction wait for its next statement.
const IDLE_IN_TRANSACTION_TIMEOUT_MS: u32 = 30_000;
/// How often the server looks, while it works, whether the client is still there.
const CLIENT_CHECK_INTERVAL_MS: u32 = 1_000;
/// When the server starts to ask after a client that says nothing.
const KEEPALIVE_IDLE_S: u32 = 3;
/// How often it asks then.
const KEEPALIVE_INTERVAL_S: u32 = 1;
/// How often it asks in vain before it takes the client for gone, and frees its locks.
const KEEPALIVE_PROBES_MAX: u32 = 3;
/// How long sent data may stay unacknowledged before the client is taken for gone.
const UNACKNOWLEDGED_MAX_MS: u32 = 6_000;
/// How long bringing the tables to this version's form may take.
const MIGRATION_TIMEOUT_MS: u64 = 120_000;

/// What may stand after the `?` of an address. The library writes an option that it does not know into the log, and its
/// value, which may be a password.
const OPTIONS: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

fn only_known_options(url: &str) -> bool {
    let options = url.split_once('?').map_or("", |(_, options)| options);
    let names = options.split('&').filter(|option| !option.is_empty());
    names.map(|option| option.split('=').next().unwrap_or_default()).all(|name| OPTIONS.contains(&name))
}

/// The text is no address of a PostgreSQL database. It is not repeated, since it holds a password.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database's address cannot be read: write postgres://user:password@host:5432/database?sslmode=verify-full, \
     with special characters of the password percent-encoded, and no option that PostgreSQL does not know"
)]
pub struct AddressError(#[source] Option<sqlx::Error>);

/// A database of a PostgreSQL server, and one schema in it.
#[derive(Clone)]
pub struct Server {
    options: PgConnectOptions,
    schema: String,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.options.get_host())
            .field("port", &self.options.get_port())
            .field("database", &self.options.get_database())
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// The database at this `postgres://` address. TLS is asked for by its `sslmode`. Nothing is dialled yet.
    ///
    /// # Errors
    /// The text is not such an address.
    pub fn new(url: &str, schema: &str) -> Result<Self, AddressError> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(AddressError(None));
        }
        if !only_known_options(url) {
            return Err(AddressError(None));
        }
        let options = PgConnectOptions::from_str(url).map_err(|error| AddressError(Some(error)))?;
        let options = options.application_name("leafcutter").options([("search_path", schema)]).options([
            ("statement_timeout", STATEMENT_TIMEOUT_MS),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT_MS),
            ("client_connection_check_interval", CLIENT_CHECK_INTERVAL_MS),
            ("tcp_keepalives_idle", KEEPALIVE_IDLE_S),
            ("tcp_keepalives_interval", KEEPALIVE_INTERVAL_S),
            ("tcp_keepalives_count", KEEPALIVE_PROBES_MAX),
            ("tcp_user_timeout", UNACKNOWLEDGED_MAX_MS),
        ]);
        Ok(Self { options, schema: schema.to_owned() })
    }

    /// A connection of its own, outside every pool.
    ///
    /// # Errors
    /// The server does not answer in time or refuses.
    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        bounded(Duration::from_millis(ACQUIRE_TIMEOUT_MS), self.options.connect()).await
    }

    /// Connections that are made when they are needed; a lost one is replaced by the next call.
    #[must_use]
    pub fn pool(&self, connections_max: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(Duration::from_millis(ACQUIRE_TIMEOUT_MS))
            .connect_lazy_with(self.options.clone())
    }

    /// Makes the schema where it is missing and brings its tables to this version's form. Several processes may call
    /// this at once: one works, the others wait for it.
    ///
    /// # Errors
    /// The server does not answer in time, or the tables were written by another version.
    pub async fn migrate(&self, mut migrator: Migrator) -> Result<(), MigrateError> {
        let options = self.options.clone().options([("statement_timeout", 0)]);
        bounded(Duration::from_millis(MIGRATION_TIMEOUT_MS), async {
            let mut connection =
                bounded(Duration::from_millis(ACQUIRE_TIMEOUT_MS), options.connect()).await?;
            // Asked first, because making it needs a right that an operator need not give once it is there.
            let exists: bool = sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL")
                .bind(&self.schema)
                .fetch_one(&mut connection)
                .await?;
            if !exists {
                migrator.create_schema(self.schema.clone());
            }
            // As `run`, in a form of which the compiler sees that any task may await it.
            let migrated = migrator.run_direct(None, &mut connection, false).await;
            connection.close().await?;
            Ok(migrated)
        })
        .await?
    }
}

/// Gives up on the server after `limit`: a host that vanished without a word would be waited for without end.
///
/// # Errors
/// As the future, or a timed-out read.
pub async fn bounded<T>(
    limit: Duration,
    future: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(limit, future).await {
        Ok(answer) => answer,
        Err(_) => Err(sqlx::Error::Io(io::Error::new(
            io::ErrorKind::TimedOut,
            "the database did not answer in time",
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        let urls = [
            "mysql://u:hunter2@h/d",
            "postgres://u:hunter2@h:port/d",
            "hunter2",
            "postgres://h?sslmode=x",
            "postgres://u@h/d?pasword=hunter2",
        ];
        for url in urls {
            let error = Server::new(url, "s").unwrap_err();
            let source = error.source().map(ToString::to_string);
            assert!(!format!("{error} {error:?} {source:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn debug_tells_the_server_and_not_the_password() {
        let server = Server::new("postgres://user:hunter2@db.example:5433/cut", "s").unwrap();
        let shown = format!("{server:?}");
        assert!(shown.contains("db.example") && !shown.contains("hunter2"), "{shown}");
    }
}
