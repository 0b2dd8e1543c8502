//! What became of the rows of one piece: numbers by reason, an example of each, what is doubtful about the others, and
//! where asked for every row that is left out. Rows are numbered from 1 within the piece; the ledger (`parallel`) knows
//! those before it.

use std::borrow::Cow;

use super::Batch;
use super::cell::Unmet;
use super::choice::{Choice, PassedOver};
use super::doubt::{Doubt, pair};
use super::shown::shown;
use super::weight::Weights;
use crate::project::{AreaOfUse, Coordinate};
use crate::rows::{LeftOut, Reason};

/// Characters of a value that are shown.
const SHOWN: usize = 60;

/// A row that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reject {
    pub(super) row: u64,
    pub(super) reason: Reason,
    /// The fields that were looked at.
    pub(super) value: String,
}

/// Rows that are odd in one way: how many, and the first one's number with what it holds.
pub(super) type Odd = (u64, Option<(u64, String)>);

/// Rows of a piece and what became of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) left_out: LeftOut,
    /// The sum of the hashes of its lines, where that was asked for.
    pub(super) hash: u64,
    /// Rows that nobody asked for.
    pub(super) passed: PassedOver,
    /// The first row without two finite numbers.
    pub(super) first_invalid_row: Option<u64>,
    /// The first row of each reason, or with `keep` all of them.
    pub(super) rejects: Vec<Reject>,
    /// Whether all rows that are left out are kept.
    pub(super) keep: bool,
    /// A row that cannot belong to this input, and why.
    pub(super) ends: Option<(u64, String)>,
    /// What the last row of the input holds when it looks cut off.
    pub(super) cut: Option<String>,
    /// The first row with a quote that took in lines and should not have opened, and what to know of it.
    pub(super) swallowed: Option<(u64, String)>,
    /// Rows that are used and have fewer fields than the header names, and the first one.
    pub(super) shorter: Odd,
    /// Rows that are used and have text behind quotes that took in a delimiter, and the first one.
    pub(super) merged: Odd,
    /// What the weights come to, but for how many there are.
    pub(super) weights: Weights,
    /// Rows that are read and have no time where one is their key, and the first one.
    pub(super) timeless: Odd,
    /// What is doubtful about rows that hold numbers.
    pub(super) doubt: Doubt,
    /// Rows when rows were handed over last.
    handed: u64,
    /// Rows left out since.
    since: Vec<u64>,
}

impl Tally {
    /// A tally that keeps all rows that are left out, or the first of each reason.
    pub(super) fn new(keep: bool, doubt: Doubt) -> Self {
        Self { keep, doubt, ..Self::default() }
    }

    /// Counts one row that cannot be used, which is the next one.
    pub(super) fn reject(&mut self, reason: Reason, value: impl FnOnce() -> Vec<u8>) {
        self.rows += 1;
        let row = self.rows;
        if !reason.has_numbers() {
            self.first_invalid_row.get_or_insert(row);
        }
        self.since.push(row);
        self.leave_out(reason, row, || shown(&value(), SHOWN));
    }

    /// Counts one row that nobody asked for, which is the next one.
    #[inline]
    pub(super) fn pass_over<'a>(
        &mut self,
        choice: &Choice,
        unmet: Unmet,
        field: impl Fn(usize) -> Option<Cow<'a, [u8]>>,
    ) {
        choice.pass_over(unmet, self.rows, field, &mut self.passed);
        self.rows += 1;
        self.since.push(self.rows);
    }

    /// Leaves out a row that was counted already.
    fn leave_out(&mut self, reason: Reason, row: u64, value: impl FnOnce() -> String) {
        let first = self.left_out[reason] == 0;
        self.left_out[reason] += 1;
        if first || self.keep {
            self.rejects.push(Reject { row, reason, value: value() });
        }
    }

    /// The row of a coordinate, by its place among those that were found since the last hand-over.
    fn row_of(&self, at: usize) -> u64 {
        // Of the rows that are left out, those before it: each of them moves it by one.
        let mut others = 0..self.since.len();
        while !others.is_empty() {
            let middle = others.start + others.len() / 2;
            if self.since[middle] - self.handed - (middle as u64 + 1) <= at as u64 {
                others.start = middle + 1;
            } else {
                others.end = middle;
            }
        }
        self.handed + 1 + at as u64 + others.start as u64
    }

    /// Takes out the rows whose coordinate `keep` refuses and counts them; `keep` may change the coordinates of the others.
    pub(super) fn filter(&mut self, batch: &mut Batch, keep: impl Fn(&mut Coordinate) -> Result<(), Reason>) {
        let (mut at, mut out) = (0, Vec::new());
        batch.coordinates.retain_mut(|coordinate| {
            let place = at;
            at += 1;
            match keep(coordinate) {
                Ok(()) => true,
                Err(reason) => {
                    out.push((place, self.row_of(place), reason, *coordinate));
                    false
                }
            }
        });
        if out.is_empty() {
            return;
        }
        without(&mut batch.weights, &out);
        without(&mut batch.keys, &out);
        for &(_, row, reason, coordinate) in &out {
            self.leave_out(reason, row, || pair(coordinate));
        }
        self.since.extend(out.iter().map(|(_, row, ..)| row));
        self.since.sort_unstable();
    }

    /// Counts a row whose weight was rounded, which is the next one.
    pub(super) fn round(&mut self, power: i64, cell: &[u8]) {
        self.weights.round(self.rows + 1, power, cell);
    }

    /// Counts a row that has no time where one is its key, which is the next one.
    pub(super) fn timeless(&mut self, cell: &[u8]) {
        let row = self.rows + 1;
        self.timeless.1.get_or_insert_with(|| (row, shown(cell, SHOWN)));
        self.timeless.0 += 1;
    }

    /// Looks at weights that are about to be handed over.
    pub(super) fn look_at_weights(&mut self, weights: &[i64]) {
        let heaviest = weights.iter().map(|weight| weight.unsigned_abs()).max();
        self.weights.heaviest = self.weights.heaviest.max(heaviest.unwrap_or(0));
    }

    /// Looks at what is about to be handed over.
    pub(super) fn look(&mut self, coordinates: &[Coordinate], area: Option<&AreaOfUse>) {
        let mut doubt = std::mem::take(&mut self.doubt);
        doubt.look(coordinates, area, |at| self.row_of(at));
        self.doubt = doubt;
    }

    /// Whether the rows have to be told that were left out behind the reader.
    pub(super) fn wants(&self, left_out: &LeftOut) -> bool {
        left_out.iter().any(|(reason, rows)| rows > 0 && (self.keep || self.left_out[reason] == 0))
    }

    /// Counts rows that were left out behind the reader; `judge` tells which, where that is wanted.
    pub(super) fn left_out_behind(
        &mut self,
        left_out: &LeftOut,
        coordinates: &[Coordinate],
        mut judge: impl FnMut(Coordinate) -> Option<Reason>,
    ) {
        if self.wants(left_out) {
            let mut known = self.left_out;
            for (at, &coordinate) in coordinates.iter().enumerate() {
                if let Some(reason) = judge(coordinate) {
                    let row = self.row_of(at);
                    if self.keep || known[reason] == 0 {
                        self.rejects.push(Reject { row, reason, value: pair(coordinate) });
                    }
                    known[reason] += 1;
                }
            }
        }
        self.left_out.merge(left_out);
    }

    /// All rows so far were handed over.
    pub(super) fn hand_over(&mut self) {
        self.handed = self.rows;
        self.since.clear();
    }
}

