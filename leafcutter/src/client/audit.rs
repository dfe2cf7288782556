//! `leafcutter audit`: the ledger as it is now, held against heads that were kept. All that is believed is recomputed
//! here; the service is asked for its present head and for the export, never for a verdict.

use super::{
    ConnectArgs, Exit, Failure,
    api::{Api, Call},
    conclude,
    output::{Console, counted, printable},
};
use clap::Args;
use leafcutter_ledger_proof::{Audit, Contradiction, Entry, Head, Proof, read_heads};
use serde::Deserialize;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Seek},
    path::{Path, PathBuf},
};

/// Size of a file of heads: years of one every minute.
const HEADS_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Size of one line of an export.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Flags of `leafcutter audit`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Keep heads with 'leafcutter credits --json >> heads.json'.\n\
    Exit codes: 0 proven, 1 not proven, 2 could not be tried.")]
pub(crate) struct AuditArgs {
    /// Heads that you kept: one, a list or several after each other, each a head or an answer of /api/credits.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,

    /// An export in JSON lines to hold them against. Without it the service is asked for one; with it, it is not asked
    /// for anything.
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,

    /// A signing key that the operator has confirmed, beside that of the oldest head; may be repeated.
    #[arg(long, value_name = "KEY")]
    accept_key: Vec<String>,

    #[command(flatten)]
    connect: ConnectArgs,
}

/// Proves, or says what contradicts.
pub(crate) async fn audit(args: &AuditArgs) -> Exit {
    let console = Console::standard();
    conclude(&console, run(args, &console).await)
}

async fn run(args: &AuditArgs, console: &Console) -> Result<Exit, Failure> {
    let held = held(&args.from)?;
    let (present, export) = match &args.export {
        Some(path) => (None, File::open(path).map_err(|source| unreadable(path, source))?),
        None => {
            let (present, export) = from_service(args, console).await?;
            (Some(present), export)
        }
    };
    let asked = present.is_some();
    match prove(held, present, &args.accept_key, BufReader::new(export))? {
        Ok(proof) => {
            console.print(&told(&proof, asked))?;
            Ok(Exit::Completed)
        }
        Err(contradiction) => {
            console.print(&printable(&format!("NOT proven: {contradiction}")))?;
            Ok(Exit::SomeFailed)
        }
    }
}

fn unreadable(path: &Path, source: io::Error) -> Failure {
    Failure::File { path: path.to_owned(), source }
}

fn held(path: &Path) -> Result<Vec<Head>, Failure> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(HEADS_BYTES_MAX).read_to_string(&mut text))
        .map_err(|source| unreadable(path, source))?;
    read_heads(&text).map_err(|source| Failure::Heads { path: path.to_owned(), source })
}

/// The service's head, and then its export, which holds at least what that head names.
async fn from_service(args: &AuditArgs, console: &Console) -> Result<(Head, File), Failure> {
    #[derive(Deserialize)]
    struct Present {
        head: Head,
    }
    let api = Api::new(&args.connect.server_or_local()?, console)?;
    let Present { head } = api.call(&Call::get("/api/credits")).await?.read()?;
    let failed = |source| Failure::FileNotWritten { path: std::env::temp_dir(), source };
    let mut file = tempfile::tempfile().map_err(failed)?;
    api.download("/api/credits/export", &mut BufWriter::new(&mut file), failed).await?;
    file.rewind().map_err(failed)?;
    Ok((head, file))
}

/// Feeds the audit. The inner error is a contradiction, the outer one that there was nothing to audit.
fn prove(
    held: Vec<Head>,
    present: Option<Head>,
    accepted: &[String],
    mut export: impl BufRead,
) -> Result<Result<Proof, Contradiction>, Failure> {
    let mut audit = match Audit::new(held, present, accepted) {
        Ok(audit) => audit,
        Err(contradiction) => return Ok(Err(contradiction)),
    };
    let mut number = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        number += 1;
        let not_understood = |reason: String| Failure::ExportNotUnderstood { line: number, reason };
        let read = export.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.map_err(|error| not_understood(error.to_string()))? == 0 {
            return Ok(audit.finish());
        }
        let entry: Entry =
            serde_json::from_slice(&line).map_err(|error| not_understood(error.to_string()))?;
        if !audit.step(&entry) {
            return Ok(audit.finish());
        }
    }
}

fn told(proof: &Proof, asked: bool) -> String {
    let Proof { since, heads, entries, months, covered } = proof;
    let whole = format!("{} in {}", counted(*entries, "event"), counted(*months as u64, "month"));
    let against = match asked {
        true => "the service's head of now is in the same chain",
        false => "the service was not asked, so what came after the export is not covered",
    };
    printable(&format!("proven: nothing was rewritten since {since}"))
        + &format!(
            "\n  {whole}, every hash recomputed\n  {} held against it; the oldest covers {}\n  {against}",
            counted(*heads as u64, "head"),
            counted(*covered, "event")
        )
}

#[cfg(test)]
mod tests;
