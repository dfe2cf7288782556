//! Which key belongs to which account: an in-memory view of the account streams, kept current by a subscription.
//! An unknown key is believed to be unknown only after the view has reached the head of the log.

use leafcutter_domain::{AccountId, KeyId, Moment, account::AccountEvent};
use leafcutter_event_store::{EventStore, Position, StoreError, SubscriptionPage, decode};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

/// How long a request with an unknown key waits for the view to catch up.
const CATCH_UP_MS: u64 = 2_000;
/// Pause before a failed read of the log is repeated.
const REPEAT_MS: u64 = 200;

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// When it was opened.
    pub opened_at: Moment,
}

#[derive(Default)]
struct View {
    accounts: HashMap<AccountId, AccountRecord>,
    by_hash: HashMap<String, (AccountId, KeyId)>,
    owners: HashMap<KeyId, (AccountId, String)>,
}

/// The view, and the task that keeps it current.
pub struct KeyDirectory {
    store: Arc<dyn EventStore>,
    view: Arc<RwLock<View>>,
    reached: watch::Receiver<Position>,
    reader: std::sync::Mutex<Option<JoinHandle<()>>>,
}

/// The form in which a key is stored and looked up: BLAKE3, hex.
#[must_use]
pub fn hash_key(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex().to_string()
}

impl KeyDirectory {
    /// Starts reading the account streams of this log.
    #[must_use]
    pub fn start(store: Arc<dyn EventStore>) -> Arc<Self> {
        let view = Arc::new(RwLock::new(View::default()));
        let (moved, reached) = watch::channel(Position::START);
        let reader = tokio::spawn(follow(Arc::clone(&store), Arc::clone(&view), moved));
        Arc::new(Self { store, view, reached, reader: std::sync::Mutex::new(Some(reader)) })
    }

    /// Stops reading.
    pub async fn stop(&self) {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reader) = reader {
            reader.abort();
            let _ = reader.await;
        }
    }

    /// The account and id of a key; `None` when it is unknown or revoked as of now.
    ///
    /// # Errors
    /// The log cannot be read, or the view does not catch up in time.
    pub async fn find(&self, key: &str) -> Result<Option<(AccountId, KeyId)>, StoreError> {
        let hash = hash_key(key);
        if let Some(found) = self.lookup(&hash) {
            return Ok(Some(found));
        }
        self.catch_up().await?;
        Ok(self.lookup(&hash))
    }

    /// The account of a key id that holds.
    ///
    /// # Errors
    /// The log cannot be read, or the view does not catch up in time.
    pub async fn owner(&self, key: KeyId) -> Result<Option<AccountId>, StoreError> {
        self.catch_up().await?;
        Ok(self.read(|view| view.owners.get(&key).map(|(account, _)| *account)))
    }

    /// What is known of an account.
    #[must_use]
    pub fn account(&self, account: AccountId) -> Option<AccountRecord> {
        self.read(|view| view.accounts.get(&account).cloned())
    }

    /// Whether no account has been opened.
    ///
    /// # Errors
    /// The log cannot be read, or the view does not catch up in time.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        self.catch_up().await?;
        Ok(self.read(|view| view.accounts.is_empty()))
    }

    fn lookup(&self, hash: &str) -> Option<(AccountId, KeyId)> {
        self.read(|view| view.by_hash.get(hash).copied())
    }

    fn read<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn catch_up(&self) -> Result<(), StoreError> {
        let head = self.store.head().await?;
        let mut reached = self.reached.clone();
        let caught_up = reached.wait_for(|reached| *reached >= head);
        match timeout(Duration::from_millis(CATCH_UP_MS), caught_up).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => {
                Err(StoreError::Unavailable("the key directory lags behind the log".into()))
            }
        }
    }
}

async fn follow(store: Arc<dyn EventStore>, view: Arc<RwLock<View>>, moved: watch::Sender<Position>) {
    let mut subscription = store.subscribe(Position::START, Some("account"));
    loop {
        match subscription.next().await {
            Ok(page) => {
                apply_page(&view, &page);
                moved.send_replace(page.up_to);
            }
            Err(error) => {
                tracing::warn!(%error, "the key directory cannot read the log; trying again");
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
        AccountEvent::AccountOpened(opened) => {
            let record = AccountRecord { account, name: opened.name, opened_at: opened.at };
            view.accounts.insert(account, record);
        }
        AccountEvent::ApiKeyIssued(issued) => {
            view.by_hash.insert(issued.hash.clone(), (account, issued.key));
            view.owners.insert(issued.key, (account, issued.hash));
        }
        AccountEvent::ApiKeyRevoked(revoked) => {
            if let Some((_, hash)) = view.owners.remove(&revoked.key) {
                view.by_hash.remove(&hash);
            }
        }
        AccountEvent::AllowanceChanged(_) => {}
    }
}
