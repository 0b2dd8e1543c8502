//! A field's bytes -> a finite f64, exactly as std would parse it; and the decimals that std does not know: with a comma,
//! with points between thousands, and in other units.

use crate::source::options::{Decimal, Unit};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::source) enum Field {
    /// Nothing but space.
    Blank,
    /// A finite number.
    Number(f64),
    /// Anything else: text, NaN, infinity, a number beyond f64.
    NotANumber,
}

/// Reads a field; surrounding space and one leading `+` are allowed.
pub(in crate::source) fn parse(bytes: &[u8]) -> Field {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return Field::Blank;
    }
    match fast_float2::parse::<f64, _>(bytes) {
        Ok(value) if value.is_finite() => Field::Number(value),
        _ => Field::NotANumber,
    }
}

/// A number without its sign, taken apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::source) struct Parts<'a> {
    /// Digits, perhaps with points between thousands.
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

/// Powers of ten that are exact in f64.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Up to here every integer is exact in f64.
const EXACT: u64 = 1 << 53;

/// Reads a number without sign and blanks in `unit`, as degrees; `alone` for one of a projected system, which may be so
/// large that three digits behind the wrong mark could as well be thousands.
#[inline]
pub(super) fn magnitude(text: &[u8], unit: Unit, alone: bool, decimal: Decimal) -> Option<f64> {
    let parts = take_apart(text, alone, decimal)?;
    let value = match unit {
        Unit::Degrees => parts.value(0),
        Unit::E5 => parts.value(5),
        Unit::E6 => parts.value(6),
        Unit::E7 => parts.value(7),
        Unit::Semicircles | Unit::Radians => scale(parts.value(0)?, unit),
        Unit::DegreesMinutes => parts.degrees_and_minutes(),
    };
    value.filter(|value| value.is_finite())
}

/// A number that is one already, in degrees.
pub(super) fn scale(value: f64, unit: Unit) -> Option<f64> {
    Some(match unit {
        Unit::Degrees => value,
        Unit::E5 => value / 1e5,
        Unit::E6 => value / 1e6,
        Unit::E7 => value / 1e7,
        // Both steps are exact for the integers that are meant.
        Unit::Semicircles => value * 180.0 / 2_147_483_648.0,
        Unit::Radians => value.to_degrees(),
        Unit::DegreesMinutes => {
            let degrees = (value / 100.0).trunc();
            let minutes = value - degrees * 100.0;
            (minutes.abs() < 60.0).then_some(degrees + minutes / 60.0)?
        }
    })
}

/// The plain decimal of few digits with nothing around it, whose decimals stand behind `POINT`; `None` for anything that
/// needs more care. It is what most files are full of.
#[inline]
pub(in crate::source) fn short<const POINT: u8>(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let (mut mantissa, mut places, mut marked) = (0u64, 0, false);
    // 15 digits and the mark: below 2^53.
    if digits.len() > 16 {
        return None;
    }
    for &byte in digits {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(byte - b'0'),
            _ if byte == POINT && !marked => {
                marked = true;
                continue;
            }
            _ => return None,
        }
        places += usize::from(marked);
    }
    let count = digits.len() - usize::from(marked);
    if count == 0 || count > 15 {
        return None;
    }
    let value = mantissa as f64 / TENS[places];
    Some(if negative { -value } else { value })
}

/// Whether the decimals of a number that was read stand behind the mark that was not said: in a column such a number is
/// as likely one with thousands, or a mistake. Points between thousands of a number with commas are none; `alone` as for
/// [`magnitude`].
pub(super) fn other_mark(text: &[u8], alone: bool, decimal: Decimal) -> bool {
    let other = if decimal.is_comma() { b'.' } else { b',' };
    let Some(at) = memchr::memchr(other, text) else { return false };
    if decimal != Decimal::Comma {
        return true;
    }
    let (whole, behind) = (&text[..at], &text[at + 1..]);
    if behind.iter().any(|byte| matches!(byte, b'.' | b',')) {
        return false;
    }
    let digits = whole.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let decimals = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let one_group = (1..=3).contains(&digits) && decimals == 3 && whole[at - digits] != b'0';
    !(alone && one_group)
}

/// Finds the mark in front of the decimals.
///
/// One mark alone is that, point or comma, whatever was said (a comma with digits on both sides): a cell that holds a
/// whole place is written by a program that asks nobody. Of a column [`other_mark`] refuses it. Points in groups of three are thousands where the comma was
/// said to be the mark. Only three digits behind the mark that was not said (`1,012`) could be either: as degrees they are decimals,
/// thousands of them being no place; of eastings a point is for thousands where that was said, and a comma is refused.
#[inline]
pub(super) fn take_apart(text: &[u8], alone: bool, decimal: Decimal) -> Option<Parts<'_>> {
    let (mut points, mut commas, mut mark, mut end) = (0u32, 0u32, text.len(), text.len());
    for (i, &byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => continue,
            // A point behind a comma is no number in any country.
            b'.' if commas == 0 => points = points.saturating_add(1),
            b',' if commas == 0 => commas = 1,
            b'e' | b'E' => {
                end = i;
                break;
            }
            _ => return None,
        }
        mark = i;
    }
    let exponent = if end < text.len() { exponent(&text[end + 1..])? } else { 0 };
    let body = &text[..end];
    let mark = mark.min(end);
    let (whole, fraction) = (&body[..mark], body.get(mark + 1..).unwrap_or(&[]));
    let one_group = (1..=3).contains(&whole.len()) && fraction.len() == 3 && whole[0] != b'0';
    let parts = match (decimal, points, commas) {
        (_, 0, 0) => Parts { whole: body, fraction: &[], exponent },
        (Decimal::Point, 0, 1) if whole.is_empty() || fraction.is_empty() || alone && one_group => return None,
        (Decimal::Comma, 1, 0) if alone && one_group => Parts { whole: body, fraction: &[], exponent },
        (_, 0, 1) | (_, 1, 0) => Parts { whole, fraction, exponent },
        (Decimal::Comma, _, 1) if grouped(whole) => Parts { whole, fraction, exponent },
        (Decimal::Comma, _, 0) if grouped(body) => Parts { whole: body, fraction: &[], exponent },
        _ => return None,
    };
    (!parts.whole.is_empty() || !parts.fraction.is_empty()).then_some(parts)
}

