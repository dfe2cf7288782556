//! `leafcutter credits export`: the whole ledger, to standard output or into a file that is there only when it is
//! complete.

use crate::client::{Exit, Failure, api::Api, output::Console};
use clap::{Args, ValueEnum};
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
};
use url::form_urlencoded::Serializer;

/// Flags of `leafcutter credits export`.
#[derive(Debug, Clone, Args)]
pub(super) struct ExportArgs {
    /// JSON lines with the stored data, from which the hash chain can be recomputed, or CSV without it.
    #[arg(long, default_value = "jsonl")]
    format: Format,

    /// Entries of this time or later, as 2026-11-22T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// Entries of before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,

    /// With each entry the events of its batch that made the credits move. Takes longer: every batch is read.
    #[arg(long)]
    causes: bool,

    /// Where to write; standard output without it.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
}

impl Format {
    fn word(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }
}

pub(super) async fn export(api: &Api, args: &ExportArgs, console: &Console) -> Result<Exit, Failure> {
    let mut query = Serializer::new(String::new());
    query.append_pair("format", args.format.word());
    for (name, value) in [("from", &args.from), ("to", &args.to)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    if args.causes {
        query.append_pair("causes", "true");
    }
    let path = format!("/api/credits/export?{}", query.finish());
    match &args.output {
        None => api.download(&path, &mut console.results(), Failure::Output).await?,
        Some(file) => {
            save(api, &path, file).await?;
            console.note(&format!("written to {}", file.display()));
        }
    }
    Ok(Exit::Completed)
}

async fn save(api: &Api, path: &str, file: &Path) -> Result<(), Failure> {
    let failed = |source: io::Error| Failure::FileNotWritten { path: file.to_owned(), source };
    let mut unfinished = OsString::from(file);
    unfinished.push(".unfinished");
    let mut sink = BufWriter::new(File::create(&unfinished).map_err(failed)?);
    let done = api.download(path, &mut sink, failed).await;
    let kept = done.and_then(|()| fs::rename(&unfinished, file).map_err(failed));
    if kept.is_err() {
        // What is there is not the whole, and nobody may take it for that.
        let _ = fs::remove_file(&unfinished);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{
        credits::run,
        stand_in::{StandIn, answer, console},
    };
    use axum::response::IntoResponse;
    use serde_json::json;

    #[tokio::test]
    async fn an_export_is_printed_or_kept_as_it_came() {
        let service = StandIn::start(|_| "one\ntwo\n".into_response()).await;
        let (console, out, _) = console();
        let flags = ["export", "--format", "csv", "--from", "2026-11-01T00:00:00+01:00", "--causes"];
        assert_eq!(run(&service.parse(&flags), &console).await.unwrap(), Exit::Completed);
        assert_eq!(out.text(), "one\ntwo");
        let asked = "/api/credits/export?format=csv&from=2026-11-01T00%3A00%3A00%2B01%3A00&causes=true";
        assert_eq!(service.seen()[0].target, asked);
        assert_eq!(service.seen()[0].header("authorization"), Some("Bearer lc_0123456789secret"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.jsonl");
        let flags = ["export", "--output", file.to_str().unwrap()];
        assert_eq!(run(&service.parse(&flags), &console).await.unwrap(), Exit::Completed);
        assert_eq!(fs::read_to_string(file).unwrap(), "one\ntwo\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_refused_export_leaves_no_file() {
        let refusal = json!({"status": "error", "message": "The request is not valid.", "code": "VALIDATION_FAILED", "errors": ["from: no time"]});
        let service = StandIn::start(move |_| answer(422, refusal.clone())).await;
        let (console, _, _) = console();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.jsonl");
        let flags = ["export", "--from", "x", "--output", file.to_str().unwrap()];
        let failure = run(&service.parse(&flags), &console).await.unwrap_err();
        assert_eq!(failure.details(), ["from: no time"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
