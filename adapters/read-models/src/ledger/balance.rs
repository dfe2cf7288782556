//! The running sums of a month, and the entry that each event adds to its statement. The sums need no history: what
//! an event moves is in the event.

use super::entry::{EntryKind, LedgerEntry, Reason};
use crate::Gap;
use leafcutter_domain::{
    AccountId, BatchId, DomainEvent, ItemIndex, Moment, Period, ReservationId,
    ledger::{CreditsCharged, CreditsGranted, CreditsRefunded, CreditsReserved, LedgerEvent, PeriodOpened},
};

/// An event that cannot be entered into the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// An event before it is missing.
    #[error(transparent)]
    Gap(#[from] Gap),
    /// The month's first event is not its beginning, or a later one is.
    #[error("a ledger begins with PeriodOpened and has only one; event {revision} breaks that")]
    Beginning {
        /// Its revision.
        revision: u64,
    },
    /// It moves credits that are not there.
    #[error("event {revision} moves credits that are not there")]
    Overdrawn {
        /// Its revision.
        revision: u64,
    },
}

impl LedgerFault {
    /// The revision that has to be applied before the ledger goes on.
    #[must_use]
    pub fn revision(self) -> u64 {
        match self {
            Self::Gap(gap) => gap.expected,
            Self::Beginning { revision } | Self::Overdrawn { revision } => revision,
        }
    }
}

/// Where the credits of a month are after the events so far:
/// `granted = available + held + spent + expired + carried_out`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerBalance {
    /// The owner.
    pub account: AccountId,
    /// The month.
    pub period: Period,
    /// Revision of the last event in it.
    pub revision: u64,
    /// Entries so far; one for each event, but for events that an operator had passed over.
    pub entries: u64,
    /// Time of the last event.
    pub at: Moment,
    /// The month's allowance.
    pub allowance: u64,
    /// Everything that came in.
    pub granted: u64,
    /// Free credits.
    pub available: u64,
    /// Credits set aside.
    pub held: u64,
    /// Credits paid.
    pub spent: u64,
    /// Free credits that ended with the month.
    pub expired: u64,
    /// Free credits that went on to a later month.
    pub carried_out: u64,
    /// Whether the month has ended.
    pub closed: bool,
}

/// What an event says of itself beside the sums.
#[derive(Default)]
struct About {
    amount: u64,
    batch: Option<BatchId>,
    round: Option<u32>,
    reservation: Option<ReservationId>,
    items: Vec<ItemIndex>,
    attempt: Option<u32>,
    reason: Option<Reason>,
}

impl LedgerBalance {
    /// Enters the event at `revision` of a month's stream into the books, which are `None` before its first one, and
    /// gives its entry; `None` when the event is in them already. After an error the books are as they were.
    ///
    /// # Errors
    /// The event cannot follow those in the books.
    pub fn enter(
        books: &mut Option<Self>,
        event: &LedgerEvent,
        revision: u64,
    ) -> Result<Option<LedgerEntry>, LedgerFault> {
        let expected = books.as_ref().map_or(0, |books| books.revision + 1);
        if revision < expected {
            return Ok(None);
        }
        if revision > expected {
            return Err(Gap { expected, found: revision }.into());
        }
        let before = books.as_ref().map_or(0, |books| books.available);
        let mut after = match (&*books, event) {
            (None, LedgerEvent::PeriodOpened(opened)) => Self::begin(opened),
            (Some(books), _) => Self { revision, entries: books.entries + 1, at: event.at(), ..*books },
            (None, _) => return Err(LedgerFault::Beginning { revision }),
        };
        let (kind, about) = after.change(event, books.is_none())?;
        let change = i64::try_from(i128::from(after.available) - i128::from(before));
        let change = change.map_err(|_| LedgerFault::Overdrawn { revision })?;
        let entry = after.entry(kind, change, about);
        *books = Some(after);
        Ok(Some(entry))
    }

    fn begin(opened: &PeriodOpened) -> Self {
        // Top-ups may have ended in idle months between the close and this one.
        let carried = opened.carried.lasting_beyond(opened.period.plus_months(-1)).total();
        Self {
            account: opened.account,
            period: opened.period,
            revision: 0,
            entries: 1,
            at: opened.at,
            allowance: opened.allowance,
            granted: opened.allowance + opened.carried.total(),
            available: opened.allowance + carried,
            held: 0,
            spent: 0,
            expired: opened.carried.total() - carried,
            carried_out: 0,
            closed: false,
        }
    }

