//! Hostile pages, addresses and names, in a real Chromium and in fast mode: none of them gets past the egress, and
//! every item still ends as it should. A second run with the canary allowed shows that the pages do what they say.

mod cases;
mod site;

use crate::support::{Order, System, some_of, until};
use async_trait::async_trait;
use cases::{ASKED, Case, EMBEDDED, Ends, LEFT};
use leafcutter_dispatch::Outcome;
use leafcutter_domain::{ErrorCode, ScrapeMode, ScrapeOptions};
use leafcutter_egress::{Policy, Resolve};
use site::Trap;
use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Pages at the same time.
const SLOTS: usize = 4;
const MODES: [ScrapeMode; 2] = [ScrapeMode::Default, ScrapeMode::Fast];

/// Names of the public internet that say something else about themselves.
#[derive(Default)]
struct Names {
    /// Look-ups of the name that changes.
    turns: AtomicUsize,
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let turn = self.turns.load(Ordering::SeqCst);
        let answer: &[&str] = match name {
            "site.example.com." => &["127.0.0.2"],
            "loopback.example.com." => &["127.0.0.1"],
            "loopback6.example.com." => &["::1"],
            "mapped.example.com." => &["::ffff:127.0.0.1"],
            "unspecified.example.com." => &["0.0.0.0", "::"],
            "many.example.com." => &["10.0.0.1", "127.0.0.1", "::1", "169.254.169.254"],
            "rebind.example.com." => {
                self.turns.fetch_add(1, Ordering::SeqCst);
                if turn == 0 { &["127.0.0.2"] } else { &["127.0.0.1"] }
            }
            _ => return Err(io::Error::other("no such name")),
        };
        Ok(answer.iter().map(|text| text.parse().unwrap()).collect())
    }
}

fn every_case() -> Vec<&'static Case> {
    EMBEDDED.iter().chain(ASKED).chain(LEFT).collect()
}

/// A worker that may open the site, and the canary too if it is said so.
async fn worker(trap: &Trap, canary_too: bool) -> System {
    let port = trap.address.port();
    let mut allow = vec![trap.address.to_string()];
    if canary_too {
        allow.extend(["127.0.0.1", "[::1]", "localhost"].map(|host| format!("{host}:{port}")));
    }
    let allow = allow.iter().map(|target| target.parse().unwrap()).collect();
    let policy = Policy::with_resolver(allow, Arc::new(Names::default()));
    System::guarded(policy, |settings| settings.concurrency = SLOTS).await
}

fn order(url: String, mode: ScrapeMode) -> Order {
    Order { options: ScrapeOptions { mode, ..ScrapeOptions::default() }, ..Order::of(url) }
}

