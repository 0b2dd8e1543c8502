//! Light and dark: which base map a tile set is made for. Which colours follow from it is said here; everything else
//! that looks different is up to whoever draws it.

use std::fmt;
use std::str::FromStr;

/// The base map that tiles are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// A dark one.
    Dark,
    /// A light one.
    Light,
}

impl Theme {
    /// The kind of base map that has this colour: by its lightness (luma of ITU-R BT.601).
    pub fn of([r, g, b]: [u8; 3]) -> Self {
        let luma = 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b);
        if luma < 127_500 { Self::Dark } else { Self::Light }
    }

    /// The colormap that suits it.
    pub fn colormap(self) -> &'static str {
        match self {
            Self::Dark => "tilefire-dark",
            Self::Light => "tilefire-light",
        }
    }

    /// The colormap that suits it where sums go below 0.
    pub fn diverging(self) -> &'static str {
        match self {
            Self::Dark => "tilefire-diverging-dark",
            Self::Light => "tilefire-diverging-light",
        }
    }

    /// The colour of a plain base map of this kind.
    pub fn background(self) -> [u8; 3] {
        match self {
            Self::Dark => [0x17, 0x19, 0x1e],
            Self::Light => [0xf4, 0xf2, 0xee],
        }
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dark => "dark",
            Self::Light => "light",
        })
    }
}

impl FromStr for Theme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "dark" => Ok(Self::Dark),
            "light" => Ok(Self::Light),
            _ => Err(format!("'{text}' is no theme; use dark or light")),
        }
    }
}
