//! Values of a measure as whole numbers in the same order, so that everything behind them (histograms, thresholds,
//! indices) is the same as for counts: a level is the nearest number of 32 bits as IEEE 754 has them, its bits turned
//! around where it is below 0. Whole values up to 2^24 steps have levels of their own, larger ones are told apart to
//! 2^-24 of themselves, which is less than any colour shows. No level is 0, which stands for a dark pixel.

/// The level of a value; larger values never have smaller levels.
#[inline(always)]
pub fn of(value: f64) -> u32 {
    // Zero has one sign only.
    let bits = (value as f32 + 0.0).to_bits();
    bits ^ ((bits.cast_signed() >> 31).cast_unsigned() | 1 << 31)
}

/// The value that a level stands for.
#[inline]
pub fn value(level: u32) -> f64 {
    let bits = if level >> 31 == 1 { level ^ 1 << 31 } else { !level };
    f32::from_bits(bits).into()
}

/// The same as people write it: the shortest decimal of that level.
pub fn told(level: u32) -> f64 {
    let value = value(level);
    format!("{:e}", value as f32).parse().unwrap_or(value)
}

/// The level of nothing.
pub const ZERO: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn levels_are_in_the_order_of_values(a in any::<f32>(), b in any::<f32>(), whole in -(1i64 << 24)..1 << 24) {
            prop_assume!(a.is_finite() && b.is_finite());
            let (a, b) = (f64::from(a), f64::from(b));
            prop_assert_eq!(of(a).cmp(&of(b)), a.partial_cmp(&b).unwrap());
            prop_assert_eq!(value(of(a)), a);
            prop_assert_eq!(value(of(whole as f64)), whole as f64);
            prop_assert!(of(a) > 0);
        }
    }

    #[test]
    fn levels_are_told_in_short() {
        for value in [0.0, 4.5, 2_237_000_000.0, -15_207_690_000.0, 0.1, 3.0e18] {
            assert_eq!(told(of(value)), value);
            assert_eq!(of(told(of(value))), of(value));
        }
    }

    #[test]
    fn nothing_has_one_level_and_ends_are_held() {
        assert_eq!((of(0.0), of(-0.0), value(ZERO)), (ZERO, ZERO, 0.0));
        for end in [i64::MAX as f64, i64::MIN as f64] {
            assert_eq!(value(of(end)), end);
        }
        assert!(of(-f64::from(f32::MAX)) > 0 && of(f64::from(f32::MAX)) < u32::MAX);
    }
}
