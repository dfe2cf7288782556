//! The `leafcutter` binary: reads the command line, then runs the service or a client command. No rule, route or
//! SQL is here; the service is put together in `service`.

mod backup;
mod cli;
mod client;
mod command_line;
mod projections;
mod service;

use clap::error::ErrorKind;
use cli::{Action, Cli};
use std::process::ExitCode;

/// Exit code of a command that was refused or could not start.
const REFUSED: u8 = 2;

fn main() -> ExitCode {
    let cli = match command_line::parse::<Cli>(std::env::args_os()) {
        Ok(cli) => cli,
        Err(help) if !help.use_stderr() => help.exit(),
        Err(help) if help.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => help.exit(),
        Err(error) => return misused(&error),
    };
    if let Err(error) = service::logging::start(cli.command.is_service()) {
        return refused(&error);
    }
    // Two libraries bring a cryptography provider each; whoever asks for the default gets this one. Nobody has asked yet,
    // so it cannot be taken.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refused(&anyhow::Error::new(error).context("the runtime cannot start")),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(code) => code,
        Err(error) => refused(&error),
    }
}

async fn run(command: Action) -> anyhow::Result<ExitCode> {
    match command {
        Action::Serve(args) => service::run((*args).into()).await.map(|()| ExitCode::SUCCESS),
        Action::CommandApi(args) => service::run((*args).plan()?).await.map(|()| ExitCode::SUCCESS),
        Action::QueryApi(args) => service::run((*args).plan()?).await.map(|()| ExitCode::SUCCESS),
        Action::Projector(args) => service::run((*args).plan()?).await.map(|()| ExitCode::SUCCESS),
        Action::Worker(args) => service::run((*args).plan()?).await.map(|()| ExitCode::SUCCESS),
        Action::Scrape(args) => service::scrape(*args).await.map(ExitCode::from),
        Action::Batch(args) => Ok(client::batch(&args).await.into()),
        Action::Projections(args) => projections::projections(args).await.map(ExitCode::from),
        Action::Replay(args) => projections::replay(args).await.map(ExitCode::from),
        Action::Backup(args) => backup::backup(args).await.map(ExitCode::from),
        Action::Restore(args) => backup::restore(args).await.map(ExitCode::from),
        Action::Erase(args) => Ok(client::erase(&args).await.into()),
        Action::Credits(args) => Ok(client::credits(&args).await.into()),
        Action::Audit(args) => Ok(client::audit(&args).await.into()),
    }
}

/// The gist of a wrong command line, which is clap's first line.
#[allow(clippy::print_stderr, reason = "the command line speaks to its user on standard error")]
fn misused(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    let gist: Vec<&str> = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    eprintln!("leafcutter: {}", gist.join(" ").trim_start_matches("error: "));
    ExitCode::from(REFUSED)
}

/// One clear line for whoever started the program.
#[allow(clippy::print_stderr, reason = "the command line speaks to its user on standard error")]
fn refused(error: &anyhow::Error) -> ExitCode {
    eprintln!("leafcutter: {error:#}");
    ExitCode::from(REFUSED)
}
