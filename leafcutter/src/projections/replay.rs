//! `replay`: the read models as they were at a place in the log, or as they would be without what happened after a
//! moment, in a folder of their own.

use super::{
    interrupted,
    place::{PlaceArgs, log},
    rebuild::Shown,
};
use crate::client::{Console, Exit};
use anyhow::{Context, bail, ensure};
use clap::Args;
use leafcutter_domain::Moment;
use leafcutter_event_store::Position;
use leafcutter_projector::{Progress, Until, build};
use leafcutter_read_models::Versions;
use leafcutter_wire::Clock;
use std::{fs, path::PathBuf, str::FromStr};

/// Flags of `leafcutter replay`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "DIR gets a SQLite file, read-models.db, with the tables that docs/operations.md describes."
)]
pub(crate) struct ReplayArgs {
    /// A position of the log, as 'projections list' shows them, or a time such as 2026-01-31T23:59:59Z, up to which
    /// and including what happened is told.
    #[arg(long, value_name = "POSITION|TIME")]
    until: End,

    /// Folder for the result; must be missing or empty.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,

    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Clone, Copy)]
struct End(Until);

impl FromStr for End {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let position = text.parse::<Position>().map(Until::Position).ok();
        let until = position.or_else(|| text.parse::<Moment>().map(Until::Time).ok());
        until.map(Self).ok_or("neither a position such as 1042 nor a time such as 2026-01-31T23:59:59Z")
    }
}

/// Writes the read models as of then.
///
/// # Errors
/// The folder is not empty, the log ends before, or something cannot be read or written.
pub(crate) async fn replay(args: ReplayArgs) -> anyhow::Result<Exit> {
    let (console, stop, End(until)) = (Console::standard(), interrupted(), args.until);
    let log = log(&args.place).await?;
    let head = log.head().await?;
    match until {
        Until::Position(position) => ensure!(position <= head, "the log ends at position {head}"),
        Until::Time(time) => ensure!(time <= Clock::system().now(), "{time} is yet to come"),
    }
    let to = args.to.display();
    fs::create_dir_all(&args.to).with_context(|| format!("the folder {to} cannot be made"))?;
    if fs::read_dir(&args.to)?.next().is_some() {
        bail!("the folder {to} is not empty");
    }
    let versions = Versions::open(&args.to).await?;
    let models = versions.live().await?;
    let mut shown = Shown::begin(&console, Position::START);
    let at = build(log, &models, until, |progress: Progress| shown.show(0, progress), &stop.token).await?;
    drop(shown);
    models.close().await;
    if stop.token.is_cancelled() {
        console.note("interrupted; what is in the folder is not the whole");
        return Ok(Exit::Interrupted);
    }
    let so_far = match until {
        Until::Position(_) => format!("what the log said up to position {at}"),
        Until::Time(time) => format!("what had happened by {time}; the log was read up to position {at}"),
    };
    console.print(&format!("{to}/read-models.db tells {so_far}"))?;
    Ok(Exit::Completed)
}
