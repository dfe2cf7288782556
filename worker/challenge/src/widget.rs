//! The CAPTCHAs that sites embed, found by their elements, frames and scripts, with their public site keys.

use crate::page::attribute;
use html5ever::tokenizer::Tag;
use regex::Regex;
use std::sync::LazyLock;

/// Length of a site key.
const KEY_CHARS_MAX: usize = 128;
/// Length of a widget's action and of its own data.
const DATA_CHARS_MAX: usize = 512;

/// A kind of CAPTCHA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WidgetKind {
    /// Google's reCAPTCHA, version 2.
    Recaptcha,
    /// hCaptcha.
    Hcaptcha,
    /// Cloudflare's Turnstile.
    Turnstile,
    /// Any other; nobody is asked to solve it.
    Other,
}

/// How sure it is that the visitor is shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Presence {
    /// It works in the background.
    Invisible,
    /// Its script is loaded.
    Script,
    /// It has a place of its own in the page.
    Element,
}

/// A CAPTCHA in a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widget {
    /// Whose it is.
    pub kind: WidgetKind,
    /// The site's public key, where the page shows it.
    pub site_key: Option<String>,
    /// Turnstile's `action`.
    pub action: Option<String>,
    /// Turnstile's `cData`.
    pub data: Option<String>,
    pub(crate) presence: Presence,
}

impl Widget {
    fn new(kind: WidgetKind, presence: Presence) -> Self {
        Self { kind, site_key: None, action: None, data: None, presence }
    }

    fn key(self, key: Option<&str>) -> Self {
        Self { site_key: key.filter(|key| is_key(key)).map(str::to_owned), ..self }
    }

    /// Whether it has a place of its own in the page.
    pub(crate) fn is_element(&self) -> bool {
        self.presence == Presence::Element
    }

    /// Whether it may hold a visitor up.
    pub(crate) fn holds_up(&self) -> bool {
        self.presence != Presence::Invisible
    }
}

/// The widget to solve: the one that is most surely there, with the key that any mention of it shows.
pub(crate) fn best(widgets: &[Widget]) -> Option<Widget> {
    let best = widgets.iter().filter(|widget| widget.holds_up()).max_by_key(|widget| {
        (widget.presence, widget.site_key.is_some(), widget.kind != WidgetKind::Other)
    })?;
    let mut best = best.clone();
    if best.site_key.is_none() {
        // A script says only `sitekey: …`; its kind is known from the script that is loaded.
        let other = widgets.iter().find(|other| other.site_key.is_some() && fits(best.kind, other));
        best.site_key = other.and_then(|other| other.site_key.clone());
    }
    Some(best)
}

fn fits(kind: WidgetKind, other: &Widget) -> bool {
    kind != WidgetKind::Other && (other.kind == kind || other.kind == WidgetKind::Other)
}

/// Classes of the elements in which widgets are put.
const CLASSES: [(&str, WidgetKind); 8] = [
    ("g-recaptcha", WidgetKind::Recaptcha),
    ("h-captcha", WidgetKind::Hcaptcha),
    ("cf-turnstile", WidgetKind::Turnstile),
    ("frc-captcha", WidgetKind::Other),
    ("geetest_captcha", WidgetKind::Other),
    ("geetest_holder", WidgetKind::Other),
    ("smart-captcha", WidgetKind::Other),
    ("mtcaptcha", WidgetKind::Other),
];

/// Addresses of the vendors' scripts. The first that is contained counts.
const SCRIPTS: [(&str, WidgetKind); 13] = [
    ("/recaptcha/api.js", WidgetKind::Recaptcha),
    ("/recaptcha/enterprise.js", WidgetKind::Recaptcha),
    ("hcaptcha.com/1/api.js", WidgetKind::Hcaptcha),
    ("challenges.cloudflare.com/turnstile/", WidgetKind::Turnstile),
    ("arkoselabs.com/", WidgetKind::Other),
    ("funcaptcha.com/", WidgetKind::Other),
    ("static.geetest.com/", WidgetKind::Other),
    ("gcaptcha4.geetest.com/", WidgetKind::Other),
    ("/friendly-challenge", WidgetKind::Other),
    ("friendlycaptcha.com/", WidgetKind::Other),
    ("smartcaptcha.yandexcloud.net/", WidgetKind::Other),
    ("captcha.awswaf.com/", WidgetKind::Other),
    ("ct.captcha-delivery.com/", WidgetKind::Other),
];

/// Addresses of the vendors' frames. The first that is contained counts.
const FRAMES: [(&str, WidgetKind); 10] = [
    ("/recaptcha/api2/anchor", WidgetKind::Recaptcha),
    ("/recaptcha/enterprise/anchor", WidgetKind::Recaptcha),
    ("hcaptcha.com/captcha/", WidgetKind::Hcaptcha),
    ("challenges.cloudflare.com/cdn-cgi/challenge-platform/", WidgetKind::Turnstile),
    ("arkoselabs.com/", WidgetKind::Other),
    ("funcaptcha.com/", WidgetKind::Other),
    ("captcha-delivery.com/captcha", WidgetKind::Other),
    ("smartcaptcha.yandexcloud.net/", WidgetKind::Other),
    ("geetest.com/", WidgetKind::Other),
    ("friendlycaptcha", WidgetKind::Other),
];

/// Text of which one has to be in a page for any widget to be found in it; in lower case.
pub(crate) fn marks() -> impl Iterator<Item = &'static str> {
    CLASSES.iter().chain(&SCRIPTS).chain(&FRAMES).map(|(mark, _)| *mark)
}

