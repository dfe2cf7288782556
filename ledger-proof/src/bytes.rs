//! How texts become bytes that are hashed or signed, and bytes text. Fixed for ever.

/// Hands each part on, preceded by its length as 8 bytes, little endian: no two lists of parts give the same bytes.
pub(crate) fn framed<'a>(parts: impl IntoIterator<Item = &'a [u8]>, mut take: impl FnMut(&[u8])) {
    for part in parts {
        take(&(part.len() as u64).to_le_bytes());
        take(part);
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that `hex` wrote; none when it was something else.
pub(crate) fn from_hex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let digits = text.as_bytes();
    let written = |digit: &u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit);
    if digits.len() != 2 * BYTES || !digits.iter().all(written) {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_one_way_only() {
        assert_eq!((hex(&[0, 10, 255]), from_hex("000aff")), ("000aff".to_owned(), Some([0, 10, 255])));
        for wrong in ["000AFF", "000af", "000aff0", "000ag0", "+00aff"] {
            assert_eq!(from_hex::<3>(wrong), None, "{wrong}");
        }
    }
}
