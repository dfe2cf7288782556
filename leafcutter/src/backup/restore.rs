//! Bringing a backup back into a data directory, all or nothing: the files are copied beside their places and checked
//! there, and moved when all of them are right. A directory in which that was cut off is refused by every start.

use super::{LOG, OBJECTS, SECRETS, files, manifest::Manifest};
use crate::{
    client::{Console, Exit},
    service::{DATA_LAYOUT, DataArgs, DataDir},
};
use anyhow::{Context, ensure};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Flags of `leafcutter restore`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "A service that is started on a restored directory goes on with the work that was open: it opens pages and\n\
    charges for them. Start it once, and not beside the one that was backed up."
)]
pub(crate) struct RestoreArgs {
    /// Folder of the backup.
    #[arg(value_name = "DIR")]
    from: PathBuf,

    #[command(flatten)]
    data: DataArgs,
}

/// Brings a backup back into a data directory that is missing or empty.
///
/// # Errors
/// It is no whole backup, the directory holds something, or it cannot be written; it is as it was then.
pub(crate) async fn restore(args: RestoreArgs) -> anyhow::Result<Exit> {
    let done = tokio::task::spawn_blocking(move || put_back(&args.from, &args.data.data_dir)).await;
    let said = done.context("the restore ended badly")??;
    Console::standard().print(&said)?;
    Ok(Exit::Completed)
}

fn put_back(from: &Path, to: &Path) -> anyhow::Result<String> {
    let (manifest, named) = Manifest::read(from)?;
    ensure!(
        manifest.layout <= DATA_LAYOUT,
        "the backup was taken by version {}; restore it with that one",
        manifest.program
    );
    if let Some((path, _)) = named.iter().find(|(path, _)| !is_ours(path)) {
        anyhow::bail!("the backup names {}, which is no part of a data directory", path.display());
    }
    ensure!(named.iter().any(|(path, _)| path == Path::new(LOG)), "the backup holds no log");
    let place = to.display();
    ensure!(
        files::is_empty(to)?,
        "{place} is not empty: name a new directory with --data-dir, or empty this one"
    );
    let directory = DataDir::open_to_restore(to)?;
    match copy_all(from, directory.half(), &named) {
        Ok(()) => directory.finish()?,
        Err(error) => {
            directory.abandon();
            return Err(error);
        }
    }
    let Manifest { head, events, objects, taken_at, .. } = manifest;
    Ok(format!(
        "{place}: {events} events up to position {head}, {objects} results and screenshots, as of {taken_at}"
    ))
}

/// Whether a backup may hold this.
fn is_ours(path: &Path) -> bool {
    let is_object = path.starts_with(OBJECTS) && path != Path::new(OBJECTS);
    is_object || path == Path::new(LOG) || SECRETS.iter().any(|name| path == Path::new(name))
}

fn copy_all(from: &Path, to: &Path, named: &[(PathBuf, String)]) -> anyhow::Result<()> {
    for (path, hash) in named {
        let copied = files::copy(&from.join(path), &to.join(path))?;
        let copied = copied.with_context(|| format!("{} is missing in the backup", path.display()))?;
        ensure!(copied.hash == *hash, "{} was changed since the backup was taken", path.display());
    }
    fs::create_dir_all(to.join(OBJECTS)).context("the folder of objects cannot be made")?;
    files::sync_folders(to)
}
