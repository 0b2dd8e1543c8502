//! From counts to colours, as data: function, span, colormap and the integer table that both backends apply.
//! All floats of shading live here, in f64, on the host, once per zoom; no files, no GPU.

mod colormap;
mod function;
mod span;
mod table;

pub use colormap::{Colormap, DEFAULT_COLORMAP, MIN_ALPHA};
pub use function::Function;
pub use span::{Span, SpanRule};
pub use table::{PALETTE, ShadeTable, Shading};

/// Half-width of the disc of radius `px` on the row `dy` away from its centre (dx^2 + dy^2 <= (px + 0.5)^2,
/// datashader's disc); `None` outside. In integers: 4 (dx^2 + dy^2) <= (2 px + 1)^2.
pub fn disc_half_width(px: u32, dy: u32) -> Option<u32> {
    let radius2 = (2 * px + 1) * (2 * px + 1);
    (4 * dy * dy <= radius2).then(|| {
        let rest = (radius2 - 4 * dy * dy) / 4;
        let mut dx = px;
        while dx * dx > rest {
            dx -= 1;
        }
        dx
    })
}

#[cfg(test)]
mod tests {
    use super::disc_half_width;

    #[test]
    fn discs_have_the_sizes_of_datashader() {
        let area = |px: u32| -> u32 {
            (0..=px).filter_map(|dy| Some((disc_half_width(px, dy)? * 2 + 1) * if dy == 0 { 1 } else { 2 })).sum()
        };
        assert_eq!((area(0), area(1), area(2), area(3)), (1, 9, 21, 37));
    }
}
