//! What the depth cap cuts, and what it leaves alone.

use super::*;

fn deep(open: &str, close: &str, times: usize) -> String {
    format!("{}text{}", open.repeat(times), close.repeat(times))
}

#[test]
fn an_ordinary_page_is_not_touched() {
    let html =
        "<p>a<p>b<ul><li>c<li>d</ul><script>'<div>'.repeat(9)</script><img src='a>b'><a title=\"x>y\">z</a>";
    assert!(matches!(cap(html), Cow::Borrowed(_)));
}

#[test]
fn unclosed_items_and_cells_are_siblings() {
    let items = "<li>x".repeat(5_000);
    let cells = "<tr><td>x<td>y".repeat(5_000);
    let html = format!("<ul>{items}</ul><table>{cells}</table>{}", "<p>x".repeat(5_000));
    assert!(matches!(cap(&html), Cow::Borrowed(_)));
}

#[test]
fn deep_nesting_loses_tags_and_no_text() {
    for (open, close) in [("<div>", "</div>"), ("<ul><li>", "</li></ul>"), ("<b>", ""), ("<span>", "</span>")]
    {
        let capped = cap(&deep(open, close, 100_000)).into_owned();
        assert!(capped.contains("text"));
        assert!(capped.matches(open).count() <= DEPTH_MAX_ELEMENTS, "{open}");
        assert!(capped.matches(close).count() <= DEPTH_MAX_ELEMENTS || close.is_empty(), "{close}");
    }
}

#[test]
fn an_end_tag_does_not_reach_out_of_a_table_cell() {
    let html = "<div><table><tr><td></div>".repeat(2_000);
    assert!(matches!(cap(&html), Cow::Owned(_)));
    assert!(crate::page::parse(&html).is_ok());
}

#[test]
fn formatting_that_would_multiply_is_cut() {
    let open: String = (0..1_000).map(|n| format!("<b id=n{n}>")).collect();
    let capped = cap(&format!("{open}{}", "<p>x".repeat(100_000))).into_owned();
    assert_eq!(capped.matches("<b ").count(), 0);
}
