//! What every place for cookies promises.

use crate::support::{batch, connect, cookies, in_ms, name, settings};
use leafcutter_secrets::{InMemorySecrets, NatsSecrets, Secrets};
use leafcutter_test_servers as servers;
use std::sync::Arc;

/// Far behind any end that a test sets.
const HOUR_MS: i64 = 3_600_000;

async fn in_memory() -> (InMemorySecrets, ()) {
    (InMemorySecrets::default(), ())
}

async fn at_broker() -> (NatsSecrets, Arc<servers::Nats>) {
    let server = servers::Nats::shared().await;
    let nats = connect(&settings(&server.url())).await;
    (NatsSecrets::holding(&nats, &[7; 32], 1 << 20), server)
}

macro_rules! every_place {
    ($($promise:ident),+ $(,)?) => {
        mod memory_of_the_process {
            $(#[tokio::test]
            async fn $promise() {
                let (secrets, _keep) = super::in_memory().await;
                super::$promise(&secrets).await;
            })+
        }

        mod memory_of_the_broker {
            $(#[tokio::test]
            async fn $promise() {
                let (secrets, _keep) = super::at_broker().await;
                super::$promise(&secrets).await;
            })+
        }
    };
}

every_place!(
    what_was_kept_is_found_and_nothing_else,
    cookies_of_the_same_name_are_replaced,
    forgotten_cookies_are_gone_and_others_stay,
    cookies_without_an_end_stay,
    all_cookies_of_a_batch_get_its_end,
    an_end_can_be_taken_back_and_set_again,
    forgetting_what_is_not_there_changes_nothing,
    the_largest_cookies_are_kept,
);

async fn what_was_kept_is_found_and_nothing_else(secrets: &dyn Secrets) {
    secrets.keep(name(1, None), cookies("a=1")).await.unwrap();
    secrets.keep(name(1, Some("r")), cookies("a=2")).await.unwrap();
    assert!(secrets.find(&name(1, None)).await.unwrap() == Some(cookies("a=1")));
    assert!(secrets.find(&name(1, Some("r"))).await.unwrap() == Some(cookies("a=2")));
    assert!(secrets.find(&name(1, Some("s"))).await.unwrap().is_none());
    assert!(secrets.find(&name(2, None)).await.unwrap().is_none());
}

async fn cookies_of_the_same_name_are_replaced(secrets: &dyn Secrets) {
    for text in ["a=1", "a=2", "a=3"] {
        secrets.keep(name(1, None), cookies(text)).await.unwrap();
        assert!(secrets.find(&name(1, None)).await.unwrap() == Some(cookies(text)));
    }
}

async fn forgotten_cookies_are_gone_and_others_stay(secrets: &dyn Secrets) {
    secrets.keep(name(1, None), cookies("a=1")).await.unwrap();
    secrets.keep(name(1, Some("r")), cookies("a=2")).await.unwrap();
    secrets.forget(&name(1, None)).await;
    assert!(secrets.find(&name(1, None)).await.unwrap().is_none());
    assert!(secrets.find(&name(1, Some("r"))).await.unwrap().is_some());
    secrets.keep(name(1, None), cookies("a=3")).await.unwrap();
    assert!(secrets.find(&name(1, None)).await.unwrap() == Some(cookies("a=3")));
}

async fn cookies_without_an_end_stay(secrets: &dyn Secrets) {
    secrets.keep(name(1, None), cookies("a=1")).await.unwrap();
    secrets.erase_expired(in_ms(1_000 * HOUR_MS)).await;
    assert!(secrets.find(&name(1, None)).await.unwrap().is_some());
}

async fn all_cookies_of_a_batch_get_its_end(secrets: &dyn Secrets) {
    let names = [name(1, None), name(1, Some("r")), name(1, Some("s"))];
    for name in names.iter().cloned().chain([name(2, None)]) {
        secrets.keep(name, cookies("a=1")).await.unwrap();
    }
    let end = in_ms(HOUR_MS);
    secrets.forget_at(batch(1), Some(end)).await.unwrap();
    secrets.erase_expired(end.plus_millis(0)).await;
    for name in &names {
        assert!(secrets.find(name).await.unwrap().is_none(), "its end has come");
    }
    assert!(secrets.find(&name(2, None)).await.unwrap().is_some(), "another batch");
}

async fn an_end_can_be_taken_back_and_set_again(secrets: &dyn Secrets) {
    secrets.keep(name(1, None), cookies("a=1")).await.unwrap();
    secrets.forget_at(batch(1), Some(in_ms(HOUR_MS))).await.unwrap();
    secrets.erase_expired(in_ms(HOUR_MS / 2)).await;
    assert!(secrets.find(&name(1, None)).await.unwrap().is_some(), "its end has not come");
    secrets.forget_at(batch(1), None).await.unwrap();
    secrets.erase_expired(in_ms(2 * HOUR_MS)).await;
    assert!(secrets.find(&name(1, None)).await.unwrap().is_some(), "it has no end any more");
    secrets.forget_at(batch(1), Some(in_ms(3 * HOUR_MS))).await.unwrap();
    secrets.erase_expired(in_ms(4 * HOUR_MS)).await;
    assert!(secrets.find(&name(1, None)).await.unwrap().is_none());
}

async fn forgetting_what_is_not_there_changes_nothing(secrets: &dyn Secrets) {
    secrets.forget(&name(1, None)).await;
    secrets.forget_at(batch(1), Some(in_ms(1))).await.unwrap();
    secrets.forget_at(batch(1), None).await.unwrap();
    secrets.erase_expired(in_ms(HOUR_MS)).await;
    assert!(secrets.find(&name(1, None)).await.unwrap().is_none());
}

async fn the_largest_cookies_are_kept(secrets: &dyn Secrets) {
    let largest = "c".repeat(leafcutter_domain::limits::COOKIES_BYTES_MAX);
    secrets.keep(name(1, Some("r")), cookies(&largest)).await.unwrap();
    assert!(secrets.find(&name(1, Some("r"))).await.unwrap() == Some(cookies(&largest)));
}
