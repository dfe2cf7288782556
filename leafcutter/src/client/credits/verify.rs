//! `leafcutter credits verify`: the service recomputes the ledger, and says what it found.

use crate::client::{
    Exit, Failure,
    api::{Api, Call},
    output::{Console, counted, printable},
};
use leafcutter_ledger_proof::Fault;
use serde::Deserialize;

/// The answer, as far as it is told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    months: u64,
    entries: u64,
    fault: Option<Fault>,
    read_model: ReadModel,
}

#[derive(Deserialize)]
struct ReadModel {
    difference: Option<String>,
}

pub(super) async fn verify(api: &Api, json: bool, console: &Console) -> Result<Exit, Failure> {
    let answer = api.call(&Call::get("/api/credits/verify")).await?;
    let Verified { months, entries, fault, read_model } = answer.read()?;
    let is_right = fault.is_none() && read_model.difference.is_none();
    if json {
        console.print(answer.text())?;
    } else {
        let (entries, months) = (counted(entries, "event"), counted(months, "month"));
        console.print(&match fault {
            None => format!("valid: {entries} in {months}, every hash and every sum is right"),
            Some(fault) => printable(&format!("NOT valid: {fault}; {entries} before it are right")),
        })?;
        console.print(&match read_model.difference {
            None => "the read models agree".to_owned(),
            Some(difference) => printable(&format!("the read models DIFFER: {difference}")),
        })?;
    }
    Ok(if is_right { Exit::Completed } else { Exit::SomeFailed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{
        credits::run,
        stand_in::{StandIn, answer, console},
    };
    use serde_json::json;

    #[tokio::test]
    async fn a_fault_and_a_difference_end_with_1_and_are_named() {
        let fault = json!({"stream": "ledger-x-2026-10", "revision": 4, "kind": "changed", "what": "its hash is wrong"});
        let cases = [
            (json!(null), json!(null), Exit::Completed, "valid: 16 events in 1 month"),
            (fault, json!(null), Exit::SomeFailed, "NOT valid: changed: event 4 of ledger-x-2026-10"),
            (json!(null), json!("2026-10: event 3"), Exit::SomeFailed, "DIFFER: 2026-10: event 3"),
        ];
        for (fault, difference, exit, words) in cases {
            let read_model = json!({"agrees": difference.is_null(), "difference": difference});
            let body = json!({"valid": fault.is_null(), "months": 1, "entries": 16, "fault": fault, "readModel": read_model});
            let service = StandIn::start(move |_| answer(200, body.clone())).await;
            let (console, out, _) = console();
            assert_eq!(run(&service.parse(&["verify"]), &console).await.unwrap(), exit);
            assert!(out.text().contains(words), "{}", out.text());
        }
    }
}
