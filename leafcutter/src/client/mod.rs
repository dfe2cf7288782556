//! The client commands: what their flags are and how they end. They speak the public HTTP API like any other client.
//!
//! **Not allowed here:** anything of the service. `connect` finds the server and the key, `api` makes calls, each
//! command has its file, `output` is the only way to the terminal.

mod admin;
mod answers;
mod api;
mod audit;
mod batch;
mod connect;
mod credits;
mod erase;
mod failure;
mod follow;
mod output;
mod progress;
mod scrape;
#[cfg(test)]
mod stand_in;

pub(crate) use admin::{AdminArgs, admin_call};
pub(crate) use audit::{AuditArgs, audit};
pub(crate) use batch::batch;
pub(crate) use connect::Server;
pub(crate) use credits::{CreditsArgs, credits};
pub(crate) use erase::{EraseArgs, erase};
pub(crate) use output::{Console, table};
pub(crate) use scrape::scrape;

use clap::{Args, Subcommand, ValueEnum};
use connect::ConnectArgs;
use failure::Failure;
use leafcutter_egress::AllowedTarget;
use std::{path::PathBuf, process::ExitCode};
use uuid::Uuid;

/// URLs of one `scrape`; they are submitted in batches, one after another.
const URLS_MAX: usize = 5_000;
/// Batches on one page of the list, as the server has it.
const LIST_LIMIT_MAX: i64 = 50;

/// How a client command ended. The order is from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Everything that was asked for is done: code 0.
    Completed,
    /// Some items failed or were cancelled, or a ledger is not what it should be: code 1.
    SomeFailed,
    /// The server refused or cannot be reached: code 2.
    Refused,
    /// The user ended the command before its end: code 130, as a shell has it.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Completed => 0,
            Exit::SomeFailed => 1,
            Exit::Refused => 2,
            Exit::Interrupted => 130,
        })
    }
}

/// Flags of `leafcutter scrape`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Prints one JSON line for each URL, in the order given, whenever a batch of up to 50 has ended.\n\
    Exit codes: 0 all completed, 1 some failed, 2 refused or unreachable, 130 interrupted."
)]
pub(crate) struct ScrapeArgs {
    /// Pages to scrape, http or https.
    #[arg(value_name = "URL", required = true, num_args = 1..=URLS_MAX)]
    urls: Vec<String>,

    /// File with the JSON Schema of each result; results are JSON then.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,

    /// What to extract, in your words; results are JSON then.
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,

    /// Form of the results [default: json with a schema or prompt, else markdown].
    #[arg(long)]
    output: Option<Output>,

    /// Take a picture of each page; needs --server, which keeps it.
    #[arg(long)]
    screenshot: bool,

    /// Fetch without a browser.
    #[arg(long)]
    fast: bool,

    /// Leave out menus, footers and the like.
    #[arg(long)]
    main_content: bool,

    /// Internal hosts that may be opened all the same: HOST:PORT or CIDR, separated by commas. For the service that
    /// runs when no --server is given; another server has its own.
    #[arg(long, env = "LEAFCUTTER_ALLOW_TARGETS", value_delimiter = ',', value_name = "TARGET")]
    allow_targets: Vec<String>,

    #[command(flatten)]
    connect: ConnectArgs,
}

impl ScrapeArgs {
    /// The server that was named; none means that the caller runs a service of its own.
    ///
    /// # Errors
    /// There is no key for that server, or an option needs a server.
    pub(crate) fn server(&self) -> Result<Option<Server>, Failure> {
        if self.screenshot && !self.connect.names_server() {
            return Err(Failure::ScreenshotNeedsServer);
        }
        self.connect.named_server()
    }

    /// Internal hosts that the service of this command may open.
    ///
    /// # Errors
    /// One of them is neither HOST:PORT nor CIDR.
    pub(crate) fn allowed_targets(&self) -> anyhow::Result<Vec<AllowedTarget>> {
        // An empty variable means none.
        let targets = self.allow_targets.iter().filter(|target| !target.is_empty());
        targets.map(|target| Ok(target.parse()?)).collect()
    }
}

/// Form of the results.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    Markdown,
    Json,
}

impl Output {
    /// The server's word for it.
    fn word(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Json => "json",
        }
    }
}

/// Flags of `leafcutter batch`.
#[derive(Debug, Clone, Args)]
pub(crate) struct BatchArgs {
    #[command(subcommand)]
    command: BatchCommand,

    /// Print the server's JSON.
    #[arg(long, global = true)]
    json: bool,

    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Debug, Clone, Subcommand)]
enum BatchCommand {
    /// List batches, newest first.
    List {
        /// Page, from 1.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        page: u32,
        /// Batches on a page.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=LIST_LIMIT_MAX))]
        limit: u32,
    },
    /// Show where a batch and its items stand; with --json their results too.
    Status {
        /// The batch.
        #[arg(value_parser = batch_id)]
        id: Uuid,
    },
    /// Tell everything that happened to a batch: when, by which worker, how long, why.
    History {
        /// The batch.
        #[arg(value_parser = batch_id)]
        id: Uuid,
    },
    /// Wait until a batch has ended, then print the lines and end with the code that `scrape` has.
    Watch {
        /// The batch.
        #[arg(value_parser = batch_id)]
        id: Uuid,
    },
    /// Stop what has not started; running items finish.
    Cancel {
        /// The batch.
        #[arg(value_parser = batch_id)]
        id: Uuid,
    },
    /// Run the failed items of a finished batch again.
    Retry {
        /// The batch.
        #[arg(value_parser = batch_id)]
        id: Uuid,
    },
}

/// The id of a batch on the command line.
fn batch_id(text: &str) -> Result<Uuid, &'static str> {
    text.parse().map_err(|_| "not the id of a batch; 'leafcutter batch list' prints them")
}

/// How a command ends whose work came out so; a failure is told to the user.
fn conclude(console: &Console, outcome: Result<Exit, Failure>) -> Exit {
    outcome.unwrap_or_else(|failure| {
        console.error(&failure);
        Exit::Refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    enum Cli {
        Scrape(ScrapeArgs),
        Batch(BatchArgs),
    }

    const ID: &str = "0198c5a0-0000-7000-8000-000000000001";

    #[test]
    fn flags_may_stand_before_or_after_the_subcommand() {
        for line in [["batch", "--json", "watch", ID], ["batch", "watch", ID, "--json"]] {
            let Ok(Cli::Batch(args)) = Cli::try_parse_from([&["leafcutter"], &line[..]].concat()) else {
                panic!("{line:?} was not understood");
            };
            assert!(args.json);
        }
    }

    #[test]
    fn an_id_that_is_none_a_limit_beyond_the_bound_and_no_url_are_refused() {
        let lines: [&[&str]; 4] = [
            &["leafcutter", "batch", "watch", "../x"],
            &["leafcutter", "batch", "list", "--limit", "51"],
            &["leafcutter", "batch", "list", "--page", "0"],
            &["leafcutter", "scrape"],
        ];
        for line in lines {
            let error = Cli::try_parse_from(line).expect_err("this line is wrong");
            assert_eq!(error.exit_code(), 2, "{line:?}");
        }
    }

    #[test]
    fn a_picture_without_a_server_that_keeps_it_is_refused() {
        let line = ["leafcutter", "scrape", "https://example.com/", "--screenshot"];
        let Ok(Cli::Scrape(mut args)) = Cli::try_parse_from(line) else { panic!("the line is right") };
        args.connect = ConnectArgs::default();
        assert!(matches!(args.server(), Err(Failure::ScreenshotNeedsServer)));
    }
}
