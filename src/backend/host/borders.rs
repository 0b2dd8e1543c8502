//! What a tile's neighbours need to know of it: its lit pixels within the radius of a kernel, and which tiles those
//! reach.

use rayon::prelude::*;

use crate::counts::{Lit, row_major};
use crate::error::Result;
use crate::store::CountStore;
use crate::tile::{TILE_SIDE, TileCoord};

const SIDE: i32 = TILE_SIDE as i32;

/// The eight neighbours of a tile, as (columns east, rows south).
const AROUND: [(i32, i32); 8] = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

/// Place of a row-major pixel seen from the tile that lies (-dx, -dy) tiles away from its own.
fn place(pixel: u16, dx: i32, dy: i32) -> (i32, i32) {
    (i32::from(pixel & 0xff) + dx * SIDE, i32::from(pixel >> 8) + dy * SIDE)
}

/// Whether a pixel's square of that radius touches the tile.
pub(in crate::backend) fn within((x, y): (i32, i32), radius: i32) -> bool {
    (-radius..SIDE + radius).contains(&x) && (-radius..SIDE + radius).contains(&y)
}

/// The pixels of every lit tile of a zoom that lie within the radius of one of its borders: what a neighbour needs
/// to know of it, so that each tile's block is decoded twice and not nine times.
pub(in crate::backend) struct Borders {
    z: u8,
    radius: i32,
    tiles: Vec<u64>,
    /// Per tile (row-major pixel, count).
    pixels: Vec<Box<[(u16, u32)]>>,
}

impl Borders {
    /// The borders of zoom `z` for a spread of `radius` pixels.
    pub(in crate::backend) fn new(counts: &CountStore, z: u8, radius: u32) -> Result<Self> {
        let radius = radius as i32;
        let inner = radius..SIDE - radius;
        let chunks = (0..counts.chunks(z)?)
            .into_par_iter()
            .map_init(Vec::new, |lit, chunk| {
                let mut found = Vec::new();
                counts.read_chunk(z, chunk, lit, |code, lit| {
                    let pixels = lit.iter().map(|l| (row_major(l.pixel), l.count));
                    let border = pixels.filter(|&(pixel, _)| {
                        let (x, y) = place(pixel, 0, 0);
                        !inner.contains(&x) || !inner.contains(&y)
                    });
                    found.push((code, border.collect()));
                    Ok(())
                })?;
                Ok(found)
            })
            .collect::<Result<Vec<Vec<_>>>>()?;
        let (tiles, pixels) = chunks.into_iter().flatten().unzip();
        Ok(Self { z, radius, tiles, pixels })
    }

    fn of(&self, tile: TileCoord) -> &[(u16, u32)] {
        match self.tiles.binary_search(&tile.morton()) {
            Ok(at) => &self.pixels[at],
            Err(_) => &[],
        }
    }

    /// Morton codes of the lit tiles and of those that spread lights, ascending.
    pub(in crate::backend) fn reached(&self) -> Vec<u64> {
        let mut reached: Vec<u64> = self
            .tiles
            .par_iter()
            .zip(&self.pixels)
            .flat_map_iter(|(&code, pixels)| {
                let tile = TileCoord::from_morton(self.z, code);
                let reach = move |d: &&(i32, i32)| {
                    pixels.iter().any(|&(pixel, _)| within(place(pixel, -d.0, -d.1), self.radius))
                };
                let neighbours = AROUND.iter().filter(reach).filter_map(move |d| tile.neighbour(d.0, d.1));
                neighbours.map(TileCoord::morton).chain([code])
            })
            .collect();
        reached.par_sort_unstable();
        reached.dedup();
        reached
    }

    /// Collects the lit pixels of a tile and its surroundings, as (column, row, what `value` makes of the count).
    pub(in crate::backend) fn gather<T>(
        &self,
        counts: &CountStore,
        tile: TileCoord,
        lit: &mut Vec<Lit>,
        near: &mut Vec<(i32, i32, T)>,
        value: impl Fn(u32) -> T,
    ) -> Result<()> {
        near.clear();
        lit.clear();
        counts.read(tile, lit)?;
        near.extend(lit.iter().map(|l| {
            let (x, y) = place(row_major(l.pixel), 0, 0);
            (x, y, value(l.count))
        }));
        for (dx, dy) in AROUND {
            let Some(neighbour) = tile.neighbour(dx, dy) else { continue };
            for &(pixel, count) in self.of(neighbour) {
                let (x, y) = place(pixel, dx, dy);
                if within((x, y), self.radius) {
                    near.push((x, y, value(count)));
                }
            }
        }
        Ok(())
    }
}
