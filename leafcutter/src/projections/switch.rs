//! `projections swap` and `rollback`: another version becomes the live one, once it is as far as the log.

use super::{place::Place, rebuild::bring_up};
use crate::client::{Console, Exit};
use anyhow::Context;
use leafcutter_read_models::VersionState;
use tokio_util::sync::CancellationToken;

/// Makes the built version live.
///
/// # Errors
/// There is none, or it cannot be brought to where the log is.
pub(super) async fn swap(console: &Console, place: &Place, stop: &CancellationToken) -> anyhow::Result<Exit> {
    let missing = "no version is ready: build one with 'leafcutter projections rebuild'";
    make_live(console, place, (VersionState::Ready, missing), stop).await
}

/// Makes the version live that was so before.
///
/// # Errors
/// There is none, or it cannot be brought to where the log is.
pub(super) async fn rollback(
    console: &Console,
    place: &Place,
    stop: &CancellationToken,
) -> anyhow::Result<Exit> {
    let missing = "no earlier version is kept: it ends where a new one is built";
    make_live(console, place, (VersionState::Previous, missing), stop).await
}

async fn make_live(
    console: &Console,
    place: &Place,
    (state, missing): (VersionState, &'static str),
    stop: &CancellationToken,
) -> anyhow::Result<Exit> {
    let right = place.exclusive().await?;
    let version = place.version(state).await?.context(missing)?;
    let models = place.versions.tables(version).await?;
    if !bring_up(console, place, &models, version, stop).await? {
        return Ok(Exit::Interrupted);
    }
    place.versions.make_live(version, &right).await?;
    models.close().await;
    let number = version.number;
    console.print(&format!("version {number} is live; 'leafcutter projections rollback' goes back"))?;
    Ok(Exit::Completed)
}
