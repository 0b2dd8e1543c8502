//! Which part of the world the tiles cover that were found in a set: the box of one that says none, or nothing that can
//! be. Only as many tiles are looked at as cost little.

use std::time::{Duration, Instant};

use crate::tile::{LonLatBounds, TileCoord, mercator};

/// Tiles that are looked at for a box, and for how long.
const TILES: usize = 50_000;
const TIME: Duration = Duration::from_secs(1);

/// What may be spent on looking.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
    until: Instant,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: TILES, until: Instant::now() + TIME }
    }
}

impl Budget {
    /// Spends one look; `false` where nothing is left to spend.
    pub(super) fn spend(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0 && (!self.left.is_multiple_of(64) || Instant::now() < self.until)
    }
}

/// Columns and rows of a zoom from the first to the last, in XYZ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Covered {
    pub(super) z: u8,
    pub(super) columns: (u32, u32),
    pub(super) rows: (u32, u32),
}

impl Covered {
    /// With one more tile of the same zoom.
    pub(super) fn with(before: Option<Self>, tile: TileCoord) -> Self {
        let TileCoord { z, x, y } = tile;
        match before.filter(|before| before.z == z) {
            None => Self { z, columns: (x, x), rows: (y, y) },
            Some(Self { columns: (west, east), rows: (north, south), .. }) => {
                Self { z, columns: (west.min(x), east.max(x)), rows: (north.min(y), south.max(y)) }
            }
        }
    }

    /// The box in degrees. Edges that are also those of the next tiles belong to these: the box ends a step before.
    pub(super) fn bounds(self) -> LonLatBounds {
        let side = mercator::STEPS / (1u64 << self.z.min(31)) as f64;
        let first = |of: u32| f64::from(of) * side;
        let last = |of: u32| match f64::from(of) * side + side {
            end if end >= mercator::STEPS => mercator::STEPS,
            end => end - 1.0,
        };
        let ((west, east), (north, south)) = (self.columns, self.rows);
        LonLatBounds {
            west: mercator::longitude(first(west)),
            south: mercator::latitude(last(south)),
            east: mercator::longitude(last(east)),
            north: mercator::latitude(first(north)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_goes_around_whole_tiles() {
        let tile = |x, y| TileCoord { z: 1, x, y };
        let one = Covered::with(None, tile(1, 0));
        let b = one.bounds();
        assert_eq!((b.west, b.east), (0.0, 180.0));
        assert!(b.south > 0.0 && b.south < 1e-6 && (b.north - 85.051_128_78).abs() < 1e-6, "{b:?}");
        let all = Covered::with(Some(one), tile(0, 1)).bounds();
        assert_eq!((all.west, all.east), (-180.0, 180.0));
        assert!((all.south + all.north).abs() < 1e-9);
        let west = Covered::with(None, tile(0, 1)).bounds();
        assert!(west.east < 0.0 && west.east > -1e-6, "{west:?}");
    }

    #[test]
    fn looking_ends() {
        let mut budget = Budget::default();
        let looks = (0..2 * TILES).take_while(|_| budget.spend()).count();
        assert!(looks < TILES, "{looks}");
    }
}
