//! The account `default`, which every data directory has, and its key in a file.

use super::{
    data_dir::DataDir,
    health::Health,
    stores::Log,
    waiting::{Fault, wait_for},
};
use anyhow::Context;
use leafcutter_command_api::{Commands, ensure_first_account, new_api_key};

/// Makes the key at the first start. It is in its file before the account knows it, so that a crash in between leaves
/// no account whose key nobody has.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn make_key(data: &DataDir) -> anyhow::Result<()> {
    if data.api_key()?.is_none() {
        data.keep_api_key(&new_api_key().context("no key can be made")?)?;
    }
    Ok(())
}

/// Opens the account, unless it is there.
///
/// # Errors
/// The file cannot be read, or the embedded log cannot be written; a log elsewhere is waited for.
pub(crate) async fn ensure(
    data: &DataDir,
    commands: &Commands,
    log: &Log,
    health: &Health,
) -> anyhow::Result<()> {
    let key = data.api_key()?.context("the file api-key of the data directory is gone")?;
    wait_for(health, "account 'default'", async || {
        ensure_first_account(commands, &key).await.map_err(|error| match log {
            Log::Remote(_) => Fault::Away(error.into()),
            Log::Embedded(_) => {
                Fault::Wrong(anyhow::Error::new(error).context("the account 'default' cannot be opened"))
            }
        })
    })
    .await
}
