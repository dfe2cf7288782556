//! Fast mode: one plain HTTP request through the slot's egress proxy. The same rules for addresses and cookies as
//! in the browser, but no scripts, no sub-resources and no picture.

use crate::{
    browser::{failed, refused, unpassed},
    content::{Document, Kind},
};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use leafcutter_challenge::{Evidence, TELLING_HEADERS, judge, may_hide_a_challenge};
use leafcutter_dispatch::{Cookies, FailedPage};
use leafcutter_domain::ErrorCode;
use leafcutter_egress::{Proxy, REFUSAL_HEADER};
use reqwest::{
    Client, Response,
    header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue},
    redirect,
};
use url::Url;

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 10;
/// Where a page may declare its charset, in bytes from its beginning.
const CHARSET_WITHIN_BYTES: usize = 1_024;
const USER_AGENT: &str = concat!("Mozilla/5.0 (compatible; Leafcutter/", env!("CARGO_PKG_VERSION"), ")");
const ACCEPTED: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// Fetches `url` through `proxy`. The caller bounds the time.
pub(crate) async fn fetch(
    url: &Url,
    cookies: Option<&Cookies>,
    proxy: &Proxy,
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
    let (mime, charset) = content_type(response.headers());
    let refused = || failed(ErrorCode::HttpStatus, format!("the page answered {status}"));
    let html = Kind::of(&mime) == Some(Kind::Html);
    if status.as_u16() >= 400 && !(html && may_hide_a_challenge(status.as_u16())) {
        return Err(refused());
    }
    let telling = telling(response.headers());
    let Some(kind) = Kind::of(&mime) else {
        let message = format!("the page is of the kind '{mime}', which is not read");
        return Err(failed(ErrorCode::UnsupportedContent, message));
    };
    let bytes = match body(response, proxy).await {
        Err(_) if status.as_u16() >= 400 => return Err(refused()),
        read => read?,
    };
    let text = decode(&bytes, charset.as_deref());
    let evidence = Evidence { status: status.as_u16(), headers: &telling, html: &text };
    if let Some(challenge) = judge(&evidence).filter(|_| html) {
        return Err(unpassed(&challenge, Some("without a browser it cannot be passed")));
    }
    if status.as_u16() >= 400 {
        return Err(refused());
    }
    Ok(Document { final_url: url, http_status: status.as_u16(), kind, text })
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

/// By the byte order mark, the header, the page's own word, and else UTF-8 if it is that.
fn decode(bytes: &[u8], header: Option<&str>) -> String {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(CHARSET_WITHIN_BYTES)]);
    let declared = header.map(str::to_owned).or_else(|| charset_in(&head));
    let encoding = declared.and_then(|label| Encoding::for_label(label.as_bytes()));
    let guessed = if std::str::from_utf8(bytes).is_ok() { UTF_8 } else { WINDOWS_1252 };
    encoding.unwrap_or(guessed).decode(bytes).0.into_owned()
}

fn refusal(url: &Url, proxy: &Proxy) -> Option<FailedPage> {
    proxy.refusal_for(url.host_str()?).as_ref().map(refused)
}

fn of(error: &reqwest::Error, asked: &Url, proxy: &Proxy) -> FailedPage {
    // The error names the address that failed, which may be where a redirect led.
    let url = error.url().unwrap_or(asked);
    if let Some(failure) = refusal(url, proxy) {
        return failure;
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
    fn the_charset_of_the_header_wins_over_the_page() {
        let page = b"<meta charset=windows-1252>\xc3\xa9";
        assert!(decode(page, Some("utf-8")).ends_with('é'));
        assert!(decode(page, None).ends_with("Ã©"));
    }

    #[test]
    fn a_page_without_a_word_about_it_is_utf_8_when_it_can_be() {
        assert_eq!(decode("é".as_bytes(), None), "é");
        assert_eq!(decode(b"caf\xe9", None), "café");
        assert_eq!(decode(b"\xff\xfea\0", Some("utf-8")), "a");
    }

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
