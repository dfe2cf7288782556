//! Taking a backup beside a service that runs. The log is copied as of one moment, the objects after it: each was
//! stored before the event that names it, so the copy has every object that its log names, and perhaps some more.

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
/// There is nothing to back up here, or the folder cannot be written. What was written by then is no backup.
pub(crate) async fn backup(args: BackupArgs) -> anyhow::Result<Exit> {
    let (data, to) = (args.data.data_dir.clone(), args.to.clone());
    is_embedded(&args)?;
    same_owner(&data)?;
    let place = to.display();
    ensure!(files::is_empty(&to)?, "{place} is not empty: name a new folder");
    files::make_folder(&to)?;
    fs::set_permissions(&to, Permissions::from_mode(0o700))
        .with_context(|| format!("{place} cannot be kept from others"))?;
    ensure!(
        !fs::canonicalize(&to)?.starts_with(fs::canonicalize(&data)?),
        "{place} is in the data directory: name a folder elsewhere, best on another disk"
    );
    let taken_at = Clock::system().now().to_string();
    let log = SqliteEventStore::copy(&data.join(LOG), &to.join(LOG)).await;
    let log = log.context("the log cannot be copied")?;
    let target = to.clone();
    let written = tokio::task::spawn_blocking(move || write(&data, &target, &log, taken_at)).await;
    let Manifest { head, events, objects, .. } = written.context("the backup ended badly")??;
    let place = to.display();
    Console::standard().print(&format!(
        "{place}: {events} events up to position {head}, {objects} results and screenshots"
    ))?;
    Ok(Exit::Completed)
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

/// Everything but the copy of the log, which is there.
fn write(data: &Path, to: &Path, log: &LogCopy, taken_at: String) -> anyhow::Result<Manifest> {
    let mut manifest = Manifest::new(DATA_LAYOUT, taken_at);
    (manifest.head, manifest.events) = (log.head.to_string(), log.events);
    let mut checksums = Checksums::begin(to)?;
    let copy = to.join(LOG);
    let kept = fs::set_permissions(&copy, Permissions::from_mode(0o600))
        .and_then(|()| File::open(&copy)?.sync_all());
    kept.with_context(|| format!("{} cannot be written", copy.display()))?;
    checksums.add(Path::new(LOG), &files::checksum(&copy)?.hash)?;
    for name in SECRETS {
        if let Some(copied) = files::copy(&data.join(name), &to.join(name))? {
            checksums.add(Path::new(name), &copied.hash)?;
        }
    }
    files::walk(&data.join(OBJECTS), &mut |object| {
        let path = Path::new(OBJECTS).join(object);
        if let Some(copied) = files::copy(&data.join(&path), &to.join(&path))? {
            checksums.add(&path, &copied.hash)?;
            manifest.objects += 1;
            manifest.object_bytes += copied.bytes;
        }
        Ok(())
    })?;
    // The manifest says that all the rest is on disk.
    files::sync_folders(to)?;
    manifest.write(to, checksums)?;
    files::sync_folders(to)?;
    Ok(manifest)
}
