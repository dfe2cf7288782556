//! The command line: one subcommand each for the service and for its clients.

use crate::{
    backup::{BackupArgs, RestoreArgs},
    client::{AuditArgs, BatchArgs, CreditsArgs, EraseArgs, ScrapeArgs},
    projections::{ProjectionsArgs, ReplayArgs},
    service::{CommandApiArgs, ProjectorRoleArgs, QueryApiArgs, ServeArgs, WorkerArgs},
};
use clap::{Parser, Subcommand};

/// Batch web scraping that you run yourself.
#[derive(Debug, Parser)]
#[command(name = "leafcutter", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Action,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Run the service: HTTP API, workers and storage in one process.
    Serve(Box<ServeArgs>),
    /// Run the write side alone: HTTP commands, the work desk, the reactions.
    CommandApi(Box<CommandApiArgs>),
    /// Run the read side alone: HTTP queries.
    QueryApi(Box<QueryApiArgs>),
    /// Keep the read models true to the log.
    Projector(Box<ProjectorRoleArgs>),
    /// Open pages.
    Worker(Box<WorkerArgs>),
    /// Scrape URLs and print one JSON line for each.
    Scrape(Box<ScrapeArgs>),
    /// Look at, cancel or retry batches.
    Batch(BatchArgs),
    /// Versions of the read models: build, compare, swap; and streams that are held.
    Projections(ProjectionsArgs),
    /// Write the read models as they were at a past position or time.
    Replay(ReplayArgs),
    /// Copy an embedded service, which may run meanwhile.
    Backup(BackupArgs),
    /// Bring a backup back into a new data directory.
    Restore(RestoreArgs),
    /// Erase results and screenshots, of a batch or of an account.
    Erase(EraseArgs),
    /// Show the credits of this month, of a past moment, or every movement of them; verify or save the ledger.
    Credits(CreditsArgs),
    /// Prove that no entry of the ledger was rewritten since a head that you kept.
    Audit(AuditArgs),
}

impl Action {
    /// Whether this runs the service or a part of it, and not a client of it.
    pub(crate) fn is_service(&self) -> bool {
        match self {
            Self::Serve(_)
            | Self::CommandApi(_)
            | Self::QueryApi(_)
            | Self::Projector(_)
            | Self::Worker(_) => true,
            Self::Scrape(_)
            | Self::Batch(_)
            | Self::Projections(_)
            | Self::Replay(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Erase(_)
            | Self::Credits(_)
            | Self::Audit(_) => false,
        }
    }
}
