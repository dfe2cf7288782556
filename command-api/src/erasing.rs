//! Erasing results on the operator's word: of one batch, or of an account, whose batches are found in its ledgers. The
//! objects themselves are deleted by the reactions, once the log says that they are erased.

use crate::Commands;
use futures::{StreamExt, TryStreamExt, stream};
use leafcutter_domain::{
    AccountId, BatchId, Moment, Period,
    batch::{BatchRejection, EraseReason, EraseResults},
    ledger::{Ledger, LedgerEvent},
};
use leafcutter_event_store::{Aggregate, LedgerId, TransactError, decode};
use leafcutter_wire::ApiError;
use std::{collections::BTreeSet, fmt, str::FromStr};

/// Batches that are asked at a time.
const AT_A_TIME: usize = 16;
/// Events of a ledger that are looked through in one go; each can name one batch.
const LEDGER_EVENTS_MAX: usize = 500;

/// What became of some batches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Erased {
    /// Erased now.
    pub(crate) erased: Vec<BatchId>,
    /// Those with items that wait or run, of which nothing was erased.
    pub(crate) unfinished: Vec<BatchId>,
    /// How many had nothing to erase.
    pub(crate) unchanged: u64,
    /// Those of which the log holds an event that cannot be read; nothing of them was erased.
    pub(crate) unreadable: Vec<BatchId>,
}

/// Batches that a part of an account's ledgers names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) batches: Vec<BatchId>,
    /// Entries that cannot be read, so that it is not known which batches they name.
    pub(crate) unreadable: u64,
    /// Up to where the ledgers were looked through; none when that was all.
    pub(crate) next: Option<LedgerPlace>,
}

/// A place in the ledgers of an account: up to here its batches were seen. Its text form is for whoever goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LedgerPlace {
    period: Period,
    /// Events of the month that were seen.
    events: u64,
}

impl fmt::Display for LedgerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.period, self.events)
    }
}

impl FromStr for LedgerPlace {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (period, events) = text.split_once('/').ok_or(())?;
        Ok(Self { period: period.parse().map_err(drop)?, events: events.parse().map_err(drop)? })
    }
}

impl Commands {
    /// Erases the results of these batches. Done again, it also erases what a worker that was given up stored meanwhile.
    ///
    /// # Errors
    /// The log cannot be read or written, or, of a single batch, there is none; some may be erased then.
    pub(crate) async fn erase_batches(&self, batches: Vec<BatchId>, at: Moment) -> Result<Erased, ApiError> {
        let command = EraseResults { reason: EraseReason::Operator, until: None, at };
        let asked = stream::iter(batches).map(|batch| {
            let command = command.clone();
            async move { Ok::<_, ApiError>((batch, self.batches.transact(batch, command).await)) }
        });
        let answers: Vec<_> = asked.buffered(AT_A_TIME).try_collect().await?;
        let mut all = Erased::default();
        for (batch, answer) in answers {
            match answer {
                Ok(committed) if committed.events.is_empty() => all.unchanged += 1,
                Ok(_) => all.erased.push(batch),
                Err(TransactError::Rejected(BatchRejection::NotFinished)) => all.unfinished.push(batch),
                Err(TransactError::StoredForm(error)) => {
                    tracing::error!(%error, %batch, "its results are not erased: it cannot be read");
                    all.unreadable.push(batch);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(all)
    }

    /// Some batches of an account, as its ledgers name them from `after` on.
    ///
    /// # Errors
    /// There is no such account, or the log cannot be read.
    pub(crate) async fn batches_of(
        &self,
        account: AccountId,
        after: Option<LedgerPlace>,
        now: Moment,
    ) -> Result<Named, ApiError> {
        let opened = self.accounts.inspect(account, |folded| folded.state.opened_at).await?;
        let opened = opened.ok_or(ApiError::NotFound("There is no such account."))?;
        let first = LedgerPlace { period: Period::of(opened), events: 0 };
        let mut place = after.filter(|after| after.period >= first.period).unwrap_or(first);
        // A replica whose clock was ahead may have begun a later month, in which credits move since then.
        let present = Period::of(now);
        let begun = self.ledgers.last_begun(account, present, first.period).await.ok().flatten();
        let last = begun.map_or(present, |month| month.id.period.max(present)).next();
        while place.period <= last {
            let stream = Ledger::stream(LedgerId { account, period: place.period });
            let page = self.log.read(&stream, place.events, LEDGER_EVENTS_MAX).await;
            let page = page.map_err(|error| ApiError::from(&error))?;
            if page.is_empty() {
                place = LedgerPlace { period: place.period.next(), events: 0 };
                continue;
            }
            let (mut named, mut unreadable) = (BTreeSet::new(), 0);
            for stored in &page {
                match decode::<LedgerEvent>(stored) {
                    Ok((LedgerEvent::CreditsReserved(reserved), _)) => drop(named.insert(reserved.batch)),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::error!(%error, "an entry cannot be read; if it names a batch, that is not erased");
                        unreadable += 1;
                    }
                }
            }
            place.events += page.len() as u64;
            return Ok(Named { batches: self.submitted(named).await?, unreadable, next: Some(place) });
        }
        Ok(Named::default())
    }

    /// Those that were submitted, or cannot be read: of a submit that was cut off there are only credits.
    async fn submitted(&self, named: BTreeSet<BatchId>) -> Result<Vec<BatchId>, ApiError> {
        let seen = stream::iter(named).map(|batch| async move {
            match self.batches.inspect(batch, |folded| folded.state.submission.is_some()).await {
                Err(TransactError::StoredForm(_)) => Ok(Some(batch)),
                is_there => Ok::<_, ApiError>(is_there?.then_some(batch)),
            }
        });
        seen.buffered(AT_A_TIME).try_filter_map(|batch| async move { Ok(batch) }).try_collect().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let place = LedgerPlace { period: "2026-11".parse().unwrap(), events: 500 };
        assert_eq!(place.to_string(), "2026-11/500");
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "2026-11", "2026-11/", "2026-13/1", "/1", "2026-11/-1"] {
            assert_eq!(wrong.parse::<LedgerPlace>(), Err(()), "{wrong}");
        }
    }
}
