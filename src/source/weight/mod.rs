//! What a row weighs: one more number of it, in whole steps, exactly as it is written.
//!
//! `asked` is what a person says, `account` what many weights come to, `notice` what to know of them.

mod account;
mod asked;
mod notice;

pub use account::Weights;
pub use asked::Weight;
pub(super) use notice::notice;

use super::cell::Verdict;
use super::columns;
use super::options::{Decimal, ReadOptions};
use super::shown::shown;
use super::value::{self, Exact};
use crate::counts::{Step, Steps, TooLarge};
use crate::rows::Reason;

/// Digits of a number that is read without taking it apart, at most.
const SHORT: usize = 18;
/// Characters of a weight that are shown.
const SHOWN: usize = 40;

/// The weight of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weighed {
    /// In steps.
    pub(super) steps: i64,
    /// The power of ten of its last digit, where it was rounded.
    pub(super) rounded: Option<i64>,
}

/// Reads the weights of one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weigher {
    /// The field, from 0.
    pub(super) column: usize,
    step: Step,
}

impl Weigher {
    /// What `options` ask for of an input whose rows have `width` fields, the last of which `header` names.
    pub(super) fn of(
        options: &ReadOptions,
        header: Option<&[Vec<u8>]>,
        width: usize,
        shift: usize,
    ) -> Result<Option<Self>, String> {
        let Some(Weight { column, step }) = &options.weight else { return Ok(None) };
        let column = columns::named_place(header, width, shift, column, "--weight")?;
        Ok(Some(Self { column, step: *step }))
    }

    /// Reads a plain decimal of few digits; `None` for anything that needs more care. `POINT` separates the decimals.
    #[inline]
    pub(super) fn short<const POINT: u8>(&self, cell: &[u8]) -> Option<Weighed> {
        let (negative, digits) = match cell.split_first()? {
            (b'-', rest) => (true, rest),
            (b'+', rest) => (false, rest),
            _ => (false, cell),
        };
        if digits.len() > SHORT + 1 {
            return None;
        }
        let (mut number, mut places, mut marked) = (0u64, 0, false);
        for &byte in digits {
            match byte.wrapping_sub(b'0') {
                digit @ 0..=9 => {
                    number = number * 10 + u64::from(digit);
                    places += u32::from(marked);
                }
                _ if byte == POINT && !marked => marked = true,
                _ => return None,
            }
        }
        let count = digits.len() - usize::from(marked);
        if count == 0 || count > SHORT {
            return None;
        }
        self.in_steps(negative, number, places)
    }

    /// The weight of a number with so many decimals; `None` where that takes more care.
    #[inline]
    pub(super) fn in_steps(&self, negative: bool, number: u64, places: u32) -> Option<Weighed> {
        let Steps { count, exact } = self.step.of_short(negative, number, places)?;
        let rounded = if exact { None } else { Some(last_power(number, places)) };
        Some(Weighed { steps: count, rounded })
    }

    /// Reads a cell, whatever it holds.
    pub(super) fn weigh(&self, cell: &[u8], decimal: Decimal) -> Result<Weighed, Verdict> {
        let (negative, parts) = match value::exact(cell, decimal) {
            Exact::Missing => return Err(Reason::NoWeight.into()),
            Exact::Infinite => return Err(Reason::InfiniteWeight.into()),
            Exact::Bad => return Err(Reason::BadWeight.into()),
            Exact::Number(negative, parts) => (negative, parts),
        };
        match self.step.of(negative, parts.digits(), parts.power()) {
            Ok(Steps { count, exact }) => {
                let zeros = || parts.digits().rev().take_while(|digit| *digit == b'0').count() as i64;
                Ok(Weighed { steps: count, rounded: if exact { None } else { Some(parts.power() + zeros()) } })
            }
            Err(TooLarge) => Err(Verdict::Ends(format!(
                "a weight of {} is more than 9,223,372,036,854,775,807 steps of {}; take a larger --weight-step",
                shown(cell.trim_ascii(), SHOWN),
                self.step
            ))),
        }
    }
}

