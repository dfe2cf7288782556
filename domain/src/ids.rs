//! One typed id per kind of thing, and the derivations that make ids without randomness.
//! Random ids (`Uuid::now_v7`) are made at the edge, never here.

use crate::Period;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// Namespace of every id that Leafcutter derives; a fixed random UUID, never to be changed.
const NAMESPACE: Uuid = Uuid::from_u128(0x7c0b_4e5e_9f0d_4c1c_8f3b_2f6a_90e1_d7a4);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// A tenant: owner of keys, credits and batches.
    AccountId
);
id!(
    /// One submission of up to 50 URLs.
    BatchId
);
id!(
    /// One API key; the key itself is never stored.
    KeyId
);
id!(
    /// Credits set aside for one round (submit or retry) of one batch.
    ReservationId
);
id!(
    /// One grant of top-up credits.
    GrantId
);
id!(
    /// One life of one worker process; a restarted worker has a new one.
    WorkerId
);

/// Position of an item in its batch, from 0, in submit order.
pub type ItemIndex = u16;

impl BatchId {
    /// The batch that this idempotency key of this account names, the same at every repeat.
    #[must_use]
    pub fn from_idempotency_key(account: AccountId, key: &str) -> Self {
        Self(derive(&format!("batch/{account}/{key}")))
    }
}

impl ReservationId {
    /// The reservation of a round: 1 for the submit, higher for retries and after an abandoned round.
    #[must_use]
    pub fn of(batch: BatchId, round: u32) -> Self {
        Self(derive(&format!("reservation/{batch}/{round}")))
    }
}

impl GrantId {
    /// The grant that gives back top-up credits that `item` (of a refund: its first item) of `reservation` released
    /// in `period` after that month was closed. The month is part of it: after a crash and a month turn one round
    /// may have been reserved in two months.
    #[must_use]
    pub fn of_late_release(period: Period, reservation: ReservationId, item: ItemIndex) -> Self {
        Self(derive(&format!("late-release/{period}/{reservation}/{item}")))
    }
}

/// The public id of an item.
#[must_use]
pub fn item_uuid(batch: BatchId, item: ItemIndex) -> Uuid {
    derive(&format!("item/{batch}/{item}"))
}

fn derive(name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}
