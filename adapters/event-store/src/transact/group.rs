//! The queue of one stream: whoever comes first carries out everything that waits, in one append.

use super::{
    BREAK_MS, CONFLICT_PAUSE_FIRST_MS, CONFLICT_PAUSE_MAX_MS, Committed, GROUP_COMMANDS_MAX, REPEATS_MAX,
    RUN_MAX_MS, TRANSACT_ATTEMPTS_MAX, TransactError,
    fold::{self, Folded},
};
use crate::{
    Aggregate, EventStore, Expected, Metadata, NewEvent, StoreError, StreamName, event_id, pause::pause,
    stored::VERSION,
};
use leafcutter_domain::{DomainEvent, limits::APPEND_BYTES_MAX};
use leafcutter_ledger_proof::{ChainLink, link_hash};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{MutexGuard, oneshot};

type Answer<A> = Result<
    Committed<<A as leafcutter_domain::Decider>::Event>,
    TransactError<<A as leafcutter_domain::Decider>::Rejection>,
>;

/// A command and who waits for its answer.
pub(super) struct Job<A: Aggregate> {
    pub(super) command: A::Command,
    pub(super) answer: oneshot::Sender<Answer<A>>,
}

/// One stream's queue and its folded state.
pub(super) struct Group<A: Aggregate> {
    waiting: Mutex<VecDeque<Job<A>>>,
    folded: tokio::sync::Mutex<Option<Folded<A>>>,
    run: Mutex<Option<Run>>,
}

/// Appends to one stream with hardly a moment between them.
struct Run {
    began: Instant,
    last: Instant,
}

impl Run {
    /// Counts an append in, and tells whether the run has lasted long enough.
    fn go_on(run: &mut Option<Self>) -> bool {
        let now = Instant::now();
        let of = |millis| Duration::from_millis(millis);
        let began = match run {
            Some(run) if now - run.last < of(BREAK_MS) => run.began,
            Some(_) | None => now,
        };
        *run = Some(Self { began, last: now });
        now - began >= of(RUN_MAX_MS)
    }
}

impl<A: Aggregate> Default for Group<A> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), folded: tokio::sync::Mutex::default(), run: Mutex::default() }
    }
}

/// A group decided against one state: what to append and what to answer once it is kept.
struct Decided<A: Aggregate> {
    folded: Folded<A>,
    new: Vec<NewEvent>,
    bytes: usize,
    answers: Vec<(Job<A>, Answer<A>)>,
    /// What did not fit and is decided after this append.
    left: Vec<Job<A>>,
}

impl<A: Aggregate> Decided<A> {
    fn into_jobs(self) -> (Vec<Job<A>>, Vec<Job<A>>) {
        (self.answers.into_iter().map(|(job, _)| job).collect(), self.left)
    }
}

impl<A: Aggregate> Group<A> {
    pub(super) fn enqueue(&self, job: Job<A>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(job);
    }

    pub(super) async fn hold(&self) -> MutexGuard<'_, Option<Folded<A>>> {
        self.folded.lock().await
    }

    fn take_waiting(&self) -> Vec<Job<A>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(GROUP_COMMANDS_MAX);
        waiting.drain(..count).collect()
    }

    /// Takes a break when one is due. Whoever was carried out has been answered already.
    async fn let_rivals_in(&self, store: &dyn EventStore) {
        if store.is_shared() && Run::go_on(&mut self.run.lock().unwrap_or_else(PoisonError::into_inner)) {
            tokio::time::sleep(Duration::from_millis(BREAK_MS)).await;
        }
    }

    /// Carries out what waits; nothing when an earlier caller has done so.
    pub(super) async fn run(&self, id: A::Id, store: &dyn EventStore) {
        let mut held = self.hold().await;
        let mut jobs = self.take_waiting();
        let stream = A::stream(id);
        let mut attempts = 0;
        while !jobs.is_empty() {
            attempts += 1;
            jobs = match run_once(store, &stream, &mut held, jobs, attempts > 1).await {
                Ok(left) => {
                    attempts = 0;
                    self.let_rivals_in(store).await;
                    left
                }
                Err(jobs) if attempts < TRANSACT_ATTEMPTS_MAX => {
                    let first = Duration::from_millis(CONFLICT_PAUSE_FIRST_MS);
                    let longest = Duration::from_millis(CONFLICT_PAUSE_MAX_MS);
                    tokio::time::sleep(pause(attempts - 1, first, longest)).await;
                    jobs
                }
                Err(jobs) => return fail_all(jobs, || TransactError::Contention),
            };
        }
    }
}

