//! Everything that can go wrong in a client command, told so that its reader knows what to do next. No message holds
//! the API key.

use std::{io, path::PathBuf};

/// Why a client command could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server understood and said no.
    #[error("{message}{}", in_brackets(code.as_deref()))]
    Refused {
        /// What the server said.
        message: String,
        /// Its stable code.
        code: Option<String>,
        /// One line for each fault.
        errors: Vec<String>,
    },
    /// No answer came.
    #[error(
        "{server} cannot be reached: {reason}. Is the service running there? Start one with 'leafcutter serve', or name another with --server"
    )]
    Unreachable {
        /// Its address.
        server: String,
        /// What went wrong.
        reason: String,
    },
    /// The answer is none of Leafcutter's.
    #[error("{server} answered {answer}: is it a Leafcutter service?")]
    NotUnderstood {
        /// Its address.
        server: String,
        /// What came.
        answer: String,
    },
    /// There is no key for the server.
    #[error(
        "no API key for {server}: give --api-key-file FILE or set LEAFCUTTER_API_KEY; a service writes its first key to DATA_DIR/api-key"
    )]
    KeyMissing {
        /// The server's address.
        server: String,
    },
    /// There is no admin token.
    #[error("no admin token: set LEAFCUTTER_ADMIN_TOKEN to that of the service")]
    AdminTokenMissing,
    /// The key cannot be sent.
    #[error("the API key holds characters that no key has; copy it again")]
    KeyMalformed,
    /// A file that was named cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that was named cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    FileNotWritten {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The heads that were kept are none.
    #[error("{} holds no heads: {source}", path.display())]
    Heads {
        /// The file.
        path: PathBuf,
        /// What is in it.
        source: leafcutter_ledger_proof::HeadsError,
    },
    /// A ledger that was exported is none, or was cut off.
    #[error("line {line} is not one of an export ({reason}); make it anew with 'leafcutter credits export'")]
    ExportNotUnderstood {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The schema is no JSON.
    #[error("{} is not valid JSON: {source}", path.display())]
    SchemaNotJson {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        source: serde_json::Error,
    },
    /// Pictures end with the service that took them.
    #[error("--screenshot needs --server: the service of this command ends with it, and the pictures too")]
    ScreenshotNeedsServer,
    /// The batch takes longer than anyone waits.
    #[error("the batch has not ended within {hours} hours; it goes on at the server")]
    NotEnded {
        /// Hours waited.
        hours: u64,
    },
    /// What cannot be undone is asked for, and nobody is there to ask.
    #[error("erasing cannot be undone: say --yes where nobody can be asked")]
    NotConfirmed,
    /// Standard output takes no more.
    #[error("standard output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot start: {0}")]
    Client(reqwest::Error),
}

impl Failure {
    /// One line for each single fault, when the server named them.
    pub(super) fn details(&self) -> &[String] {
        match self {
            Self::Refused { errors, .. } => errors,
            _ => &[],
        }
    }
}

fn in_brackets(code: Option<&str>) -> String {
    code.map_or_else(String::new, |code| format!(" ({code})"))
}
