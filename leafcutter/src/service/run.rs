//! A service from its first line to the signal that ends it; and `leafcutter scrape`, which without a server of its
//! own runs the service for one batch.

use super::{Bound, Plan, ServeArgs, Service};
use crate::client::{self, ScrapeArgs};
use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs the service until SIGTERM or an interrupt.
///
/// # Errors
/// The service cannot start; the message says what to do.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<()> {
    let mut end = End::heard()?;
    let waits = plan.waits_for_servers();
    let bound = Bound::bind(plan).await?;
    if waits {
        announce(&bound);
    }
    let service = tokio::select! {
        service = bound.start() => service?,
        () = end.comes() => return Ok(()),
    };
    if !waits {
        announce(service.bound());
    }
    end.comes().await;
    tracing::info!("stopping: running pages may finish, the others are put back");
    service.stop().await;
    Ok(())
}

/// The signals that ask for an end.
struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl End {
    fn heard() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be heard");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn comes(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}

#[allow(clippy::print_stdout, reason = "the start of the service speaks to whoever started it")]
fn announce(bound: &Bound) {
    let address = bound.address();
    println!("listening on http://{address}");
    if let Some(key_file) = bound.api_key_file() {
        let key_file = key_file.display();
        println!("key of the account 'default': {key_file}");
        println!("try:");
        println!("  curl -s http://{address}/api/batch/scrape -H \"x-api-key: $(cat {key_file})\" \\");
        println!("    -H 'content-type: application/json' -d '{{\"urls\": [\"https://example.com/\"]}}'");
    }
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
    let settings = ServeArgs::embedded(folder.path().to_owned(), args.allowed_targets()?)?;
    let service: Service = Bound::bind(settings.into()).await?.start().await?;
    let address = service.client_address()?;
    let exit = client::scrape(&args, &address).await;
    service.stop().await;
    Ok(exit)
}
