//! Fast mode: one plain HTTP request through the slot's egress proxy. The same rules for addresses and cookies as
//! in the browser, but no scripts, no sub-resources and no picture. Also the way to documents that no browser shows.

use crate::{
    browser::{failed, refused, unpassed},
    content::{Body, Document, Kind, unsupported},
    hosts::Hosts,
};
use leafcutter_challenge::{Evidence, TELLING_HEADERS, judge, may_hide_a_challenge};
use leafcutter_dispatch::{Cookies, FailedPage};
use leafcutter_domain::ErrorCode;
use leafcutter_egress::{Proxy, REFUSAL_HEADER};
use leafcutter_extract::{decode, open_shadow_trees};
use reqwest::{
    Client, Response,
    header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER},
    redirect,
};
use url::Url;

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 10;
pub(crate) const USER_AGENT: &str =
    concat!("Mozilla/5.0 (compatible; Leafcutter/", env!("CARGO_PKG_VERSION"), ")");
const ACCEPTED: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// What is said of a page that leads to no other page.
const OFF_THE_WEB: &str = "the page leads to an address that is not on the public web";

/// Fetches `url` through `proxy`. The caller bounds the time.
pub(crate) async fn fetch(
    url: &Url,
    cookies: Option<&Cookies>,
    proxy: &Proxy,
    hosts: &Hosts,
) -> Result<Document, FailedPage> {
    let client = client(proxy).map_err(|_| failed(ErrorCode::Internal, "no HTTP client can be made"))?;
    let mut request = client.get(url.clone()).header(ACCEPT, ACCEPTED);
    if let Some(cookies) = cookies {
        let mut value = HeaderValue::from_str(cookies.reveal())
            .map_err(|_| failed(ErrorCode::Internal, "the cookies cannot be sent in a header"))?;
        value.set_sensitive(true);
        // The client drops this header when a redirect leads to another host.
        request = request.header(COOKIE, value);
    }
    let response = request.send().await.map_err(|error| of(&error, url, proxy))?;
    let final_url = response.url().clone();
    let http_status = response.status().as_u16();
    let asked = response.headers().get(RETRY_AFTER).map(HeaderValue::to_str).and_then(Result::ok);
    hosts.heed(&final_url, http_status, asked);
    read(response, proxy).await.map_err(|failure| FailedPage {
        final_url: Some(final_url.to_string()),
        http_status: Some(http_status),
        ..failure
    })
}

fn client(proxy: &Proxy) -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(USER_AGENT)
        .proxy(reqwest::Proxy::all(format!("http://{}", proxy.address()))?)
        .redirect(redirect::Policy::limited(REDIRECTS_MAX))
        .pool_max_idle_per_host(0)
        .referer(false)
        .build()
}

async fn read(response: Response, proxy: &Proxy) -> Result<Document, FailedPage> {
    let status = response.status();
    let url = response.url().clone();
    if response.headers().contains_key(REFUSAL_HEADER)
        && let Some(failure) = refusal(&url, proxy)
    {
        return Err(failure);
    }
    if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) && response.headers().contains_key(LOCATION) {
        // The client follows what leads to a page and hands back what leads to a file, a program or nowhere.
        return Err(failed(ErrorCode::PrivateAddress, OFF_THE_WEB));
    }
    let (mime, charset) = content_type(response.headers());
    let refused = || failed(ErrorCode::HttpStatus, format!("the page answered {status}"));
    let kind = Kind::of(&mime, url.as_str());
    if status.as_u16() >= 400 && !(kind == Some(Kind::Html) && may_hide_a_challenge(status.as_u16())) {
        return Err(refused());
    }
    let telling = telling(response.headers());
    let kind = kind.ok_or_else(|| unsupported(&mime))?;
    let bytes = match body(response, proxy).await {
        Err(_) if status.as_u16() >= 400 => return Err(refused()),
        read => read?,
    };
    let body = match kind {
        Kind::Html => Body::Html(decode(&bytes, charset.as_deref())),
        Kind::Other(kind) => Body::Other { kind, bytes: bytes.into(), charset },
    };
    let mut document = Document { final_url: url, http_status: status.as_u16(), body };
    if let Body::Html(html) = &mut document.body {
        let evidence = Evidence { status: status.as_u16(), headers: &telling, html };
        if let Some(challenge) = judge(&evidence) {
            return Err(unpassed(&challenge, Some("without a browser it cannot be passed")));
        }
        *html = open_shadow_trees(html).into_owned();
    }
    if status.as_u16() >= 400 {
        return Err(refused());
    }
    Ok(document)
}

/// The headers that can tell a challenge.
fn telling(headers: &HeaderMap) -> Vec<(String, String)> {
    let found = TELLING_HEADERS.iter().filter_map(|name| Some((*name, headers.get(*name)?.to_str().ok()?)));
    found.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

async fn body(mut response: Response, proxy: &Proxy) -> Result<Vec<u8>, FailedPage> {
    let url = response.url().clone();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| of(&error, &url, proxy))? {
        if bytes.len() + chunk.len() > leafcutter_extract::HTML_BYTES_MAX {
            return Err(failed(ErrorCode::TooLarge, "the page is larger than what is read"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Media type and charset of the header; a page without one is taken for HTML.
fn content_type(headers: &HeaderMap) -> (String, Option<String>) {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("text/html");
    let mut parts = text.split(';');
    let mime = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    (mime, parts.find_map(charset_in))
}

fn charset_in(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let (_, rest) = lower.split_once("charset=")?;
    let label = rest.trim_start_matches(['"', '\'', ' ']);
    let end = label.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_:.".contains(letter));
    Some(label[..end.unwrap_or(label.len())].to_owned())
}

/// Why the proxy did not let this address through, if it did not.
pub(crate) fn refusal(url: &Url, proxy: &Proxy) -> Option<FailedPage> {
    proxy.refusal_for(url.host_str()?).as_ref().map(refused)
}

/// What a failed request means for an item.
pub(crate) fn of(error: &reqwest::Error, asked: &Url, proxy: &Proxy) -> FailedPage {
    // The error names the address that failed, which may be where a redirect led.
    let url = error.url().unwrap_or(asked);
    if let Some(failure) = refusal(url, proxy) {
        return failure;
    }
    if !matches!(url.scheme(), "http" | "https") {
        return failed(ErrorCode::PrivateAddress, OFF_THE_WEB);
    }
    let chain = causes(error);
    let (code, message) = if error.is_redirect() {
        (ErrorCode::ConnectFailed, "the page redirects more often than is followed")
    } else if error.is_timeout() {
        (ErrorCode::NavigationTimeout, "the host did not answer in time")
    } else if ["certificate", "tls", "handshake"].iter().any(|word| chain.contains(word)) {
        (ErrorCode::TlsFailed, "no trusted TLS connection to the host")
    } else {
        (ErrorCode::ConnectFailed, "no usable connection to the host")
    };
    failed(code, message)
}

fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&error.to_string().to_ascii_lowercase());
        text.push(' ');
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charset_is_read_in_any_spelling() {
        for text in
            ["charset=utf-8", " Charset=\"UTF-8\"", "<meta charset='utf-8'>", "text/html; charset=utf-8\">"]
        {
            assert_eq!(charset_in(text).as_deref(), Some("utf-8"), "{text}");
        }
        assert_eq!(charset_in("boundary=x"), None);
    }
}
