//! One cell -> a number of degrees, or of whatever a projected system is measured in; and a cell that holds a whole place.
//!
//! `number` is the plain decimal, which is all that most files hold and all that the fast reader knows. What people write
//! beyond that is here: blanks and minus signs of every kind (`text`), letters and words for the halves of the globe
//! (`hemisphere`), degrees, minutes and seconds (`angle`), and places in one cell (`geometry`, `pair`; `recognise`
//! tells which of them a column holds).
//! Which cells are read, and as what, is left to `columns` and `take`.

mod angle;
pub mod fuzzing;
mod geometry;
mod hemisphere;
pub(in crate::source) mod number;
mod pair;
mod recognise;
mod text;

pub(in crate::source) use geometry::geometry;
pub(in crate::source) use hemisphere::{Half, hemisphere};
pub(in crate::source) use recognise::{Recognised, recognise};

use super::cell::Axis;
use super::options::{Decimal, Unit};
use number::{Field, Parts};
use text::Symbol;

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::source) enum Cell {
    /// Nothing, or a word that says so.
    Missing,
    /// A finite number: degrees, whatever they were written in, or a coordinate of a projected system.
    Number(f64),
    /// Anything else.
    Bad,
}

/// Reads the cell of one coordinate. The decimals of a plain number stand behind the mark that the file has: one behind
/// the other is as likely a number with thousands, or a mistake.
#[inline]
pub(in crate::source) fn coordinate(bytes: &[u8], axis: Axis, unit: Unit, decimal: Decimal) -> Cell {
    cell(bytes, axis, unit, decimal, false)
}

/// The same; `either` says whether decimals may stand behind the other mark, too.
#[inline]
fn cell(bytes: &[u8], axis: Axis, unit: Unit, decimal: Decimal, either: bool) -> Cell {
    if unit == Unit::Degrees && decimal == Decimal::Point {
        if let Some(value) = number::short::<b'.'>(bytes) {
            return Cell::Number(value);
        }
        match number::parse(bytes) {
            Field::Number(value) => return Cell::Number(value),
            Field::Blank => return Cell::Missing,
            Field::NotANumber => (),
        }
    }
    if unit == Unit::Degrees
        && decimal.is_comma()
        && let Some(value) = number::short::<b','>(bytes)
    {
        return Cell::Number(value);
    }
    match read(bytes, Some(axis), unit, decimal) {
        Reading::Missing => Cell::Missing,
        Reading::Bad => Cell::Bad,
        // What has letters or marks is a degree beyond doubt.
        Reading::Number(found)
            if found.plain && !either && number::other_mark(bytes, axis == Axis::Projected, decimal) =>
        {
            Cell::Bad
        }
        Reading::Number(found) => Cell::Number(found.value),
    }
}

/// What a cell holds of which the digits are wanted, not the nearest f64.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::source) enum Exact<'a> {
    /// Nothing, or a word that says so.
    Missing,
    /// A number, its sign apart.
    Number(bool, Parts<'a>),
    /// A word for a number that is not finite, or for none, with a sign.
    Infinite,
    /// Anything else.
    Bad,
}

/// Reads the cell of a number that is no coordinate, as [`coordinate`] reads one along [`Axis::Projected`].
pub(in crate::source) fn exact(bytes: &[u8], decimal: Decimal) -> Exact<'_> {
    let text = text::bare(bytes);
    let (negative, rest) = sign(text);
    match number::take_apart(rest, true, decimal) {
        Some(_) if number::other_mark(bytes, true, decimal) => Exact::Bad,
        Some(parts) => Exact::Number(negative == Some(true), parts),
        None if text::is_missing(text) => Exact::Missing,
        None if [&b"inf"[..], b"infinity", b"nan"].iter().any(|word| rest.eq_ignore_ascii_case(word)) => {
            Exact::Infinite
        }
        None => Exact::Bad,
    }
}

/// Whether a cell is a longitude but for an O beside it, which tells no half of the globe.
pub(in crate::source) fn is_with_o(bytes: &[u8], unit: Unit, decimal: Decimal) -> bool {
    let Some(text) = hemisphere::o_as_e(text::bare(bytes)) else { return false };
    matches!(read(&text, Some(Axis::Longitude), unit, decimal), Reading::Number(found) if found.axis.is_some())
}

/// Whether a field of a column of halves of the globe holds O.
pub(in crate::source) fn is_o(bytes: &[u8]) -> bool {
    text::bare(bytes).eq_ignore_ascii_case(b"o")
}

/// What O means in which languages, and what to write instead: the end of a sentence.
pub(in crate::source) const O_MEANS: &str =
    "which is east (Ost) in German and west (Oeste, Ouest) in Spanish and French; write E or W";

/// What a cell holds, and how it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    Missing,
    Bad,
    Number(Found),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Found {
    value: f64,
    /// The axis that a letter or word names.
    axis: Option<Axis>,
    /// How many numbers it is made of: 3 of degrees, minutes and seconds.
    parts: usize,
    /// Whether nothing but a sign stands beside the number.
    plain: bool,
}

/// Reads a cell along an axis; `None`: either of degrees.
fn read(bytes: &[u8], axis: Option<Axis>, unit: Unit, decimal: Decimal) -> Reading {
    let text = text::bare(bytes);
    let alone = axis == Some(Axis::Projected);
    let (negative, rest) = sign(text);
    let plain = number::magnitude(rest, unit, alone, decimal);
    if let Some(value) = plain {
        let value = if negative == Some(true) { -value } else { value };
        return Reading::Number(Found { value, axis: None, parts: 1, plain: true });
    }
    if text::is_missing(text) {
        return Reading::Missing;
    }
    match if alone { None } else { lettered(text, axis, unit, decimal) } {
        Some(found) => Reading::Number(found),
        None => Reading::Bad,
    }
}

/// A number with a letter, or of several parts.
fn lettered(text: &[u8], axis: Option<Axis>, unit: Unit, decimal: Decimal) -> Option<Found> {
    let (text, letter) = angle::take_letter(text, axis).ok()?;
    let (negative, rest) = sign(text);
    let plain = letter.and_then(|_| number::magnitude(rest, unit, false, decimal));
    let (magnitude, parts) = match plain {
        Some(value) => (value, 1),
        None if unit == Unit::Degrees => {
            let found = angle::read(rest, letter.is_some(), decimal)?;
            (found.degrees, found.parts)
        }
        None => return None,
    };
    let value = match (negative, letter) {
        // A sign and a letter that disagree.
        (Some(true), Some((_, Half::Positive))) | (Some(false), Some((_, Half::Negative))) => return None,
        (Some(true), _) | (_, Some((_, Half::Negative))) => -magnitude,
        _ => magnitude,
    };
    Some(Found { value, axis: letter.map(|(axis, _)| axis), parts, plain: false })
}

/// The sign in front, if there is one (true: a minus), and what is behind it.
#[inline]
fn sign(text: &[u8]) -> (Option<bool>, &[u8]) {
    match text.first() {
        Some(b'0'..=b'9') | None => (None, text),
        Some(b'+') => (Some(false), &text[1..]),
        Some(_) => match text::first(text) {
            (Symbol::Minus, length) => (Some(true), text::trim_start(&text[length..])),
            _ => (None, text),
        },
    }
}

#[cfg(test)]
mod tests;
