//! Everything that the write side works with, in one cheap handle that handlers, desk and reactions share.

use crate::{PriceBook, ServiceKey};
use leafcutter_domain::{Extras, ProxyPlace, account::Account, batch::Batch, quarantine::Quarantine};
use leafcutter_egress::Policy;
use leafcutter_event_store::{EventStore, Streams};
use leafcutter_object_store::Objects;
use leafcutter_secrets::Secrets;
use leafcutter_wire::{Clock, Gate, Ledgers};
use std::{collections::BTreeSet, ops::Deref, sync::Arc};

/// What the operator may set.
#[derive(Debug, Clone)]
pub struct CommandSettings {
    /// What the workers may use besides opening pages, so that credits are set aside for it.
    pub extras: Extras,
    /// URLs in one submit.
    pub batch_urls_max: usize,
    /// Unfinished batches of an account.
    pub pending_batches_max: usize,
    /// Size of one result.
    pub result_bytes_max: u64,
    /// How long a claimed item may run before its lease ends, in milliseconds.
    pub lease_ms: i64,
    /// How long cookies outlive their batch, in milliseconds.
    pub cookie_ttl_ms: i64,
    /// Credits a month of accounts that name none.
    pub default_credits: u64,
    /// Places that have proxies.
    pub proxy_places: BTreeSet<ProxyPlace>,
    /// Token of admin calls; they are off without one.
    pub admin_token: Option<String>,
}

/// The parts that the write side is made of.
pub struct CommandParts {
    /// The log itself, for what no state remembers.
    pub log: Arc<dyn EventStore>,
    /// Batches.
    pub batches: Arc<Streams<Batch>>,
    /// Ledgers.
    pub ledgers: Arc<Ledgers>,
    /// Accounts.
    pub accounts: Arc<Streams<Account>>,
    /// Decisions about streams that the read models cannot apply.
    pub quarantine: Arc<Streams<Quarantine>>,
    /// Prices.
    pub prices: PriceBook,
    /// Results and screenshots, to see that they are there.
    pub objects: Objects,
    /// Cookies.
    pub secrets: Arc<dyn Secrets>,
    /// Which addresses may be opened.
    pub policy: Policy,
    /// The time.
    pub clock: Clock,
    /// Keys and rate limits.
    pub gate: Gate,
    /// The service's secret.
    pub service_key: ServiceKey,
    /// What the operator set.
    pub settings: CommandSettings,
}

/// A shared handle on the parts.
#[derive(Clone)]
pub struct Commands(Arc<CommandParts>);

impl Commands {
    /// The write side made of these parts.
    #[must_use]
    pub fn new(parts: CommandParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Commands {
    type Target = CommandParts;
    fn deref(&self) -> &CommandParts {
        &self.0
    }
}
