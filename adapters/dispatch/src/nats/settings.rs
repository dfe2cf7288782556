//! What must be known to use a broker: where it is, who we are, what our things are called there and how large they
//! may grow. Passwords go in here and never come out in a message. Not here: connecting.

use percent_encoding::percent_decode_str;
use std::{fmt, path::PathBuf};
use url::Url;
use zeroize::Zeroizing;

/// Length of the prefix of subjects and streams.
const PREFIX_CHARS_MAX: usize = 64;
/// Copies of a stream that a cluster can keep.
const REPLICAS_MAX: usize = 5;

/// The settings of the broker are wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NatsSettingsError {
    /// No address of a server can be read from it. The text is not repeated, it may hold a password.
    #[error(
        "the broker's address is not of the form nats://user:password@host:4222, several with commas between"
    )]
    Address,
    /// The addresses name different users.
    #[error("the addresses of the broker name different users; name one user for all of them")]
    Users,
    /// A name that the broker would not take.
    #[error("{0} must be 1 to {PREFIX_CHARS_MAX} letters, digits, dashes or underscores")]
    Name(&'static str),
    /// More copies than a cluster keeps, or none.
    #[error("the broker keeps 1 to {REPLICAS_MAX} copies of a stream")]
    Replicas,
    /// The credentials file or the certificates cannot be used.
    #[error("{0} cannot be used: {1}")]
    File(&'static str, String),
}

/// Who we are for the broker.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum NatsLogin {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A user with a password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// A token that all share.
    Token(Zeroizing<String>),
    /// The seed of a key pair, `SU…`.
    Nkey(Zeroizing<String>),
    /// A `.creds` file with a user's token and key.
    CredentialsFile(PathBuf),
}

/// Addresses without credentials; any one is enough to find a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsServers(pub(super) Vec<String>);

/// How the queue of offers behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSettings {
    /// Offers that wait or are in hand at a time; one more is refused as `Full`.
    pub offers_max: u32,
    /// Age at which an offer is dropped, in milliseconds. The dispatch reaction makes it again if it is still true.
    pub offer_age_ms_max: u64,
    /// How long the id of an offer is remembered to drop a repeat, in milliseconds.
    pub duplicate_window_ms: u64,
    /// Silence of a worker after which its offer goes to another, in milliseconds. A worker that holds an offer is
    /// silent for a third of it at most.
    pub ack_wait_ms: u64,
    /// Times that an offer is given to a worker.
    pub deliveries_max: u32,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            offers_max: 10_000,
            offer_age_ms_max: 3_600_000,
            duplicate_window_ms: 120_000,
            ack_wait_ms: 30_000,
            deliveries_max: 5,
        }
    }
}

/// How to use a broker.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsSettings {
    /// Where the broker is.
    pub servers: NatsServers,
    /// Who we are.
    pub login: NatsLogin,
    /// Certificates of the broker's own authority; the system's are used as well.
    pub ca_file: Option<PathBuf>,
    /// What this process is called in the broker's monitoring.
    pub client_name: String,
    /// Before the subjects at which this process gets its answers. A worker's user may listen below its own prefix
    /// only; it must begin with `_INBOX.`, where the desk answers.
    pub inbox_prefix: String,
    /// First word of every subject, stream and bucket.
    pub prefix: String,
    /// Copies of each stream that a cluster keeps.
    pub replicas: usize,
    /// How the queue of offers behaves.
    pub queue: QueueSettings,
    /// How long a lease lives without being renewed, in milliseconds.
    pub lease_ttl_ms: u64,
}

impl NatsSettings {
    /// The defaults for the broker at `servers`: `nats://` or `tls://` addresses with commas between. A user with a
    /// password, or a token in the place of the user, may be part of an address.
    ///
    /// # Errors
    /// The addresses cannot be read.
    pub fn new(servers: &str) -> Result<Self, NatsSettingsError> {
        let mut login = NatsLogin::Anonymous;
        let mut bare = Vec::new();
        for server in servers.split(',').map(str::trim) {
            let (address, named) = split_login(server)?;
            bare.push(address);
            if named != NatsLogin::Anonymous {
                if login != NatsLogin::Anonymous && login != named {
                    return Err(NatsSettingsError::Users);
                }
                login = named;
            }
        }
        Ok(Self {
            servers: NatsServers(bare),
            login,
            ca_file: None,
            client_name: "leafcutter".to_owned(),
            inbox_prefix: "_INBOX.leafcutter".to_owned(),
            prefix: "leafcutter".to_owned(),
            replicas: 1,
            queue: QueueSettings::default(),
            lease_ttl_ms: 5_000,
        })
    }

