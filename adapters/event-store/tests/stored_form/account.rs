//! Samples of the account's events. Not here: comparing.

use crate::golden::{Sample, every};
use leafcutter_domain::{
    AccountId, KeyId, Moment,
    account::{AccountEvent, AccountOpened, AllowanceChanged, ApiKeyIssued, ApiKeyRevoked},
};
use uuid::Uuid;

every!(AccountEvent: AccountOpened, ApiKeyIssued, ApiKeyRevoked, AllowanceChanged);

pub(crate) const ACCOUNT: AccountId = AccountId(Uuid::from_u128(0x0197_5bb3_7c00_7000_8000_0000_0000_0001));
const KEY: KeyId = KeyId(Uuid::from_u128(0x0197_5bb3_7c00_7000_8000_0000_0000_0002));

pub(crate) fn at() -> Moment {
    "2026-11-22T10:00:00.5Z".parse().unwrap()
}

pub(crate) fn samples() -> Vec<Sample<AccountEvent>> {
    let name = "Atta cephalotes \"é\"".to_owned();
    let hash = "0123456789abcdef".repeat(4);
    vec![
        ("AccountOpened", AccountOpened { account: ACCOUNT, name, monthly_credits: 10_000, at: at() }.into()),
        ("ApiKeyIssued", ApiKeyIssued { account: ACCOUNT, key: KEY, hash, at: at() }.into()),
        ("ApiKeyRevoked", ApiKeyRevoked { key: KEY, at: at() }.into()),
        ("AllowanceChanged", AllowanceChanged { monthly_credits: 1_000_000_000_000, at: at() }.into()),
    ]
}
