//! `leafcutter credits`: the balance now or at a past moment, every movement of credits, and what proves them.

mod chart;
mod export;
mod statement;
mod verify;

use super::{
    ConnectArgs, Exit, Failure,
    answers::Credits,
    api::{Api, Call},
    batch_id, conclude,
    output::{Console, printable, table},
};
use clap::{Args, Subcommand};
use url::form_urlencoded::Serializer;
use uuid::Uuid;

/// Entries on one page of the statement, as the server has it.
const HISTORY_LIMIT_MAX: i64 = 100;

/// Flags of `leafcutter credits`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = false)]
pub(crate) struct CreditsArgs {
    #[command(subcommand)]
    command: Option<CreditsCommand>,

    /// Print the server's JSON.
    #[arg(long, global = true)]
    json: bool,

    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Debug, Clone, Subcommand)]
enum CreditsCommand {
    /// Show why each credit moved, newest first, and draw the balance.
    History(HistoryArgs),
    /// Show the balance as it was at a past moment.
    At {
        /// The moment, such as 2026-11-22T10:00:00Z.
        #[arg(value_name = "TIME")]
        time: String,
    },
    /// Have the service recompute the ledger from its log: code 0 when all is right, 1 when it is not.
    Verify,
    /// Save every entry of the ledger, with the stored data and the hash chain.
    Export(export::ExportArgs),
}

/// Which entries of the statement.
#[derive(Debug, Clone, Default, Args)]
struct HistoryArgs {
    /// Entries of this time or later, such as 2026-11-22T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Entries of before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Entries about this batch.
    #[arg(long, value_name = "ID", value_parser = batch_id)]
    batch: Option<Uuid>,
    /// Entries about this item of the batch, from 0.
    #[arg(long, requires = "batch")]
    item: Option<u16>,
    /// Entries of these kinds, separated by commas: opened, granted, reserved, charged, refunded, closed.
    #[arg(long, value_name = "KINDS")]
    kind: Option<String>,
    /// Page, from 1.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    page: u32,
    /// Entries on a page.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=HISTORY_LIMIT_MAX))]
    limit: u32,
}

impl HistoryArgs {
    fn path(&self) -> String {
        let Self { from, to, batch, item, kind, page, limit } = self;
        let mut query = Serializer::new(String::new());
        query.append_pair("page", &page.to_string()).append_pair("limit", &limit.to_string());
        let batch = batch.map(|batch| batch.to_string());
        let item = item.map(|item| item.to_string());
        for (name, value) in
            [("from", from), ("to", to), ("batchId", &batch), ("item", &item), ("kind", kind)]
        {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        format!("/api/credits/history?{}", query.finish())
    }
}

/// Carries out one command about credits.
pub(crate) async fn credits(args: &CreditsArgs) -> Exit {
    let console = Console::standard();
    conclude(&console, run(args, &console).await)
}

async fn run(args: &CreditsArgs, console: &Console) -> Result<Exit, Failure> {
    let api = Api::new(&args.connect.server_or_local()?, console)?;
    let path = match &args.command {
        None => "/api/credits".to_owned(),
        Some(CreditsCommand::At { time }) => {
            format!("/api/credits?{}", Serializer::new(String::new()).append_pair("at", time).finish())
        }
        Some(CreditsCommand::History(history)) => history.path(),
        Some(CreditsCommand::Verify) => return verify::verify(&api, args.json, console).await,
        Some(CreditsCommand::Export(export)) => return export::export(&api, export, console).await,
    };
    let answer = api.call(&Call::get(path)).await?;
    let text = match &args.command {
        _ if args.json => answer.text().to_owned(),
        Some(CreditsCommand::History(_)) => statement::shown(&answer.read()?),
        _ => balance(&answer.read()?),
    };
    console.print(&text)?;
    Ok(Exit::Completed)
}

fn balance(credits: &Credits) -> String {
    let Credits { period, allowance, granted, held, spent, available } = credits;
    let mut table = table(&["month", "allowance", "granted", "held", "spent", "available"]);
    let amounts = [allowance, granted, held, spent, available].map(ToString::to_string);
    table.add_row([vec![printable(period)], amounts.to_vec()].concat());
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::stand_in::{StandIn, answer, console};
    use serde_json::json;

    /// What a command prints when the server answers this, and what it asked.
    async fn said(flags: &[&str], body: serde_json::Value) -> (String, String) {
        let service = StandIn::start(move |_| answer(200, body.clone())).await;
        let (console, out, _) = console();
        assert_eq!(run(&service.parse(flags), &console).await.unwrap(), Exit::Completed);
        (out.text(), service.seen()[0].target.clone())
    }

    #[tokio::test]
    async fn the_balance_is_a_table_now_and_at_a_past_moment() {
        let body = json!({"period": "2030-01", "allowance": 10_000, "granted": 10_500, "held": 11, "spent": 77, "available": 10_412});
        let (now, asked) = said(&[], body.clone()).await;
        assert_eq!(asked, "/api/credits");
        let (then, asked) = said(&["at", "2030-01-02T00:00:00+01:00"], body).await;
        assert_eq!(asked, "/api/credits?at=2030-01-02T00%3A00%3A00%2B01%3A00");
        assert_eq!(now, then);
        for part in ["2030-01", "10000", "10500", "11", "77", "10412"] {
            assert!(now.contains(part), "{part}");
        }
    }

    fn entry(kind: &str, change: i64, balance: u64, reason: Option<&str>) -> serde_json::Value {
        json!({
            "at": "2030-01-02T00:00:00.000Z", "kind": kind, "amount": 7, "change": change, "balance": balance, "held": 4,
            "reason": reason, "batchId": "0198c5a0-0000-7000-8000-000000000001", "round": null, "items": [0, 3],
            "attempt": 2,
        })
    }

    #[tokio::test]
    async fn the_history_is_a_table_with_a_chart_of_the_balance() {
        let entries = [entry("charged", 1, 95, Some("completed")), entry("reserved", -6, 94, None)];
        let body = json!({"entries": entries, "pagination": {"page": 2, "total": 22, "totalPages": 2}});
        let flags =
            ["history", "--kind", "charged,reserved", "--from", "2030-01-01T00:00:00Z", "--page", "2"];
        let (text, asked) = said(&flags, body).await;
        assert_eq!(
            asked,
            "/api/credits/history?page=2&limit=20&from=2030-01-01T00%3A00%3A00Z&kind=charged%2Creserved"
        );
        for part in ["charged", "+1", "-6", "completed, items 0 3, attempt 2", "page 2 of 2, 22 entries"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(text.contains('█') && text.contains("95 ┤"), "{text}");
    }

    #[tokio::test]
    async fn json_is_passed_through_wherever_the_flag_stands() {
        let body = json!({"entries": [], "pagination": {"page": 1, "total": 0, "totalPages": 0}});
        for flags in [["--json", "history"], ["history", "--json"]] {
            let (text, _) = said(&flags, body.clone()).await;
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), body);
        }
    }
}
