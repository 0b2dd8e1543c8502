//! Twin of `spread.wgsl`: each lit pixel becomes a disc, and where discs overlap the largest count wins.
//!
//! Indices rise with counts, so the largest index of a disc is the index of its largest count: this twin colours
//! first and spreads bytes, the shader spreads counts and colours after, and both give the same. A tile needs its
//! neighbours' pixels within the radius; columns wrap at the antimeridian, rows do not.

use rayon::prelude::*;

use super::shade::{LIST_MAX, Lookup};
use crate::backend::TileSink;
use crate::counts::{Lit, row_major};
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::shade::disc_half_width;
use crate::store::CountStore;
use crate::tile::{TILE_PIXELS, TILE_SIDE, TileCoord, TileIndices};

const SIDE: i32 = TILE_SIDE as i32;
const PIECE: usize = 8;

/// The eight neighbours and the tile itself, as (columns east, rows south).
const AROUND: [(i32, i32); 9] = [(0, 0), (-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

/// Colours and spreads all tiles of zoom `z`, lit ones and those that spread lights.
pub(super) fn zoom(
    counts: &CountStore,
    z: u8,
    radius: u32,
    lookup: &Lookup<'_>,
    monitor: &Monitor,
    sink: &dyn TileSink,
) -> Result<()> {
    let from = monitor.now();
    let borders = Borders::new(counts, z, radius as i32, lookup)?;
    let reached = borders.reached(radius as i32);
    monitor.record(Stage::Shade, from, monitor.now());
    let disc: Vec<u32> = (0..=radius).map_while(|dy| disc_half_width(radius, dy)).collect();
    reached.par_chunks(PIECE).try_for_each_init(Scratch::default, |scratch, codes| {
        monitor.check()?;
        for &code in codes {
            let tile = TileCoord::from_morton(z, code);
            let from = monitor.now();
            scratch.gather(counts, &borders, tile, radius as i32, lookup)?;
            let indices = scratch.spread(&disc);
            monitor.record(Stage::Shade, from, monitor.now());
            if let Some(indices) = indices {
                sink.put(tile, indices)?;
            }
        }
        Ok(())
    })
}

/// The pixels of every lit tile that lie within the radius of one of its borders, coloured: what a neighbour needs
/// to know of it, so that each tile's block is decoded twice and not nine times.
struct Borders {
    z: u8,
    tiles: Vec<u64>,
    /// Per tile (row-major pixel, index).
    pixels: Vec<Vec<(u16, u8)>>,
}

impl Borders {
    fn new(counts: &CountStore, z: u8, radius: i32, lookup: &Lookup<'_>) -> Result<Self> {
        let tiles: Vec<u64> = counts.tiles(z)?.collect();
        let inner = radius..SIDE - radius;
        let pixels = tiles
            .par_iter()
            .map_init(Vec::new, |lit, &code| {
                lit.clear();
                counts.read(TileCoord::from_morton(z, code), lit)?;
                let mut border = Vec::new();
                for l in lit {
                    let pixel = row_major(l.pixel);
                    let (x, y) = place(pixel, 0, 0);
                    if !inner.contains(&x) || !inner.contains(&y) {
                        border.push((pixel, lookup.index(l.count)));
                    }
                }
                border.shrink_to_fit();
                Ok(border)
            })
            .collect::<Result<_>>()?;
        Ok(Self { z, tiles, pixels })
    }

    fn of(&self, tile: TileCoord) -> &[(u16, u8)] {
        match self.tiles.binary_search(&tile.morton()) {
            Ok(at) => &self.pixels[at],
            Err(_) => &[],
        }
    }

    /// Lit tiles and those that a border pixel reaches into, ascending.
    fn reached(&self, radius: i32) -> Vec<u64> {
        let mut reached: Vec<u64> = self
            .tiles
            .par_iter()
            .zip(&self.pixels)
            .flat_map_iter(|(&code, pixels)| {
                let tile = TileCoord::from_morton(self.z, code);
                let reach = move |&&(dx, dy): &&(i32, i32)| {
                    pixels.iter().any(|&(pixel, _)| within(place(pixel, -dx, -dy), radius))
                };
                let neighbours = AROUND.iter().skip(1).filter(reach);
                let neighbours = neighbours.filter_map(move |d| tile.neighbour(d.0, d.1)).map(TileCoord::morton);
                neighbours.chain([code])
            })
            .collect();
        reached.par_sort_unstable();
        reached.dedup();
        reached
    }
}

/// Place of a row-major pixel seen from the tile that lies (-dx, -dy) tiles away from its own.
fn place(pixel: u16, dx: i32, dy: i32) -> (i32, i32) {
    (i32::from(pixel & 0xff) + dx * SIDE, i32::from(pixel >> 8) + dy * SIDE)
}

/// Whether a pixel's square of that radius touches the tile.
fn within((x, y): (i32, i32), radius: i32) -> bool {
    (-radius..SIDE + radius).contains(&x) && (-radius..SIDE + radius).contains(&y)
}

struct Scratch {
    lit: Vec<Lit>,
    /// Lit pixels of the tile and its surroundings: column, row, index.
    near: Vec<(i32, i32, u8)>,
    list: Vec<(u16, u8)>,
    wide: Vec<u8>,
    wider: Vec<u8>,
    raster: Box<[u8; TILE_PIXELS]>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            lit: Vec::new(),
            near: Vec::new(),
            list: Vec::new(),
            wide: Vec::new(),
            wider: Vec::new(),
            raster: Box::new([0; TILE_PIXELS]),
        }
    }
}

