//! The body of a submit: what may be in it, and everything that is wrong with it, each fault naming its field.

use super::{schema, urls};
use crate::Commands;
use leafcutter_dispatch::Cookies;
use leafcutter_domain::{
    Isolation, OutputFormat, ProxyPlace, ScrapeMode, ScrapeOptions, Screenshot,
    limits::{
        ATTEMPTS_MAX, BATCH_URLS_MAX, COOKIES_BYTES_MAX, CREDITS_MAX, METADATA_BYTES_MAX, PROMPT_CHARS_MAX,
    },
};
use leafcutter_wire::ApiError;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What is said of a `proxyCountry` that is none.
const COUNTRY_FAULT: &str = "proxyCountry: must be a two-letter ISO country, `eu` or `global`";

/// An absolute http or https URL on the public internet.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(format = "uri", pattern = "^https?://", max_length = 2048)]
pub(crate) struct PageUrl(String);

/// A page: its URL as text, or as an object.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum UrlEntry {
    /// The URL.
    Text(PageUrl),
    /// An object that holds the URL.
    Object(UrlObject),
}

/// An object that holds a URL.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UrlObject {
    /// The URL.
    url: PageUrl,
}

/// A batch to submit. Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubmitRequest {
    /// The pages: 1 to 50, http or https.
    #[schema(min_items = 1, max_items = 50)]
    urls: Vec<UrlEntry>,
    /// What to extract, in your words.
    #[schema(max_length = 10000)]
    prompt: Option<String>,
    /// Form of the results; `json` when a prompt or schema is there, else `markdown`.
    #[schema(inline)]
    output: Option<Output>,
    /// JSON Schema of each result, at most 64 KiB; the root must be an object. Forces `output: json`.
    #[schema(value_type = Option<Object>)]
    schema: Option<Value>,
    /// Open the pages through a proxy; 422 `PROXY_UNAVAILABLE` when the server has none there.
    use_proxy: Option<bool>,
    /// Where the proxy stands: a two-letter ISO country, `eu`, or `global` (the default); needs `useProxy`.
    #[schema(pattern = "^([A-Za-z]{2}|[Gg][Ll][Oo][Bb][Aa][Ll])$")]
    proxy_country: Option<String>,
    /// Main content only.
    extract_content_only: Option<bool>,
    /// Raw `Cookie` header for the pages' hosts; held in memory only. At most 16 KiB.
    #[schema(max_length = 16384, pattern = "^[ -~]*$")]
    cookies: Option<String>,
    /// Take a picture of each page.
    screenshot: Option<bool>,
    /// The picture shows the whole page; needs `screenshot`.
    full_page_screenshot: Option<bool>,
    /// `fast` fetches without a browser.
    #[schema(inline)]
    scrape_mode: Option<Mode>,
    /// Refuse (422 `COST_CEILING`) when more credits than this would be set aside.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_u64)]
    max_credits: Option<u64>,
    /// Answer with the price and queue nothing.
    dry_run: Option<bool>,
    /// Your own object, at most 4 KiB, given back with the batch.
    #[schema(value_type = Option<Object>)]
    metadata: Option<serde_json::Map<String, Value>>,
    /// Attempts for each page: 1 to 3.
    #[schema(minimum = 1, maximum = 3)]
    max_attempts: Option<u8>,
    /// Which pages may share a browser context.
    #[schema(inline)]
    isolation: Option<Sharing>,
    /// Not built yet: refused with `NOT_SUPPORTED`.
    #[schema(value_type = Option<Object>)]
    webhook: Option<Value>,
    /// Pages of this batch that are open at the same time, at most; without it as many as there is room for.
    #[schema(minimum = 1, maximum = 50)]
    concurrency: Option<u16>,
    /// Do not open pages that their site's `robots.txt` forbids: they fail with `ROBOTS_DENIED`.
    respect_robots: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Output {
    Json,
    Markdown,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Default,
    Fast,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Sharing {
    Batch,
    Item,
}

/// A request that is fit to be submitted.
pub(crate) struct Order {
    pub(crate) urls: Vec<String>,
    pub(crate) options: ScrapeOptions,
    pub(crate) cookies: Option<Cookies>,
    pub(crate) max_attempts: u8,
    pub(crate) metadata: Option<Value>,
    pub(crate) dry_run: bool,
    pub(crate) max_credits: Option<u64>,
    pub(crate) schema_warnings: Vec<String>,
    /// Set by the handler when an idempotency key came along.
    pub(crate) fingerprint: Option<String>,
}

impl SubmitRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// 422 with all faults, or with the code of an option that is not available here.
    pub(crate) fn check(self, commands: &Commands) -> Result<Order, ApiError> {
        self.refuse_unbuilt()?;
        let faults = self.faults(commands);
        if !faults.is_empty() {
            return Err(ApiError::validation(faults));
        }
        let proxy = self.proxy(commands)?;
        let schema_warnings = self.warnings(commands.settings.extras.model.is_some());
        let output = match (self.output, &self.schema, &self.prompt) {
            (_, Some(_), _) | (Some(Output::Json), ..) | (None, None, Some(_)) => OutputFormat::Json,
            (Some(Output::Markdown), None, _) | (None, None, None) => OutputFormat::Markdown,
        };
        let screenshot = match (self.screenshot, self.full_page_screenshot) {
            (Some(true), Some(true)) => Screenshot::FullPage,
            (Some(true), _) => Screenshot::Viewport,
            _ => Screenshot::None,
        };
        let options = ScrapeOptions {
            output,
            prompt: self.prompt,
            schema: self.schema,
            extract_content_only: self.extract_content_only.unwrap_or_default(),
            screenshot,
            mode: if matches!(self.scrape_mode, Some(Mode::Fast)) {
                ScrapeMode::Fast
            } else {
                ScrapeMode::Default
            },
            isolation: if matches!(self.isolation, Some(Sharing::Item)) {
                Isolation::Item
            } else {
                Isolation::Batch
            },
            proxy,
            respect_robots: self.respect_robots.unwrap_or_default(),
            concurrency: self.concurrency,
        };
        Ok(Order {
            urls: self.urls.into_iter().map(UrlEntry::into_text).collect(),
            options,
            cookies: self.cookies.filter(|cookies| !cookies.is_empty()).map(Cookies::new),
            max_attempts: self.max_attempts.unwrap_or(1),
            metadata: self.metadata.map(Value::Object),
            dry_run: self.dry_run.unwrap_or_default(),
            max_credits: self.max_credits,
            schema_warnings,
            fingerprint: None,
        })
    }

    fn refuse_unbuilt(&self) -> Result<(), ApiError> {
        if self.webhook.is_some() {
            return Err(unavailable("NOT_SUPPORTED", "webhook: webhooks are not built yet".to_owned()));
        }
        Ok(())
    }

    /// The place whose proxies are asked for. Without proxies there nothing could be done but open the pages from
    /// here, which is what the caller does not want.
    fn proxy(&self, commands: &Commands) -> Result<Option<ProxyPlace>, ApiError> {
        if self.use_proxy != Some(true) {
            return Ok(None);
        }
        let country = self.proxy_country.as_deref().map(str::parse);
        let place = country.transpose().map_err(|_| ApiError::validation(vec![COUNTRY_FAULT.to_owned()]))?;
        let place: ProxyPlace = place.unwrap_or_default();
        if commands.settings.proxy_places.contains(&place) {
            return Ok(Some(place));
        }
        let field = if self.proxy_country.is_some() { "proxyCountry" } else { "useProxy" };
        Err(unavailable("PROXY_UNAVAILABLE", format!("{field}: this server has no proxy for {place}")))
    }

    fn faults(&self, commands: &Commands) -> Vec<String> {
        let mut faults = Vec::new();
        let max = commands.settings.batch_urls_max;
        if self.urls.is_empty() || self.urls.len() > max {
            faults.push(format!("urls: must hold 1 to {max} URLs, not {}", self.urls.len()));
        } else {
            let numbered = self.urls.iter().enumerate();
            faults.extend(numbered.filter_map(|(index, url)| {
                urls::fault(&commands.policy, url.text()).map(|fault| format!("urls[{index}]: {fault}"))
            }));
        }
        if self.prompt.as_ref().is_some_and(|prompt| prompt.chars().count() > PROMPT_CHARS_MAX) {
            faults.push(format!("prompt: is longer than {PROMPT_CHARS_MAX} characters"));
        }
        if let Some(fault) = self.schema.as_ref().and_then(schema::fault) {
            faults.push(format!("schema: {fault}"));
        }
        faults.extend(self.cookies.as_deref().and_then(cookie_fault));
        if self.full_page_screenshot == Some(true) && self.screenshot != Some(true) {
            faults.push("fullPageScreenshot: needs screenshot".to_owned());
        }
        if self.screenshot == Some(true) && matches!(self.scrape_mode, Some(Mode::Fast)) {
            faults.push("screenshot: is not taken in scrapeMode fast".to_owned());
        }
        match self.proxy_country.as_deref().map(str::parse::<ProxyPlace>) {
            Some(Err(_)) => faults.push(COUNTRY_FAULT.to_owned()),
            Some(Ok(_)) if self.use_proxy != Some(true) => {
                faults.push("proxyCountry: needs useProxy".to_owned());
            }
            _ => {}
        }
        if self.concurrency.is_some_and(|count| !(1..=BATCH_URLS_MAX).contains(&count.into())) {
            faults.push(format!("concurrency: must be 1 to {BATCH_URLS_MAX}"));
        }
        if self.max_attempts.is_some_and(|attempts| !(1..=ATTEMPTS_MAX).contains(&attempts)) {
            faults.push(format!("maxAttempts: must be 1 to {ATTEMPTS_MAX}"));
        }
        if self.max_credits.is_some_and(|credits| credits > CREDITS_MAX) {
            faults.push(format!("maxCredits: must be at most {CREDITS_MAX}"));
        }
        let metadata_bytes =
            self.metadata.as_ref().map(|map| serde_json::to_string(map).map_or(0, |json| json.len()));
        if metadata_bytes.is_some_and(|bytes| bytes > METADATA_BYTES_MAX) {
            faults.push(format!("metadata: is larger than {METADATA_BYTES_MAX} bytes"));
        }
        faults
    }

    fn warnings(&self, has_model: bool) -> Vec<String> {
        let mut warnings = self.schema.as_ref().map(schema::warnings).unwrap_or_default();
        if self.prompt.is_some() && !has_model {
            warnings.push("prompt: no model is configured; the prompt serves only to name fields".to_owned());
        }
        warnings
    }
}

fn unavailable(code: &'static str, error: String) -> ApiError {
    let message = "An option of this request is not available here.".to_owned();
    ApiError::Invalid { code, message, errors: vec![error] }
}

/// Cookies go into a header as they are, so nothing may be in them that ends it.
pub(crate) fn cookie_fault(cookies: &str) -> Option<String> {
    if cookies.len() > COOKIES_BYTES_MAX {
        return Some(format!("cookies: is larger than {COOKIES_BYTES_MAX} bytes"));
    }
    let odd = cookies.chars().any(|char| char.is_control() || !char.is_ascii());
    odd.then(|| "cookies: must be one line of ASCII, as in a Cookie header".to_owned())
}

impl UrlEntry {
    fn text(&self) -> &str {
        match self {
            Self::Text(PageUrl(url)) | Self::Object(UrlObject { url: PageUrl(url) }) => url,
        }
    }

    fn into_text(self) -> String {
        match self {
            Self::Text(PageUrl(url)) | Self::Object(UrlObject { url: PageUrl(url) }) => url,
        }
    }
}
