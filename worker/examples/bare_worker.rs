//! A worker without work, for tests that kill it: writes the file `ready` into its run folder when Chromium works,
//! and then waits to be killed. Arguments: the folder for profiles, the run folder.

use async_trait::async_trait;
use leafcutter_dispatch::{ClaimAnswer, ClaimRequest, DeskError, Report, ReportAnswer, WorkDesk, in_process};
use leafcutter_egress::Policy;
use leafcutter_object_store::Objects;
use leafcutter_worker::{Readiness, Worker, WorkerSettings};
use std::{error::Error, path::PathBuf, sync::Arc};

struct EmptyDesk;

#[async_trait]
impl WorkDesk for EmptyDesk {
    async fn claim(&self, _: ClaimRequest) -> Result<ClaimAnswer, DeskError> {
        Ok(ClaimAnswer::Refused)
    }

    async fn report(&self, _: Report) -> Result<ReportAnswer, DeskError> {
        Ok(ReportAnswer::Refused)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [profiles, run] = folders.as_slice() else {
        return Err("say the folder for profiles and the run folder".into());
    };
    let settings =
        WorkerSettings { profile_parent: profiles.clone(), concurrency: 1, ..WorkerSettings::new(run) };
    let objects = Objects::local(&run.join("objects"))?;
    let worker = Worker::start(
        settings,
        Arc::new(in_process(1)),
        Arc::new(EmptyDesk),
        objects,
        Policy::new(Vec::new()),
    )
    .await?;
    worker.ready().wait_for(|now| *now == Readiness::Ready).await?;
    std::fs::write(run.join("ready"), "")?;
    std::future::pending().await
}
