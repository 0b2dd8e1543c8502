//! How a count becomes a position along the colormap: rising functions of the count over the span's lower end.
//!
//! Log, linear and cube root are datashader's of the same names (cube root as a power of 1/3, as it does); gamma is
//! the power law of image tools. All through crate `libm`, so that thresholds are the same on every system.

use std::fmt;
use std::str::FromStr;

/// A function from counts to positions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Function {
    /// log(1 + count - lo).
    #[default]
    Log,
    /// count - lo.
    Linear,
    /// Its cube root.
    Cbrt,
    /// Its square root.
    Sqrt,
    /// Its power of the given exponent, above 0: below 1 lifts small counts, above 1 lowers them.
    Gamma(f64),
}

impl Function {
    /// Position of a count `above` the span's lower end, in a span of `range` counts (above 0): 0 at 0, 1 at `range`.
    pub(super) fn position(self, above: f64, range: f64) -> f64 {
        const THIRD: f64 = 1.0 / 3.0;
        match self {
            Self::Log => libm::log1p(above) / libm::log1p(range),
            Self::Linear => above / range,
            Self::Cbrt => libm::pow(above, THIRD) / libm::pow(range, THIRD),
            Self::Sqrt => above.sqrt() / range.sqrt(),
            Self::Gamma(exponent) => libm::pow(above / range, exponent),
        }
    }
}

impl fmt::Display for Function {
    /// As typed: `log`, `gamma=0.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log => f.write_str("log"),
            Self::Linear => f.write_str("linear"),
            Self::Cbrt => f.write_str("cbrt"),
            Self::Sqrt => f.write_str("sqrt"),
            Self::Gamma(exponent) => write!(f, "gamma={exponent}"),
        }
    }
}

impl FromStr for Function {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        match lower.as_str() {
            "log" => Ok(Self::Log),
            "linear" => Ok(Self::Linear),
            "cbrt" => Ok(Self::Cbrt),
            "sqrt" => Ok(Self::Sqrt),
            _ => match lower.strip_prefix("gamma=").map(str::parse::<f64>) {
                Some(Ok(exponent)) if (0.01..=100.0).contains(&exponent) => Ok(Self::Gamma(exponent)),
                Some(_) => {
                    Err(format!("'{text}': gamma needs an exponent between 0.01 and 100, for instance gamma=0.5"))
                }
                None => Err(format!("'{text}' is no function; use log, linear, cbrt, sqrt or gamma=0.5")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Function; 6] =
        [Function::Log, Function::Linear, Function::Cbrt, Function::Sqrt, Function::Gamma(0.4), Function::Gamma(2.2)];

    #[test]
    fn functions_rise_from_0_to_1() {
        for function in ALL {
            for range in [1.0, 7.0, 1e6, 4_294_967_294.0] {
                assert_eq!(function.position(0.0, range), 0.0);
                assert_eq!(function.position(range, range), 1.0);
                let steps: Vec<f64> =
                    (0..=100).map(|i| function.position(range * f64::from(i) / 100.0, range)).collect();
                assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{function} {range}");
            }
        }
    }

    #[test]
    fn names_round_trip() {
        for function in ALL {
            assert_eq!(function.to_string().parse(), Ok(function));
        }
        for text in ["", "gamma", "gamma=", "gamma=0", "gamma=-1", "gamma=nan", "ln"] {
            assert!(text.parse::<Function>().is_err(), "{text}");
        }
    }
}
