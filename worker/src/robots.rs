//! What sites allow: their `robots.txt`, fetched through a slot's guarded egress, once for all slots and kept for a
//! while. What a missing or broken one means follows RFC 9309, section 2.3.1. How the rules are read and matched is in
//! `leafcutter-politeness`.

use crate::{browser::failed, fast, hosts::Hosts};
use leafcutter_dispatch::FailedPage;
use leafcutter_domain::ErrorCode;
use leafcutter_egress::{Proxy, REFUSAL_HEADER};
use leafcutter_politeness::{ROBOTS_BYTES_MAX, Recent, Robots};
use reqwest::{
    Client, Response, StatusCode,
    header::{HeaderValue, RETRY_AFTER},
    redirect,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout},
};
use url::Url;

/// The name by which sites address us.
const PRODUCT: &str = "Leafcutter";
/// Sites whose rules are kept. With the bound on a file at most about 100 MB, mostly a few hundred KiB.
const SITES_MAX: usize = 128;
/// How long rules are kept, in milliseconds; RFC 9309 allows a day.
const RULES_AGE_MS: u64 = 3_600_000;
/// How long it is kept that a site's rules cannot be had, in milliseconds.
const UNREACHABLE_AGE_MS: u64 = 60_000;
/// How long the fetching of a file may take, in milliseconds.
const FETCH_LIMIT_MS: u64 = 10_000;
/// Redirects that are followed, as RFC 9309 asks for; with more there are no rules.
const REDIRECTS_MAX: usize = 5;

/// The rules of many sites.
pub(crate) struct RobotsFiles {
    hosts: Arc<Hosts>,
    known: Mutex<Recent<String, Site>>,
}

/// What is known of a site; empty while somebody fetches it.
type Site = Arc<OnceCell<Known>>;

struct Known {
    rules: Rules,
    until: Instant,
}

enum Rules {
    /// These.
    Read(Robots),
    /// The site answers with this; nothing of it may be opened.
    Unreachable(StatusCode),
}

impl RobotsFiles {
    /// Knows nothing yet; tells `hosts` of the delays that sites set for themselves.
    pub(crate) fn new(hosts: Arc<Hosts>) -> Arc<Self> {
        Arc::new(Self { hosts, known: Mutex::new(Recent::new(SITES_MAX)) })
    }

    /// Makes sure that the site lets the page be opened.
    ///
    /// A site that cannot be reached fails the item with its own code, because the page could not be had either.
    pub(crate) async fn check(&self, page: &Url, proxy: &Proxy) -> Result<(), FailedPage> {
        let site = self.site(page);
        let known = site.get_or_try_init(|| self.fetch(page, proxy)).await?;
        match &known.rules {
            Rules::Read(rules) => {
                self.hosts.slow(page, rules.crawl_delay());
                if rules.allows(page) {
                    Ok(())
                } else {
                    Err(denied("the site's robots.txt forbids the page"))
                }
            }
            Rules::Unreachable(status) => Err(denied(&format!(
                "the site's robots.txt answers {status}, which forbids every page until it can be read"
            ))),
        }
    }

    fn site(&self, page: &Url) -> Site {
        let (origin, now) = (page.origin().ascii_serialization(), Instant::now());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let held = known.get(&origin, now.into_std());
        if let Some(site) = held.filter(|site| site.get().is_none_or(|known| known.until > now)) {
            return Arc::clone(site);
        }
        let (site, until) = (Site::default(), now + Duration::from_millis(RULES_AGE_MS));
        known.put(origin, Arc::clone(&site), until.into_std(), now.into_std());
        site
    }

    async fn fetch(&self, page: &Url, proxy: &Proxy) -> Result<Known, FailedPage> {
        let fetched = timeout(Duration::from_millis(FETCH_LIMIT_MS), self.ask(page, proxy)).await;
        let late = || failed(ErrorCode::NavigationTimeout, "it did not come in time");
        let rules = fetched.unwrap_or_else(|_| Err(late())).map_err(|failure| FailedPage {
            message: format!("the site's robots.txt cannot be read: {}", failure.message),
            ..failure
        })?;
        let age_ms = match &rules {
            Rules::Read(_) => RULES_AGE_MS,
            Rules::Unreachable(_) => UNREACHABLE_AGE_MS,
        };
        Ok(Known { rules, until: Instant::now() + Duration::from_millis(age_ms) })
    }

    async fn ask(&self, page: &Url, proxy: &Proxy) -> Result<Rules, FailedPage> {
        let place = page
            .join("/robots.txt")
            .map_err(|_| failed(ErrorCode::Internal, "the site has no address for it"))?;
        let client = client(proxy).map_err(|_| failed(ErrorCode::Internal, "no HTTP client can be made"))?;
        let response = match client.get(place.clone()).send().await {
            Ok(response) => response,
            Err(error) if error.is_redirect() => return Ok(Rules::Read(Robots::default())),
            Err(error) => return Err(fast::of(&error, &place, proxy)),
        };
        if response.headers().contains_key(REFUSAL_HEADER)
            && let Some(failure) = fast::refusal(response.url(), proxy)
        {
            return Err(failure);
        }
        let status = response.status();
        let asked = response.headers().get(RETRY_AFTER).map(HeaderValue::to_str).and_then(Result::ok);
        self.hosts.heed(response.url(), status.as_u16(), asked);
        if status.is_success() {
            let file = body(response, proxy).await?;
            return Ok(Rules::Read(Robots::read(&file, PRODUCT)));
        }
        // A site that is overrun has rules, we just do not get to see them.
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Ok(Rules::Unreachable(status));
        }
        Ok(Rules::Read(Robots::default()))
    }
}

fn denied(message: &str) -> FailedPage {
    failed(ErrorCode::RobotsDenied, message)
}

fn client(proxy: &Proxy) -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(fast::USER_AGENT)
        .proxy(reqwest::Proxy::all(format!("http://{}", proxy.address()))?)
        .redirect(redirect::Policy::limited(REDIRECTS_MAX))
        .pool_max_idle_per_host(0)
        .referer(false)
        .build()
}

/// As much of the file as is read.
async fn body(mut response: Response, proxy: &Proxy) -> Result<Vec<u8>, FailedPage> {
    let url = response.url().clone();
    let mut bytes = Vec::new();
    while bytes.len() < ROBOTS_BYTES_MAX
        && let Some(chunk) = response.chunk().await.map_err(|error| fast::of(&error, &url, proxy))?
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(ROBOTS_BYTES_MAX);
    Ok(bytes)
}
