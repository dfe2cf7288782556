//! A slot's own place in the browser: a context that shares nothing with others, with one tab in it. It is made
//! for a batch, emptied between its items, and thrown away with it.

use super::{frames::Frames, launch::Browser, net_error::failed, read::AT_START, watch::Watch};
use chromiumoxide::{
    Page,
    cdp::{
        browser_protocol::{
            browser::{BrowserContextId, SetDownloadBehaviorBehavior, SetDownloadBehaviorParams},
            log,
            network::{ClearBrowserCacheParams, CookieParam},
            page::{AddScriptToEvaluateOnNewDocumentParams, NavigateParams, ResetNavigationHistoryParams},
            performance,
            storage::{ClearCookiesParams, ClearDataForOriginParams, SetCookiesParams},
            target::{
                CreateBrowserContextParams, CreateTargetParams, DisposeBrowserContextParams,
                SetAutoAttachParams,
            },
        },
        js_protocol::runtime::{self, EvaluateParams},
    },
    error::CdpError,
};
use leafcutter_dispatch::{Cookies, FailedPage};
use leafcutter_domain::ErrorCode;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::timeout;
use url::Url;

/// How long the making of a context may take, in milliseconds.
const OPEN_LIMIT_MS: u64 = 10_000;
/// How long the emptying of a context may take before it is thrown away instead, in milliseconds.
const CLEAR_LIMIT_MS: u64 = 5_000;
/// How long a context may take to go before its browser is given up, in milliseconds.
const CLOSE_LIMIT_MS: u64 = 5_000;
/// Cookies that are set for an item.
const COOKIES_MAX: usize = 300;

/// A context with its tab.
pub(crate) struct Tab {
    browser: Arc<Browser>,
    context: BrowserContextId,
    page: Page,
    watch: Watch,
    frames: Frames,
    /// Whether the tab can serve another item after it has been emptied.
    reusable: bool,
    /// Pages of the browser that had been ended for their memory when the item began.
    killed_before: u64,
}

impl Tab {
    /// Makes a context whose every request goes through `proxy`, and a tab in it.
    pub(crate) async fn open(browser: Arc<Browser>, proxy: SocketAddr) -> Result<Self, FailedPage> {
        let context = match within(OPEN_LIMIT_MS, make_context(&browser, proxy)).await {
            Ok(context) => context,
            Err(error) => {
                // A browser that makes no contexts serves nobody.
                browser.abandon();
                return Err(error);
            }
        };
        match within(OPEN_LIMIT_MS, make_tab(&browser, &context)).await {
            Ok((page, watch, frames)) => {
                let killed_before = browser.killed_pages();
                Ok(Self { browser, context, page, watch, frames, reusable: true, killed_before })
            }
            Err(error) => {
                dispose(&browser, context).await;
                Err(error)
            }
        }
    }

    pub(crate) fn browser(&self) -> &Arc<Browser> {
        &self.browser
    }