/// The digits behind an `e`.
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // What is far beyond any f64 may be cut: no field has as many digits.
    let value = digits.iter().fold(0i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(1 << 48));
    Some(if negative { -value } else { value })
}

/// Whether points stand between groups of three digits.
fn grouped(whole: &[u8]) -> bool {
    let mut groups = whole.split(|&byte| byte == b'.');
    groups.next().is_some_and(|first| (1..=3).contains(&first.len())) && groups.all(|group| group.len() == 3)
}

impl Parts<'_> {
    /// All digits.
    pub(in crate::source) fn digits(self) -> impl DoubleEndedIterator<Item = u8> + Clone {
        self.whole.iter().chain(self.fraction).copied().filter(u8::is_ascii_digit)
    }

    /// The power of ten of the last of them.
    pub(in crate::source) fn power(self) -> i64 {
        self.exponent - self.fraction.len() as i64
    }

    /// The nearest f64 to the number over ten to the power of `places`.
    ///
    /// Digits up to 2^53 and a power of ten up to 10^22 are both exact, so that one operation rounds once (Clinger, How
    /// to read floating point numbers accurately, 1990). What is longer is written out and parsed.
    #[inline]
    fn value(&self, places: i64) -> Option<f64> {
        let power = self.power() - places;
        if self.whole.len() + self.fraction.len() <= 19 {
            let mantissa = self.digits().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
            if mantissa <= EXACT && (-22..=22).contains(&power) {
                let ten = TENS[power.unsigned_abs() as usize];
                return Some(if power < 0 { mantissa as f64 / ten } else { mantissa as f64 * ten });
            }
        }
        let mut text: Vec<u8> = self.digits().collect();
        text.extend_from_slice(format!("e{power}").as_bytes());
        match parse(&text) {
            Field::Number(value) => Some(value),
            _ => None,
        }
    }

    /// The last two digits of the whole are minutes.
    fn degrees_and_minutes(&self) -> Option<f64> {
        if self.exponent != 0 || self.whole.contains(&b'.') {
            return None;
        }
        let (degrees, minutes) = self.whole.split_at(self.whole.len().saturating_sub(2));
        let (degrees, minutes) = (integer(degrees)?, integer(minutes)?);
        (minutes < 60).then(|| sixtieths(degrees * 60 + minutes, self.fraction, 60))
    }
}

/// A few digits, or none, as a number.
pub(super) fn integer(digits: &[u8]) -> Option<u64> {
    if digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

/// `units` and a fraction of one, of which `per_degree` are a degree, in degrees: one division of two exact numbers, so
/// that it rounds once. Decimals of seconds beyond 2^53 of them per turn are dropped.
pub(super) fn sixtieths(units: u64, fraction: &[u8], per_degree: u64) -> f64 {
    let (mut over, mut under) = (units, per_degree);
    for digit in fraction {
        if over > EXACT / 10 - 1 || under > EXACT / 10 {
            break;
        }
        over = over * 10 + u64::from(digit - b'0');
        under *= 10;
    }
    over as f64 / under as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_blanks_and_the_rest_are_told_apart() {
        for (text, value) in
            [("51.5", 51.5), ("+51.5", 51.5), (" -0.1276\t", -0.1276), ("1e2", 100.0), (".5", 0.5), ("5.", 5.0)]
        {
            assert_eq!(parse(text.as_bytes()), Field::Number(value), "{text}");
        }
        for text in ["", " ", "\t "] {
            assert_eq!(parse(text.as_bytes()), Field::Blank);
        }
        for text in [
            "NaN",
            "nan",
            "inf",
            "-Infinity",
            "1e400",
            "-1e400",
            "\\N",
            "12,5",
            "1 2",
            "0x10",
            "--1",
            "+-1",
            "+",
            "5e",
            "\u{feff}1",
        ] {
            assert_eq!(parse(text.as_bytes()), Field::NotANumber, "{text}");
        }
    }

    proptest! {
        #[test]
        fn equals_std(text in "[+-]?[0-9]{0,20}(\\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?") {
            let expected = match text.parse::<f64>() {
                _ if text.is_empty() => Field::Blank,
                Ok(value) if value.is_finite() => Field::Number(value),
                _ => Field::NotANumber,
            };
            prop_assert_eq!(parse(text.as_bytes()), expected);
        }

        #[test]
        fn reads_back_what_was_printed(value in any::<f64>()) {
            let expected = if value.is_finite() { Field::Number(value) } else { Field::NotANumber };
            prop_assert_eq!(parse(format!("{value}").as_bytes()), expected);
        }
    }
}
