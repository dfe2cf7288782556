//! The command line: one subcommand each for the service and for its clients.

use crate::{
    client::{BatchArgs, CreditsArgs, ScrapeArgs},
    serve::ServeArgs,
};
use clap::{Parser, Subcommand};

/// Batch web scraping that you run yourself.
#[derive(Debug, Parser)]
#[command(name = "leafcutter", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service: HTTP API, workers and storage in one process.
    Serve(Box<ServeArgs>),
    /// Scrape URLs and print one JSON line for each.
    Scrape(Box<ScrapeArgs>),
    /// Look at, cancel or retry batches.
    Batch(BatchArgs),
    /// Show the credits of this month.
    Credits(CreditsArgs),
}
