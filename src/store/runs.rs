//! Counts of one zoom that were made early and out of order: runs, in which tiles ascend, and a tile may be in several.
//! A run goes on with any part that begins behind its end. Many runs are added up to fewer while more come, so that
//! neither their number nor what adding them up takes at once grows with the points.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::part::CountPart;
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

/// Early counts of a zoom. Shared by the threads that make them.
#[derive(Debug)]
pub struct Runs {
    /// By the last tile, and a number because several runs may end with one tile.
    runs: Mutex<(BTreeMap<(u64, u64), CountPart>, u64)>,
    /// Bytes that one thread may have open while it adds up.
    work: u64,
    monitor: Arc<Monitor>,
}

impl Runs {
    /// No runs. A thread that adds up opens about `work` bytes of them at a time.
    pub fn new(work: u64, monitor: Arc<Monitor>) -> Self {
        Self { runs: Mutex::default(), work, monitor }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).0.is_empty()
    }

    /// Adds a part.
    pub fn add(&self, part: CountPart) -> Result<()> {
        let mut part = part.sealed()?;
        while let (Some(first), Some(_)) = (part.first(), part.last()) {
            let many = {
                let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
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
    pub fn settle(&self) -> Result<Vec<CountPart>> {
        let runs = std::mem::take(&mut self.runs.lock().unwrap_or_else(PoisonError::into_inner).0);
        let mut runs: Vec<CountPart> = runs.into_values().collect();
        runs.sort_by_key(CountPart::first);
        if runs.windows(2).all(|pair| pair[0].last() < pair[1].first()) {
            return Ok(runs);
        }
        let cuts = cuts(&runs);
        let mut pieces: Vec<Vec<CountPart>> = (0..=cuts.len()).map(|_| Vec::new()).collect();
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
    fn sum(&self, runs: Vec<CountPart>) -> Result<CountPart> {
        let mut runs = VecDeque::from(runs);
        loop {
            let widest = runs.iter().map(|run| run.list().widest()).max().unwrap_or(0).max(1) as u64;
            let at_once = usize::try_from(self.work / widest).unwrap_or(usize::MAX).clamp(2, runs.len().max(2));
            let some: Vec<CountPart> = runs.drain(..at_once.min(runs.len())).collect();
            let sum = CountPart::sum(some, || self.monitor.check())?;
            if runs.is_empty() {
                return Ok(sum);
            }
            runs.push_back(sum);
        }
    }
}

/// Tiles before which runs are cut into pieces of about as many chunks each.
fn cuts(runs: &[CountPart]) -> Vec<u64> {
    let mut beginnings: Vec<u64> = runs.iter().flat_map(|run| run.list().beginnings()).collect();
    beginnings.sort_unstable();
    let pieces = (PIECES * rayon::current_num_threads()).min(MOST_PIECES).min(beginnings.len() / PIECE_CHUNKS).max(1);
    let mut cuts: Vec<u64> = (1..pieces).map(|piece| beginnings[piece * beginnings.len() / pieces]).collect();
    cuts.dedup();
    cuts
}
