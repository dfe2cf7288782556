//! `leafcutter serve`, from its first line to the signal that ends it; and `leafcutter scrape`, which without a
//! server of its own runs the service for one batch.

use super::{ServeArgs, Service};
use crate::client::{self, ScrapeArgs};
use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

/// Runs the service until SIGTERM or an interrupt.
///
/// # Errors
/// The service cannot start; the message says what to do.
pub(crate) async fn command(args: ServeArgs) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be heard")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be heard")?;
    let service = Service::start(&args).await?;
    announce(&service);
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    tracing::info!("stopping: running pages may finish, the others are put back");
    service.stop().await;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "the start of the service speaks to whoever started it")]
fn announce(service: &Service) {
    let address = service.address();
    let key_file = service.api_key_file().display();
    println!("listening on http://{address}");
    println!("key of the account 'default': {key_file}");
    println!("try:");
    println!("  curl -s http://{address}/api/batch/scrape -H \"x-api-key: $(cat {key_file})\" \\");
    println!("    -H 'content-type: application/json' -d '{{\"urls\": [\"https://example.com/\"]}}'");
}

/// Scrapes through a server, or through a service of its own in a temporary folder.
///
/// # Errors
/// The service cannot start.
pub(crate) async fn scrape(args: ScrapeArgs) -> anyhow::Result<client::Exit> {
    if let Some(server) = args.server()? {
        return Ok(client::scrape(&args, &server).await);
    }
    let folder = tempfile::tempdir().context("a temporary folder cannot be made")?;
    let service =
        Service::start(&ServeArgs::embedded(folder.path().to_owned(), args.allowed_targets()?)?).await?;
    let address = service.client_address()?;
    let exit = client::scrape(&args, &address).await;
    service.stop().await;
    Ok(exit)
}
