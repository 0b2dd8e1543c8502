//! Records in order, however many there are: sorted in memory up to a bound, in runs in a temporary file beyond it, which
//! are merged while they are read. A record is a few numbers, compared from the first on; equal ones stay as many as they
//! are. The file has no name, so nothing is left of it whatever happens.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::staging;

/// Records of a run that are read at a time, at least and at most.
const READ: (u64, u64) = (64, 1 << 13);

/// Takes records in any order.
#[derive(Debug)]
pub struct Sorter<const N: usize> {
    records: Vec<[u64; N]>,
    /// Records that may wait in memory.
    room: usize,
    folder: PathBuf,
    file: Option<File>,
    /// Records of each run in the file, which follow each other there.
    runs: Vec<u64>,
    last_of_run: [u64; N],
}

impl<const N: usize> Sorter<N> {
    /// A sorter that holds up to `bytes` bytes of records in memory and the others in a file in `folder`.
    pub fn new(bytes: u64, folder: &Path) -> Self {
        let room = usize::try_from(bytes / size_of::<[u64; N]>() as u64).unwrap_or(usize::MAX).max(1 << 10);
        let folder = folder.to_path_buf();
        Self { records: Vec::new(), room, folder, file: None, runs: Vec::new(), last_of_run: [0; N] }
    }

    /// Adds a record. Fails, naming the folder, when the file cannot be written.
    pub fn push(&mut self, record: [u64; N]) -> Result<()> {
        if self.records.len() == self.room {
            self.spill()?;
        }
        if self.records.len() == self.records.capacity() {
            // Never more room than there may be records.
            let more = self.records.len().max(1 << 10).min(self.room - self.records.len());
            self.records.reserve_exact(more);
        }
        self.records.push(record);
        Ok(())
    }

    /// Sorts what waits and moves it to the file.
    fn spill(&mut self) -> Result<()> {
        if !self.records.is_sorted() {
            self.records.sort_unstable();
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => staging::nameless(&self.folder).map_err(|e| unwritable(&self.folder, &e))?,
        };
        let file = self.file.insert(file);
        let (Some(first), Some(last)) = (self.records.first(), self.records.last()) else { return Ok(()) };
        // Records that came in order stay one run.
        match self.runs.last_mut() {
            Some(run) if self.last_of_run <= *first => *run += self.records.len() as u64,
            _ => self.runs.push(self.records.len() as u64),
        }
        self.last_of_run = *last;
        file.write_all(bytemuck::cast_slice(self.records.as_flattened())).map_err(|e| unwritable(&self.folder, &e))?;
        self.records.clear();
        Ok(())
    }

    /// No more records: they can be read now, any number of times.
    pub fn sorted(mut self) -> Result<Sorted<N>> {
        if self.file.is_some() {
            self.spill()?;
            self.records = Vec::new();
        } else if !self.records.is_sorted() {
            self.records.sort_unstable();
        }
        let Self { records, room, folder, file, runs, .. } = self;
        Ok(Sorted { records, room: room as u64, folder, file, runs })
    }
}

/// Records in ascending order.
#[derive(Debug)]
pub struct Sorted<const N: usize> {
    records: Vec<[u64; N]>,
    room: u64,
    folder: PathBuf,
    file: Option<File>,
    runs: Vec<u64>,
}

impl<const N: usize> Sorted<N> {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.records.len() as u64 + self.runs.iter().sum::<u64>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads them from the first on.
    pub fn read(&self) -> Result<SortedIter<'_, N>> {
        let each = (self.room / self.runs.len().max(1) as u64).clamp(READ.0, READ.1);
        let mut runs = Vec::with_capacity(self.runs.len());
        let (mut next, mut at) = (BinaryHeap::new(), 0);
        for &len in &self.runs {
            let mut run = Run { at, end: at + len, each, read: Vec::new(), next: 0 };
            if let Some(record) = run.next(self)? {
                next.push(Reverse((record, runs.len())));
            }
            runs.push(run);
            at += len;
        }
        Ok(SortedIter { sorted: self, in_memory: self.records.iter(), runs, next })
    }

    fn fetch(&self, from: u64, records: &mut [[u64; N]]) -> Result<()> {
        let Some(mut file) = self.file.as_ref() else { return Ok(()) };
        let mut read = || {
            file.seek(SeekFrom::Start(from * size_of::<[u64; N]>() as u64))?;
            file.read_exact(bytemuck::cast_slice_mut(records.as_flattened_mut()))
        };
        read().map_err(|e| Error::io("read back a temporary index in", &self.folder, e))
    }
}

/// Records of a run that were read ahead, and where the next are.
#[derive(Debug)]
struct Run<const N: usize> {
    at: u64,
    end: u64,
    each: u64,
    read: Vec<[u64; N]>,
    next: usize,
}

impl<const N: usize> Run<N> {
    fn next(&mut self, sorted: &Sorted<N>) -> Result<Option<[u64; N]>> {
        if self.next == self.read.len() {
            let more = self.each.min(self.end - self.at);
            if more == 0 {
                return Ok(None);
            }
            self.read.resize(more as usize, [0; N]);
            sorted.fetch(self.at, &mut self.read)?;
            self.at += more;
            self.next = 0;
        }
        self.next += 1;
        Ok(self.read.get(self.next - 1).copied())
    }
}

/// One reading of [`Sorted`] records.
#[derive(Debug)]
pub struct SortedIter<'a, const N: usize> {
    sorted: &'a Sorted<N>,
    in_memory: std::slice::Iter<'a, [u64; N]>,
    runs: Vec<Run<N>>,
    next: BinaryHeap<Reverse<([u64; N], usize)>>,
}

impl<const N: usize> Iterator for SortedIter<'_, N> {
    type Item = Result<[u64; N]>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(mut top) = self.next.peek_mut() else { return self.in_memory.next().copied().map(Ok) };
        let Reverse((record, run)) = *top;
        match self.runs[run].next(self.sorted) {
            Ok(Some(next)) => *top = Reverse((next, run)),
            Ok(None) => {
                std::collections::binary_heap::PeekMut::pop(top);
            }
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(record))
    }
}

fn unwritable(folder: &Path, answer: &io::Error) -> Error {
    Error::Output(format!("cannot write temporary files in {}: {answer}; free some space there", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_come_in_order_from_memory_and_from_a_file(
            mut records in proptest::collection::vec((0u64..50, any::<u64>()).prop_map(<[u64; 2]>::from), 0..9_000),
            in_order in 0usize..9_000,
            bytes in prop_oneof![Just(0u64), Just(40_000), Just(u64::MAX)],
        ) {
            let in_order = in_order.min(records.len());
            records[..in_order].sort_unstable();
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(bytes, folder.path());
            for &record in &records {
                sorter.push(record).unwrap();
            }
            let sorted = sorter.sorted().unwrap();
            records.sort_unstable();
            prop_assert_eq!(sorted.len(), records.len() as u64);
            for _ in 0..2 {
                let read: Vec<[u64; 2]> = sorted.read().unwrap().collect::<Result<_>>().unwrap();
                prop_assert!(read == records);
            }
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn records_that_come_in_order_are_one_run() {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(0, folder.path());
        (0..10_000u64).for_each(|i| sorter.push([i]).unwrap());
        let sorted = sorter.sorted().unwrap();
        assert_eq!(sorted.runs, [10_000]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let mut sorter = Sorter::new(0, Path::new("/no/such/folder"));
        let failed = (0..2_000u64).find_map(|i| sorter.push([i]).err()).unwrap();
        assert!(failed.to_string().contains("/no/such/folder"));
    }
}
