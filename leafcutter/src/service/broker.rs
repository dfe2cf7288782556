//! How work goes out and comes back: the in-process queue, or NATS with the desk behind it.

use super::{
    health::Health,
    settings::{DispatchArgs, KeyBytes},
};
use anyhow::Context;
use leafcutter_command_api::Desk;
use leafcutter_dispatch::{
    Dispatch, InProcessQueue, Lease, SoleOwner, WorkDesk, WorkSource, in_process,
    nats::{
        DeskServer, Nats, NatsDesk, NatsDispatch, NatsLease, NatsLogin, NatsSettings, NatsWorkSource,
        serve_desk,
    },
};
use leafcutter_secrets::{InMemorySecrets, NatsSecrets, Secrets};
use std::sync::Arc;

/// Offers that wait in memory for a slot.
const QUEUE_OFFERS_MAX: usize = 4_096;

/// The one or the other.
#[derive(Clone)]
pub(crate) enum Broker {
    Embedded(InProcessQueue),
    Nats { nats: Nats, source: Arc<NatsWorkSource> },
}

impl Broker {
    /// The broker that the settings name. A server that is away is connected to when it comes.
    ///
    /// # Errors
    /// The settings are wrong.
    pub(crate) async fn open(args: &DispatchArgs, health: &Health) -> anyhow::Result<Self> {
        let Some(address) = args.address() else { return Ok(Self::Embedded(in_process(QUEUE_OFFERS_MAX))) };
        let mut settings = NatsSettings::new(address).context("LEAFCUTTER_DISPATCH cannot be used")?;
        if let Some(file) = &args.nats_credentials {
            settings.login = NatsLogin::CredentialsFile(file.clone());
        }
        settings.ca_file.clone_from(&args.nats_ca_file);
        if let Some(prefix) = &args.nats_inbox_prefix {
            settings.inbox_prefix.clone_from(prefix);
        }
        if let Some(replicas) = args.nats_replicas {
            settings.replicas = replicas.into();
        }
        let nats = Nats::connect(settings).await.context("LEAFCUTTER_DISPATCH cannot be used")?;
        let asked = nats.clone();
        health.watch("broker", move || {
            let nats = asked.clone();
            async move { nats.check().await }
        });
        let source = Arc::new(NatsWorkSource::new(&nats));
        Ok(Self::Nats { nats, source })
    }

    /// Whether other processes may share it.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }

    pub(crate) fn dispatch(&self) -> Arc<dyn Dispatch> {
        match self {
            Self::Embedded(queue) => Arc::new(queue.clone()),
            Self::Nats { nats, .. } => Arc::new(NatsDispatch::new(nats)),
        }
    }

    pub(crate) fn source(&self) -> Arc<dyn WorkSource> {
        match self {
            Self::Embedded(queue) => Arc::new(queue.clone()),
            Self::Nats { source, .. } => Arc::clone(source) as Arc<dyn WorkSource>,
        }
    }

    /// Who runs the reactions.
    pub(crate) fn lease(&self) -> Arc<dyn Lease> {
        match self {
            Self::Embedded(_) => Arc::new(SoleOwner),
            Self::Nats { nats, .. } => Arc::new(NatsLease::new(nats, "reactions")),
        }
    }

    /// Where cookies are. The memory of this process will do only where no other process takes commands.
    pub(crate) fn secrets(&self, key: &KeyBytes) -> Arc<dyn Secrets> {
        match self {
            Self::Embedded(_) => Arc::new(InMemorySecrets::default()),
            Self::Nats { nats, .. } => Arc::new(NatsSecrets::new(nats, key)),
        }
    }

    /// The desk as a worker sees it that is not where the desk is.
    pub(crate) fn distant_desk(&self) -> Option<Arc<dyn WorkDesk>> {
        match self {
            Self::Embedded(_) => None,
            Self::Nats { nats, .. } => Some(Arc::new(NatsDesk::new(nats))),
        }
    }

    /// Answers workers elsewhere.
    pub(crate) fn serve_desk(&self, desk: Arc<Desk>) -> Option<DeskServer> {
        match self {
            Self::Embedded(_) => None,
            Self::Nats { nats, .. } => Some(serve_desk(nats, desk)),
        }
    }

    /// Sends home everyone who waits for work here.
    pub(crate) fn close_source(&self) {
        match self {
            Self::Embedded(queue) => queue.close(),
            Self::Nats { source, .. } => source.close(),
        }
    }

    /// Ends the connection.
    pub(crate) async fn close(&self) {
        if let Self::Nats { nats, .. } = self {
            nats.close().await;
        }
    }
}
