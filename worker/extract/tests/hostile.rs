//! No page ends the process, whatever it holds.

use leafcutter_extract::{Content, ExtractError, Page, Wanted, extract, title};
use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

fn schema() -> Value {
    json!({"type": "object", "properties": {
        "name": {"type": ["string", "null"]}, "price": {"type": ["number", "null"]}, "date": {"type": ["string", "null"], "format": "date"},
        "items": {"type": "array", "items": {"type": "object", "properties": {"title": {"type": "string"}, "url": {"type": "string", "format": "uri"}}}},
        "tags": {"type": "array", "items": {"type": "string"}}, "available": {"type": ["boolean", "null"]},
    }})
}

fn all_ways(html: &str) -> Vec<Result<Content, ExtractError>> {
    let url = Url::parse("https://hostile.example/").expect("a constant");
    let schema = schema();
    let page = Page { html, url: &url };
    let _ = title(html);
    let mut outcomes = Vec::new();
    for main_content in [false, true] {
        outcomes.push(extract(&page, &Wanted::Markdown { main_content }));
        outcomes.push(extract(&page, &Wanted::Json { schema: Some(&schema), prompt: None, main_content }));
    }
    outcomes.push(extract(
        &page,
        &Wanted::Json { schema: None, prompt: Some("name, price"), main_content: false },
    ));
    outcomes
}

fn no_failure(html: &str) {
    for outcome in all_ways(html) {
        assert!(!matches!(outcome, Err(ExtractError::Failed(_))), "{outcome:?}");
    }
}

#[test]
fn a_hundred_thousand_nested_elements_keep_their_text() {
    let pairs = [
        ("<div>", "</div>"),
        ("<ul><li>", "</li></ul>"),
        ("<table><tr><td>", "</td></tr></table>"),
        ("<b>", "</b>"),
        ("<span>", ""),
    ];
    for (open, close) in pairs {
        let html = format!("{}deep inside{}", open.repeat(100_000), close.repeat(100_000));
        let url = Url::parse("https://hostile.example/").expect("a constant");
        let markdown = extract(&Page { html: &html, url: &url }, &Wanted::Markdown { main_content: false });
        assert!(matches!(markdown, Ok(Content::Markdown(text)) if text.contains("deep inside")), "{open}");
        no_failure(&html);
    }
}

#[test]
fn deeply_nested_json_ld_is_left_out() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"offers\":[", "]}"), ("{\"@graph\":[", "]}")] {
        for times in [100, 100_000] {
            let data = format!("{}1{}", open.repeat(times), close.repeat(times));
            no_failure(&format!("<title>t</title><script type='application/ld+json'>{data}</script><p>text"));
        }
    }
}

#[test]
fn nested_microdata_and_lists_are_bounded() {
    no_failure(&"<div itemscope itemprop=a><p class=price>$5</p>".repeat(20_000));
    no_failure(&format!("<dl>{}</dl>", "<dt>a<dd>b".repeat(2_000)));
}

#[test]
fn a_page_over_the_limit_is_refused() {
    let url = Url::parse("https://hostile.example/").expect("a constant");
    let html = "a".repeat(leafcutter_extract::HTML_BYTES_MAX + 1);
    let outcome = extract(&Page { html: &html, url: &url }, &Wanted::Markdown { main_content: false });
    assert!(matches!(outcome, Err(ExtractError::Failed(reason)) if reason.contains("limit")));
}

#[test]
fn a_remote_reference_is_refused_and_never_fetched() {
    let url = Url::parse("https://hostile.example/").expect("a constant");
    let schema = json!({"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}});
    let page = Page { html: "<h1>x</h1>", url: &url };
    let outcome = extract(&page, &Wanted::Json { schema: Some(&schema), prompt: None, main_content: false });
    assert!(matches!(outcome, Err(ExtractError::Failed(_))), "{outcome:?}");
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let url = Url::parse("https://hostile.example/").expect("a constant");
    let schema = json!({"$defs": {"Node": {"type": "object", "properties": {
        "name": {"type": "string"}, "left": {"$ref": "#/$defs/Node"}, "right": {"$ref": "#/$defs/Node"},
        "all": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}}}, "$ref": "#/$defs/Node"});
    let page = Page { html: "<h1>Root</h1><ul><li>a</li><li>b</li></ul>", url: &url };
    let outcome = extract(&page, &Wanted::Json { schema: Some(&schema), prompt: None, main_content: false });
    assert!(matches!(&outcome, Ok(Content::Json(value)) if value["name"] == "Root"), "{outcome:?}");
}

fn piece() -> impl Strategy<Value = String> {
    let tags = "div|p|ul|li|table|tr|td|th|b|a|pre|code|svg|math|title|script|style|select|template|h1|dl|dt|dd|form|noscript|iframe";
    let tag =
        format!("</?({tags})( (class|href|itemprop|itemscope|src|title)(=\"[a-z:/ $0-9.]{{0,12}}\")?)?>");
    let tag = proptest::string::string_regex(&tag).expect("a constant pattern");
    prop_oneof![
        3 => tag,
        2 => "[ -~€é\n]{0,20}",
        1 => "\\PC{0,10}",
        1 => Just("<!--".to_owned()),
        1 => Just("<script type='application/ld+json'>{\"@type\":\"Product\",\"name\":[1,{}],\"offers\":{\"price\":\"1.2.3,4\"}}</script>".to_owned()),
        1 => "Price: [$€0-9.,']{0,12}".prop_map(|text| format!("<li>{text}</li>")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_html_makes_it_fail(pieces in proptest::collection::vec(piece(), 0..60)) {
        for outcome in all_ways(&pieces.concat()) {
            prop_assert!(!matches!(&outcome, Err(ExtractError::Failed(reason)) if reason.contains("gave up")), "{:?}", outcome);
        }
    }

    #[test]
    fn no_bytes_make_it_fail(text in "\\PC{0,200}") {
        for outcome in all_ways(&text) {
            prop_assert!(!matches!(&outcome, Err(ExtractError::Failed(reason)) if reason.contains("gave up")), "{:?}", outcome);
        }
    }
}
