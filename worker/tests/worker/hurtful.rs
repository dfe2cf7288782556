//! Pages that hurt end with the right code within their limit, and a page beside them does not notice.

use crate::{
    site::Site,
    support::{Order, System, chromiums, some_of},
};
use futures::{StreamExt as _, stream};
use leafcutter_dispatch::Outcome;
use leafcutter_domain::ErrorCode::{self, BrowserCrashed, ConnectFailed, HttpStatus, ItemTimeout};
use leafcutter_domain::ErrorCode::{NavigationTimeout, TooLarge, UnsupportedContent};
use leafcutter_domain::{ScrapeMode, ScrapeOptions};
use std::time::{Duration, Instant};

/// Limit of one item.
const LIMIT: Duration = Duration::from_secs(15);
/// How long after its limit the report of an item may come, on a machine that other pages keep busy.
const LATE: Duration = Duration::from_secs(10);
/// Hurtful pages at a time; there is one slot more.
const AT_A_TIME: usize = 2;
/// Memory of one page, in bytes.
const PAGE_BYTES: u64 = 300 * 1024 * 1024;

/// How a page ends.
enum End {
    /// With these words in its result.
    Words(&'static str),
    /// With one of these codes: which of two bounds is met first depends on how fast the machine is.
    Fails(&'static [ErrorCode]),
}

use End::{Fails, Words};

const TRAPS: &[(&str, End)] = &[
    ("alert-loop", Fails(&[NavigationTimeout])),
    ("dialogs", Words("answers: ,false,")),
    ("print", Words("# Print")),
    ("unload", Words("# Unload")),
    ("downloads", Words("# Downloads")),
    ("file", Fails(&[UnsupportedContent])),
    ("popups", Words("# Popups")),
    ("redirect", Fails(&[ConnectFailed])),
    ("redirect-by-script", Fails(&[ConnectFailed, NavigationTimeout])),
    ("redirect-by-meta", Fails(&[ConnectFailed, NavigationTimeout])),
    ("reload", Fails(&[ConnectFailed, NavigationTimeout])),
    ("endless-text", Fails(&[NavigationTimeout])),
    ("endless-script", Fails(&[NavigationTimeout])),
    ("endless-fetch", Words("# Endless")),
    ("spin", Fails(&[NavigationTimeout])),
    ("spin-later", Fails(&[ItemTimeout])),
    ("getter", Fails(&[ItemTimeout])),
    ("workers", Words("# Workers")),
    ("history", Fails(&[NavigationTimeout])),
    ("frames", Fails(&[NavigationTimeout, BrowserCrashed])),
    ("huge", Fails(&[TooLarge, NavigationTimeout, BrowserCrashed])),
    ("deep", Fails(&[BrowserCrashed])),
    ("heap", Fails(&[BrowserCrashed, NavigationTimeout])),
    ("buffers", Fails(&[BrowserCrashed, NavigationTimeout])),
    ("large-announced", Fails(&[TooLarge])),
    ("large", Fails(&[TooLarge, NavigationTimeout])),
    ("large-json", Fails(&[TooLarge, NavigationTimeout])),
    ("bomb", Fails(&[TooLarge, NavigationTimeout, BrowserCrashed])),
    ("login", Fails(&[HttpStatus])),
];

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_hurt_end_within_their_limit_and_their_neighbours_do_not_notice() {
    let site = Site::start(None).await;
    let system = System::with(&site, |settings| {
        (settings.item_limit, settings.concurrency) = (LIMIT, AT_A_TIME + 1);
        settings.page_memory_bytes = PAGE_BYTES;
    })
    .await;
    let leader = chromiums(&system.profiles)[0];
    let mut wrong = Vec::new();
    let springing = async { wrong = spring_all(&system, &site).await };
    let neighbours = neighbours(&system, &site, springing).await;
    assert!(neighbours > 0, "nothing ran beside them");
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(chromiums(&system.profiles)[0], leader, "the browser itself was replaced");
    system.stop().await;
}

async fn spring_all(system: &System, site: &Site) -> Vec<String> {
    let all = stream::iter(some_of(TRAPS, 3)).map(|(name, end)| spring(system, site, name, end));
    all.buffer_unordered(AT_A_TIME).filter_map(std::future::ready).collect().await
}

/// Opens ordinary pages, one after the other, as long as `meanwhile` goes on. All of them have to come out right.
async fn neighbours(system: &System, site: &Site, meanwhile: impl Future<Output = ()>) -> usize {
    tokio::pin!(meanwhile);
    let mut neighbours = 0;
    loop {
        tokio::select! {
            () = &mut meanwhile => return neighbours,
            (_, text) = system.completed(Order::of(site.url("/plain"))) => {
                assert!(text.contains("Plain page"));
                neighbours += 1;
            }
        }
    }
}

/// Opens a trap and, in the same slot, an ordinary page after it. Answers with what went wrong.
async fn spring(system: &System, site: &Site, name: &str, end: &End) -> Option<String> {
    let begun = Instant::now();
    let batch =
        system.offer(&[Order::of(site.url(&format!("/trap/{name}"))), Order::of(site.url("/plain"))]).await;
    let outcome = system.report(batch, 0).await.outcome;
    let took = begun.elapsed();
    let right = match (&outcome, end) {
        (Outcome::Completed(page), Words(words)) => {
            let text = system.objects.get(&page.result.key, 1_000_000).await.unwrap();
            String::from_utf8_lossy(&text).contains(words)
        }
        (Outcome::Failed(failure), Fails(codes)) => codes.contains(&failure.code),
        _ => false,
    };
    let next = system.report(batch, 1).await.outcome;
    let well = right && took < LIMIT + LATE && matches!(next, Outcome::Completed(_));
    (!well).then(|| format!("{name}: {outcome:?} after {took:?}, then {next:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_without_end_hurt_fast_mode_no_more() {
    let site = Site::start(None).await;
    let system = System::with(&site, |settings| settings.item_limit = Duration::from_secs(3)).await;
    for (name, code) in [
        ("large-announced", TooLarge),
        ("large", TooLarge),
        ("large-json", TooLarge),
        ("bomb", TooLarge),
        ("redirect", ConnectFailed),
        ("endless-text", ItemTimeout),
    ] {
        let options = ScrapeOptions { mode: ScrapeMode::Fast, ..ScrapeOptions::default() };
        let order = Order { options, ..Order::of(site.url(&format!("/trap/{name}"))) };
        let failure = system.failed(order).await;
        assert_eq!(failure.code, code, "{name}: {}", failure.message);
    }
    system.stop().await;
}
