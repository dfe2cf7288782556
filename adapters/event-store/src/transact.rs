//! `Streams`: the one loop of the system. Load, decide, append at the expected revision; on a conflict fold the
//! rival events and decide again, a bounded number of times. Commands to one stream queue here, are decided one
//! after another and appended together. Nobody else appends.

mod fold;
mod group;

pub use fold::Folded;

use crate::{Aggregate, EventStore, StoreError, StoredFormError, decode};
use group::{Group, Job};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// Times that a group is decided again after a conflict.
pub(crate) const TRANSACT_ATTEMPTS_MAX: u32 = 40;
/// The longest pause after the first conflict; it doubles with each.
pub(crate) const CONFLICT_PAUSE_FIRST_MS: u64 = 1;
/// The longest pause between two tries.
pub(crate) const CONFLICT_PAUSE_MAX_MS: u64 = 8;
/// How long one stream is appended to without a break, in a log that others write too. Whoever appends without one
/// wins every time, for a rival that reads, decides and appends comes too late, and cannot make itself known.
pub(crate) const RUN_MAX_MS: u64 = 60;
/// The break: longer than a rival's pause and its next try together.
pub(crate) const BREAK_MS: u64 = 20;
/// Times that an append whose outcome is unknown is repeated.
pub(crate) const REPEATS_MAX: usize = 5;
/// Commands to one stream that are appended together.
pub(crate) const GROUP_COMMANDS_MAX: usize = 64;
/// Streams whose folded state is kept in memory.
const CACHED_STREAMS_MAX: usize = 10_000;

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum TransactError<R: std::fmt::Debug + std::fmt::Display> {
    /// A rule forbids it. Nothing was recorded.
    #[error("{0}")]
    Rejected(R),
    /// The store cannot take it. Nothing was recorded.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// It may or may not have been recorded.
    #[error("it is not known whether the command was recorded; ask for the state before repeating it")]
    OutcomeUnknown,
    /// The log holds an event that cannot be read.
    #[error(transparent)]
    StoredForm(Arc<StoredFormError>),
    /// Other writers were faster every time. Nothing was recorded.
    #[error("too many writers at once; try again")]
    Contention,
}

/// What a command did.
#[derive(Debug, Clone)]
pub struct Committed<E> {
    /// The new events; none when there was nothing to record.
    pub events: Vec<E>,
    /// Revision of the stream afterwards; `None` while it has no events.
    pub revision: Option<u64>,
}

/// All streams of one kind of aggregate.
pub struct Streams<A: Aggregate> {
    store: Arc<dyn EventStore>,
    groups: Mutex<HashMap<A::Id, Arc<Group<A>>>>,
}

impl<A: Aggregate> Streams<A> {
    /// The streams in this store. A process has one `Streams` for each kind.
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self { store, groups: Mutex::default() }
    }

    /// Carries a command out. Once begun it runs to its end, also when the caller stops waiting.
    ///
    /// # Errors
    /// See [`TransactError`].
    pub async fn transact(
        &self,
        id: A::Id,
        command: impl Into<A::Command>,
    ) -> Result<Committed<A::Event>, TransactError<A::Rejection>> {
        let group = self.group(id);
        let (answer, answered) = oneshot::channel();
        group.enqueue(Job { command: command.into(), answer });
        let store = Arc::clone(&self.store);
        // A task of its own, so that a client that hangs up does not stop a group that carries others' commands.
        tokio::spawn(async move { group.run(id, store.as_ref()).await });
        answered.await.unwrap_or(Err(TransactError::OutcomeUnknown))
    }

    /// Looks at the present state of a stream, read from the log as far as it is new.
    ///
    /// # Errors
    /// The store is not available, or the log holds an event that cannot be read.
    pub async fn inspect<T>(
        &self,
        id: A::Id,
        look: impl FnOnce(&Folded<A>) -> T,
    ) -> Result<T, TransactError<A::Rejection>> {
        let group = self.group(id);
        let mut held = group.hold().await;
        let folded = fold::refresh(self.store.as_ref(), &A::stream(id), held.take()).await?;
        let seen = look(&folded);
        *held = Some(folded);
        Ok(seen)
    }

    /// The hash of one event in the chain, hex; `None` while it is not there, and for streams without a chain.
    ///
    /// # Errors
    /// The store is not available, or the log holds an event that cannot be read.
    pub async fn hash_at(
        &self,
        id: A::Id,
        revision: u64,
    ) -> Result<Option<String>, TransactError<A::Rejection>> {
        let found = self.store.read(&A::stream(id), revision, 1).await;
        let found = found.map_err(|error| TransactError::Store(Arc::new(error)))?;
        let Some(stored) = found.first() else { return Ok(None) };
        let (_, metadata) =
            decode::<A::Event>(stored).map_err(|error| TransactError::StoredForm(Arc::new(error)))?;
        Ok(metadata.hash)
    }

    /// Looks at a stream for what never changes once it is there: in the state that is remembered here, and in the
    /// log only when that does not show it.
    ///
    /// # Errors
    /// The store is not available, or the log holds an event that cannot be read.
    pub async fn recall<T>(
        &self,
        id: A::Id,
        look: impl Fn(&Folded<A>) -> Option<T>,
    ) -> Result<Option<T>, TransactError<A::Rejection>> {
        let group = self.group(id);
        let remembered = group.hold().await.as_ref().and_then(&look);
        match remembered {
            Some(seen) => Ok(Some(seen)),
            None => self.inspect(id, look).await,
        }
    }

    fn group(&self, id: A::Id) -> Arc<Group<A>> {
        let mut groups = self.lock();
        if groups.len() >= CACHED_STREAMS_MAX && !groups.contains_key(&id) {
            groups.retain(|_, group| Arc::strong_count(group) > 1);
        }
        Arc::clone(groups.entry(id).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<A::Id, Arc<Group<A>>>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
