//! What can be made to go wrong, and when. Each fault hits one call and is then used up.

use std::time::Duration;
use tonic::Code;

/// A fault of one append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is kept, and the connection breaks.
    Drop,
    /// The append is kept, and the connection breaks before the answer.
    LoseAnswer,
    /// The append is kept, and the answer waits.
    DelayAnswer(Duration),
    /// This node says that another one leads.
    NotLeader {
        /// Where the leader is said to be.
        host: String,
        /// Its port.
        port: u16,
    },
    /// The call ends with this status and nothing is kept.
    Refuse(Code, String),
}

/// How subscriptions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With status OK, as no server should.
    Ok,
    /// With this status.
    Error(Code),
    /// Not at all, but nothing comes any more.
    Stall,
}