impl Scratch {
    fn gather(
        &mut self,
        counts: &CountStore,
        borders: &Borders,
        tile: TileCoord,
        radius: i32,
        lookup: &Lookup<'_>,
    ) -> Result<()> {
        self.near.clear();
        self.lit.clear();
        counts.read(tile, &mut self.lit)?;
        self.near.extend(self.lit.iter().map(|l| {
            let (x, y) = place(row_major(l.pixel), 0, 0);
            (x, y, lookup.index(l.count))
        }));
        for &(dx, dy) in &AROUND[1..] {
            let Some(neighbour) = tile.neighbour(dx, dy) else { continue };
            for &(pixel, index) in borders.of(neighbour) {
                let (x, y) = place(pixel, dx, dy);
                if within((x, y), radius) {
                    self.near.push((x, y, index));
                }
            }
        }
        Ok(())
    }

    /// The spread tile; `None` when no disc reaches it. `disc[dy]` is the half-width of the disc's row `dy`.
    fn spread(&mut self, disc: &[u32]) -> Option<TileIndices<'_>> {
        let area: u32 = disc.iter().map(|w| 2 * (2 * w + 1)).sum();
        if self.near.len() * area as usize <= 4 * LIST_MAX {
            self.stamp(disc);
            return (!self.list.is_empty()).then_some(TileIndices::Lit(&self.list));
        }
        self.dilate(disc);
        self.raster.iter().any(|&i| i != 0).then_some(TileIndices::Raster(&self.raster))
    }

    /// Draws each disc into a list of pixels and keeps the largest index of each.
    fn stamp(&mut self, disc: &[u32]) {
        self.list.clear();
        let last = disc.len() as i32 - 1;
        for &(x, y, index) in &self.near {
            for row in (y - last).max(0)..=(y + last).min(SIDE - 1) {
                let half = disc[row.abs_diff(y) as usize] as i32;
                for column in (x - half).max(0)..=(x + half).min(SIDE - 1) {
                    self.list.push(((row * SIDE + column) as u16, index));
                }
            }
        }
        self.list.sort_unstable_by_key(|&(pixel, index)| (pixel, std::cmp::Reverse(index)));
        self.list.dedup_by_key(|entry| entry.0);
    }

    /// Dilates a raster of the tile and its halo: rows are widened one pixel at a time, and each row of the disc
    /// takes the widening that fits it.
    fn dilate(&mut self, disc: &[u32]) {
        let radius = disc.len() - 1;
        let side = TILE_SIDE as usize + 2 * radius;
        self.wide.clear();
        self.wide.resize(side * side, 0);
        for &(x, y, index) in &self.near {
            self.wide[(y + radius as i32) as usize * side + (x + radius as i32) as usize] = index;
        }
        self.raster.fill(0);
        for half in 0..=radius as u32 {
            if half > 0 {
                self.wider.clear();
                self.wider.extend_from_slice(&self.wide);
                for (to, from) in self.wider.chunks_exact_mut(side).zip(self.wide.chunks_exact(side)) {
                    for (to, from) in to[1..].iter_mut().zip(from) {
                        *to = (*to).max(*from);
                    }
                    for (to, from) in to.iter_mut().zip(&from[1..]) {
                        *to = (*to).max(*from);
                    }
                }
                std::mem::swap(&mut self.wide, &mut self.wider);
            }
            for dy in (0..disc.len()).filter(|&dy| disc[dy] == half) {
                for start in if dy == 0 { vec![radius] } else { vec![radius - dy, radius + dy] } {
                    let rows = self.wide[start * side..].chunks_exact(side);
                    for (to, from) in self.raster.chunks_exact_mut(TILE_SIDE as usize).zip(rows) {
                        for (to, from) in to.iter_mut().zip(&from[radius..]) {
                            *to = (*to).max(*from);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Discs drawn one by one and rows widened step by step are the same picture, and the plain definition.
        #[test]
        fn both_ways_draw_the_same_discs(
            radius in 1u32..=64,
            near in proptest::collection::vec((-64i32..320, -64i32..320, 1u8..), 1..40),
        ) {
            let near: std::collections::BTreeMap<_, _> = near
                .into_iter()
                .filter(|&(x, y, _)| within((x, y), radius as i32))
                .map(|(x, y, index)| ((x, y), index))
                .collect();
            let disc: Vec<u32> = (0..=radius).map_while(|dy| disc_half_width(radius, dy)).collect();
            let near = near.into_iter().map(|((x, y), index)| (x, y, index)).collect();
            let mut scratch = Scratch { near, ..Scratch::default() };
            scratch.stamp(&disc);
            scratch.dilate(&disc);
            let mut drawn = [0u8; TILE_PIXELS];
            for &(pixel, index) in &scratch.list {
                drawn[usize::from(pixel)] = index;
            }
            prop_assert!(drawn == *scratch.raster);
            for (pixel, &index) in drawn.iter().enumerate().step_by(17) {
                let (column, row) = ((pixel % 256) as i32, (pixel / 256) as i32);
                let inside = |x: i32, y: i32| {
                    4 * ((x - column).pow(2) + (y - row).pow(2)) <= (2 * radius as i32 + 1).pow(2)
                };
                let expected = scratch.near.iter().filter(|n| inside(n.0, n.1)).map(|n| n.2).max().unwrap_or(0);
                prop_assert_eq!(index, expected);
            }
        }
    }
}
