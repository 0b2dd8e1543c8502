//! Rows of a text -> coordinates, without making records: only the two wanted fields are looked at.
//!
//! Two ways with one result: `fast` for a row of plain decimals without quotes, `general` for every row, as
//! crate `csv` would read it. `fast` gives up at anything it does not know, and `general` judges the row.

use memchr::{memchr, memchr2, memchr3};

use super::cut::quote;
use crate::project::Coordinate;
use crate::rows::Reason;

use crate::source::number::{self, Field};
use crate::source::tally::Tally;

/// Places of the wanted columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    first: usize,
    second: usize,
    /// Whether the first of them is the northing.
    swapped: bool,
}

impl Wanted {
    /// The easting in column `x`, the northing in column `y`, from 0; they may be the same.
    pub(super) fn new(x: usize, y: usize) -> Self {
        Self { first: x.min(y), second: x.max(y), swapped: x > y }
    }

    fn coordinate(self, first: f64, second: f64) -> Coordinate {
        if self.swapped { Coordinate { x: second, y: first } } else { Coordinate { x: first, y: second } }
    }
}

/// Judges a row by its two fields (`None`: the row is too short); `open` when it ends within quotes.
pub(super) fn judge(x: Option<Field>, y: Option<Field>, open: bool) -> Result<Coordinate, Reason> {
    match (x, y) {
        (Some(Field::Blank), _) | (_, Some(Field::Blank)) => Err(Reason::Missing),
        (Some(Field::NotANumber), _) | (_, Some(Field::NotANumber)) => Err(Reason::NotANumber),
        (Some(Field::Number(x)), Some(Field::Number(y))) if !open => Ok(Coordinate { x, y }),
        _ => Err(Reason::Malformed),
    }
}

