//! Pages of the test site that stand before others: CAPTCHAs whose answer the site checks, pages that let a browser
//! pass by itself, and refusals.

use crate::solver_service::TOKEN;
use axum::{
    body::Body,
    http::{StatusCode, Uri},
    response::{Html, IntoResponse, Redirect, Response},
};
use futures::StreamExt as _;

/// What is behind every wall.
pub(crate) const BEHIND: &str = "Behind the wall";

pub(crate) fn answer(uri: &Uri, cookie: Option<&str>) -> Response {
    let passed = uri.query().is_some_and(|query| query.contains(TOKEN));
    let behind = Html(format!("<title>Shop</title><h1>{BEHIND}</h1><p>Ants, 19.90</p>"));
    match uri.path() {
        "/wall/behind" if passed => behind.into_response(),
        "/wall/behind" => Redirect::temporary("/wall/callback").into_response(),
        "/wall/callback" => wall(CALLBACK),
        "/wall/form" => wall(FORM),
        "/wall/bare-form" => refused(wall(BARE_FORM)),
        "/wall/in-place" => wall(IN_PLACE),
        "/wall/hidden-key" => wall("<div class=h-captcha></div>"),
        "/wall/settles" if cookie.is_some_and(|cookie| cookie.contains("seen=1")) => behind.into_response(),
        "/wall/settles" => (StatusCode::SERVICE_UNAVAILABLE, Html(SETTLES)).into_response(),
        "/wall/blocked" => (StatusCode::FORBIDDEN, Html(BLOCKED)).into_response(),
        "/wall/members" => (StatusCode::FORBIDDEN, Html(MEMBERS)).into_response(),
        "/wall/empty" => StatusCode::FORBIDDEN.into_response(),
        "/wall/endless" => {
            (StatusCode::FORBIDDEN, [("content-type", "text/html")], Body::from_stream(endless()))
                .into_response()
        }
        "/wall/data" => (StatusCode::FORBIDDEN, "you have been blocked").into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn wall(inner: &str) -> Response {
    Html(format!("<title>Robot check</title><p>Please verify you are human.</p>{inner}")).into_response()
}

fn refused(mut answer: Response) -> Response {
    *answer.status_mut() = StatusCode::FORBIDDEN;
    answer
}

fn endless() -> impl futures::Stream<Item = Result<&'static str, std::convert::Infallible>> {
    futures::stream::once(async { Ok("<p>Members only") }).chain(futures::stream::pending())
}

const CALLBACK: &str = "<div class=g-recaptcha data-sitekey=SITE-KEY-1 data-callback=passed></div>
<script>function passed(token) { location.href = '/wall/behind?token=' + encodeURIComponent(token) }</script>";

/// The callback only lets the button be pressed.
const FORM: &str =
    "<form action=/wall/behind><div class=h-captcha data-sitekey=SITE-KEY-2 data-callback='my.passed'>
<textarea name=h-captcha-response hidden></textarea></div><button id=go disabled>Go on</button></form>
<script>my = { passed() { go.disabled = false } }</script>";

/// Neither field nor callback.
const BARE_FORM: &str = "<form action=/wall/behind><div class=cf-turnstile data-sitekey=SITE-KEY-3></div>
<input type=submit></form>";

/// Shows what was behind without leaving. The callback is known to the widget's script alone.
const IN_PLACE: &str = "<div id=here class=g-recaptcha data-sitekey=SITE-KEY-4></div><script>
___grecaptcha_cfg = { clients: { 0: { a: { b: { callback(token) {
  fetch('/wall/behind?token=' + token).then(r => r.text()).then(html => { document.body.innerHTML = html });
} } } } } }</script>";

const SETTLES: &str = "<title>Please wait...</title><h1>Checking your browser before accessing the shop</h1>
<script>setTimeout(() => { document.cookie = 'seen=1'; location.reload() }, 300)</script>";

const BLOCKED: &str =
    "<title>Access denied</title><h1>Access denied</h1><p>Your IP address has been blocked.</p>";

const MEMBERS: &str = "<title>Members only</title><h1>Members only</h1><p>Log in to read this page.</p>";
