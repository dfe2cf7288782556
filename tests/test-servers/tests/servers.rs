//! The servers for tests, tested: they start, die, come back with their data, and leave nothing behind.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use leafcutter_test_servers::{Nats, Postgres, TcpGate};
use sqlx::{Connection, Executor, PgConnection, Row};
use std::{
    fs, io::ErrorKind, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// No wait takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Command lines of living processes that name a folder.
fn processes(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy().into_owned();
    let lines = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).into_owned())
    });
    lines.filter(|line| line.contains(&folder)).collect()
}

fn is_refused(address: SocketAddr) -> bool {
    std::net::TcpStream::connect(address).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[tokio::test]
async fn a_killed_postgres_comes_back_on_its_port_with_what_was_committed() {
    let server = Postgres::start().await;
    let url = server.database().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection.execute("CREATE TABLE leaves (name text)").await.unwrap();
    connection.execute("INSERT INTO leaves VALUES ('oak')").await.unwrap();
    server.kill().await;
    assert!(is_refused(server.address()), "it is gone");
    assert!(connection.execute("SELECT 1").await.is_err(), "its children are gone");
    server.restart().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let row = connection.fetch_one("SELECT name FROM leaves").await.unwrap();
    assert_eq!(row.get::<String, _>(0), "oak");
}

#[tokio::test]
async fn each_database_is_empty_and_its_own() {
    let server = Postgres::shared().await;
    let (one, other) = (server.database().await, server.database().await);
    assert_ne!(one, other);
    for url in [one, other] {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        connection.execute("CREATE TABLE leaves (name text)").await.unwrap();
    }
}

#[tokio::test]
async fn everybody_shares_the_server_while_somebody_holds_it() {
    let one = Postgres::shared().await;
    assert!(Arc::ptr_eq(&one, &Postgres::shared().await));
    let one = Nats::shared().await;
    assert!(Arc::ptr_eq(&one, &Nats::shared().await));
}

#[tokio::test]
async fn the_last_handle_takes_the_server_and_its_folder_with_it() {
    let (postgres, nats) = (Postgres::start().await, Nats::start().await);
    let folders = [postgres.folder().to_owned(), nats.folder().to_owned()];
    let addresses = [postgres.address(), nats.address()];
    assert!(folders.iter().all(|folder| !processes(folder).is_empty()));
    drop((postgres, nats));
    for (folder, address) in folders.iter().zip(addresses) {
        assert_eq!(processes(folder), Vec::<String>::new());
        assert!(!folder.exists());
        assert!(is_refused(address));
    }
}

/// Where the copy of this program, which the test below kills, tells which folders its servers have.
const TELL: &str = "LEAFCUTTER_TEST_SERVERS_TELL";

/// What the copy does: starts servers, says so, and waits for its death.
async fn hold_servers(tell: &Path) -> ! {
    let (postgres, nats) = (Postgres::start().await, Nats::start().await);
    let folders = format!("{}\n{}\n.", postgres.folder().display(), nats.folder().display());
    fs::write(tell, folders).unwrap();
    std::future::pending().await
}

#[tokio::test]
async fn servers_end_with_a_killed_process_that_has_started_them() {
    if let Some(tell) = std::env::var_os(TELL) {
        hold_servers(Path::new(&tell)).await
    }
    let folder = tempfile::tempdir().unwrap();
    let tell = folder.path().join("folders");
    let mut copy = tokio::process::Command::new(std::env::current_exe().unwrap());
    copy.args(["--exact", "servers_end_with_a_killed_process_that_has_started_them"]).env(TELL, &tell);
    // What it leaves behind in its sudden death goes with the folder of this test.
    let mut copy = copy.env("TMPDIR", folder.path()).kill_on_drop(true).spawn().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let told = eventually("the copy has servers", || {
        fs::read_to_string(&tell).ok().filter(|told| told.ends_with('.'))
    });
    let told = told.await;
    let folders: Vec<&Path> = told.lines().take(2).map(Path::new).collect();
    assert!(folders.iter().all(|folder| !processes(folder).is_empty()));
    copy.kill().await.unwrap();
    let gone = || folders.iter().all(|folder| processes(folder).is_empty()).then_some(());
    eventually("its servers are gone", gone).await;
}

/// Looks until `found` answers, and fails the test when it does not in time.
async fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let looked = timeout(PATIENCE, async {
        loop {
            tick.tick().await;
            if let Some(found) = found() {
                return found;
            }
        }
    });
    looked.await.unwrap_or_else(|_| panic!("{what}: not in time"))
}

