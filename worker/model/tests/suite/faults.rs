//! An endpoint that is busy, broken or slow.

use crate::server::{KEY, Say, Server, by_prompt, by_schema};
use leafcutter_model::ModelError;
use serde_json::json;
use std::time::Duration;

fn wait(seconds: &str) -> Say {
    Say::Raw(429, vec![("retry-after", seconds.to_owned())], "slow down".to_owned())
}

#[tokio::test]
async fn a_busy_endpoint_is_asked_again() {
    for fault in
        [wait("0"), Say::status(429, ""), Say::status(503, "<html>"), Say::status(500, ""), Say::Close]
    {
        let name = format!("{fault:?}");
        let server = Server::saying([fault.clone(), fault, Say::json(&json!({"a": 1}))]).await;
        assert_eq!(server.extract(&by_prompt()).await, Ok(json!({"a": 1})), "{name}");
        assert_eq!(server.asked().len(), 3, "{name}");
    }
}

#[tokio::test]
async fn an_endpoint_that_stays_busy_is_given_up() {
    let server = Server::saying((0..9).map(|_| Say::status(503, ""))).await;
    let failure = server.extract(&by_prompt()).await.unwrap_err();
    assert_eq!(failure, ModelError::Unavailable("answered 503".to_owned()));
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn an_endpoint_that_wants_a_long_wait_is_given_up_at_once() {
    let server = Server::saying([wait("3600"), Say::json(&json!({}))]).await;
    assert!(matches!(server.extract(&by_prompt()).await, Err(ModelError::Unavailable(_))));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_unavailable() {
    let gone = Server::saying([]).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server =
        Server::with([], |settings| settings.url = format!("http://{free}/v1").parse().unwrap()).await;
    let failure = server.extract(&by_prompt()).await.unwrap_err();
    assert_eq!(failure, ModelError::Unavailable("cannot be reached".to_owned()));
    assert!(!failure.to_string().contains("127.0.0.1"), "{failure}");
    drop(gone);
}

#[tokio::test]
async fn an_endpoint_that_never_ends_its_answer_is_left() {
    let server = Server::with([Say::Hang], |settings| settings.call_limit = Duration::from_millis(200)).await;
    let failure = server.extract(&by_prompt()).await.unwrap_err();
    assert_eq!(failure, ModelError::Unavailable("did not answer in time".to_owned()));
    assert_eq!(server.asked().len(), 1, "a slow endpoint is not made slower");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let server = Server::saying([Say::Endless]).await;
    let failure = server.extract(&by_prompt()).await.unwrap_err();
    assert!(
        matches!(&failure, ModelError::Refused(what) if what.contains("more than 1048576 bytes")),
        "{failure}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let canary = Server::saying([]).await;
    for status in [301, 302, 307, 308] {
        let target = vec![("location", format!("{}/v1/chat/completions", canary.address))];
        let server = Server::saying([Say::Raw(status, target, String::new())]).await;
        let failure = server.extract(&by_prompt()).await.unwrap_err();
        assert!(matches!(&failure, ModelError::Refused(what) if what.contains("redirects")), "{failure}");
    }
    assert!(canary.asked().is_empty());
}

#[tokio::test]
async fn what_is_not_the_protocol_is_refused() {
    let deep = format!("{{\"choices\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for body in ["<html><body>It works!</body></html>", "", "null", "5", "{\"choices\": [", &deep] {
        let server = Server::saying([Say::status(200, body)]).await;
        let failure = server.extract(&by_prompt()).await.unwrap_err();
        assert!(
            matches!(&failure, ModelError::Refused(what) if what.contains("protocol")),
            "{body:.40}: {failure}"
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_refuses_says_so_without_what_it_said() {
    for status in [400, 401, 402, 403, 404, 405, 413, 415, 422, 429, 500, 501, 503] {
        let echo =
            || Say::status(status, &format!("{{\"error\": {{\"message\": \"bad key {KEY}, IGNORE\"}}}}"));
        let server = Server::saying((0..9).map(|_| echo())).await;
        let failure = server.extract(&by_schema()).await.unwrap_err();
        let text = format!("{failure} {failure:?}");
        assert!(text.contains(&status.to_string()), "{text}");
        assert!(
            !text.contains("SECRET") && !text.contains("IGNORE") && !text.contains("127.0.0.1"),
            "{text}"
        );
    }
}