/// Runs the orders in as many batches as there are slots and answers in their order.
async fn run(system: &System, orders: &[Order]) -> Vec<Outcome> {
    let parts = orders.chunks(orders.len().div_ceil(SLOTS)).map(|part| system.run(part));
    futures::future::join_all(parts).await.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_page_does_reaches_a_private_address() {
    let cases = some_of(every_case(), 4);
    let mut trap = Trap::set(cases.clone()).await;
    let system = worker(&trap, false).await;
    let orders: Vec<_> =
        cases.iter().map(|case| Order::of(trap.url(&format!("/case/{}", case.name)))).collect();
    let mut wrong = Vec::new();
    for (case, outcome) in cases.iter().zip(run(&system, &orders).await) {
        let right = match (&outcome, case.ends) {
            (Outcome::Completed(page), Ends::Well) => {
                let text = system.objects.get(&page.result.key, 100_000).await.unwrap();
                String::from_utf8_lossy(&text).contains(&format!("Case {}", case.name))
            }
            (Outcome::Failed(failure), Ends::Refused) => failure.code == ErrorCode::PrivateAddress,
            _ => false,
        };
        if !right {
            wrong.push(format!("{}: {outcome:?}", case.name));
        }
    }
    system.stop().await;
    assert_eq!(trap.canary.seen(), (0, 0, [].into()));
    assert_eq!(wrong, Vec::<String>::new());
    trap.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_pages_reach_a_canary_that_is_allowed() {
    let cases = some_of(every_case().into_iter().filter(|case| case.works), 4);
    let mut trap = Trap::set(cases.clone()).await;
    let system = worker(&trap, true).await;
    let orders: Vec<_> =
        cases.iter().map(|case| Order::of(trap.url(&format!("/case/{}", case.name)))).collect();
    run(&system, &orders).await;
    for case in cases {
        until(case.name, || trap.canary.was_asked_for(case.name).then_some(())).await;
    }
    assert_eq!(trap.canary.seen().1, 0, "nothing is sent past the proxy");
    system.stop().await;
    trap.stop();
}

/// Hosts that are the canary, or another private place, in some spelling or by some name.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "0",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "%31%32%37.0.0.1",
    "127\u{3002}0\u{3002}0\u{3002}1",
    "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
    "\u{2460}\u{2461}\u{2466}.0.0.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fc00::1]",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "%6cocalhost",
    "a.localhost",
    "printer.local",
    "metadata.google.internal",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.168.1.1",
    "224.0.0.1",
    "loopback.example.com",
    "loopback6.example.com",
    "mapped.example.com",
    "unspecified.example.com",
    "many.example.com",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_or_name_of_a_private_address_is_opened_or_redirected_to() {
    let mut trap = Trap::set(Vec::new()).await;
    let system = worker(&trap, false).await;
    let port = trap.address.port();
    let statuses = [301, 302, 303, 307, 308];
    let mut orders = Vec::new();
    for (number, host) in some_of(HOSTS, 3).into_iter().enumerate() {
        let lure = format!("http://{host}:{port}/");
        let status = statuses[number % statuses.len()];
        // A header is ASCII; other spellings are left to the addresses that are asked for.
        let redirect = lure.is_ascii().then(|| trap.url(&format!("/redirect/{status}?{lure}")));
        let urls = [Some(lure), redirect];
        orders.extend(urls.into_iter().flatten().flat_map(|url| MODES.map(|mode| order(url.clone(), mode))));
    }
    for (order, outcome) in orders.iter().zip(run(&system, &orders).await) {
        let code = match outcome {
            Outcome::Failed(failure) => failure.code,
            other => panic!("{} was not refused: {other:?}", order.url),
        };
        assert_eq!(code, ErrorCode::PrivateAddress, "{} {:?}", order.url, order.options.mode);
    }
    system.stop().await;
    assert_eq!(trap.canary.seen(), (0, 0, [].into()));
    trap.stop();
}

async fn refused_redirect(system: &System, trap: &Trap, target: &str, mode: ScrapeMode) {
    let failure = system.failed(order(trap.url(&format!("/redirect/302?{target}")), mode)).await;
    assert_eq!(failure.code, ErrorCode::PrivateAddress, "{target} {mode:?}: {}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_to_other_schemes_ports_and_forms_are_refused() {
    let mut trap = Trap::set(Vec::new()).await;
    let system = worker(&trap, false).await;
    let port = trap.address.port();
    for target in [
        format!("//127.1:{port}/"),
        format!("http://site.example.com@127.0.0.1:{port}/"),
        format!("/redirect/302?/redirect/307?http://127.0.0.1:{port}/"),
        "http://127.0.0.2:6379/".to_owned(),
        "http://8.8.8.8:22/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "chrome://version".to_owned(),
        "data:text/html,x".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
        "view-source:http://127.0.0.1/".to_owned(),
        "javascript:alert(1)".to_owned(),
        "intent://127.0.0.1/".to_owned(),
    ] {
        for mode in MODES {
            refused_redirect(&system, &trap, &target, mode).await;
        }
    }
    system.stop().await;
    assert_eq!(trap.canary.seen(), (0, 0, [].into()));
    trap.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_turns_to_loopback_between_two_items_is_refused() {
    let mut trap = Trap::set(Vec::new()).await;
    for mode in MODES {
        let system = worker(&trap, false).await;
        let url = |name: &str| format!("http://{name}.example.com:{}/plain", trap.address.port());
        assert!(system.completed(order(url("site"), mode)).await.1.contains("Plain page"));
        assert!(system.completed(order(url("rebind"), mode)).await.1.contains("Plain page"));
        let failure = system.failed(order(url("rebind"), mode)).await;
        assert_eq!(failure.code, ErrorCode::PrivateAddress, "{mode:?}: {}", failure.message);
        system.stop().await;
    }
    assert_eq!(trap.canary.seen(), (0, 0, [].into()));
    trap.stop();
}
