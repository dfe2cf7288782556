//! Which key belongs to which account: an in-memory view of the account streams, kept current by a subscription.
//! Starts without the log and catches up when it is there. An unknown key is believed to be unknown only after the
//! view has reached the head of the log, and a known one is believed for a second at most without a look at the head,
//! so that a revocation acts within that time.

use leafcutter_domain::{AccountId, KeyId, account::AccountEvent};
use leafcutter_event_store::{EventStore, Position, StoreError, SubscriptionPage, decode};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};

/// How long a request waits for the view to catch up.
const CATCH_UP_MS: u64 = 2_000;
/// How long the view is believed after it was seen to hold all that the log held.
const BELIEVED_MS: u64 = 900;
/// How often that is looked at, so that requests seldom have to.
const LOOK_EVERY_MS: u64 = 300;
/// Pause before a failed read of the log is repeated.
const REPEAT_MS: u64 = 200;

#[derive(Default)]
struct View {
    by_hash: HashMap<String, (AccountId, KeyId)>,
    owners: HashMap<KeyId, (AccountId, String)>,
}

/// The view, and the tasks that keep it current.
pub struct KeyDirectory {
    current: Arc<Current>,
    tasks: std::sync::Mutex<Vec<JoinHandle<()>>>,
}

/// The view and how far it is known to be current.
struct Current {
    store: Arc<dyn EventStore>,
    view: RwLock<View>,
    reached: watch::Sender<Position>,
    /// When a look at the head was begun that the view has reached since.
    believed_from: watch::Sender<Option<Instant>>,
}

/// The form in which a key is stored and looked up: BLAKE3, hex.
#[must_use]
pub fn hash_key(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex().to_string()
}

impl KeyDirectory {
    /// Starts reading the account streams of this log, as soon as it is there.
    #[must_use]
    pub fn start(store: Arc<dyn EventStore>) -> Arc<Self> {
        let current = Arc::new(Current {
            store,
            view: RwLock::default(),
            reached: watch::Sender::new(Position::START),
            believed_from: watch::Sender::new(None),
        });
        let follows = tokio::spawn(follow(Arc::clone(&current)));
        let looks = tokio::spawn(look_often(Arc::clone(&current)));
        Arc::new(Self { current, tasks: std::sync::Mutex::new(vec![follows, looks]) })
    }

    /// Stops reading.
    pub async fn stop(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
    }

    /// The account and id of a key; `None` when it is unknown or was revoked a second ago or earlier.
    ///
    /// # Errors
    /// The log cannot be read, or the view does not catch up in time.
    pub async fn find(&self, key: &str) -> Result<Option<(AccountId, KeyId)>, StoreError> {
        let hash = hash_key(key);
        let lookup = || self.current.read(|view| view.by_hash.get(&hash).copied());
        if self.current.is_believed()
            && let Some(found) = lookup()
        {
            return Ok(Some(found));
        }
        self.current.catch_up().await?;
        Ok(lookup())
    }

    /// The account of a key id that holds.
    ///
    /// # Errors
    /// The log cannot be read, or the view does not catch up in time.
    pub async fn owner(&self, key: KeyId) -> Result<Option<AccountId>, StoreError> {
        self.current.catch_up().await?;
        Ok(self.current.read(|view| view.owners.get(&key).map(|(account, _)| *account)))
    }

    /// Whether keys can be told from unknown ones now; cheap, for a health check.
    ///
    /// # Errors
    /// The log cannot be read, or the view does not catch up in time.
    pub async fn check(&self) -> Result<(), StoreError> {
        if self.current.is_believed() { Ok(()) } else { self.current.catch_up().await }
    }
}

impl Current {
    fn is_believed(&self) -> bool {
        let believed = Duration::from_millis(BELIEVED_MS);
        self.believed_from.borrow().is_some_and(|at| at.elapsed() < believed)
    }

    fn read<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the view holds all that the log holds now.
    async fn catch_up(&self) -> Result<(), StoreError> {
        let begun = Instant::now();
        let mut reached = self.reached.subscribe();
        let caught_up = async {
            let head = self.store.head().await?;
            let lags = |_| StoreError::Unavailable("the key directory is being stopped".into());
            reached.wait_for(|reached| *reached >= head).await.map(drop).map_err(lags)
        };
        let lags = |_| StoreError::Unavailable("the key directory lags behind the log".into());
        timeout(Duration::from_millis(CATCH_UP_MS), caught_up).await.map_err(lags)??;
        self.believed_from.send_modify(|at| *at = (*at).max(Some(begun)));
        Ok(())
    }
}

async fn look_often(current: Arc<Current>) {
    loop {
        // A log that cannot be read is told of by `follow` and by every request that needs it.
        let _ = current.catch_up().await;
        tokio::time::sleep(Duration::from_millis(LOOK_EVERY_MS)).await;
    }
}

async fn follow(current: Arc<Current>) {
    let mut subscription = current.store.subscribe(Position::START, Some("account"));
    let mut reads = true;
    loop {
        match subscription.next().await {
            Ok(page) => {
                reads = true;
                apply_page(&current.view, &page);
                current.reached.send_replace(page.up_to);
            }
            Err(error) => {
                // Once for each time that the log goes away, however long it stays away.
                if std::mem::replace(&mut reads, false) {
                    tracing::warn!(%error, "the key directory cannot read the log; trying again");
                }
                tokio::time::sleep(Duration::from_millis(REPEAT_MS)).await;
            }
        }
    }
}

fn apply_page(view: &RwLock<View>, page: &SubscriptionPage) {
    let mut view = view.write().unwrap_or_else(PoisonError::into_inner);
    for stored in &page.events {
        let Ok(account) = stored.stream.key().parse::<AccountId>() else { continue };
        match decode::<AccountEvent>(stored) {
            Ok((event, _)) => apply(&mut view, account, event),
            Err(error) => tracing::error!(%error, "an account event cannot be read and is left aside"),
        }
    }
}

fn apply(view: &mut View, account: AccountId, event: AccountEvent) {
    match event {
        AccountEvent::ApiKeyIssued(issued) => {
            view.by_hash.insert(issued.hash.clone(), (account, issued.key));
            view.owners.insert(issued.key, (account, issued.hash));
        }
        AccountEvent::ApiKeyRevoked(revoked) => {
            if let Some((_, hash)) = view.owners.remove(&revoked.key) {
                view.by_hash.remove(&hash);
            }
        }
        AccountEvent::AccountOpened(_) | AccountEvent::AllowanceChanged(_) => {}
    }
}
