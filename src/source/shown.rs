//! Bytes of an input as a person may read them: in one line, short, whatever they were written in.

/// Text of `bytes`; what is no UTF-8 is taken for Latin-1. A character that is cut off at the end is left out.
pub(super) fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(problem) if problem.error_len().is_none() => {
            String::from_utf8_lossy(&bytes[..problem.valid_up_to()]).into_owned()
        }
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// The first `most` characters of a text, without what would break a line.
pub(super) fn short(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        short.push_str("...");
    }
    short
}

/// The same of bytes, without blanks and marks around them.
pub(super) fn shown(bytes: &[u8], most: usize) -> String {
    // No character is longer than four bytes.
    let text = decode(&bytes[..bytes.len().min(4 * most + 4)]);
    short(text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}'), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_one_short_line() {
        assert_eq!(shown(b"\xef\xbb\xbf a\nb\x1b ", 40), "a b ");
        assert_eq!(shown(b"Wittenau S\xfcd", 40), "Wittenau S\u{fc}d");
        assert_eq!(shown("\u{e9}".repeat(300).as_bytes(), 60), "\u{e9}".repeat(60) + "...");
        // A character of three bytes that the cut goes through.
        assert_eq!(shown("\u{7d4c}".repeat(7).as_bytes(), 4), "\u{7d4c}".repeat(4) + "...");
        assert_eq!(shown("x\u{7d4c}".repeat(9).as_bytes(), 4), "x\u{7d4c}x\u{7d4c}...");
    }
}
