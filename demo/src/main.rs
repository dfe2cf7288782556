//! `make demo`: the whole service against the sample shop, then nothing left of either.
//!
//! **Not allowed here:** any inside knowledge of the service. It is started as a program, spoken to over
//! its public HTTP API and stopped with a signal, as an operator and a client would. The steps are in
//! `scenario`, the program in `service`, its API in `client`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the demo speaks to who started it")]

mod client;
mod compare;
mod leftovers;
mod report;
mod scenario;
mod service;

use std::process::ExitCode;

use anyhow::{Context, Result};
use leafcutter_demo::shop::Shop;
use service::Service;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    match demo().await {
        Ok(problems) if problems.is_empty() => {
            println!("\nEverything is as the shop has it, and the service is gone.");
            ExitCode::SUCCESS
        }
        Ok(problems) => {
            eprintln!("\nThis is not as it should be:");
            for problem in problems {
                eprintln!("- {problem}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("The demo could not start: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the demo and returns everything that was not as it should be. Once the service is started it
/// is also stopped, whatever happens in between.
async fn demo() -> Result<Vec<String>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let shop = Shop::open().await.context("the sample shop found no port")?;
    println!("The sample shop is at {}", shop.url("/"));
    let mut service = Service::spawn(shop.address())?;

    let outcome = tokio::select! {
        outcome = scenario::run(&mut service, &shop) => outcome,
        _ = interrupted.recv() => Err(anyhow::anyhow!("interrupted")),
        _ = terminated.recv() => Err(anyhow::anyhow!("told to stop")),
    };
    let mut problems = outcome.unwrap_or_else(|error| {
        report::log_tail(&service.log());
        vec![format!("{error:#}")]
    });
    problems.extend(service.stop().await);
    Ok(problems)
}
