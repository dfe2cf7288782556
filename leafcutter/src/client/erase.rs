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
    Exit codes: 0 all erased, 1 some batches are unfinished or cannot be read, 2 refused or unreachable."
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
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    erased: Vec<Uuid>,
    unfinished: Vec<Uuid>,
    unchanged: u64,
    unreadable: Vec<Uuid>,
    unreadable_entries: u64,
    next: Option<String>,
}

impl Answer {
    fn add(&mut self, more: Self) {
        self.erased.extend(more.erased);
        self.unfinished.extend(more.unfinished);
        self.unchanged += more.unchanged;
        self.unreadable.extend(more.unreadable);
        self.unreadable_entries += more.unreadable_entries;
    }

    /// A batch that was retried over several months is met in each of them.
    fn name_once(&mut self) {
        for batches in [&mut self.erased, &mut self.unfinished, &mut self.unreadable] {
            batches.sort_unstable();
            batches.dedup();
        }
    }
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
    let mut all = Answer::default();
    loop {
        let mut answer = ask(args, console, request.clone()).await?;
        let next = answer.next.take();
        all.add(answer);
        match next {
            Some(next) => request["after"] = next.into(),
            None => break,
        }
    }
    all.name_once();
    let counts = (batches(all.erased.len() as u64), batches(all.unchanged));
    console.print(&format!("erased the results of {}; {} had none", counts.0, counts.1))?;
    Ok(if say_what_stays(console, &all) { Exit::SomeFailed } else { Exit::Completed })
}

/// Whether anything does.
fn say_what_stays(console: &Console, all: &Answer) -> bool {
    for batch in &all.unfinished {
        console.note(&format!(
            "batch {batch} is unfinished and keeps its results: cancel it, or wait for its end"
        ));
    }
    for batch in &all.unreadable {
        console.note(&format!(
            "batch {batch} cannot be read and keeps its results: delete what is below its folder of objects"
        ));
    }
    if all.unreadable_entries > 0 {
        let count = all.unreadable_entries;
        console.note(&format!(
            "{count} ledger entries cannot be read: batches that they name keep their results; the service's log says which"
        ));
    }
    !all.unfinished.is_empty() || !all.unreadable.is_empty() || all.unreadable_entries > 0
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
