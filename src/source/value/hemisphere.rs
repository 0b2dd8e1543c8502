//! Letters and words for the halves of the globe, beside a number or in a column of their own.
//!
//! `O` is none of them: it is east in German (Ost) and west in French, Italian, Spanish and Portuguese (ouest, oeste). It
//! is known all the same, so that a file that has it is refused by that name.

use super::text;
use crate::source::cell::Axis;

/// Which half of the globe a field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Half {
    /// North or east.
    Positive,
    /// South or west.
    Negative,
    /// It names none.
    Missing,
}

impl Half {
    /// The number with its sign; `None` where both disagree, or where nothing tells the half.
    pub(in crate::source) fn apply(self, value: f64) -> Option<f64> {
        match self {
            Self::Positive => (value >= 0.0).then_some(value),
            Self::Negative => Some(-value.abs()),
            Self::Missing => None,
        }
    }
}

const NORTH: (Axis, Half) = (Axis::Latitude, Half::Positive);
const SOUTH: (Axis, Half) = (Axis::Latitude, Half::Negative);
const EAST: (Axis, Half) = (Axis::Longitude, Half::Positive);
const WEST: (Axis, Half) = (Axis::Longitude, Half::Negative);

/// Letters, and the words of a few languages where no two of these disagree about them.
const WORDS: [(&str, (Axis, Half)); 34] = [
    ("n", NORTH),
    ("s", SOUTH),
    ("e", EAST),
    ("w", WEST),
    ("north", NORTH),
    ("south", SOUTH),
    ("east", EAST),
    ("west", WEST),
    ("northern", NORTH),
    ("southern", SOUTH),
    ("eastern", EAST),
    ("western", WEST),
    ("nord", NORTH),
    ("norte", NORTH),
    ("noord", NORTH),
    ("norr", NORTH),
    ("s\u{fc}d", SOUTH),
    ("sued", SOUTH),
    ("sud", SOUTH),
    ("sur", SOUTH),
    ("sul", SOUTH),
    ("zuid", SOUTH),
    ("syd", SOUTH),
    ("ost", EAST),
    ("\u{f6}st", EAST),
    ("\u{f8}st", EAST),
    ("oost", EAST),
    ("est", EAST),
    ("este", EAST),
    ("leste", EAST),
    ("ouest", WEST),
    ("oeste", WEST),
    ("ovest", WEST),
    ("vest", WEST),
];

/// The axis and half of a letter or word.
pub(super) fn word(bytes: &[u8]) -> Option<(Axis, Half)> {
    if bytes.is_empty() || bytes.len() > 9 {
        return None;
    }
    WORDS.iter().find(|(word, _)| same(bytes, word)).map(|(_, half)| *half)
}

/// Whether two words are the same but for case; what is no UTF-8 is Latin-1.
fn same(bytes: &[u8], word: &str) -> bool {
    if word.is_ascii() {
        return bytes.eq_ignore_ascii_case(word.as_bytes());
    }
    let lower = |c: char| c.to_lowercase().next().unwrap_or(c);
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().map(lower).eq(word.chars()),
        Err(_) => bytes.iter().map(|&byte| lower(char::from(byte))).eq(word.chars()),
    }
}

/// Reads a field of a column that says the half; `None` for anything that is no half along `axis`.
pub(in crate::source) fn hemisphere(bytes: &[u8], axis: Axis) -> Option<Half> {
    let bytes = text::bare(bytes);
    if text::is_missing(bytes) {
        return Some(Half::Missing);
    }
    word(bytes).filter(|(found, _)| *found == axis).map(|(_, half)| half)
}

/// Puts an E in the place of every O that stands alone; `None` where there is none.
pub(super) fn o_as_e(text: &[u8]) -> Option<Vec<u8>> {
    let mut changed = None;
    for (at, _) in text.iter().enumerate().filter(|(_, byte)| byte.eq_ignore_ascii_case(&b'o')) {
        let letter = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphabetic);
        if !letter(at.checked_sub(1)) && !letter(Some(at + 1)) {
            changed.get_or_insert_with(|| text.to_vec())[at] = b'E';
        }
    }
    changed
}

/// Where the letters at the end begin.
pub(super) fn letters_behind(text: &[u8]) -> usize {
    let mut start = text.len();
    loop {
        let before = &text[..start];
        start -= match before {
            [.., byte] if byte.is_ascii_alphabetic() => 1,
            [.., 0xc3, second] if is_umlaut(second.wrapping_add(0x40)) => 2,
            [.., byte] if is_umlaut(*byte) => 1,
            _ => return start,
        };
    }
}

/// Where the letters at the start end.
pub(super) fn letters_before(text: &[u8]) -> usize {
    let mut end = 0;
    loop {
        end += match &text[end..] {
            [byte, ..] if byte.is_ascii_alphabetic() => 1,
            [0xc3, second, ..] if is_umlaut(second.wrapping_add(0x40)) => 2,
            [byte, ..] if is_umlaut(*byte) => 1,
            _ => return end,
        };
    }
}

/// Whether a byte is, in Latin-1, one of the umlauts in the words above.
fn is_umlaut(byte: u8) -> bool {
    matches!(byte, 0xd6 | 0xd8 | 0xdc | 0xf6 | 0xf8 | 0xfc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_words_are_halves_of_their_axis() {
        for (text, axis, half) in [
            ("N", Axis::Latitude, Some(Half::Positive)),
            (" s ", Axis::Latitude, Some(Half::Negative)),
            ("E", Axis::Longitude, Some(Half::Positive)),
            ("West", Axis::Longitude, Some(Half::Negative)),
            ("SÜD", Axis::Latitude, Some(Half::Negative)),
            ("Süd", Axis::Latitude, Some(Half::Negative)),
            ("Ost", Axis::Longitude, Some(Half::Positive)),
            ("est", Axis::Longitude, Some(Half::Positive)),
            ("Ouest", Axis::Longitude, Some(Half::Negative)),
            ("oeste", Axis::Longitude, Some(Half::Negative)),
            ("", Axis::Longitude, Some(Half::Missing)),
            ("NA", Axis::Latitude, Some(Half::Missing)),
            ("O", Axis::Longitude, None),
            ("o", Axis::Longitude, None),
            ("N", Axis::Longitude, None),
            ("W", Axis::Latitude, None),
            ("N", Axis::Projected, None),
            ("X", Axis::Latitude, None),
            ("NE", Axis::Latitude, None),
        ] {
            assert_eq!(hemisphere(text.as_bytes(), axis), half, "{text}");
        }
        assert_eq!(hemisphere(b"S\xdcD", Axis::Latitude), Some(Half::Negative));
    }

    #[test]
    fn a_half_gives_a_number_its_sign() {
        assert_eq!(Half::Negative.apply(2.0), Some(-2.0));
        assert_eq!(Half::Negative.apply(-2.0), Some(-2.0));
        assert_eq!(Half::Positive.apply(2.0), Some(2.0));
        assert_eq!(Half::Positive.apply(-0.0), Some(0.0));
        assert_eq!(Half::Positive.apply(-2.0), None);
        assert_eq!(Half::Missing.apply(2.0), None);
    }
}
