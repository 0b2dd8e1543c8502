//! Counts of one zoom that were made early and out of order: runs, in which tiles ascend, and a tile may be in several.
//! A run goes on with any part that begins behind its end. Many runs are added up to fewer while more come, so that
//! neither their number nor what adding them up takes at once grows with the points.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::part::CountPart;
use crate::counts::Value;
use crate::error::Result;
use crate::monitor::{Monitor, Stage};

/// Runs at which some are added up ...
const MANY: usize = 128;
/// ... and how many: the shortest.
const SOME: usize = 64;
/// Pieces of the zoom for a thread to add up, and the most of them.
const PIECES: usize = 4;
const MOST_PIECES: usize = 64;
/// Chunks that make a piece worth its while.
const PIECE_CHUNKS: usize = 16;

/// By the last tile, and a number because several runs may end with one tile.
type ByEnd<V> = BTreeMap<(u64, u64), CountPart<V>>;

/// Early counts of a zoom. Shared by the threads that make them.
#[derive(Debug)]
pub struct Runs<V = u32> {
    zoom: u8,
    /// The runs by their end, and how many were begun or went on.
    all: Mutex<(ByEnd<V>, u64)>,
    /// Bytes that one thread may have open while it adds up.
    work: u64,
    monitor: Arc<Monitor>,
}

impl<V: Value> Runs<V> {
    /// No runs of `zoom`. A thread that adds up opens about `work` bytes of them at a time.
    pub fn new(zoom: u8, work: u64, monitor: Arc<Monitor>) -> Self {
        Self { zoom, all: Mutex::default(), work, monitor }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).0.is_empty()
    }

    /// Adds a part.
    pub fn add(&self, part: CountPart<V>) -> Result<()> {
        let mut part = part.sealed()?;
        while let (Some(first), Some(_)) = (part.first(), part.last()) {
            let many = {
                let mut runs = self.all.lock().unwrap_or_else(PoisonError::into_inner);
                let (runs, number) = &mut *runs;
                let before = runs.range(..(first, 0)).next_back().map(|run| *run.0);
                if let Some(mut run) = before.and_then(|key| runs.remove(&key)) {
                    run.append(part)?;
                    part = run;
                }
                *number += 1;
                if let Some(last) = part.last() {
                    runs.insert((last, *number), part);
                }
                if runs.len() < MANY {
                    return Ok(());
                }
                let mut short: Vec<_> = runs.iter().map(|(key, run)| (run.list().len(), *key)).collect();
                short.sort_unstable();
                short.iter().take(SOME).filter_map(|(_, key)| runs.remove(key)).collect()
            };
            part = self.monitor.time(Stage::Bin, || self.sum(many))?;
        }
        Ok(())
    }

    /// All counts, in ascending parts that have no tile in common; on all threads of the current pool.
    pub fn settle(&self) -> Result<Vec<CountPart<V>>> {
        let runs = std::mem::take(&mut self.all.lock().unwrap_or_else(PoisonError::into_inner).0);
        let mut runs: Vec<CountPart<V>> = runs.into_values().collect();
        runs.sort_by_key(CountPart::first);
        if runs.windows(2).all(|pair| pair[0].last() < pair[1].first()) {
            return Ok(runs);
        }
        let cuts = cuts(&runs);
        let mut pieces: Vec<Vec<CountPart<V>>> = (0..=cuts.len()).map(|_| Vec::new()).collect();
        for run in runs {
            self.monitor.check()?;
            for (piece, part) in pieces.iter_mut().zip(run.cut(&cuts)?) {
                if !part.is_empty() {
                    piece.push(part);
                }
            }
        }
        let sum = |piece| self.monitor.time(Stage::Bin, || self.sum(piece));
        pieces.into_par_iter().filter(|piece| !piece.is_empty()).map(sum).collect()
    }

    /// Adds up runs, as many at a time as may be open.
    fn sum(&self, runs: Vec<CountPart<V>>) -> Result<CountPart<V>> {
        let mut runs = VecDeque::from(runs);
        loop {
            let widest = runs.iter().map(|run| run.list().widest()).max().unwrap_or(0).max(1) as u64;
            let at_once = usize::try_from(self.work / widest).unwrap_or(usize::MAX).clamp(2, runs.len().max(2));
            let some: Vec<CountPart<V>> = runs.drain(..at_once.min(runs.len())).collect();
            let sum = CountPart::sum(self.zoom, some, || self.monitor.check())?;
            if runs.is_empty() {
                return Ok(sum);
            }
            runs.push_back(sum);
        }
    }
}

