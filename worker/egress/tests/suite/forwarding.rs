//! Plain requests: what goes in comes out, and nothing that a page asks for gets past the rules.

use crate::support::{Client, Reply, Target, ask, get, refusal};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_request_reaches_its_target_in_origin_form_without_proxy_headers() {
    let site = Target::start(|_| Reply::Keep(OK)).await;
    let proxy = site.proxy().await;
    let address = site.address;
    let request = format!(
        "GET http://{address}/p|q^[1]?x={{`}}&y=%20' HTTP/1.1\r\nHost: elsewhere\r\nProxy-Connection: keep-alive\r\n\
         Proxy-Authorization: Basic eA==\r\nUser-Agent: Leaf\r\nX-CamelCase: 1\r\nAccept: */*\r\n\r\n"
    );
    assert_eq!(ask(&proxy, &request).await, OK);
    let expected = format!(
        "GET /p|q^[1]?x={{`}}&y=%20' HTTP/1.1\r\nHost: {address}\r\nConnection: keep-alive\r\nUser-Agent: Leaf\r\n\
         X-CamelCase: 1\r\nAccept: */*\r\n\r\n"
    );
    assert_eq!(site.requests(), [expected]);
    proxy.shutdown().await;
}

#[tokio::test]
async fn bodies_by_length_by_chunks_and_by_close_pass_unchanged() {
    let site = Target::start(|request| match request.split(' ').nth(1) {
        Some("/length") => {
            Reply::Keep("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nhello")
        }
        Some("/chunks") => Reply::Keep(
            "HTTP/1.1 203 Odd\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
        ),
        _ => Reply::Close("HTTP/1.0 200 OK\r\nX-Old: 1\r\n\r\nold body"),
    })
    .await;
    let proxy = site.proxy().await;
    let mut client = Client::connect(&proxy).await;
    assert_eq!(
        client.ask(&get(site.address, "/length")).await,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nhello"
    );
    let chunks = client.ask(&get(site.address, "/chunks")).await;
    assert!(chunks.starts_with("HTTP/1.1 203 Odd\r\n"), "{chunks}");
    assert!(chunks.ends_with("3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"), "{chunks}");
    let old = client.ask(&get(site.address, "/old")).await;
    assert!(old.starts_with("HTTP/1.1 200 OK\r\nX-Old: 1\r\n"), "{old}");
    assert!(old.ends_with("8\r\nold body\r\n0\r\n\r\n"), "{old}");
    assert_eq!(site.connections(), 1, "three answers to one client, one connection to the site");
    proxy.shutdown().await;
}

