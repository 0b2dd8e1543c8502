//! What the tiles of a set are as files: the format of the pictures and where row 0 is.

use std::fmt;
use std::str::FromStr;

use crate::encode::Format;

/// Where row 0 of a folder's tiles is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// In the north, as web maps ask for them.
    #[default]
    Xyz,
    /// In the south, as the Tile Map Service has it.
    Tms,
}

impl Scheme {
    /// The row of a tile of zoom `z`, at most 32, whose row from the north is `y`, and the other way round.
    pub fn row(self, z: u8, y: u32) -> u32 {
        match self {
            Self::Xyz => y,
            Self::Tms => ((1u64 << z.min(32)) - 1 - u64::from(y)) as u32,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xyz => "xyz",
            Self::Tms => "tms",
        })
    }
}

impl FromStr for Scheme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let scheme = [Self::Xyz, Self::Tms].into_iter().find(|scheme| scheme.to_string() == text);
        scheme.ok_or_else(|| format!("'{text}' is no scheme; write xyz or tms"))
    }
}

/// The tiles as files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form {
    /// What each is.
    pub format: Format,
    /// How rows are counted in a folder; the files of archives have their own way.
    pub scheme: Scheme,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_south_and_the_north_are_each_other_s() {
        assert_eq!((Scheme::Tms.row(0, 0), Scheme::Tms.row(3, 1), Scheme::Xyz.row(3, 1)), (0, 6, 1));
        assert_eq!(Scheme::Tms.row(24, Scheme::Tms.row(24, 77)), 77);
    }
}
