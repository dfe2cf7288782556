//! The account `default` of an embedded service: there from the first start, without an admin call.

use crate::{Commands, handlers::admin::keys::new_key};
use leafcutter_domain::{
    AccountId, KeyId,
    account::{AccountRejection, IssueKey, OpenAccount},
};
use leafcutter_event_store::TransactError;
use leafcutter_wire::{ApiError, hash_key};
use uuid::Uuid;

/// Name and, hashed, id of the account.
const NAME: &str = "default";

/// A new API key.
///
/// # Errors
/// The system gives no random numbers.
pub fn new_api_key() -> Result<String, ApiError> {
    new_key().map(|(_, key, _)| key)
}

/// Opens the account unless it is there, and gives it this key unless it has or had one. Done twice, also by two
/// replicas at once, it changes nothing; a key that was revoked stays revoked.
///
/// # Errors
/// The log cannot be written.
pub async fn ensure_first_account(commands: &Commands, api_key: &str) -> Result<(), ApiError> {
    let account = AccountId(Uuid::new_v5(&Uuid::NAMESPACE_OID, NAME.as_bytes()));
    let at = commands.clock.now();
    let (open, keyed) = commands
        .accounts
        .inspect(account, |folded| {
            let state = &folded.state;
            (state.account.is_some(), !state.keys.is_empty() || !state.revoked.is_empty())
        })
        .await?;
    if !open {
        let monthly_credits = commands.settings.default_credits;
        let open = OpenAccount { account, name: NAME.to_owned(), monthly_credits, at };
        match commands.accounts.transact(account, open).await {
            // Another replica was faster, with another allowance.
            Ok(_) | Err(TransactError::Rejected(AccountRejection::AlreadyOpen)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if !keyed {
        let hash = hash_key(api_key);
        let issue = IssueKey { key: KeyId(Uuid::new_v5(&account.0, hash.as_bytes())), hash, at };
        commands.accounts.transact(account, issue).await?;
    }
    Ok(())
}
