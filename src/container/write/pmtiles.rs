//! One file for all tiles: PMTiles v3, clustered in Hilbert order, identical tiles stored once. Tiles come in any
//! order, so they wait in a spool file without a name and are copied in order at the end. The format itself is the
//! work of the crate `pmtiles`; how the file appears under its name is left to staging.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use pmtiles::{PmTilesWriter, TileType};

use super::{Beside, Tally, TileWriter, Written};
use crate::container::metadata;
use crate::error::{Error, Result};
use crate::heat::{Center, METADATA_LIMIT, TileJson, Word};
use crate::monitor::Monitor;
use crate::staging::{Flush, OutputOptions, Shape, Staging, remove_file};
use crate::tile::{TileCoord, hilbert_id};

pub(super) const SHAPE: Shape = Shape { flush: Flush::File, parents: true, check, remove: remove_file };

/// A PMTiles archive being written.
#[derive(Debug)]
pub(super) struct Archive {
    // Dropped before `staging` clears the folder that holds its file.
    spool: Mutex<Spool>,
    staging: Staging,
    tally: Tally,
}

/// Tiles in the order they came.
#[derive(Debug)]
struct Spool {
    file: BufWriter<File>,
    size: u64,
    tiles: Vec<Spooled>,
}

/// Where a tile lies in the spool.
#[derive(Debug, Clone, Copy)]
struct Spooled {
    tile: TileCoord,
    length: u32,
    offset: u64,
}

impl Archive {
    pub(super) fn create(out: &Path, options: &OutputOptions) -> Result<Self> {
        let staging = Staging::begin(out, options, SHAPE)?;
        let file = tempfile::tempfile_in(staging.dir()).map_err(|e| Error::io("create", out, e))?;
        let spool = Spool { file: BufWriter::with_capacity(1 << 20, file), size: 0, tiles: Vec::new() };
        Ok(Self { spool: Mutex::new(spool), staging, tally: Tally::new() })
    }
}

impl TileWriter for Archive {
    fn write(&self, tile: TileCoord, png: &[u8]) -> Result<()> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        spool.file.write_all(png).map_err(|e| self.staging.cannot("write", e))?;
        let spooled = Spooled { tile, length: png.len() as u32, offset: spool.size };
        spool.tiles.push(spooled);
        spool.size += png.len() as u64;
        self.tally.add(tile, png.len());
        Ok(())
    }

    fn finish(
        self: Box<Self>,
        metadata: &TileJson,
        _: &dyn Fn() -> Result<Beside>,
        monitor: &Monitor,
    ) -> Result<Written> {
        let Self { spool, mut staging, tally } = *self;
        let spool = spool.into_inner().unwrap_or_else(PoisonError::into_inner);
        let file = staging.new_file()?;
        spool.copy(file, staging.out(), metadata, monitor)?;
        Ok(tally.written(staging.commit(monitor)?))
    }
}

impl Spool {
    /// Writes the archive into the file `to`, which people know as `out`.
    fn copy(self, to: File, out: &Path, metadata: &TileJson, monitor: &Monitor) -> Result<()> {
        let writing = |e| Error::io("write", out, e);
        let failed = |e: pmtiles::PmtError| Error::Output(format!("cannot write {}: {e}", out.display()));
        let mut tiles = self.tiles;
        tiles.sort_by_cached_key(|t| hilbert_id(t.tile));
        if let Some(twice) = tiles.windows(2).find(|w| w[0].tile == w[1].tile) {
            return Err(Error::Internal(format!("tile {} was written twice", twice[0].tile)));
        }
        let file = self.file.into_inner().map_err(|e| writing(e.into_error()))?;
        let mut archive = header(metadata)?.create(to).map_err(failed)?;
        let mut from = Source { file, bytes: Vec::new() };
        for batch in tiles.chunks(BATCH) {
            monitor.check()?;
            from.read(batch).map_err(|e| Error::io("read back", out, e))?;
            for (tile, bytes) in batch.iter().zip(&from.bytes) {
                let TileCoord { z, x, y } = tile.tile;
                let place = pmtiles::TileCoord::new(z, x, y).map_err(failed)?;
                archive.add_tile(place, bytes).map_err(failed)?;
            }
        }
        archive.finalize().map_err(failed)
    }
}

