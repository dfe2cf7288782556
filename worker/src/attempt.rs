//! One attempt at one item: its limits, the page, the content, the stored objects. Everything here runs under one
//! wall-clock limit. Claims and reports are `slot`'s.

use crate::{
    browser::{self, Opened, Passage, Pool, Tab, failed},
    by_model::ModelReader,
    content, desk, fast,
    hosts::Hosts,
    robots::RobotsFiles,
};
use leafcutter_challenge::Solver;
use leafcutter_dispatch::{Assignment, FailedPage, ScrapedPage};
use leafcutter_domain::{BatchId, ErrorCode, Isolation, ScrapeMode, Screenshot};
use leafcutter_egress::{Proxy, ProxyPools};
use leafcutter_object_store::Objects;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};
use url::Url;

/// Time kept free for the report, as a part of the item's limit.
const REPORT_PART: u32 = 10;
/// The most time that is kept free for the report, in milliseconds.
const REPORT_MS_MAX: u64 = 2_000;
/// The load event may take this many fifths of the item's limit; the rest is for reading and extracting.
const LOAD_FIFTHS: u32 = 4;

/// When what has to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    load_until: Instant,
    work_until: Instant,
    /// No report is taken after this.
    pub(crate) report_until: Instant,
}

impl Limits {
    /// The limits of an item that was begun at `begun`: never past its lease.
    pub(crate) fn new(begun: Instant, item_limit: Duration, assignment: &Assignment) -> Self {
        let report_until = desk::instant_of(assignment.deadline);
        let end = (begun + item_limit).min(report_until);
        let whole = end.saturating_duration_since(begun);
        let reserve = (whole / REPORT_PART).min(Duration::from_millis(REPORT_MS_MAX));
        let work_until = end - reserve;
        Self { load_until: begun + (work_until - begun) * LOAD_FIFTHS / 5, work_until, report_until }
    }
}

/// What a slot has: its way out, and its context while it serves a batch.
pub(crate) struct Bench {
    pub(crate) proxy: Proxy,
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) robots: Arc<RobotsFiles>,
    pub(crate) proxies: ProxyPools,
    pub(crate) model: ModelReader,
    pub(crate) tab: Option<(BatchId, Tab)>,
    /// Whom to ask for answers to CAPTCHAs.
    pub(crate) solver: Option<Solver>,
    /// Answers to CAPTCHAs that were paid in the attempt.
    pub(crate) captchas: u32,
}

impl Bench {
    /// Throws the context away.
    pub(crate) async fn leave(&mut self) {
        if let Some((_, tab)) = self.tab.take() {
            tab.close().await;
        }
    }

    /// Whether the slot's browser was ended because it was not left in time.
    pub(crate) fn drained(&self) -> bool {
        self.tab.as_ref().is_some_and(|(_, tab)| tab.browser().drained())
    }

    /// After an item: empties the context for the next item of the batch, or throws it away.
    pub(crate) async fn tidy(&mut self, isolation: Isolation) {
        let Some((_, tab)) = &mut self.tab else { return };
        if isolation == Isolation::Item || !tab.reusable() || tab.clear().await.is_err() {
            self.leave().await;
        }
    }

    /// The slot's context for this batch, new when there is none.
    async fn tab(&mut self, batch: BatchId, pool: &Pool) -> Result<&mut Tab, FailedPage> {
        if self.tab.as_ref().is_some_and(|(of, tab)| *of != batch || !tab.reusable()) {
            self.leave().await;
        }
        if self.tab.is_none() {
            let browser =
                pool.browser().await.ok_or_else(|| failed(ErrorCode::Internal, "the worker is stopping"))?;
            let tab = Tab::open(browser, self.proxy.address()).await?;
            self.tab = Some((batch, tab));
        }
        self.tab
            .as_mut()
            .map(|(_, tab)| tab)
            .ok_or_else(|| failed(ErrorCode::Internal, "the slot has no tab"))
    }
}

