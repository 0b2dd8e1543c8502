//! A lit pixel, which everything here speaks of.

/// A lit pixel: its Morton code within the tile and how many points fell on it (never 0), or its number in another plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lit<V = u32> {
    /// Morton code within the tile.
    pub pixel: u16,
    /// Points on the pixel.
    pub count: V,
}
