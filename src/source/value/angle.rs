//! Degrees, minutes and seconds: `51°30'26"N`, `51 30 26.5`, `N51 30.44`, `-0:07:39`, `51d30m26s`.
//!
//! Sign and letter are taken off before (`mod`); here is what lies between.

use super::hemisphere::{self, Half};
use super::number;
use super::text::{self, Symbol};
use crate::source::cell::Axis;
use crate::source::options::{Decimal, Unit};

/// The parts of an angle without sign and letter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Angle {
    pub(super) degrees: f64,
    /// 1 for degrees alone, 3 where there are seconds.
    pub(super) parts: usize,
}

/// Words behind the parts; of two that fit the longer one is in front.
const MARKS: [(&[u8], Symbol); 13] = [
    (b"degrees", Symbol::Degree),
    (b"degree", Symbol::Degree),
    (b"deg", Symbol::Degree),
    (b"d", Symbol::Degree),
    (b"minutes", Symbol::Minute),
    (b"minute", Symbol::Minute),
    (b"min", Symbol::Minute),
    (b"m", Symbol::Minute),
    (b"seconds", Symbol::Second),
    (b"second", Symbol::Second),
    (b"secs", Symbol::Second),
    (b"sec", Symbol::Second),
    (b"s", Symbol::Second),
];

/// What stands between two parts, or behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    Of(Symbol),
    Colon,
    /// Only beside a letter: `51-30` could be anything else.
    Hyphen,
}

/// Reads the parts; `lettered` when a letter stood before or behind them.
pub(super) fn read(text: &[u8], lettered: bool, decimal: Decimal) -> Option<Angle> {
    // Longer than anything that is meant.
    if text.len() > 100 {
        return None;
    }
    let mut rest = text;
    let mut whole = [0u64; 3];
    for part in 0..3 {
        let digits = digits(rest);
        let fraction = match rest.get(digits) {
            Some(b'.' | b',') => Some(&rest[digits + 1..][..self::digits(&rest[digits + 1..])]),
            _ => None,
        };
        let (number, tail) = rest.split_at(digits + fraction.map_or(0, |fraction| 1 + fraction.len()));
        whole[part] = number::integer(&number[..digits])?;
        let spaced = text::trim_start(tail);
        let (mark, length) = mark(spaced);
        let behind = &spaced[length..];
        rest = text::trim_start(behind);
        let fits = match mark {
            Mark::None => rest.is_empty() || spaced.len() < tail.len(),
            Mark::Of(symbol) => symbol == [Symbol::Degree, Symbol::Minute, Symbol::Second][part],
            Mark::Colon => !rest.is_empty(),
            Mark::Hyphen => lettered && !rest.is_empty() && spaced.len() == tail.len() && rest.len() == behind.len(),
        };
        if !fits || part > 0 && (digits == 0 || whole[part] > 59) {
            return None;
        }
        if rest.is_empty() {
            let decimals = fraction.unwrap_or(&[]);
            let degrees = match part {
                0 => number::magnitude(number, Unit::Degrees, false, decimal)?,
                1 => number::sixtieths(whole[0] * 60 + whole[1], decimals, 60),
                _ => number::sixtieths(whole[0] * 3600 + whole[1] * 60 + whole[2], decimals, 3600),
            };
            return Some(Angle { degrees, parts: part + 1 });
        }
        // Only the last part has decimals, and degrees have digits when others follow.
        if fraction.is_some() || digits == 0 {
            return None;
        }
    }
    None
}

/// Digits at the start.
fn digits(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

/// The mark at the start and its length.
fn mark(text: &[u8]) -> (Mark, usize) {
    let Some(&byte) = text.first() else { return (Mark::None, 0) };
    if byte == b':' {
        return (Mark::Colon, 1);
    }
    match text::first(text) {
        (Symbol::Minute, length) => match text.get(length..) {
            // Two primes are a double one.
            Some(more) if !more.is_empty() && text::first(more).0 == Symbol::Minute => {
                (Mark::Of(Symbol::Second), length + text::first(more).1)
            }
            _ => (Mark::Of(Symbol::Minute), length),
        },
        (Symbol::Minus, length) => (Mark::Hyphen, length),
        (symbol @ (Symbol::Degree | Symbol::Second), length) => (Mark::Of(symbol), length),
        _ => word(text).map_or((Mark::None, 0), |(symbol, length)| (Mark::Of(symbol), length)),
    }
}

/// The word for a part at the start, and its length.
fn word(text: &[u8]) -> Option<(Symbol, usize)> {
    let fits = |word: &&[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    MARKS.iter().find(|(word, _)| fits(word)).map(|(word, symbol)| (*symbol, word.len()))
}

/// Takes a letter or word for a half of the globe off the front or the back. `Err` where there are letters that are none
/// along `axis` (`None`: either of both), or where it cannot be told what they are.
#[allow(clippy::type_complexity)]
pub(super) fn take_letter(text: &[u8], axis: Option<Axis>) -> Result<(&[u8], Option<(Axis, Half)>), ()> {
    let fits = |found: (Axis, Half)| if axis.is_none_or(|axis| axis == found.0) { Ok(found) } else { Err(()) };
    let before = hemisphere::letters_before(text);
    let (text, mut letter) = match before {
        0 => (text, None),
        _ => {
            let found = hemisphere::word(&text[..before]).ok_or(())?;
            (text::trim_start(&text[before..]), Some(fits(found)?))
        }
    };
    let start = hemisphere::letters_behind(text);
    let (inner, behind) = text.split_at(start);
    if behind.is_empty() || inner.is_empty() {
        return Ok((text, letter));
    }
    // `26sN`: the mark stays.
    let mark = match hemisphere::word(behind) {
        Some(_) => 0,
        None => match word(behind) {
            Some((_, length)) => length,
            None => return Err(()),
        },
    };
    let Some(found) = hemisphere::word(&behind[mark..]) else { return Ok((text, letter)) };
    if mark == 0 && behind.eq_ignore_ascii_case(b"s") {
        match lone_s(inner, behind[0], letter.is_some() || axis == Some(Axis::Longitude)) {
            S::Seconds => return Ok((text, letter)),
            S::South => (),
            S::Either => return Err(()),
        }
    }
    if letter.is_some() {
        return Err(());
    }
    letter = Some(fits(found)?);
    Ok((text::trim(&text[..start + mark]), letter))
}

/// What an `s` at the end means.
enum S {
    Seconds,
    South,
    /// It cannot be told: `51D30M26S`.
    Either,
}

/// Tells what an `s` behind `inner` means: where degrees and minutes have letters, seconds may have one.
fn lone_s(inner: &[u8], s: u8, not_south: bool) -> S {
    let number = text::trim(inner);
    // Behind a mark it is none itself.
    if !matches!(number.last(), Some(b'0'..=b'9' | b'.')) {
        return S::South;
    }
    let Some(mark) = inner.iter().rposition(u8::is_ascii_alphabetic) else { return S::South };
    if not_south {
        return S::Seconds;
    }
    let minutes = inner[..=mark].iter().any(|byte| byte.eq_ignore_ascii_case(&b'm'));
    let spaced = number.len() < inner.len();
    let start = hemisphere::letters_behind(&inner[..=mark]);
    let alike = spaced == (text::trim(&inner[..start]).len() < start);
    match (alike, s, minutes) {
        (true, b's', true) if inner[mark].is_ascii_lowercase() => S::Seconds,
        (true, b'S', false) if inner[mark].is_ascii_lowercase() => S::South,
        (false, ..) if spaced => S::South,
        _ => S::Either,
    }
}
