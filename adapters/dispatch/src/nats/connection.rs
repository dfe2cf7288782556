//! The one connection to the broker: made in the background, kept for good, watched by everybody who needs it.
//! Not here: what is asked over it.

use super::settings::{NatsLogin, NatsSettings, NatsSettingsError};
use async_nats::{
    Client, ConnectOptions, Event,
    jetstream::{self, response::Response},
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long one attempt to connect may take, in milliseconds.
const DIAL_TIMEOUT_MS: u64 = 3_000;
/// How long the broker may take to answer, in milliseconds.
pub(super) const ANSWER_TIMEOUT_MS: u64 = 3_000;
/// Time between two questions whether a silent connection still lives, in milliseconds. The third that is not
/// answered ends it.
const PING_EVERY_MS: u64 = 5_000;
/// The longest wait between two attempts to connect, in milliseconds.
const RECONNECT_WAIT_MS_MAX: u64 = 1_000;
/// Messages that one subscription may have waiting before further ones are dropped.
const SUBSCRIPTION_MESSAGES_MAX: usize = 4_096;
/// How long closing waits for what is under way, in milliseconds.
const CLOSE_TIMEOUT_MS: u64 = 5_000;

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatsState {
    /// It was not there yet since the start.
    Connecting,
    /// It is there.
    Connected,
    /// It was there and is being made again.
    Disconnected,
    /// It was given up by `close`.
    Closed,
}

#[derive(Debug, Clone)]
struct Link {
    state: NatsState,
    /// Counts the connections, from 1.
    epoch: u64,
    trouble: Option<String>,
}

/// The part of JetStream's account information that every server sends.
#[derive(serde::Deserialize)]
struct AccountInfo {
    #[serde(rename = "memory")]
    _memory: u64,
}

struct Shared {
    client: Client,
    jetstream: jetstream::Context,
    settings: NatsSettings,
    link: watch::Receiver<Link>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// A connection to the broker. Clones share it.
#[derive(Clone)]
pub struct Nats(Arc<Shared>);

impl std::fmt::Debug for Nats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Nats").field(&self.0.settings).field(&self.state()).finish()
    }
}

impl Nats {
    /// Begins to connect and returns at once; the broker may come up later. Needs a Tokio runtime.
    ///
    /// # Errors
    /// The settings are wrong, or a file that they name cannot be read.
    pub async fn connect(settings: NatsSettings) -> Result<Self, NatsSettingsError> {
        settings.check()?;
        let (news, link) = watch::channel(Link { state: NatsState::Connecting, epoch: 0, trouble: None });
        let news = Arc::new(news);
        let options = options(&settings).await?.event_callback(move |event| {
            news.send_modify(|link| note(link, &event));
            std::future::ready(())
        });
        let failed = |error: async_nats::ConnectError| NatsSettingsError::File("TLS", error.to_string());
        let client = options.connect(settings.servers.0.as_slice()).await.map_err(failed)?;
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(Duration::from_millis(ANSWER_TIMEOUT_MS))
            .build(client.clone());
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        Ok(Self(Arc::new(Shared { client, jetstream, settings, link, tasks, closing })))
    }

    /// How the connection is.
    #[must_use]
    pub fn state(&self) -> NatsState {
        if self.0.closing.is_cancelled() { NatsState::Closed } else { self.0.link.borrow().state }
    }

    /// Whether the broker can be used: the connection is there and JetStream answers.
    ///
    /// # Errors
    /// Says what is missing, for the health endpoint.
    pub async fn check(&self) -> Result<(), String> {
        self.ready()?;
        // The client's own form of the answer asks for fields that servers before 2.10 do not send.
        match self.0.jetstream.request::<_, _, Response<AccountInfo>>("INFO", &()).await {
            Ok(Response::Ok(_)) => Ok(()),
            Ok(Response::Err { error }) => Err(format!("JetStream refuses: {error}")),
            Err(error) => Err(format!("JetStream does not answer: {error}; is it switched on?")),
        }
    }

