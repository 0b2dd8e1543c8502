//! What one step of a weight is worth, and numbers in steps: exactly, in integers, whatever a number looks like.

use std::fmt;
use std::str::FromStr;

/// Digits of a step, at most, and zeros in front of or behind them.
const MOST: usize = 18;
/// Powers of ten that fit.
const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = 10 * powers[i - 1];
        i += 1;
    }
    powers
};

/// What one step of a weight is worth: an exact decimal, `digits` * 10^`exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Step {
    /// Above 0, and no multiple of 10.
    digits: u64,
    exponent: i32,
}

/// A number in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// The nearest whole number of them; of two equally near the one farther from 0.
    pub count: i64,
    /// Whether that is the number itself.
    pub exact: bool,
}

/// A number is more than 2^63 - 1 steps, or less than as many below 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

impl Step {
    /// Ten to the power of `exponent`, where that is a step.
    pub fn power_of_ten(exponent: i64) -> Option<Self> {
        let exponent = i32::try_from(exponent).ok()?;
        (exponent.unsigned_abs() as usize <= MOST).then_some(Self { digits: 1, exponent })
    }

    /// The power of ten of its last digit.
    pub fn exponent(self) -> i32 {
        self.exponent
    }

    /// How many of a finer step it is, where that is a whole number.
    pub fn in_steps_of(self, finer: Self) -> Option<u128> {
        let power = u32::try_from(self.exponent - finer.exponent).ok()?;
        let digits = u128::from(self.digits).checked_mul(10u128.checked_pow(power)?)?;
        digits.is_multiple_of(u128::from(finer.digits)).then(|| digits / u128::from(finer.digits))
    }

    /// The nearest f64.
    pub fn value(self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(0.0)
    }

    /// What so many steps are worth, parts of a step included: the nearest number to it, or one beside that.
    pub fn worth(self, steps: f64) -> f64 {
        let power = ten(self.exponent);
        let digits = steps * self.digits as f64;
        if self.exponent < 0 { digits / power } else { digits * power }
    }

    /// What a whole number of steps is worth, as the shortest plain decimal.
    pub fn exactly(self, steps: i64) -> String {
        let number = (i128::from(steps).unsigned_abs() * u128::from(self.digits)).to_string();
        let zeros = usize::try_from(self.exponent).unwrap_or(0);
        let places = usize::try_from(-self.exponent).unwrap_or(0);
        let number = format!("{number:0>width$}", width = places + 1);
        let (whole, fraction) = number.split_at(number.len() - places);
        let fraction = fraction.trim_end_matches('0');
        let (sign, point) = (if steps < 0 { "-" } else { "" }, if fraction.is_empty() { "" } else { "." });
        let zeros = if whole == "0" { 0 } else { zeros };
        format!("{sign}{whole}{}{point}{fraction}", "0".repeat(zeros))
    }

    /// How many steps that is worth, in parts of a step.
    pub fn steps_of(self, value: f64) -> f64 {
        let power = ten(self.exponent);
        (if self.exponent < 0 { value * power } else { value / power }) / self.digits as f64
    }

    /// The number of `digits` times ten to the power of `power`, in steps.
    pub fn of(self, negative: bool, digits: impl Iterator<Item = u8> + Clone, power: i64) -> Result<Steps, TooLarge> {
        let digits = digits.skip_while(|digit| *digit == b'0');
        let power = power - i64::from(self.exponent);
        // Digits in front of the point once the step is worth no power of ten.
        let whole = digits.clone().count() as i64 + power;
        if digits.clone().next().is_none() {
            return Ok(Steps { count: 0, exact: true });
        }
        if whole < 0 {
            // Below a tenth of a step.
            return Ok(Steps { count: 0, exact: false });
        }
        if whole > 2 * MOST as i64 + 4 {
            return Err(TooLarge);
        }
        let mut number = 0u128;
        let mut behind = digits;
        for _ in 0..whole {
            let digit = behind.next().unwrap_or(b'0') - b'0';
            let longer = number.checked_mul(10).and_then(|number| number.checked_add(u128::from(digit)));
            number = longer.ok_or(TooLarge)?;
        }
        let step = u128::from(self.digits);
        let (count, rest) = (number / step, number % step);
        let half = behind.clone().next().is_some_and(|digit| digit >= b'5');
        let exact = rest == 0 && behind.all(|digit| digit == b'0');
        let count = count + u128::from(2 * rest + u128::from(half) >= step);
        let count = i64::try_from(count).map_err(|_| TooLarge)?;
        Ok(Steps { count: if negative { -count } else { count }, exact })
    }

