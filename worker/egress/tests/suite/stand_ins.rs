//! Upstream proxies for these tests: `CONNECT` over TCP or TLS, and SOCKS5, by hand. They record what they were told
//! and dial it, or fail in the way that a test asks for.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use leafcutter_egress::ProxyPools;
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The only login that a proxy with one takes, and its form in the header.
pub(crate) const USER: &str = "leaf";
pub(crate) const PASSWORD: &str = "hunter2";
const BASIC: &str = "proxy-authorization: basic bgvhzjpodw50zxiy";

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Speaks {
    Http,
    Https,
    Socks5,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    Works,
    WantsLogin,
    /// Says of every target that it cannot be reached.
    ReachesNothing,
    /// Answers with something that is no protocol.
    Babbles,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    /// The file with the authority of its certificate, when it has one.
    pub(crate) authority: Option<NamedTempFile>,
    speaks: Speaks,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    targets: Mutex<Vec<String>>,
}

impl Upstream {
    pub(crate) async fn start(speaks: Speaks, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, authority) = (speaks == Speaks::Https).then(tls).unzip();
        let seen = Arc::new(Seen::default());
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                kept.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, acceptor.clone(), speaks, manner, Arc::clone(&kept)));
            }
        });
        Self { address, authority, speaks, seen, task }
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// What it was asked to reach, as it was told.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.seen.targets.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        let scheme = match self.speaks {
            Speaks::Http => "http",
            Speaks::Https => "https",
            Speaks::Socks5 => "socks5",
        };
        format!("{scheme}://{}", self.address)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Pools as a file with these entries has them: place and JSON of a proxy.
pub(crate) fn pools(entries: &[(&str, String)]) -> ProxyPools {
    let mut by_place = std::collections::BTreeMap::<&str, Vec<&str>>::new();
    for (place, entry) in entries {
        by_place.entry(place).or_default().push(entry);
    }
    let lists: Vec<_> =
        by_place.into_iter().map(|(place, list)| format!("\"{place}\": [{}]", list.join(","))).collect();
    ProxyPools::read(file(&format!("{{\"pools\": {{{}}}}}", lists.join(","))).path()).unwrap()
}

/// A file that lives as long as the answer.
pub(crate) fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn tls() -> (TlsAcceptor, NamedTempFile) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), file(&made.cert.pem()))
}

async fn serve(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    speaks: Speaks,
    manner: Manner,
    seen: Arc<Seen>,
) -> Option<()> {
    let mut stream: Box<dyn Stream> = match acceptor {
        Some(acceptor) => Box::new(acceptor.accept(stream).await.ok()?),
        None => Box::new(stream),
    };
    if manner == Manner::Babbles {
        return stream.write_all(b"220 mail.example ESMTP\r\n\r\n").await.ok();
    }
    let target = match speaks {
        Speaks::Http | Speaks::Https => connect(&mut stream, manner).await?,
        Speaks::Socks5 => socks(&mut stream, manner).await?,
    };
    seen.targets.lock().unwrap().push(target.clone());
    let reached =
        if manner == Manner::ReachesNothing { None } else { TcpStream::connect(&target).await.ok() };
    let answer: &[u8] = match (speaks, reached.is_some()) {
        (Speaks::Socks5, true) => b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00",
        (Speaks::Socks5, false) => b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00",
        (_, true) => b"HTTP/1.1 200 Connection established\r\nVia: stand-in\r\n\r\n",
        (_, false) => b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    };
    stream.write_all(answer).await.ok()?;
    copy_bidirectional(&mut stream, &mut reached?).await.ok().map(drop)
}

async fn connect(stream: &mut Box<dyn Stream>, manner: Manner) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    if manner == Manner::WantsLogin && !head.to_ascii_lowercase().contains(BASIC) {
        let answer =
            "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.ok()?;
        return None;
    }
    let mut words = head.split(' ');
    assert_eq!(words.next(), Some("CONNECT"), "{head}");
    Some(words.next().unwrap().to_owned())
}

async fn socks(stream: &mut Box<dyn Stream>, manner: Manner) -> Option<String> {
    let count = read(stream, 2).await?[1];
    let methods = read(stream, count.into()).await?;
    if manner == Manner::WantsLogin {
        if !methods.contains(&2) {
            stream.write_all(&[5, 0xff]).await.ok()?;
            return None;
        }
        stream.write_all(&[5, 2]).await.ok()?;
        let [user, password] = [read_text(stream, 1).await?, read_text(stream, 0).await?];
        let known = (user.as_str(), password.as_str()) == (USER, PASSWORD);
        stream.write_all(&[1, u8::from(!known)]).await.ok()?;
    } else {
        stream.write_all(&[5, 0]).await.ok()?;
    }
    match read(stream, 4).await?[3] {
        1 => {
            let bytes: [u8; 4] = read(stream, 4).await?.try_into().unwrap();
            Some(SocketAddr::from((bytes, stream.read_u16().await.ok()?)).to_string())
        }
        4 => {
            let bytes: [u8; 16] = read(stream, 16).await?.try_into().unwrap();
            Some(SocketAddr::from((bytes, stream.read_u16().await.ok()?)).to_string())
        }
        kind => panic!("a name was handed over: {kind}"),
    }
}

/// A text after `skip` bytes, with its length in one byte before it.
async fn read_text(stream: &mut Box<dyn Stream>, skip: usize) -> Option<String> {
    read(stream, skip).await?;
    let length = stream.read_u8().await.ok()?;
    String::from_utf8(read(stream, length.into()).await?).ok()
}

async fn read(stream: &mut Box<dyn Stream>, bytes: usize) -> Option<Vec<u8>> {
    let mut buffer = vec![0; bytes];
    stream.read_exact(&mut buffer).await.ok()?;
    Some(buffer)
}
