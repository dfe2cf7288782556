//! `projections quarantine`: which streams wait, why, and what an operator decides about them. What is decided is an
//! event of the log, so it goes through the service.

use super::place::{PlaceArgs, versions};
use crate::client::{AdminArgs, Console, Exit, admin_call, table};
use anyhow::Context;
use clap::Subcommand;
use leafcutter_read_models::Quarantined;
use serde_json::json;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum QuarantineCommand {
    /// List the streams that wait.
    List(PlaceArgs),
    /// Try a stream again.
    Retry {
        /// The stream, as the list shows it.
        stream: String,
        #[command(flatten)]
        place: PlaceArgs,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Have a stream go on without the event that holds it. The event stays in the log.
    Skip {
        /// The stream, as the list shows it.
        stream: String,
        /// Why, for whoever reads the log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        place: PlaceArgs,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

/// Carries the command out.
///
/// # Errors
/// The stream does not wait, or the service refuses or cannot be reached.
pub(super) async fn quarantine(console: &Console, command: QuarantineCommand) -> anyhow::Result<Exit> {
    match command {
        QuarantineCommand::List(place) => list(console, &place).await,
        QuarantineCommand::Retry { stream, place, admin } => {
            held(&place, &stream).await?;
            admin_call(console, &admin, "/admin/quarantine/retry", json!({"stream": stream})).await?;
            console.print(&format!("recorded; {stream} is tried again"))?;
            Ok(Exit::Completed)
        }
        QuarantineCommand::Skip { stream, reason, place, admin } => {
            let revision = held(&place, &stream).await?.revision;
            let body = json!({"stream": stream, "revision": revision, "reason": reason});
            admin_call(console, &admin, "/admin/quarantine/skip", body).await?;
            console.print(&format!("recorded; {stream} goes on without its event {revision}"))?;
            Ok(Exit::Completed)
        }
    }
}

async fn list(console: &Console, place: &PlaceArgs) -> anyhow::Result<Exit> {
    let held = quarantined(place).await?;
    if held.is_empty() {
        console.note("no stream waits");
        return Ok(Exit::Completed);
    }
    let mut rows = table(&["stream", "event", "position", "why"]);
    for one in held {
        rows.add_row([
            one.stream.to_string(),
            one.revision.to_string(),
            one.position.to_string(),
            one.reason,
        ]);
    }
    console.print(&rows.to_string())?;
    Ok(Exit::Completed)
}

async fn held(place: &PlaceArgs, stream: &str) -> anyhow::Result<Quarantined> {
    let found = quarantined(place).await?.into_iter().find(|one| one.stream.as_str() == stream);
    found.with_context(|| format!("{stream} does not wait: 'projections quarantine list' shows what does"))
}

async fn quarantined(place: &PlaceArgs) -> anyhow::Result<Vec<Quarantined>> {
    Ok(versions(place).await?.live().await?.quarantined().await?)
}
