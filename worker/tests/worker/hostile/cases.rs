//! What a page can do to reach an address: one case each, as data. `http://C/N` is the canary, with the case's name as
//! its path.

/// How the item of a case ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// With the page's own content: what it tried just does not work.
    Well,
    /// With `PRIVATE_ADDRESS`: the page itself led there.
    Refused,
}

/// One way of reaching the canary.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) ends: Ends,
    /// Whether it gets there where the canary is allowed; else Chromium, or a flag of ours, forbids it by itself.
    pub(super) works: bool,
    /// Part of the page.
    pub(super) html: &'static str,
    /// What a script of the page does and waits for.
    pub(super) script: &'static str,
    /// A header of the page.
    pub(super) header: Option<(&'static str, &'static str)>,
}

const fn html(name: &'static str, html: &'static str) -> Case {
    Case { name, ends: Ends::Well, works: true, html, script: "", header: None }
}

const fn script(name: &'static str, script: &'static str) -> Case {
    Case { name, ends: Ends::Well, works: true, html: "", script, header: None }
}

const fn header(name: &'static str, header: (&'static str, &'static str)) -> Case {
    Case { name, ends: Ends::Well, works: true, html: "", script: "", header: Some(header) }
}

impl Case {
    /// It does not even work where the canary is allowed.
    const fn forbidden(self) -> Self {
        Self { works: false, ..self }
    }

    const fn refused(self) -> Self {
        Self { ends: Ends::Refused, ..self }
    }
}

/// The page embeds it.
pub(super) const EMBEDDED: &[Case] = &[
    html("img", "<img src='http://C/N'>"),
    html("srcset", "<img srcset='http://C/N 1x, http://C/N 2x'>"),
    html("picture", "<picture><source srcset='http://C/N'><img></picture>"),
    html("iframe", "<iframe src='http://C/N'></iframe>"),
    html("script", "<script src='http://C/N'></script>"),
    html("module", "<script type=module src='http://C/N'></script>"),
    html("stylesheet", "<link rel=stylesheet href='http://C/N'>"),
    html("css-import", "<style>@import url('http://C/N');</style>"),
    html("css-url", "<div style=\"background:url('http://C/N')\">x</div>"),
    html("css-image-set", "<div style=\"background:image-set('http://C/N' 1x)\">x</div>"),
    html("font", "<style>@font-face{font-family:F;src:url('http://C/N')}</style><p style='font-family:F'>x</p>"),
    html("video", "<video src='http://C/N' preload=auto></video>"),
    html("poster", "<video poster='http://C/N'></video>"),
    html("audio", "<audio src='http://C/N' preload=auto></audio>"),
    html("object", "<object data='http://C/N'></object>"),
    html("embed", "<embed src='http://C/N'>"),
    html("svg-image", "<svg><image href='http://C/N' width=9 height=9 /></svg>"),
    html("input-image", "<input type=image src='http://C/N'>"),
    html("srcdoc", "<iframe srcdoc=\"<img src='http://C/N'>\"></iframe>"),
    html("data-frame", "<iframe src=\"data:text/html,<img src='http://C/N'>\"></iframe>"),
    html("preload", "<link rel=preload as=image href='http://C/N'>"),
    html("modulepreload", "<link rel=modulepreload href='http://C/N'>"),
    html("prefetch", "<link rel=prefetch href='http://C/N'>"),
    html("preconnect", "<link rel=preconnect href='http://C/N'>").forbidden(),
    html("dns-prefetch", "<link rel=dns-prefetch href='http://C/N'>").forbidden(),
    html("prerender", "<link rel=prerender href='http://C/N'>").forbidden(),
    html("icon", "<link rel=icon href='http://C/N'>").forbidden(),
    html("manifest", "<link rel=manifest href='http://C/N'>").forbidden(),
    html(
        "speculation",
        "<script type=speculationrules>{\"prefetch\":[{\"urls\":[\"http://C/N\"],\"eagerness\":\"immediate\"}]}</script>",
    )
    .forbidden(),
    header("link-header", ("link", "<http://C/N>; rel=preload; as=image")),
    header("csp-report", ("content-security-policy", "img-src 'none'; report-uri http://C/N")).forbidden(),
    html("file-frame", "<iframe src='file:///etc/passwd'></iframe>").forbidden(),
    html("chrome-frame", "<iframe src='chrome://version'></iframe>").forbidden(),
];