/// A place in a text, always at the start of a row.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    quoted: bool,
    delimiter: u8,
    wanted: Wanted,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `bytes`, whole rows; `quoted` unless there is no quote in them.
    pub(super) fn new(bytes: &'a [u8], quoted: bool, delimiter: u8, wanted: Wanted) -> Self {
        Self { bytes, quoted, delimiter, wanted, at: 0 }
    }

    /// Reads rows until `batch` is `full` coordinates long or there are no more (false then).
    pub(super) fn fill(&mut self, batch: &mut Vec<Coordinate>, full: usize, tally: &mut Tally) -> bool {
        while batch.len() < full {
            if let Some((coordinate, next)) = self.fast() {
                batch.push(coordinate);
                tally.rows += 1;
                self.at = next;
                continue;
            }
            match self.bytes.get(self.at) {
                None => return false,
                Some(b'\n' | b'\r') => {
                    self.at += 1;
                    continue;
                }
                Some(_) => (),
            }
            match self.general() {
                Ok(coordinate) => {
                    batch.push(coordinate);
                    tally.rows += 1;
                }
                Err(reason) => tally.reject(reason, Vec::new),
            }
        }
        true
    }

    /// The row at the cursor and where the next one starts, if it is a plain one: two decimals, no quotes.
    #[inline]
    fn fast(&self) -> Option<(Coordinate, usize)> {
        let mut at = self.at;
        let mut end = None;
        if self.wanted.first > 0 || self.quoted {
            let line = &self.bytes[at..];
            let line = &line[..memchr2(b'\n', b'\r', line)?];
            if self.quoted && memchr(b'"', line).is_some() {
                return None;
            }
            end = Some(at + line.len());
            at = self.skip(at, at + line.len(), self.wanted.first)?;
        }
        let (first, mut after) = decimal(self.bytes, at, self.delimiter)?;
        let mut second = first;
        if self.wanted.second > self.wanted.first {
            if *self.bytes.get(after)? != self.delimiter {
                return None;
            }
            at = after + 1;
            if self.wanted.second > self.wanted.first + 1 {
                let line_end = match end {
                    Some(end) => end,
                    None => at + memchr2(b'\n', b'\r', &self.bytes[at..])?,
                };
                end = Some(line_end);
                at = self.skip(at, line_end, self.wanted.second - self.wanted.first - 1)?;
            }
            (second, after) = decimal(self.bytes, at, self.delimiter)?;
        }
        let coordinate = self.wanted.coordinate(first, second);
        match *self.bytes.get(after)? {
            b'\n' => Some((coordinate, after + 1)),
            b'\r' => Some((coordinate, self.behind(after))),
            byte if byte == self.delimiter => {
                let end = match end {
                    Some(end) => end,
                    None => after + memchr2(b'\n', b'\r', &self.bytes[after..])?,
                };
                Some((coordinate, self.behind(end)))
            }
            _ => None,
        }
    }

    /// The place behind the line end at `end`, which may be two bytes long.
    #[inline]
    fn behind(&self, end: usize) -> usize {
        end + 1 + usize::from(self.bytes[end] == b'\r' && self.bytes.get(end + 1) == Some(&b'\n'))
    }

    /// The start of the field `fields` after the one at `at`, within the line that ends at `end`.
    #[inline]
    fn skip(&self, mut at: usize, end: usize, fields: usize) -> Option<usize> {
        for _ in 0..fields {
            at += memchr(self.delimiter, &self.bytes[at..end])? + 1;
        }
        Some(at)
    }

    /// Judges the row at the cursor, whatever it holds, and moves behind it.
    fn general(&mut self) -> Result<Coordinate, Reason> {
        let mut fields = [None; 2];
        let mut open = false;
        for column in 0.. {
            if column > self.wanted.second {
                let rest = &self.bytes[self.at..];
                let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                if !self.quoted || memchr(b'"', &rest[..end]).is_none() {
                    self.at += end + 1;
                    break;
                }
            }
            let (field, more) = self.field(&mut open);
            if column == self.wanted.first {
                fields[0] = Some(field.value());
            }
            if column == self.wanted.second {
                fields[1] = Some(field.value());
            }
            if !more {
                break;
            }
        }
        self.at = self.at.min(self.bytes.len());
        let [x, y] = if self.wanted.swapped { [fields[1], fields[0]] } else { fields };
        judge(x, y, open)
    }

    /// The field at the cursor; moves behind its delimiter or its row's end (false then).
    fn field(&mut self, open: &mut bool) -> (Content<'a>, bool) {
        let bytes = self.bytes;
        let start = self.at;
        let mut inner_end = start;
        let quoted = bytes.get(start) == Some(&b'"');
        if quoted {
            inner_end += 1;
            loop {
                match quote(&bytes[inner_end..]) {
                    None => {
                        *open = true;
                        inner_end = bytes.len();
                        break;
                    }
                    Some(found) if bytes.get(inner_end + found + 1) == Some(&b'"') => inner_end += found + 2,
                    Some(found) => {
                        inner_end += found;
                        break;
                    }
                }
            }
        }
        // What follows a closing quote belongs to the field, up to its delimiter.
        let rest = &bytes[(inner_end + usize::from(quoted && !*open)).min(bytes.len())..];
        let end = match rest.first() {
            Some(&byte) if ends(byte, self.delimiter) => 0,
            _ => memchr3(self.delimiter, b'\n', b'\r', rest).unwrap_or(rest.len()),
        };
        let content = match quoted {
            false => Content::Plain(&rest[..end]),
            true if end == 0 => Content::Plain(&bytes[start + 1..inner_end]),
            true => Content::Quoted(&bytes[start + 1..inner_end], &rest[..end]),
        };
        let more = rest.get(end) == Some(&self.delimiter);
        self.at = bytes.len() - rest.len() + end + 1;
        (content, more)
    }
}

/// A field's text where it stands.
enum Content<'a> {
    Plain(&'a [u8]),
    /// Between quotes, and behind them.
    Quoted(&'a [u8], &'a [u8]),
}