/// A widget's own element, or the script that makes it.
pub(crate) fn in_tag(tag: &Tag) -> Option<Widget> {
    if &*tag.name == "script" {
        return script(attribute(tag, "src")?);
    }
    let class = attribute(tag, "class")?;
    let names: Vec<&str> = class.split_ascii_whitespace().collect();
    let (_, kind) = CLASSES.iter().find(|(name, _)| names.contains(name))?;
    let is = |name, value| attribute(tag, name).is_some_and(|found| found.eq_ignore_ascii_case(value));
    // A button with a key sends its form through the widget, without showing it.
    let button = ["button", "input", "a"].contains(&&*tag.name);
    let quiet = is("data-size", "invisible") || is("data-appearance", "interaction-only");
    let presence = if button || quiet { Presence::Invisible } else { Presence::Element };
    let data = |name| attribute(tag, name).filter(|text| text.len() <= DATA_CHARS_MAX).map(str::to_owned);
    let widget = Widget::new(*kind, presence).key(attribute(tag, "data-sitekey"));
    Some(Widget { action: data("data-action"), data: data("data-cdata"), ..widget })
}

fn script(src: &str) -> Option<Widget> {
    let (_, kind) = SCRIPTS.iter().find(|(mark, _)| src.contains(mark))?;
    // Version 3 is loaded with its key, and shows nothing.
    let quiet = parameter(src, "render").is_some_and(|render| !["explicit", "onload"].contains(&render));
    let presence = if quiet { Presence::Invisible } else { Presence::Script };
    Some(Widget::new(*kind, presence))
}

/// A widget that has put its frame into the page.
pub(crate) fn in_iframe(tag: &Tag) -> Option<Widget> {
    let src = attribute(tag, "src")?;
    let (_, kind) = FRAMES.iter().find(|(mark, _)| src.contains(mark))?;
    let quiet = parameter(src, "size") == Some("invisible");
    let presence = if quiet { Presence::Invisible } else { Presence::Element };
    let key = match kind {
        WidgetKind::Recaptcha => parameter(src, "k"),
        WidgetKind::Hcaptcha => parameter(src, "sitekey"),
        WidgetKind::Turnstile => src.split('/').find(|part| part.starts_with("0x4")),
        WidgetKind::Other => None,
    };
    Some(Widget::new(*kind, presence).key(key))
}

/// The key of a widget that a script puts into the page.
pub(crate) fn in_script(text: &str) -> Option<Widget> {
    static KEY: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"(?i)\bsite_?key['"]?\s*[:=]\s*['"]([\w-]{10,128})['"]"#).ok());
    let found = KEY.as_ref()?.captures(text)?;
    let widget = Widget::new(WidgetKind::Other, Presence::Invisible);
    Some(widget.key(found.get(1).map(|key| key.as_str())))
}

fn parameter<'a>(address: &'a str, name: &str) -> Option<&'a str> {
    let pairs = address.split(['?', '#', '&']).skip(1);
    pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn is_key(key: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    !key.is_empty() && key.len() <= KEY_CHARS_MAX && key.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Page;

    fn widget(html: &str) -> Option<(WidgetKind, Option<String>)> {
        best(&Page::read(html).widgets).map(|widget| (widget.kind, widget.site_key))
    }

    #[test]
    fn a_site_key_is_found_wherever_the_page_shows_it() {
        for (html, kind) in [
            ("<div class='x g-recaptcha' data-sitekey=KEY-1234567></div>", WidgetKind::Recaptcha),
            ("<div class=h-captcha data-sitekey='KEY-1234567'></div>", WidgetKind::Hcaptcha),
            (
                "<iframe src='https://www.google.com/recaptcha/api2/anchor?ar=1&amp;k=KEY-1234567&amp;co=x'></iframe>",
                WidgetKind::Recaptcha,
            ),
            (
                "<iframe src='https://newassets.hcaptcha.com/captcha/v1/x/static/hcaptcha.html#frame=checkbox&amp;sitekey=KEY-1234567'></iframe>",
                WidgetKind::Hcaptcha,
            ),
            (
                "<script src='https://js.hcaptcha.com/1/api.js?render=explicit'></script><script>hcaptcha.render('a', {sitekey: 'KEY-1234567'})</script>",
                WidgetKind::Hcaptcha,
            ),
        ] {
            assert_eq!(widget(html), Some((kind, Some("KEY-1234567".to_owned()))), "{html}");
        }
        let turnstile = "<iframe src='https://challenges.cloudflare.com/cdn-cgi/challenge-platform/h/b/turnstile/if/ov2/av0/rcv/x/0x4AAAAAAA1/light/normal/auto/'></iframe>";
        assert_eq!(widget(turnstile), Some((WidgetKind::Turnstile, Some("0x4AAAAAAA1".to_owned()))));
    }

    #[test]
    fn a_widget_in_the_background_holds_nobody_up() {
        for html in [
            "<script src='https://www.google.com/recaptcha/api.js?render=KEY-1234567'></script>",
            "<div class=g-recaptcha data-size=invisible data-sitekey=KEY-1234567></div>",
            "<button class=g-recaptcha data-sitekey=KEY-1234567>Send</button>",
            "<iframe src='https://www.google.com/recaptcha/api2/anchor?k=KEY-1234567&amp;size=invisible'></iframe>",
            "<script>const config = {siteKey: 'KEY-1234567'}</script>",
        ] {
            assert_eq!(widget(html), None, "{html}");
        }
    }

    #[test]
    fn what_is_no_key_is_not_handed_to_anyone() {
        let html = "<div class=h-captcha data-sitekey='\"><script>'></div>";
        assert_eq!(widget(html), Some((WidgetKind::Hcaptcha, None)));
    }
}