    pub(super) fn check(&self) -> Result<(), NatsSettingsError> {
        if !is_name(&self.prefix) {
            return Err(NatsSettingsError::Name("the prefix of the broker's subjects"));
        }
        let inbox = self.inbox_prefix.strip_prefix(INBOX_ROOT);
        if !inbox.is_some_and(|own| own.split('.').all(is_name)) {
            return Err(NatsSettingsError::Name("each word after _INBOX. in the inbox prefix"));
        }
        if !(1..=REPLICAS_MAX).contains(&self.replicas) {
            return Err(NatsSettingsError::Replicas);
        }
        Ok(())
    }
}

/// Where all inboxes are. The desk answers nowhere else, so that nobody can have it publish into a stream.
pub(super) const INBOX_ROOT: &str = "_INBOX.";

fn is_name(text: &str) -> bool {
    (1..=PREFIX_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The client ignores credentials in an address and might print them, so they never reach it.
fn split_login(server: &str) -> Result<(String, NatsLogin), NatsSettingsError> {
    // Without a scheme it is host and port; what has a '/' then is a scheme that was mistyped.
    if !server.contains("://") && server.contains('/') {
        return Err(NatsSettingsError::Address);
    }
    let text = if server.contains("://") { server.to_owned() } else { format!("nats://{server}") };
    let mut url = Url::parse(&text).map_err(|_| NatsSettingsError::Address)?;
    if !matches!(url.scheme(), "nats" | "tls") || url.host_str().is_none_or(str::is_empty) {
        return Err(NatsSettingsError::Address);
    }
    let decoded = |part: &str| -> Result<Zeroizing<String>, NatsSettingsError> {
        let text = percent_decode_str(part).decode_utf8().map_err(|_| NatsSettingsError::Address)?;
        Ok(Zeroizing::new(text.into_owned()))
    };
    let user = decoded(url.username())?;
    let login = match url.password() {
        Some(password) => NatsLogin::Password { user: user.to_string(), password: decoded(password)? },
        None if user.is_empty() => NatsLogin::Anonymous,
        None => NatsLogin::Token(user),
    };
    let bare = url.set_username("").and_then(|()| url.set_password(None));
    bare.map_err(|()| NatsSettingsError::Address)?;
    Ok((url.to_string(), login))
}

impl fmt::Debug for NatsLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Password { user, .. } => write!(f, "Password({user}, hidden)"),
            Self::Token(_) => f.write_str("Token(hidden)"),
            Self::Nkey(_) => f.write_str("Nkey(hidden)"),
            Self::CredentialsFile(path) => write!(f, "CredentialsFile({})", path.display()),
        }
    }
}

impl fmt::Debug for NatsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsSettings")
            .field("servers", &self.servers.0)
            .field("login", &self.login)
            .field("prefix", &self.prefix)
            .field("inbox_prefix", &self.inbox_prefix)
            .field("replicas", &self.replicas)
            .field("queue", &self.queue)
            .field("lease_ttl_ms", &self.lease_ttl_ms)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_an_address_become_the_login_and_are_printed_nowhere() {
        let settings = NatsSettings::new("nats://ann:p%40ss@a:4222, b:4223").unwrap();
        assert_eq!(settings.servers.0, ["nats://a:4222", "nats://b:4223"]);
        let password = Zeroizing::new("p@ss".to_owned());
        assert_eq!(settings.login, NatsLogin::Password { user: "ann".to_owned(), password });
        let printed = format!("{settings:?}");
        assert!(!printed.contains("p@ss") && !printed.contains("p%40ss"), "{printed}");
        let token = NatsSettings::new("tls://s3cret@a").unwrap();
        assert!(!format!("{token:?}").contains("s3cret"));
    }

    #[test]
    fn an_address_that_cannot_be_read_is_refused_without_repeating_it() {
        let mistyped =
            ["", "http://a", "nats://", "nats:/u:hunter2@a", "nats://u:hunter2@", "nats://u:hunter2@a:99999"];
        for wrong in mistyped {
            let error = NatsSettings::new(wrong).unwrap_err();
            assert!(!error.to_string().contains("hunter2"));
        }
        let two = NatsSettings::new("nats://u:a@x,nats://v:b@y");
        assert_eq!(two.unwrap_err(), NatsSettingsError::Users);
    }

    #[test]
    fn names_that_would_reach_into_other_subjects_are_refused() {
        let good = NatsSettings::new("a").unwrap();
        assert_eq!(good.check(), Ok(()));
        for prefix in ["", "a.b", "*", ">", "a b"] {
            assert!(NatsSettings { prefix: prefix.to_owned(), ..good.clone() }.check().is_err());
            let inbox_prefix = format!("_INBOX.{prefix}");
            let refused = NatsSettings { inbox_prefix, ..good.clone() }.check().is_err();
            assert_eq!(refused, prefix != "a.b");
        }
        assert!(NatsSettings { inbox_prefix: "elsewhere.x".to_owned(), ..good.clone() }.check().is_err());
        assert!(NatsSettings { replicas: 0, ..good }.check().is_err());
    }
}