impl Content<'_> {
    fn value(&self) -> Field {
        match *self {
            Content::Plain(text) => number::parse(text),
            // A doubled quote would stand for one, and a field that holds any is no number either way.
            Content::Quoted(inner, rest) => number::parse(&[inner, rest].concat()),
        }
    }
}

/// Powers of ten that are exact in f64.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The plain decimal at `at` and where it ends; `None` for anything that needs more care.
///
/// Digits up to 2^53 over a power of ten up to 10^22 are both exact, so that one division rounds once: the
/// result is the nearest f64, as std's (Clinger, How to read floating point numbers accurately, 1990).
#[inline]
fn decimal(bytes: &[u8], mut at: usize, delimiter: u8) -> Option<(f64, usize)> {
    while *bytes.get(at)? == b' ' {
        at += 1;
    }
    let negative = bytes[at] == b'-';
    at += usize::from(negative || bytes[at] == b'+');
    let (mut mantissa, mut count) = digits(bytes, at)?;
    at += count;
    let mut places = 0;
    if *bytes.get(at)? == b'.' {
        at += 1;
        loop {
            let (more, n) = digits(bytes, at)?;
            // What overflows has too many digits and is refused below.
            mantissa = mantissa.wrapping_mul(POWERS[n]).wrapping_add(more);
            at += n;
            places += n;
            if n < 8 || places > 16 {
                break;
            }
        }
        count += places;
    }
    // 15 digits are below 2^53; of 16 some are.
    if count == 0 || count > 16 || mantissa > 1 << 53 {
        return None;
    }
    if !ends(*bytes.get(at)?, delimiter) {
        return None;
    }
    let value = mantissa as f64 / TENS[places];
    Some((if negative { -value } else { value }, at))
}

/// Whether a field without quotes ends before `byte`.
#[inline]
fn ends(byte: u8, delimiter: u8) -> bool {
    byte == delimiter || byte == b'\n' || byte == b'\r'
}

const POWERS: [u64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The value of the leading digits of the eight bytes at `at`, and how many there are.
#[inline]
fn digits(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*bytes.get(at..)?.first_chunk::<8>()?) ^ (0x30 * ONES);
    // A byte is no digit when it, or it plus 118, has its high bit set; carries only reach bytes behind the first.
    let other = (word | word.wrapping_add(0x76 * ONES)) & (0x80 * ONES);
    let count = (other.trailing_zeros() / 8) as usize;
    if count == 0 {
        return Some((0, 0));
    }
    // Zeros in front, then pairs, fours and eights of digits are joined by one multiplication each.
    let word = word << (64 - 8 * count);
    let word = (word * 10 + (word >> 8)) & 0x00ff_00ff_00ff_00ff;
    let word = (word * 100 + (word >> 16)) & 0x0000_ffff_0000_ffff;
    Some(((word * 10_000 + (word >> 32)) & 0xffff_ffff, count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tens_and_digits_are_exact() {
        for (i, ten) in TENS.iter().enumerate() {
            assert_eq!(*ten, format!("1e{i}").parse::<f64>().unwrap());
        }
        assert_eq!(digits(b"12345678,", 0), Some((12_345_678, 8)));
        assert_eq!(digits(b"x1234567,", 1), Some((1_234_567, 7)));
        assert_eq!(digits(b"0.5.....", 0), Some((0, 1)));
        for other in [b'/', b':', 0u8, 0x80, 0xff, b'\n', b'"', 0xb0] {
            assert_eq!(digits(&[other; 8], 0), Some((0, 0)));
            assert_eq!(digits(&[b'7', other, b'1', b'1', b'1', b'1', b'1', b'1'], 0), Some((7, 1)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_decimal_is_what_std_makes_of_it(text in "[+-]?[0-9]{0,10}\\.?[0-9]{0,17}", padding in "[,\n]1234567") {
            let line = format!("{text}{padding}        ");
            if let Some((value, end)) = decimal(line.as_bytes(), 0, b',') {
                prop_assert_eq!(end, text.len());
                prop_assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
            }
        }
    }
}
