//! `leafcutter projections` and `leafcutter replay`: what an operator does with the read models, beside a service that
//! goes on. The commands work on the log and the tables themselves, wherever the settings of the service say that they
//! are; only decisions about held streams go through the service, which alone appends to the log.

mod place;
mod quarantine;
mod rebuild;
mod replay;
mod show;
mod switch;
mod verify;

pub(crate) use place::same_owner;
pub(crate) use replay::{ReplayArgs, replay};

use crate::client::{Console, Exit};
use clap::{Args, Subcommand};
use place::{Place, PlaceArgs};
use quarantine::QuarantineCommand;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// Flags of `leafcutter projections`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProjectionsArgs {
    #[command(subcommand)]
    command: ProjectionsCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum ProjectionsCommand {
    /// List the versions of the read models.
    List(PlaceArgs),
    /// Show how far the live version is, and what is held.
    Status(PlaceArgs),
    /// Build a version beside the live one; goes on with one that was interrupted.
    Rebuild {
        #[command(flatten)]
        place: PlaceArgs,
        /// Compare it with the live version afterwards, and make it live when they agree.
        #[arg(long)]
        swap: bool,
    },
    /// Compare the built version with the live one, row by row.
    Verify(PlaceArgs),
    /// Make the built version the live one; the live one is kept.
    Swap(PlaceArgs),
    /// Make the version live that was so before.
    Rollback(PlaceArgs),
    /// Streams that wait because one of their events cannot be applied.
    Quarantine {
        #[command(subcommand)]
        command: QuarantineCommand,
    },
}

/// Carries the command out.
///
/// # Errors
/// It cannot be carried out; the message says what to do.
pub(crate) async fn projections(args: ProjectionsArgs) -> anyhow::Result<Exit> {
    let console = Console::standard();
    let stop = interrupted();
    match args.command {
        ProjectionsCommand::List(place) => show::list(&console, &Place::open(&place).await?).await,
        ProjectionsCommand::Status(place) => show::status(&console, &Place::open(&place).await?).await,
        ProjectionsCommand::Rebuild { place, swap } => {
            let place = Place::open(&place).await?;
            let built = rebuild::rebuild(&console, &place, &stop.token).await?;
            match built {
                Exit::Completed if swap => {}
                Exit::Completed => {
                    console.note(
                        "built; 'projections verify' compares it with the live one, 'swap' makes it live",
                    );
                    return Ok(built);
                }
                interrupted => return Ok(interrupted),
            }
            match verify::verify(&console, &place, &stop.token).await? {
                Exit::Completed => switch::swap(&console, &place, &stop.token).await,
                differs => Ok(differs),
            }
        }
        ProjectionsCommand::Verify(place) => {
            verify::verify(&console, &Place::open(&place).await?, &stop.token).await
        }
        ProjectionsCommand::Swap(place) => {
            switch::swap(&console, &Place::open(&place).await?, &stop.token).await
        }
        ProjectionsCommand::Rollback(place) => {
            switch::rollback(&console, &Place::open(&place).await?, &stop.token).await
        }
        ProjectionsCommand::Quarantine { command } => quarantine::quarantine(&console, command).await,
    }
}

/// Cancelled by an interrupt, so that a step under way ends whole.
struct Interrupted {
    token: CancellationToken,
    _heard: AbortOnDropHandle<()>,
}

fn interrupted() -> Interrupted {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let heard = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            cancelled.cancel();
        }
    });
    Interrupted { token, _heard: AbortOnDropHandle::new(heard) }
}
