//! How many pixels of a zoom have each count: what histogram equalisation, percentiles and the tally of clipped pixels
//! are made from. Histograms add, like the counts themselves; when one is needed at all is decided elsewhere.

use super::Unit;

const LOW: usize = 4096;
/// Large counts that wait to be sorted in.
const WAITING: usize = 1 << 14;

/// Pixels by count. Small counts, which nearly all pixels have, are a table, the others a sorted list: after a weighted
/// spread nearly every pixel has a count of its own.
#[derive(Debug, Clone)]
pub struct Histogram {
    low: Vec<u64>,
    high: Vec<(u32, u64)>,
    /// Not sorted in yet; empty in every histogram that was [settled](Histogram::settled).
    waiting: Vec<(u32, u64)>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { low: vec![0; LOW], high: Vec::new(), waiting: Vec::new() }
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Histogram {
    /// Adds `pixels` pixels with that count (above 0).
    #[inline]
    pub fn add(&mut self, count: u32, pixels: u64) {
        if let Some(low) = self.low.get_mut(count as usize) {
            *low += pixels;
            return;
        }
        self.waiting.push((count, pixels));
        if self.waiting.len() >= WAITING.max(self.high.len() / 4) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.waiting.sort_unstable_by_key(|entry| entry.0);
        self.high.append(&mut self.waiting);
        // Two sorted runs, which the stable sort finds and merges.
        self.high.sort_by_key(|entry| entry.0);
        self.high.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 += later.1;
            }
            same
        });
    }

    /// The histogram, ready to be looked at; nothing else may be asked of one that was added to.
    pub fn settled(mut self) -> Self {
        self.settle();
        self
    }

    /// Adds the pixels of `other`, which is settled.
    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(count, pixels)| self.add(count, pixels));
    }

    /// (count, pixels) in ascending order of counts, those without pixels left out.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        debug_assert!(self.waiting.is_empty(), "a histogram is settled before it is looked at");
        let low = (0u32..).zip(self.low.iter().copied()).filter(|&(_, pixels)| pixels > 0);
        low.chain(self.high.iter().copied())
    }

    /// (points, pixels) in ascending order, for pixels whose count of that unit is at least `least`.
    pub fn in_points(&self, unit: Unit, least: u64) -> Vec<(f64, u64)> {
        let drawn = self.iter().filter(|&(count, _)| u64::from(count) >= least);
        drawn.map(|(count, pixels)| (unit.points(count), pixels)).collect()
    }

    /// Pixels whose count is at least `least`.
    pub fn pixels(&self, least: u32) -> u64 {
        self.iter().filter(|&(count, _)| count >= least).map(|(_, pixels)| pixels).sum()
    }

    /// The smallest count that at least `percent` per cent of the pixels with a count of `least` or more do not
    /// exceed (the nearest-rank percentile); `None` without such pixels.
    pub fn percentile(&self, percent: f64, least: u32) -> Option<u32> {
        let all = self.pixels(least);
        // The rank of the pixel that is asked for, from 1.
        let rank = ((all as f64 * percent / 100.0).ceil() as u64).clamp(1, all.max(1));
        let mut seen = 0;
        self.iter().filter(|&(count, _)| count >= least).find_map(|(count, pixels)| {
            seen += pixels;
            (seen >= rank).then_some(count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_pixels(
            mut counts in proptest::collection::vec(prop_oneof![1u32..20, 4090u32..4100, 1u32..], 1..200),
            percent in 0.0f64..=100.0,
            least in 1u32..30,
        ) {
            let (one, two) = counts.split_at(counts.len() / 2);
            let of = |counts: &[u32]| {
                let mut histogram = Histogram::default();
                counts.iter().for_each(|&count| histogram.add(count, 1));
                histogram.settled()
            };
            let mut histogram = of(one);
            histogram.merge(&of(two));
            let histogram = histogram.settled();
            prop_assert_eq!(&histogram, &of(&counts));
            counts.retain(|&count| count >= least);
            counts.sort_unstable();
            prop_assert_eq!(histogram.pixels(least), counts.len() as u64);
            let rank = (counts.len() as f64 * percent / 100.0).ceil() as usize;
            let expected = counts.get(rank.max(1) - 1).copied();
            prop_assert_eq!(histogram.percentile(percent, least), expected);
            prop_assert!(histogram.iter().map(|(count, _)| count).is_sorted());
        }
    }
}
