//! Pixels as rows of a table: tile, pixel and the degrees of its centre.

use super::batch::Filler;
use super::select::{Few, Selection};
use crate::counts::{Lit, Value, row_major};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::store::CountStore;
use crate::tile::mercator::{STEPS, latitude, longitude};
use crate::tile::{TILE_SIDE, TileCoord};

/// Pushes the wanted cells of one plane, in Morton order.
pub(super) fn push<V: Value>(
    store: &CountStore<V>,
    selection: &Selection,
    few: &mut Few,
    filler: &mut Filler<'_>,
    monitor: &Monitor,
) -> Result<()> {
    let mut degrees = Degrees::new(selection.zoom);
    selection.read(store, monitor, few, |tile, lit| {
        degrees.turn(tile);
        for l in lit {
            let (column, row) = place(l);
            filler.push(degrees.of(column, row), u64::from(l.count.count()), l.count.sum(), |batch| {
                batch.x.push(tile.x.into());
                batch.y.push(tile.y.into());
                batch.pixel_x.push(i32::from(column));
                batch.pixel_y.push(i32::from(row));
            })?;
        }
        Ok(())
    })
}

/// Column and row of a pixel within its tile.
pub(super) fn place<V>(lit: &Lit<V>) -> (u8, u8) {
    let place = row_major(lit.pixel);
    (place as u8, (place >> 8) as u8)
}

/// The degrees of pixels' centres in one tile after the other; each latitude is found once a tile.
pub(super) struct Degrees {
    /// Steps along a side of a pixel.
    side: f64,
    tile: TileCoord,
    latitudes: Box<[f64; TILE_SIDE as usize]>,
}

impl Degrees {
    pub(super) fn new(zoom: u8) -> Self {
        let side = STEPS / f64::from(TILE_SIDE) / f64::from(1u32 << zoom);
        Self { side, tile: TileCoord { z: zoom, x: 0, y: 0 }, latitudes: Box::new([f64::NAN; TILE_SIDE as usize]) }
    }

    /// Pixels of this tile come now.
    pub(super) fn turn(&mut self, tile: TileCoord) {
        if tile.y != self.tile.y {
            self.latitudes.fill(f64::NAN);
        }
        self.tile = tile;
    }

    /// Longitude and latitude.
    pub(super) fn of(&mut self, column: u8, row: u8) -> (f64, f64) {
        // Whole numbers and halves below 2^33: exact.
        let centre =
            |tile: u32, pixel: u8| (f64::from(tile) * f64::from(TILE_SIDE) + f64::from(pixel) + 0.5) * self.side;
        let known = &mut self.latitudes[usize::from(row)];
        if known.is_nan() {
            *known = latitude(centre(self.tile.y, row));
        }
        (longitude(centre(self.tile.x, column)), *known)
    }
}
