//! A page that looks for what an earlier visit may have left, in every place that browsers have, and leaves
//! something in each. Served by the site below `/probe`.

use axum::{
    http::{HeaderMap, Method, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

/// Says what it finds, and holds its load event back meanwhile.
const PAGE: &str = include_str!("probe.html");

const WORKER: &str = "self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', event => event.waitUntil(clients.claim()));
self.addEventListener('fetch', event => {
    if (event.request.url.endsWith('/probe')) event.respondWith(new Response('found: the worker of before')) });
new BroadcastChannel('trace').onmessage = (event) => event.target.postMessage('the worker of before')";

const SHARED: &str = "let visits = 0; onconnect = (event) => event.ports[0].postMessage(visits++);
new BroadcastChannel('trace').onmessage = (event) => event.target.postMessage('the shared worker of before')";

/// Header that a browser sends to who has asked for it before.
const HINT: &str = "sec-ch-ua-platform-version";

/// The answer to a request below `/probe`.
pub(crate) fn answer(path: &str, method: &Method, headers: &HeaderMap, port: &str) -> Response {
    let script = [(header::CONTENT_TYPE, "text/javascript")];
    match path {
        "/probe" => page(headers, port),
        "/probe/worker.js" => (script, [("service-worker-allowed", "/")], WORKER).into_response(),
        "/probe/shared.js" => (script, SHARED).into_response(),
        "/probe/cached.js" => (script, [(header::CACHE_CONTROL, "max-age=3600")], "0").into_response(),
        "/probe/etag" => {
            let known = headers.contains_key(header::IF_NONE_MATCH);
            ([(header::ETAG, "\"trace\"")], if known { "known" } else { "new" }).into_response()
        }
        "/probe/login" if headers.contains_key(header::AUTHORIZATION) => "known".into_response(),
        "/probe/login" => {
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=trace")], "").into_response()
        }
        "/probe/preflight" => {
            let allow = [
                (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
                (header::ACCESS_CONTROL_ALLOW_HEADERS, "x-trace"),
                (header::ACCESS_CONTROL_MAX_AGE, "600"),
            ];
            let status = if *method == Method::OPTIONS { StatusCode::NO_CONTENT } else { StatusCode::OK };
            (status, allow).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn page(headers: &HeaderMap, port: &str) -> Response {
    let traces =
        [header::COOKIE.as_str(), "if-none-match", "if-modified-since", "authorization", "referer", HINT];
    let seen: Vec<_> = traces.into_iter().filter(|name| headers.contains_key(*name)).collect();
    let page = PAGE.replace("SERVER_SAW", &format!("{seen:?}")).replace("PORT", port);
    let keep = [(header::ETAG, "\"page\""), (header::LAST_MODIFIED, "Mon, 01 Jan 2024 00:00:00 GMT")];
    ([("accept-ch", "Sec-CH-UA-Platform-Version")], keep, Html(page)).into_response()
}
