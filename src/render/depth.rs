//! The highest zoom that points are worth, from their own spacing: the first one at which nearly all different places
//! have a pixel of their own; further in there is nothing more to see. Places and lit pixels of every zoom are counted while
//! points are read, each in a sketch of 4 KiB (a hyper log log), which is the same whatever the order of the points.

use std::sync::{Mutex, PoisonError};

use crate::backend::PointPush;
use crate::error::Result;
use crate::source::Notice;
use crate::store::SpoolSink;
use crate::tile::{MAX_ZOOM, Points, WorldPoint, ZoomRange};

/// The highest zoom that is found: half a metre a pixel.
pub(crate) const HIGHEST: u8 = 18;
/// The least one: a map of a few places far apart is to be looked into, too.
const LEAST: u8 = 6;
/// Share of the places that have a pixel of their own.
const APART: f64 = 0.8;
/// Registers of a sketch, as a power of two: it is off by 1.6 % at a time.
const REGISTERS: u32 = 12;

/// How many different things were met, nearly.
#[derive(Debug, Clone)]
struct Sketch(Vec<u8>);

impl Sketch {
    fn new() -> Self {
        Self(vec![0; 1 << REGISTERS])
    }

    fn add(&mut self, thing: u64) {
        let hash = mixed(thing);
        let rank = ((hash << REGISTERS) | 1 << (REGISTERS - 1)).leading_zeros() as u8 + 1;
        let register = &mut self.0[(hash >> (64 - REGISTERS)) as usize];
        *register = rank.max(*register);
    }

    fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a = (*a).max(*b));
    }

    fn estimate(&self) -> f64 {
        let registers = f64::from(1u32 << REGISTERS);
        let sum: f64 = self.0.iter().map(|&rank| libm::exp2(-f64::from(rank))).sum();
        let raw = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
        let empty: u32 = self.0.iter().map(|&rank| u32::from(rank == 0)).sum();
        // Few things are counted by the registers they left empty.
        if raw <= 2.5 * registers && empty > 0 { registers * libm::log(registers / f64::from(empty)) } else { raw }
    }
}

/// Every bit of the result depends on every bit of `x`.
fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Lit pixels of every zoom that may be the highest, and behind them places.
#[derive(Debug)]
struct Spacing(Vec<Sketch>);

impl Spacing {
    fn new() -> Self {
        Self(vec![Sketch::new(); usize::from(HIGHEST) + 2])
    }

    fn add(&mut self, point: WorldPoint) {
        for (sketch, z) in self.0.iter_mut().zip((0..=HIGHEST).chain([MAX_ZOOM])) {
            let step = MAX_ZOOM - z;
            sketch.add(u64::from(point.x >> step) << 32 | u64::from(point.y >> step));
        }
    }

    fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| a.merge(b));
    }

    /// The highest zoom worth having, from `least` on.
    fn highest(&self, least: u8) -> u8 {
        let places = self.0.last().map_or(0.0, Sketch::estimate);
        let apart = |z: &u8| self.0[usize::from(*z)].estimate() >= APART * places;
        (least.max(LEAST)..=HIGHEST).find(apart).unwrap_or(HIGHEST.max(least))
    }
}

/// What the points come to that pass by on their way into a spool.
#[derive(Debug)]
pub(super) struct Depth(Mutex<Spacing>);

/// One thread's points on their way.
pub(super) struct Passing<'a> {
    depth: &'a Depth,
    spool: SpoolSink<'a>,
    spacing: Spacing,
}

impl Depth {
    /// Nothing known yet.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Spacing::new()))
    }

    /// A way into the spool that looks at the points.
    pub(super) fn passing<'a>(&'a self, spool: SpoolSink<'a>) -> Passing<'a> {
        Passing { depth: self, spool, spacing: Spacing::new() }
    }

    /// The zooms from `least` to the one that was found, and what to tell of it, for tiles whose pixels are `steps` zooms
    /// ahead.
    pub(super) fn zooms(&self, least: u8, steps: u8) -> (ZoomRange, Notice) {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).highest(least + steps);
        let max = found - steps;
        let text = if found == HIGHEST {
            format!(
                "zooms {least} to {max}, the highest that is chosen by itself; name another one with -z {least}..{}",
                max + 1
            )
        } else {
            format!(
                "zooms {least} to {max}: there most places have a pixel of their own; -z {least}..{} makes one more",
                max + 1
            )
        };
        (ZoomRange { min: least, max }, Notice::new("zooms", text))
    }
}

impl PointPush for Passing<'_> {
    fn push(&mut self, points: Points<'_>) -> Result<()> {
        points.places.iter().for_each(|&point| self.spacing.add(point));
        self.spool.push(points)
    }

    fn close(&mut self) -> Result<()> {
        self.depth.0.lock().unwrap_or_else(PoisonError::into_inner).merge(&self.spacing);
        self.spool.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_different_is_counted_nearly() {
        for many in [0u64, 1, 5, 100, 3_000, 20_000, 400_000] {
            let mut sketch = Sketch::new();
            (0..many * 3).for_each(|i| sketch.add(i % many.max(1)));
            let off = (sketch.estimate() - many as f64).abs();
            assert!(off <= 0.05 * many as f64 + 0.5, "{many}: {}", sketch.estimate());
        }
    }

    #[test]
    fn a_lattice_is_resolved_where_its_points_have_pixels() {
        // Neighbours are two pixels apart at one zoom and one pixel at the zoom below, where they still are apart.
        for zoom in [8u8, 12, 16] {
            let mut spacing = Spacing::new();
            let step = 1u32 << (MAX_ZOOM - zoom);
            for i in 0..200u32 {
                (0..200u32).for_each(|j| spacing.add(WorldPoint { x: (i + 40) * step + 7, y: (j + 40) * step + 9 }));
            }
            assert_eq!(spacing.highest(0), zoom);
            assert_eq!(spacing.highest(17), 17);
        }
    }

    #[test]
    fn places_that_come_again_and_again_are_one() {
        let mut spacing = Spacing::new();
        (0..10_000).for_each(|_| spacing.add(WorldPoint { x: 1 << 30, y: 1 << 30 }));
        assert_eq!(spacing.highest(0), LEAST);
    }
}
