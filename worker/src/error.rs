//! Why the worker cannot work, for the operator who has to change something. Why one *item* failed is not here:
//! that is a `FailedPage` with a code of the contract.

use leafcutter_challenge::SolverError;
use std::{io, path::PathBuf};

/// The worker cannot start, or cannot keep a browser.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// No Chromium is installed, or not where it was said to be.
    #[error(
        "no Chromium at {0}: install the package chromium-headless-shell (or chromium), or set LEAFCUTTER_CHROMIUM to its program"
    )]
    ChromiumMissing(String),
    /// A folder of the worker cannot be used.
    #[error("the folder {} cannot be used for Chromium: check that it exists, has space and may be written", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The program does not start at all.
    #[error("'{program}' cannot be started: check that it is installed and may be executed")]
    Spawn {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Chromium came up but did not open its control connection.
    #[error("Chromium did not start within its limit; it said: {0}")]
    Launch(String),
    /// Chromium does not isolate its renderers, so no page may be opened in it.
    #[error(
        "Chromium's sandbox is not on ({0}), so no page is opened: allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0; in a container a seccomp profile that permits clone and unshare)"
    )]
    NoSandbox(String),
    /// The control connection failed.
    #[error("Chromium does not answer: {0}")]
    Control(String),
    /// The service that solves CAPTCHAs cannot be asked.
    #[error("LEAFCUTTER_CAPTCHA_URL names no service that can be asked")]
    Solver(#[source] SolverError),
    /// The language model cannot be asked.
    #[error("the settings of the model (LEAFCUTTER_MODEL_…) cannot be used")]
    Model(#[source] leafcutter_model::ModelSettingsError),
    /// The slots' way out of the machine cannot be opened.
    #[error("no loopback listener for a slot's egress can be opened: check the limit of open files")]
    Egress(#[source] io::Error),
}

impl From<chromiumoxide::error::CdpError> for WorkerError {
    /// Keeps only the kind of the fault: messages of the protocol can hold what a page said.
    fn from(error: chromiumoxide::error::CdpError) -> Self {
        use chromiumoxide::error::CdpError;
        Self::Control(match error {
            CdpError::Chrome(error) => error.to_string(),
            CdpError::Timeout => "a command timed out".to_owned(),
            _ => "the control connection broke".to_owned(),
        })
    }
}
