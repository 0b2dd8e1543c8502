//! Writes a file of counts: section by section, then what it says of itself. The same counts make the same bytes.

use std::io::Write;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use zstd::bulk::Compressor;

use super::about::{About, ZoomSums};
use super::layout::{
    CHUNK_BYTES, CHUNK_TILES, HEAD, LEVEL, MAGIC, PAGE, Page, Root, Section, TAIL, TEXT_MOST, Tail, head, page,
};
use super::origin::{Origin, Source};
use crate::counts::{Value, ZoomStats, varint};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::staging;
use crate::store::CountStore;

/// Chunks that each thread packs before they are written.
const AT_ONCE: usize = 32;

/// The zooms that a file keeps of counts of zoom `base`, in the order in which they lie there: that one, one every six zooms
/// below it, and from [`low_zoom`] on every third. A tile of another zoom is a range of tiles of the next one that is kept.
pub fn kept_zooms(base: u8) -> impl Iterator<Item = u8> {
    let low = low_zoom(base);
    let is_kept = move |z: &u8| {
        if *z > low { (base - z).is_multiple_of(HIGH_EVERY) } else { (low - z).is_multiple_of(LOW_EVERY) }
    };
    (0..=base).rev().filter(is_kept)
}

/// The first of the kept zooms that have few tiles: 8, or three below the highest where that is lower.
pub fn low_zoom(base: u8) -> u8 {
    base.saturating_sub(LOW_EVERY).min(8)
}

const HIGH_EVERY: u8 = 6;
const LOW_EVERY: u8 = 3;

/// Whether a file begins as one of counts does.
pub fn is_counts(head: &[u8]) -> bool {
    head.starts_with(&MAGIC)
}

/// Ok for a file that may be replaced, being one of counts.
pub fn check(path: &Path) -> Result<()> {
    staging::check_head(path, "file of counts", is_counts)
}

/// A file of counts being written. Sections come in any order of planes; the zooms of a plane from the highest on.
pub struct CountWriter<'a> {
    out: &'a mut dyn Write,
    path: PathBuf,
    monitor: &'a Monitor,
    at: u64,
    sections: Vec<Section>,
    sums: Vec<ZoomSums>,
}

impl std::fmt::Debug for CountWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CountWriter").field("path", &self.path).field("at", &self.at).finish_non_exhaustive()
    }
}

/// A chunk on its way: its first tile, and its bytes.
struct Packing {
    first: u64,
    bytes: Vec<u8>,
}

/// The chunks of a section that is being written.
pub(super) struct Chunks {
    /// Where the section begins.
    at: u64,
    open: Packing,
    /// Tiles in the open chunk, and the last of them.
    tiles: usize,
    last: u64,
    waiting: Vec<Packing>,
    /// First tile and bytes of each that is written.
    lens: Vec<(u64, u64)>,
}

impl<'a> CountWriter<'a> {
    /// Begins a file; `path` is what it is called in errors.
    pub fn begin(out: &'a mut dyn Write, path: &Path, monitor: &'a Monitor) -> Result<Self> {
        let mut writer = Self { out, path: path.to_path_buf(), monitor, at: 0, sections: Vec::new(), sums: Vec::new() };
        writer.write(&head())?;
        debug_assert!(writer.at == HEAD as u64, "a head has its length");
        Ok(writer)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|e| Error::io("write", &self.path, e))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Writes zoom `z` of `counts`; on all threads of the current pool.
    pub fn section<V: Value>(&mut self, plane: u16, z: u8, counts: &CountStore<V>) -> Result<()> {
        let mut chunks = self.begin_section();
        counts.read_blocks(z, |code, block| self.push(&mut chunks, code, block))?;
        self.end_section(chunks, plane, z)
    }

    /// Begins a section, which is filled before anything else is written.
    pub(super) fn begin_section(&self) -> Chunks {
        let open = Packing { first: 0, bytes: Vec::new() };
        Chunks { at: self.at, open, tiles: 0, last: 0, waiting: Vec::new(), lens: Vec::new() }
    }

    /// Adds a tile behind all others of the section; on all threads of the current pool.
    pub(super) fn push(&mut self, chunks: &mut Chunks, code: u64, block: &[u8]) -> Result<()> {
        if chunks.tiles == 0 {
            (chunks.open.first, chunks.last) = (code, 0);
        }
        varint::put(&mut chunks.open.bytes, code - chunks.last);
        varint::put(&mut chunks.open.bytes, block.len() as u64);
        chunks.open.bytes.extend_from_slice(block);
        (chunks.tiles, chunks.last) = (chunks.tiles + 1, code);
        if chunks.tiles >= CHUNK_TILES || chunks.open.bytes.len() >= CHUNK_BYTES {
            chunks.waiting.push(std::mem::replace(&mut chunks.open, Packing { first: 0, bytes: Vec::new() }));
            chunks.tiles = 0;
            if chunks.waiting.len() >= AT_ONCE * rayon::current_num_threads().max(1) {
                self.pack(&mut chunks.waiting, &mut chunks.lens)?;
            }
        }
        Ok(())
    }