/// Says something to a nats-server and gives what it answers, up to `end`.
async fn talk(address: SocketAddr, words: &str, end: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(words.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let heard = timeout(PATIENCE, async {
        let mut chunk = [0; 4096];
        while !answer.contains(end) {
            let length = stream.read(&mut chunk).await.unwrap();
            assert_ne!(length, 0, "it hung up after {answer}");
            answer.push_str(&String::from_utf8_lossy(&chunk[..length]));
        }
    });
    heard.await.unwrap_or_else(|_| panic!("no {end} in time"));
    answer
}

/// Asks JetStream something and gives its answer.
async fn ask(address: SocketAddr, subject: &str, body: &str) -> String {
    let length = body.len();
    let words = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB in 1\r\nPUB $JS.API.{subject} in {length}\r\n{body}\r\n"
    );
    talk(address, &words, "io.nats.jetstream.api").await
}

#[tokio::test]
async fn a_killed_nats_server_comes_back_on_its_port_with_its_streams() {
    let server = Nats::start().await;
    let stream = r#"{"name":"leaves","subjects":["leaf.*"],"storage":"file"}"#;
    let made = ask(server.address(), "STREAM.CREATE.leaves", stream).await;
    assert!(made.contains("\"did_create\":true"), "{made}");
    server.kill().await;
    assert!(is_refused(server.address()), "it is gone");
    server.restart().await;
    let found = ask(server.address(), "STREAM.INFO.leaves", "").await;
    assert!(found.contains("leaf.*") && !found.contains("error"), "{found}");
    assert_eq!(server.url(), format!("nats://{}", server.address()));
}

#[tokio::test]
async fn a_nats_server_obeys_the_lines_that_a_test_adds() {
    let server = Nats::with_config("authorization { user: ant, password: trail }").await;
    let answer = talk(server.address(), "CONNECT {\"verbose\":false}\r\nPING\r\n", "-ERR").await;
    assert!(answer.contains("Authorization Violation"), "{answer}");
    let words = "CONNECT {\"verbose\":false,\"user\":\"ant\",\"pass\":\"trail\"}\r\nPING\r\n";
    talk(server.address(), words, "PONG").await;
}

/// A server that sends back what it hears, on loopback.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    address
}

async fn heard(stream: &mut TcpStream, length: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    timeout(PATIENCE, stream.read_exact(&mut bytes)).await.expect("an answer or an end in time")?;
    Ok(bytes)
}

#[tokio::test]
async fn a_cut_gate_breaks_connections_and_a_mended_one_takes_new_ones() {
    let gate = TcpGate::to(echo().await).await;
    let mut old = TcpStream::connect(gate.address()).await.unwrap();
    old.write_all(b"leaf").await.unwrap();
    assert_eq!(heard(&mut old, 4).await.unwrap(), b"leaf");
    gate.cut();
    assert!(heard(&mut old, 1).await.is_err(), "the old connection is broken");
    let mut refused = TcpStream::connect(gate.address()).await.unwrap();
    assert!(heard(&mut refused, 1).await.is_err(), "a new one is ended at once");
    gate.mend();
    let mut new = TcpStream::connect(gate.address()).await.unwrap();
    new.write_all(b"ant").await.unwrap();
    assert_eq!(heard(&mut new, 3).await.unwrap(), b"ant");
}

#[tokio::test]
async fn a_silent_gate_holds_everything_back_until_it_is_mended() {
    /// Long enough for an echo on loopback that is not held back.
    const SILENCE: Duration = Duration::from_millis(200);
    let gate = TcpGate::to(echo().await).await;
    let mut old = TcpStream::connect(gate.address()).await.unwrap();
    old.write_all(b"leaf").await.unwrap();
    assert_eq!(heard(&mut old, 4).await.unwrap(), b"leaf");
    gate.silence();
    let mut new = TcpStream::connect(gate.address()).await.unwrap();
    let mut byte = [0];
    for stream in [&mut old, &mut new] {
        stream.write_all(b"trail").await.unwrap();
        assert!(timeout(SILENCE, stream.peek(&mut byte)).await.is_err(), "nothing comes through");
    }
    gate.mend();
    assert_eq!(heard(&mut old, 5).await.unwrap(), b"trail");
    assert_eq!(heard(&mut new, 5).await.unwrap(), b"trail");
}
