//! The house rules as a program: `cargo run -p xtask -- check`.
//!
//! **Not allowed here:** anything that the service needs, and rules that the compiler, clippy or
//! rustfmt already hold. `tidy` looks at files, `dependencies` at what enters the build; each rule is
//! a function from text or a dependency graph to the problems it found, with a bad sample as its test.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks to its user")]

mod dependencies;
mod exceptions;
mod repository;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use exceptions::Exceptions;
use repository::Repository;

const USAGE: &str = "usage: cargo run -p xtask -- check | tidy | dependencies";

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    match run(&command) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in &problems {
                eprintln!("{problem}");
            }
            eprintln!("{} problems", problems.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the command and returns what it found wrong, one sentence each.
fn run(command: &str) -> Result<Vec<String>> {
    let (files, crates) = match command {
        "check" => (true, true),
        "tidy" => (true, false),
        "dependencies" => (false, true),
        _ => anyhow::bail!(USAGE),
    };
    let repository = Repository::read()?;
    let exceptions = Exceptions::read(&repository)?;
    let mut problems = Vec::new();
    if files {
        problems.extend(tidy::problems(&repository, &exceptions));
    }
    if crates {
        problems.extend(dependencies::problems(&repository, &exceptions)?);
    }
    Ok(problems)
}
