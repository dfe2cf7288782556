//! Taking a backup beside a service that runs: objects, then the log as of one moment, then the objects that came
//! meanwhile. Each was stored before the event that names it and is deleted only after the event that says so, so the
//! copy has every object that its log names, and perhaps some more. The exception is what was stored and erased while
//! the backup was taken.

use super::{
    LOG, OBJECTS, SECRETS, files,
    manifest::{Checksums, Manifest},
};
use crate::{
    client::{Console, Exit},
    projections::same_owner,
    service::{DATA_LAYOUT, DataArgs, EventStoreArgs, ObjectsArgs},
};
use anyhow::{Context, bail, ensure};
use clap::Args;
use leafcutter_event_store::{LogCopy, SqliteEventStore};
use leafcutter_wire::Clock;
use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Flags of `leafcutter backup`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "The service may run meanwhile. The backup holds the log, results and screenshots, and the keys: keep it as\n\
    secret as the data directory. 'leafcutter restore' brings it back."
)]
pub(crate) struct BackupArgs {
    /// Folder of the backup: a new one, or an empty one.
    #[arg(value_name = "DIR")]
    to: PathBuf,

    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    event_store: EventStoreArgs,
    #[command(flatten)]
    objects: ObjectsArgs,
}

/// Takes a backup.
///
/// # Errors
/// There is nothing to back up here, or the folder cannot be written; it is gone then.
pub(crate) async fn backup(args: BackupArgs) -> anyhow::Result<Exit> {
    let (data, to) = (args.data.data_dir.clone(), args.to.clone());
    is_embedded(&args)?;
    same_owner(&data)?;
    let place = to.display();
    ensure!(files::is_empty(&to)?, "{place} is not empty: name a new folder");
    ensure!(
        !files::resolved(&to)?.starts_with(files::resolved(&data)?),
        "{place} is in the data directory: name a folder elsewhere, best on another disk"
    );
    let unfinished = Unfinished::begin(&to)?;
    let Manifest { head, events, objects, .. } = take(&data, &to).await?;
    unfinished.keep();
    Console::standard().print(&format!(
        "{place}: {events} events up to position {head}, {objects} results and screenshots"
    ))?;
    Ok(Exit::Completed)
}

async fn take(data: &Path, to: &Path) -> anyhow::Result<Manifest> {
    let (own, target) = (data.to_owned(), to.to_owned());
    let mut begun = blocking(move || {
        let mut begun = Begun::new(own, target)?;
        begun.copy_objects()?;
        Ok(begun)
    })
    .await?;
    let log = SqliteEventStore::copy(&data.join(LOG), &to.join(LOG)).await;
    let log = log.context("the log cannot be copied")?;
    blocking(move || {
        begun.add_log(&log)?;
        begun.copy_objects()?;
        begun.copy_secrets()?;
        begun.finish()
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("the backup ended badly")?
}

/// The folder of a backup that is not whole yet: it goes when the backup fails.
struct Unfinished {
    folder: Option<PathBuf>,
}

impl Unfinished {
    fn begin(folder: &Path) -> anyhow::Result<Self> {
        files::make_folder(folder)?;
        let unfinished = Self { folder: Some(folder.to_owned()) };
        fs::set_permissions(folder, Permissions::from_mode(0o700))
            .with_context(|| format!("{} cannot be kept from others", folder.display()))?;
        Ok(unfinished)
    }

    fn keep(mut self) {
        self.folder = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder
            && let Err(error) = fs::remove_dir_all(folder)
        {
            tracing::warn!(%error, folder = %folder.display(), "what is there is no backup and cannot be removed");
        }
    }
}

/// What lives on servers has its own means.
fn is_embedded(args: &BackupArgs) -> anyhow::Result<()> {
    if args.event_store.address().is_some() {
        bail!(
            "the log of this service is on a server (LEAFCUTTER_EVENT_STORE): back up EventStoreDB, then the bucket, \
             as docs/operations.md says under Backup and restore"
        );
    }
    if args.objects.address().is_some() {
        bail!(
            "results are not in the data directory (LEAFCUTTER_OBJECTS): leave that unset to back up the log and the \
             keys, and copy the results after that"
        );
    }
    let data = &args.data.data_dir;
    ensure!(
        data.join(LOG).is_file(),
        "{} holds no log of Leafcutter: name the data directory with --data-dir",
        data.display()
    );
    Ok(())
}

/// A backup under way.
struct Begun {
    data: PathBuf,
    to: PathBuf,
    checksums: Checksums,
    manifest: Manifest,
}

impl Begun {
    fn new(data: PathBuf, to: PathBuf) -> anyhow::Result<Self> {
        let checksums = Checksums::begin(&to)?;
        let manifest = Manifest::new(DATA_LAYOUT, Clock::system().now().to_string());
        Ok(Self { data, to, checksums, manifest })
    }

    /// Copies those that are not in the backup yet.
    fn copy_objects(&mut self) -> anyhow::Result<()> {
        let Self { data, to, checksums, manifest } = self;
        files::walk(&data.join(OBJECTS), &mut |object| {
            let path = Path::new(OBJECTS).join(object);
            let target = to.join(&path);
            if target.exists() {
                return Ok(());
            }
            if let Some(copied) = files::copy(&data.join(&path), &target)? {
                checksums.add(&path, &copied.hash)?;
                manifest.objects += 1;
                manifest.object_bytes += copied.bytes;
            }
            Ok(())
        })
    }

    /// Takes the copy of the log in, which is there.
    fn add_log(&mut self, log: &LogCopy) -> anyhow::Result<()> {
        (self.manifest.head, self.manifest.events) = (log.head.to_string(), log.events);
        let copy = self.to.join(LOG);
        let kept = fs::set_permissions(&copy, Permissions::from_mode(0o600))
            .and_then(|()| File::open(&copy)?.sync_all());
        kept.with_context(|| format!("{} cannot be written", copy.display()))?;
        self.checksums.add(Path::new(LOG), &files::checksum(&copy)?.hash)
    }

    fn copy_secrets(&mut self) -> anyhow::Result<()> {
        for name in SECRETS {
            if let Some(copied) = files::copy(&self.data.join(name), &self.to.join(name))? {
                self.checksums.add(Path::new(name), &copied.hash)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<Manifest> {
        let Self { to, checksums, mut manifest, .. } = self;
        // The manifest says that all the rest is on disk.
        files::sync_folders(&to)?;
        manifest.write(&to, checksums)?;
        files::sync_folders(&to)?;
        Ok(manifest)
    }
}
