//! Rasters that know where they are empty: a tile with its surroundings on the way in, a tile on the way out. Each row
//! keeps which words of columns may be lit, so that a tile with thirteen points costs thirteen points and not
//! 65,536 pixels.

use std::ops::Range;

use crate::backend::host::LIST_MAX;
use crate::tile::{PixelIndex, TILE_PIXELS, TILE_SIDE, TileIndices};

pub(in crate::backend::cpu) const WIDTH: usize = TILE_SIDE as usize;

/// Columns that are looked at together.
pub(in crate::backend::cpu) const WORD: usize = 8;

/// Words of columns of a row, a bit each, outside of which nothing is lit. A tile has 32, a plane 48 at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::backend::cpu) struct Words(u64);

impl Words {
    /// Those with the columns `from..to`, at least one.
    pub(in crate::backend::cpu) fn of(from: usize, to: usize) -> Self {
        Self(!0 >> (63 - (to - 1) / WORD) & !0 << (from / WORD))
    }

    /// Those of a row of a tile.
    fn of_row(bits: u32) -> Self {
        Self(bits.into())
    }

    pub(in crate::backend::cpu) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(in crate::backend::cpu) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Columns in them.
    pub(in crate::backend::cpu) fn columns(self) -> usize {
        self.0.count_ones() as usize * WORD
    }

    /// The stretches of columns that they come to, from the west.
    #[inline(always)]
    pub(in crate::backend::cpu) fn runs(self) -> impl Iterator<Item = Range<usize>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let first = rest.trailing_zeros();
            let run = rest.checked_shr(first)?.trailing_ones();
            rest &= (!0u64).checked_shl(first + run).unwrap_or(0);
            Some(first as usize * WORD..(first + run) as usize * WORD)
        })
    }

    /// Each of them.
    #[inline(always)]
    pub(in crate::backend::cpu) fn each(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let word = (rest > 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(word)
        })
    }

    /// Words of the tile that those of a plane of that radius reach: its columns are those of the tile from `radius` before
    /// the first on, and reach as far both ways.
    fn reach(self, radius: usize) -> Self {
        let all = (0..=(2 * radius).div_ceil(WORD)).fold(0, |all, words| all | self.0 >> words);
        Self(all & Self::of(0, WIDTH).0)
    }
}

/// A lit row of a [`Plane`].
#[derive(Debug, Clone, Copy)]
pub(in crate::backend::cpu) struct Row {
    pub(in crate::backend::cpu) y: usize,
    /// Words of the plane.
    pub(in crate::backend::cpu) lit: Words,
    /// Words of the tile that it reaches.
    pub(in crate::backend::cpu) reach: Words,
    /// Pixels that are lit.
    pub(in crate::backend::cpu) pixels: usize,
}

impl Row {
    /// The columns of the plane from the first that is lit to the last.
    pub(in crate::backend::cpu) fn stretch(&self, side: usize) -> Range<usize> {
        let (first, end) = (self.lit.0.trailing_zeros(), u64::BITS - self.lit.0.leading_zeros());
        first as usize * WORD..(end as usize * WORD).min(side)
    }
}

/// The pixels of a tile and its surroundings.
#[derive(Debug)]
pub(in crate::backend::cpu) struct Plane<T> {
    pub(in crate::backend::cpu) radius: usize,
    pub(in crate::backend::cpu) side: usize,
    cells: Vec<T>,
    /// Its rows with a lit pixel, from the north.
    pub(in crate::backend::cpu) rows: Vec<Row>,
    /// For each row its lit words and the number of lit pixels, while it is filled.
    found: Vec<(u64, u32)>,
}

impl<T> Default for Plane<T> {
    fn default() -> Self {
        Self { radius: 0, side: 0, cells: Vec::new(), rows: Vec::new(), found: Vec::new() }
    }
}

impl<T: Copy + Default> Plane<T> {
    /// Makes all pixels dark, of a tile with surroundings of that many pixels.
    pub(in crate::backend::cpu) fn begin(&mut self, radius: u32) {
        if self.side == 0 || self.radius != radius as usize {
            self.radius = radius as usize;
            self.side = WIDTH + 2 * self.radius;
            self.cells.clear();
            self.cells.resize(self.side * self.side, T::default());
            self.found.clear();
            self.found.resize(self.side, (0, 0));
        } else {
            for row in &self.rows {
                let cells = &mut self.cells[row.y * self.side..(row.y + 1) * self.side];
                row.lit.runs().for_each(|run| cells[run.start..run.end.min(self.side)].fill(T::default()));
            }
        }
        self.rows.clear();
    }

    /// Lights a pixel, given as column and row of the tile; each once.
    #[inline]
    pub(in crate::backend::cpu) fn set(&mut self, x: i32, y: i32, value: T) {
        let (x, y) = ((x + self.radius as i32) as usize, (y + self.radius as i32) as usize);
        self.cells[y * self.side + x] = value;
        let (lit, pixels) = &mut self.found[y];
        *lit |= 1 << (x / WORD);
        *pixels += 1;
    }

    /// After the last pixel: finds the rows.
    pub(in crate::backend::cpu) fn end(&mut self) {
        for (y, found) in self.found.iter_mut().enumerate().filter(|(_, found)| found.1 > 0) {
            let (lit, pixels) = std::mem::take(found);
            let lit = Words(lit);
            self.rows.push(Row { y, lit, reach: lit.reach(self.radius), pixels: pixels as usize });
        }
    }