/// Tiles before which runs are cut into pieces of about as many chunks each.
fn cuts<V: Value>(runs: &[CountPart<V>]) -> Vec<u64> {
    let mut beginnings: Vec<u64> = runs.iter().flat_map(|run| run.list().beginnings()).collect();
    beginnings.sort_unstable();
    let pieces = (PIECES * rayon::current_num_threads()).min(MOST_PIECES).min(beginnings.len() / PIECE_CHUNKS).max(1);
    let mut cuts: Vec<u64> = (1..pieces).map(|piece| beginnings[piece * beginnings.len() / pieces]).collect();
    cuts.dedup();
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::counts::Lit;
    use crate::store::{CountStore, Vault};

    /// More runs than may wait, so long that their lists have full pages, in memory and in the file.
    #[test]
    fn runs_come_to_the_sum_of_their_parts_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = 1u64;
        let mut random = |range: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % range
        };
        for (budget, work) in [(0, 1), (60_000, 4_000), (u64::MAX, u64::MAX)] {
            let account = Account::new(u64::MAX - 1);
            let vault = Arc::new(Vault::new(account.clone(), budget, folder.path()));
            let mut store = CountStore::in_vault(12, vault.clone());
            let runs = Runs::new(12, work, Arc::default());
            let mut expected: BTreeMap<(u64, u16), u32> = BTreeMap::new();
            for n in 0..2 * MANY {
                let (mut part, mut code) = (store.part(), random(20_000));
                part.sparse_points = 7;
                for _ in 0..if n == 3 { 20_000 } else { 1 + random(600) } {
                    code += 1 + random(30);
                    let lit = [Lit { pixel: n as u16 % 5, count: 1 + random(300) as u32 }];
                    *expected.entry((code, lit[0].pixel)).or_default() += lit[0].count;
                    part.push(code, &lit).unwrap();
                }
                runs.add(part).unwrap();
            }
            let parts = runs.settle().unwrap();
            assert!(parts.len() > 1, "work for several threads");
            assert_eq!(parts.iter().map(|part| part.sparse_points).sum::<u64>(), 14 * MANY as u64);
            store.set_zoom(12, parts).unwrap();
            let mut got = BTreeMap::new();
            for chunk in 0..store.chunks(12).unwrap() {
                let each = |code, lit: &[Lit]| {
                    got.extend(lit.iter().map(|l| ((code, l.pixel), l.count)));
                    Ok(())
                };
                store.read_chunk(12, chunk, &mut Vec::new(), each).unwrap();
            }
            assert!(got == expected, "{budget}");
            assert_eq!(store.stats(12).unwrap().sum, expected.values().map(|&count| u64::from(count)).sum::<u64>());
            for (code, pixel) in expected.keys().step_by(1_001) {
                let mut lit = Vec::new();
                store.read(crate::tile::TileCoord::from_morton(12, *code), &mut lit).unwrap();
                assert!(lit.iter().any(|l| l.pixel == *pixel));
            }
            assert!(vault.spilled() > 0 || budget == u64::MAX);
            if budget < u64::MAX {
                assert!(account.held() <= 2 * budget, "{} bytes in memory", account.held());
            }
            drop((store, runs));
            assert_eq!(account.held(), 0, "{budget}");
        }
    }

    #[test]
    fn parts_one_after_the_other_are_one_run() {
        let store = CountStore::<u32>::new(12);
        let runs = Runs::new(12, 1 << 20, Arc::default());
        for from in [0, 100, 200] {
            let mut part = store.part();
            (from..from + 100).for_each(|code| part.push(code, &[Lit { pixel: 1, count: 2 }]).unwrap());
            runs.add(part).unwrap();
        }
        let parts = runs.settle().unwrap();
        assert_eq!(parts.len(), 1);
        let mut store = store;
        store.set_zoom(12, parts).unwrap();
        assert_eq!((store.stats(12).unwrap().tiles, store.stats(12).unwrap().sum), (300, 600));
    }
}
