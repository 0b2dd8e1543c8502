//! Rasters that know where they are empty: a tile with its surroundings on the way in, a tile on the way out. Each row
//! keeps the stretch of columns that may be lit, so that a tile with thirteen points costs thirteen points and not
//! 65,536 pixels.

use crate::backend::host::LIST_MAX;
use crate::tile::{PixelIndex, TILE_PIXELS, TILE_SIDE, TileIndices};

pub(super) const WIDTH: usize = TILE_SIDE as usize;

/// The columns `from..to` of a row outside of which nothing is lit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Stretch {
    pub(super) fn is_empty(self) -> bool {
        self.from >= self.to
    }

    /// The least that holds both.
    pub(super) fn with(self, other: Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Self { from: self.from.min(other.from), to: self.to.max(other.to) },
        }
    }
}

/// A lit row of a [`Plane`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) y: usize,
    pub(super) lit: Stretch,
    /// Pixels that are lit.
    pub(super) pixels: usize,
}

/// The pixels of a tile and its surroundings.
#[derive(Debug)]
pub(super) struct Plane<T> {
    pub(super) radius: usize,
    pub(super) side: usize,
    cells: Vec<T>,
    /// Its rows with a lit pixel, from the north.
    pub(super) rows: Vec<Row>,
    /// For each row its first and last lit column and the number of lit pixels, while it is filled.
    found: Vec<(u32, u32, u32)>,
}

/// A row in which nothing was found.
const NOTHING: (u32, u32, u32) = (u32::MAX, 0, 0);

impl<T> Default for Plane<T> {
    fn default() -> Self {
        Self { radius: 0, side: 0, cells: Vec::new(), rows: Vec::new(), found: Vec::new() }
    }
}

impl<T: Copy + Default> Plane<T> {
    /// Makes all pixels dark, of a tile with surroundings of that many pixels.
    pub(super) fn begin(&mut self, radius: u32) {
        if self.side == 0 || self.radius != radius as usize {
            self.radius = radius as usize;
            self.side = WIDTH + 2 * self.radius;
            self.cells.clear();
            self.cells.resize(self.side * self.side, T::default());
            self.found.clear();
            self.found.resize(self.side, NOTHING);
        } else {
            for row in &self.rows {
                self.cells[row.y * self.side..][row.lit.from..row.lit.to].fill(T::default());
            }
        }
        self.rows.clear();
    }

    /// Lights a pixel, given as column and row of the tile; each once.
    #[inline]
    pub(super) fn set(&mut self, x: i32, y: i32, value: T) {
        let (x, y) = (x + self.radius as i32, (y + self.radius as i32) as usize);
        self.cells[y * self.side + x as usize] = value;
        let (first, last, pixels) = &mut self.found[y];
        *first = (*first).min(x as u32);
        *last = (*last).max(x as u32);
        *pixels += 1;
    }

    /// After the last pixel: finds the rows.
    pub(super) fn end(&mut self) {
        for (y, found) in self.found.iter_mut().enumerate().filter(|(_, found)| found.2 > 0) {
            let (first, last, pixels) = std::mem::replace(found, NOTHING);
            let lit = Stretch { from: first as usize, to: last as usize + 1 };
            self.rows.push(Row { y, lit, pixels: pixels as usize });
        }
    }

    /// Takes the pixels `near` a tile in place of those before.
    #[cfg(test)]
    pub(super) fn fill(&mut self, near: &[(i32, i32, T)], radius: u32) {
        self.begin(radius);
        near.iter().for_each(|&(x, y, value)| self.set(x, y, value));
        self.end();
    }

    /// All columns of a row.
    pub(super) fn row(&self, y: usize) -> &[T] {
        &self.cells[y * self.side..(y + 1) * self.side]
    }
}

/// The pixels of one tile, row-major.
#[derive(Debug)]
pub(super) struct Raster<T> {
    pub(super) pixels: Box<[T; TILE_PIXELS]>,
    pub(super) rows: [Stretch; WIDTH],
}

impl<T: Copy + Default> Default for Raster<T> {
    fn default() -> Self {
        Self { pixels: Box::new([T::default(); TILE_PIXELS]), rows: [Stretch::default(); WIDTH] }
    }
}

impl<T: Copy + Default> Raster<T> {
    /// Makes all pixels dark.
    pub(super) fn clear(&mut self) {
        for (row, lit) in self.pixels.chunks_exact_mut(WIDTH).zip(&mut self.rows) {
            let lit = std::mem::take(lit);
            if !lit.is_empty() {
                row[lit.from..lit.to].fill(T::default());
            }
        }
    }

    /// Row `y`, of which `lit` is about to be written.
    pub(super) fn row(&mut self, y: usize, lit: Stretch) -> &mut [T] {
        self.rows[y] = self.rows[y].with(lit);
        &mut self.pixels[y * WIDTH..(y + 1) * WIDTH]
    }

    /// The stretches that may be lit, with the row-major place of their first pixel.
    pub(super) fn stretches(&self) -> impl Iterator<Item = (usize, &[T])> {
        let rows = self.rows.iter().enumerate().filter(|(_, lit)| !lit.is_empty());
        rows.map(|(y, lit)| (y * WIDTH + lit.from, &self.pixels[y * WIDTH + lit.from..y * WIDTH + lit.to]))
    }
}

impl<I: PixelIndex> Raster<I> {
    /// All its pixels, whatever their number; `None` when it is dark.
    pub(super) fn raster(&self) -> Option<TileIndices<'_>> {
        self.stretches().any(|(_, pixels)| pixels.iter().any(|i| i.is_lit())).then(|| I::raster(&self.pixels))
    }

    /// The form in which it leaves; `None` when it is dark.
    pub(super) fn leave<'a>(&'a self, list: &'a mut Vec<(u16, I)>) -> Option<TileIndices<'a>> {
        let lit: usize = self.stretches().map(|(_, pixels)| pixels.iter().filter(|i| i.is_lit()).count()).sum();
        match lit {
            0 => None,
            1..=LIST_MAX => {
                list.clear();
                for (first, indices) in self.stretches() {
                    let of = |(at, &index): (usize, &I)| ((first + at) as u16, index);
                    list.extend(indices.iter().enumerate().map(of).filter(|entry| entry.1.is_lit()));
                }
                Some(I::lit(list))
            }
            _ => Some(I::raster(&self.pixels)),
        }
    }
}
