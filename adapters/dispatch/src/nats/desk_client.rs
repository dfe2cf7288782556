//! The work desk as a worker reaches it over the broker. One question, one bounded wait; asking again is the
//! worker's affair. Not here: the desk itself, patience.

use super::{
    connection::Nats,
    desk_form::{self, Answer, Claim, Claimed, Recorded, Reported},
    streams::explain,
};
use crate::{ClaimAnswer, ClaimRequest, DeskError, Report, ReportAnswer, WorkDesk};
use async_nats::Request;
use async_trait::async_trait;
use leafcutter_domain::BatchId;
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// How long the desk may take to answer, in milliseconds.
pub(super) const DESK_TIMEOUT_MS: u64 = 8_000;
/// Parts into which the batches are divided, so that the subjects of the desk can be shared out one day.
const DESK_PARTITIONS: u128 = 16;

/// The work desk of the command-api that answers at this broker.
pub struct NatsDesk {
    nats: Nats,
    answer_within: Duration,
}

/// The question's last word in its subject.
pub(super) const CLAIM: &str = "claim";
/// The report's last word in its subject.
pub(super) const REPORT: &str = "report";

/// All subjects of the desk.
pub(super) fn desk_subjects(nats: &Nats) -> String {
    format!("{}.desk.*.*", nats.settings().prefix)
}

fn subject(nats: &Nats, batch: BatchId, verb: &str) -> String {
    let partition = batch.0.as_u128() % DESK_PARTITIONS;
    format!("{}.desk.{partition}.{verb}", nats.settings().prefix)
}

impl NatsDesk {
    /// Asks over this connection.
    #[must_use]
    pub fn new(nats: &Nats) -> Self {
        Self { nats: nats.clone(), answer_within: Duration::from_millis(DESK_TIMEOUT_MS) }
    }

    /// Waits only so long for each answer.
    #[must_use]
    pub fn answering_within(self, answer_within: Duration) -> Self {
        Self { answer_within, ..self }
    }

    async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        batch: BatchId,
        verb: &str,
        question: &Q,
    ) -> Result<A, DeskError> {
        let payload = desk_form::write(question)?;
        let epoch = self.nats.ready().map_err(DeskError::Unavailable)?;
        let request = Request::new().payload(payload.into()).timeout(Some(self.answer_within));
        let answer = tokio::select! {
            answer = self.nats.client().send_request(subject(&self.nats, batch, verb), request) => answer,
            () = self.nats.disconnected(epoch) => {
                return Err(DeskError::Unavailable("the connection to the broker was lost".to_owned()));
            }
        };
        let answer = answer.map_err(|error| DeskError::Unavailable(explain(&error)))?;
        match desk_form::read(&answer.payload)? {
            Answer::Here(answer) => Ok(answer),
            Answer::Unavailable(why) => Err(DeskError::Unavailable(why)),
        }
    }
}

#[async_trait]
impl WorkDesk for NatsDesk {
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, DeskError> {
        let answer: Claimed = self.ask(request.batch, CLAIM, &Claim::from(request)).await?;
        Ok(answer.into())
    }

    async fn report(&self, report: Report) -> Result<ReportAnswer, DeskError> {
        let answer: Recorded = self.ask(report.batch, REPORT, &Reported::from(report)).await?;
        Ok(answer.into())
    }
}
