//! Kernels on few lit pixels, shape by shape on lists; the dense ways are each backend's own.

#[cfg(feature = "gpu")]
use super::forms::LIST_MAX;
#[cfg(any(test, feature = "gpu"))]
use crate::shade::{Form, Kernel};
use crate::shade::{SpreadOp, WEIGHT_ONE};
#[cfg(any(test, feature = "gpu"))]
use crate::tile::{PixelIndex, TILE_SIDE};

#[cfg(any(test, feature = "gpu"))]
const SIDE: i32 = TILE_SIDE as i32;

/// Whether drawing shapes one by one is cheaper than a raster, for a kernel that reaches `area` pixels.
#[cfg(feature = "gpu")]
pub(in crate::backend) fn few(near: usize, area: u32) -> bool {
    near * area as usize <= 4 * LIST_MAX
}

/// Calls `each` with the pixels within the tile that the mask around (x, y) covers. `rows[dy]` is the half-width of
/// the mask's row `dy`.
#[cfg(any(test, feature = "gpu"))]
fn for_each_covered(x: i32, y: i32, rows: &[u32], mut each: impl FnMut(u16)) {
    let last = rows.len() as i32 - 1;
    for row in (y - last).max(0)..=(y + last).min(SIDE - 1) {
        let half = rows[row.abs_diff(y) as usize] as i32;
        for column in (x - half).max(0)..=(x + half).min(SIDE - 1) {
            each((row * SIDE + column) as u16);
        }
    }
}

/// Draws a mask of indices for each pixel into a list of pixels and keeps the largest index of each.
#[cfg(any(test, feature = "gpu"))]
pub(in crate::backend) fn stamp<I: PixelIndex>(near: &[(i32, i32, I)], rows: &[u32], list: &mut Vec<(u16, I)>) {
    list.clear();
    for &(x, y, index) in near {
        for_each_covered(x, y, rows, |pixel| list.push((pixel, index)));
    }
    list.sort_unstable_by_key(|&(pixel, index)| (pixel, std::cmp::Reverse(index)));
    list.dedup_by_key(|entry| entry.0);
}

/// What a kernel that makes new counts makes of few pixels: (row-major pixel, count), ascending.
#[cfg(any(test, feature = "gpu"))]
pub(in crate::backend) fn new_counts(near: &[(i32, i32, u32)], kernel: &Kernel) -> Vec<(u16, u32)> {
    let mut list: Vec<(u16, u64)> = Vec::new();
    match &kernel.form {
        Form::Rows(rows) => {
            for &(x, y, count) in near {
                for_each_covered(x, y, rows, |pixel| list.push((pixel, count.into())));
            }
            meet(&mut list, kernel.op);
            list.into_iter().map(|(pixel, count)| (pixel, count as u32)).collect()
        }
        Form::Weights { weights, shift } => {
            let reach = |from: i32| (from - kernel.radius as i32).max(0)..=(from + kernel.radius as i32).min(SIDE - 1);
            let mut wide: Vec<((i32, i32), u64)> = Vec::new();
            for &(x, y, count) in near {
                let count = u64::from(count) << shift;
                wide.extend(reach(x).map(|to| ((y, to), weigh(count, weights[to.abs_diff(x) as usize], kernel.op))));
            }
            meet(&mut wide, kernel.op);
            for ((y, x), value) in wide {
                let value = settle(value, kernel.op);
                let to = reach(y).map(|row| (row, weigh(value, weights[row.abs_diff(y) as usize], kernel.op)));
                list.extend(to.map(|(row, value)| ((row * SIDE + x) as u16, value)));
            }
            meet(&mut list, kernel.op);
            let settled = list.into_iter().map(|(pixel, value)| (pixel, settle(value, kernel.op) as u32));
            settled.filter(|entry| entry.1 > 0).collect()
        }
    }
}

/// Joins what reaches the same place.
#[cfg(any(test, feature = "gpu"))]
fn meet<P: Copy + Ord>(list: &mut Vec<(P, u64)>, op: SpreadOp) {
    list.sort_unstable_by_key(|entry| entry.0);
    list.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = if op == SpreadOp::Max { kept.1.max(later.1) } else { kept.1 + later.1 };
        }
        same
    });
}

/// A count times a weight, in units of [`WEIGHT_ONE`]; rounded at once where no sum follows.
#[inline(always)]
pub(in crate::backend) fn weigh(count: u64, weight: u32, op: SpreadOp) -> u64 {
    let product = count * u64::from(weight);
    if op == SpreadOp::Max { round(product) } else { product }
}

/// What a step of a weighted kernel ends with.
#[inline(always)]
pub(in crate::backend) fn settle(value: u64, op: SpreadOp) -> u64 {
    if op == SpreadOp::Max { value } else { round(value) }
}

#[inline(always)]
fn round(product: u64) -> u64 {
    (product + u64::from(WEIGHT_ONE / 2)) / u64::from(WEIGHT_ONE)
}
