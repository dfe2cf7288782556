//! The stand-in as a program, for tests that start, kill and restart it as a process.

use anyhow::Context;
use clap::Parser;
use leafcutter_eventstoredb_stand_in::{Options, StandIn};
use std::{io::Write, net::SocketAddr, path::PathBuf};

/// A server that speaks the protocol of EventStoreDB, for tests only.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The file that keeps every append, so that a killed process finds them again.
    #[arg(long)]
    journal: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { listen, journal } = Arguments::parse();
    let options = Options { listen, journal, ..Options::default() };
    let stand_in = StandIn::with(options).await.with_context(|| format!("cannot start on {listen}"))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", stand_in.address())?;
    stdout.flush()?;
    stand_in.wait().await;
    Ok(())
}
