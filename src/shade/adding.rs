//! Spread of colours: each drawn pixel's colour is added to those of its neighbours, as datashader's `add` does it with a
//! shaded picture, operation by operation: channels that sum beyond white stay there, so that roads and centres begin to
//! shine. Works on one tile with its surroundings; where those come from is the business of others.

use std::sync::OnceLock;

/// What of a lit pixel reaches its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpreadOn {
    /// Its count; the colours are made from what comes of that.
    #[default]
    Counts,
    /// Its colour, which is added to the others; counts stay what they are.
    Colours,
}

/// Palette indices of a square of pixels and of what lies within `radius` around it, row by row: `side + 2 * radius`
/// columns and rows, 0 for what is not drawn.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Pixels along the square.
    pub side: usize,
    /// Pixels around it.
    pub radius: usize,
    /// Palette indices.
    pub indices: &'a [u16],
}

/// Sums of two opaque channels. Not the sum cut at 255: both are shares of 1 first, and what the floats lose is cut off.
fn sums() -> &'static [[u8; 256]; 256] {
    static SUMS: OnceLock<Box<[[u8; 256]; 256]>> = OnceLock::new();
    SUMS.get_or_init(|| {
        let mut sums = Box::new([[0; 256]; 256]);
        for (a, row) in (0u8..=255).zip(sums.iter_mut()) {
            for (b, sum) in (0u8..=255).zip(row.iter_mut()) {
                *sum = channel(share(a) + share(b));
            }
        }
        sums
    })
}

fn share(channel: u8) -> f64 {
    f64::from(channel) / 255.0
}

fn channel(share: f64) -> u8 {
    (share * 255.0).min(255.0) as u8
}

/// One colour (red, green, blue, alpha) added to another: alphas add up, colours do by their alphas.
pub fn add(source: [u8; 4], below: [u8; 4]) -> [u8; 4] {
    if source[3] == 255 && below[3] == 255 {
        let sums = sums();
        let sum = |n: usize| sums[usize::from(source[n])][usize::from(below[n])];
        return [sum(0), sum(1), sum(2), 255];
    }
    let (a, b) = (share(source[3]), share(below[3]));
    let alpha = (a + b).min(1.0);
    if alpha == 0.0 {
        return [0; 4];
    }
    let sum = |n: usize| channel((share(source[n]) * a + share(below[n]) * b) / alpha);
    [sum(0), sum(1), sum(2), channel(alpha)]
}

/// The colours of the square, row by row, once every drawn pixel has reached those within the mask, whose rows have these
/// half-widths from the middle outwards. A pixel takes what reaches it row by row from the south, each from the west, as in
/// datashader's pictures: the order shows in the last bit, and it is the same whatever tile a pixel is in. False where
/// nothing is drawn.
///
/// # Panics
///
/// Where `around` has fewer indices than it says.
pub fn add_colours(around: Surroundings<'_>, rows: &[u32], palette: &[[u8; 4]], colours: &mut Vec<[u8; 4]>) -> bool {
    let Surroundings { side, radius, indices } = around;
    let wide = side + 2 * radius;
    colours.clear();
    colours.resize(side * side, [0; 4]);
    let mut drawn = false;
    let southern_first = (0..wide).rev().flat_map(|y| (0..wide).map(move |x| (x, y)));
    for (x, y) in southern_first {
        let index = indices[y * wide + x];
        if index == 0 {
            continue;
        }
        let colour = palette.get(usize::from(index)).copied().unwrap_or_default();
        if colour[3] == 0 {
            continue;
        }
        let (x, y) = (x.cast_signed(), y.cast_signed());
        let reach = rows.len().cast_signed() - 1;
        for dy in -reach..=reach {
            let half = rows[dy.unsigned_abs()] as isize;
            let row = y + dy - radius.cast_signed();
            if !(0..side.cast_signed()).contains(&row) {
                continue;
            }
            let (from, to) = (
                (x - half - radius.cast_signed()).max(0),
                (x + half + 1 - radius.cast_signed()).min(side.cast_signed()),
            );
            for column in from..to {
                let pixel = &mut colours[row.unsigned_abs() * side + column.unsigned_abs()];
                *pixel = if *pixel == [0; 4] { colour } else { add(colour, *pixel) };
                drawn = true;
            }
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opaque_channels_add_up_to_white() {
        let mut lost = 0;
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                let exact = u16::from(a) + u16::from(b);
                let sum = u16::from(add([a, 0, 0, 255], [b, 0, 0, 255])[0]);
                assert!(sum == exact.min(255) || sum + 1 == exact, "{a} {b}: {sum}");
                lost += u32::from(sum < exact.min(255));
            }
        }
        // datashader loses one here and there, and so do we.
        assert!((1..8_000).contains(&lost), "{lost}");
    }

    #[test]
    fn alphas_add_up_too() {
        assert_eq!(add([200, 100, 0, 100], [200, 100, 0, 100])[3], 200);
        assert_eq!(add([200, 100, 0, 0], [0, 0, 0, 0]), [0; 4]);
        assert_eq!(add([200, 100, 0, 128], [0, 0, 0, 0])[3], 128);
    }

    /// Squares side by side are one picture: what reaches over a border is the same on both sides of it.
    #[test]
    fn squares_have_no_seams() {
        let (side, radius) = (12usize, 2usize);
        let palette = [[0; 4], [90, 10, 3, 255], [20, 120, 40, 200], [77, 0, 200, 40]];
        let index = |x: usize, y: usize| ((x * 7 + y * 13 + x * y) % 5 % 4) as u16;
        let square = |left: usize, top: usize, side: usize| {
            let wide = side + 2 * radius;
            let all: Vec<u16> = (0..wide * wide).map(|n| index(left + n % wide, top + n / wide)).collect();
            let mut colours = Vec::new();
            assert!(add_colours(Surroundings { side, radius, indices: &all }, &[2, 2, 1], &palette, &mut colours));
            colours
        };
        let whole = square(0, 0, 2 * side);
        for (left, top) in [(0, 0), (side, 0), (0, side), (side, side)] {
            let part = square(left, top, side);
            for (n, colour) in part.iter().enumerate() {
                assert_eq!(*colour, whole[(top + n / side) * 2 * side + left + n % side], "{left} {top} {n}");
            }
        }
    }
}
