//! How a count becomes a position along the colormap: rising functions of the count over the span's lower end.
//!
//! Log, linear and cube root are datashader's of the same names (cube root as a power of 1/3, as it does); gamma is
//! the power law of image tools. All through crate `libm`, so that thresholds are the same on every system.
//! Histogram equalisation is a function of the zoom's counts rather than of one count: see `scale.rs`.

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
    /// The share of the zoom's lit pixels with this count or a smaller one: every colour covers the same area.
    EqHist,
}

impl Function {
    /// Value of a count `above` the span's lower end, in a span of `range` counts (above 0): 0 at 0 and
    /// [`end`](Self::end) at `range`, both given in lone points. Histogram equalisation has none; it gives 0.
    pub(super) fn value(self, above: f64, range: f64) -> f64 {
        match self {
            Self::Log => libm::log1p(above),
            Self::Linear => above,
            Self::Cbrt => cube_root(above),
            Self::Sqrt => above.sqrt(),
            // As a share, because the power itself may be too large for a number.
            Self::Gamma(exponent) => libm::pow(above / range, exponent),
            Self::EqHist => 0.0,
        }
    }

    /// Value at the upper end of a span of `range` counts.
    pub(super) fn end(self, range: f64) -> f64 {
        self.value(range, range)
    }
}

/// `x` to the power of the double next to 1/3, correct to the last bit but for rare ties: a general power may be off by
/// one there, and truncation to 8 bits shows it. The exponent is d = 1.85e-17 short of a third, so that the power is the
/// cube root times 1 - d ln x; the cube root is refined by one step of Newton's method with exact products.
fn cube_root(x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    const SHORT: f64 = 1.850_371_707_708_594e-17;
    let root = libm::cbrt(x);
    let square = root * root;
    let cube = square * root;
    let rest = libm::fma(root, root, -square) * root + libm::fma(square, root, -cube);
    let newton = ((x - cube) - rest) / (3.0 * square);
    root + (newton - root * SHORT * libm::log(x))
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
            Self::EqHist => f.write_str("eq-hist"),
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
            "eq-hist" | "eq_hist" => Ok(Self::EqHist),
            _ => match lower.strip_prefix("gamma=").map(str::parse::<f64>) {
                Some(Ok(exponent)) if (0.01..=100.0).contains(&exponent) => Ok(Self::Gamma(exponent)),
                Some(_) => {
                    Err(format!("'{text}': gamma needs an exponent between 0.01 and 100, for instance gamma=0.5"))
                }
                None => Err(format!("'{text}' is no function; use log, linear, cbrt, sqrt, gamma=0.5 or eq-hist")),
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
    fn functions_rise_from_0() {
        for function in ALL {
            for range in [1.0, 7.0, 1e6, 4_294_967_294.0] {
                assert_eq!(function.value(0.0, range), 0.0);
                assert!(function.end(range) > 0.0 && function.end(range).is_finite());
                let steps: Vec<f64> = (0..=100).map(|i| function.value(range * f64::from(i) / 100.0, range)).collect();
                assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{function} {range}");
            }
        }
    }

    #[test]
    fn names_round_trip() {
        for function in ALL.into_iter().chain([Function::EqHist]) {
            assert_eq!(function.to_string().parse(), Ok(function));
        }
        for text in ["", "gamma", "gamma=", "gamma=0", "gamma=-1", "gamma=nan", "ln"] {
            assert!(text.parse::<Function>().is_err(), "{text}");
        }
    }
}
