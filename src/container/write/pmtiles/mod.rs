//! One file for all tiles: PMTiles v3, clustered in Hilbert order, identical tiles stored once. Tiles come in any
//! order, so they wait in a file without a name (`spool`) until the last is known; then they are given their places
//! ([`index`]), the directories are packed ([`directory`]), and everything is written from front to back: header, root,
//! metadata, leaves, tiles. Memory is bounded, and no byte depends on the bound. How the file appears under its name is
//! left to staging.

mod directory;
mod index;

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use self::directory::{Directories, HEADER, gzip};
use self::index::{Index, Layout};
use super::spool::{Source, Spool, Waiting};
use super::{Beside, Tally, TileWriter, Written};
use crate::container::metadata;
use crate::encode::Format;
use crate::error::{Error, Result};
use crate::heat::{Center, METADATA_LIMIT, TileJson, Word};
use crate::monitor::Monitor;
use crate::staging::{Flush, OutputOptions, Shape, Staging, remove_file};
use crate::tile::{TileCoord, hilbert_id};

pub(super) const SHAPE: Shape = Shape { flush: Flush::File, parents: true, check, remove: remove_file };
/// Least and most bytes of the index that are held in memory.
const INDEX: (u64, u64) = (1 << 20, 128 << 20);
/// Tiles, and about how many bytes of them, that are copied at a time.
const BATCH: (usize, u64) = (1 << 14, 4 << 20);

/// A PMTiles archive being written.
#[derive(Debug)]
pub(super) struct Archive {
    // Dropped before `staging` clears the folder that holds its file.
    waiting: Mutex<Tiles>,
    staging: Staging,
    tally: Tally,
}

/// Tiles in the order they came.
#[derive(Debug)]
struct Tiles {
    spool: Spool,
    index: Index,
}

impl Archive {
    /// Begins the archive `out`, whose index may take about `room` bytes of memory.
    pub(super) fn create(out: &Path, options: &OutputOptions, room: u64) -> Result<Self> {
        let staging = Staging::begin(out, options, SHAPE)?;
        let spool = Spool::new(staging.dir(), out)?;
        let index = Index::new(room.clamp(INDEX.0, INDEX.1), staging.dir());
        Ok(Self { waiting: Mutex::new(Tiles { spool, index }), staging, tally: Tally::new() })
    }
}

impl TileWriter for Archive {
    fn write(&self, tile: TileCoord, bytes: &[u8]) -> Result<()> {
        let (id, content) = (hilbert_id(tile), Index::content(bytes));
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = waiting.spool.append(bytes).map_err(|e| self.staging.cannot("write", e))?;
        waiting.index.add(id, content, Waiting { offset, length: bytes.len() as u64 })?;
        self.tally.add(tile, bytes.len());
        Ok(())
    }

    fn finish(
        self: Box<Self>,
        metadata: &TileJson,
        _: &dyn Fn() -> Result<Beside>,
        monitor: &Monitor,
    ) -> Result<Written> {
        let Self { waiting, mut staging, tally } = *self;
        let Tiles { spool, index } = waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
        let layout = index.layout(monitor)?;
        let directories = directory::pack(&layout, monitor, || Spool::new(staging.dir(), staging.out()))?;
        let to = staging.new_file()?;
        let mut archive = Writing { to: BufWriter::with_capacity(1 << 20, to), out: staging.out(), monitor };
        archive.write(metadata, &layout, directories, spool.close()?)?;
        Ok(tally.written(staging.commit(monitor)?))
    }
}

/// The archive, from front to back.
struct Writing<'a> {
    to: BufWriter<File>,
    out: &'a Path,
    monitor: &'a Monitor,
}

