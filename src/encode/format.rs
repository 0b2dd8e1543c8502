//! The formats that tiles are written in.

use std::fmt;
use std::str::FromStr;

/// A format of picture files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// PNG, indexed where the colours allow it.
    #[default]
    Png,
    /// WebP, without loss.
    Webp,
}

impl Format {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Png, Self::Webp];

    /// Its name, which is how names of its files end.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ending())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let format = Self::ALL.into_iter().find(|format| format.ending() == text);
        format.ok_or_else(|| format!("'{text}' is no format of tiles; write png or webp"))
    }
}