    /// Gives back what is held, sends what is still to be sent and ends the connection. Bounded in time.
    pub async fn close(&self) {
        self.0.closing.cancel();
        self.0.tasks.close();
        let parting = async {
            self.0.tasks.wait().await;
            if self.0.link.borrow().state == NatsState::Connected {
                // What cannot be sent any more is given up: every hint is made again, every lease ends by itself.
                let _ = self.0.client.flush().await;
                let _ = self.0.client.drain().await;
            }
        };
        if timeout(Duration::from_millis(CLOSE_TIMEOUT_MS), parting).await.is_err() {
            tracing::debug!("the connection to the broker was closed with work under way");
        }
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &NatsSettings {
        &self.0.settings
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(super) fn jetstream(&self) -> &jetstream::Context {
        &self.0.jetstream
    }

    /// Fires when `close` begins.
    pub(super) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// Runs a task that `close` waits for.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(task);
    }

    /// The number of this connection; refuses at once while there is none. Without asking first, a message would
    /// wait in the client and be sent long after its sender gave up.
    pub(super) fn ready(&self) -> Result<u64, String> {
        let link = self.0.link.borrow().clone();
        if link.state == NatsState::Connected {
            return Ok(link.epoch);
        }
        match link.trouble {
            Some(trouble) => Err(format!("the broker is not connected ({trouble})")),
            None => Err("the broker is not connected".to_owned()),
        }
    }

    /// Waits for a connection and says its number.
    pub(super) async fn connected(&self) -> u64 {
        let mut link = self.0.link.clone();
        let epoch = link.wait_for(|link| link.state == NatsState::Connected).await.map(|link| link.epoch);
        match epoch {
            Ok(epoch) => epoch,
            // The client is gone, so no connection will come.
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until this connection has ended.
    pub(super) async fn disconnected(&self, epoch: u64) {
        let mut link = self.0.link.clone();
        let _ = link.wait_for(|link| link.state != NatsState::Connected || link.epoch != epoch).await;
    }
}

fn note(link: &mut Link, event: &Event) {
    match event {
        Event::Connected => {
            *link = Link { state: NatsState::Connected, epoch: link.epoch + 1, trouble: None };
        }
        Event::Disconnected => link.state = NatsState::Disconnected,
        Event::Closed => link.state = NatsState::Closed,
        Event::ServerError(error) => {
            tracing::warn!(%error, "the broker refuses something");
            link.trouble = Some(error.to_string());
        }
        Event::ClientError(error) => link.trouble = Some(error.to_string()),
        Event::SlowConsumer(_) => tracing::warn!("messages of the broker come faster than they are taken"),
        Event::LameDuckMode | Event::Draining => {}
    }
}

async fn options(settings: &NatsSettings) -> Result<ConnectOptions, NatsSettingsError> {
    let options = ConnectOptions::new()
        .name(&settings.client_name)
        .custom_inbox_prefix(&settings.inbox_prefix)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_wait)
        .connection_timeout(Duration::from_millis(DIAL_TIMEOUT_MS))
        .request_timeout(Some(Duration::from_millis(ANSWER_TIMEOUT_MS)))
        .ping_interval(Duration::from_millis(PING_EVERY_MS))
        .subscription_capacity(SUBSCRIPTION_MESSAGES_MAX);
    let options = match &settings.ca_file {
        Some(file) => options.add_root_certificates(file.clone()),
        None => options,
    };
    Ok(match &settings.login {
        NatsLogin::Anonymous => options,
        NatsLogin::Password { user, password } => {
            options.user_and_password(user.clone(), password.to_string())
        }
        NatsLogin::Token(token) => options.token(token.to_string()),
        NatsLogin::Nkey(seed) => options.nkey(seed.to_string()),
        NatsLogin::CredentialsFile(path) => {
            let failed = |error: std::io::Error| {
                NatsSettingsError::File("the broker's credentials file", error.kind().to_string())
            };
            options.credentials_file(path).await.map_err(failed)?
        }
    })
}

/// At once, then after 50 ms, 100 ms and so on.
fn reconnect_wait(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(2)).unwrap_or(u32::MAX).min(16);
    let wait = if attempt <= 1 { 0 } else { 50 << doublings };
    Duration::from_millis(RECONNECT_WAIT_MS_MAX.min(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_between_attempts_grows_to_its_bound() {
        let waits: Vec<_> =
            [1, 2, 3, 4, 50, usize::MAX].map(|attempt| reconnect_wait(attempt).as_millis()).into();
        assert_eq!(waits, [0, 50, 100, 200, 1_000, 1_000]);
    }
}
