//! `projections list` and `status`.

use super::place::Place;
use crate::client::{Console, Exit, table};
use leafcutter_read_models::{Version, VersionState};

/// Shows every version.
///
/// # Errors
/// They cannot be read.
pub(super) async fn list(console: &Console, place: &Place) -> anyhow::Result<Exit> {
    let mut rows = table(&["version", "state", "begun", "position"]);
    for version in place.versions.list().await? {
        let position = place.versions.tables(version).await?.checkpoint().await?;
        rows.add_row([
            version.number.to_string(),
            state(&version).to_owned(),
            version.made_at.to_string(),
            position.to_string(),
        ]);
    }
    console.print(&rows.to_string())?;
    Ok(Exit::Completed)
}

/// Shows how far the live version is, and what is held; the code is 1 when something is.
///
/// # Errors
/// It cannot be read.
pub(super) async fn status(console: &Console, place: &Place) -> anyhow::Result<Exit> {
    let head = place.log.head().await?;
    let held = place.versions.live().await?.quarantined().await?;
    console.print(&format!("log: position {head}"))?;
    for version in place.versions.list().await? {
        let position = place.versions.tables(version).await?.checkpoint().await?;
        let behind = head.distance_from(position);
        console.print(&format!(
            "version {} ({}): position {position}, {behind} behind the log",
            version.number,
            state(&version)
        ))?;
    }
    console.print(&format!("streams held: {}", held.len()))?;
    if held.is_empty() {
        return Ok(Exit::Completed);
    }
    console.print("'leafcutter projections quarantine list' says which and why")?;
    Ok(Exit::SomeFailed)
}

fn state(version: &Version) -> &'static str {
    match version.state {
        VersionState::Building => "building",
        VersionState::Ready => "ready",
        VersionState::Live => "live",
        VersionState::Previous => "previous",
    }
}