/// Does the item, within its limits.
pub(crate) async fn run(
    bench: &mut Bench,
    pool: &Pool,
    objects: &Objects,
    assignment: &Assignment,
    limits: Limits,
) -> Result<ScrapedPage, FailedPage> {
    match assignment.options.proxy {
        None => bench.proxy.begin_item(),
        Some(place) => {
            let item = format!("{}/{}", assignment.batch, assignment.item);
            bench.proxy.begin_item_through(bench.proxies.route(place, item));
        }
    }
    bench.model.begin_item();
    bench.captchas = 0;
    let outcome = timeout_at(limits.work_until, work(bench, pool, objects, assignment, limits)).await;
    if outcome.is_err()
        && let Some((_, tab)) = &mut bench.tab
    {
        // Cut off in the middle, so nobody knows what state the tab is in.
        tab.spoil();
    }
    outcome.unwrap_or_else(|_| Err(failed(ErrorCode::ItemTimeout, "the item took longer than one item may")))
}

async fn work(
    bench: &mut Bench,
    pool: &Pool,
    objects: &Objects,
    assignment: &Assignment,
    limits: Limits,
) -> Result<ScrapedPage, FailedPage> {
    let url = Url::parse(&assignment.url)
        .map_err(|_| failed(ErrorCode::Internal, "the item's address cannot be read"))?;
    let respect_robots = assignment.options.respect_robots;
    if respect_robots {
        bench.robots.check(&url, &bench.proxy).await?;
    }
    let (document, picture) = match assignment.options.mode {
        ScrapeMode::Fast => {
            (fast::fetch(&url, assignment.cookies.as_ref(), &bench.proxy, &bench.hosts).await?, None)
        }
        ScrapeMode::Default => in_browser(bench, pool, assignment, &url, limits).await?,
    };
    let (final_url, http_status) = (document.final_url.to_string(), document.http_status);
    let known = |failure| FailedPage {
        final_url: Some(final_url.clone()),
        http_status: Some(http_status),
        ..failure
    };
    // Where a redirect led is known only now; what is forbidden there is at least not used.
    if respect_robots && document.final_url != url {
        bench.robots.check(&document.final_url, &bench.proxy).await.map_err(known)?;
    }
    let (result, extractor) = content::result(document, assignment, &bench.model).await.map_err(known)?;
    let unstored = |_| known(failed(ErrorCode::Internal, "the result could not be stored"));
    let result = objects.put(&assignment.object_prefix, result).await.map_err(unstored)?;
    let screenshot = match picture {
        Some(picture) => {
            Some(objects.put(&assignment.object_prefix, picture.into()).await.map_err(unstored)?)
        }
        None => None,
    };
    Ok(ScrapedPage { result, screenshot, final_url, http_status, extractor })
}

async fn in_browser(
    bench: &mut Bench,
    pool: &Pool,
    assignment: &Assignment,
    url: &Url,
    limits: Limits,
) -> Result<(content::Document, Option<Vec<u8>>), FailedPage> {
    bench.tab(assignment.batch, pool).await?;
    let Some((_, tab)) = &mut bench.tab else { return Err(browser::lost()) };
    let lost = tab.browser().lost().clone();
    let visit = async {
        if let Some(cookies) = &assignment.cookies {
            tab.set_cookies(cookies, url).await?;
        }
        let passage = Passage {
            solver: bench.solver.as_ref(),
            captchas: &mut bench.captchas,
            load_until: limits.load_until,
            pass_until: limits.load_until + (limits.work_until - limits.load_until) / 2,
        };
        let document = match browser::open_past(tab, url, &bench.proxy, passage).await? {
            Opened::Document(document) => document,
            // What no browser shows has no picture either.
            Opened::ToFetch(found) => {
                let own = (found.scheme(), found.host()) == (url.scheme(), url.host());
                let cookies = assignment.cookies.as_ref().filter(|_| own);
                return Ok((fast::fetch(&found, cookies, &bench.proxy, &bench.hosts).await?, None));
            }
        };
        let picture = match assignment.options.screenshot {
            Screenshot::None => None,
            wanted => Some(browser::picture(tab, wanted == Screenshot::FullPage).await?),
        };
        Ok((document, picture))
    };
    let outcome = lost.run_until_cancelled(visit).await.unwrap_or_else(|| Err(browser::lost()));
    if let Some((_, tab)) = &bench.tab
        && let Some(answer) = &tab.watch().seen().borrow().answer
        && let Ok(url) = Url::parse(&answer.url)
    {
        bench.hosts.heed(&url, answer.status, answer.retry_after.as_deref());
    }
    match (outcome, &mut bench.tab) {
        (Err(failure), Some((_, tab))) if failure.code == ErrorCode::BrowserCrashed => Err(tab.died(failure)),
        (outcome, _) => outcome,
    }
}
