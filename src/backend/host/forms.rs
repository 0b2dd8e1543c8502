//! The forms a tile's pixels take: lit pixels in Morton order, row-major lists and rasters.

#[cfg(feature = "gpu")]
use crate::counts::{Lit, pixel_morton, row_major};
use crate::tile::{PixelIndex, TILE_PIXELS, TileIndices};

/// Tiles with at most this many lit pixels leave as lists, others as rasters; the processor's bells are rasters always,
/// because their encoder looks for what is lit in one. Either form of the same pixels gives the same bytes.
pub(in crate::backend) const LIST_MAX: usize = 1_500;

/// The lit pixels of a raster of counts, row-major, in Morton order.
#[cfg(feature = "gpu")]
pub(in crate::backend) fn lit_of(raster: &[u32; TILE_PIXELS], lit: &mut Vec<Lit>) {
    lit.clear();
    // Squares of 16 by 16 pixels, whose own order is the same in each.
    let within: [u16; 256] = std::array::from_fn(|low| row_major(low as u16));
    for square in (0..=u16::MAX).step_by(256) {
        let corner = row_major(square);
        let of = |(low, place): (usize, &u16)| (square | low as u16, raster[usize::from(corner + place)]);
        let all = within.iter().enumerate().map(of);
        lit.extend(all.filter(|entry| entry.1 > 0).map(|(pixel, count)| Lit { pixel, count }));
    }
}

/// Row-major pixels with counts as lit pixels in Morton order.
#[cfg(feature = "gpu")]
pub(in crate::backend) fn lit_of_list(list: &[(u16, u32)], lit: &mut Vec<Lit>) {
    lit.clear();
    lit.extend(list.iter().map(|&(pixel, count)| Lit { pixel: pixel_morton(pixel), count }));
    lit.sort_unstable_by_key(|l| l.pixel);
}

/// The form in which a raster leaves; `None` when it is empty.
pub(in crate::backend) fn leave<'a, I: PixelIndex>(
    raster: &'a [I; TILE_PIXELS],
    list: &'a mut Vec<(u16, I)>,
) -> Option<TileIndices<'a>> {
    match raster.iter().filter(|index| index.is_lit()).count() {
        0 => None,
        1..=LIST_MAX => {
            list.clear();
            list.extend((0..=u16::MAX).zip(raster.iter().copied()).filter(|(_, index)| index.is_lit()));
            Some(I::lit(list))
        }
        _ => Some(I::raster(raster)),
    }
}

/// The form in which a list of lit pixels leaves; `None` when it is empty.
#[cfg(feature = "gpu")]
pub(in crate::backend) fn leave_list<'a, I: PixelIndex>(
    list: &'a [(u16, I)],
    raster: &'a mut [I; TILE_PIXELS],
) -> Option<TileIndices<'a>> {
    match list.len() {
        0 => None,
        1..=LIST_MAX => Some(I::lit(list)),
        _ => {
            raster.fill(I::default());
            for &(pixel, index) in list {
                raster[usize::from(pixel)] = index;
            }
            Some(I::raster(raster))
        }
    }
}
