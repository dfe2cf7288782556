//! `leafcutter batch`: list, show, follow, cancel and retry batches, and tell their history.

mod history;

use super::{
    BatchArgs, BatchCommand, Exit, Failure,
    answers::{Batch, Cancelled, Job, List, Retried},
    api::{Api, Call},
    conclude, follow,
    output::{Console, counted, printable, table},
    progress::Progress,
};
use uuid::Uuid;

/// Carries out one command about batches.
pub(crate) async fn batch(args: &BatchArgs) -> Exit {
    let console = Console::standard();
    conclude(&console, run(args, &console).await)
}

async fn run(args: &BatchArgs, console: &Console) -> Result<Exit, Failure> {
    let api = Api::new(&args.connect.server_or_local()?, console)?;
    let command = Command { api, console, json: args.json };
    match args.command {
        BatchCommand::List { page, limit } => command.list(page, limit).await,
        BatchCommand::Status { id } => command.status(id).await,
        BatchCommand::History { id } => command.history(id).await,
        BatchCommand::Watch { id } => command.watch(id).await,
        BatchCommand::Cancel { id } => command.cancel(id).await,
        BatchCommand::Retry { id } => command.retry(id).await,
    }
}

struct Command<'a> {
    api: Api,
    console: &'a Console,
    json: bool,
}

impl Command<'_> {
    async fn list(&self, page: u32, limit: u32) -> Result<Exit, Failure> {
        let answer =
            self.api.call(&Call::get(format!("/api/batch/scrape?page={page}&limit={limit}"))).await?;
        if self.json {
            return self.done(answer.text());
        }
        let List { jobs, pagination } = answer.read()?;
        let mut table =
            table(&["batch", "status", "pages", "completed", "failed", "output", "created", "finished"]);
        for job in &jobs {
            table.add_row(list_row(job));
        }
        let position =
            format!("page {} of {}, {} batches", pagination.page, pagination.total_pages, pagination.total);
        self.done(&format!("{table}\n{position}"))
    }

    async fn status(&self, id: Uuid) -> Result<Exit, Failure> {
        let include = if self.json { "" } else { "?include=summary" };
        let answer = self.api.call(&Call::get(follow::path(id) + include)).await?;
        if self.json {
            return self.done(answer.text());
        }
        self.done(&described(id, &answer.read()?))
    }

    async fn history(&self, id: Uuid) -> Result<Exit, Failure> {
        let answer = self.api.call(&Call::get(follow::path(id) + "/history")).await?;
        if self.json {
            return self.done(answer.text());
        }
        self.done(&history::told(&answer.read()?))
    }

    async fn watch(&self, id: Uuid) -> Result<Exit, Failure> {
        let first: Batch = self.api.call(&Call::get(follow::path(id) + "?include=summary")).await?.read()?;
        let mut progress = Progress::begin(self.console, first.items.len());
        let answer = follow::to_the_end(&self.api, id, &mut progress).await?;
        drop(progress);
        let batch: Batch = answer.read()?;
        if self.json {
            self.console.print(answer.text())?;
            return Ok(follow::exit_of(&batch));
        }
        follow::print_lines(self.console, &batch)
    }

    async fn cancel(&self, id: Uuid) -> Result<Exit, Failure> {
        let answer = self.api.call(&Call::delete(follow::path(id))).await?;
        if self.json {
            return self.done(answer.text());
        }
        let Cancelled { cancelled_items, credits_refunded } = answer.read()?;
        let (items, credits) = (counted(cancelled_items as u64, "item"), counted(credits_refunded, "credit"));
        self.done(&format!("cancelled: {items} stopped, {credits} given back"))
    }

    async fn retry(&self, id: Uuid) -> Result<Exit, Failure> {
        let answer = self.api.call(&Call::post_once(follow::path(id) + "/retry", None)).await?;
        if self.json {
            return self.done(answer.text());
        }
        let Retried { retried_count } = answer.read()?;
        let server = self.api.server();
        self.console.note(&format!("wait for it: leafcutter batch watch {id} --server {server}"));
        let verb = if retried_count == 1 { "runs" } else { "run" };
        self.done(&format!("queued: {} {verb} again", counted(retried_count as u64, "item")))
    }

    fn done(&self, text: &str) -> Result<Exit, Failure> {
        self.console.print(text)?;
        Ok(Exit::Completed)
    }
}

fn list_row(job: &Job) -> [String; 8] {
    [
        job.uuid.to_string(),
        job.status.word().to_owned(),
        job.total_urls.to_string(),
        job.completed_count.to_string(),
        job.failed_count.to_string(),
        printable(&job.output_format),
        printable(&job.created_at),
        printable(job.finished_at.as_deref().unwrap_or_default()),
    ]
}

fn described(id: Uuid, batch: &Batch) -> String {
    let mut table = table(&["page", "status", "http", "credits", "error"]);
    for item in &batch.items {
        let reason = match (&item.error_code, &item.error) {
            (Some(code), Some(error)) => format!("{code}: {error}"),
            (one, other) => one.as_ref().or(other.as_ref()).cloned().unwrap_or_default(),
        };
        let http = item.http_status.map_or_else(String::new, |status| status.to_string());
        let credits = item.credits_used.to_string();
        table.add_row([
            printable(&item.url),
            item.status.word().to_owned(),
            http,
            credits,
            printable(&reason),
        ]);
    }
    let counts = batch.counts();
    let until = batch.finished_at.as_ref().map_or_else(String::new, |at| format!(", finished {at}"));
    let head = format!("batch {id}: {}, created {}{until}", batch.status.word(), batch.created_at);
    let sums = format!(
        "{} of {} completed, {} failed, {} cancelled, {} credits used",
        counts.completed,
        batch.items.len(),
        counts.failed,
        counts.cancelled,
        counts.credits
    );
    format!("{}\n{table}\n{sums}", printable(&head))
}

#[cfg(test)]
mod tests;
