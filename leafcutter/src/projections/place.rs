//! Where the log and the versions of the read models are, by the service's own settings. The service may run meanwhile:
//! its log is only read.

use crate::service::{DataArgs, DatabaseArgs, EventStoreArgs};
use anyhow::{Context, bail};
use clap::Args;
use leafcutter_event_store::{EventStore, EventStoreDb, SqliteEventStore};
use leafcutter_read_models::{Exclusive, Version, VersionState, Versions};
use std::{os::unix::fs::MetadataExt, path::Path, sync::Arc};

/// The settings of the service that say where things are.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    event_store: EventStoreArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// The log and the versions of the read models.
pub(crate) struct Place {
    pub(crate) log: Arc<dyn EventStore>,
    pub(crate) versions: Versions,
}

impl Place {
    /// Opens both.
    ///
    /// # Errors
    /// One of them is not there or cannot be reached.
    pub(crate) async fn open(args: &PlaceArgs) -> anyhow::Result<Self> {
        Ok(Self { log: log(args).await?, versions: versions(args).await? })
    }

    /// The right to change versions.
    ///
    /// # Errors
    /// Somebody else has it.
    pub(crate) async fn exclusive(&self) -> anyhow::Result<Exclusive> {
        self.versions.exclusive().await?.context(
            "another command is changing the versions of these read models: let it end, or end it, and try again",
        )
    }

    /// The version that is in this state.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub(crate) async fn version(&self, state: VersionState) -> anyhow::Result<Option<Version>> {
        Ok(self.versions.list().await?.into_iter().find(|version| version.state == state))
    }
}

/// The log alone.
///
/// # Errors
/// It is not there or cannot be reached.
pub(crate) async fn log(args: &PlaceArgs) -> anyhow::Result<Arc<dyn EventStore>> {
    if let Some(address) = args.event_store.address() {
        let opened = EventStoreDb::open(address).context("LEAFCUTTER_EVENT_STORE cannot be used")?;
        return Ok(Arc::new(opened));
    }
    let file = folder(args)?.join("events.db");
    let opened = SqliteEventStore::open_to_read(&file).await;
    Ok(Arc::new(opened.with_context(|| format!("the log {} cannot be read", file.display()))?))
}

/// The versions of the read models alone.
///
/// # Errors
/// They are not there or cannot be reached.
pub(super) async fn versions(args: &PlaceArgs) -> anyhow::Result<Versions> {
    if let Some(address) = args.database.address() {
        return Versions::connect(address).await.context("LEAFCUTTER_DATABASE cannot be used");
    }
    let folder = folder(args)?;
    same_owner(folder)?;
    Ok(Versions::open(folder).await?)
}

/// The data directory, which must be there: none is made by looking.
fn folder(args: &PlaceArgs) -> anyhow::Result<&Path> {
    let folder = args.data.data_dir.as_path();
    if !folder.join("version").is_file() {
        bail!("{} is no data directory of Leafcutter: name it with --data-dir", folder.display());
    }
    Ok(folder)
}

/// Files of another owner could not be written by the service.
pub(crate) fn same_owner(folder: &Path) -> anyhow::Result<()> {
    let place = folder.display();
    let probe = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("the data directory {place} cannot be written: run this as its owner"))?;
    let (own, owner) = (probe.as_file().metadata()?.uid(), folder.metadata()?.uid());
    if own != owner {
        bail!(
            "the data directory {place} belongs to user {owner}, who could not use what user {own} makes there: run this as its owner"
        );
    }
    Ok(())
}
