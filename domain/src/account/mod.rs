//! Accounts and their API keys. A key itself is never here, only its hash; credits are in `ledger`.

#[cfg(test)]
mod tests;

use crate::{
    AccountId, Decider, KeyId, Moment,
    batch::command::commands_macro as commands,
    event::events,
    limits::{ACCOUNT_NAME_CHARS_MAX, CREDITS_MAX},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

events! {
    /// Everything that can happen to an account.
    AccountEvent { AccountOpened, ApiKeyIssued, ApiKeyRevoked, AllowanceChanged }
}

/// An account was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountOpened {
    /// The account.
    pub account: AccountId,
    /// Its name, for people.
    pub name: String,
    /// Credits that every month brings.
    pub monthly_credits: u64,
    /// When.
    pub at: Moment,
}

/// A key was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyIssued {
    /// The account.
    pub account: AccountId,
    /// The key's id.
    pub key: KeyId,
    /// BLAKE3 of the key, hex.
    pub hash: String,
    /// When.
    pub at: Moment,
}

/// A key was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyRevoked {
    /// The key's id.
    pub key: KeyId,
    /// When.
    pub at: Moment,
}

/// The allowance changes from the next month on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowanceChanged {
    /// Credits that every month brings.
    pub monthly_credits: u64,
    /// When.
    pub at: Moment,
}

commands! {
    /// Everything that can be asked of an account.
    AccountCommand { OpenAccount, IssueKey, RevokeKey, ChangeAllowance }
}

/// Open the account. The same again: nothing to record.
#[derive(Debug, Clone)]
pub struct OpenAccount {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Credits a month.
    pub monthly_credits: u64,
    /// Now.
    pub at: Moment,
}

/// Add a key. The same key id again: nothing to record.
#[derive(Debug, Clone)]
pub struct IssueKey {
    /// The key's id.
    pub key: KeyId,
    /// BLAKE3 of the key, hex.
    pub hash: String,
    /// Now.
    pub at: Moment,
}

/// Take a key back. Revoked already: nothing to record.
#[derive(Debug, Clone)]
pub struct RevokeKey {
    /// The key's id.
    pub key: KeyId,
    /// Now.
    pub at: Moment,
}

/// Change the allowance. The same amount: nothing to record.
#[derive(Debug, Clone)]
pub struct ChangeAllowance {
    /// Credits a month.
    pub monthly_credits: u64,
    /// Now.
    pub at: Moment,
}

/// Why a command was refused; nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountRejection {
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// The account exists with another name or allowance.
    #[error("this account exists already")]
    AlreadyOpen,
    /// The account has no such key.
    #[error("the account has no such key")]
    KeyUnknown,
    /// The name is empty or too long.
    #[error("a name must have 1 to {ACCOUNT_NAME_CHARS_MAX} characters")]
    NameOutOfBounds,
    /// More credits than an account can hold.
    #[error("monthly credits must be at most {CREDITS_MAX}")]
    AllowanceOutOfBounds,
}

/// What an account remembers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AccountState {
    /// Its id; `None` before it is opened.
    pub account: Option<AccountId>,
    /// Its name.
    pub name: String,
    /// Credits a month.
    pub monthly_credits: u64,
    /// When it was opened.
    pub opened_at: Option<Moment>,
    /// Keys that hold, and their hashes.
    pub keys: BTreeMap<KeyId, String>,
    /// Keys that were taken back.
    pub revoked: BTreeMap<KeyId, Moment>,
}

/// The account aggregate; see [`AccountState`] for what it remembers.
#[derive(Debug)]
pub enum Account {}

impl Decider for Account {
    type State = AccountState;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Rejection = AccountRejection;

    fn initial() -> AccountState {
        AccountState::default()
    }

    fn decide(state: &AccountState, command: &AccountCommand) -> Result<Vec<AccountEvent>, AccountRejection> {
        match command {
            AccountCommand::OpenAccount(command) => open(state, command),
            AccountCommand::IssueKey(command) => issue(state, command),
            AccountCommand::RevokeKey(command) => revoke(state, command),
            AccountCommand::ChangeAllowance(command) => change_allowance(state, command),
        }
    }

    fn evolve(mut state: AccountState, event: &AccountEvent) -> AccountState {
        match event {
            AccountEvent::AccountOpened(opened) => {
                state.account = Some(opened.account);
                state.name.clone_from(&opened.name);
                state.monthly_credits = opened.monthly_credits;
                state.opened_at = Some(opened.at);
            }
            AccountEvent::ApiKeyIssued(issued) => {
                state.keys.insert(issued.key, issued.hash.clone());
            }
            AccountEvent::ApiKeyRevoked(revoked) => {
                state.keys.remove(&revoked.key);
                state.revoked.insert(revoked.key, revoked.at);
            }
            AccountEvent::AllowanceChanged(changed) => state.monthly_credits = changed.monthly_credits,
        }
        state
    }
}

type Decision = Result<Vec<AccountEvent>, AccountRejection>;

fn open(state: &AccountState, command: &OpenAccount) -> Decision {
    if state.account.is_some() {
        let same = state.name == command.name && state.monthly_credits == command.monthly_credits;
        return if same { Ok(vec![]) } else { Err(AccountRejection::AlreadyOpen) };
    }
    if !(1..=ACCOUNT_NAME_CHARS_MAX).contains(&command.name.chars().count()) {
        return Err(AccountRejection::NameOutOfBounds);
    }
    if command.monthly_credits > CREDITS_MAX {
        return Err(AccountRejection::AllowanceOutOfBounds);
    }
    let opened = AccountOpened {
        account: command.account,
        name: command.name.clone(),
        monthly_credits: command.monthly_credits,
        at: command.at,
    };
    Ok(vec![opened.into()])
}

fn issue(state: &AccountState, command: &IssueKey) -> Decision {
    let account = state.account.ok_or(AccountRejection::Unknown)?;
    if state.keys.contains_key(&command.key) || state.revoked.contains_key(&command.key) {
        return Ok(vec![]);
    }
    Ok(vec![ApiKeyIssued { account, key: command.key, hash: command.hash.clone(), at: command.at }.into()])
}

fn revoke(state: &AccountState, command: &RevokeKey) -> Decision {
    if state.revoked.contains_key(&command.key) {
        return Ok(vec![]);
    }
    if !state.keys.contains_key(&command.key) {
        return Err(AccountRejection::KeyUnknown);
    }
    Ok(vec![ApiKeyRevoked { key: command.key, at: command.at }.into()])
}

fn change_allowance(state: &AccountState, command: &ChangeAllowance) -> Decision {
    if state.account.is_none() {
        return Err(AccountRejection::Unknown);
    }
    if command.monthly_credits > CREDITS_MAX {
        return Err(AccountRejection::AllowanceOutOfBounds);
    }
    if state.monthly_credits == command.monthly_credits {
        return Ok(vec![]);
    }
    Ok(vec![AllowanceChanged { monthly_credits: command.monthly_credits, at: command.at }.into()])
}