/// Decides and appends once. Gives back what did not fit into the append; as an error, everything after a conflict.
async fn run_once<A: Aggregate>(
    store: &dyn EventStore,
    stream: &StreamName,
    held: &mut Option<Folded<A>>,
    jobs: Vec<Job<A>>,
    after_conflict: bool,
) -> Result<Vec<Job<A>>, Vec<Job<A>>> {
    let known = held.take();
    let folded = match known {
        Some(folded) if !after_conflict && jobs.iter().all(|job| has_news(&folded, job)) => folded,
        known => match fold::refresh(store, stream, known).await {
            Ok(folded) => folded,
            Err(error) => {
                fail_all(jobs, || copy(&error));
                return Ok(vec![]);
            }
        },
    };
    let expected = folded.revision.map_or(Expected::NoStream, Expected::Revision);
    // Where rivals may be, the state before is kept, so that a conflict costs only the events that are new.
    let before = store.is_shared().then(|| folded.clone());
    let mut decided = decide_all(stream, folded, jobs);
    if decided.new.is_empty() {
        return Ok(finish(held, decided));
    }
    match append(store, stream, expected, &decided.new).await {
        Ok(()) => {
            fold::save_if_due(store, stream, &mut decided.folded).await;
            Ok(finish(held, decided))
        }
        Err(StoreError::Conflict) => {
            *held = before;
            let (mut jobs, left) = decided.into_jobs();
            jobs.extend(left);
            Err(jobs)
        }
        Err(StoreError::OutcomeUnknown(error)) => {
            tracing::error!(%stream, %error, "the outcome of an append stays unknown");
            let (jobs, left) = decided.into_jobs();
            fail_all(jobs, || TransactError::OutcomeUnknown);
            Ok(left)
        }
        Err(error) => {
            let error = Arc::new(error);
            let (jobs, left) = decided.into_jobs();
            fail_all(jobs, || TransactError::Store(Arc::clone(&error)));
            Ok(left)
        }
    }
}

/// Whether the job records something on this state. If not, the answer comes from the state alone, which another
/// replica may have moved on; an append would find that out, but a refusal or "nothing to record" needs a look.
fn has_news<A: Aggregate>(folded: &Folded<A>, job: &Job<A>) -> bool {
    A::decide(&folded.state, &job.command).is_ok_and(|events| !events.is_empty())
}

fn decide_all<A: Aggregate>(stream: &StreamName, folded: Folded<A>, jobs: Vec<Job<A>>) -> Decided<A> {
    let (new, answers, left) = (Vec::new(), Vec::new(), Vec::new());
    let mut decided = Decided { folded, new, bytes: 0, answers, left };
    for job in jobs {
        let answer = match A::decide(&decided.folded.state, &job.command) {
            Err(rejection) => Some(Err(TransactError::Rejected(rejection))),
            Ok(events) => take_in(stream, &mut decided, events),
        };
        match answer {
            Some(answer) => decided.answers.push((job, answer)),
            None => decided.left.push(job),
        }
    }
    decided
}

