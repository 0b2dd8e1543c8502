//! Entries as the directories of an archive: one root where it is small enough for readers to fetch it with the header,
//! else a root of leaves. Each is its columns as LEB128 (numbers as distances, runs, lengths, offsets with 0 for "where
//! the one before ends"), packed by gzip.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rayon::prelude::*;

use super::index::{Entry, Layout};
use crate::container::write::spool::Spool;
use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// Bytes of the header that come first.
pub(super) const HEADER: usize = 127;
/// Most bytes of the root: readers fetch 16 KiB at once.
const ROOT: usize = (16 << 10) - HEADER;
/// Entries of a leaf, at least.
const LEAF: u64 = 4096;
/// Leaves of a root, at most, to begin with.
const LEAVES: u64 = 3500;
/// Most entries that are tried as one root: it would hold hardly more, however well they pack.
const ONE_ROOT: u64 = 1 << 15;
/// Leaves packed at a time by all threads.
const BATCH: usize = 16;

/// The directories of an archive.
#[derive(Debug)]
pub(super) struct Directories {
    pub(super) root: Vec<u8>,
    /// Leaves one after the other, where there are any.
    pub(super) leaves: Option<Spool>,
    /// Entries for tiles, in the root or the leaves.
    pub(super) entries: u64,
}

/// Packs the entries of `layout`; `scratch` makes the file for leaves.
pub(super) fn pack(
    layout: &Layout,
    monitor: &Monitor,
    mut scratch: impl FnMut() -> Result<Spool>,
) -> Result<Directories> {
    let mut first = Vec::new();
    let mut entries = 0;
    for entry in layout.entries(monitor)? {
        let entry = entry?;
        if entries < ONE_ROOT {
            first.push(entry);
        }
        entries += 1;
    }
    if entries <= ONE_ROOT {
        let root = packed(&first)?;
        if root.len() <= ROOT {
            return Ok(Directories { root, leaves: None, entries });
        }
    }
    drop(first);
    let mut size = (entries / LEAVES).max(LEAF);
    loop {
        let (leaves, pointers) = leaves(layout, size as usize, monitor, scratch()?)?;
        let root = packed(&pointers)?;
        if root.len() <= ROOT {
            return Ok(Directories { root, leaves: Some(leaves), entries });
        }
        size += size / 5;
    }
}

/// Leaves of `size` entries, and the entries that point to them.
fn leaves(layout: &Layout, size: usize, monitor: &Monitor, mut into: Spool) -> Result<(Spool, Vec<Entry>)> {
    let mut pointers = Vec::new();
    let mut entries = layout.entries(monitor)?;
    loop {
        let mut batch: Vec<Vec<Entry>> = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            let leaf = entries.by_ref().take(size).collect::<Result<Vec<_>>>()?;
            if leaf.is_empty() {
                break;
            }
            batch.push(leaf);
        }
        if batch.is_empty() {
            return Ok((into, pointers));
        }
        let packed: Vec<Vec<u8>> = batch.par_iter().map(|leaf| packed(leaf)).collect::<Result<_>>()?;
        monitor.check()?;
        for (leaf, bytes) in batch.iter().zip(packed) {
            let offset = into.append(&bytes).map_err(|e| Error::io("write", into.out(), e))?;
            let id = leaf.first().map_or(0, |entry| entry.id);
            pointers.push(Entry { id, offset, length: bytes.len() as u64, run: 0 });
        }
    }
}

fn packed(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut columns = Vec::new();
    put(&mut columns, entries.len() as u64);
    let mut before = 0;
    for entry in entries {
        put(&mut columns, entry.id - before);
        before = entry.id;
    }
    entries.iter().for_each(|entry| put(&mut columns, entry.run));
    entries.iter().for_each(|entry| put(&mut columns, entry.length));
    let mut end = None;
    for entry in entries {
        put(&mut columns, if end == Some(entry.offset) { 0 } else { entry.offset + 1 });
        end = Some(entry.offset + entry.length);
    }
    gzip(&columns)
}

/// Packs bytes as gzip, without a time or a name.
pub(super) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.map_err(|e| Error::Internal(format!("a directory cannot be packed: {e}")))
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