/// A script asks for it.
pub(super) const ASKED: &[Case] = &[
    script("fetch", "await fetch('http://C/N', {mode: 'no-cors'})"),
    script("fetch-post", "await fetch('http://C/N', {mode: 'no-cors', method: 'POST', body: 'x'})"),
    script("fetch-keepalive", "await fetch('http://C/N', {mode: 'no-cors', keepalive: true})"),
    script("xhr", "await new Promise(r => { const x = new XMLHttpRequest(); x.onloadend = r; x.open('GET', 'http://C/N'); x.send() })"),
    script("websocket", "await new Promise(r => { new WebSocket('ws://C/N').onclose = r })"),
    script("websocket-tls", "await new Promise(r => { new WebSocket('wss://C/N').onclose = r })").forbidden(),
    script("eventsource", "await new Promise(r => { const e = new EventSource('http://C/N'); e.onerror = () => { e.close(); r() } })"),
    script("beacon", "navigator.sendBeacon('http://C/N', 'x'); await pause()"),
    script("image-object", "await new Promise(r => { const i = new Image(); i.onload = i.onerror = r; i.src = 'http://C/N' })"),
    script("import", "await import('http://C/N')"),
    script("worker-fetch", "await inWorker(`fetch('http://C/N', {mode: 'no-cors'}).finally(() => postMessage(1))`)"),
    script("worker-import", "await inWorker(`try { importScripts('http://C/N') } catch {} postMessage(1)`)"),
    script("worker-websocket", "await inWorker(`new WebSocket('ws://C/N').onclose = () => postMessage(1)`)"),
    script("nested-worker", "await inWorker(`fetch('http://C/N').finally(() => postMessage(1))`, 2)"),
    script("shared-worker", "new SharedWorker(blob(`fetch('http://C/N', {mode: 'no-cors'})`)); await pause()"),
    script("service-worker", "await navigator.serviceWorker.register('/sw/N'); await pause()"),
    script("blob-frame", "const f = document.createElement('iframe'); f.src = blob(\"<img src='http://C/N'>\", 'text/html'); await added(f)"),
    script("form-in-frame", "document.body.insertAdjacentHTML('beforeend', \"<iframe name=f></iframe><form target=f method=post action='http://C/N'></form>\"); document.forms[0].submit(); await pause()"),
    script("ping", "const a = document.createElement('a'); a.href = '#x'; a.ping = 'http://C/N'; document.body.append(a); a.click(); await pause()").forbidden(),
    script("popup", "open('http://C/N'); await pause()").forbidden(),
    script("css-object", "const s = new CSSStyleSheet(); s.replaceSync(\"body{background:url('http://C/N')}\"); document.adoptedStyleSheets = [s]; await pause()"),
    script("stun", "await ice([{urls: 'stun:C'}])").forbidden(),
    script("turn-udp", "await ice([{urls: 'turn:C?transport=udp', username: 'u', credential: 'c'}])").forbidden(),
    script("turn-tcp", "await ice([{urls: 'turn:C?transport=tcp', username: 'u', credential: 'c'}])").forbidden(),
    script("webtransport", "await new WebTransport('https://C/N').ready").forbidden(),
    script("fetch-redirected", "await fetch('/to/N', {mode: 'no-cors'})"),
    script("image-redirected", "await new Promise(r => { const i = new Image(); i.onload = i.onerror = r; i.src = '/to/N' })"),
    script("frame-redirected", "const f = document.createElement('iframe'); f.src = '/to/N'; await added(f)"),
    script("websocket-redirected", "await new Promise(r => { new WebSocket(`ws://${location.host}/to/N`).onclose = r })").forbidden(),
    script("fetch-file", "await fetch('file:///etc/passwd')").forbidden(),
    script("frame-userinfo", "await inFrame('http://site.example@C/N')").forbidden(),
    script("fetch-data", "await fetch('data:text/plain,x')").forbidden(),
];

/// The page leaves for it.
pub(super) const LEFT: &[Case] = &[
    html("meta-refresh", "<meta http-equiv=refresh content='0;url=http://C/N'>").refused(),
    header("refresh-header", ("refresh", "0;url=http://C/N")).refused(),
    script("location", "location = 'http://C/N'; await never()").refused(),
    script("location-replace", "location.replace('http://C/N'); await never()").refused(),
    script("location-redirected", "location = '/to/N'; await never()").refused(),
    script("form", "document.body.insertAdjacentHTML('beforeend', \"<form method=post action='http://C/N'></form>\"); document.forms[0].submit(); await never()").refused(),
    script("link-click", "const a = document.createElement('a'); a.href = 'http://C/N'; document.body.append(a); a.click(); await never()").refused(),
    script("open-self", "open('http://C/N', '_self'); await never()").refused(),
    script("from-frame", "document.body.insertAdjacentHTML('beforeend', `<iframe srcdoc=\"<script>top.location='http://C/N'<\\/script>\"></iframe>`); await pause()").refused(),
    script("to-file", "location = 'file:///etc/passwd'; await pause()").forbidden(),
    script("to-chrome", "location = 'chrome://settings'; await pause()").forbidden(),
    script("to-view-source", "location = 'view-source:http://C/N'; await pause()").forbidden(),
    script("to-data", "location = \"data:text/html,<img src='http://C/N'>\"; await pause()").forbidden(),
    script("to-blob", "location = blob(\"<h1>Case N</h1><img src='http://C/N'>\", 'text/html'); await never()"),
    script("to-javascript", "location = \"javascript:fetch('http://C/N', {mode: 'no-cors'})\"; await pause()"),
];
