//! What proves a ledger: the hash chain through its entries, the walk that recomputes it, the heads that the service
//! signs, and the audit that holds a chain against heads kept elsewhere. `docs/ledger.md` says the same in words. Not
//! here: where entries come from, what they mean for a balance, I/O.

mod audit;
mod bytes;
mod covered;
mod diagnosis;
mod fault;
mod head;
mod link;
mod month;
mod walk;

pub use audit::{Audit, Contradiction, HeadsError, Proof, read_heads};
pub use fault::{Fault, FaultKind};
pub use head::{Head, HeadEntry, HeadError, HeadSigner};
pub use link::{ChainLink, event_id, link_hash};
pub use month::{Tail, covering};
pub use walk::{Entry, Walk, Walked};
