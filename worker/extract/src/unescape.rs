//! Takes back escapes that no Markdown reader needs: `12\.50` and `well\-known`.
//!
//! The converter escapes every point and hyphen, because at the start of a line they may begin a list. Between
//! two digits, or a hyphen between two letters or digits, they never do, and whoever reads the Markdown as text
//! (a person, a model, a search index) sees a wrong price. Code is left alone: there a backslash is a backslash.
//! **Not here:** any other escape; when unsure, it stays.

/// The same Markdown without the needless escapes.
pub(crate) fn needless(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut fence: Option<&str> = None;
    let mut at = 0;
    while at < markdown.len() {
        let end = markdown[at..].find('\n').map_or(markdown.len(), |found| at + found + 1);
        let line = &markdown[at..end];
        let mark = fence_mark(line);
        match (fence, mark) {
            (Some(open), Some(close)) if close.starts_with(open) => fence = None,
            (None, Some(open)) => fence = Some(open),
            (None, None) => {
                at = prose(markdown, at, end, &mut out);
                continue;
            }
            (Some(_), _) => {}
        }
        out.push_str(line);
        at = end;
    }
    out
}

/// The run of three or more backticks or tildes that opens or closes a code block on this line.
fn fence_mark(line: &str) -> Option<&str> {
    let inside = line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '>' | '-' | '*' | '+'));
    let first = inside.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = inside.chars().take_while(|c| *c == first).count();
    (length >= 3 && !inside[length..].contains('`')).then_some(&inside[..length])
}

/// Writes the line at `from..end` and answers how far it came: a code span may reach beyond the line.
fn prose(markdown: &str, from: usize, end: usize, out: &mut String) -> usize {
    let bytes = markdown.as_bytes();
    let (mut at, mut written) = (from, from);
    while at < end {
        match bytes[at] {
            b'`' => at = code_span_end(markdown, at),
            b'\\' => {
                let (before, after) = (at.checked_sub(1).map(|i| bytes[i]), bytes.get(at + 2));
                let both = |is: fn(&u8) -> bool| before.as_ref().is_some_and(is) && after.is_some_and(is);
                let needless = match bytes.get(at + 1) {
                    Some(b'.') => both(u8::is_ascii_digit),
                    Some(b'-') => both(u8::is_ascii_alphanumeric),
                    _ => false,
                };
                if needless {
                    out.push_str(&markdown[written..at]);
                    written = at + 1;
                }
                // The escaped character is passed over with its backslash; it may be a letter of many bytes.
                at += 1 + usize::from(bytes.get(at + 1).is_some_and(u8::is_ascii));
            }
            _ => at += 1,
        }
    }
    out.push_str(&markdown[written..at.min(markdown.len())]);
    at.min(markdown.len())
}

/// Behind the code span that opens here, or behind its backticks when nothing closes it in this paragraph.
fn code_span_end(markdown: &str, from: usize) -> usize {
    let rest = &markdown[from..];
    let length = rest.bytes().take_while(|byte| *byte == b'`').count();
    let paragraph = rest.find("\n\n").unwrap_or(rest.len());
    let mut at = length;
    while let Some(found) = rest[at..paragraph.max(at)].find('`') {
        let close = at + found;
        let run = rest[close..].bytes().take_while(|byte| *byte == b'`').count();
        if run == length {
            return from + close + run;
        }
        at = close + run;
    }
    from + length
}

#[cfg(test)]
mod tests {
    use super::needless;

    #[test]
    fn a_point_between_digits_and_a_hyphen_between_letters_stand_bare() {
        assert_eq!(
            needless("$12\\.50 for a well\\-known 1\\-litre jar\n"),
            "$12.50 for a well-known 1-litre jar\n"
        );
        assert_eq!(needless("1\\.2\\.3"), "1.2.3");
    }

    #[test]
    fn an_escape_that_keeps_a_list_from_beginning_stays() {
        for text in
            ["1\\. first\n", "\\- dash\n", "a \\- b", "1990\\.\n", "\\*x\\*", "é\\.5", "a\\\\-b", "\\é\\"]
        {
            assert_eq!(needless(text), text);
        }
    }

    #[test]
    fn code_keeps_its_backslashes() {
        for text in ["`1\\.2`", "``a`1\\.2``", "```\n1\\.2\n```\n", "> ~~~\n> a\\-b\n> ~~~\n", "`a\n1\\.2`"] {
            assert_eq!(needless(text), text);
        }
        assert_eq!(needless("```\n1\\.2\n```\n1\\.2 ` 3\\.4"), "```\n1\\.2\n```\n1.2 ` 3.4");
    }
}
