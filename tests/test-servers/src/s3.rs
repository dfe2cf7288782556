//! A server of the S3 protocol on a port of loopback, inside the test's process: the crate `s3s` with a folder behind
//! it. It checks signatures and their deadlines, knows two credentials, and remembers which operations were asked for.

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    auth::{SecretKey, SimpleAuth},
    s3_error,
    service::{S3Service, S3ServiceBuilder},
};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    net::{TcpListener, TcpSocket},
    task::{JoinHandle, JoinSet},
};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// The server. It ends with this handle; what it stored stays in its folder.
pub struct S3 {
    folder: PathBuf,
    address: SocketAddr,
    service: S3Service,
    asked: Asked,
    serving: Option<JoinHandle<()>>,
}

impl S3 {
    /// Key id and secret that may do everything.
    pub const OWNER: (&str, &str) = ("leafowner", "owner-secret");
    /// Key id and secret that may put objects and do nothing else, as a worker's.
    pub const PUT_ONLY: (&str, &str) = ("leafworker", "worker-secret");

    /// A server of the buckets in this folder, one folder each.
    pub async fn start(folder: &Path) -> Self {
        let mut known = SimpleAuth::new();
        for (id, secret) in [Self::OWNER, Self::PUT_ONLY] {
            known.register(id.to_owned(), SecretKey::from(secret));
        }
        let asked = Asked::default();
        let files = s3s_fs::FileSystem::new(folder).expect("the S3 server's folder must be there");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(known);
        service.set_access(asked.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port of loopback");
        let address = listener.local_addr().expect("a bound port has an address");
        let service = service.build();
        let serving = Some(tokio::spawn(serve(listener, service.clone())));
        Self { folder: folder.to_owned(), address, service, asked, serving }
    }

    /// Where the server is: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address of this bucket, which is made when missing, for `LEAFCUTTER_OBJECTS`.
    #[must_use]
    pub fn url(&self, bucket: &str) -> String {
        std::fs::create_dir_all(self.folder.join(bucket)).expect("the bucket's folder can be made");
        format!("s3://{bucket}?endpoint={}&allow_http=true", self.endpoint())
    }

    /// The operations that were asked for, refused ones too, in order: `PutObject` and so on.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        self.asked.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the server and every connection to it.
    pub async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            serving.await.ok();
        }
    }

    /// Starts it again on the same port and folder.
    pub async fn start_again(&mut self) {
        self.stop().await;
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an unbound socket takes options");
        socket.bind(self.address).expect("the port of the stopped server is free");
        let listener = socket.listen(BACKLOG).expect("a bound socket listens");
        self.serving = Some(tokio::spawn(serve(listener, self.service.clone())));
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Serves until it is aborted; connections go with it.
async fn serve(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        let service = service.clone();
        connections.spawn(async move {
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}

/// Lets the put-only credential put, and writes down what everybody asks for.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

#[async_trait::async_trait]
impl S3Access for Asked {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = request.s3_op().name();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(operation.to_owned());
        match request.credentials().map(|credential| credential.access_key.as_str()) {
            Some(key) if key == S3::OWNER.0 => Ok(()),
            Some(key) if key == S3::PUT_ONLY.0 && operation == "PutObject" => Ok(()),
            _ => Err(s3_error!(AccessDenied, "This credential may not do that.")),
        }
    }
}
