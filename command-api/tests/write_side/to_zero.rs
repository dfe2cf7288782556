//! Many clients on one account, on two replicas: it is spent to exactly nothing and no further, no credit is lost, and
//! nobody is refused while a finished page has credits to give back.

use crate::support::{World, batch_of, pages_body};
use axum::http::StatusCode;
use futures::future::join_all;
use leafcutter_domain::{BatchId, ErrorCode, PriceList};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Clients at a time.
const CLIENTS: usize = 64;
/// Where it is about something else than their number.
const FEWER_CLIENTS: usize = 24;
/// What a page costs.
const PAGE: u64 = 2;

/// The failure that a list may price.
const FAILURE: ErrorCode = ErrorCode::Blocked;

fn priced(failure: u64) -> Vec<PriceList> {
    vec![PriceList { version: 3, page: PAGE, failures: [(FAILURE, failure)].into(), ..PriceList::built_in() }]
}

/// Submits a page; `None` when there are no credits for it.
async fn submit(at: &World) -> Option<BatchId> {
    let (status, answer) = at.request("POST", "/api/batch/scrape", None, pages_body(1)).await;
    match status {
        StatusCode::ACCEPTED => Some(batch_of(&answer)),
        StatusCode::FORBIDDEN => None,
        other => panic!("{other}: {answer}"),
    }
}

/// Ends the page of a batch. Nothing is settled by this.
async fn end(at: &World, batch: BatchId, succeeds: bool) {
    let assignment = at.claim(batch, 0).await.unwrap();
    if succeeds {
        at.complete(&assignment).await;
    } else {
        at.fail(&assignment, FAILURE).await;
    }
}

/// In each round all clients want a page at once, and as many get one as there are credits for: those that are free,
/// and those that the failures of the round before are to give back. No reaction settles anything.
async fn spend_in_rounds(clients: usize, failure: u64) -> World {
    let all = clients as u64 * PAGE;
    let world = World::priced(all, priced(failure)).await;
    let other = world.replica_priced(0, priced(failure));
    let mut left = all;
    while left >= PAGE {
        let replicas = [&world, &other].into_iter().cycle().take(clients);
        let answers = join_all(replicas.map(submit)).await;
        let taken: Vec<BatchId> = answers.into_iter().flatten().collect();
        assert_eq!(taken.len() as u64, left / PAGE, "{left} credits are left");
        let ends = taken.iter().enumerate().map(|(page, batch)| {
            let at = if page % 3 == 0 { &other } else { &world };
            end(at, *batch, page % 2 == 0)
        });
        join_all(ends).await;
        let failed = taken.len() as u64 / 2;
        left -= (taken.len() as u64 - failed) * PAGE + failed * failure;
        let ledger = world.ledger(world.period()).await;
        assert!(ledger.is_balanced() && ledger.spent + ledger.held() <= all);
    }
    assert_eq!(submit(&world).await, None);
    world
}

#[tokio::test]
async fn sixty_four_clients_whose_failures_are_given_back_spend_an_account_to_exactly_nothing() {
    let world = spend_in_rounds(CLIENTS, 0).await;
    let ledger = world.ledger(world.period()).await;
    assert_eq!((ledger.spent, ledger.held(), ledger.available.total()), (CLIENTS as u64 * PAGE, 0, 0));
}

#[tokio::test]
async fn failures_that_cost_something_leave_less_than_a_page_and_never_less_than_nothing() {
    let world = spend_in_rounds(FEWER_CLIENTS, 1).await;
    let ledger = world.ledger(world.period()).await;
    assert_eq!(ledger.spent + ledger.available.total(), FEWER_CLIENTS as u64 * PAGE);
    assert!(ledger.held() == 0 && ledger.available.total() < PAGE);
}

/// A client that works until it is refused; says how many of its pages completed.
async fn work(at: &World, turn: &AtomicUsize) -> u64 {
    let mut completed = 0;
    while let Some(batch) = submit(at).await {
        let succeeds = !turn.fetch_add(1, Ordering::SeqCst).is_multiple_of(3);
        end(at, batch, succeeds).await;
        completed += u64::from(succeeds);
    }
    completed
}

#[tokio::test]
async fn clients_that_submit_and_fail_while_reactions_settle_lose_no_credit() {
    let credits = 6 * FEWER_CLIENTS as u64 * PAGE;
    let world = World::priced(credits, priced(0)).await;
    let other = world.replica_priced(0, priced(0));
    let reactions = world.react("reactions.db").await;
    let turn = AtomicUsize::new(0);
    let clients = [&world, &other].into_iter().cycle().take(FEWER_CLIENTS).map(|at| work(at, &turn));
    let mut completed: u64 = join_all(clients).await.into_iter().sum();
    // Whoever was refused has met credits that were set aside; the last failures gave some of them back.
    completed += work(&world, &turn).await;
    let ledger = world.until_ledger(world.period(), |ledger| ledger.held() == 0).await;
    assert_eq!((ledger.spent, ledger.available.total()), (credits, 0));
    assert_eq!(completed * PAGE, credits, "every credit was spent on a page that completed");
    reactions.shutdown().await;
}
