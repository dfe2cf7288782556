//! The count of tokens: every round, failed ones too, and never more than was set aside.

use crate::server::{BUDGET, Say, Server, by_prompt, by_schema, page};
use leafcutter_domain::ModelTokens;
use leafcutter_model::{PageText, Tally};
use serde_json::{Value, json};

fn answer(content: &str, usage: Value) -> Say {
    Say::Answer(
        json!({"choices": [{"message": {"content": content}, "finish_reason": "stop"}], "usage": usage}),
    )
}

#[tokio::test]
async fn the_tokens_of_all_rounds_are_counted_also_when_they_fail() {
    for second in ["{\"name\": \"Leaf\"}", "{\"name\": 8}"] {
        let server = Server::saying([Say::text("{\"name\": 7}"), Say::text(second)]).await;
        let tally = Tally::default();
        let _ = server.counted(&by_schema(), &page(), &tally).await;
        assert_eq!(tally.tokens(), ModelTokens { input: 200, output: 20 });
    }
}

#[tokio::test]
async fn tokens_that_are_not_told_are_estimated() {
    let server = Server::saying([answer("{\"name\": \"Leaf\"}", Value::Null)]).await;
    let tally = Tally::default();
    server.counted(&by_prompt(), &page(), &tally).await.unwrap();
    let ModelTokens { input, output } = tally.tokens();
    assert!(input > 100 && output == 6, "{input} {output}");
}

#[tokio::test]
async fn tokens_that_nobody_can_have_used_are_not_believed() {
    for count in [json!(u64::MAX), json!(4_000_000_000_u64), json!(1e300), json!(-5)] {
        let usage = json!({"prompt_tokens": count, "completion_tokens": count});
        let bad = || answer("{}", usage.clone());
        let server = Server::saying([bad(), bad()]).await;
        let tally = Tally::default();
        server.counted(&by_schema(), &page(), &tally).await.unwrap_err();
        let (found, most) = (tally.tokens(), BUDGET.most(&by_schema()));
        assert!(found.input <= most.input && found.output <= most.output, "{found:?}");
    }
}

#[tokio::test]
async fn calls_that_were_refused_cost_nothing() {
    let server = Server::saying([Say::status(429, ""), Say::status(400, ""), Say::status(401, "")]).await;
    let tally = Tally::default();
    server.counted(&by_schema(), &page(), &tally).await.unwrap_err();
    assert_eq!(tally.tokens(), ModelTokens::default());
}

#[tokio::test]
async fn an_item_that_is_cut_off_in_the_middle_has_its_first_round_counted() {
    let server = Server::saying([Say::text("{}"), Say::Hang]).await;
    let tally = Tally::default();
    let (options, page) = (by_schema(), page());
    let work = server.counted(&options, &page, &tally);
    let second_is_asked = async {
        while server.asked().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = work => panic!("the second round never ends"),
        () = second_is_asked => {}
    }
    assert_eq!(tally.tokens(), ModelTokens { input: 100, output: 10 });
}

#[tokio::test]
async fn a_long_page_is_sent_within_its_budget() {
    let server = Server::saying([Say::json(&json!({"name": "Leaf"}))]).await;
    let page = PageText { text: "葉 leaf ".repeat(100_000), ..page() };
    server.counted(&by_schema(), &page, &Tally::default()).await.unwrap();
    let said = server.asked()[0].message(1);
    assert!(said.len() <= 2_000 * 3 + 200, "{}", said.len());
}
