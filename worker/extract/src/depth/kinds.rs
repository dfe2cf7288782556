//! What HTML says about element names, as far as nesting is concerned.

const VOID: &[&str] = &[
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen",
    "link", "meta", "param", "source", "track", "wbr", "image",
];
const RAW_TEXT: &[&str] = &["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"];
const FORMATTING: &[&str] =
    &["b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
const TABLE_PARTS: &[&str] =
    &["table", "tbody", "thead", "tfoot", "tr", "td", "th", "caption", "colgroup", "template"];
/// An end tag or an implied close never reaches past these.
const BARRIERS: &[&str] = &[
    "table",
    "td",
    "th",
    "caption",
    "template",
    "button",
    "object",
    "marquee",
    "applet",
    "svg",
    "math",
    "foreignobject",
    "select",
    "html",
];
/// A new paragraph, list item or block closes an open `p`.
const CLOSES_P: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dd",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "li",
    "listing",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "ul",
];
const SPECIAL_MORE: &[&str] = &[
    "body",
    "button",
    "caption",
    "colgroup",
    "iframe",
    "marquee",
    "noscript",
    "object",
    "select",
    "tbody",
    "td",
    "template",
    "tfoot",
    "th",
    "thead",
    "tr",
    "svg",
    "math",
    "foreignobject",
];

/// What matters about an element name; computed once for each name of the page.
pub(super) struct Kind {
    pub(super) name: String,
    pub(super) void: bool,
    pub(super) raw_text: bool,
    pub(super) formatting: bool,
    pub(super) table_part: bool,
    pub(super) barrier: bool,
    pub(super) closes_p: bool,
    pub(super) special: bool,
    /// Elements of this name that are open, so that most searches need not start.
    pub(super) open: usize,
    /// Start tags that were cut, so that their end tags are cut too.
    pub(super) skipped: usize,
}

impl Kind {
    pub(super) fn of(name: String) -> Self {
        let is = |list: &[&str]| list.contains(&name.as_str());
        Self {
            void: is(VOID),
            raw_text: is(RAW_TEXT),
            formatting: is(FORMATTING),
            table_part: is(TABLE_PARTS),
            barrier: is(BARRIERS),
            closes_p: is(CLOSES_P),
            special: is(CLOSES_P) || is(SPECIAL_MORE),
            open: 0,
            skipped: 0,
            name,
        }
    }
}
