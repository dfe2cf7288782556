//! Making each side of the service from its settings and stores.

use super::{
    broker::Broker,
    data_dir::DataDir,
    health::Health,
    settings::{self, KeyBytes, Plan, ServeArgs},
    stores::Log,
};
use anyhow::Context;
use leafcutter_command_api::{
    CommandParts, CommandSettings, Commands, PriceBook, ReactionSettings, ReactionState, Reactions,
    ServiceKey,
};
use leafcutter_domain::Extras;
use leafcutter_egress::Policy;
use leafcutter_event_store::Streams;
use leafcutter_ledger_proof::HeadSigner;
use leafcutter_object_store::Objects;
use leafcutter_projector::Projector;
use leafcutter_query_api::{QueryParts, QuerySettings, QueryState};
use leafcutter_reaction_memory::ReactionMemory;
use leafcutter_read_models::LiveModels;
use leafcutter_wire::{Clock, Gate, KeyDirectory, Ledgers, RateLimit};
use leafcutter_worker::{Readiness, Worker, WorkerSettings};
use std::{sync::Arc, time::Duration};

/// What a replica without a data directory is told that has no key.
const KEY_MISSING: &str = "LEAFCUTTER_SECRET_KEY is missing: all replicas need the same 64 hexadecimal digits \
    (`openssl rand -hex 32`)";
/// Time beyond the item's limit until its lease ends, for the claim and the report.
const LEASE_MARGIN_MS: i64 = 15_000;
/// Bytes of a MiB, in which memory is set.
const MIB: u64 = 1_024 * 1_024;
/// Slots that are assumed where the workers are elsewhere and nobody says how many there are.
const SLOTS_ELSEWHERE: usize = 64;

/// What can be wrong with the secrets is said before anything is started.
///
/// # Errors
/// One of them is not usable, or missing.
pub(super) fn secrets_are_usable(plan: &Plan) -> anyhow::Result<()> {
    if plan.roles.work {
        plan.args.pages.model.settings()?;
    }
    if plan.roles.command {
        settings::admin_token()?;
    }
    if plan.roles.command || plan.roles.query {
        let key = settings::secret_key()?;
        anyhow::ensure!(key.is_some() || plan.roles.work, KEY_MISSING);
    }
    Ok(())
}

/// The key of the settings, else the one in the data directory.
fn service_key(data: Option<&DataDir>) -> anyhow::Result<KeyBytes> {
    match (settings::secret_key()?, data) {
        (Some(key), _) => Ok(key),
        (None, Some(data)) => data.service_key(),
        (None, None) => anyhow::bail!(KEY_MISSING),
    }
}

pub(super) fn commands(
    args: &ServeArgs,
    data: Option<&DataDir>,
    log: &Log,
    keys: &Arc<KeyDirectory>,
    broker: &Broker,
    objects: &Objects,
) -> anyhow::Result<Commands> {
    let key = service_key(data)?;
    let settings = CommandSettings {
        extras: Extras { model: args.pages.model.budget(), captcha_solver: super::solver::is_set(args) },
        batch_urls_max: args.write.batch_urls.into(),
        pending_batches_max: args.write.pending_batches as usize,
        result_bytes_max: args.results.result_bytes,
        lease_ms: i64::from(args.pages.item_timeout) * 1_000 + LEASE_MARGIN_MS,
        cookie_ttl_ms: i64::from(args.write.cookie_ttl) * 1_000,
        default_credits: args.write.default_credits,
        proxy_places: super::proxies::places(args)?,
        admin_token: settings::admin_token()?,
    };
    Ok(Commands::new(CommandParts {
        log: log.store(),
        batches: Arc::new(Streams::new(log.store())),
        ledgers: Arc::new(Ledgers::new(log.store())),
        accounts: Arc::new(Streams::new(log.store())),
        quarantine: Arc::new(Streams::new(log.store())),
        prices: PriceBook::new(log.store(), super::prices::lists(args)?),
        objects: objects.clone(),
        secrets: broker.secrets(&key),
        policy: Policy::new(args.pages.allow_targets.0.clone()),
        clock: Clock::system(),
        gate: Gate::new(Arc::clone(keys), RateLimit::per_minute(args.gate.rate_limit)),
        service_key: ServiceKey::new(*key),
        settings,
    }))
}

pub(super) fn reactions(
    args: &ServeArgs,
    commands: &Commands,
    log: &Log,
    broker: &Broker,
    tables: ReactionMemory,
    own: Option<&WorkerSettings>,
    health: &Health,
) -> Reactions {
    let slots = args.write.slots.map(usize::from);
    let settings = ReactionSettings {
        slots: slots.or(own.map(|own| own.concurrency)).unwrap_or(SLOTS_ELSEWHERE),
        // Where the queue is in this process, so are all workers: items of others were left by former lives.
        own_worker: own.filter(|_| broker.is_embedded()).map(|own| own.worker),
        sweep_grace_ms: args.write.sweep_grace_ms.into(),
        result_age_ms: args.write.result_age_ms(),
    };
    let reactions =
        Reactions::start(commands.clone(), log.store(), broker.dispatch(), tables, broker.lease(), settings);
    let state = reactions.state();
    health.watch("reactions", move || {
        let state = state.borrow().clone();
        async move {
            match state {
                // A standby does its work by being there.
                ReactionState::Active | ReactionState::Standby => Ok(()),
                ReactionState::Missing(reason) => Err(reason),
            }
        }
    });
    reactions
}

