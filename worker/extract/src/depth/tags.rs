//! Where tags, comments and raw text end.

/// Where the text after `what` begins, or the end.
pub(super) fn after(html: &str, from: usize, what: &str) -> usize {
    html.get(from..).and_then(|rest| rest.find(what)).map_or(html.len(), |found| from + found + what.len())
}

pub(super) fn tag_name(rest: &str) -> &str {
    let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(rest.len());
    &rest[..end]
}

/// The index after the tag's `>`; quotes count only where an attribute value may begin.
pub(super) fn tag_end(html: &str, from: usize) -> usize {
    let bytes = html.as_bytes();
    let (mut at, mut value_next) = (from, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'>' => return at + 1,
            b'"' | b'\'' if value_next => {
                let Some(close) = html[at + 1..].find(byte as char) else { return html.len() };
                at += close + 1;
                value_next = false;
            }
            b'=' => value_next = true,
            _ if byte.is_ascii_whitespace() => {}
            _ => value_next = false,
        }
        at += 1;
    }
    html.len()
}

/// Where the end tag of a raw text element begins, or the end.
pub(super) fn raw_text_end(html: &str, from: usize, name: &str) -> usize {
    let mut at = from;
    while let Some(found) = html[at..].find("</") {
        let tag = at + found + 2;
        if html.as_bytes()[tag..].len() >= name.len()
            && html.as_bytes()[tag..tag + name.len()].eq_ignore_ascii_case(name.as_bytes())
        {
            return tag - 2;
        }
        at = tag;
    }
    html.len()
}
