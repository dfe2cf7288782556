//! The steps of the demo: submit, watch, retry what failed, watch, compare, count the credits.
//!
//! **Not allowed here:** starting or stopping anything.

use std::time::Duration;

use anyhow::{Context, Result};
use leafcutter_demo::shop::{PRODUCTS, Shop};
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Batch, Client, Credits};
use crate::service::Service;
use crate::{compare, report};

/// Chromium has to start and open a page.
const READY_TIMEOUT_MS: u64 = 60_000;
/// Twelve small pages, twice at most, on a slow machine.
const BATCH_TIMEOUT_MS: u64 = 180_000;
/// How long the ledger may take to follow the end of a batch.
const SETTLE_TIMEOUT_MS: u64 = 2_000;
const POLL_PAUSE_MS: u64 = 100;

/// Goes through the steps and returns each difference from what the shop sells.
///
/// # Errors
/// When a step could not be taken at all: the service ended, refused or took too long.
pub(crate) async fn run(service: &mut Service, shop: &Shop) -> Result<Vec<String>> {
    let address = service.address().await?;
    let client = Client::new(&address, &service.api_key()?)?;
    wait_until_ready(service, &client).await?;
    println!("The service is at {address}");

    let batch = client.submit(&shop.product_urls()).await?;
    println!("Batch {batch}: {} pages", PRODUCTS.len());
    let first_round = watch(&client, &batch).await?;
    let mut problems = Vec::new();
    if first_round.failed_count > 0 {
        let retried = client.retry(&batch).await?;
        println!("Retrying {retried} failed pages");
        if retried != first_round.failed_count {
            problems.push(format!("{} pages had failed, {retried} are retried", first_round.failed_count));
        }
    }
    let finished = watch(&client, &batch).await?;
    let credits = settled_credits(&client, &finished).await?;

    report::rows(&finished.items);
    report::ledger(&finished.items, &credits);
    problems.extend(compare::batch(&finished, &shop.product_urls()));
    problems.extend(compare::credits(&finished, &credits));
    Ok(problems)
}

async fn wait_until_ready(service: &mut Service, client: &Client) -> Result<()> {
    let ready = async {
        while !client.is_ready().await {
            service.still_runs()?;
            sleep(Duration::from_millis(POLL_PAUSE_MS)).await;
        }
        Ok(())
    };
    let waited = timeout(Duration::from_millis(READY_TIMEOUT_MS), ready).await;
    waited.with_context(|| format!("the service was not ready after {READY_TIMEOUT_MS} ms"))?
}

/// Polls the batch until it is finished, and shows how far it is.
async fn watch(client: &Client, batch: &str) -> Result<Batch> {
    let progress = report::Progress::of(PRODUCTS.len());
    let finished = async {
        loop {
            let state = client.status(batch).await?;
            progress.show(state.completed_count, state.failed_count);
            if state.is_finished() {
                return Ok(state);
            }
            sleep(Duration::from_millis(POLL_PAUSE_MS)).await;
        }
    };
    let waited = timeout(Duration::from_millis(BATCH_TIMEOUT_MS), finished).await;
    waited.with_context(|| format!("the batch was not finished after {BATCH_TIMEOUT_MS} ms"))?
}

/// The balance once the ledger has followed the batch, or as it is when the time for that is over.
async fn settled_credits(client: &Client, batch: &Batch) -> Result<Credits> {
    let deadline = Instant::now() + Duration::from_millis(SETTLE_TIMEOUT_MS);
    loop {
        let credits = client.credits().await?;
        if compare::credits(batch, &credits).is_empty() || Instant::now() >= deadline {
            return Ok(credits);
        }
        sleep(Duration::from_millis(POLL_PAUSE_MS)).await;
    }
}
