//! `projections verify`: whether the built version tells the same as the live one.

use super::{place::Place, rebuild::Shown};
use crate::client::{Console, Exit};
use anyhow::bail;
use leafcutter_projector::{CompareError, Progress, compare};
use leafcutter_read_models::{Version, VersionState};
use tokio_util::sync::CancellationToken;

/// Compares row by row; the code is 1 when a row differs.
///
/// # Errors
/// There is nothing to compare, or it cannot be read.
pub(super) async fn verify(
    console: &Console,
    place: &Place,
    stop: &CancellationToken,
) -> anyhow::Result<Exit> {
    // Held to the end, since the other version is brought to where the live one is.
    let _right = place.exclusive().await?;
    let other = other(place).await?;
    let (live, built) = (place.versions.live().await?, place.versions.tables(other).await?);
    let mut shown = Shown::begin(console, built.checkpoint().await?);
    let told = |progress: Progress| shown.show(0, progress);
    let found = match compare(place.log.clone(), &live, &built, told, stop).await {
        Err(CompareError::Stopped) => return Ok(Exit::Interrupted),
        found => found?,
    };
    drop(shown);
    for difference in &found.differences {
        let row = |row: &Option<String>| row.clone().unwrap_or_else(|| "no such row".to_owned());
        console.print(&format!("{} {}", difference.table, difference.key))?;
        console.print(&format!("  live:    {}", row(&difference.live)))?;
        console.print(&format!("  version {}: {}", other.number, row(&difference.other)))?;
    }
    let (rows, differing, at) = (found.rows, found.differing, found.at);
    if differing == 0 {
        console.print(&format!("{rows} rows compared as of position {at}: all the same"))?;
        return Ok(Exit::Completed);
    }
    console.print(&format!("{rows} rows compared as of position {at}: {differing} differ"))?;
    Ok(Exit::SomeFailed)
}

async fn other(place: &Place) -> anyhow::Result<Version> {
    for state in [VersionState::Ready, VersionState::Previous] {
        if let Some(version) = place.version(state).await? {
            return Ok(version);
        }
    }
    bail!("there is no other version to compare with: build one with 'leafcutter projections rebuild'")
}
