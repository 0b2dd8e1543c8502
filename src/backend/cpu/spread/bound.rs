//! How large the counts can be that a bell makes of a tile, from sums over squares: finding the largest of a zoom takes
//! spreading a few tiles and not all.

use crate::shade::{Form, Kernel};

use super::rows::WIDTH;

/// What no count of a tile can exceed.
#[derive(Debug)]
pub(super) struct Bound {
    radius: i32,
    /// Weight of the middle, the largest.
    weight: u64,
    shift: u32,
    /// Columns and rows of a square come to 2 to this; a bell lies in four squares that meet.
    bits: u32,
    /// Squares of a row, one more than there are.
    wide: usize,
    sums: Vec<u64>,
}

impl Bound {
    /// For a kernel with weights.
    pub(super) fn new(kernel: &Kernel) -> Self {
        let (weight, shift) = middle(kernel);
        let bits = (2 * kernel.radius + 1).next_power_of_two().ilog2().max(4);
        let wide = ((WIDTH + 2 * kernel.radius as usize) >> bits) + 2;
        Self { radius: kernel.radius as i32, weight, shift, bits, wide, sums: vec![0; wide * wide] }
    }

    /// What a pixel with that count comes to at least, and exactly where it is alone.
    pub(super) fn lone(kernel: &Kernel, count: u32) -> u32 {
        let (weight, shift) = middle(kernel);
        let step = |value: u64| (value * weight + (1 << 15)) >> 16;
        step(step(u64::from(count) << shift)) as u32
    }

    /// Another tile.
    pub(super) fn begin(&mut self) {
        self.sums.fill(0);
    }

    /// Adds a pixel of the tile or its surroundings, by column and row of the tile.
    #[inline]
    pub(super) fn add(&mut self, x: i32, y: i32, count: u32) {
        let at = |place: i32| ((place + self.radius) as usize) >> self.bits;
        self.sums[at(y) * self.wide + at(x)] += u64::from(count);
    }

    /// The bound: all points of four squares on one pixel.
    pub(super) fn most(&self) -> u64 {
        let rows = self.sums.chunks_exact(self.wide);
        let four = rows.clone().zip(rows.skip(1)).flat_map(|(above, below)| {
            above.windows(2).zip(below.windows(2)).map(|(a, b)| a.iter().chain(b).sum::<u64>())
        });
        self.of(four.max().unwrap_or(0))
    }

    /// What that many points on one pixel come to, each rounding upwards.
    pub(super) fn of(&self, points: u64) -> u64 {
        let points = u128::from(points) << self.shift;
        let weight = u128::from(self.weight);
        let across = ((points * weight) >> 16) + 2 * self.radius as u128 + 1;
        u64::try_from(((across * weight) >> 16) + 1).unwrap_or(u64::MAX)
    }
}

/// Weight of the middle and the bits that counts are moved up by; those of a kernel without weights change nothing.
fn middle(kernel: &Kernel) -> (u64, u32) {
    match &kernel.form {
        Form::Weights { weights, shift } => (weights.first().copied().unwrap_or(1 << 16).into(), *shift),
        Form::Rows(_) => (1 << 16, 0),
    }
}
