//! In which language a code block is written, kept through finders that drop every class.
//!
//! Highlighters say it in the class of the `pre`, of its `code`, or of a box around them, each in its own way.
//! **Not here:** guessing it from the code.

use dom_query::{Document, NodeRef};

/// Carries the language through cleaning.
const MARK: &str = "data-code-language";
/// Boxes around a `pre` that are asked.
const AROUND_MAX: usize = 2;
/// Longest name that is believed.
const NAME_CHARS_MAX: usize = 20;
const BEFORE: &[&str] =
    &["language-", "lang-", "highlight-source-", "highlight-text-", "highlight-", "brush:"];
/// Names that highlighters use for no language, or for parts of their own.
const NO_LANGUAGE: &[&str] =
    &["none", "text", "plain", "plaintext", "default", "wrapper", "container", "box", "line", "lines"];

/// Notes the language of every code block on the block itself.
pub(crate) fn mark(document: &Document) {
    for pre in document.select("pre").nodes() {
        let inner = pre.first_element_child().filter(|code| code.has_name("code"));
        let around = pre
            .ancestors_it(Some(AROUND_MAX))
            .filter(|above| above.has_name("div") || above.has_name("figure"));
        // The search ends before the tree is written to: it holds the tree while it lasts.
        let found = inner.into_iter().chain([*pre]).chain(around).find_map(|node| language(&node));
        if let Some(name) = found {
            pre.set_attr(MARK, &name);
        }
    }
}

/// Says the noted languages in the way that the converter reads.
pub(crate) fn name(document: &Document) {
    for pre in document.select(&format!("pre[{MARK}]")).nodes() {
        let class = format!("language-{}", pre.attr_or(MARK, ""));
        pre.remove_attr(MARK);
        pre.set_attr("class", &class);
        if let Some(code) = pre.first_element_child().filter(|code| code.has_name("code")) {
            code.set_attr("class", &class);
        }
    }
}

fn language(node: &NodeRef<'_>) -> Option<String> {
    let said = node.attr("data-language").or_else(|| node.attr("data-lang")).map(|name| name.to_string());
    said.filter(|name| is_name(name))
        .or_else(|| by_class(&node.attr_or("class", "")))
        .map(|name| name.to_lowercase())
}

fn by_class(class: &str) -> Option<String> {
    // `brush: js` is one name in two words.
    let class = class.replace("brush: ", "brush:");
    let mut names =
        class.split([' ', ';']).flat_map(|word| BEFORE.iter().find_map(|before| word.strip_prefix(before)));
    names.find(|name| is_name(name)).map(str::to_owned)
}

fn is_name(name: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-' | '.' | '_');
    !name.is_empty()
        && name.len() <= NAME_CHARS_MAX
        && name.chars().all(known)
        && !NO_LANGUAGE.contains(&name.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_read_from_the_block_its_code_or_a_box_around_it() {
        for html in [
            "<pre><code class='hljs language-rust'>x</code></pre>",
            "<pre class='lang-rust prettyprint'>x</pre>",
            "<div class='highlight-rust notranslate'><div class=highlight><pre>x</pre></div></div>",
            "<div class='highlight highlight-source-rust'><pre>x</pre></div>",
            "<pre class='brush: rust; toolbar: false'>x</pre>",
            "<pre data-language=Rust>x</pre>",
        ] {
            let document = Document::from(html);
            mark(&document);
            // A finder of articles takes the classes away.
            document.select("*").remove_attr("class");
            name(&document);
            assert_eq!(document.select("pre").attr_or("class", "").to_string(), "language-rust", "{html}");
        }
    }

    #[test]
    fn a_block_without_a_language_stays_without() {
        for html in [
            "<pre>x</pre>",
            "<pre class=highlight>x</pre>",
            "<pre class='language-none highlight-box'>x</pre>",
        ] {
            let document = Document::from(html);
            mark(&document);
            assert!(!document.select("pre").has_attr(MARK), "{html}");
        }
    }
}
