//! Subscriptions, in the server's order: confirmation, what is there with checkpoints in between, a checkpoint,
//! caught up, and then what comes.

use super::{
    name, place,
    read::{Answers, PAGE_RECORDS, event, response},
};
use crate::{
    faults::End,
    filter::Filter,
    log::{Found, Log, Record},
    node::Node,
    refusal,
};
use leafcutter_eventstoredb_protocol::streams::{
    read_req::{AllOptions, StreamOptions, all_options::AllOption, stream_options::RevisionOption},
    read_resp::{CaughtUp, Checkpoint, Content, SubscriptionConfirmation},
};
use std::sync::Arc;
use tokio::sync::watch;
use tonic::Status;

/// What a subscription takes of the log.
enum Taken {
    /// One stream, after a revision.
    Stream {
        name: String,
        after: Option<u64>,
    },
    All(Option<Filter>),
}

struct Follower {
    log: Arc<Log>,
    taken: Taken,
    structured: bool,
    answers: Answers,
    ends: watch::Receiver<(u64, Option<End>)>,
    /// Records looked at so far, counted from the log's beginning.
    examined: usize,
    since_checkpoint: usize,
    /// The place of the last record that was looked at, and the last that the client heard of.
    last_examined: Option<(u64, u64)>,
    last_sent: Option<(u64, u64)>,
}

/// The client is gone, or the subscription was ordered to end.
struct Ended;

pub(super) fn stream(
    node: &Arc<Node>,
    asked: &StreamOptions,
    structured: bool,
    answers: Answers,
) -> Result<(), Status> {
    let name = name(asked.stream_identifier.clone())?;
    let found = node.log.find(&name);
    if matches!(found, Found::Deleted) {
        return Err(refusal::stream_deleted(&name));
    }
    let after = match (asked.revision_option, found) {
        (Some(RevisionOption::Revision(revision)), _) => Some(revision),
        (Some(RevisionOption::End(_)), Found::Records(records)) => records.last().map(|last| last.revision),
        (Some(RevisionOption::Start(_) | RevisionOption::End(_)) | None, _) => None,
    };
    begin(node, Taken::Stream { name, after }, 0, structured, answers);
    Ok(())
}

pub(super) fn all(
    node: &Arc<Node>,
    asked: &AllOptions,
    filter: Option<Filter>,
    structured: bool,
    answers: Answers,
) {
    let from = match asked.all_option {
        // The record at the place itself was seen before.
        Some(AllOption::Position(at)) => {
            node.log.before((at.commit_position, at.prepare_position.saturating_add(1)))
        }
        Some(AllOption::Start(_)) | None => 0,
        Some(AllOption::End(_)) => node.log.len(),
    };
    begin(node, Taken::All(filter), from, structured, answers);
}

fn begin(node: &Arc<Node>, taken: Taken, from: usize, structured: bool, answers: Answers) {
    let mut follower = Follower {
        log: Arc::clone(&node.log),
        taken,
        structured,
        answers,
        ends: node.ends.subscribe(),
        examined: from,
        since_checkpoint: 0,
        last_examined: None,
        last_sent: None,
    };
    follower.ends.mark_unchanged();
    node.subscribed.send_modify(|count| *count += 1);
    tokio::spawn(async move {
        let _ = follower.run().await;
    });
}

impl Follower {
    async fn run(&mut self) -> Result<(), Ended> {
        let mut grown = self.log.grown();
        let subscription_id = uuid::Uuid::new_v4().to_string();
        self.send(Content::Confirmation(SubscriptionConfirmation { subscription_id })).await?;
        self.examine_all().await?;
        self.checkpoint().await?;
        self.send(Content::CaughtUp(CaughtUp::default())).await?;
        loop {
            grown.mark_unchanged();
            self.examine_all().await?;
            tokio::select! {
                changed = grown.changed() => changed.map_err(|_| Ended)?,
                changed = self.ends.changed() => {
                    changed.map_err(|_| Ended)?;
                    self.end().await?;
                }
                () = self.answers.closed() => return Err(Ended),
            }
        }
    }

    async fn end(&mut self) -> Result<(), Ended> {
        let end = self.ends.borrow_and_update().1;
        match end {
            None => return Ok(()),
            Some(End::Ok) => {}
            Some(End::Stall) => self.answers.closed().await,
            Some(End::Error(code)) => {
                let _ = self.answers.send(Err(Status::new(code, "the subscription was ended"))).await;
            }
        }
        Err(Ended)
    }

    async fn examine_all(&mut self) -> Result<(), Ended> {
        loop {
            let page = self.log.records(self.examined, PAGE_RECORDS);
            if page.is_empty() {
                return Ok(());
            }
            for record in page {
                if self.ends.has_changed().unwrap_or(true) {
                    self.end().await?;
                }
                self.examine(&record).await?;
            }
        }
    }

    async fn examine(&mut self, record: &Record) -> Result<(), Ended> {
        self.examined += 1;
        self.since_checkpoint += 1;
        self.last_examined = Some(record.place());
        if self.takes(record) {
            self.last_sent = Some(record.place());
            self.send(Content::Event(event(record, self.structured))).await?;
        }
        match &self.taken {
            Taken::All(Some(filter)) if self.since_checkpoint >= filter.checkpoint_every => {
                self.checkpoint().await
            }
            Taken::All(_) | Taken::Stream { .. } => Ok(()),
        }
    }

    fn takes(&self, record: &Record) -> bool {
        match &self.taken {
            Taken::All(filter) => filter.as_ref().is_none_or(|filter| filter.takes(record)),
            Taken::Stream { name, after } => {
                record.stream == *name && after.is_none_or(|after| record.revision > after)
            }
        }
    }

    /// Says how far a filtered subscription has come, unless the client has heard of that place.
    async fn checkpoint(&mut self) -> Result<(), Ended> {
        self.since_checkpoint = 0;
        if !matches!(self.taken, Taken::All(Some(_))) || self.last_examined <= self.last_sent {
            return Ok(());
        }
        let Some(at) = self.last_examined else { return Ok(()) };
        self.last_sent = Some(at);
        let at = place(at);
        let (commit_position, prepare_position) = (at.commit_position, at.prepare_position);
        self.send(Content::Checkpoint(Checkpoint { commit_position, prepare_position, timestamp: None }))
            .await
    }

    async fn send(&self, content: Content) -> Result<(), Ended> {
        self.answers.send(Ok(response(content))).await.map_err(|_| Ended)
    }
}
