//! Cells of any order, many times the same one, as counts: they wait in memory up to a bound, are sorted and added up, and
//! become runs of counts as points do that do not fit (`store::Runs`).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use twox_hash::XxHash3_64;

use super::batch::Found;
use crate::account::{Account, Held};
use crate::counts::{Lit, Step, Value};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::store::{CountStore, Runs, Vault};

/// The columns of cells that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Zoom,
    X,
    Y,
    PixelX,
    PixelY,
    Count,
    Sum,
    Key,
}

impl Column {
    /// All of them, in order.
    pub(super) const ALL: [Self; 8] =
        [Self::Zoom, Self::X, Self::Y, Self::PixelX, Self::PixelY, Self::Count, Self::Sum, Self::Key];

    /// What a file calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Zoom => "zoom",
            Self::X => "x",
            Self::Y => "y",
            Self::PixelX => "pixel_x",
            Self::PixelY => "pixel_y",
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Key => "key",
        }
    }

    /// Where each of them stands among a file's columns. Fails, naming the first that is missing; sums and keys may be.
    pub(super) fn find(path: &Path, names: &[String]) -> Result<[Option<usize>; Self::ALL.len()]> {
        let places = Self::ALL.map(|column| names.iter().position(|name| name.eq_ignore_ascii_case(column.name())));
        let missing = Self::ALL
            .iter()
            .zip(places)
            .find(|(column, place)| place.is_none() && !matches!(column, Self::Sum | Self::Key));
        let Some((column, _)) = missing else { return Ok(places) };
        let file = path.display();
        if names.iter().any(|name| name == "h3") {
            return Err(Error::Input(format!(
                "{file}: its cells are hexagons of H3, of which no pixels can be made; export without --h3 to import again"
            )));
        }
        let shown: Vec<&str> = names.iter().map(String::as_str).take(12).collect();
        Err(Error::Input(format!(
            "{file}: there is no column {}; cells to import have zoom, x, y, pixel_x, pixel_y and count, and these are {}",
            column.name(),
            shown.join(", ")
        )))
    }

    /// The error for its cell in a row.
    pub(super) fn wrong(self, path: &Path, row: u64, why: &str) -> Error {
        Error::Input(format!("{}: row {row}: {} {why}", path.display(), self.name()))
    }
}

/// What a file says of its cells beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Says {
    /// Whether there are sums.
    pub(super) sums: bool,
    /// The zoom, also where there are no cells.
    pub(super) zoom: Option<u8>,
    /// The column that was added up.
    pub(super) weight: Option<String>,
    /// What a step of the sums is worth.
    pub(super) step: Option<Step>,
    /// What keys are values of.
    pub(super) by: Option<String>,
}

/// A file of cells that is being read.
pub(super) trait Reader {
    /// What it says of its cells.
    fn says(&self) -> Says;

    /// What a step of sums is worth, before the first cells are read; `None` where sums are not wanted.
    fn settle(&mut self, step: Option<Step>);

    /// The next cells, at least one; `None` behind the last one. Fails, naming file and row, at a cell that cannot be read.
    fn next(&mut self, labels: &mut Labels) -> Result<Option<Found>>;
}

/// The most keys.
const MOST_KEYS: usize = 4096;

/// Labels of keys, and their numbers in the order they were met.
#[derive(Debug, Default)]
pub(super) struct Labels {
    numbers: HashMap<String, u32>,
    hashes: Vec<u64>,
    last: Option<(String, u32)>,
}

impl Labels {
    /// The number of a label. Fails where there are too many.
    pub(super) fn number(&mut self, label: &str, path: &Path, row: u64) -> Result<u32> {
        if let Some((last, number)) = &self.last
            && last == label
        {
            return Ok(*number);
        }
        let number = match self.numbers.get(label) {
            Some(&number) => number,
            None if self.numbers.len() == MOST_KEYS => {
                return Err(Column::Key.wrong(path, row, "is one of more than 4,096; put some of them together first"));
            }
            None => {
                let number = self.numbers.len() as u32;
                self.numbers.insert(label.to_owned(), number);
                self.hashes.push(XxHash3_64::oneshot(label.as_bytes()));
                number
            }
        };
        self.last = Some((label.to_owned(), number));
        Ok(number)
    }

    /// A hash of the label with that number; 0 where there is none.
    pub(super) fn hash(&self, number: u32) -> u64 {
        self.hashes.get(number as usize).copied().unwrap_or_default()
    }

    /// The labels by their numbers.
    pub(super) fn into_list(self) -> Vec<String> {
        let mut all: Vec<(String, u32)> = self.numbers.into_iter().collect();
        all.sort_unstable_by_key(|(_, number)| *number);
        all.into_iter().map(|(label, _)| label).collect()
    }
}