pub(super) fn projector(args: &ServeArgs, log: &Log, models: &LiveModels, health: &Health) -> Projector {
    let settings = leafcutter_projector::Settings { paused: args.projector.projector_paused };
    let projector = Projector::start(log.store(), models.clone(), settings);
    let caught_up = projector.caught_up();
    health.watch("read models", move || {
        let caught_up = *caught_up.borrow();
        async move { if caught_up { Ok(()) } else { Err("catching up with the log".to_owned()) } }
    });
    let live = models.clone();
    health.tell("read models", move || {
        let models = live.now();
        async move {
            let held = models.quarantined().await.map_err(|error| error.to_string())?.len();
            let told = format!("streams in quarantine: {held}; see 'leafcutter projections quarantine list'");
            if held == 0 { Ok(()) } else { Err(told) }
        }
    });
    projector
}

pub(super) fn queries(
    args: &ServeArgs,
    data: Option<&DataDir>,
    log: &Log,
    keys: &Arc<KeyDirectory>,
    models: &LiveModels,
    objects: &Objects,
    commands: Option<&Commands>,
) -> anyhow::Result<QueryState> {
    // Where the write side is in this process too, both share what is costly to have twice: folded streams, and one
    // count of a key's requests.
    let ledgers =
        commands.map_or_else(|| Arc::new(Ledgers::new(log.store())), |side| Arc::clone(&side.ledgers));
    let accounts =
        commands.map_or_else(|| Arc::new(Streams::new(log.store())), |side| Arc::clone(&side.accounts));
    let gate = commands.map_or_else(
        || Gate::new(Arc::clone(keys), RateLimit::per_minute(args.gate.rate_limit)),
        |side| side.gate.clone(),
    );
    let settings = QuerySettings {
        public_url: args.read.public_url.clone(),
        result_bytes_max: args.results.result_bytes,
    };
    Ok(QueryState::new(QueryParts {
        store: log.store(),
        ledgers,
        accounts,
        models: models.clone(),
        objects: objects.clone(),
        gate,
        clock: commands.map_or_else(Clock::system, |side| side.clock.clone()),
        signer: HeadSigner::from_service_key(&*service_key(data)?),
        settings,
    }))
}

pub(super) fn worker_settings(args: &ServeArgs, data: Option<&DataDir>) -> anyhow::Result<WorkerSettings> {
    let records = data.context("a worker needs a data directory")?.path("browsers");
    let mut settings = WorkerSettings::new(records);
    if let Some(concurrency) = args.chromium.concurrency {
        settings.concurrency = concurrency.into();
    }
    settings.politeness.pages_max = Some(args.chromium.host_concurrency.into()).filter(|max| *max > 0);
    settings.politeness.delay = Duration::from_millis(args.chromium.host_delay_ms.into());
    settings.chromium.clone_from(&args.chromium.chromium);
    settings.item_limit = Duration::from_secs(args.pages.item_timeout.into());
    settings.proxies = super::proxies::pools(args)?;
    settings.solver = super::solver::settings(args)?;
    settings.model = args.pages.model.settings()?;
    settings.always_paint = args.chromium.always_paint;
    settings.pages_per_browser = args.chromium.pages_per_browser;
    settings.browser_age = Duration::from_secs(args.chromium.browser_age.into());
    settings.browser_memory_bytes = args
        .chromium
        .browser_memory_mb
        .map_or_else(|| WorkerSettings::browser_memory(settings.concurrency), |mib| mib * MIB);
    settings.page_memory_bytes = args.chromium.page_memory_mb * MIB;
    settings.memory_reserve_bytes = args.chromium.memory_reserve_mb * MIB;
    // Before anything else is started: without Chromium nothing is.
    settings.program()?;
    Ok(settings)
}

pub(super) fn watch_worker(worker: &Worker, health: &Health) {
    let ready = worker.ready();
    health.watch("Chromium", move || {
        let ready = match &*ready.borrow() {
            Readiness::Ready => Ok(()),
            Readiness::Starting => Err("is being started".to_owned()),
            Readiness::ShortOfMemory => {
                Err("waits for memory: see LEAFCUTTER_MEMORY_RESERVE_MB in docs/operations.md".to_owned())
            }
            Readiness::Unavailable(reason) => Err(reason.to_string()),
        };
        async move { ready }
    });
}
