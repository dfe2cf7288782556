//! What a model is given of a page, cut to a budget: what the page says about itself first, then its text, of which
//! the beginning and the end are kept.

use leafcutter_domain::TOKEN_BYTES;

/// What the page says about itself may take one part in so many of the budget.
const DATA_PART: usize = 4;
/// Of a text that is cut, the beginning gets this many quarters.
const HEAD_QUARTERS: usize = 3;
/// Room for the words around the parts, in bytes.
const WORDS_BYTES_MAX: usize = 160;
/// A cut goes back to the last line's end when that costs no more than this many bytes.
const LINE_BYTES_MAX: usize = 200;

/// A page as text.
#[derive(Debug, Clone, Default)]
pub struct PageText {
    /// Where it was found.
    pub url: String,
    /// Its text, as Markdown or as it was sent.
    pub text: String,
    /// What it says about itself (JSON-LD, meta), as JSON.
    pub data: Option<String>,
}

impl PageText {
    /// The page in no more tokens than these, as they are estimated.
    pub(crate) fn within(&self, tokens: u32) -> String {
        let budget = usize::try_from(tokens).unwrap_or(usize::MAX).saturating_mul(TOKEN_BYTES);
        let room = budget.saturating_sub(WORDS_BYTES_MAX);
        let url = head(&self.url, room / DATA_PART);
        let room = room - url.len();
        let all_data = self.data.as_deref().unwrap_or_default();
        // What the text leaves over is the data's as well.
        let for_data = (room / DATA_PART).max(room.saturating_sub(self.text.len()));
        let data = head(all_data, for_data);
        let text = ends(&self.text, room - data.len());
        let mut page = format!("Address: {url}\n");
        if !data.is_empty() {
            let cut = if data.len() < all_data.len() { " (cut)" } else { "" };
            page.push_str(&format!("\nWhat the page says about itself{cut}:\n{data}\n"));
        }
        page.push_str(&format!("\nText of the page:\n{text}\n"));
        page
    }
}

/// The beginning, in no more bytes than these.
fn head(text: &str, bytes: usize) -> &str {
    let whole = &text[..text.floor_char_boundary(bytes)];
    if whole.len() == text.len() {
        return whole;
    }
    let line = whole.rfind('\n').filter(|end| whole.len() - end <= LINE_BYTES_MAX);
    line.map_or(whole, |end| &whole[..end])
}

/// The end, in no more bytes than these.
fn tail(text: &str, bytes: usize) -> &str {
    let whole = &text[text.ceil_char_boundary(text.len().saturating_sub(bytes))..];
    let line = whole.find('\n').filter(|end| *end <= LINE_BYTES_MAX);
    line.map_or(whole, |end| &whole[end + 1..])
}

/// Beginning and end, with a word about what is left out between.
fn ends(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let head = head(text, bytes / 4 * HEAD_QUARTERS);
    let tail = tail(&text[head.len()..], bytes - bytes / 4 * HEAD_QUARTERS);
    let left_out = text.len() - head.len() - tail.len();
    format!("{head}\n[… {left_out} bytes are left out here …]\n{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: String, data: Option<String>) -> PageText {
        PageText { url: "https://shop.example/leaf".to_owned(), text, data }
    }

    #[test]
    fn a_page_within_its_budget_is_whole() {
        let text = page("# Leaf\n\nGreen".to_owned(), Some("{\"name\":\"Leaf\"}".to_owned())).within(1_000);
        for part in ["https://shop.example/leaf", "{\"name\":\"Leaf\"}", "# Leaf\n\nGreen"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("left out") && !text.contains("(cut)"));
    }

    #[test]
    fn a_long_page_keeps_its_beginning_and_its_end() {
        let lines: Vec<String> = (0..5_000).map(|line| format!("line {line}")).collect();
        let text = page(lines.join("\n"), None).within(1_000);
        assert!(text.len() <= 1_000 * TOKEN_BYTES, "{}", text.len());
        assert!(text.contains("line 0\n") && text.contains("line 4999") && text.contains("left out"));
        assert!(!text.contains("line 2500\n"));
    }

    #[test]
    fn the_budget_holds_whatever_the_page() {
        for unit in ["x", "é", "葉", "🐜", "\n"] {
            for tokens in [100, 1_000, 8_000] {
                let long = unit.repeat(60_000);
                let page = PageText { url: long.clone(), text: long.clone(), data: Some(long) };
                let most = usize::try_from(tokens).unwrap() * TOKEN_BYTES;
                assert!(page.within(tokens).len() <= most, "{unit:?} {tokens}");
            }
        }
    }

    #[test]
    fn long_data_leaves_room_for_the_text() {
        let text = page("y".repeat(50_000), Some("d".repeat(50_000))).within(1_000);
        let count = |letter| text.matches(letter).count();
        assert!(count('d') <= 750 + 20 && count('y') > 1_900, "{} {}", count('d'), count('y'));
        let text = page("short".to_owned(), Some("d".repeat(2_000))).within(1_000);
        assert!(text.contains(&"d".repeat(2_000)));
    }
}
