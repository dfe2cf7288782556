//! The same promises with every role in processes of its own, on servers that are ended, cut off and started again.
//! What a single process must do already is shown elsewhere and not repeated here.

mod clients;
mod cookies;
mod cut_off;
mod kills;
mod ledger;
mod replay;
mod start_and_stop;
mod takeover;