/// Adds one command's events; `None` when the append would grow beyond its bound with them.
fn take_in<A: Aggregate>(
    stream: &StreamName,
    decided: &mut Decided<A>,
    events: Vec<A::Event>,
) -> Option<Answer<A>> {
    let encoded: Vec<Vec<u8>> = events.iter().map(DomainEvent::encode).collect();
    let bytes = decided.bytes + encoded.iter().map(|data| data.len() + METADATA_BYTES).sum::<usize>();
    if bytes > APPEND_BYTES_MAX {
        let too_large = StoreError::TooLarge { bytes, max: APPEND_BYTES_MAX };
        let alone = decided.bytes == 0;
        return alone.then(|| Err(TransactError::Store(Arc::new(too_large))));
    }
    decided.bytes = bytes;
    for (event, data) in events.iter().zip(encoded) {
        let (new, metadata) = prepare(stream, &decided.folded, event, data);
        decided.new.push(new);
        decided.folded = std::mem::replace(&mut decided.folded, Folded::empty()).apply(event, &metadata);
    }
    Some(Ok(Committed { events, revision: decided.folded.revision }))
}

/// An upper bound of the size of one event's metadata.
const METADATA_BYTES: usize = 256;

fn prepare<A: Aggregate>(
    stream: &StreamName,
    folded: &Folded<A>,
    event: &A::Event,
    data: Vec<u8>,
) -> (NewEvent, Metadata) {
    let revision = folded.next_revision();
    let id = event_id(stream, revision, event.name(), &data);
    let occurred_at = folded.last_at.map_or(event.at(), |last| last.max(event.at()));
    let prev = A::CHAINED.then(|| folded.last_hash.clone().unwrap_or_default());
    let hash = prev.as_deref().map(|prev| {
        let (stream, id, name) = (stream.as_str(), &id.to_string(), event.name());
        let occurred_at = &occurred_at.to_string();
        link_hash(&ChainLink { prev, stream, revision, id, name, occurred_at, data: &data })
    });
    let metadata = Metadata { version: VERSION, occurred_at, prev, hash };
    let bytes =
        serde_json::to_vec(&metadata).expect("metadata is a struct with text keys, which always serialises");
    (NewEvent { id, name: event.name(), data, metadata: bytes }, metadata)
}

/// Appends; an append whose outcome is unknown is repeated with the same ids until it is known.
async fn append(
    store: &dyn EventStore,
    stream: &StreamName,
    expected: Expected,
    new: &[NewEvent],
) -> Result<(), StoreError> {
    let mut repeats = 0;
    loop {
        match store.append(stream, expected, new.to_vec()).await {
            Ok(_) => return Ok(()),
            Err(StoreError::OutcomeUnknown(_)) if repeats < REPEATS_MAX => repeats += 1,
            // The store has told nothing but that it is gone, after an append that may have been kept.
            Err(StoreError::Unavailable(error)) if repeats > 0 => {
                return Err(StoreError::OutcomeUnknown(error));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Answers what is decided and gives back what is not.
fn finish<A: Aggregate>(held: &mut Option<Folded<A>>, decided: Decided<A>) -> Vec<Job<A>> {
    *held = Some(decided.folded);
    for (job, answer) in decided.answers {
        // A caller that has gone needs no answer.
        let _ = job.answer.send(answer);
    }
    decided.left
}

fn fail_all<A: Aggregate>(jobs: Vec<Job<A>>, error: impl Fn() -> TransactError<A::Rejection>) {
    for job in jobs {
        let _ = job.answer.send(Err(error()));
    }
}

fn copy<R: std::fmt::Debug + std::fmt::Display>(error: &TransactError<R>) -> TransactError<R> {
    match error {
        TransactError::Store(error) => TransactError::Store(Arc::clone(error)),
        TransactError::StoredForm(error) => TransactError::StoredForm(Arc::clone(error)),
        TransactError::OutcomeUnknown => TransactError::OutcomeUnknown,
        TransactError::Rejected(_) | TransactError::Contention => TransactError::Contention,
    }
}