/// The power of ten of the last digit of a number with decimals that is no 0.
fn last_power(mut number: u64, places: u32) -> i64 {
    let mut power = -i64::from(places);
    while number > 0 && number.is_multiple_of(10) {
        number /= 10;
        power += 1;
    }
    power
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::cell::Axis;
    use crate::source::options::Unit;
    use crate::source::value::Cell;

    fn weigher(step: &str) -> Weigher {
        Weigher { column: 0, step: step.parse().unwrap() }
    }

    fn short(weigher: &Weigher, cell: &str, decimal: Decimal) -> Option<Weighed> {
        match decimal {
            Decimal::Point => weigher.short::<b'.'>(cell.as_bytes()),
            Decimal::Comma | Decimal::CommaAlone => weigher.short::<b','>(cell.as_bytes()),
        }
    }

    /// Both ways; the short one may know none.
    fn weigh(step: &str, cell: &str, decimal: Decimal) -> Result<Weighed, Verdict> {
        let weigher = weigher(step);
        let weighed = weigher.weigh(cell.as_bytes(), decimal);
        if let Some(short) = short(&weigher, cell, decimal) {
            assert_eq!(weighed, Ok(short), "{cell} in {step}");
        }
        weighed
    }

    #[test]
    fn cells_are_weights_or_say_why_not() {
        use Decimal::{Comma, CommaAlone, Point};
        let kept = |steps| Ok(Weighed { steps, rounded: None });
        let rounded = |steps, power| Ok(Weighed { steps, rounded: Some(power) });
        let out = |reason: Reason| Err(Verdict::from(reason));
        for (step, cell, decimal, right) in [
            ("1", "5", Point, kept(5)),
            ("1", "+5", Point, kept(5)),
            ("1", "-5", Point, kept(-5)),
            ("1", "-0", Point, kept(0)),
            ("1", "007", Point, kept(7)),
            ("1", "5.", Point, kept(5)),
            ("0.1", ".5", Point, kept(5)),
            ("1", " \t5 ", Point, kept(5)),
            ("1", "\u{2212}5", Point, kept(-5)),
            ("1", "\u{a0}5", Point, kept(5)),
            ("1", "=\"5\"", Point, kept(5)),
            ("1", "1e3", Point, kept(1000)),
            ("1", "1E-3", Point, rounded(0, -3)),
            ("1", "2.50", Point, rounded(3, -1)),
            ("1", "-2.5", Point, rounded(-3, -1)),
            ("1", "0.4999", Point, rounded(0, -4)),
            ("5", "12", Point, rounded(2, 0)),
            ("100", "250", Point, rounded(3, 1)),
            ("0.000001", "0.12345678", Point, rounded(123_457, -8)),
            ("0.000001", "1e-300", Point, rounded(0, -300)),
            ("0.000001", "0.0000000000000000000000000001", Point, rounded(0, -28)),
            ("0.000001", "1.234,5", Comma, kept(1_234_500_000)),
            ("0.000001", "1,5", Comma, kept(1_500_000)),
            ("0.000001", "1,5", CommaAlone, kept(1_500_000)),
            ("1", "1.234", Comma, kept(1234)),
            ("1", "1.234.567", Comma, kept(1_234_567)),
            ("0.001", "1.234", Point, kept(1234)),
            ("1", "9223372036854775807", Point, kept(i64::MAX)),
            ("1", "-9223372036854775807", Point, kept(-i64::MAX)),
            ("1", "", Point, out(Reason::NoWeight)),
            ("1", "  ", Point, out(Reason::NoWeight)),
            ("1", "NA", Point, out(Reason::NoWeight)),
            ("1", "nan", Point, out(Reason::NoWeight)),
            ("1", "NULL", Point, out(Reason::NoWeight)),
            ("1", "-", Point, out(Reason::NoWeight)),
            ("1", "inf", Point, out(Reason::InfiniteWeight)),
            ("1", "-inf", Point, out(Reason::InfiniteWeight)),
            ("1", "+Inf", Point, out(Reason::InfiniteWeight)),
            ("1", "Infinity", Comma, out(Reason::InfiniteWeight)),
            ("1", "-nan", Point, out(Reason::InfiniteWeight)),
            ("1", "x", Point, out(Reason::BadWeight)),
            ("1", "5x", Point, out(Reason::BadWeight)),
            ("1", "5 kg", Point, out(Reason::BadWeight)),
            ("1", "1,5", Point, out(Reason::BadWeight)),
            ("1", "1,234", Point, out(Reason::BadWeight)),
            ("1", "1.234", CommaAlone, out(Reason::BadWeight)),
            ("1", "1.5", Comma, out(Reason::BadWeight)),
            ("1", "5\u{b0}", Point, out(Reason::BadWeight)),
            ("1", "5N", Point, out(Reason::BadWeight)),
            ("1", "5\u{b0}30'", Point, out(Reason::BadWeight)),
            ("1", "--5", Point, out(Reason::BadWeight)),
            ("1", "+-5", Point, out(Reason::BadWeight)),
            ("1", "0x10", Point, out(Reason::BadWeight)),
            ("1", "1 000", Point, out(Reason::BadWeight)),
            ("1", "1e", Point, out(Reason::BadWeight)),
            ("1", "e5", Point, out(Reason::BadWeight)),
            ("1", "+", Point, out(Reason::BadWeight)),
        ] {
            assert_eq!(weigh(step, cell, decimal), right, "{cell} in {step}");
        }
    }

    #[test]
    fn a_weight_that_is_too_large_ends_the_run() {
        for (step, cell) in [("0.000001", "1e300"), ("1", "9223372036854775808"), ("0.000001", "-9223372036854.775808")]
        {
            let Err(Verdict::Ends(line)) = weigh(step, cell, Decimal::Point) else { panic!("{cell} in {step}") };
            let right = format!(
                "a weight of {cell} is more than 9,223,372,036,854,775,807 steps of {step}; take a larger --weight-step"
            );
            assert_eq!(line, right);
        }
    }

    /// A cell and what it is as a fraction; digits, a sign, decimals, an exponent.
    fn cells() -> impl Strategy<Value = (String, u128, i32)> {
        let digits = prop_oneof!["[0-9]{1,6}", "[0-9]{7,20}", "0{0,10}[1-9]{1,20}0{0,3}"];
        let (sign, places, exponent) = ("[+-]?", 0usize..22, prop::option::of(-12i32..12));
        (sign, digits, places, exponent).prop_map(|(sign, digits, places, exponent)| {
            let number: u128 = digits.parse().unwrap();
            let padded = format!("{digits:0>width$}", width = places + 1);
            let (whole, fraction) = padded.split_at(padded.len() - places);
            let point = if places > 0 { "." } else { "" };
            let shown = exponent.map_or(String::new(), |exponent| format!("e{exponent}"));
            let power = exponent.unwrap_or(0) - places as i32;
            (format!("{sign}{whole}{point}{fraction}{shown}"), number, power)
        })
    }

    /// Decimal digits of a number of any length, the last one first.
    fn long(number: u128, zeros: u32) -> Vec<u8> {
        let digits = number.to_string().into_bytes().into_iter().rev().map(|digit| digit - b'0');
        std::iter::repeat_n(0, zeros as usize).chain(digits).collect()
    }

    /// `a` times `b`, and whether one such number is less than another, as people do it on paper.
    fn times(a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut product = vec![0u32; a.len() + b.len()];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                product[i + j] += u32::from(*x) * u32::from(*y);
            }
        }
        let mut carry = 0;
        let digits = product.into_iter().map(|digit| {
            carry += digit;
            let digit = (carry % 10) as u8;
            carry /= 10;
            digit
        });
        digits.collect()
    }

    fn less(a: &[u8], b: &[u8]) -> bool {
        let digits = a.len().max(b.len());
        let of = |number: &[u8]| (0..digits).rev().map(|at| number.get(at).copied().unwrap_or(0)).collect::<Vec<_>>();
        of(a) < of(b)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        /// `steps` is right if (2 steps - 1) / 2 <= number / step < (2 steps + 1) / 2, in long numbers alone.
        #[test]
        fn both_ways_give_the_nearest_steps(
            (cell, number, power) in cells(),
            digits in prop_oneof![Just(1u64), Just(1), Just(1), Just(5), Just(25), 1u64..100_000],
            exponent in -12i32..6,
            comma in any::<bool>(),
        ) {
            let step: Step = format!("{digits}e{exponent}").parse().unwrap();
            let weigher = Weigher { column: 0, step };
            let (cell, decimal) =
                if comma { (cell.replace('.', ","), Decimal::CommaAlone) } else { (cell, Decimal::Point) };
            let weighed = weigher.weigh(cell.as_bytes(), decimal);
            if let Some(short) = short(&weigher, &cell, decimal) {
                prop_assert_eq!(&weighed, &Ok(short));
            } else if cell.len() <= 15 && !cell.contains('e') {
                // What most files hold goes the short way, unless it is very far from the step.
                prop_assert!(weighed.is_err() || exponent.abs() > 4 || digits > 1, "{}", cell);
            }
            let shift = power - exponent;
            let twice = times(&long(number, shift.max(0) as u32), &[2]);
            let unit = |steps: u128| times(&long(steps, (-shift).max(0) as u32), &long(u128::from(digits), 0));
            match weighed {
                Ok(Weighed { steps, rounded }) => {
                    prop_assert!(steps == 0 || (steps < 0) == cell.starts_with('-'));
                    let steps = u128::from(steps.unsigned_abs());
                    prop_assert!(less(&twice, &unit(2 * steps + 1)), "{} in {}", cell, step);
                    prop_assert!(steps == 0 || !less(&twice, &unit(2 * steps - 1)), "{} in {}", cell, step);
                    let same = !less(&twice, &unit(2 * steps)) && !less(&unit(2 * steps), &twice);
                    prop_assert_eq!(rounded.is_none(), same);
                    if let Some(last) = rounded {
                        let zeros = number.to_string().bytes().rev().take_while(|digit| *digit == b'0').count();
                        prop_assert_eq!(last, i64::from(power) + zeros as i64);
                    }
                }
                Err(Verdict::Ends(_)) => prop_assert!(!less(&twice, &unit(2 * (1 << 63) - 1)), "{} in {}", cell, step),
                other => prop_assert!(false, "{} in {}: {:?}", cell, step, other),
            }
        }

        /// A cell is a weight where a condition on it finds a number, and missing where that finds nothing.
        #[test]
        fn weights_are_numbers_as_conditions_have_them(
            cell in "[ '=\"+-]{0,2}[0-9]{0,4}[.,]?[0-9]{0,4}[.,]?[0-9]{0,4}(e[+-]?[0-9]{1,2})?[ N'\"]{0,1}|[naiNf/A\\\\-]{0,4}",
            decimal in prop::sample::select(vec![Decimal::Point, Decimal::Comma, Decimal::CommaAlone]),
        ) {
            let weighed = weigher("0.001").weigh(cell.as_bytes(), decimal);
            match value::coordinate(cell.as_bytes(), Axis::Projected, Unit::Degrees, decimal) {
                Cell::Missing => prop_assert_eq!(weighed, Err(Reason::NoWeight.into())),
                Cell::Bad => {
                    let bad = [Reason::BadWeight, Reason::InfiniteWeight].map(|reason| Err(Verdict::from(reason)));
                    prop_assert!(bad.contains(&weighed), "{}: {:?}", cell, weighed);
                }
                Cell::Number(number) => match weighed {
                    Ok(Weighed { steps, .. }) => {
                        let away = (number * 1000.0 - steps as f64).abs();
                        prop_assert!(away <= 0.5 + number.abs() * 1e-12, "{}: {} {}", cell, number, steps);
                    }
                    Err(verdict) => prop_assert!(matches!(verdict, Verdict::Ends(_)) && number.abs() > 9e15, "{}", cell),
                },
            }
        }
    }
}
