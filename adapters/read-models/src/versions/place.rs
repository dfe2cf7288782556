//! Where versions are: files in a folder, or schemas of a database; and the one statement or other that each needs.

use super::{Version, VersionState};
use crate::{ReadModelError, ReadModels, models::in_time, postgres, sqlite};
use leafcutter_domain::Moment;
use sqlx::{PgConnection, PgPool, SqlitePool};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// The file in which the versions of a folder are listed.
const REGISTRY_FILE: &str = "projections.db";
/// The file that whoever changes versions holds.
const LOCK_FILE: &str = "projections.lock";

pub(crate) enum Place {
    Folder { folder: PathBuf, registry: SqlitePool },
    Database { url: String, registry: PgPool, server: Box<leafcutter_sql::Server> },
}

/// The right to change versions; given back when dropped.
#[must_use = "dropped, it gives the right back"]
pub struct Exclusive(#[expect(dead_code, reason = "held, not read")] Held);

#[expect(dead_code, reason = "held, not read")]
enum Held {
    File(File),
    Connection(Box<PgConnection>),
}

impl std::fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exclusive")
    }
}

/// Asks the engine of the place, within the time limit.
macro_rules! ask {
    ($place:ident.$question:ident($($argument:expr),*)) => {
        in_time(async {
            match $place {
                Place::Folder { registry, .. } => sqlite::versions::$question(registry, $($argument),*).await,
                Place::Database { registry, .. } => postgres::versions::$question(registry, $($argument),*).await,
            }
        })
        .await
    };
}

impl Place {
    pub(super) async fn open(folder: &Path) -> Result<Self, ReadModelError> {
        let registry = sqlite::registry(&folder.join(REGISTRY_FILE)).await?;
        Ok(Self::Folder { folder: folder.to_owned(), registry })
    }

    pub(super) async fn connect(url: &str) -> Result<Self, ReadModelError> {
        let (server, registry) = postgres::registry(url).await?;
        Ok(Self::Database { url: url.to_owned(), registry, server: Box::new(server) })
    }

    pub(super) async fn begin(&self, now: Moment) -> Result<(), ReadModelError> {
        ask!(self.begin(now))
    }

    pub(super) async fn list(&self) -> Result<Vec<Version>, ReadModelError> {
        ask!(self.list())
    }

    pub(super) async fn live(&self) -> Result<u32, ReadModelError> {
        ask!(self.live())
    }

    pub(super) async fn add(&self, version: &Version) -> Result<(), ReadModelError> {
        ask!(self.add(version))
    }

    pub(super) async fn set_state(&self, number: u32, state: VersionState) -> Result<(), ReadModelError> {
        ask!(self.set_state(number, state))
    }

    pub(super) async fn make_live(&self, number: u32) -> Result<(), ReadModelError> {
        ask!(self.make_live(number))
    }

    pub(super) async fn remove(&self, number: u32) -> Result<(), ReadModelError> {
        ask!(self.remove(number))
    }

    pub(super) async fn tables(&self, number: u32) -> Result<ReadModels, ReadModelError> {
        match self {
            Self::Folder { folder, .. } => ReadModels::open(&file(folder, number)).await,
            Self::Database { url, .. } => ReadModels::connect_to(url, number).await,
        }
    }

    /// Drops the tables of a version, if there are any.
    pub(super) async fn drop_tables(&self, number: u32) -> Result<(), ReadModelError> {
        match self {
            Self::Folder { folder, .. } => remove_files(&file(folder, number)).map_err(from_io),
            Self::Database { server, .. } => postgres::drop_tables(server, number).await,
        }
    }

    pub(super) async fn exclusive(&self) -> Result<Option<Exclusive>, ReadModelError> {
        let held = match self {
            Self::Folder { folder, .. } => {
                sqlite::lock(&folder.join(LOCK_FILE)).map_err(from_io)?.map(Held::File)
            }
            Self::Database { server, .. } => {
                postgres::lock_versions(server).await?.map(|held| Held::Connection(Box::new(held)))
            }
        };
        Ok(held.map(Exclusive))
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Folder { registry, .. } => registry.close().await,
            Self::Database { registry, .. } => registry.close().await,
        }
    }
}

/// The first version has the name that it had when there was no other.
fn file(folder: &Path, number: u32) -> PathBuf {
    match number {
        1 => folder.join("read-models.db"),
        later => folder.join(format!("read-models.{later}.db")),
    }
}

/// With the log and the index that SQLite keeps beside a file, and the lock.
fn remove_files(file: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm", sqlite::TURN_SUFFIX] {
        match fs::remove_file(sqlite::beside(file, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn from_io(error: io::Error) -> ReadModelError {
    ReadModelError::Unavailable(sqlx::Error::Io(error))
}
