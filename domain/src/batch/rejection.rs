//! The rules that can forbid a command to a batch, by name. Statuses and codes are chosen in `wire`.

use super::state::Phase;

/// Why a command was refused; nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchRejection {
    /// There is no such batch.
    #[error("there is no such batch")]
    Unknown,
    /// Another request has this batch's idempotency key.
    #[error("this idempotency key was used with another request; use a new key for a new request")]
    IdempotencyKeyReused,
    /// The round was abandoned while its credits were being set aside.
    #[error("round {round} was abandoned; the next free round is {next}")]
    RoundAbandoned {
        /// The abandoned round.
        round: u32,
        /// The first round that may still begin.
        next: u32,
    },
    /// The round is not the next one of this batch.
    #[error("round {round} is taken; the next free round is {next}")]
    RoundTaken {
        /// The round asked for.
        round: u32,
        /// The first round that may still begin.
        next: u32,
    },
    /// The batch has no such item.
    #[error("the batch has no such item")]
    NoSuchItem,
    /// The item is not waiting for a worker.
    #[error("the item is not pending")]
    ItemNotPending,
    /// The report's lease is not the item's, or its deadline has passed.
    #[error("the lease of this report has ended")]
    LeaseEnded,
    /// The lease has not ended yet.
    #[error("the lease is still alive")]
    LeaseAlive,
    /// The batch has ended already.
    #[error("the batch has ended already")]
    AlreadyTerminal(Phase),
    /// The batch is still running.
    #[error("the batch has not finished; wait for it or cancel it")]
    NotFinished,
    /// The batch was cancelled.
    #[error("the batch was cancelled; submit a new one")]
    Cancelled,
    /// No item has failed.
    #[error("no failed items to retry")]
    NoFailedItems,
    /// The batch was retried as often as it may be.
    #[error("the batch was retried as often as it may be; submit a new one")]
    RetryLimit,
    /// The batch needs cookies and they are gone.
    #[error("the cookies of this batch are gone; send them with the retry")]
    CookiesExpired,
}
