//! The servers that may stand in for the embedded parts, each as one address. Addresses may hold passwords: they are
//! kept as text that is never printed, and checked where they are used, because clap repeats a value that it refuses.

use anyhow::{Context, ensure};
use clap::Args;
use std::{fmt, path::PathBuf, str::FromStr};
use zeroize::Zeroizing;

/// The service key, wiped when dropped.
pub(crate) type KeyBytes = Zeroizing<[u8; 32]>;

/// An address that may hold a password.
#[derive(Clone)]
pub(crate) struct Address(String);

impl Address {
    /// The address, for whoever connects to it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(hidden)")
    }
}

impl FromStr for Address {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct EventStoreArgs {
    /// EventStoreDB, as `esdb://…` [default: embedded].
    #[arg(long, env = "LEAFCUTTER_EVENT_STORE", hide_env_values = true, value_name = "ADDRESS")]
    pub(crate) event_store: Option<Address>,
}

impl EventStoreArgs {
    pub(crate) fn address(&self) -> Option<&str> {
        self.event_store.as_ref().map(Address::reveal)
    }
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DispatchArgs {
    /// NATS with JetStream, as `nats://…`, several separated by commas [default: embedded].
    #[arg(long, env = "LEAFCUTTER_DISPATCH", hide_env_values = true, value_name = "ADDRESS")]
    pub(crate) dispatch: Option<Address>,

    /// Credentials file of the NATS user.
    #[arg(long, env = "LEAFCUTTER_NATS_CREDENTIALS", value_name = "FILE")]
    pub(crate) nats_credentials: Option<PathBuf>,

    /// Certificates of the NATS servers' own authority; the system's count as well.
    #[arg(long, env = "LEAFCUTTER_NATS_CA_FILE", value_name = "FILE")]
    pub(crate) nats_ca_file: Option<PathBuf>,

    /// Subjects under which the NATS user takes answers, below `_INBOX.`.
    #[arg(long, env = "LEAFCUTTER_NATS_INBOX_PREFIX", value_name = "PREFIX")]
    pub(crate) nats_inbox_prefix: Option<String>,

    /// NATS servers that keep each stream and bucket.
    #[arg(long, env = "LEAFCUTTER_NATS_REPLICAS", value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub(crate) nats_replicas: Option<u8>,
}

impl DispatchArgs {
    pub(crate) fn address(&self) -> Option<&str> {
        self.dispatch.as_ref().map(Address::reveal)
    }
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DatabaseArgs {
    /// PostgreSQL, as `postgres://…` [default: embedded].
    #[arg(long, env = "LEAFCUTTER_DATABASE", hide_env_values = true, value_name = "ADDRESS")]
    pub(crate) database: Option<Address>,
}

impl DatabaseArgs {
    pub(crate) fn address(&self) -> Option<&str> {
        self.database.as_ref().map(Address::reveal)
    }
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ObjectsArgs {
    /// Results and screenshots: `s3://…` or `file://…` [default: a folder of the data directory].
    #[arg(long, env = "LEAFCUTTER_OBJECTS", hide_env_values = true, value_name = "ADDRESS")]
    pub(crate) objects: Option<Address>,
}

impl ObjectsArgs {
    pub(crate) fn address(&self) -> Option<&str> {
        self.objects.as_ref().map(Address::reveal)
    }
}

/// The service key that all replicas share. Only from the environment, like every secret that is nothing else.
///
/// # Errors
/// It is not a key.
pub(crate) fn secret_key() -> anyhow::Result<Option<KeyBytes>> {
    const NAME: &str = "LEAFCUTTER_SECRET_KEY";
    let Some(text) = std::env::var(NAME).ok().filter(|text| !text.is_empty()) else { return Ok(None) };
    parse_key(&text)
        .with_context(|| format!("{NAME} must be 64 hexadecimal digits: `openssl rand -hex 32` makes one"))
        .map(Some)
}

fn parse_key(text: &str) -> anyhow::Result<KeyBytes> {
    let mut key = KeyBytes::default();
    ensure!(text.len() == 2 * key.len(), "it has another length");
    ensure!(text.bytes().all(|digit| digit.is_ascii_hexdigit()), "it has other characters");
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits)?, 16)?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        assert!(parse_key(&"0aF".repeat(22)[..64]).is_ok());
        for wrong in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            assert!(parse_key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_is_not_printed() {
        let address = Address("postgres://user:SECRET@host".to_owned());
        let args = DatabaseArgs { database: Some(address) };
        assert!(!format!("{args:?}").contains("SECRET"));
    }
}
