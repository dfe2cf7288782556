//! The account `default`, which every data directory has, and its key in a file.

use super::data_dir::DataDir;
use anyhow::Context;
use leafcutter_command_api::{Commands, ensure_first_account, new_api_key};

/// Opens the account at the first start. The key is in its file before the account knows it, so that a crash in
/// between leaves no account whose key nobody has.
///
/// # Errors
/// The file or the log cannot be written.
pub(crate) async fn ensure(data: &DataDir, commands: &Commands) -> anyhow::Result<()> {
    let key = match data.api_key()? {
        Some(key) => key,
        None => {
            let key = new_api_key().context("no key can be made")?;
            data.keep_api_key(&key)?;
            key
        }
    };
    ensure_first_account(commands, &key).await.context("the account 'default' cannot be opened")
}
