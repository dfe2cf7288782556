//! Pages of the test site that go on working when they have loaded.

use axum::{
    body::Body,
    extract::{FromRequestParts, Request, WebSocketUpgrade, ws::Message},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use std::{convert::Infallible, time::Duration};

/// What every page of a list begins with: something to write to, and enough words to look like a page that is done.
const WORDS: &str = "<!doctype html><title>Busy</title><div id=a></div><p>one two three four five six seven eight \
nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty twentyone twentytwo \
twentythree twentyfour twentyfive twentysix twentyseven twentyeight twentynine thirty thirtyone thirtytwo</p>
<script>const show = () => { a.innerHTML = '<p>Here it is</p>' }; const later = (ms) => new Promise((go) => setTimeout(go, ms));</script>";

/// Scripts by the names of their pages.
const SCRIPTS: &[(&str, &str)] = &[
    ("fetch", "fetch('/data').then((r) => r.text()).then(show)"),
    ("chain", "(async () => { for (let n = 0; n < 3; n++) await (await fetch('/data?' + n)).text(); show() })()"),
    ("xhr", "const x = new XMLHttpRequest(); x.onload = () => setTimeout(show, 20); x.open('GET', '/data'); x.send()"),
    ("stream", "(async () => { const r = (await fetch('/data')).body.getReader(); while (!(await r.read()).done); show() })()"),
    ("timer", "setTimeout(show, 300)"),
    ("timers", "setTimeout(() => setTimeout(() => setTimeout(show, 100), 100), 100)"),
    ("interval", "let n = 0; const t = setInterval(() => { if (++n > 0) { clearInterval(t); show() } }, 200)"),
    ("microtasks", "let p = Promise.resolve(); for (let n = 0; n < 100; n++) p = p.then(() => 0); onload = () => p.then(show)"),
    ("frames", "onload = () => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(show)))"),
    ("idle", "onload = () => requestIdleCallback(show)"),
    ("slices", "const c = new MessageChannel(); let n = 0; c.port1.onmessage = () => { if (++n > 200) show(); else c.port2.postMessage(0) }; onload = () => c.port2.postMessage(0)"),
    ("socket", "new WebSocket('ws://' + location.host + '/works/socket.ws').onmessage = show"),
    ("events", "new EventSource('/works/events.sse').onmessage = show"),
    ("worker", "new Worker(URL.createObjectURL(new Blob(['setTimeout(() => postMessage(1), 200)']))).onmessage = show"),
    ("module", "import(URL.createObjectURL(new Blob(['setTimeout(() => a.innerHTML = \"Here it is\", 100)'], { type: 'text/javascript' })))"),
    ("imported", "onload = () => { const s = document.createElement('script'); s.src = '/works/late.js'; document.head.append(s) }"),
    ("lazy", "const s = document.createElement('div'); s.style.cssText = 'margin-top:9000px;height:10px'; document.body.append(s);
      new IntersectionObserver((entries, me) => { for (const e of entries) if (e.isIntersecting) { me.unobserve(e.target); fetch('/data').then((r) => r.text()).then(show) } }).observe(s)"),
    ("unseen", "setTimeout(() => { a.textContent = `Here it is: ${document.visibilityState}, ${performance.getEntriesByType('paint').length} paints` }, 300)"),
    ("resized", "new ResizeObserver((entries, me) => { me.disconnect(); show() }).observe(a)"),
    ("in-view", "new IntersectionObserver((entries, me) => { if (entries.some((e) => e.isIntersecting && e.intersectionRatio > 0 && e.time > 0)) { me.disconnect(); show() } }).observe(document.querySelector('p'))"),
    ("scrolls", "const s = document.createElement('div'); s.style.height = '9000px'; document.body.append(s); onscroll = show; onload = () => scrollTo(0, 500)"),
    ("lazy-image", "const i = new Image(); i.loading = 'lazy'; i.onload = i.onerror = show; i.src = '/image'; document.body.prepend(i)"),
    ("transition", "const s = document.createElement('i'); s.style.cssText = 'position:absolute;left:0;transition:left 10ms'; document.body.append(s);
      s.ontransitionend = show; onload = () => requestAnimationFrame(() => { s.offsetLeft; s.style.left = '9px' })"),
    ("chained-frames", "let n = 0; const step = () => { if (++n > 3) show(); else requestAnimationFrame(step) }; setTimeout(step, 50)"),
    ("inner", "const f = document.createElement('iframe'); f.src = '/works/timer'; document.body.append(f)"),
    ("polling", "show(); (async () => { for (;;) { await fetch('/works/poll'); await later(20) } })()"),
    ("animation", "show(); const d = document.createElement('i'); document.body.append(d); let n = 0; const step = () => { d.textContent = n++; requestAnimationFrame(step) }; step()"),
    ("ticker", "show(); const d = document.createElement('i'); document.body.append(d); let n = 0; setInterval(() => { d.textContent = n++ }, 5)"),
    ("slow-timer", "show(); setTimeout(() => { a.textContent = '' }, 30000)"),
    ("silent-socket", "show(); new WebSocket('ws://' + location.host + '/works/silent.ws')"),
    ("posting", "show(); const c = new MessageChannel(); c.port1.onmessage = () => c.port2.postMessage(0); c.port2.postMessage(0)"),
    ("moves-at-once", "location.replace('/plain')"),
    ("moves-later", "setTimeout(() => { location.href = '/plain' }, 100)"),
    ("moves-to-canary", "setTimeout(() => { location.href = 'http://CANARY/secret' }, 50)"),
    ("moves-for-ever", "onload = () => location.reload()"),
];

/// Has hardly a word until its script has run, and works in a way that nobody can see from outside.
const SKELETON: &str = "<!doctype html><title>App</title><div id=a>Loading…</div><script>
const open = indexedDB.open('x'); open.onsuccess = () => fetch('/data').then((r) => r.text()).then(() => {
  const again = indexedDB.open('x'); again.onsuccess = () => { a.textContent = 'Here it is' } })</script>";

/// Answers for everything below `/works/`.
pub(crate) async fn answer(name: &str, canary: &str, request: Request) -> Response {
    if let Some((_, script)) = SCRIPTS.iter().find(|(known, _)| *known == name) {
        return Html(format!("{WORDS}<script>{}</script>", script.replace("CANARY", canary))).into_response();
    }
    match name {
        "skeleton" => Html(SKELETON).into_response(),
        "refreshes" => Html("<meta http-equiv=refresh content='0;url=/plain'><p>Wait").into_response(),
        "poll" => "nothing new".into_response(),
        "late.js" => ([(header::CONTENT_TYPE, "text/javascript")], "setTimeout(show, 50)").into_response(),
        "streamed" => streamed(),
        "events.sse" => {
            ([(header::CONTENT_TYPE, "text/event-stream")], "retry: 60000\ndata: now\n\n").into_response()
        }
        "socket.ws" | "silent.ws" => socket(request, name == "socket.ws").await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A page that comes in parts.
fn streamed() -> Response {
    let parts = ["<p>First", "<p>Second", "<p>Here it is"];
    let body = futures::stream::unfold(0, move |at| async move {
        tokio::time::sleep(Duration::from_millis(60)).await;
        parts.get(at).map(|part| (Ok::<_, Infallible>(*part), at + 1))
    });
    ([(header::CONTENT_TYPE, "text/html")], Body::from_stream(body)).into_response()
}

async fn socket(request: Request, speaks: bool) -> Response {
    let (mut parts, _) = request.into_parts();
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    upgrade.on_upgrade(move |mut socket| async move {
        if speaks {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let _ = socket.send(Message::Text("now".into())).await;
        }
        while socket.recv().await.is_some() {}
    })
}
