//! Two numbers in one cell: `(51.5, -0.1)`, `51.5 -0.1`, `51.4969N, 0.1160W`, `51°30'26"N 0°7'39"W`.

use super::{Found, Reading, number, text};
use crate::rows::Reason;
use crate::source::cell::Axis;
use crate::source::options::{Decimal, Order, Unit};
use text::Symbol;

/// Both numbers as they stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) values: [f64; 2],
    /// What letters say about the order.
    pub(super) told: Option<Order>,
    /// Of how many numbers each of them is made.
    pub(super) parts: usize,
}

impl Pair {
    /// Easting, then northing; letters are believed more than what was said.
    pub(super) fn ordered(&self, order: Order) -> [f64; 2] {
        let [first, second] = self.values;
        match self.told.unwrap_or(order) {
            Order::LonLat => [first, second],
            Order::LatLon => [second, first],
        }
    }
}

/// Longer cells hold more than two numbers.
const LONGEST: usize = 200;
/// More places to part at than two angles of three parts, every mark apart, have.
const MOST: usize = 24;

/// A place where a cell may be parted.
struct Seam<'a> {
    before: &'a [u8],
    behind: &'a [u8],
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Blanks, or a mark with or without them.
    Gap,
    /// A comma without a blank, which may also stand before decimals.
    Comma,
    /// Nothing: a letter ends the first number or begins the second.
    Letter,
    /// Nothing: a sign begins the second number, as ISO 6709 has it.
    Sign,
}

/// Reads a bare cell that is not missing.
///
/// The cell is parted wherever it can be, and both parts are read. Where more than one way gives two numbers, that counts
/// which makes both of as many parts (degrees, minutes, seconds); if there is none such, or two that differ, it is no pair.
pub(super) fn read(cell: &[u8], projected: bool, unit: Unit, decimal: Decimal) -> Result<Pair, Reason> {
    let cell = unbracketed(cell);
    if text::is_missing(cell) {
        return Err(Reason::Missing);
    }
    if cell.len() > LONGEST {
        return Err(Reason::NotANumber);
    }
    let axis = projected.then_some(Axis::Projected);
    let (mut found, mut missing, mut several): (Option<Pair>, _, _) = (None, false, false);
    for seam in seams(cell).ok_or(Reason::NotANumber)? {
        let bare_comma = seam.kind == Kind::Comma && decimal == Decimal::Point;
        if bare_comma && [seam.before, seam.behind].iter().any(|part| part.contains(&b',')) {
            continue;
        }
        let (a, b) = (super::read(seam.before, axis, unit, decimal), super::read(seam.behind, axis, unit, decimal));
        match (a, b) {
            (Reading::Number(a), Reading::Number(b)) => {
                if let Some(pair) = joined(a, b, seam.kind) {
                    several |= found.is_some_and(|found| found != pair);
                    found = Some(pair);
                }
            }
            (Reading::Bad, _) | (_, Reading::Bad) => (),
            _ => missing |= seam.kind == Kind::Gap || seam.kind == Kind::Comma,
        }
    }
    match found {
        Some(pair) if !several => Ok(pair),
        Some(_) => Err(Reason::NotANumber),
        None if missing => Err(Reason::Missing),
        None => with_height(cell, unit).ok_or(Reason::NotANumber),
    }
}

/// Two numbers as a pair, if they can be one.
fn joined(a: Found, b: Found, kind: Kind) -> Option<Pair> {
    let lettered = a.axis.is_some() && b.axis.is_some();
    if !lettered && (kind == Kind::Letter || a.parts != b.parts) {
        return None;
    }
    let told = match (a.axis, b.axis) {
        (None, None) => None,
        (a, b) if a == b => return None,
        (Some(Axis::Latitude), _) | (_, Some(Axis::Longitude)) => Some(Order::LatLon),
        _ => Some(Order::LonLat),
    };
    Some(Pair { values: [a.value, b.value], told, parts: a.parts })
}

/// Two decimals with a height, and how exact all of it is, behind them, as survey tools write them: blanks between, and
/// decimals in the first two so that they are no degrees and minutes.
fn with_height(cell: &[u8], unit: Unit) -> Option<Pair> {
    let mut numbers = [0.0; 4];
    let mut count = 0;
    for word in cell.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        match number::parse(word) {
            number::Field::Number(value) if count < 4 && (count > 1 || word.contains(&b'.')) => numbers[count] = value,
            _ => return None,
        }
        count += 1;
    }
    (count > 2 && unit == Unit::Degrees).then_some(Pair { values: [numbers[0], numbers[1]], told: None, parts: 1 })
}

/// Without brackets around all of it.
fn unbracketed(mut cell: &[u8]) -> &[u8] {
    for _ in 0..3 {
        cell = match cell {
            [b'(', inner @ .., b')']
            | [b'[', inner @ .., b']']
            | [b'{', inner @ .., b'}']
            | [b'<', inner @ .., b'>'] => text::trim(inner),
            _ => break,
        };
    }
    // The end of a place in ISO 6709.
    match cell {
        [b'+' | b'-', .., b'/'] => &cell[..cell.len() - 1],
        _ => cell,
    }
}

/// Every place to part a cell at; `None` where there are too many.
fn seams(cell: &[u8]) -> Option<Vec<Seam<'_>>> {
    let mut seams = Vec::new();
    let mut seam = |before: usize, behind: usize, kind| {
        seams.push(Seam { before: &cell[..before], behind: &cell[behind..], kind });
        (seams.len() <= MOST).then_some(())
    };
    let signed = matches!(cell, [b'+' | b'-', ..]);
    let mut at = 0;
    while at < cell.len() {
        let start = at;
        let (mut marks, mut comma) = (0, false);
        while at < cell.len() {
            match cell[at] {
                b',' => (marks, comma) = (marks + 1, true),
                b';' | b':' | b'/' | b'|' => marks += 1,
                _ => match text::first(&cell[at..]) {
                    (Symbol::Blank, length) => {
                        at += length;
                        continue;
                    }
                    _ => break,
                },
            }
            at += 1;
        }
        if at > start {
            let kind = if comma && at == start + 1 { Kind::Comma } else { Kind::Gap };
            if marks < 2 {
                seam(start, at, kind)?;
            }
            continue;
        }
        let (_, length) = text::first(&cell[at..]);
        let next = cell.get(at + length).copied().unwrap_or(b' ');
        let letter = |byte: u8| b"NSEWnsew".contains(&byte);
        if at > 0 && (letter(cell[at]) && next.is_ascii_digit() || letter(next) && !cell[at].is_ascii_alphabetic()) {
            seam(at + length, at + length, Kind::Letter)?;
        } else if signed && cell[at].is_ascii_digit() && matches!(next, b'+' | b'-') {
            seam(at + 1, at + 1, Kind::Sign)?;
        }
        at += length;
    }
    Some(seams)
}
