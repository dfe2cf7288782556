//! One connection through one upstream proxy: HTTP `CONNECT`, over TLS too, and SOCKS5.
//!
//! The proxy is told the address that was checked, never a name, also for plain HTTP: what it dials is what this side
//! decided. Names of hosts reach it only inside what the tunnel carries.
//!
//! **Not allowed here:** choosing a proxy, and showing its credentials.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_socks::Error as SocksError;
use tokio_socks::tcp::Socks5Stream;
use url::{Host, Url};

use crate::item::Item;

/// How long a proxy may take to say whether it reached the target, in milliseconds.
const REPLY_TIMEOUT_MS: u64 = 10_000;
/// Size of the head of a proxy's answer.
const REPLY_BYTES_MAX: usize = 16 * 1024;

/// Anything that carries bytes both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug> Duplex for T {}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
    Socks5,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The proxy works; it says that the target cannot be reached.
    Target,
    /// The proxy took the request and did not answer in time.
    Silent(Duration),
    /// The proxy cannot be reached, refuses us, or speaks something else. The reason holds nothing secret.
    Broken(&'static str),
}

/// User name and password. Neither is ever shown.
pub(super) struct Login {
    username: String,
    password: String,
}

impl Login {
    pub(super) fn new(username: String, password: String) -> Self {
        Self { username, password }
    }

    /// Whether both are there and not longer than this.
    pub(super) fn fits(&self, bytes_max: usize) -> bool {
        [&self.username, &self.password].iter().all(|text| (1..=bytes_max).contains(&text.len()))
    }

    fn header(&self) -> Option<HeaderValue> {
        let pair = BASE64.encode(format!("{}:{}", self.username, self.password));
        let mut value = HeaderValue::try_from(format!("Basic {pair}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// A proxy of the operator. Shown, it is `scheme://host:port`.
pub(super) struct Upstream {
    scheme: Scheme,
    host: String,
    port: u16,
    login: Option<Login>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Upstream {
    /// A proxy at a URL whose form was checked.
    ///
    /// # Errors
    /// What is wrong, in words that repeat nothing.
    pub(super) fn new(
        scheme: Scheme,
        url: &Url,
        login: Option<Login>,
        authority: Option<&str>,
    ) -> Result<Self, &'static str> {
        // A socks5 URL keeps its host as it was written, an http URL in its normal form; this is the same for both.
        let host = match url.host().ok_or("its url must name a host")? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let port = url.port_or_known_default().ok_or("its url must name a port")?;
        let tls = match scheme {
            Scheme::Https => {
                let name =
                    ServerName::try_from(host.clone()).map_err(|_| "no certificate can be for its host")?;
                Some((connector(authority)?, name))
            }
            Scheme::Http | Scheme::Socks5 => None,
        };
        Ok(Self { scheme, host, port, login, tls })
    }

    #[cfg(test)]
    pub(super) fn plain(host: String, port: u16) -> Self {
        Self { scheme: Scheme::Http, host, port, login: None, tls: None }
    }

    /// Connects to an address by way of this proxy.
    pub(super) async fn connect(&self, item: &Item, to: SocketAddr) -> Result<Box<dyn Duplex>, Fault> {
        let reached = match timeout(item.limits.dial_timeout, self.reach()).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(proxy = %self, %error, "an upstream proxy cannot be reached");
                return Err(Fault::Broken("it cannot be reached"));
            }
            Err(_) => return Err(Fault::Broken("it cannot be reached in time")),
        };
        let limit = Duration::from_millis(REPLY_TIMEOUT_MS);
        let asked = async {
            match self.scheme {
                Scheme::Http | Scheme::Https => self.by_connect(item, reached, to).await,
                Scheme::Socks5 => self.by_socks(reached, to).await,
            }
        };
        timeout(limit, asked).await.unwrap_or(Err(Fault::Silent(limit)))
    }

    /// The operator named this host, so it is not judged as targets are.
    async fn reach(&self) -> io::Result<Box<dyn Duplex>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // Without it small writes wait for an acknowledgement; a failure costs only time.
        let _ = stream.set_nodelay(true);
        Ok(match &self.tls {
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
            None => Box::new(stream),
        })
    }

    async fn by_connect(
        &self,
        item: &Item,
        stream: Box<dyn Duplex>,
        to: SocketAddr,
    ) -> Result<Box<dyn Duplex>, Fault> {
        const STRANGE: Fault = Fault::Broken("it does not answer as a proxy does");
        let handshake =
            http1::Builder::new().max_header_size(REPLY_BYTES_MAX).handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(|_| STRANGE)?;
        item.spawn(async move {
            if connection.with_upgrades().await.is_err() {
                tracing::debug!("a connection to an upstream proxy ended before it carried anything");
            }
        });
        let request = self.request(to).ok_or(STRANGE)?;
        let mut response = sender.send_request(request).await.map_err(|_| STRANGE)?;
        match response.status() {
            status if status.is_success() => {
                let upgraded = hyper::upgrade::on(&mut response).await.map_err(|_| STRANGE)?;
                Ok(Box::new(TokioIo::new(upgraded)))
            }
            StatusCode::PROXY_AUTHENTICATION_REQUIRED | StatusCode::UNAUTHORIZED => {
                Err(Fault::Broken("it refuses the user name and password"))
            }
            // These it says of one target: not allowed there, not found, not reached.
            StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Fault::Target),
            _ => Err(Fault::Broken("it does not take CONNECT")),
        }
    }

    fn request(&self, to: SocketAddr) -> Option<Request<Empty<Bytes>>> {
        let mut request =
            Request::builder().method(Method::CONNECT).uri(to.to_string()).header(HOST, to.to_string());
        if let Some(login) = &self.login {
            request = request.header(PROXY_AUTHORIZATION, login.header()?);
        }
        request.body(Empty::new()).ok()
    }

    async fn by_socks(&self, stream: Box<dyn Duplex>, to: SocketAddr) -> Result<Box<dyn Duplex>, Fault> {
        let connected = match &self.login {
            Some(Login { username, password }) => {
                Socks5Stream::connect_with_password_and_socket(stream, to, username, password).await
            }
            None => Socks5Stream::connect_with_socket(stream, to).await,
        };
        match connected {
            Ok(stream) => Ok(stream.into_inner()),
            Err(
                SocksError::GeneralSocksServerFailure
                | SocksError::ConnectionNotAllowedByRuleset
                | SocksError::NetworkUnreachable
                | SocksError::HostUnreachable
                | SocksError::ConnectionRefused
                | SocksError::TtlExpired
                | SocksError::AddressTypeNotSupported,
            ) => Err(Fault::Target),
            Err(SocksError::NoAcceptableAuthMethods | SocksError::PasswordAuthFailure(_)) => {
                Err(Fault::Broken("it refuses the user name and password"))
            }
            Err(_) => Err(Fault::Broken("it does not answer as a SOCKS5 proxy does")),
        }
    }
}

/// TLS that trusts this authority, or else those of the system.
fn connector(authority: Option<&str>) -> Result<TlsConnector, &'static str> {
    let mut roots = RootCertStore::empty();
    match authority {
        Some(pem) => {
            let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
            roots.add_parsable_certificates(certificates.map_err(|_| "its ca_file is no PEM file")?);
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    if roots.is_empty() {
        return Err("no certificate authority is known: install the system's, or name a ca_file with one");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| "TLS cannot be set up")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Socks5 => "socks5",
        };
        let bracket = self.host.contains(':');
        let (open, close) = if bracket { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}
