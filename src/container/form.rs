//! What the tiles of a set are as files: the format and size of the pictures and where row 0 is.

use std::fmt;
use std::str::FromStr;

use crate::encode::Format;
use crate::tile::{LARGE_SIDE, TILE_SIDE, ZoomRange};

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

/// Pixels along one side of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TileSize {
    /// 256, as most maps ask for them.
    #[default]
    Usual,
    /// 512: each with the pixels of four tiles of the next zoom.
    Large,
}

impl TileSize {
    /// As a number.
    pub fn side(self) -> u32 {
        match self {
            Self::Usual => TILE_SIDE,
            Self::Large => LARGE_SIDE,
        }
    }
}

impl fmt::Display for TileSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.side().fmt(f)
    }
}

impl FromStr for TileSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = [Self::Usual, Self::Large].into_iter().find(|size| size.to_string() == text);
        size.ok_or_else(|| format!("'{text}' is no size of tiles; write 256 or 512"))
    }
}

/// The tiles as files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form {
    /// What each is.
    pub format: Format,
    /// How rows are counted in a folder; the files of archives have their own way.
    pub scheme: Scheme,
    /// How large each is.
    pub size: TileSize,
    /// Whether a folder has beside each tile of 256 pixels one of the same place with 512, `@2x`, for dense windows.
    pub retina: bool,
}

impl Form {
    /// Whether tiles are made of several of the next zoom.
    pub fn joins(self) -> bool {
        self.size == TileSize::Large || self.retina
    }

    /// How many zooms further in the pixels of a tile are counted than those of one with 256 pixels.
    pub fn steps(self) -> u8 {
        match self.size {
            TileSize::Usual => 0,
            TileSize::Large => 1,
        }
    }

    /// The zooms whose pixels tiles of `zooms` are made of.
    pub fn counted(self, zooms: ZoomRange) -> ZoomRange {
        ZoomRange { min: zooms.min + self.steps(), max: zooms.max + self.steps().max(self.retina.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_tiles_are_made_of_the_next_zoom() {
        let zooms = ZoomRange { min: 2, max: 9 };
        let counted = |size, retina| {
            let counted = Form { size, retina, ..Form::default() }.counted(zooms);
            (counted.min, counted.max)
        };
        assert_eq!(counted(TileSize::Usual, false), (2, 9));
        assert_eq!(counted(TileSize::Large, false), (3, 10));
        assert_eq!(counted(TileSize::Usual, true), (2, 10));
        assert_eq!("512".parse(), Ok(TileSize::Large));
        assert!("1024".parse::<TileSize>().unwrap_err().contains("256 or 512"));
    }

    #[test]
    fn rows_of_the_south_and_the_north_are_each_other_s() {
        assert_eq!((Scheme::Tms.row(0, 0), Scheme::Tms.row(3, 1), Scheme::Xyz.row(3, 1)), (0, 6, 1));
        assert_eq!(Scheme::Tms.row(24, Scheme::Tms.row(24, 77)), 77);
    }
}
