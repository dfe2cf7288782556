//! `leafcutter credits`: the balance of the month.

use super::{
    CreditsArgs, Exit, Failure,
    answers::Credits,
    api::{Api, Call},
    conclude,
    output::{Console, printable, table},
};

/// Shows the balance.
pub(crate) async fn credits(args: &CreditsArgs) -> Exit {
    let console = Console::standard();
    conclude(&console, run(args, &console).await)
}

async fn run(args: &CreditsArgs, console: &Console) -> Result<Exit, Failure> {
    let api = Api::new(&args.connect.server_or_local()?, console)?;
    let answer = api.call(&Call::get("/api/credits")).await?;
    if args.json {
        console.print(answer.text())?;
        return Ok(Exit::Completed);
    }
    let Credits { period, allowance, granted, held, spent, available } = answer.read()?;
    let mut table = table(&["month", "allowance", "granted", "held", "spent", "available"]);
    let amounts = [allowance, granted, held, spent, available].map(|amount| amount.to_string());
    table.add_row([vec![printable(&period)], amounts.to_vec()].concat());
    console.print(&table.to_string())?;
    Ok(Exit::Completed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::stand_in::{StandIn, answer, console};
    use serde_json::json;

    #[tokio::test]
    async fn the_balance_is_a_table() {
        let body = json!({"period": "2030-01", "allowance": 10_000, "granted": 10_500, "held": 11, "spent": 77, "available": 10_412});
        let service = StandIn::start(move |_| answer(200, body.clone())).await;
        let (console, out, _) = console();
        assert_eq!(run(&service.parse(&[]), &console).await.unwrap(), Exit::Completed);
        for part in ["2030-01", "10000", "10500", "11", "77", "10412"] {
            assert!(out.text().contains(part), "{part}");
        }
    }
}
