//! Given events, when a command, then events or a refusal: accounts and keys.

use super::*;
use crate::testing::{at, given};
use uuid::Uuid;

const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));
const KEY: KeyId = KeyId(Uuid::from_u128(2));

fn open_as(name: &str, monthly_credits: u64) -> OpenAccount {
    OpenAccount { account: ACCOUNT, name: name.into(), monthly_credits, at: at(0) }
}

fn opened() -> AccountEvent {
    AccountOpened { account: ACCOUNT, name: "shop".into(), monthly_credits: 100, at: at(0) }.into()
}

fn issued() -> AccountEvent {
    ApiKeyIssued { account: ACCOUNT, key: KEY, hash: "ab".into(), at: at(1) }.into()
}

fn revoked() -> AccountEvent {
    ApiKeyRevoked { key: KEY, at: at(2) }.into()
}

fn issue() -> IssueKey {
    IssueKey { key: KEY, hash: "ab".into(), at: at(1) }
}

fn revoke() -> RevokeKey {
    RevokeKey { key: KEY, at: at(2) }
}

#[test]
fn an_account_is_opened_with_its_name_and_allowance() {
    assert_eq!(given::<Account>([]).when(open_as("shop", 100)), Ok(vec![opened()]));
}

#[test]
fn opening_an_account_again_as_it_is_changes_nothing() {
    assert_eq!(given::<Account>([opened()]).when(open_as("shop", 100)), Ok(vec![]));
}

#[test]
fn an_open_account_refuses_to_be_opened_otherwise() {
    for other in [open_as("other", 100), open_as("shop", 101)] {
        assert_eq!(given::<Account>([opened()]).when(other), Err(AccountRejection::AlreadyOpen));
    }
}

#[test]
fn a_name_has_one_to_a_hundred_characters() {
    let longest = "ö".repeat(ACCOUNT_NAME_CHARS_MAX);
    assert!(given::<Account>([]).when(open_as(&longest, 1)).is_ok());
    for name in [String::new(), longest + "o"] {
        let refused = given::<Account>([]).when(open_as(&name, 1));
        assert_eq!(refused, Err(AccountRejection::NameOutOfBounds));
    }
}

#[test]
fn an_allowance_above_what_an_account_can_hold_is_refused() {
    assert!(given::<Account>([]).when(open_as("shop", CREDITS_MAX)).is_ok());
    let refused = given::<Account>([]).when(open_as("shop", CREDITS_MAX + 1));
    assert_eq!(refused, Err(AccountRejection::AllowanceOutOfBounds));
    let change = ChangeAllowance { monthly_credits: CREDITS_MAX + 1, at: at(1) };
    assert_eq!(given::<Account>([opened()]).when(change), Err(AccountRejection::AllowanceOutOfBounds));
}

#[test]
fn a_key_is_issued_once() {
    assert_eq!(given::<Account>([opened()]).when(issue()), Ok(vec![issued()]));
    assert_eq!(given::<Account>([opened(), issued()]).when(issue()), Ok(vec![]));
}

#[test]
fn a_revoked_key_does_not_come_back() {
    let given = given::<Account>([opened(), issued(), revoked()]);
    assert_eq!(given.when(issue()), Ok(vec![]));
    assert!(given.state.keys.is_empty());
}

#[test]
fn a_key_is_revoked_once() {
    assert_eq!(given::<Account>([opened(), issued()]).when(revoke()), Ok(vec![revoked()]));
    assert_eq!(given::<Account>([opened(), issued(), revoked()]).when(revoke()), Ok(vec![]));
}

#[test]
fn a_key_that_was_never_issued_cannot_be_revoked() {
    assert_eq!(given::<Account>([opened()]).when(revoke()), Err(AccountRejection::KeyUnknown));
}

#[test]
fn the_allowance_changes_to_another_amount_only() {
    let change = |monthly_credits| ChangeAllowance { monthly_credits, at: at(1) };
    let changed = AllowanceChanged { monthly_credits: 7, at: at(1) }.into();
    assert_eq!(given::<Account>([opened()]).when(change(7)), Ok(vec![changed]));
    assert_eq!(given::<Account>([opened()]).when(change(100)), Ok(vec![]));
}

#[test]
fn an_account_that_was_never_opened_has_no_keys_and_no_allowance() {
    let nobody = given::<Account>([]);
    assert_eq!(nobody.when(issue()), Err(AccountRejection::Unknown));
    let change = ChangeAllowance { monthly_credits: 7, at: at(1) };
    assert_eq!(nobody.when(change), Err(AccountRejection::Unknown));
}
