//! Histograms that many threads gather within a bound. After a weighted spread nearly every pixel has a count of its own:
//! what memory has no room for is sorted in a file without a name (`sorted`), and read from there in ascending order.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::sorted::{Sorted, Sorter};
use crate::account::{Account, Held};
use crate::counts::{Elsewhere, Entries, Histogram};
use crate::error::Result;

/// Entries that a thread keeps to itself.
const OWN: usize = 1 << 14;
/// Bytes for each entry of the histogram of all threads: itself, those that wait, room to sort.
const ENTRY: u64 = 48;
/// The least bytes of a gathering.
const LEAST: u64 = 192 << 10;

/// What several threads gather.
#[derive(Debug)]
pub struct Gathering {
    all: Mutex<All>,
    /// Bytes for the histogram in memory, and as many for what is sorted.
    bytes: u64,
    folder: PathBuf,
    held: Held,
}

#[derive(Debug, Default)]
struct All {
    histogram: Histogram,
    sorter: Option<Sorter<1>>,
}

/// What one thread gathers.
#[derive(Debug)]
pub struct Gatherer<'a> {
    of: &'a Gathering,
    own: Histogram,
}

impl Gathering {
    /// A gathering that takes `bytes` of the account, or as much of that as it has; a file would be in `folder`.
    pub(super) fn new(account: &Arc<Account>, bytes: u64, folder: &Path) -> Self {
        let mut bytes = bytes.max(LEAST);
        let held = loop {
            if !account.is_bounded() || bytes == LEAST {
                break account.force(if account.is_bounded() { bytes } else { 0 });
            }
            match account.try_take(bytes) {
                Some(held) => break held,
                None => bytes = (bytes / 2).max(LEAST),
            }
        };
        Self { all: Mutex::default(), bytes: bytes / 2, folder: folder.to_path_buf(), held }
    }

    /// A thread's way in; what it did not [hand over](Gatherer::close) is missing.
    pub fn gatherer(&self) -> Gatherer<'_> {
        Gatherer { of: self, own: Histogram::default() }
    }

    /// Adds what a thread gathered, and leaves that empty.
    fn add(&self, own: &mut Histogram) -> Result<()> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.histogram.take(own);
        if all.histogram.large() as u64 >= self.bytes / ENTRY {
            all.spill(self.bytes, &self.folder)?;
        }
        Ok(())
    }

    /// The histogram of everything. Fails, naming the folder, where a file cannot be written or read back.
    pub fn finish(self) -> Result<Histogram> {
        let Self { all, bytes, folder, mut held } = self;
        let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        if all.sorter.is_none() {
            let histogram = all.histogram.settled();
            held.shrink_to(histogram.large() as u64 * ENTRY);
            return Ok(histogram.holding(held));
        }
        all.spill(bytes, &folder)?;
        let All { histogram, sorter } = all;
        // Runs overlap: merged once, all further readings go straight through.
        let mut merged: Sorter<2> = Sorter::new(bytes / 2, &folder);
        if let Some(sorter) = sorter {
            let sorted = sorter.sorted()?;
            let mut last: Option<(u64, u64)> = None;
            for record in sorted.read()? {
                let [record] = record?;
                let (count, pixels) = (record >> 32, record & u64::from(u32::MAX));
                match &mut last {
                    Some((known, sum)) if *known == count => *sum += pixels,
                    _ => {
                        if let Some((count, pixels)) = last.replace((count, pixels)) {
                            merged.push([count, pixels])?;
                        }
                    }
                }
            }
            last.map_or(Ok(()), |(count, pixels)| merged.push([count, pixels]))?;
        }
        let merged = merged.sorted()?;
        // The few that fit are in memory after all; of others some are at a time.
        held.shrink_to((merged.len() * size_of::<[u64; 2]>() as u64).min(bytes / 2).max(LEAST));
        Ok(histogram.settled().beside(Arc::new(Large(merged))).holding(held))
    }
}

impl All {
    /// Moves the large counts to the sorter. A record is a count and as many pixels as fit.
    fn spill(&mut self, bytes: u64, folder: &Path) -> Result<()> {
        let sorter = self.sorter.get_or_insert_with(|| Sorter::new(bytes, folder));
        for (count, mut pixels) in self.histogram.take_large() {
            while pixels > 0 {
                let some = pixels.min(u32::MAX.into());
                sorter.push([u64::from(count) << 32 | some])?;
                pixels -= some;
            }
        }
        Ok(())
    }
}

impl Gatherer<'_> {
    /// Adds a pixel with that count (above 0).
    #[inline]
    pub fn add(&mut self, count: u32) {
        self.own.add(count, 1);
    }

    /// To be called every 65,536 pixels or more often: hands over what has become much.
    pub fn relieve(&mut self) -> Result<()> {
        if self.own.large() >= OWN { self.of.add(&mut self.own) } else { Ok(()) }
    }

    /// Hands over the rest.
    pub fn close(mut self) -> Result<()> {
        self.of.add(&mut self.own)
    }
}

/// Large counts in a file.
#[derive(Debug)]
struct Large(Sorted<2>);

impl Elsewhere for Large {
    fn read(&self) -> Result<Entries<'_>> {
        Ok(Box::new(self.0.read()?.map(|record| record.map(|[count, pixels]| (count as u32, pixels)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rayon::prelude::*;

    proptest! {
        #[test]
        fn a_bound_changes_no_histogram(
            seed in any::<u64>(),
            parts in 1usize..5,
            range in prop_oneof![Just(5_000u32), Just(60_000), Just(u32::MAX)],
        ) {
            let folder = tempfile::tempdir().unwrap();
            let account = Account::new(LEAST);
            let gathering = Gathering::new(&account, LEAST, folder.path());
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u32 % range + 1
            };
            let counts: Vec<Vec<u32>> = (0..parts).map(|_| (0..40_000).map(|_| next()).collect()).collect();
            counts.par_iter().for_each(|counts| {
                let mut gatherer = gathering.gatherer();
                for (i, &count) in counts.iter().enumerate() {
                    gatherer.add(count);
                    if i % 1000 == 0 {
                        gatherer.relieve().unwrap();
                    }
                }
                gatherer.close().unwrap();
            });
            let found = gathering.finish().unwrap();
            prop_assert!(account.held() <= LEAST);
            let mut all = Histogram::default();
            counts.iter().flatten().for_each(|&count| all.add(count, 1));
            let all = all.settled();
            let entries = |histogram: &Histogram| histogram.entries().unwrap().map(Result::unwrap).collect::<Vec<_>>();
            // As often as one likes.
            for _ in 0..2 {
                prop_assert!(entries(&found) == entries(&all));
            }
            prop_assert_eq!(found.percentile(99.0, 7).unwrap(), all.percentile(99.0, 7).unwrap());
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
            drop(found);
            prop_assert_eq!(account.held(), 0);
        }
    }
}
