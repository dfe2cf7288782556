//! A way through loopback that can be cut: a TCP forwarder between a client and a server. It knows no protocol.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

/// How long the server may take to take a connection.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// How much is passed on at a time, in bytes.
const CHUNK_BYTES: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    Refused,
    Silent,
}

/// A TCP forwarder on loopback. Dropping it ends all its connections.
#[derive(Debug)]
pub struct TcpGate {
    address: SocketAddr,
    way: watch::Sender<Way>,
    task: JoinHandle<()>,
}

impl TcpGate {
    /// An open gate to a server, which may be down.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, crate::free_port())).await;
        let listener = listener.expect("a free port can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let (way, seen) = watch::channel(Way::Open);
        Self { address, way, task: tokio::spawn(accept(listener, server, seen)) }
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection and ends each new one at once.
    pub fn cut(&self) {
        self.way.send_replace(Way::Refused);
    }

    /// Lets nothing through and says nothing: connections stay, new ones are taken, no byte arrives on either side.
    pub fn silence(&self) {
        self.way.send_replace(Way::Silent);
    }

    /// Opens the way again. What was on its way in a silence arrives now, as it would after a cut of the network.
    pub fn mend(&self) {
        self.way.send_replace(Way::Open);
    }
}

impl Drop for TcpGate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, way: watch::Receiver<Way>) {
    // Its end, with this task, ends the connections.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(pass(client, server, way.clone()));
    }
}

/// Passes bytes both ways until one side ends or the gate is cut.
async fn pass(client: TcpStream, server: SocketAddr, mut way: watch::Receiver<Way>) {
    if *way.borrow_and_update() == Way::Refused || way.wait_for(|way| *way != Way::Silent).await.is_err() {
        return reset(&client);
    }
    let Ok(Ok(server)) = timeout(DIAL_TIMEOUT, TcpStream::connect(server)).await else {
        return reset(&client);
    };
    for stream in [&client, &server] {
        // Small messages must not wait for one another; a gate without it would only be slower.
        let _ = stream.set_nodelay(true);
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut up, mut down) = (way.clone(), way.clone());
    let refused = async {
        let _ = way.wait_for(|way| *way == Way::Refused).await;
    };
    tokio::select! {
        () = forward(&mut from_client, &mut to_server, &mut up) => {}
        () = forward(&mut from_server, &mut to_client, &mut down) => {}
        () = refused => {}
    }
}

async fn forward(
    from: &mut tcp::OwnedReadHalf,
    to: &mut tcp::OwnedWriteHalf,
    way: &mut watch::Receiver<Way>,
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let Ok(length @ 1..) = from.read(&mut chunk).await else { return };
        if way.wait_for(|way| *way == Way::Open).await.is_err()
            || to.write_all(&chunk[..length]).await.is_err()
        {
            return;
        }
    }
}

/// Ends a connection so that the client sees a reset and no orderly end.
fn reset(client: &TcpStream) {
    // Without it the client sees an end, which it must bear as well.
    let _ = client.set_zero_linger();
}
