//! `leafcutter scrape`: submits the URLs in batches, one after another, and prints a line for each.

use super::{
    Exit, Failure, ScrapeArgs, Server,
    answers::{Batch, Queued},
    api::{Api, Call},
    conclude, follow,
    output::{Console, counted},
    progress::Progress,
};
use leafcutter_domain::limits::BATCH_URLS_MAX;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::Duration,
};
use uuid::Uuid;

/// Size of a schema file; the server takes less.
const SCHEMA_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How long the end of an interrupted command waits for its cancel.
const CANCEL_TIMEOUT_MS: u64 = 5_000;

/// Scrapes the URLs through this server.
pub(crate) async fn scrape(args: &ScrapeArgs, server: &Server) -> Exit {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    scrape_until(args, server, &Console::standard(), interrupt).await
}

async fn scrape_until(
    args: &ScrapeArgs,
    server: &Server,
    console: &Console,
    interrupt: impl Future<Output = ()>,
) -> Exit {
    let prepared = Api::new(server, console).and_then(|api| Ok((api, options(args)?)));
    let (api, options) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return conclude(console, Err(failure)),
    };
    let outlives_us = args.connect.names_server();
    let mut run = Run { api, options, console, open: None, not_submitted: args.urls.len() };
    let outcome = tokio::select! {
        outcome = run.all(&args.urls) => outcome,
        () = interrupt => {
            run.interrupted(outlives_us).await;
            return Exit::Interrupted;
        }
    };
    if let (Err(_), Some(batch), true) = (&outcome, run.open, outlives_us) {
        run.say_how_to_go_on(batch);
    }
    conclude(console, outcome)
}

/// A command on its way.
struct Run<'a> {
    api: Api,
    options: Value,
    console: &'a Console,
    /// The batch at the server that has not ended.
    open: Option<Uuid>,
    /// URLs that the server has not got yet.
    not_submitted: usize,
}

impl Run<'_> {
    async fn all(&mut self, urls: &[String]) -> Result<Exit, Failure> {
        let mut progress = Progress::begin(self.console, urls.len());
        let mut worst = Exit::Completed;
        for urls in urls.chunks(BATCH_URLS_MAX) {
            worst = worst.max(self.one_batch(urls, &mut progress).await?);
            progress.next_batch();
        }
        Ok(worst)
    }

    async fn one_batch(&mut self, urls: &[String], progress: &mut Progress) -> Result<Exit, Failure> {
        let mut body = self.options.clone();
        body["urls"] = json!(urls);
        let submit = Call::post_once("/api/batch/scrape", Some(body));
        let queued: Queued = self.api.call(&submit).await?.read()?;
        self.open = Some(queued.batch_id);
        self.not_submitted -= urls.len();
        let pages = counted(urls.len() as u64, "page");
        self.console.note(&format!("batch {} queued, {pages}", queued.batch_id));
        for warning in &queued.schema_warnings {
            self.console.note(&format!("warning: {warning}"));
        }
        let ended: Batch = follow::to_the_end(&self.api, queued.batch_id, progress).await?.read()?;
        self.open = None;
        follow::print_lines(self.console, &ended)
    }

    /// A batch at a server of its own goes on, and the user is told how to get at it. One of our own service would
    /// end with it anyway and is cancelled, so that the service can stop at once.
    async fn interrupted(&self, outlives_us: bool) {
        match self.open {
            Some(batch) if outlives_us => self.say_how_to_go_on(batch),
            Some(batch) => {
                let bound = Duration::from_millis(CANCEL_TIMEOUT_MS);
                let cancelled =
                    tokio::time::timeout(bound, self.api.call(&Call::delete(follow::path(batch)))).await;
                let word = if matches!(cancelled, Ok(Ok(_))) { "cancelled" } else { "left" };
                self.console.note(&format!("interrupted; batch {batch} was {word}"));
            }
            None if outlives_us => {
                self.console
                    .note("interrupted; 'leafcutter batch list' shows whether the last submit was taken");
            }
            None => self.console.note("interrupted"),
        }
        if self.not_submitted > 0 {
            let verb = if self.not_submitted == 1 { "was" } else { "were" };
            let pages = counted(self.not_submitted as u64, "page");
            self.console.note(&format!("{pages} {verb} not submitted"));
        }
    }

    fn say_how_to_go_on(&self, batch: Uuid) {
        let server = self.api.server();
        self.console.note(&format!("batch {batch} goes on at the server"));
        self.console.note(&format!("  wait for it: leafcutter batch watch {batch} --server {server}"));
        self.console.note(&format!("  stop it: leafcutter batch cancel {batch} --server {server}"));
    }
}

/// The body of each submit, without its URLs. What the user did not ask for is left to the server.
fn options(args: &ScrapeArgs) -> Result<Value, Failure> {
    let mut options = json!({});
    if let Some(path) = &args.schema {
        options["schema"] = read_schema(path)?;
    }
    if let Some(prompt) = &args.prompt {
        options["prompt"] = json!(prompt);
    }
    if let Some(output) = args.output {
        options["output"] = json!(output.word());
    }
    if args.screenshot {
        options["screenshot"] = json!(true);
    }
    if args.fast {
        options["scrapeMode"] = json!("fast");
    }
    if args.main_content {
        options["extractContentOnly"] = json!(true);
    }
    Ok(options)
}

fn read_schema(path: &Path) -> Result<Value, Failure> {
    let read = || -> io::Result<String> {
        let mut text = String::new();
        File::open(path)?.take(SCHEMA_FILE_BYTES_MAX).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|source| Failure::File { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|source| Failure::SchemaNotJson { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
