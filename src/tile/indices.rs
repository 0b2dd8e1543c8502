//! A coloured tile on its way from a backend to an encoder: palette indices of 8 bits, or of 16 where a palette of 255
//! colours is not enough. What colour an index stands for is not said here.

use super::{TILE_PIXELS, TILE_SIDE};

/// Palette indices of one 256x256 tile, row-major; 0 is a pixel that is not drawn. At least one index is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileIndices<'a> {
    /// Every pixel.
    Raster(&'a [u8; TILE_PIXELS]),
    /// Every pixel, and where the lit ones are.
    Words {
        /// Every pixel.
        pixels: &'a [u8; TILE_PIXELS],
        /// For each row a bit for each 8 columns, the westernmost lowest; where it is 0 those are dark.
        words: &'a [u32; TILE_SIDE as usize],
    },
    /// The lit pixels only: (row * 256 + column, index), ascending, no index 0.
    Lit(&'a [(u16, u8)]),
    /// Every pixel, of more than 255 colours.
    WideRaster(&'a [u16; TILE_PIXELS]),
    /// The lit pixels only, of more than 255 colours.
    WideLit(&'a [(u16, u16)]),
}

/// A palette index.
pub trait PixelIndex: Copy + Ord + Default + Send + Sync + 'static {
    /// The largest.
    const LAST: Self;

    /// The index that `index` is, which must fit.
    fn from_wide(index: u16) -> Self;
    /// Whether it is that of a drawn pixel.
    fn is_lit(self) -> bool;
    /// A whole tile.
    fn raster(raster: &[Self; TILE_PIXELS]) -> TileIndices<'_>;
    /// A whole tile whose lit pixels are in these words of each row.
    fn words<'a>(raster: &'a [Self; TILE_PIXELS], words: &'a [u32; TILE_SIDE as usize]) -> TileIndices<'a>;
    /// A list of lit pixels.
    fn lit(lit: &[(u16, Self)]) -> TileIndices<'_>;
}

impl PixelIndex for u8 {
    const LAST: Self = Self::MAX;

    fn from_wide(index: u16) -> Self {
        debug_assert!(index <= 255);
        index as u8
    }

    fn is_lit(self) -> bool {
        self != 0
    }

    fn raster(raster: &[Self; TILE_PIXELS]) -> TileIndices<'_> {
        TileIndices::Raster(raster)
    }

    fn words<'a>(pixels: &'a [Self; TILE_PIXELS], words: &'a [u32; TILE_SIDE as usize]) -> TileIndices<'a> {
        TileIndices::Words { pixels, words }
    }

    fn lit(lit: &[(u16, Self)]) -> TileIndices<'_> {
        TileIndices::Lit(lit)
    }
}

impl PixelIndex for u16 {
    const LAST: Self = Self::MAX;

    fn from_wide(index: u16) -> Self {
        index
    }

    fn is_lit(self) -> bool {
        self != 0
    }

    fn raster(raster: &[Self; TILE_PIXELS]) -> TileIndices<'_> {
        TileIndices::WideRaster(raster)
    }

    fn words<'a>(pixels: &'a [Self; TILE_PIXELS], _: &'a [u32; TILE_SIDE as usize]) -> TileIndices<'a> {
        TileIndices::WideRaster(pixels)
    }

    fn lit(lit: &[(u16, Self)]) -> TileIndices<'_> {
        TileIndices::WideLit(lit)
    }
}

impl TileIndices<'_> {
    /// The colours of all pixels, row by row. An index beyond the palette would be a bug of the caller; it is transparent.
    pub fn colours(&self, palette: &[[u8; 4]]) -> Vec<[u8; 4]> {
        let colour = |index: u16| palette.get(usize::from(index)).copied().unwrap_or_default();
        let mut pixels = vec![colour(0); TILE_PIXELS];
        self.for_each_lit(|pixel, index| pixels[usize::from(pixel)] = colour(index));
        pixels
    }

    /// Calls `each` with every lit pixel (row * 256 + column) and its index, in ascending order.
    pub fn for_each_lit(&self, mut each: impl FnMut(u16, u16)) {
        fn raster<I: PixelIndex + Into<u16>>(all: &[I; TILE_PIXELS], each: &mut impl FnMut(u16, u16)) {
            (0..=u16::MAX).zip(all).filter(|(_, index)| index.is_lit()).for_each(|(pixel, &i)| each(pixel, i.into()));
        }
        match self {
            Self::Raster(all) | Self::Words { pixels: all, .. } => raster(all, &mut each),
            Self::Lit(list) => list.iter().for_each(|&(pixel, index)| each(pixel, index.into())),
            Self::WideRaster(all) => raster(all, &mut each),
            Self::WideLit(list) => list.iter().for_each(|&(pixel, index)| each(pixel, index)),
        }
    }
}