    /// The same of a number with `places` decimals, whose digits are `number`; `None` where that takes more room.
    #[inline]
    pub fn of_short(self, negative: bool, number: u64, places: u32) -> Option<Steps> {
        let power = -(places as i32) - self.exponent;
        let ten = *POWERS.get(power.unsigned_abs() as usize)?;
        let (number, half, mut exact) = match power {
            0 => (number, false, true),
            1.. => (number.checked_mul(ten)?, false, true),
            _ => (number / ten, number % ten >= ten / 2, number.is_multiple_of(ten)),
        };
        let (mut count, mut rest) = (number, 0);
        if self.digits > 1 {
            (count, rest) = (number / self.digits, number % self.digits);
            exact &= rest == 0;
        }
        let count = i64::try_from(count + u64::from(2 * rest + u64::from(half) >= self.digits)).ok()?;
        Some(Steps { count: if negative { -count } else { count }, exact })
    }
}

/// Ten to that power, or to as many below 0: exact, being less than 10^23.
fn ten(exponent: i32) -> f64 {
    POWERS.get(exponent.unsigned_abs() as usize).map_or(1.0, |&power| power as f64)
}

impl Step {
    /// Whole numbers.
    pub const ONE: Self = Self { digits: 1, exponent: 0 };
}

impl Default for Step {
    /// A millionth.
    fn default() -> Self {
        Self { digits: 1, exponent: -6 }
    }
}

impl FromStr for Step {
    type Err = String;

    /// A number above 0 such as `0.01`, `5` or `1e-6`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "'{text}' is no step of weights; give a number above 0 of at most {MOST} digits, from 1e-{MOST} to 1e{MOST}, such \
                 as 1 or 0.01"
            )
        };
        let (body, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        let exponent: i64 = exponent.parse().map_err(|_| wrong())?;
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0').trim_end_matches('0');
        if digits.is_empty() || digits.len() > MOST || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let zeros = all.len() - all.trim_end_matches('0').len();
        let exponent = exponent.saturating_sub(fraction.len() as i64).saturating_add(zeros as i64);
        let largest = exponent.saturating_add(digits.len() as i64 - 1);
        let exponent = Self::power_of_ten(exponent).filter(|_| largest <= MOST as i64).ok_or_else(wrong)?.exponent;
        Ok(Self { digits: digits.parse().map_err(|_| wrong())?, exponent })
    }
}

impl fmt::Display for Step {
    /// The plain decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = usize::try_from(-self.exponent).unwrap_or(0);
        let zeros = usize::try_from(self.exponent).unwrap_or(0);
        let digits = format!("{:0>1$}", self.digits, places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{whole}{}{point}{fraction}", "0".repeat(zeros))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(text: &str) -> Step {
        text.parse().unwrap()
    }