    /// Takes the pixels `near` a tile in place of those before.
    #[cfg(test)]
    pub(in crate::backend::cpu) fn fill(&mut self, near: &[(i32, i32, T)], radius: u32) {
        self.begin(radius);
        near.iter().for_each(|&(x, y, value)| self.set(x, y, value));
        self.end();
    }

    /// All columns of a row.
    pub(in crate::backend::cpu) fn row(&self, y: usize) -> &[T] {
        &self.cells[y * self.side..(y + 1) * self.side]
    }
}

/// The pixels of one tile, row-major.
#[derive(Debug)]
pub(in crate::backend::cpu) struct Raster<T> {
    pub(in crate::backend::cpu) pixels: Box<[T; TILE_PIXELS]>,
    /// For each row the words outside of which nothing is lit, a bit each.
    rows: [u32; WIDTH],
}

impl<T: Copy + Default> Default for Raster<T> {
    fn default() -> Self {
        Self { pixels: Box::new([T::default(); TILE_PIXELS]), rows: [0; WIDTH] }
    }
}

impl<T: Copy + Default> Raster<T> {
    /// Makes all pixels dark.
    pub(in crate::backend::cpu) fn clear(&mut self) {
        for (row, lit) in self.pixels.chunks_exact_mut(WIDTH).zip(&mut self.rows) {
            // Word by word: most runs are short, and a call for each would cost more.
            let words = row.as_chunks_mut::<WORD>().0;
            Words::of_row(std::mem::take(lit)).each().for_each(|word| words[word] = [T::default(); WORD]);
        }
    }

    /// Row `y`, of which `lit` is about to be written.
    pub(in crate::backend::cpu) fn row(&mut self, y: usize, lit: Words) -> &mut [T] {
        self.rows[y] |= lit.0 as u32;
        &mut self.pixels[y * WIDTH..(y + 1) * WIDTH]
    }

    /// The stretches that may be lit, whole words, with the row-major place of their first pixel.
    pub(in crate::backend::cpu) fn stretches(&self) -> impl Iterator<Item = (usize, &[T])> {
        let rows = self.rows.iter().enumerate();
        let runs = rows
            .flat_map(|(y, &lit)| Words::of_row(lit).runs().map(move |run| y * WIDTH + run.start..y * WIDTH + run.end));
        runs.map(|run| (run.start, &self.pixels[run]))
    }
}

impl<I: PixelIndex> Raster<I> {
    /// All its pixels, whatever their number, and where the lit ones are; `None` when it is dark.
    pub(in crate::backend::cpu) fn words(&self) -> Option<TileIndices<'_>> {
        let is_lit = self.stretches().any(|(_, pixels)| pixels.iter().any(|i| i.is_lit()));
        is_lit.then(|| I::words(&self.pixels, &self.rows))
    }

    /// The form in which it leaves; `None` when it is dark.
    pub(in crate::backend::cpu) fn leave<'a>(&'a self, list: &'a mut Vec<(u16, I)>) -> Option<TileIndices<'a>> {
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

/// Every row of the tile that is reached, the lit rows of the plane that reach it, and where they do. Not a call for each:
/// what a caller does with a row is compiled for the processor that the caller is compiled for.
#[inline(always)]
pub(in crate::backend::cpu) fn reaching<T>(
    plane: &Plane<T>,
) -> impl Iterator<Item = (usize, std::ops::Range<usize>, Words)> + '_ {
    let (mut first, mut end) = (0, 0);
    (0..WIDTH).filter_map(move |y| {
        while plane.rows.get(first).is_some_and(|row| row.y < y) {
            first += 1;
        }
        while plane.rows.get(end).is_some_and(|row| row.y <= y + 2 * plane.radius) {
            end += 1;
        }
        let lit = plane.rows[first..end].iter().fold(Words::default(), |all, row| all.with(row.reach));
        (!lit.is_empty()).then_some((y, first..end, lit))
    })
}

/// Rows of the tile that the row `y` of the plane reaches.
pub(in crate::backend::cpu) fn reached(y: usize, radius: usize) -> std::ops::Range<usize> {
    y.saturating_sub(2 * radius)..(y + 1).min(WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Words are what their columns are in, and reach what a pixel of theirs reaches.
        #[test]
        fn words_hold_their_columns(
            radius in 1usize..=64,
            places in prop::collection::btree_set(0usize..384, 1..20),
        ) {
            let places: Vec<usize> = places.into_iter().filter(|place| *place < WIDTH + 2 * radius).collect();
            prop_assume!(!places.is_empty());
            let words = places.iter().fold(Words::default(), |all, &at| all.with(Words::of(at, at + 1)));
            let columns: Vec<usize> = words.runs().flatten().collect();
            prop_assert_eq!(columns.len(), words.columns());
            prop_assert!(columns.is_sorted_by(|a, b| a < b));
            prop_assert!(columns.iter().all(|column| places.iter().any(|place| place / WORD == column / WORD)));
            prop_assert!(places.iter().all(|place| columns.contains(place)));
            let reached: Vec<usize> = words.reach(radius).runs().flatten().collect();
            for &place in &places {
                let reaches = place.saturating_sub(2 * radius)..(place + 1).min(WIDTH);
                prop_assert!(reaches.clone().all(|column| reached.contains(&column)), "{} {:?}", radius, reaches);
            }
            let (from, to) = (places[0], places[places.len() - 1] + 1);
            let all: Vec<usize> = Words::of(from, to).runs().flatten().collect();
            prop_assert!(all == (from / WORD * WORD..to.div_ceil(WORD) * WORD).collect::<Vec<_>>());
        }
    }
}
