//! Where the tiles of a picture's zoom wait until they are put side by side: as they come, in memory or in a file
//! without a name, so that a picture takes no more memory than one strip of it, however large it is.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::colours::ColourSink;
use crate::error::{Error, Result};
use crate::paper::picture::{self, Pixels, Strips};
use crate::shade::ShadeTable;
use crate::store::{Kept, Vault};
use crate::tile::{Grid, TILE_PIXELS, TILE_SIDE, TileCoord, TileIndices};

const SIDE: usize = TILE_SIDE as usize;

/// The tiles of a picture.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    wide: bool,
    /// Whether tiles have colours of their own.
    coloured: bool,
    vault: Vault,
    /// By row and column.
    tiles: Mutex<BTreeMap<(u32, u32), Kept>>,
}

impl Canvas {
    /// An empty one, whose tiles wait in `vault`; `wide` where indices have 16 bits.
    pub(super) fn new(grid: &Grid, wide: bool, vault: Vault) -> Self {
        Self { width: grid.columns(), height: grid.rows(), wide, coloured: false, vault, tiles: Mutex::default() }
    }

    /// The same for tiles of colours.
    pub(super) fn of_colours(grid: &Grid, vault: Vault) -> Self {
        Self { coloured: true, ..Self::new(grid, false, vault) }
    }
}

impl ColourSink for Canvas {
    fn put(&self, _: &ShadeTable, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        self.keep(tile, || pack(indices))
    }

    fn put_colours(&self, tile: TileCoord, colours: &[[u8; 4]]) -> Result<()> {
        self.keep(tile, || colours.as_flattened().to_vec())
    }
}

impl Canvas {
    fn keep(&self, tile: TileCoord, pack: impl FnOnce() -> Vec<u8>) -> Result<()> {
        // Spread reaches beyond the edges.
        if tile.x * TILE_SIDE >= self.width || tile.y * TILE_SIDE >= self.height {
            return Ok(());
        }
        let kept = self.vault.put(&pack())?;
        self.tiles.lock().unwrap_or_else(PoisonError::into_inner).insert((tile.y, tile.x), kept);
        Ok(())
    }
}

/// Lists are the shorter ones: (pixel, index) pairs, while a raster is every index; numbers in two bytes, but for the
/// indices of a raster of bytes.
fn pack(indices: TileIndices<'_>) -> Vec<u8> {
    match indices {
        TileIndices::Raster(all) | TileIndices::Words { pixels: all, .. } => all.to_vec(),
        TileIndices::WideRaster(all) => all.iter().flat_map(|index| index.to_le_bytes()).collect(),
        list => {
            let mut bytes = Vec::new();
            list.for_each_lit(|pixel, index| bytes.extend([pixel.to_le_bytes(), index.to_le_bytes()].as_flattened()));
            bytes
        }
    }
}

impl Strips for Canvas {
    fn is_wide(&self) -> bool {
        self.wide
    }

