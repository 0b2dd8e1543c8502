//! Whether a cell has what a condition asks.
//!
//! A blank cell, or one with a word for nothing, has no value: only `is missing` is true of it, as in SQL. A value that is
//! a number is compared with numbers, one that is a date with dates; within quotes it is text, unless it is a date.

use super::condition::{Condition, Lies, Test, Value};
use super::date::{DateFormat, iso};
use crate::source::cell::Axis;
use crate::source::options::{Decimal, Unit};
use crate::source::value::{self, Cell};

/// How cells are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) decimal: Decimal,
    pub(super) date: Option<&'a DateFormat>,
}

impl How<'_> {
    fn moment(&self, cell: &[u8]) -> Option<i64> {
        match self.date {
            Some(form) => form.read(cell),
            None => iso(cell).map(|stretch| stretch.from),
        }
    }
}

impl Value {
    /// Where a cell lies beside it; `None` where they cannot be compared. `orders`: texts have no order of their own among
    /// numbers and dates.
    fn beside(&self, cell: &[u8], number: Option<f64>, how: &How<'_>, orders: bool) -> Option<Lies> {
        if let (Some(own), Some(number)) = (self.number, number) {
            return Some(beside(number, own));
        }
        if let Some(own) = self.date
            && let Some(moment) = how.moment(cell)
        {
            return Some(match moment {
                moment if moment < own.from => Lies::Before,
                moment if moment < own.to => Lies::At,
                _ => Lies::Behind,
            });
        }
        if orders && (self.number.is_some() || self.date.is_some()) {
            return None;
        }
        if self.date.is_some() && self.number.is_none() {
            return None;
        }
        Some(match cell.trim_ascii().cmp(self.text.as_bytes()) {
            std::cmp::Ordering::Less => Lies::Before,
            std::cmp::Ordering::Equal => Lies::At,
            std::cmp::Ordering::Greater => Lies::Behind,
        })
    }
}

impl Condition {
    /// Whether a cell has it.
    #[inline]
    pub(super) fn holds(&self, cell: &[u8], how: &How<'_>) -> bool {
        // A plain number beside a number is most of what is compared.
        if let (Test::Compare(op, Value { number: Some(own), .. }), Decimal::Point) = (&self.test, how.decimal)
            && let Some(number) = value::number::short::<b'.'>(cell)
        {
            return op.holds(beside(number, *own));
        }
        self.holds_any(cell, how)
    }

    /// The same for whatever a cell may hold.
    fn holds_any(&self, cell: &[u8], how: &How<'_>) -> bool {
        let number = match value::coordinate(cell, Axis::Projected, Unit::Degrees, how.decimal) {
            Cell::Missing => return self.test == Test::Missing(true),
            Cell::Number(number) => Some(number),
            Cell::Bad => None,
        };
        match &self.test {
            Test::Missing(missing) => !missing,
            Test::Compare(op, value) => value.beside(cell, number, how, op.orders()).is_some_and(|lies| op.holds(lies)),
            Test::In(values) => values.iter().any(|(from, to)| match to {
                None => value_at(from, cell, number, how),
                Some(to) => {
                    from.beside(cell, number, how, true).is_some_and(|lies| lies != Lies::Before)
                        && to.beside(cell, number, how, true).is_some_and(|lies| lies != Lies::Behind)
                }
            }),
        }
    }
}

/// Where a number lies beside another; both are finite.
#[inline]
fn beside(number: f64, own: f64) -> Lies {
    if number == own {
        Lies::At
    } else if number < own {
        Lies::Before
    } else {
        Lies::Behind
    }
}

fn value_at(value: &Value, cell: &[u8], number: Option<f64>, how: &How<'_>) -> bool {
    value.beside(cell, number, how, false) == Some(Lies::At)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str, cell: &str) -> bool {
        let how = How { decimal: Decimal::Point, date: None };
        condition.parse::<Condition>().unwrap().holds(cell.as_bytes(), &how)
    }

    #[test]
    fn cells_are_compared_by_what_the_value_is() {
        for (condition, yes, no) in [
            ("a = 1", &["1", "1.0", " 1 ", "01"][..], &["2", "", "x", "NA", "1x"][..]),
            ("a == 1", &["1"], &["2"]),
            ("a != 1", &["2", "x"], &["1", "1.00", "", "NA"]),
            ("a<2", &["1", "-5", "1.99"], &["2", "x", "", "3"]),
            ("a <= 2", &["2", "1"], &["2.01", "x"]),
            ("a > 2", &["3"], &["2", ""]),
            ("a >= -0.5", &["-0.5", "0"], &["-0.51"]),
            ("a = '01'", &["01", " 01 "], &["1", "1.0"]),
            ("a = Fatal", &["Fatal"], &["fatal", "Fatal accident", ""]),
            ("a != Fatal", &["fatal", "3"], &["Fatal", ""]),
            ("a < M", &["A", "Lz"], &["M", "Z"]),
            ("a in 1, 3", &["1", "3.0"], &["2", "", "13"]),
            ("a in (x, 'y, z', 3)", &["x", "y, z", "3"], &["y", "z", ""]),
            ("a in 6..8", &["6", "7.5", "8"], &["5", "8.1", "x", ""]),
            ("a in 1, 6..=8", &["1", "8"], &["2"]),
            ("a is missing", &["", " ", "NA", "null"], &["0", "x"]),
            ("a is not missing", &["0", "x"], &["", "NaN"]),
            ("a IS NULL", &[""], &["0"]),
            (
                "a = 2023-05-14",
                &["2023-05-14", "2023-05-14T23:59:59Z", "20230514"],
                &["2023-05-15", "14/05/2023", "x", ""],
            ),
            ("a != 2023-05-14", &["2023-05-15"], &["2023-05-14", "x", ""]),
            ("a < 2023-05", &["2023-04-30"], &["2023-05-01", "2023-06-01"]),
            ("a <= 2023-05", &["2023-05-31 23:59"], &["2023-06-01"]),
            ("a > 2023-05", &["2023-06-01"], &["2023-05-31"]),
            ("a >= '2023-05-14 12:30'", &["2023-05-14T12:30:00Z", "2023-05-14T13:30:00+01:00"], &["2023-05-14 12:29"]),
            ("a in 2023-05..2023-06", &["2023-05-01", "2023-06-30"], &["2023-07-01"]),
            ("a = 2023", &["2023", "2023-05-14", "2023.0"], &["2024-01-01", "2022"]),
            ("a > 2023", &["2024-01-01", "2024"], &["2023-12-31", "2023"]),
        ] {
            for cell in yes {
                assert!(holds(condition, cell), "{condition}: {cell}");
            }
            for cell in no {
                assert!(!holds(condition, cell), "not {condition}: {cell}");
            }
        }
    }

    #[test]
    fn decimals_and_dates_are_those_of_the_input() {
        let form = "%d/%m/%Y".parse().unwrap();
        let how = How { decimal: Decimal::CommaAlone, date: Some(&form) };
        let holds = |condition: &str, cell: &str| condition.parse::<Condition>().unwrap().holds(cell.as_bytes(), &how);
        assert!(holds("a > 1.4", "1,5") && !holds("a > 1.6", "1,5"));
        assert!(holds("a = 2015-03", "09/03/2015") && !holds("a = 2015-03", "2015-03-09"));
    }
}
