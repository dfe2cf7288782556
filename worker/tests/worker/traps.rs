//! Pages that hurt: they never end, take all they get, ask, open, print, redirect. Served by the site below `/trap/`.

use axum::{
    body::{Body, Bytes},
    http::{StatusCode, Uri, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use std::{convert::Infallible, time::Duration};

/// Size of the bodies that are too large, in bytes.
const LARGE_BYTES: usize = 100 * 1024 * 1024;
/// Size of one piece of such a body, in bytes.
const PIECE_BYTES: usize = 1024 * 1024;
/// What the compressed page unpacks to, in bytes.
const BOMB_BYTES: usize = 512 * 1024 * 1024;

const DIALOGS: &str = "<p id=out></p><script>
const all = [alert('a'), confirm('b'), prompt('c')];
onload = () => { out.textContent = 'answers: ' + all.join() + ' ' + document.title }</script>
<iframe srcdoc=\"<script>alert(1); confirm(2); parent.document.title += 'inner'</script>\"></iframe>
<iframe src='http://localhost:PORT/trap/dialog-frame'></iframe>";

const HISTORY: &str = "<h1>x</h1><script>for (let i = 0;; i++) history.pushState(i, '', '?' + i)</script>";
const UNLOAD: &str = "<h1>Unload</h1><script>onbeforeunload = (e) => { e.preventDefault(); return 'stay' };
onpagehide = onunload = () => { for (;;); }</script>";
const PRINT: &str = "<h1>Print</h1><script>print(); setInterval(print, 0)</script>";
const DOWNLOADS: &str = "<h1>Downloads</h1><iframe src=/trap/file></iframe><a id=a download href=/trap/file>x</a>
<script>for (let i = 0; i < 20; i++) a.click();
const b = document.createElement('a'); b.href = URL.createObjectURL(new Blob(['x'])); b.download = 'x'; b.click()</script>";
const POPUPS: &str = "<h1>Popups</h1><a id=a target=_blank href=/plain>x</a><script>
for (let i = 0; i < 50; i++) { open('/plain'); open('', 'w' + i); a.click() }
setInterval(() => open('/plain'), 1)</script>";
const GETTER: &str = "<h1>x</h1><script>
Object.defineProperty(Element.prototype, 'outerHTML', { get() { for (;;); } })</script>";
const WORKERS: &str = "<h1>Workers</h1><script>const code = URL.createObjectURL(new Blob(['for (;;);']));
for (let i = 0; i < 8; i++) new Worker(code)</script>";
const ENDLESS_FETCH: &str = "<h1>Endless</h1><script>onload = async () => {
for await (const _ of (await fetch('/trap/endless-bytes')).body); }</script>";
const HUGE: &str = "<div id=a></div><script>
const part = '<p class=abcdefghijklmnopqrstuvwxyz><i>x</i></p>'.repeat(50_000);
for (let i = 0; i < 14; i++) a.insertAdjacentHTML('beforeend', part)</script>";
const DEEP: &str = "<h1>Deep</h1><script>let at = document.body;
for (let i = 0; i < 50_000; i++) at = at.appendChild(document.createElement('div'))</script>";
const HEAP: &str = "<h1>x</h1><script>const all = []; for (;;) all.push(new Array(1_000_000).fill(all.length + .5))</script>";
const BUFFERS: &str = "<h1>x</h1><script>const all = [];
setInterval(() => all.push(new Uint8Array(32 << 20).fill(7)), 10);
new Image().src = '/gate/never'</script>";

/// The page under this path.
pub(crate) fn answer(uri: &Uri, port: &str) -> Response {
    let name = uri.path().trim_start_matches("/trap/");
    let next: u64 = uri.query().and_then(|count| count.parse().ok()).unwrap_or(0) + 1;
    let page = match name {
        "alert-loop" => "<h1>x</h1><script>while (true) alert('again')</script>",
        "dialogs" => &DIALOGS.replace("PORT", port),
        "dialog-frame" => "<script>alert(1); confirm(2); onbeforeunload = () => 'stay'</script>",
        "print" => PRINT,
        "unload" => UNLOAD,
        "downloads" => DOWNLOADS,
        "popups" => POPUPS,
        "redirect" => return Redirect::temporary(&format!("/trap/redirect?{next}")).into_response(),
        "redirect-by-script" => &format!("<h1>x</h1><script>location.href = '?{next}'</script>"),
        "redirect-by-meta" => &format!("<h1>x</h1><meta http-equiv=refresh content='0;url=?{next}'>"),
        "reload" => "<h1>x</h1><script>location.reload()</script>",
        "endless-script" => "<h1>x</h1><script src=/trap/endless-bytes></script>",
        "endless-fetch" => ENDLESS_FETCH,
        "spin" => "<h1>x</h1><script>for (;;);</script>",
        "spin-later" => "<h1>x</h1><script>onload = () => setTimeout(() => { for (;;); })</script>",
        "getter" => GETTER,
        "workers" => WORKERS,
        "history" => HISTORY,
        "frames" => &format!("<h1>x</h1><iframe src='?{next}'></iframe><iframe src='?{next}1'></iframe>"),
        "huge" => HUGE,
        "deep" => DEEP,
        "heap" => HEAP,
        "buffers" => BUFFERS,
        _ => return body(name),
    };
    Html(page.to_owned()).into_response()
}

fn body(name: &str) -> Response {
    match name {
        "file" => ([(header::CONTENT_TYPE, "application/octet-stream")], "some bytes").into_response(),
        "endless-text" => ([(header::CONTENT_TYPE, "text/plain")], endless("word ")).into_response(),
        "endless-bytes" => ([(header::CONTENT_TYPE, "text/javascript")], endless("0;")).into_response(),
        "large-announced" => {
            ([(header::CONTENT_LENGTH, LARGE_BYTES.to_string())], Html(large())).into_response()
        }
        "large" => Html(large()).into_response(),
        "large-json" => ([(header::CONTENT_TYPE, "application/json")], large()).into_response(),
        "bomb" => ([(header::CONTENT_ENCODING, "gzip")], Html(bomb())).into_response(),
        "login" => {
            let basic = [(header::WWW_AUTHENTICATE, "Basic realm=x")];
            (StatusCode::UNAUTHORIZED, basic, Html("<h1>Who are you?</h1>")).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn endless(word: &'static str) -> Body {
    Body::from_stream(futures::stream::unfold((), move |()| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, Infallible>(word), ()))
    }))
}

/// One comment, so that nothing slower than its end is waited for.
fn large() -> Body {
    let piece = Bytes::from(b"<!--".repeat(PIECE_BYTES / 4));
    let pieces = std::iter::repeat_n(Ok::<_, Infallible>(piece), LARGE_BYTES / PIECE_BYTES);
    Body::from_stream(futures::stream::iter(pieces))
}

/// A gzip file that repeats one letter, written by hand: a block of fixed codes with that letter, then the last 258
/// bytes again and again, each time in 13 bits.
fn bomb() -> Vec<u8> {
    const AGAIN_BYTES: usize = 258;
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut bits, mut count) = (0_u64, 0);
    let mut put = |code: u64, length: u32| {
        bits |= code << count;
        count += length;
        while count >= 8 {
            packed.push((bits & 0xff) as u8);
            (bits, count) = (bits >> 8, count - 8);
        }
    };
    // Codes come with their highest bit first: the last block, of fixed codes; the letter x; length 258, distance 1.
    put(0b011, 3);
    put(u64::from(0xa8_u8.reverse_bits()), 8);
    for _ in 0..BOMB_BYTES / AGAIN_BYTES {
        put(u64::from(0b1100_0101_u8.reverse_bits()), 13);
    }
    put(0, 16);
    packed
}
