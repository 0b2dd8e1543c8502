//! A tile of 512 pixels a side on its way to an encoder: four neighbours of the next zoom, side by side.

use super::{TILE_PIXELS, TILE_SIDE};
use crate::error::{Error, Result};

/// Pixels along one side.
pub const LARGE_SIDE: u32 = 2 * TILE_SIDE;
const SIDE: usize = LARGE_SIDE as usize;
/// Pixels for which there is one bit.
const WORD: usize = 8;

/// The side of a tile of so many pixels. Fails where there is none.
pub fn side_of(pixels: usize) -> Result<u32> {
    match pixels {
        TILE_PIXELS => Ok(TILE_SIDE),
        pixels if pixels == SIDE * SIDE => Ok(LARGE_SIDE),
        pixels => Err(Error::Internal(format!("no tile has {pixels} pixels"))),
    }
}

/// Palette indices of one 512x512 tile; 0 is a pixel that is not drawn. Made once and filled again and again.
#[derive(Debug, Clone)]
pub struct LargeTile {
    pixels: Vec<u8>,
    words: Vec<u64>,
}

impl Default for LargeTile {
    fn default() -> Self {
        Self { pixels: vec![0; SIDE * SIDE], words: vec![0; SIDE] }
    }
}

impl LargeTile {
    /// Every pixel, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// For each row a bit for each 8 columns, the westernmost lowest; where it is 0 those are dark.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// No pixel is drawn.
    pub fn clear(&mut self) {
        for (row, words) in self.pixels.as_chunks_mut::<SIDE>().0.iter_mut().zip(&mut self.words) {
            let row = row.as_chunks_mut::<WORD>().0;
            while *words > 0 {
                row[words.trailing_zeros() as usize] = [0; WORD];
                *words &= *words - 1;
            }
        }
    }

    /// Sets a pixel (row * 256 + column) of a quarter: 0 is the north-west, 1 the north-east, 2 the south-west and 3 the
    /// south-east.
    pub fn add_pixel(&mut self, quarter: usize, pixel: u16, index: u8) {
        let place = corner(quarter) + usize::from(pixel >> 8) * SIDE + usize::from(pixel & 255);
        self.pixels[place] = index;
        self.words[place / SIDE] |= 1 << (place % SIDE / WORD);
    }

    /// Sets eight neighbours of a row of a quarter, from `word` * 8 on.
    pub fn add_word(&mut self, quarter: usize, word: u16, pixels: [u8; WORD]) {
        let (row, column) = (usize::from(word) / 32, usize::from(word) % 32 * WORD);
        let place = corner(quarter) + row * SIDE + column;
        if let Some(to) = self.pixels.get_mut(place..place + WORD) {
            to.copy_from_slice(&pixels);
            self.words[place / SIDE] |= 1 << (place % SIDE / WORD);
        }
    }

    /// The colours of all pixels, row by row. An index beyond the palette would be a bug of the caller; it is transparent.
    pub fn colours(&self, palette: &[[u8; 4]]) -> Vec<[u8; 4]> {
        let colour = |&index: &u8| palette.get(usize::from(index)).copied().unwrap_or_default();
        self.pixels.iter().map(colour).collect()
    }
}

/// The place of a quarter's first pixel; quarters are those of [`LargeTile::add_pixel`].
pub fn corner(quarter: usize) -> usize {
    let half = TILE_SIDE as usize;
    (quarter >> 1 & 1) * half * SIDE + (quarter & 1) * half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_lie_side_by_side_and_go_again() {
        let mut tile = LargeTile::default();
        tile.add_pixel(0, 0, 1);
        tile.add_pixel(0, 65535, 2);
        tile.add_pixel(1, 256, 3);
        tile.add_pixel(2, 255, 255);
        tile.add_word(3, 32 * 255 + 31, [0, 0, 0, 0, 0, 0, 0, 9]);
        let lit: Vec<(usize, u8)> = tile.pixels().iter().copied().enumerate().filter(|p| p.1 != 0).collect();
        assert_eq!(lit, [(0, 1), (512 + 256, 3), (255 * 512 + 255, 2), (256 * 512 + 255, 255), (511 * 512 + 511, 9)]);
        let words: Vec<(usize, u64)> = tile.words().iter().copied().enumerate().filter(|w| w.1 != 0).collect();
        assert_eq!(words, [(0, 1), (1, 1 << 32), (255, 1 << 31), (256, 1 << 31), (511, 1 << 63)]);
        assert_eq!(tile.colours(&[[0; 4], [7; 4]])[0], [7; 4]);
        tile.clear();
        assert!(tile.pixels().iter().all(|&p| p == 0) && tile.words().iter().all(|&w| w == 0));
    }
}
