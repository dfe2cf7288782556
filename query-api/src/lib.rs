//! The read side: status, lists, screenshots, account, usage and credits, in both wire formats. A handler parses,
//! asks and answers. Not here: rules (`domain`), SQL (`adapters/read-models`), anything that appends.

mod api;
mod causes;
mod download;
mod export_line;
mod ledger_check;
mod ledger_log;
mod params;
mod past_ledger;
mod present_ledger;
mod router;
mod state;
mod statement_check;
mod trail;
mod v1;

pub use present_ledger::{PresentLedger, present_ledger};
pub use router::{document, router};
pub use state::{QueryParts, QuerySettings, QueryState};