impl Writing<'_> {
    fn write(
        &mut self,
        metadata: &TileJson,
        layout: &Layout,
        directories: Directories,
        mut tiles: Source,
    ) -> Result<()> {
        let text = gzip(kept(metadata)?.as_bytes())?;
        let leaves = directories.leaves.as_ref().map_or(0, Spool::size);
        self.put(&header(metadata, layout, &directories, text.len() as u64))?;
        self.put(&directories.root)?;
        self.put(&text)?;
        if let Some(spool) = directories.leaves {
            spool.close()?.for_each(leaves, |some| self.put(some))?;
        }
        let mut contents = layout.contents(self.monitor)?;
        let (mut ready, mut next) = (Vec::new(), Vec::new());
        batch(&mut contents, &mut tiles, &mut ready)?;
        while !ready.is_empty() {
            // Some are read while others are written.
            let (read, put) = rayon::join(|| batch(&mut contents, &mut tiles, &mut next), || self.put(&ready));
            read.and(put)?;
            std::mem::swap(&mut ready, &mut next);
        }
        self.to.flush().map_err(|e| Error::io("write", self.out, e))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.monitor.check()?;
        self.to.write_all(bytes).map_err(|e| Error::io("write", self.out, e))
    }
}

/// Replaces `bytes` by those of the next tiles; none are left where there are none.
fn batch(contents: &mut impl Iterator<Item = Result<Waiting>>, tiles: &mut Source, bytes: &mut Vec<u8>) -> Result<()> {
    let (mut batch, mut length) = (Vec::new(), 0);
    while batch.len() < BATCH.0 && length < BATCH.1 {
        let Some(at) = contents.next().transpose()? else { break };
        batch.push(at);
        length += at.length;
    }
    tiles.read(&batch, bytes)
}

/// What an archive keeps of our metadata.
fn kept(metadata: &TileJson) -> Result<String> {
    // Where tiles lie is not told: in an archive they lie in it. What the header says is said once: who makes MBTiles of an
    // archive takes what stands here as it is, and lists of numbers are nothing that their readers know. Without a format they
    // would have none.
    let kept = TileJson {
        tilejson: None,
        tiles: None,
        scheme: None,
        minzoom: None,
        maxzoom: None,
        bounds: None,
        center: None,
        r#type: Some(Word::cut("overlay")),
        ..metadata.clone()
    };
    serde_json::to_string(&kept).map_err(|e| Error::Internal(e.to_string()))
}

/// The archive's header, from our metadata and from what lies where.
fn header(metadata: &TileJson, layout: &Layout, directories: &Directories, text: u64) -> Vec<u8> {
    const GZIP: u8 = 2;
    const AS_IT_IS: u8 = 1;
    let (root, leaves) = (directories.root.len() as u64, directories.leaves.as_ref().map_or(0, Spool::size));
    let first = HEADER as u64;
    let parts = [(first, root), (first + root, text), (first + root + text, leaves)];
    let tiles = (first + root + text + leaves, layout.bytes);
    let mut header = b"PMTiles\x03".to_vec();
    for (offset, length) in parts.into_iter().chain([tiles]) {
        header.extend(offset.to_le_bytes());
        header.extend(length.to_le_bytes());
    }
    for count in [layout.tiles, directories.entries, layout.different] {
        header.extend(count.to_le_bytes());
    }
    let degrees = |value: f64| ((value * 1e7).round() as i32).to_le_bytes();
    let Center(lon, lat, zoom) = metadata.center.unwrap_or(Center(0.0, 0.0, 0));
    let (least, most) = (metadata.minzoom.unwrap_or_default(), metadata.maxzoom.unwrap_or_default());
    // Clustered: tiles lie in the order of their numbers.
    let kind = if metadata.format.as_deref() == Some(Format::Webp.ending()) { 4 } else { 2 };
    header.extend([1, GZIP, AS_IT_IS, kind, least, most]);
    // Outwards, so that the box still meets every tile.
    let [west, south, east, north] = metadata.bounds.unwrap_or_default().map(|side| side * 1e7);
    for side in [west.floor(), south.floor(), east.ceil(), north.ceil()] {
        header.extend((side as i32).to_le_bytes());
    }
    header.push(zoom);
    [lon, lat].into_iter().for_each(|axis| header.extend(degrees(axis)));
    header
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
