//! Which server a command speaks to and with which key. The key is never shown, also not by `Debug`.

use super::Failure;
use clap::Args;
use std::{
    convert::Infallible,
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
};
use url::{Host, Url};

/// Where a service listens that was started without flags.
pub(super) const LOCAL_SERVER: &str = "http://127.0.0.1:8080";
/// Where such a service keeps its data.
const LOCAL_DATA_DIR: &str = "./leafcutter-data";
/// Size of a file that holds a key.
const KEY_FILE_BYTES_MAX: u64 = 4_096;

/// A server and the key to it.
#[derive(Clone)]
pub(crate) struct Server {
    /// Its address; a path is a prefix of every call.
    pub(crate) url: Url,
    /// The key.
    pub(crate) api_key: String,
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// Flags that name the server and the key.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConnectArgs {
    /// Address of the service. Without it `scrape` runs one of its own, the other commands ask http://127.0.0.1:8080.
    #[arg(long, global = true, env = "LEAFCUTTER_SERVER", value_name = "URL", value_parser = server_url)]
    server: Option<Url>,

    /// API key. Other users of the machine can see flags: prefer the variable or --api-key-file. For a service on
    /// this machine the key in ./leafcutter-data/api-key (or LEAFCUTTER_DATA_DIR) is the default.
    #[arg(long, global = true, env = "LEAFCUTTER_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: Option<ApiKey>,

    /// File that holds the API key; comes before --api-key.
    #[arg(long, global = true, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
}

/// A key on its way from the command line.
#[derive(Clone)]
struct ApiKey(String);

impl FromStr for ApiKey {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(…)")
    }
}

impl ConnectArgs {
    /// Whether a server was named.
    pub(super) fn names_server(&self) -> bool {
        self.server.is_some()
    }

    /// The server that was named, if one was.
    ///
    /// # Errors
    /// There is no key for it.
    pub(super) fn named_server(&self) -> Result<Option<Server>, Failure> {
        self.server.as_ref().map(|url| self.with_key(url, &local_key_file())).transpose()
    }

    /// The server that was named, else the one on this machine.
    ///
    /// # Errors
    /// There is no key for it.
    pub(super) fn server_or_local(&self) -> Result<Server, Failure> {
        let local = || Url::parse(LOCAL_SERVER).expect("a constant that a test parses");
        self.with_key(&self.server.clone().unwrap_or_else(local), &local_key_file())
    }

    fn with_key(&self, url: &Url, local_key_file: &Path) -> Result<Server, Failure> {
        let key = match (&self.api_key_file, &self.api_key) {
            (Some(path), _) => Some(read_key(path)?),
            (None, Some(ApiKey(key))) => Some(key.clone()),
            // Only a server on this machine may see the key of the service on this machine.
            (None, None) if is_loopback(url) && local_key_file.exists() => Some(read_key(local_key_file)?),
            (None, None) => None,
        };
        let key = key.filter(|key| !key.is_empty());
        let api_key = key.ok_or_else(|| Failure::KeyMissing { server: shown(url) })?;
        Ok(Server { url: url.clone(), api_key })
    }
}

/// A server's address for people, without the slash at the end.
pub(super) fn shown(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// Whether the address stays on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn local_key_file() -> PathBuf {
    let data_dir = std::env::var_os("LEAFCUTTER_DATA_DIR").filter(|folder| !folder.is_empty());
    PathBuf::from(data_dir.unwrap_or_else(|| LOCAL_DATA_DIR.into())).join("api-key")
}

fn read_key(path: &Path) -> Result<String, Failure> {
    let read = || -> io::Result<String> {
        let mut text = String::new();
        File::open(path)?.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text)?;
        Ok(text.trim().to_owned())
    };
    read().map_err(|source| Failure::File { path: path.to_owned(), source })
}

/// An address that a client can use and that is safe to show.
pub(super) fn server_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; write it as http://HOST:PORT"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("write it as http://HOST:PORT or https://HOST".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password; the key has its own flag".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end with the path; leave out '?' and '#'".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        server_url(text).unwrap()
    }

    fn key_file() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "lc_local\n").unwrap();
        file
    }

    #[test]
    fn the_key_of_the_local_service_goes_to_no_other_machine() {
        let file = key_file();
        let args = ConnectArgs::default();
        for local in [LOCAL_SERVER, "http://localhost:9", "http://[::1]:9"] {
            assert_eq!(args.with_key(&url(local), file.path()).unwrap().api_key, "lc_local");
        }
        for other in ["https://scrape.example.com", "http://10.0.0.1:8080", "http://localhost.example.com"] {
            let refused = args.with_key(&url(other), file.path());
            assert!(matches!(refused, Err(Failure::KeyMissing { .. })), "{other}");
        }
    }

    #[test]
    fn a_named_file_comes_before_a_key_and_a_key_before_the_local_file() {
        let (local, named) = (key_file(), tempfile::NamedTempFile::new().unwrap());
        std::fs::write(named.path(), "  lc_named \n").unwrap();
        let key = Some(ApiKey("lc_flag".to_owned()));
        let mut args = ConnectArgs { api_key: key, ..ConnectArgs::default() };
        assert_eq!(args.with_key(&url(LOCAL_SERVER), local.path()).unwrap().api_key, "lc_flag");
        args.api_key_file = Some(named.path().to_owned());
        assert_eq!(args.with_key(&url(LOCAL_SERVER), local.path()).unwrap().api_key, "lc_named");
    }

    #[test]
    fn addresses_with_passwords_queries_or_other_schemes_are_refused() {
        for wrong in
            ["http://user:pass@host/", "http://host/?q", "http://host/#f", "ftp://host/", "host:8080", "x"]
        {
            assert!(server_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_key_is_shown_by_debug() {
        let args = ConnectArgs { api_key: Some(ApiKey("lc_secret".to_owned())), ..ConnectArgs::default() };
        let server = args.with_key(&url(LOCAL_SERVER), Path::new("none")).unwrap();
        assert!(!format!("{args:?} {server:?}").contains("lc_secret"));
    }
}