    #[test]
    fn a_step_is_written_as_the_shortest_plain_decimal() {
        for (text, shown) in [
            ("1", "1"),
            ("0.01", "0.01"),
            ("1e-6", "0.000001"),
            ("1E-6", "0.000001"),
            ("0.25", "0.25"),
            ("5", "5"),
            ("0.0100", "0.01"),
            (".5", "0.5"),
            ("5.", "5"),
            ("100", "100"),
            ("1e2", "100"),
            ("1e+2", "100"),
            ("12.50e1", "125"),
            ("1e18", "1000000000000000000"),
            ("1e-18", "0.000000000000000001"),
            ("0.123456789012345678", "0.123456789012345678"),
            ("123456789012345678", "123456789012345678"),
        ] {
            assert_eq!(step(text).to_string(), shown, "{text}");
            assert_eq!((step(shown), step(shown).value()), (step(text), text.parse().unwrap()), "{text}");
        }
        assert_eq!(Step::default(), step("0.000001"));
        assert_eq!((Step::power_of_ten(-8), Step::power_of_ten(-19)), (Some(step("1e-8")), None));
    }

    #[test]
    fn sums_are_told_exactly() {
        for (text, steps, told) in [
            ("1e-6", 0, "0"),
            ("1e-6", 9_007_199_254_740_993, "9007199254.740993"),
            ("1e-6", -500_000, "-0.5"),
            ("1", i64::MAX, "9223372036854775807"),
            ("1", i64::MIN, "-9223372036854775808"),
            ("0.25", 3, "0.75"),
            ("100", -7, "-700"),
            ("100", 0, "0"),
            ("1e-18", 1, "0.000000000000000001"),
        ] {
            assert_eq!(step(text).exactly(steps), told, "{text}");
        }
    }

    #[test]
    fn what_is_no_step_is_refused_with_an_example() {
        for text in [
            "",
            "0",
            "0.0",
            "0e5",
            "-1",
            "+1",
            "x",
            "1x",
            "1,5",
            "1.2.3",
            "1e",
            "e5",
            "e",
            ".",
            "1e1.5",
            "nan",
            "inf",
            " 1",
            "1e19",
            "1e-19",
            "1.1e-18",
            "10e18",
            "1234567890123456789",
            "1e99999999999999999999",
            "1e9223372036854775807",
            "1e-9223372036854775808",
            "1.5e-9223372036854775808",
            "\u{661}",
        ] {
            let problem = text.parse::<Step>().unwrap_err();
            assert!(problem.contains("such as 1 or 0.01") && !problem.contains('\n'), "{text}: {problem}");
        }
    }