/// A cell that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    /// Morton code of the tile, then of the pixel in it.
    pub(super) code: u64,
    /// In steps.
    pub(super) sum: i64,
    /// Number of its key.
    pub(super) key: u32,
    /// Above 0.
    pub(super) count: u32,
}

/// Bytes of cells that wait where memory has no limit.
const PLENTY: u64 = 256 << 20;

/// Cells on their way to counts.
pub(super) struct Gather<V: Value> {
    zoom: u8,
    vault: Arc<Vault>,
    /// Early counts of each key.
    runs: Vec<Runs<V>>,
    /// A store for parts to be made in; nothing is ever in it.
    parts: CountStore<V>,
    waiting: Vec<Cell>,
    room: usize,
    held: Held,
    /// Bytes of runs that a thread may have open.
    work: u64,
    monitor: Arc<Monitor>,
}

impl<V: Value> Gather<V> {
    /// No cells yet. A quarter of the account is for cells that wait, a quarter for counts; what is more goes to a file in
    /// `folder`.
    pub(super) fn new(zoom: u8, account: &Arc<Account>, folder: &Path, monitor: &Arc<Monitor>) -> Self {
        let share = if account.is_bounded() { account.limit() / 4 } else { u64::MAX };
        let vault = Arc::new(Vault::new(account.clone(), share, folder));
        let bytes = share.clamp(1 << 20, PLENTY);
        let threads = rayon::current_num_threads() as u64;
        Self {
            zoom,
            parts: CountStore::in_vault(zoom, vault.clone()),
            vault,
            runs: Vec::new(),
            waiting: Vec::new(),
            room: (bytes / size_of::<Cell>() as u64) as usize,
            held: account.force(0),
            work: (share / 2 / threads).max(1 << 20),
            monitor: monitor.clone(),
        }
    }

    /// Adds a cell, which has been judged.
    pub(super) fn push(&mut self, cell: Cell) -> Result<()> {
        if self.waiting.len() == self.room {
            self.count()?;
        }
        if self.waiting.len() == self.waiting.capacity() {
            let more = self.waiting.len().max(1 << 12).min(self.room - self.waiting.len());
            self.waiting.reserve_exact(more);
            self.held.merge(self.held.account().force((more * size_of::<Cell>()) as u64));
        }
        self.waiting.push(cell);
        Ok(())
    }

    /// Turns what waits into counts.
    fn count(&mut self) -> Result<()> {
        let Self { waiting, runs, parts, zoom, work, monitor, .. } = self;
        monitor.time(Stage::Bin, || {
            if !waiting.is_sorted_by_key(|cell| (cell.key, cell.code)) {
                waiting.par_sort_unstable_by_key(|cell| (cell.key, cell.code));
            }
            let mut lit: Vec<Lit<V>> = Vec::new();
            for cells in waiting.chunk_by(|a, b| a.key == b.key) {
                let key = cells.first().map_or(0, |cell| cell.key as usize);
                while runs.len() <= key {
                    runs.push(Runs::new(*zoom, *work, monitor.clone()));
                }
                let mut part = parts.part();
                for tile in cells.chunk_by(|a, b| a.code >> 16 == b.code >> 16) {
                    lit.clear();
                    for cell in tile {
                        let (pixel, value) = (cell.code as u16, V::new(cell.count, cell.sum));
                        match lit.last_mut() {
                            Some(last) if last.pixel == pixel => last.count = last.count.plus(value)?,
                            _ => lit.push(Lit { pixel, count: value }),
                        }
                    }
                    part.push(tile.first().map_or(0, |cell| cell.code >> 16), &lit)?;
                }
                monitor.check()?;
                runs[key].add(part)?;
            }
            waiting.clear();
            Ok(())
        })
    }

    /// No more cells: the counts of `keys` keys, by their numbers, for all zooms from 0 on; on all threads of the current
    /// pool.
    pub(super) fn finish(mut self, keys: usize) -> Result<Vec<CountStore<V>>> {
        self.count()?;
        self.waiting = Vec::new();
        self.held.shrink_to(0);
        let mut runs = self.runs.into_iter();
        let mut stores = Vec::with_capacity(keys);
        for _ in 0..keys {
            let mut store = CountStore::in_vault(self.zoom, self.vault.clone());
            if let Some(runs) = runs.next() {
                store.set_zoom(self.zoom, runs.settle()?)?;
            }
            self.monitor.time(Stage::Reduce, || {
                (0..self.zoom).rev().try_for_each(|z| {
                    self.monitor.check()?;
                    store.reduce(z)
                })
            })?;
            stores.push(store);
        }
        Ok(stores)
    }
}