    /// Ends a section: the tiles of zoom `z` of a plane.
    pub(super) fn end_section(&mut self, mut chunks: Chunks, plane: u16, z: u8) -> Result<()> {
        if chunks.tiles > 0 {
            chunks.waiting.push(chunks.open);
        }
        self.pack(&mut chunks.waiting, &mut chunks.lens)?;
        self.pages(plane, z, chunks.at, &chunks.lens)
    }

    fn pack(&mut self, waiting: &mut Vec<Packing>, lens: &mut Vec<(u64, u64)>) -> Result<()> {
        self.monitor.check()?;
        let monitor = self.monitor;
        let packed: Vec<(u64, Vec<u8>)> = std::mem::take(waiting)
            .into_par_iter()
            .map_init(compressor, |packer, chunk| {
                let from = monitor.now();
                let packer = packer.as_mut().map_err(|e| Error::Internal(e.to_string()))?;
                let bytes = packer.compress(&chunk.bytes).map_err(|e| Error::Internal(e.to_string()))?;
                monitor.record(Stage::Encode, from, monitor.now());
                Ok::<_, Error>((chunk.first, bytes))
            })
            .collect::<Result<_>>()?;
        let from = monitor.now();
        for (first, bytes) in packed {
            self.write(&bytes)?;
            lens.push((first, bytes.len() as u64));
        }
        monitor.record(Stage::Write, from, monitor.now());
        Ok(())
    }

    fn pages(&mut self, plane: u16, zoom: u8, at: u64, lens: &[(u64, u64)]) -> Result<()> {
        let mut pages = Vec::new();
        for chunks in lens.chunks(PAGE) {
            let bytes = packed(&page(chunks))?;
            pages.push(Page {
                first: chunks.first().map_or(0, |chunk| chunk.0),
                chunks: chunks.len() as u32,
                bytes: chunks.iter().map(|chunk| chunk.1).sum(),
                own: bytes.len() as u32,
            });
            self.write(&bytes)?;
        }
        self.sections.push(Section { plane, zoom, at, pages });
        Ok(())
    }

    /// Notes what zoom `z` of a plane comes to; for every zoom, whether it is kept or not.
    pub fn sums(&mut self, sums: ZoomSums) {
        self.sums.push(sums);
    }

    /// Writes all zooms of a plane from its whole pyramid; on all threads of the current pool.
    pub fn pyramid<V: Value>(&mut self, plane: u16, counts: &CountStore<V>) -> Result<()> {
        let base = counts.max_zoom();
        (0..=base).rev().try_for_each(|z| self.zoom(plane, (z, base), counts.stats(z)?, counts))
    }

    /// Writes what there is to say of zoom `z`, and its tiles if it is kept of a pyramid down from zoom `base`.
    pub fn zoom<V: Value>(
        &mut self,
        plane: u16,
        (z, base): (u8, u8),
        stats: &ZoomStats,
        counts: &CountStore<V>,
    ) -> Result<()> {
        self.sums(ZoomSums::new(plane, z, stats, &counts.histogram(z)?)?);
        if kept_zooms(base).any(|kept| kept == z) { self.section(plane, z, counts) } else { Ok(()) }
    }

    /// Points of all planes so far.
    pub(super) fn points(&self) -> u64 {
        self.sums.iter().filter(|sums| sums.zoom == 0).fold(0, |all, sums| all.wrapping_add(sums.points))
    }

    /// Writes the rest; the file is complete then.
    pub fn finish(mut self, about: &About, origin: &Origin) -> Result<()> {
        about.check().map_err(Error::Internal)?;
        let mut sums = std::mem::take(&mut self.sums);
        sums.sort_by_key(|sums| (sums.plane, std::cmp::Reverse(sums.zoom)));
        let details = json(&Details { sums, sources: origin.sources.clone() })?;
        let (at, unpacked) = (self.at, details.len() as u64);
        let details = packed(&details)?;
        self.write(&details)?;
        let sections = std::mem::take(&mut self.sections);
        let root = json(&Root {
            zoom: about.zoom,
            weight: about.weight.clone(),
            key: about.key.clone(),
            planes: about.planes.clone(),
            details: (at, details.len() as u64, unpacked),
            sections,
        })?;
        let bytes = packed(&root)?;
        let tail = Tail { at: self.at, bytes: bytes.len() as u32, unpacked: root.len() as u32 };
        self.write(&bytes)?;
        debug_assert!(tail.bytes().len() == TAIL, "a tail has its length");
        self.write(&tail.bytes())
    }
}

/// What lies before the root.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Details {
    pub(super) sums: Vec<ZoomSums>,
    pub(super) sources: Vec<Source>,
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(value).map_err(|e| Error::Internal(e.to_string()))?;
    if text.len() > TEXT_MOST {
        return Err(Error::Limit(format!(
            "what a file of counts says of itself takes {} bytes, and the most is {TEXT_MOST}; count fewer inputs or values into \
             one file",
            text.len()
        )));
    }
    Ok(text)
}

/// A packer whose frames have checksums and say how long they are.
fn compressor() -> std::io::Result<Compressor<'static>> {
    let mut packer = Compressor::new(LEVEL)?;
    packer.include_checksum(true)?;
    packer.include_contentsize(true)?;
    Ok(packer)
}

/// Bytes as one frame of zstd.
fn packed(bytes: &[u8]) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| Error::Internal(e.to_string());
    compressor().and_then(|mut packer| packer.compress(bytes)).map_err(failed)
}