    /// A number as it is written, in steps, and with `places` decimals in short.
    fn of(step: Step, text: &str) -> Result<(i64, bool), TooLarge> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (digits, exponent) = digits.split_once('e').unwrap_or((digits, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{whole}{fraction}");
        let power = exponent.parse::<i64>().unwrap() - fraction.len() as i64;
        let long = step.of(negative, all.bytes(), power);
        if let (Ok(number), Ok(places)) = (all.parse(), u32::try_from(-power))
            && let Some(short) = step.of_short(negative, number, places)
        {
            assert_eq!(long, Ok(short), "{text} in {step}");
        }
        long.map(|steps| (steps.count, steps.exact))
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest_step_and_halves_away_from_zero() {
        let most = i64::MAX;
        for (size, text, right) in [
            ("1", "0", Ok((0, true))),
            ("1", "-0", Ok((0, true))),
            ("1", "0e999999", Ok((0, true))),
            ("1", "0.5", Ok((1, false))),
            ("1", "-0.5", Ok((-1, false))),
            ("1", "0.4999999999999999999999999999999999999999999999", Ok((0, false))),
            ("1", "0.5000000000000000000000000000000000000000000000", Ok((1, false))),
            ("1", "1.5", Ok((2, false))),
            ("1", "2.5", Ok((3, false))),
            ("1", "-2.5", Ok((-3, false))),
            ("1", "2.4", Ok((2, false))),
            ("1", "7.000", Ok((7, true))),
            ("1", "1e3", Ok((1000, true))),
            ("0.000001", "0.12345678", Ok((123_457, false))),
            ("0.000001", "-0.1234565", Ok((-123_457, false))),
            ("0.000001", "0.1", Ok((100_000, true))),
            ("0.000001", "1e-300", Ok((0, false))),
            ("0.000001", "0.0000000000000000000000000001", Ok((0, false))),
            ("0.000001", "1e300", Err(TooLarge)),
            ("0.000001", "9223372036854.775807", Ok((most, true))),
            ("0.000001", "9223372036854.7758074", Ok((most, false))),
            ("0.000001", "9223372036854.7758075", Err(TooLarge)),
            ("0.000001", "-9223372036854.775807", Ok((-most, true))),
            ("0.000001", "-9223372036854.775808", Err(TooLarge)),
            ("1", "9223372036854775807", Ok((most, true))),
            ("1", "9223372036854775808", Err(TooLarge)),
            ("1", "18446744073709551616", Err(TooLarge)),
            ("1", "340282366920938463463374607431768211456", Err(TooLarge)),
            (
                "1",
                "123456789012345678.9012345678901234567890123456789012345678901",
                Ok((123_456_789_012_345_679, false)),
            ),
            ("0.25", "0.5", Ok((2, true))),
            ("0.25", "0.3", Ok((1, false))),
            ("0.25", "0.375", Ok((2, false))),
            ("0.25", "0.3749999", Ok((1, false))),
            ("0.25", "-0.375", Ok((-2, false))),
            ("5", "12", Ok((2, false))),
            ("5", "12.4", Ok((2, false))),
            ("5", "12.5", Ok((3, false))),
            ("5", "15", Ok((3, true))),
            ("3", "1", Ok((0, false))),
            ("3", "1.4999", Ok((0, false))),
            ("3", "1.5", Ok((1, false))),
            ("3", "2", Ok((1, false))),
            ("1e18", "4e17", Ok((0, false))),
            ("1e18", "5e17", Ok((1, false))),
            ("1e18", "9223372036854775807e18", Ok((most, true))),
            ("1e-18", "9.223372036854775807", Ok((most, true))),
            ("1e-18", "9.2233720368547758075", Err(TooLarge)),
            ("0.999999999999999999", "1", Ok((1, false))),
            ("0.999999999999999999", "9223372036854775797.776627963145224193", Ok((most, true))),
        ] {
            assert_eq!(of(step(size), text), right, "{text} in {size}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_shown_reads_back(digits in 1u64..1_000_000_000_000_000_000, exponent in -18i32..=18) {
            if let Ok(step) = format!("{digits}e{exponent}").parse::<Step>() {
                prop_assert_eq!(step.to_string().parse(), Ok(step));
            }
        }

        /// Whatever is rounded is nearest: twice its distance is at most a step, all in whole numbers of 10^-20.
        #[test]
        fn steps_are_the_nearest(
            negative in any::<bool>(),
            number in prop_oneof![0u64..1000, any::<u64>()],
            places in 0u32..20,
            digits in prop_oneof![Just(1u64), Just(1), Just(5), Just(25), 1u64..1000],
            exponent in -18i32..=6,
        ) {
            let step: Step = format!("{digits}e{exponent}").parse().unwrap();
            let long = step.of(negative, number.to_string().bytes(), -i64::from(places));
            if let Some(short) = step.of_short(negative, number, places) {
                prop_assert_eq!(long, Ok(short));
            }
            // Both as numerator and denominator, compared across.
            let power = -(places as i32) - exponent;
            let (mut above, mut below) = (u128::from(number), u128::from(digits));
            let ten = |power: u32| 10u128.checked_pow(power);
            let scaled = if power >= 0 {
                ten(power as u32).and_then(|ten| above.checked_mul(ten)).map(|scaled| above = scaled)
            } else {
                ten(power.unsigned_abs()).and_then(|ten| below.checked_mul(ten)).map(|scaled| below = scaled)
            };
            if scaled.is_some() && below < u128::MAX / 4 {
                let nearest = above / below + u128::from(2 * (above % below) >= below);
                let exact = above % below == 0;
                let count = i64::try_from(nearest).map(|count| if negative { -count } else { count });
                prop_assert_eq!(long, count.map(|count| Steps { count, exact }).map_err(|_| TooLarge));
            }
        }
    }
}