    fn entry(&self, kind: EntryKind, change: i64, about: About) -> LedgerEntry {
        let About { amount, batch, round, reservation, items, attempt, reason } = about;
        LedgerEntry {
            period: self.period,
            revision: self.revision,
            kind,
            at: self.at,
            amount,
            change,
            balance: self.available,
            held: self.held,
            spent: self.spent,
            batch,
            round,
            reservation,
            items,
            attempt,
            reason,
        }
    }

    fn change(&mut self, event: &LedgerEvent, first: bool) -> Result<(EntryKind, About), LedgerFault> {
        Ok(match event {
            LedgerEvent::PeriodOpened(_) if !first => {
                return Err(LedgerFault::Beginning { revision: self.revision });
            }
            LedgerEvent::PeriodOpened(_) => {
                let (amount, reason) = (self.available, Some(Reason::Allowance));
                (EntryKind::Opened, About { amount, reason, ..About::default() })
            }
            LedgerEvent::CreditsGranted(granted) => (EntryKind::Granted, self.grant(granted)),
            LedgerEvent::CreditsReserved(reserved) => (EntryKind::Reserved, self.reserve(reserved)?),
            LedgerEvent::CreditsCharged(charged) => (EntryKind::Charged, self.charge(charged)?),
            LedgerEvent::CreditsRefunded(refunded) => (EntryKind::Refunded, self.refund(refunded)?),
            LedgerEvent::PeriodClosed(closed) => {
                let amount = self.available;
                self.take_available(closed.expired.saturating_add(closed.carried_out.total()))?;
                self.expired += closed.expired;
                self.carried_out += closed.carried_out.total();
                self.closed = true;
                let reason = Some(Reason::MonthEnd);
                (EntryKind::Closed, About { amount, reason, ..About::default() })
            }
        })
    }

    fn grant(&mut self, granted: &CreditsGranted) -> About {
        let (amount, reservation) = (granted.funds.total(), granted.released_by);
        self.granted += amount;
        self.available += amount;
        let reason = Some(if reservation.is_some() { Reason::LateRelease } else { Reason::TopUp });
        About { amount, reservation, reason, ..About::default() }
    }

    fn reserve(&mut self, reserved: &CreditsReserved) -> Result<About, LedgerFault> {
        self.take_available(reserved.total)?;
        self.held += reserved.total;
        Ok(About {
            amount: reserved.total,
            batch: Some(reserved.batch),
            round: Some(reserved.round),
            reservation: Some(reserved.reservation),
            items: reserved.items.clone(),
            ..About::default()
        })
    }

    fn charge(&mut self, charged: &CreditsCharged) -> Result<About, LedgerFault> {
        self.take_held(charged.amount.saturating_add(charged.released))?;
        self.spent += charged.amount;
        self.free(charged.released, charged.carried_out.total())?;
        Ok(About {
            amount: charged.amount,
            batch: Some(charged.batch),
            reservation: Some(charged.reservation),
            items: vec![charged.item],
            attempt: Some(charged.attempt),
            reason: Some(charged.failure.map_or(Reason::Completed, Reason::FailedWith)),
            ..About::default()
        })
    }

    fn refund(&mut self, refunded: &CreditsRefunded) -> Result<About, LedgerFault> {
        self.take_held(refunded.amount)?;
        self.free(refunded.amount, refunded.carried_out.total())?;
        Ok(About {
            amount: refunded.amount,
            batch: Some(refunded.batch),
            reservation: Some(refunded.reservation),
            items: refunded.items.clone(),
            reason: Some(Reason::Refund(refunded.reason)),
            ..About::default()
        })
    }

    /// Released credits are free again; in a closed month they are carried out or expire.
    fn free(&mut self, released: u64, carried_out: u64) -> Result<(), LedgerFault> {
        if self.closed {
            self.expired += self.minus(released, carried_out)?;
            self.carried_out += carried_out;
        } else {
            self.available += released;
        }
        Ok(())
    }

    fn take_available(&mut self, amount: u64) -> Result<(), LedgerFault> {
        self.available = self.minus(self.available, amount)?;
        Ok(())
    }

    fn take_held(&mut self, amount: u64) -> Result<(), LedgerFault> {
        self.held = self.minus(self.held, amount)?;
        Ok(())
    }

    fn minus(&self, from: u64, amount: u64) -> Result<u64, LedgerFault> {
        from.checked_sub(amount).ok_or(LedgerFault::Overdrawn { revision: self.revision })
    }
}