    pub(crate) fn page(&self) -> &Page {
        &self.page
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// From now on the page is painted, until the tab is emptied.
    pub(super) async fn show(&self) -> Result<(), FailedPage> {
        self.frames.show(&self.page).await.map_err(|_| lost())
    }

    /// Whether the page is painted.
    pub(super) fn shown(&self) -> bool {
        self.frames.shown()
    }

    /// Whether another item of the batch may use it, once it is emptied.
    pub(crate) fn reusable(&self) -> bool {
        self.reusable && !self.browser.lost().is_cancelled() && !self.browser.retired().is_cancelled()
    }

    /// The tab may be in a state that cannot be undone, such as a load that never ends.
    pub(crate) fn spoil(&mut self) {
        self.reusable = false;
    }

    /// The page's process ended while the item ran. Says more about why, where more is known.
    pub(crate) fn died(&mut self, failure: FailedPage) -> FailedPage {
        self.spoil();
        if self.browser.killed_pages() == self.killed_before {
            return failure;
        }
        let message = "the page was ended because of the memory that it, or one beside it, held";
        FailedPage { message: message.to_owned(), ..failure }
    }

    /// Sets the cookies of an item, for the host of `url` alone and until the context is emptied.
    pub(crate) async fn set_cookies(&self, cookies: &Cookies, url: &Url) -> Result<(), FailedPage> {
        let params: Vec<CookieParam> =
            pairs(cookies.reveal()).take(COOKIES_MAX).map(|(name, value)| cookie(name, value, url)).collect();
        if params.is_empty() {
            return Ok(());
        }
        let mut command = SetCookiesParams::new(params);
        command.browser_context_id = Some(self.context.clone());
        self.browser.control().execute(command).await.map(drop).map_err(|error| match error {
            CdpError::Chrome(_) => failed(
                ErrorCode::Internal,
                "the browser does not take these cookies; check their names and values",
            ),
            _ => lost(),
        })
    }

    /// Leaves the page and forgets all that it left: cookies, storage of every kind, caches, service workers,
    /// history. When that does not work in time the context must be closed.
    pub(crate) async fn clear(&mut self) -> Result<(), FailedPage> {
        // A tab that did not get through this is not used again.
        self.reusable = false;
        within(CLEAR_LIMIT_MS, async {
            // First the page has to be gone, else it writes again what is cleared.
            tokio::try_join!(
                async { self.page.execute(NavigateParams::new("about:blank")).await.map(drop) },
                self.frames.hide(&self.page),
            )?;
            // The name of a window belongs to the tab, not to an origin.
            self.page.execute(EvaluateParams::new("window.name = ''")).await?;
            let cookies = ClearCookiesParams { browser_context_id: Some(self.context.clone()) };
            tokio::try_join!(
                async { self.browser.control().execute(cookies).await.map(drop) },
                // No origin in particular means every one, partitioned storage and session storage included.
                async { self.page.execute(ClearDataForOriginParams::new("*", "all")).await.map(drop) },
                async { self.page.execute(ClearBrowserCacheParams {}).await.map(drop) },
                async { self.page.execute(ResetNavigationHistoryParams {}).await.map(drop) },
            )
        })
        .await?;
        self.reusable = true;
        self.killed_before = self.browser.killed_pages();
        Ok(())
    }

    /// Throws the context away with all that is in it.
    pub(crate) async fn close(self) {
        let Self { browser, context, .. } = self;
        dispose(&browser, context).await;
    }
}

async fn make_context(browser: &Browser, proxy: SocketAddr) -> Result<BrowserContextId, CdpError> {
    let params = CreateBrowserContextParams::builder()
        .dispose_on_detach(true)
        .proxy_server(format!("http://{proxy}"))
        // Without this, Chromium would reach the machine's own addresses past the proxy.
        .proxy_bypass_list("<-loopback>")
        .build();
    Ok(browser.control().execute(params).await?.result.browser_context_id)
}

async fn make_tab(browser: &Browser, context: &BrowserContextId) -> Result<(Page, Watch, Frames), CdpError> {
    let mut downloads = SetDownloadBehaviorParams::new(SetDownloadBehaviorBehavior::Deny);
    downloads.browser_context_id = Some(context.clone());
    browser.control().execute(downloads).await?;
    let mut target = CreateTargetParams::new("about:blank");
    target.browser_context_id = Some(context.clone());
    let page = browser.control().new_page(target).await?;
    silence(&page).await?;
    page.execute(AddScriptToEvaluateOnNewDocumentParams::new(AT_START)).await?;
    let watch = Watch::start(&page).await?;
    let frames = Frames::of(&page, browser.always_paints()).await?;
    Ok((page, watch, frames))
}

/// Switches off what the library switched on for every page and nobody here listens to.
///
/// Its way of attaching to workers halts each of them until it is told to go on, and a service worker is now and
/// then never told, so that the page waits for ever. The others cost time on every page.
async fn silence(page: &Page) -> Result<(), CdpError> {
    let mut attach = SetAutoAttachParams::new(false, false);
    attach.flatten = Some(true);
    tokio::try_join!(
        async { page.execute(attach).await.map(drop) },
        async { page.execute(log::DisableParams {}).await.map(drop) },
        async { page.execute(performance::DisableParams {}).await.map(drop) },
        async { page.execute(runtime::DisableParams {}).await.map(drop) },
    )
    .map(drop)
}

/// Disposes of a context; a browser that cannot even do that is ended.
async fn dispose(browser: &Browser, context: BrowserContextId) {
    if browser.lost().is_cancelled() {
        return;
    }
    let command = browser.control().execute(DisposeBrowserContextParams::new(context));
    let disposed =
        browser.lost().run_until_cancelled(timeout(Duration::from_millis(CLOSE_LIMIT_MS), command)).await;
    if !matches!(disposed, None | Some(Ok(Ok(_)))) {
        tracing::warn!("a browser context could not be closed; Chromium is started again");
        browser.abandon();
    }
}

async fn within<T>(limit_ms: u64, work: impl Future<Output = Result<T, CdpError>>) -> Result<T, FailedPage> {
    match timeout(Duration::from_millis(limit_ms), work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) | Err(_) => Err(lost()),
    }
}

/// The browser did not do what any browser does.
pub(crate) fn lost() -> FailedPage {
    failed(ErrorCode::BrowserCrashed, "the browser stopped answering; the page can be tried again")
}

fn cookie(name: &str, value: &str, url: &Url) -> CookieParam {
    let mut cookie = CookieParam::new(name, value);
    // With an address and without a domain the cookie belongs to that host alone; without an end, to the session.
    cookie.url = Some(url.as_str().to_owned());
    cookie.path = Some("/".to_owned());
    cookie.secure = Some(url.scheme() == "https");
    cookie
}

/// The pairs of a raw `Cookie` header.
fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = header.split(';').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim(), value.trim())).filter(|(name, _)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_header_is_split_into_its_pairs() {
        let found: Vec<_> = pairs("a=1; b=x=y ;; c; =d;e=").collect();
        assert_eq!(found, [("a", "1"), ("b", "x=y"), ("e", "")]);
    }
}
