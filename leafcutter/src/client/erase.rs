//! `leafcutter erase`: has results and screenshots erased, on the operator's word.

use super::{AdminArgs, Exit, Failure, admin_call, batch_id, conclude, output::Console};
use clap::{ArgGroup, Args};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{self, BufRead, IsTerminal};
use uuid::Uuid;

/// Flags of `leafcutter erase`.
#[derive(Debug, Clone, Args)]
#[command(
    group = ArgGroup::new("what").required(true).args(["account", "batch"]),
    after_help = "What happened and what it cost stays and verifies; only results and screenshots go, for ever.\n\
    Exit codes: 0 all erased, 1 some batches are unfinished, 2 refused or unreachable."
)]
pub(crate) struct EraseArgs {
    /// Everything of this account.
    #[arg(long, value_name = "ID")]
    account: Option<Uuid>,

    /// Everything of this batch.
    #[arg(long, value_name = "ID", value_parser = batch_id)]
    batch: Option<Uuid>,

    /// Do not ask before.
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    admin: AdminArgs,
}

/// What the service says of one call.
#[derive(Debug, Deserialize)]
struct Answer {
    erased: Vec<Uuid>,
    unfinished: Vec<Uuid>,
    unchanged: u64,
    next: Option<String>,
}

/// Erases, and says what was erased and what was not.
pub(crate) async fn erase(args: &EraseArgs) -> Exit {
    let console = Console::standard();
    conclude(&console, run(args, &console).await)
}

async fn run(args: &EraseArgs, console: &Console) -> Result<Exit, Failure> {
    let mut request = match (args.account, args.batch) {
        (Some(account), _) => json!({"accountId": account}),
        (None, batch) => json!({"batchId": batch}),
    };
    if !args.yes && !is_confirmed(args, console)? {
        console.note("nothing was erased");
        return Ok(Exit::Refused);
    }
    let (mut erased, mut unchanged, mut unfinished) = (0, 0, Vec::new());
    loop {
        let answer = ask(args, console, request.clone()).await?;
        erased += answer.erased.len() as u64;
        unchanged += answer.unchanged;
        unfinished.extend(answer.unfinished);
        match answer.next {
            Some(next) => request["after"] = next.into(),
            None => break,
        }
    }
    // A batch that was retried over several months is met in each of them.
    unfinished.sort_unstable();
    unfinished.dedup();
    let counts = (batches(erased), batches(unchanged));
    console.print(&format!("erased the results of {}; {} had none", counts.0, counts.1))?;
    for batch in &unfinished {
        console.note(&format!(
            "batch {batch} is unfinished and keeps its results: cancel it, or wait for its end"
        ));
    }
    Ok(if unfinished.is_empty() { Exit::Completed } else { Exit::SomeFailed })
}

async fn ask(args: &EraseArgs, console: &Console, request: Value) -> Result<Answer, Failure> {
    let text = admin_call(console, &args.admin, "/admin/erase", request).await?;
    serde_json::from_str(&text).map_err(|error| Failure::NotUnderstood {
        server: "the service".to_owned(),
        answer: format!("something else ({error})"),
    })
}

fn batches(count: u64) -> String {
    match count {
        1 => "1 batch".to_owned(),
        many => format!("{many} batches"),
    }
}

/// Asks whoever sits there; a script has to say `--yes`.
fn is_confirmed(args: &EraseArgs, console: &Console) -> Result<bool, Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::NotConfirmed);
    }
    let what = match (args.account, args.batch) {
        (Some(account), _) => format!("account {account}"),
        (None, batch) => format!("batch {}", batch.unwrap_or_default()),
    };
    console.note(&format!(
        "all results and screenshots of {what} will be gone for ever; type 'yes' to erase them"
    ));
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(Failure::Output)?;
    Ok(line.trim() == "yes")
}
