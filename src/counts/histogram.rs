//! How many pixels of a zoom have each count: what histogram equalisation, percentiles and the tally of clipped pixels
//! are made from. Histograms add, like the counts themselves; when one is needed at all is decided elsewhere.

use std::fmt::Debug;
use std::sync::Arc;

use super::Unit;
use crate::account::Held;
use crate::error::Result;

const LOW: usize = 4096;
/// Large counts that wait to be sorted in.
const WAITING: usize = 1 << 14;

/// (count, pixels), read one after the other.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<(u32, u64)>> + 'a>;

/// Large counts that lie somewhere else than in memory.
pub trait Elsewhere: Debug + Send + Sync {
    /// (count, pixels) in ascending order of counts, each count once. Fails where they cannot be read back.
    fn read(&self) -> Result<Entries<'_>>;
}

/// Pixels by count. Small counts, which nearly all pixels have, are a table, the others a sorted list: after a weighted
/// spread nearly every pixel has a count of its own.
#[derive(Debug, Clone)]
pub struct Histogram {
    low: Vec<u64>,
    high: Vec<(u32, u64)>,
    /// Not sorted in yet; empty in every histogram that was [settled](Histogram::settled).
    waiting: Vec<(u32, u64)>,
    /// All that are larger than those.
    elsewhere: Option<Arc<dyn Elsewhere>>,
    /// The memory of the run that it has.
    held: Option<Arc<Held>>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { low: vec![0; LOW], high: Vec::new(), waiting: Vec::new(), elsewhere: None, held: None }
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

    /// Entries of large counts in memory; some may be of one count.
    pub fn large(&self) -> usize {
        self.high.len() + self.waiting.len()
    }

    /// Takes the large counts out, in ascending order, each once.
    pub fn take_large(&mut self) -> Vec<(u32, u64)> {
        self.settle();
        std::mem::take(&mut self.high)
    }

    /// Moves all pixels of `other` here, and leaves it empty.
    pub fn take(&mut self, other: &mut Self) {
        self.low.iter_mut().zip(&mut other.low).for_each(|(mine, theirs)| *mine += std::mem::take(theirs));
        other.take_large().into_iter().for_each(|(count, pixels)| self.add(count, pixels));
    }

    /// The same with its large counts, of which it has none in memory, elsewhere.
    #[must_use]
    pub fn beside(mut self, elsewhere: Arc<dyn Elsewhere>) -> Self {
        debug_assert!(self.large() == 0, "large counts are in one place");
        self.elsewhere = Some(elsewhere);
        self
    }

    /// The same, holding the memory that it takes.
    #[must_use]
    pub fn holding(mut self, held: Held) -> Self {
        self.held = Some(Arc::new(held));
        self
    }

    /// (count, pixels) in ascending order of counts, those without pixels left out.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<(u32, u64)>> + '_> {
        debug_assert!(self.waiting.is_empty(), "a histogram is settled before it is looked at");
        let low = (0u32..).zip(self.low.iter().copied()).filter(|&(_, pixels)| pixels > 0);
        let elsewhere = self.elsewhere.as_ref().map(|elsewhere| elsewhere.read()).transpose()?;
        Ok(low.chain(self.high.iter().copied()).map(Ok).chain(elsewhere.into_iter().flatten()))
    }

    /// (points, pixels) in ascending order, for pixels whose count of that unit is at least `least`.
    pub fn in_points(&self, unit: Unit, least: u64) -> Result<impl Iterator<Item = Result<(f64, u64)>> + '_> {
        let drawn =
            self.entries()?.filter(move |entry| entry.as_ref().map_or(true, |&(count, _)| u64::from(count) >= least));
        Ok(drawn.map(move |entry| entry.map(|(count, pixels)| (unit.points(count), pixels))))
    }

    /// Pixels whose count is at least `least`, and fits the second wish, too.
    pub fn pixels(&self, least: u64, fits: impl Fn(u64) -> bool) -> Result<u64> {
        self.entries()?.try_fold(0, |sum, entry| {
            let (count, pixels) = entry?;
            Ok(sum + if u64::from(count) >= least && fits(count.into()) { pixels } else { 0 })
        })
    }

    /// The smallest count that at least `percent` per cent of the pixels with a count of `least` or more do not
    /// exceed (the nearest-rank percentile); `None` without such pixels.
    pub fn percentile(&self, percent: f64, least: u32) -> Result<Option<u32>> {
        let all = self.pixels(least.into(), |_| true)?;
        // The rank of the pixel that is asked for, from 1.
        let rank = ((all as f64 * percent / 100.0).ceil() as u64).clamp(1, all.max(1));
        let mut seen = 0;
        for entry in self.entries()? {
            let (count, pixels) = entry?;
            if count >= least {
                seen += pixels;
                if seen >= rank {
                    return Ok(Some(count));
                }
            }
        }
        Ok(None)
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
            histogram.take(&mut of(two));
            let histogram = histogram.settled();
            let entries = |histogram: &Histogram| histogram.entries().unwrap().map(Result::unwrap).collect::<Vec<_>>();
            prop_assert_eq!(entries(&histogram), entries(&of(&counts)));
            counts.retain(|&count| count >= least);
            counts.sort_unstable();
            prop_assert_eq!(histogram.pixels(least.into(), |_| true).unwrap(), counts.len() as u64);
            let rank = (counts.len() as f64 * percent / 100.0).ceil() as usize;
            let expected = counts.get(rank.max(1) - 1).copied();
            prop_assert_eq!(histogram.percentile(percent, least).unwrap(), expected);
            prop_assert!(entries(&histogram).is_sorted());
        }
    }
}
