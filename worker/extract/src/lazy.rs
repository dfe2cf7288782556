//! Pictures that a page loads late: their real addresses stand in attributes that its script would have read.
//!
//! **Not here:** which pictures are content (`main_content`), how they are written (`markdown`).

use std::sync::LazyLock;

use dom_query::{Document, NodeRef};
use regex::Regex;

/// Where scripts keep the address of a picture until it is needed, the most common first.
const ADDRESSES: &[&str] = &[
    "data-src",
    "data-lazy-src",
    "data-original",
    "data-lazy",
    "data-original-src",
    "data-echo",
    "data-image",
];
/// The same for several sizes of a picture.
const SETS: &[&str] = &["data-srcset", "data-lazy-srcset", "srcset"];

/// Names of pictures that only hold a place.
static PLACEHOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^data:|^about:|(^|[/_-])(placeholder|blank|spacer|loading|lazy|pixel|transparent|1x1|grey|gray)[\w-]*\.(gif|png|svg|jpe?g|webp)([?#]|$)").ok()
});
/// One picture of a set: its address, its size and the unit of that.
static CANDIDATE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"([^\s,]\S*[^\s,])(?:\s+([0-9.]+)([wx]))?\s*(?:,|$)").ok());
/// The picture that is shown where no script runs.
static UNSCRIPTED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)<img\b[^>]*?\ssrc\s*=\s*["']?([^"'\s>]+)"#).ok());

/// Gives every picture its real address, as far as the page tells it.
pub(crate) fn resolve(document: &Document) {
    for image in document.select("img").nodes() {
        let given = image.attr("src").filter(|src| is_real(src));
        let late = ADDRESSES.iter().find_map(|name| image.attr(name).filter(|value| is_address(value)));
        let found = late
            .map(|address| address.to_string())
            .or_else(|| given.is_none().then(|| elsewhere(image)).flatten());
        if let Some(address) = found {
            image.set_attr("src", address.trim());
        }
    }
}

/// The address of a picture that has none of its own.
fn elsewhere(image: &NodeRef<'_>) -> Option<String> {
    let set = |node: &NodeRef<'_>| SETS.iter().find_map(|name| largest(&node.attr(name)?));
    set(image)
        .or_else(|| {
            let parent = image.parent().filter(|parent| parent.has_name("picture"))?;
            parent.children().iter().filter(|child| child.has_name("source")).find_map(set)
        })
        .or_else(|| {
            let next = image
                .next_sibling()
                .filter(|next| !next.is_text())
                .or_else(|| image.next_sibling()?.next_sibling())?;
            let text = next.has_name("noscript").then(|| next.inner_html())?;
            let text =
                text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
            Some(UNSCRIPTED.as_ref()?.captures(&text)?.get(1)?.as_str().to_owned())
        })
        .filter(|address| is_real(address))
}

/// The largest picture of a set.
fn largest(set: &str) -> Option<String> {
    let size = |found: &regex::Captures<'_>| {
        found.get(2).and_then(|size| size.as_str().parse::<f64>().ok()).unwrap_or(1.0)
    };
    let candidates = CANDIDATE.as_ref()?.captures_iter(set).filter(|found| is_address(&found[1]));
    let best = candidates.max_by(|one, other| size(one).total_cmp(&size(other)))?;
    Some(best[1].to_owned())
}

fn is_real(address: &str) -> bool {
    let address = address.trim();
    !address.is_empty() && !PLACEHOLDER.as_ref().is_some_and(|placeholder| placeholder.is_match(address))
}

/// Whether it reads like an address; such attributes hold other things too.
fn is_address(text: &str) -> bool {
    is_real(text) && text.contains(['/', '.']) && !text.trim().contains([' ', '{', '<'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(html: &str) -> String {
        let document = Document::from(html);
        resolve(&document);
        document.select_single("img").attr_or("src", "").to_string()
    }

    #[test]
    fn a_late_picture_gets_its_real_address() {
        for html in [
            "<img data-src='/a.jpg'>",
            "<img src='data:image/gif;base64,R0' data-original=/a.jpg>",
            "<img src=/img/placeholder.png data-src=' /a.jpg '>",
            "<img src=/tiny.jpg data-src=/a.jpg>",
            "<img src=/blank.gif srcset='/s.jpg 1x, /a.jpg 2x'>",
            "<img data-srcset='/s.jpg 320w,/a.jpg 1280w, /m.jpg 640w'>",
            "<picture><source data-srcset='/a.jpg 2x, /s.jpg'><img></picture>",
            "<img src=spacer.gif><noscript><img class=x src='/a.jpg'></noscript>",
            "<img src=/a.jpg data-src='{{url}}' srcset='/b.jpg 2x'>",
        ] {
            assert_eq!(address(html), "/a.jpg", "{html}");
        }
    }

    #[test]
    fn a_picture_without_another_address_keeps_its_own() {
        assert_eq!(address("<img src=/loading.gif>"), "/loading.gif");
        assert_eq!(
            address("<img src='/w_100,h_100/a.jpg' srcset='/w_9,h_9/b.jpg 2x'>"),
            "/w_100,h_100/a.jpg"
        );
    }
}