/// Takes out of a column what belongs to rows that are left out, by their places.
fn without<T>(column: &mut Vec<T>, out: &[(usize, u64, Reason, Coordinate)]) {
    let (mut at, mut gone) = (0, out.iter().map(|(place, ..)| *place).peekable());
    column.retain(|_| {
        at += 1;
        gone.next_if_eq(&(at - 1)).is_none()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64) -> Coordinate {
        Coordinate { x, y: 0.5 }
    }

    #[test]
    fn rows_keep_their_numbers_whatever_is_left_out_between_them() {
        let mut tally = Tally::new(true, Doubt::default());
        let mut batch = Batch::default();
        // Rows 1 to 9; 2, 5 and 6 hold nothing, 4 is dropped, 8 lies beyond.
        for row in 1..=9 {
            if [2, 5, 6].contains(&row) {
                tally.reject(Reason::Missing, Vec::new);
            } else {
                tally.rows += 1;
                batch.coordinates.push(at(f64::from(row)));
                batch.weights.push(10 * i64::from(row));
                batch.keys.push(row as u16);
            }
        }
        tally.filter(&mut batch, |c| if c.x == 4.0 { Err(Reason::Dropped) } else { Ok(()) });
        assert_eq!(batch.coordinates.iter().map(|c| c.x).collect::<Vec<_>>(), [1.0, 3.0, 7.0, 8.0, 9.0]);
        assert_eq!(batch.weights, [10, 30, 70, 80, 90]);
        assert_eq!(batch.keys, [1, 3, 7, 8, 9]);
        let beyond = LeftOut::from([(Reason::OutOfRange, 1)]);
        tally.left_out_behind(&beyond, &batch.coordinates, |c| (c.x == 8.0).then_some(Reason::OutOfRange));
        tally.hand_over();
        tally.rows += 1;
        let mut last = Batch { coordinates: vec![at(1.0)], ..Batch::default() };
        tally.filter(&mut last, |_| Err(Reason::Dropped));
        assert!(last.is_empty() && last.weights.is_empty());
        let rows: Vec<_> = tally.rejects.iter().map(|r| (r.row, r.reason)).collect();
        let missing = Reason::Missing;
        let expected = [
            (2, missing),
            (5, missing),
            (6, missing),
            (4, Reason::Dropped),
            (8, Reason::OutOfRange),
            (10, Reason::Dropped),
        ];
        assert_eq!(rows, expected);
        assert_eq!((tally.left_out.total(), tally.first_invalid_row), (6, Some(2)));
        let mut tally = Tally::default();
        tally.reject(Reason::NoWeight, Vec::new);
        assert_eq!(tally.first_invalid_row, None);
        tally.reject(Reason::Malformed, Vec::new);
        assert_eq!(tally.first_invalid_row, Some(2));
    }

    #[test]
    fn one_example_of_each_reason_is_kept() {
        let mut tally = Tally::default();
        for value in ["a", "b"] {
            tally.reject(Reason::NotANumber, || value.into());
        }
        tally.reject(Reason::Malformed, || "\u{e9}".repeat(200).into());
        let values: Vec<_> = tally.rejects.iter().map(|r| r.value.as_str()).collect();
        assert_eq!(values, ["a", &("\u{e9}".repeat(60) + "...")]);
    }
}