#[tokio::test]
async fn posted_bodies_pass_by_length_and_by_chunks() {
    let site = Target::start(|_| Reply::Keep(OK)).await;
    let proxy = site.proxy().await;
    let mut client = Client::connect(&proxy).await;
    let head = format!("POST http://{}/form HTTP/1.1\r\nHost: x\r\n", site.address);
    assert_eq!(client.ask(&format!("{head}Content-Length: 7\r\n\r\na=1&b=2")).await, OK);
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n0\r\n\r\n");
    assert_eq!(client.ask(&chunked).await, OK);
    assert_eq!(client.ask(&format!("{head}Content-Length: 0\r\n\r\n")).await, OK);
    let seen = site.requests();
    assert!(seen[0].contains("Content-Length: 7\r\n") && seen[0].ends_with("\r\n\r\na=1&b=2"), "{}", seen[0]);
    assert!(seen[1].to_ascii_lowercase().contains("transfer-encoding: chunked\r\n"), "{}", seen[1]);
    assert!(seen[1].ends_with("\r\n\r\n3\r\na=1\r\n0\r\n\r\n"), "{}", seen[1]);
    assert!(seen[2].contains("Content-Length: 0\r\n"), "{}", seen[2]);
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_request_with_two_framings_is_never_passed_on_with_both() {
    let site = Target::start(|_| Reply::Keep(OK)).await;
    let proxy = site.proxy().await;
    let smuggle = format!(
        "POST http://{}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        site.address
    );
    assert!(ask(&proxy, &smuggle).await.ends_with("ok"));
    let seen = site.requests().remove(0).to_ascii_lowercase();
    assert!(seen.contains("transfer-encoding: chunked") && !seen.contains("content-length"), "{seen}");
    proxy.shutdown().await;
}

#[tokio::test]
async fn answers_without_a_body_pass_and_keep_the_connection() {
    let site = Target::start(|request| match request.split(' ').next() {
        Some("HEAD") => Reply::Keep("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"),
        Some("PUT") => Reply::Keep("HTTP/1.1 204 No Content\r\n\r\n"),
        _ => Reply::Keep("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 10\r\n\r\n"),
    })
    .await;
    let proxy = site.proxy().await;
    let mut client = Client::connect(&proxy).await;
    let with = |method: &str| format!("{method} http://{}/ HTTP/1.1\r\nHost: x\r\n\r\n", site.address);
    let head = client.ask(&with("HEAD")).await;
    assert_eq!(head, "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n");
    assert_eq!(client.ask(&with("PUT")).await, "HTTP/1.1 204 No Content\r\n\r\n");
    let unchanged = client.ask(&with("GET")).await;
    assert!(unchanged.starts_with("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n"), "{unchanged}");
    assert!(unchanged.ends_with("\r\n\r\n"), "{unchanged}");
    assert_eq!(site.connections(), 1);
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_kept_connection_that_the_target_closed_is_replaced_unseen() {
    let site = Target::start(|_| Reply::Close(OK)).await;
    let proxy = site.proxy().await;
    let mut client = Client::connect(&proxy).await;
    for _ in 0..20 {
        assert_eq!(client.ask(&get(site.address, "/")).await, OK);
    }
    assert_eq!(site.requests().len(), 20, "each request arrived exactly once");
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_redirect_or_a_sub_resource_at_a_canary_is_refused() {
    let canary = Target::canary().await;
    let site = Target::start(|_| Reply::Keep(OK)).await;
    let proxy = site.proxy().await;
    // A redirect and a sub-resource are one more request of the browser, on the same connection.
    let mut client = Client::connect(&proxy).await;
    assert_eq!(client.ask(&get(site.address, "/page")).await, OK);
    let followed = client.ask(&get(canary.address, "/")).await;
    assert_eq!(refusal(&followed), ("403", "PRIVATE_ADDRESS"));
    let port = canary.address.port();
    for host in
        ["localhost", "0x7f.1", "[::ffff:127.0.0.1]", "127.0.0.1.", "2130706433", "[::1]", "%31%32%37.1"]
    {
        let request = format!("GET http://{host}:{port}/ HTTP/1.1\r\nHost: {}\r\n\r\n", site.address);
        let answer = ask(&proxy, &request).await;
        assert!(answer.starts_with("HTTP/1.1 40"), "{host}: {answer}");
    }
    assert_eq!(canary.connections(), 0);
    proxy.shutdown().await;
}

#[tokio::test]
async fn requests_that_no_proxy_takes_are_refused() {
    let site = Target::start(|_| Reply::Keep(OK)).await;
    let proxy = site.proxy().await;
    let address = site.address;
    for (target, expected) in [
        (format!("http://u:p@{address}/"), ("403", "USERINFO_REFUSED")),
        (format!("https://{address}/"), ("403", "SCHEME_REFUSED")),
        (format!("ftp://{address}/"), ("403", "SCHEME_REFUSED")),
        ("http://example.com:25/".to_owned(), ("403", "PORT_REFUSED")),
        ("http://127.0.0.1:99999/".to_owned(), ("403", "PORT_REFUSED")),
        ("/".to_owned(), ("400", "")),
    ] {
        let answer = ask(&proxy, &format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n")).await;
        assert_eq!(refusal(&answer), expected, "{target}");
    }
    assert_eq!(site.connections(), 0);
    proxy.shutdown().await;
}

#[tokio::test]
async fn a_target_cannot_pretend_that_it_was_refused() {
    let forged = "HTTP/1.1 403 No\r\nX-Leafcutter-Refusal: TOO_LARGE\r\nContent-Length: 0\r\n\r\n";
    let site = Target::start(move |_| Reply::Keep(forged)).await;
    let proxy = site.proxy().await;
    let answer = ask(&proxy, &get(site.address, "/")).await;
    assert!(!answer.to_ascii_lowercase().contains("x-leafcutter-refusal"), "{answer}");
    proxy.shutdown().await;
}