/// Tiles read back at a time.
const BATCH: usize = 1024;
/// Spool bytes between two tiles that are rather read than stepped over.
const GAP: u64 = 16 << 10;
/// Most spool bytes read at once.
const STRETCH: u64 = 4 << 20;

/// Reads tiles back in batches: neighbours on the Hilbert curve came at nearly the same time, so they lie in a few
/// stretches of the spool.
struct Source {
    file: File,
    bytes: Vec<Vec<u8>>,
}

impl Source {
    /// Fills `bytes` with the tiles of `batch`, in its order.
    fn read(&mut self, batch: &[Spooled]) -> std::io::Result<()> {
        let mut order: Vec<usize> = (0..batch.len()).collect();
        order.sort_unstable_by_key(|&i| batch[i].offset);
        self.bytes.resize_with(batch.len().max(self.bytes.len()), Vec::new);
        let end = |i: usize| batch[i].offset + u64::from(batch[i].length);
        let mut stretch = Vec::new();
        let mut rest = &order[..];
        while let Some(&first) = rest.first() {
            let start = batch[first].offset;
            let near = |w: &[usize]| batch[w[1]].offset <= end(w[0]) + GAP && end(w[1]) <= start + STRETCH;
            let count = 1 + rest.windows(2).take_while(|w| near(w)).count();
            let (these, others) = rest.split_at(count);
            let last = these.last().map_or(start, |&i| end(i));
            stretch.resize((last - start) as usize, 0);
            self.file.seek(SeekFrom::Start(start))?;
            self.file.read_exact(&mut stretch)?;
            for &i in these {
                let at = (batch[i].offset - start) as usize;
                self.bytes[i].clear();
                self.bytes[i].extend_from_slice(&stretch[at..at + batch[i].length as usize]);
            }
            rest = others;
        }
        Ok(())
    }
}

/// The archive's header and metadata from our metadata.
fn header(metadata: &TileJson) -> Result<PmTilesWriter> {
    let [west, south, east, north] = metadata.bounds.unwrap_or_default();
    let Center(lon, lat, zoom) = metadata.center.unwrap_or(Center(0.0, 0.0, 0));
    // Where tiles lie is not told: in an archive they lie in it.
    let r#type = Some(Word::cut("overlay"));
    let kept = TileJson { tilejson: None, tiles: None, scheme: None, r#type, ..metadata.clone() };
    let text = serde_json::to_string(&kept).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(PmTilesWriter::new(TileType::Png)
        .min_zoom(metadata.minzoom.unwrap_or_default())
        .max_zoom(metadata.maxzoom.unwrap_or_default())
        .bounds(west, south, east, north)
        .center(lon, lat)
        .center_zoom(zoom)
        .metadata(text))
}

/// The metadata of a PMTiles v3 file as text, where it has any that can be read.
fn read_metadata(path: &Path) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let mut head = [0u8; 127];
    file.read_exact(&mut head).ok()?;
    if !head.starts_with(b"PMTiles\x03") {
        return None;
    }
    let word = |at: usize| head[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    // One byte more than metadata may have shows that it has more.
    let most = METADATA_LIMIT as u64 + 1;
    let (offset, length) = (word(24)?, word(32)?.min(most));
    file.seek(SeekFrom::Start(offset)).ok()?;
    let packed = file.take(length);
    let mut text = Vec::new();
    match head[97] {
        1 => packed.take(most).read_to_end(&mut text).ok()?,
        2 => flate2::read::GzDecoder::new(packed).take(most).read_to_end(&mut text).ok()?,
        _ => return None,
    };
    Some(text)
}

fn check(path: &Path) -> Result<()> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|m| m.is_file());
    if is_file && read_metadata(path).is_some_and(|text| metadata::names_tilefire(&text)) {
        return Ok(());
    }
    Err(Error::Output(format!(
        "{} is not a PMTiles file whose metadata names tilefire, so --force does not replace it",
        path.display()
    )))
}
