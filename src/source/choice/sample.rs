//! A share of the rows.

use std::fmt;
use std::str::FromStr;

/// A share of all rows, the same ones each time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Above 0, at most 1.
    share: f64,
}

impl Sample {
    /// As a part of 1.
    pub fn share(self) -> f64 {
        self.share
    }

    /// Whether a row is in it, by its bytes and its place in the text.
    pub(super) fn holds(self, row: &[u8], place: u64) -> bool {
        // The first 53 bits of a hash as a number from 0 to 1.
        let hash = twox_hash::XxHash3_64::oneshot_with_seed(place, row);
        ((hash >> 11) as f64) < self.share * (1u64 << 53) as f64
    }
}

impl FromStr for Sample {
    type Err = String;

    /// A share such as 1% or 0.01.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no share of the rows; write for instance 1% or 0.01");
        let (number, of) = match text.trim().strip_suffix('%') {
            Some(number) => (number, 100.0),
            None => (text.trim(), 1.0),
        };
        let share = number.trim().parse::<f64>().map_err(|_| wrong())? / of;
        if share > 0.0 && share <= 1.0 { Ok(Self { share }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", (self.share * 1e8).round() / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_the_share_that_was_asked_for_and_the_same_each_time() {
        let sample: Sample = "10%".parse().unwrap();
        let held: Vec<u64> = (0..100_000).filter(|&place| sample.holds(b"1.5,51.5", place * 9)).collect();
        assert!((9_500..10_500).contains(&held.len()), "{}", held.len());
        let larger: Sample = "0.2".parse().unwrap();
        assert!(held.iter().all(|&place| larger.holds(b"1.5,51.5", place * 9)), "a larger one holds a smaller one");
        assert_eq!((sample.to_string(), "0.1%".parse::<Sample>().unwrap().to_string()), ("10%".into(), "0.1%".into()));
        assert!("100%".parse::<Sample>().unwrap().holds(b"", 0));
        for wrong in ["0", "0%", "101%", "-1", "x", "", "NaN"] {
            assert!(wrong.parse::<Sample>().is_err(), "{wrong}");
        }
    }
}
