//! Shadow trees that stand in the HTML itself. A browser has opened them before a page is handed over; what came
//! without one still has them closed.
//!
//! **Not here:** filling of slots; what belongs into them stays behind the tree.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

static TEMPLATE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)<(/?)template\b([^>]*)>").ok());

/// Opens every shadow tree that is declared in `html`, in the place where it is declared.
#[must_use]
pub fn open_shadow_trees(html: &str) -> Cow<'_, str> {
    if !html.contains("shadowrootmode") {
        return Cow::Borrowed(html);
    }
    let Some(template) = TEMPLATE.as_ref() else { return Cow::Borrowed(html) };
    let mut open = Vec::new();
    template.replace_all(html, |found: &regex::Captures<'_>| {
        let shadow = if found[1].is_empty() {
            open.push(found[2].contains("shadowrootmode"));
            open.last().copied()
        } else {
            open.pop()
        };
        match (shadow, &found[1]) {
            (Some(true), closing) => format!("<{closing}div>"),
            _ => found[0].to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::open_shadow_trees;

    #[test]
    fn a_declared_shadow_tree_is_opened_and_other_templates_are_not() {
        let html =
            "<x-a><template shadowrootmode=open><p>in</p><template><i></i></template></template>out</x-a>";
        let open = "<x-a><div><p>in</p><template><i></i></template></div>out</x-a>";
        assert_eq!(open_shadow_trees(html), open);
        assert_eq!(open_shadow_trees("<template>x</template>"), "<template>x</template>");
    }
}
