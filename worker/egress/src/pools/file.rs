//! The operator's file of proxies, read once at start.
//!
//! ```json
//! {"pools": {
//!   "de": ["http://proxy.example:3128"],
//!   "eu": [{"url": "socks5://10.0.0.7:1080", "username": "leaf", "password_file": "/run/secrets/eu"}]
//! }}
//! ```
//!
//! **Not allowed here:** repeating what is written in the file. It holds passwords, perhaps in the wrong place, so an
//! error names the pool and the number of the proxy, and what is expected there. The words of the JSON library quote
//! what they did not expect; they are never shown.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use leafcutter_domain::ProxyPlace;
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use super::Member;
use super::chain::{Login, Scheme, Upstream};

/// Size of the file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Size of a file that holds a password.
const PASSWORD_FILE_BYTES_MAX: u64 = 4 * 1024;
/// Length of a user name or password of SOCKS5, whose messages have one byte for it.
const SOCKS_LOGIN_BYTES_MAX: usize = 255;
/// Proxies in the file.
const PROXIES_MAX: usize = 10_000;

/// What keeps the file of proxies from being used. It never holds what is written in the file.
#[derive(Debug, Error)]
pub enum ProxyFileError {
    /// The file is not there, too large, or may not be read.
    #[error("LEAFCUTTER_PROXIES: {} cannot be read: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not of the form that is documented.
    #[error(
        "LEAFCUTTER_PROXIES: {} is wrong at line {line}, column {column}: expected is {{\"pools\": {{\"de\": [\"http://host:port\", {{\"url\": …}}], …}}}}",
        .file.display()
    )]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// One entry cannot be used.
    #[error("LEAFCUTTER_PROXIES: {}, {at}: {wrong}", .file.display())]
    Entry {
        /// The file.
        file: PathBuf,
        /// Which pool, and which proxy of it.
        at: String,
        /// What is wrong with it.
        wrong: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pools {
    pools: BTreeMap<String, Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Url(String),
    Detailed(Detailed),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Detailed {
    url: String,
    username: Option<String>,
    password: Option<String>,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    /// An authority that is trusted for this proxy instead of the system's.
    ca_file: Option<PathBuf>,
}

/// Every proxy of the file, with its password.
pub(super) fn members(file: &Path) -> Result<Vec<Member>, ProxyFileError> {
    let mut members = Vec::new();
    each(file, |place, entry| {
        members.push(Member { place, upstream: entry.upstream()? });
        Ok(())
    })?;
    Ok(members)
}

/// Where the proxies of the file stand. Passwords that are elsewhere are not looked at.
pub(super) fn places(file: &Path) -> Result<Vec<ProxyPlace>, ProxyFileError> {
    let mut places = Vec::new();
    each(file, |place, entry| {
        entry.address()?;
        places.push(place);
        Ok(())
    })?;
    Ok(places)
}

fn each(
    file: &Path,
    mut take: impl FnMut(ProxyPlace, Detailed) -> Result<(), String>,
) -> Result<(), ProxyFileError> {
    let text = read(file, FILE_BYTES_MAX)
        .map_err(|source| ProxyFileError::Unreadable { file: file.to_owned(), source })?;
    let Pools { pools } = serde_json::from_str(&text).map_err(|error| ProxyFileError::Malformed {
        file: file.to_owned(),
        line: error.line(),
        column: error.column(),
    })?;
    let wrong = |at: String, wrong: String| ProxyFileError::Entry { file: file.to_owned(), at, wrong };
    if pools.values().map(Vec::len).sum::<usize>() > PROXIES_MAX {
        return Err(wrong("pools".to_owned(), format!("more than {PROXIES_MAX} proxies")));
    }
    for (number, (name, entries)) in pools.into_iter().enumerate() {
        let place: ProxyPlace = name.parse().map_err(|_| {
            let expected = "its name must be a two-letter ISO country, `eu` or `global`";
            wrong(format!("pool {} in alphabetical order", number + 1), expected.to_owned())
        })?;
        for (number, entry) in entries.into_iter().enumerate() {
            let at = format!("pool `{place}`, proxy {}", number + 1);
            take(place, entry.detailed()).map_err(|fault| wrong(at, fault))?;
        }
    }
    Ok(())
}

impl Entry {
    fn detailed(self) -> Detailed {
        match self {
            Self::Url(url) => Detailed { url, ..Detailed::default() },
            Self::Detailed(detailed) => detailed,
        }
    }
}

impl Detailed {
    /// The proxy without its password.
    fn address(&self) -> Result<(Scheme, Url), String> {
        let url = Url::parse(&self.url).map_err(|_| "its url must be SCHEME://HOST:PORT".to_owned())?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "socks5" => Scheme::Socks5,
            "socks5h" => {
                return Err(
                    "write socks5: names are always looked up here, so that what is dialled was checked"
                        .to_owned(),
                );
            }
            _ => return Err("the scheme of its url must be http, https or socks5".to_owned()),
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err("its url must name a host".to_owned());
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("its url must end after the port".to_owned());
        }
        if url.port_or_known_default().is_none() {
            return Err("its url must name a port".to_owned());
        }
        let passwords = [
            self.password.is_some(),
            self.password_env.is_some(),
            self.password_file.is_some(),
            url.password().is_some(),
        ];
        if passwords.iter().filter(|given| **given).count() > 1 {
            return Err(
                "it must have one password: in the url, password, password_env or password_file".to_owned()
            );
        }
        if self.username.is_some() && !url.username().is_empty() {
            return Err("it must have one user name: in the url or as username".to_owned());
        }
        if passwords.contains(&true) && self.username.is_none() && url.username().is_empty() {
            return Err("it has a password but no user name".to_owned());
        }
        if self.ca_file.is_some() && scheme != Scheme::Https {
            return Err("ca_file is for https proxies".to_owned());
        }
        Ok((scheme, url))
    }

    fn upstream(self) -> Result<Upstream, String> {
        let (scheme, url) = self.address()?;
        let login = self.login(&url)?;
        if let (Scheme::Socks5, Some(login)) = (scheme, &login)
            && !login.fits(SOCKS_LOGIN_BYTES_MAX)
        {
            return Err(format!(
                "SOCKS5 takes a user name and a password of 1 to {SOCKS_LOGIN_BYTES_MAX} bytes"
            ));
        }
        let authority = match &self.ca_file {
            Some(file) => {
                let failed =
                    |error: io::Error| format!("its ca_file {} cannot be read: {error}", file.display());
                Some(read(file, FILE_BYTES_MAX).map_err(failed)?)
            }
            None => None,
        };
        Upstream::new(scheme, &url, login, authority.as_deref()).map_err(ToOwned::to_owned)
    }

    fn login(&self, url: &Url) -> Result<Option<Login>, String> {
        let decoded =
            |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let in_url = Some(url.username()).filter(|name| !name.is_empty()).map(decoded);
        let Some(username) = self.username.clone().or(in_url) else { return Ok(None) };
        let password = match (&self.password, &self.password_env, &self.password_file) {
            (Some(password), ..) => password.clone(),
            (_, Some(name), _) => std::env::var(name)
                .ok()
                .filter(|password| !password.is_empty())
                .ok_or_else(|| format!("its password_env names {name}, which is not set"))?,
            (.., Some(file)) => {
                let failed = |error: io::Error| {
                    format!("its password_file {} cannot be read: {error}", file.display())
                };
                let text = read(file, PASSWORD_FILE_BYTES_MAX).map_err(failed)?;
                text.trim_end_matches(['\n', '\r']).to_owned()
            }
            _ => url.password().map(decoded).unwrap_or_default(),
        };
        Ok(Some(Login::new(username, password)))
    }
}

fn read(file: &Path, bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    let bytes = fs::File::open(file)?.take(bytes_max + 1).read_to_string(&mut text)?;
    if u64::try_from(bytes).is_ok_and(|bytes| bytes <= bytes_max) {
        return Ok(text);
    }
    Err(io::Error::other(format!("it is larger than {bytes_max} bytes")))
}
