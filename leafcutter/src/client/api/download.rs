//! Answers that may be longer than memory: they are written as they come.

use super::{Api, Call};
use crate::client::Failure;
use reqwest::{Response, header::AUTHORIZATION};
use std::{io::Write, time::Duration};

/// From the first byte of a request to the last of its answer.
const DOWNLOAD_TIMEOUT_MS: u64 = 3_600_000;

impl Api {
    /// Writes what is at a path to `sink`; `failed` says what it means that `sink` takes no more.
    ///
    /// # Errors
    /// The server refused, the answer broke off, or `sink` takes no more: what was written is not the whole then.
    pub(in crate::client) async fn download(
        &self,
        path: &str,
        sink: &mut dyn Write,
        failed: impl Fn(std::io::Error) -> Failure,
    ) -> Result<(), Failure> {
        let mut response = self.open(path).await?;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            sink.write_all(&chunk).map_err(&failed)?;
        }
        sink.flush().map_err(failed)
    }

    /// An answer whose body has not been read; a busy server is waited for.
    async fn open(&self, path: &str) -> Result<Response, Failure> {
        let mut tries = 1;
        loop {
            let request =
                self.http.get(format!("{}{path}", self.server)).header(AUTHORIZATION, self.key.clone());
            let request = request.timeout(Duration::from_millis(DOWNLOAD_TIMEOUT_MS));
            let response = request.send().await.map_err(|error| self.unreachable(&error))?;
            if response.status().is_success() {
                return Ok(response);
            }
            let answer = self.whole(response).await?;
            if !self.waited(&answer, &Call::get(path), tries).await {
                return Err(answer.refusal());
            }
            tries += 1;
        }
    }
}
