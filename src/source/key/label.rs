//! What a cell is called: its text without surrounding blanks.

use std::borrow::Cow;

/// Bytes of a value that are looked at: values that are alike so far are one.
pub(super) const LABEL: usize = 200;

/// What a cell is called; of a long one its first 200 bytes, up to a whole character.
pub(super) fn label(cell: &[u8]) -> Cow<'_, str> {
    let text = match String::from_utf8_lossy(cell) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    if text.len() <= LABEL {
        return text;
    }
    let end = (0..=LABEL).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    Cow::Owned(text[..end].trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_text_of_200_bytes_at_most() {
        assert_eq!(label(b"a\xff"), "a\u{fffd}");
        let long = "\u{e4}".repeat(150);
        assert_eq!(label(long.as_bytes()), "\u{e4}".repeat(100));
        assert_eq!(label(format!("x{long}").as_bytes()).len(), 199);
    }
}