    fn strip(&self, at: u32) -> Result<Pixels> {
        const { assert!(picture::STRIP == TILE_SIDE) };
        let rows = self.height.saturating_sub(at * TILE_SIDE).min(TILE_SIDE) as usize;
        let tiles = self.tiles.lock().unwrap_or_else(PoisonError::into_inner);
        let (width, size) = (self.width as usize, self.width as usize * rows);
        if self.coloured {
            let mut strip = vec![[0; 4]; size];
            for (&(_, column), kept) in tiles.range((at, 0)..=(at, u32::MAX)) {
                let bytes = self.vault.get(kept.place())?;
                let left = column as usize * SIDE;
                let columns = SIDE.min(width - left);
                for (to, from) in strip.chunks_exact_mut(width).zip(bytes.as_chunks().0.chunks_exact(SIDE)) {
                    to[left..left + columns].copy_from_slice(&from[..columns]);
                }
            }
            return Ok(Pixels::Colours(strip));
        }
        let mut narrow = vec![0u8; if self.wide { 0 } else { size }];
        let mut wide = vec![0u16; if self.wide { size } else { 0 }];
        for (&(_, column), kept) in tiles.range((at, 0)..=(at, u32::MAX)) {
            let bytes = self.vault.get(kept.place())?;
            let left = column as usize * SIDE;
            let columns = SIDE.min(width - left);
            match bytes.len() {
                TILE_PIXELS if !self.wide => {
                    for (to, from) in narrow.chunks_exact_mut(width).zip(bytes.chunks_exact(SIDE)) {
                        to[left..left + columns].copy_from_slice(&from[..columns]);
                    }
                }
                len if self.wide && len == 2 * TILE_PIXELS => {
                    for (to, from) in wide.chunks_exact_mut(width).zip(bytes.chunks_exact(2 * SIDE)) {
                        for (to, from) in to[left..left + columns].iter_mut().zip(from.as_chunks().0) {
                            *to = u16::from_le_bytes(*from);
                        }
                    }
                }
                len if len % 4 == 0 && len < TILE_PIXELS => {
                    for &[a, b, c, d] in bytes.as_chunks().0 {
                        let (pixel, index) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
                        let (x, y) = (usize::from(pixel & 0xff), usize::from(pixel >> 8));
                        if x < columns && y < rows {
                            let to = y * width + left + x;
                            if self.wide { wide[to] = index } else { narrow[to] = index as u8 }
                        }
                    }
                }
                _ => return Err(Error::Internal("a tile of a picture that waited is damaged".into())),
            }
        }
        Ok(if self.wide { Pixels::Wide(wide) } else { Pixels::Narrow(narrow) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::tile::Frame;

    /// Tiles come out where they belong, cut at the edges, in both widths and forms.
    #[test]
    fn tiles_wait_in_memory_and_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let grid = Grid::new(Frame::WORLD, Some(300), Some(300));
        let (mut raster, mut wide) = ([7u8; TILE_PIXELS], [700u16; TILE_PIXELS]);
        (raster[44], wide[44]) = (9, 900);
        let list = [(256 * 43, 3), (65_535, 4)];
        let wide_list = list.map(|(pixel, index)| (pixel, 100 * u16::from(index)));
        for budget in [0, u64::MAX] {
            for is_wide in [false, true] {
                let canvas = Canvas::new(&grid, is_wide, vault(budget, folder.path()));
                let (dense, sparse) = if is_wide {
                    (TileIndices::WideRaster(&wide), TileIndices::WideLit(&wide_list))
                } else {
                    (TileIndices::Raster(&raster), TileIndices::Lit(&list))
                };
                for (x, y, indices) in [(1, 0, dense), (0, 1, sparse), (1, 1, sparse), (2, 0, dense), (0, 2, dense)] {
                    canvas.keep(TileCoord { z: 2, x, y }, || pack(indices)).unwrap();
                }
                let strips: Vec<Vec<u16>> = [0, 1]
                    .map(|at| match canvas.strip(at).unwrap() {
                        Pixels::Narrow(all) => all.into_iter().map(u16::from).collect(),
                        Pixels::Wide(all) => all,
                        Pixels::Colours(_) => panic!("no indices"),
                    })
                    .into();
                let times = if is_wide { 100 } else { 1 };
                assert_eq!((strips[0].len(), strips[1].len()), (300 * 256, 300 * 44));
                assert_eq!((strips[0][255], strips[0][256], strips[0][299]), (0, 7 * times, 7 * times));
                assert_eq!(strips[0].iter().filter(|&&index| index > 0).count(), 44 * 256);
                assert_eq!((strips[1][43 * 300], strips[1][43 * 300 + 256]), (3 * times, 3 * times));
                assert_eq!(strips[1].iter().filter(|&&index| index > 0).count(), 2, "the others lie below the edge");
            }
        }
    }

    fn vault(budget: u64, folder: &std::path::Path) -> Vault {
        Vault::new(Account::unbounded(), budget, folder)
    }
}
