//! Cookies that came with a request: in their place before the command that needs them, and never there for good
//! unless that command was taken.

use crate::Commands;
use leafcutter_dispatch::Cookies;
use leafcutter_secrets::{SecretName, SecretsError};
use leafcutter_wire::ApiError;

/// How long cookies stay whose batch nobody has seen to run, in milliseconds.
const UNCLAIMED_MS: i64 = 900_000;

/// Keeps cookies. They end after a while; the reactions let them stay once they see that the batch runs, so that
/// nothing is left of a request that was refused, of one whose outcome is unknown, or of a crash.
pub(super) async fn keep(commands: &Commands, name: &SecretName, cookies: Cookies) -> Result<(), ApiError> {
    commands.secrets.keep(name.clone(), cookies).await.map_err(refused)?;
    let end = commands.clock.now().plus_millis(UNCLAIMED_MS);
    commands.secrets.forget_at(name.batch, Some(end)).await.map_err(refused)
}

/// Whether there are cookies of this name.
pub(super) async fn are_there(commands: &Commands, name: &SecretName) -> Result<bool, ApiError> {
    Ok(commands.secrets.find(name).await.map_err(refused)?.is_some())
}

/// Nothing was recorded yet, so the request may come again.
fn refused(error: SecretsError) -> ApiError {
    match error {
        SecretsError::Full(_) => ApiError::Busy("as many batches with cookies are open as may be."),
        SecretsError::Unavailable(_) => {
            tracing::warn!(%error, "a request with cookies is refused");
            ApiError::Busy("the place where cookies are held does not answer.")
        }
    }
}
