//! The walk back over the months of an account's ledger to the last one that began.

use leafcutter_domain::{
    AccountId, Period,
    ledger::{Funds, Ledger, LedgerRejection},
};
use leafcutter_event_store::{LedgerId, Streams, TransactError};

/// A month that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastMonth {
    /// Its ledger.
    pub id: LedgerId,
    /// Whether it has ended.
    pub closed: bool,
    /// What lasts beyond it: carried at its close, or free in it now.
    pub lasting: Funds,
    /// Hash of its last entry.
    pub hash: String,
}

/// What `look` finds of the last month at or before `from`, and not before `first`, of which it finds anything.
///
/// # Errors
/// Those of `look`.
pub async fn last_begun<T, E, F: Future<Output = Result<Option<T>, E>>>(
    from: Period,
    first: Period,
    look: impl Fn(Period) -> F,
) -> Result<Option<T>, E> {
    let mut period = from;
    // Idle months have no stream, so the walk is as long as the idle time.
    while period >= first {
        let found = look(period).await?;
        if found.is_some() {
            return Ok(found);
        }
        period = period.plus_months(-1);
    }
    Ok(None)
}

/// The last month at or before `from`, and not before `first`, that has begun.
///
/// # Errors
/// The log cannot be read.
pub async fn last_month(
    ledgers: &Streams<Ledger>,
    account: AccountId,
    from: Period,
    first: Period,
) -> Result<Option<LastMonth>, TransactError<LedgerRejection>> {
    last_begun(from, first, |period| {
        let id = LedgerId { account, period };
        ledgers.inspect(id, move |folded| {
            let state = &folded.state;
            state.period.map(|_| LastMonth {
                id,
                closed: state.closed,
                lasting: if state.closed {
                    state.carried_at_close.clone()
                } else {
                    state.available.lasting_beyond(period)
                },
                hash: folded.head_hash().unwrap_or_default().to_owned(),
            })
        })
    })
    .await
}
