//! The characters that stand in and around a number: blanks, minus signs, degree signs and primes, each in the ways that
//! UTF-8, Latin-1 and Windows-1252 write them, and what spreadsheets put around a value.

/// A character, as far as a number is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    /// Any white space, no-break blanks and marks without width included.
    Blank,
    /// A minus sign, a hyphen or a dash that stands for one.
    Minus,
    /// Behind whole degrees.
    Degree,
    /// Behind minutes.
    Minute,
    /// Behind seconds.
    Second,
    /// Everything else.
    Other,
}

/// The first character and its length in bytes; `bytes` holds one at least.
#[inline]
pub(super) fn first(bytes: &[u8]) -> (Symbol, usize) {
    match bytes[0] {
        byte if byte.is_ascii() => (ascii(byte), 1),
        byte => match wide(bytes) {
            // A's ring of a degree sign or a no-break blank that was taken for Latin-1 once too often.
            Some(('\u{c2}', 2)) if bytes.len() > 3 && matches!(of(&bytes[2..]), Symbol::Degree | Symbol::Blank) => {
                (of(&bytes[2..]), 4)
            }
            Some((c, length)) => (unicode(c), length),
            None => (single(byte), 1),
        },
    }
}

fn of(bytes: &[u8]) -> Symbol {
    match wide(bytes) {
        Some((c, _)) => unicode(c),
        None => Symbol::Other,
    }
}

/// The last character and its length in bytes; `bytes` holds one at least.
#[inline]
pub(super) fn last(bytes: &[u8]) -> (Symbol, usize) {
    let end = bytes.len();
    let byte = bytes[end - 1];
    if byte.is_ascii() {
        return (ascii(byte), 1);
    }
    for length in (2..=end.min(4)).rev() {
        let (symbol, found) = first(&bytes[end - length..]);
        if found == length {
            return (symbol, length);
        }
    }
    (single(byte), 1)
}

/// The UTF-8 character of several bytes at the start.
fn wide(bytes: &[u8]) -> Option<(char, usize)> {
    let length = match bytes.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let c = std::str::from_utf8(bytes.get(..length)?).ok()?.chars().next()?;
    Some((c, length))
}

#[inline]
fn ascii(byte: u8) -> Symbol {
    match byte {
        b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' => Symbol::Blank,
        b'-' => Symbol::Minus,
        b'\'' | b'`' => Symbol::Minute,
        b'"' => Symbol::Second,
        _ => Symbol::Other,
    }
}

fn unicode(c: char) -> Symbol {
    match c {
        // Spaces of every width, and the marks that tell the direction of text, which come along when one copies.
        '\u{a0}'
        | '\u{2000}'..='\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202c}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{2060}'
        | '\u{2066}'..='\u{2069}'
        | '\u{3000}' => Symbol::Blank,
        '\u{2010}'..='\u{2013}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => Symbol::Minus,
        // The degree sign, the ordinal, rings and a raised zero that look like it.
        '\u{b0}' | '\u{ba}' | '\u{2da}' | '\u{2070}' | '\u{2218}' => Symbol::Degree,
        '\u{b4}' | '\u{2b9}' | '\u{2bc}' | '\u{2018}' | '\u{2019}' | '\u{2032}' => Symbol::Minute,
        '\u{2ba}' | '\u{201c}' | '\u{201d}' | '\u{2033}' => Symbol::Second,
        _ => Symbol::Other,
    }
}

/// A byte that is no UTF-8: as Latin-1 and Windows-1252 have it.
fn single(byte: u8) -> Symbol {
    match byte {
        0xa0 => Symbol::Blank,
        0x96 => Symbol::Minus,
        0xb0 | 0xba => Symbol::Degree,
        0x91 | 0x92 | 0xb4 => Symbol::Minute,
        0x93 | 0x94 => Symbol::Second,
        _ => Symbol::Other,
    }
}

/// Without the blanks in front.
#[inline]
pub(super) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while !bytes.is_empty() {
        match first(bytes) {
            (Symbol::Blank, length) => bytes = &bytes[length..],
            _ => break,
        }
    }
    bytes
}

/// Without the blanks on either side.
#[inline]
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let mut bytes = trim_start(bytes);
    while !bytes.is_empty() {
        match last(bytes) {
            (Symbol::Blank, length) => bytes = &bytes[..bytes.len() - length],
            _ => break,
        }
    }
    bytes
}

/// A field without blanks and without what spreadsheets put around a value so that it stays as it is: `="51.5"`, `'51.5`.
#[inline]
pub(super) fn bare(bytes: &[u8]) -> &[u8] {
    let bytes = trim(bytes);
    match bytes.first() {
        Some(b'=') => match bytes.strip_prefix(b"=\"").and_then(|inner| inner.strip_suffix(b"\"")) {
            Some(inner) => trim(inner),
            None => bytes,
        },
        Some(b'\'') => {
            let inner = &bytes[1..];
            trim(inner.strip_suffix(b"'").unwrap_or(inner))
        }
        _ => bytes,
    }
}

/// Whether a bare field says that there is no value.
pub(super) fn is_missing(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 8] = [b"na", b"n/a", b"#n/a", b"null", b"none", b"nan", b"\\n", b"--"];
    match text.len() {
        0 => true,
        1..=3 if single_minus(text) => true,
        2..=4 => WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)),
        _ => false,
    }
}

fn single_minus(text: &[u8]) -> bool {
    first(text) == (Symbol::Minus, text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blanks_of_all_kinds_are_trimmed() {
        for text in [
            &b" 5 "[..],
            b"\t5\r\n",
            "\u{a0}5\u{202f}".as_bytes(),
            "\u{2007} 5\u{200e}".as_bytes(),
            b"\xa05\xa0\xa0",
            "\u{c2}\u{a0}5".as_bytes(),
            "5\u{c2}\u{a0}".as_bytes(),
        ] {
            assert_eq!(trim(text), b"5", "{text:x?}");
        }
        for text in ["", " ", "\u{a0}", "\u{202f}\u{2007}"] {
            assert_eq!(trim(text.as_bytes()), b"");
        }
        // A letter whose second byte is that of a no-break blank.
        assert_eq!(trim("à".as_bytes()), "à".as_bytes());
        assert_eq!(trim("Ġ".as_bytes()), "Ġ".as_bytes());
    }

    #[test]
    fn what_spreadsheets_add_is_taken_off() {
        for text in ["51", "=\"51\"", "'51", "'51'", " =\" 51 \" ", "' 51"] {
            assert_eq!(bare(text.as_bytes()), b"51", "{text}");
        }
        for text in ["=51", "=\"", "\"51\"", "51'"] {
            assert_eq!(bare(text.as_bytes()), text.as_bytes());
        }
        assert_eq!((bare(b"'"), bare(b"''"), bare(b"=\"\"")), (&b""[..], &b""[..], &b""[..]));
    }

    #[test]
    fn words_for_nothing_are_known_in_any_case() {
        for text in ["", "NA", "na", "N/A", "#N/A", "NULL", "Null", "None", "NaN", "nan", "\\N", "-", "--", "\u{2212}"]
        {
            assert!(is_missing(text.as_bytes()), "{text}");
        }
        for text in ["N", "0", "---", "nothing", "inf", "#", "nul", "\u{e9}"] {
            assert!(!is_missing(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_apart(bytes in prop::collection::vec(any::<u8>(), 1..12)) {
            prop_assert!((1..=bytes.len()).contains(&first(&bytes).1));
            prop_assert!((1..=bytes.len()).contains(&last(&bytes).1));
            let _ = (bare(&bytes), is_missing(&bytes));
        }
    }
}
