//! Documents of the test site that are put together from parts, or are not HTML.

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use std::net::SocketAddr;

/// A shadow tree in a shadow tree, with slots that pass content on; a closed one; one declared in the HTML.
const SHADOWS: &str = "<x-outer><b slot=t>Given twice</b></x-outer><x-closed></x-closed>
<x-declared><template shadowrootmode=open><h2>Declared</h2><slot></slot></template><p>Light</p></x-declared><script>
class Inner extends HTMLElement { connectedCallback() { this.attachShadow({ mode: 'open' }).innerHTML = '<h3>Inner</h3><slot></slot>' } }
class Outer extends HTMLElement { connectedCallback() { this.attachShadow({ mode: 'open' }).innerHTML = '<h2>Outer</h2><x-inner><slot name=t></slot></x-inner>' } }
class Closed extends HTMLElement { connectedCallback() { this.attachShadow({ mode: 'closed' }).innerHTML = '<p>Behind closed doors</p>' } }
customElements.define('x-inner', Inner); customElements.define('x-outer', Outer); customElements.define('x-closed', Closed)</script>";

const FRAMES: &str = "<h1>Around</h1><iframe src='/doc/framed'></iframe><p>Between</p>
<iframe src='http://SIBLING/doc/framed-elsewhere'></iframe><iframe srcdoc='<p>From the attribute</p>'></iframe>
<iframe src='http://localhost:PORT/doc/of-another-site'></iframe><iframe src='/plain' hidden></iframe><p>After</p>";

/// Late pictures, each with its real address somewhere else.
const PICTURES: &str =
    "<p>Pictures</p><img alt=one src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' data-src='/img/one.jpg'>
<picture><source srcset='/img/two-small.jpg 1x, /img/two.jpg 2x'><img alt=two></picture>
<img alt=three src='/img/placeholder.gif'><noscript><img alt=three src='/img/three.jpg'></noscript>
<img alt=four loading=lazy style='margin-top:9000px' src='img/four.jpg'><base href='/base/'>";

const RSS: &str = "<?xml version='1.0'?><rss version='2.0'><channel><title>News</title>
<item><title>One</title><link>/one</link><description>&lt;p&gt;First &lt;b&gt;story&lt;/b&gt;&lt;/p&gt;</description></item></channel></rss>";

/// Answers for everything below `/doc/`.
pub(crate) fn answer(name: &str, sibling: SocketAddr) -> Response {
    let typed = |mime: &'static str, body: Vec<u8>| ([(header::CONTENT_TYPE, mime)], body).into_response();
    match name {
        "shadows" => Html(SHADOWS).into_response(),
        "frames" => Html(FRAMES.replace("SIBLING", &sibling.to_string())).into_response(),
        "framed" => Html("<base href='/base/'><h2>Framed</h2><a href='x'>link</a>").into_response(),
        "framed-elsewhere" => Html("<h2>Framed elsewhere</h2><a href='y'>other</a>").into_response(),
        "of-another-site" => Html("<h2>Of another site</h2>").into_response(),
        "pictures" => Html(PICTURES).into_response(),
        "report.pdf" => typed("application/pdf", pdf()),
        "hidden.bin" => typed("application/octet-stream", pdf()),
        "feed" => typed("application/rss+xml", RSS.into()),
        "data.json" => typed("application/json", b"{\"name\":\"ant\",\"legs\":6}".to_vec()),
        "note.xml" => typed("text/xml", b"<note><to>Bee</to></note>".to_vec()),
        "table.csv" => {
            let headers = [
                (header::CONTENT_TYPE, "text/csv"),
                (header::CONTENT_DISPOSITION, "attachment; filename=t.csv"),
            ];
            (headers, "name,legs\nant,6\n").into_response()
        }
        "russian" => typed(
            "text/html",
            b"<p>\xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0 \xf1\xe5\xe3\xee\xe4\xed\xff</p>"
                .to_vec(),
        ),
        "picture.png" => typed("image/png", b"\x89PNG".to_vec()),
        "archive.zip" => typed("application/zip", b"PK\x03\x04".to_vec()),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A PDF of one page with a heading and a paragraph of two lines.
fn pdf() -> Vec<u8> {
    let content = "BT /F 24 Tf 72 700 Td (Annual report) Tj ET \
        BT /F 10 Tf 72 660 Td (Ants carried more lea-) Tj 0 -12 Td (ves than ever before this year.) Tj ET";
    let stream = format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len());
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        &stream,
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut places = String::new();
    for (at, object) in objects.iter().enumerate() {
        places.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", at + 1));
    }
    let start = file.len();
    file.push_str(&format!("xref\n0 6\n0000000000 65535 f \n{places}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"));
    file.into_bytes()
}
