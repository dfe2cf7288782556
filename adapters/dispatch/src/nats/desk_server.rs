//! The work desk of a replica, answering over the broker. The replicas share the questions; each answers a bounded
//! number at a time and lets go of those whose asker has stopped waiting. Not here: the desk itself.

use super::{
    connection::Nats,
    desk_client::{CLAIM, DESK_TIMEOUT_MS, REPORT, desk_subjects},
    desk_form::{self, Answer, Claim, Claimed, Recorded, Reported},
    settings::INBOX_ROOT,
};
use crate::{DeskError, WorkDesk};
use async_nats::{Message, Subscriber};
use futures::StreamExt;
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Questions that are answered at a time.
const ANSWERING_MAX: usize = 64;
/// Questions that are answered or wait for it; one more is told to come again.
const WAITING_MAX: usize = 2_048;
/// How long a stopping server finishes its answers, in milliseconds.
const DRAIN_TIMEOUT_MS: u64 = 10_000;
/// The replicas among which each question goes to one.
const QUEUE_GROUP: &str = "desk";

/// A desk that is being served. Dropping it stops it without finishing what it is at.
pub struct DeskServer {
    stop: CancellationToken,
    answers: TaskTracker,
    nats: Nats,
}

struct Counter {
    nats: Nats,
    desk: Arc<dyn WorkDesk>,
    answering: Semaphore,
}

/// Answers for `desk` until it is shut down, through every loss of the broker.
#[must_use]
pub fn serve_desk(nats: &Nats, desk: Arc<dyn WorkDesk>) -> DeskServer {
    let (stop, answers) = (CancellationToken::new(), TaskTracker::new());
    let counter = Counter { nats: nats.clone(), desk, answering: Semaphore::new(ANSWERING_MAX) };
    answers.spawn(serve(Arc::new(counter), stop.clone(), answers.clone()));
    DeskServer { stop, answers, nats: nats.clone() }
}

impl DeskServer {
    /// Takes no more questions, answers those that it has, and ends. Bounded in time.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.answers.close();
        let limit = Duration::from_millis(DRAIN_TIMEOUT_MS);
        let finish = async {
            self.answers.wait().await;
            if self.nats.ready().is_ok() {
                let _ = self.nats.client().flush().await;
            }
        };
        if timeout(limit, finish).await.is_err() {
            tracing::warn!("the work desk stopped with questions unanswered; they are asked again");
        }
    }
}

impl Drop for DeskServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(counter: Arc<Counter>, stop: CancellationToken, answers: TaskTracker) {
    let client = counter.nats.client();
    let subscribed = client.queue_subscribe(desk_subjects(&counter.nats), QUEUE_GROUP.to_owned()).await;
    let mut questions = match subscribed {
        Ok(questions) => questions,
        Err(error) => return tracing::error!(%error, "the work desk cannot be served"),
    };
    while let Some(question) = next(&counter.nats, &mut questions, &stop).await {
        let counter = Arc::clone(&counter);
        let busy = answers.len() > WAITING_MAX;
        answers.spawn(async move { counter.serve(question, busy).await });
    }
}

/// The next question; `None` when the server stops and has taken all that were sent to it.
async fn next(nats: &Nats, questions: &mut Subscriber, stop: &CancellationToken) -> Option<Message> {
    if !stop.is_cancelled() {
        tokio::select! {
            question = questions.next() => return question,
            () = stop.cancelled() => {}
        }
    }
    // Nobody can have asked over a connection that is not there, and nobody would end the subscription.
    nats.ready().ok()?;
    let _ = questions.drain().await;
    questions.next().await
}

impl Counter {
    async fn serve(&self, question: Message, busy: bool) {
        let come_by = Instant::now() + Duration::from_millis(DESK_TIMEOUT_MS);
        let Some(reply) = question.reply.clone().filter(|reply| reply.starts_with(INBOX_ROOT)) else {
            return tracing::warn!("a question to the work desk wants its answer outside of the inboxes");
        };
        let answer = if busy {
            said::<Recorded>(Err(DeskError::Unavailable("the desk has too many questions".to_owned())))
        } else {
            match timeout_at(come_by, self.answer(&question)).await {
                Ok(answer) => answer,
                // Who asked has stopped waiting.
                Err(_) => return tracing::debug!("a question was not answered in time"),
            }
        };
        if let Err(error) = self.nats.client().publish(reply, answer.into()).await {
            tracing::debug!(%error, "an answer of the work desk could not be sent");
        }
    }

    async fn answer(&self, question: &Message) -> Vec<u8> {
        let Ok(_permit) = self.answering.acquire().await else { return Vec::new() };
        match question.subject.rsplit('.').next() {
            Some(CLAIM) => said(self.claim(&question.payload).await),
            Some(REPORT) => said(self.report(&question.payload).await),
            _ => said::<Recorded>(Err(DeskError::Unavailable(
                "the desk does not know the question".to_owned(),
            ))),
        }
    }

    async fn claim(&self, payload: &[u8]) -> Result<Claimed, DeskError> {
        let claim: Claim = desk_form::read(payload)?;
        Ok(self.desk.claim(claim.into()).await?.into())
    }

    async fn report(&self, payload: &[u8]) -> Result<Recorded, DeskError> {
        let report: Reported = desk_form::read(payload)?;
        Ok(self.desk.report(report.into()).await?.into())
    }
}

fn said<T: Serialize>(answer: Result<T, DeskError>) -> Vec<u8> {
    let answer = match answer {
        Ok(answer) => Answer::Here(answer),
        Err(DeskError::Unavailable(why)) => Answer::Unavailable(why),
    };
    desk_form::write(&answer).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer of the work desk cannot be sent");
        let why = Answer::<T>::Unavailable("the answer is too large".to_owned());
        desk_form::write(&why).unwrap_or_default()
    })
}
