//! One file for all tiles: PMTiles v3, clustered in Hilbert order, identical tiles stored once. Tiles come in any
//! order, so they wait in a file without a name ([`spool`]) until the last is known; then they are given their places
//! ([`index`]), the directories are packed ([`directory`]), and everything is written from front to back: header, root,
//! metadata, leaves, tiles. Memory is bounded, and no byte depends on the bound. How the file appears under its name is
//! left to staging.

mod directory;
mod index;
mod spool;

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use self::directory::{Directories, HEADER, gzip};
use self::index::{Index, Layout, Waiting};
use self::spool::{Source, Spool};
use super::{Beside, Tally, TileWriter, Written};
use crate::container::metadata;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::staging::{OutputOptions, Shape, Staging};
use crate::tile::{TileCoord, hilbert_id};

const SHAPE: Shape = Shape { check, remove };
/// Keys of the metadata that say where tiles lie; in an archive they lie in it.
const ADDRESSES: [&str; 3] = ["tilejson", "tiles", "scheme"];
/// Largest metadata read back from an archive, in bytes: ours is a few kilobytes.
const METADATA_LIMIT: u64 = 16 << 20;
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
    fn write(&self, tile: TileCoord, png: &[u8]) -> Result<()> {
        let (id, content) = (hilbert_id(tile), Index::content(png));
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = waiting.spool.append(png)?;
        waiting.index.add(id, content, Waiting { offset, length: png.len() as u64 })?;
        self.tally.add(tile, png.len());
        Ok(())
    }

    fn finish(self: Box<Self>, metadata: &Value, _: &dyn Fn() -> Result<Beside>, monitor: &Monitor) -> Result<Written> {
        let Self { waiting, staging, tally } = *self;
        let Tiles { spool, index } = waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
        let layout = index.layout(monitor)?;
        let directories = directory::pack(&layout, monitor, || Spool::new(staging.dir(), staging.out()))?;
        let to = File::create_new(staging.new_path()).map_err(|e| Error::io("write", staging.out(), e))?;
        let mut archive = Writing { to: BufWriter::with_capacity(1 << 20, to), out: staging.out(), monitor };
        archive.write(metadata, &layout, directories, spool.close()?)?;
        Ok(tally.written(staging.commit()?))
    }
}

/// The archive, from front to back.
struct Writing<'a> {
    to: BufWriter<File>,
    out: &'a Path,
    monitor: &'a Monitor,
}

impl Writing<'_> {
    fn write(&mut self, metadata: &Value, layout: &Layout, directories: Directories, mut tiles: Source) -> Result<()> {
        let text = gzip(kept(metadata).to_string().as_bytes())?;
        let leaves = directories.leaves.as_ref().map_or(0, Spool::size);
        self.put(&header(metadata, layout, &directories, text.len() as u64))?;
        self.put(&directories.root)?;
        self.put(&text)?;
        if let Some(spool) = directories.leaves {
            spool.close()?.for_each(leaves, |some| self.put(some))?;
        }
        let (mut batch, mut length, mut bytes) = (Vec::new(), 0, Vec::new());
        for at in layout.contents(self.monitor)? {
            let at = at?;
            batch.push(at);
            length += at.length;
            if batch.len() >= BATCH.0 || length >= BATCH.1 {
                tiles.read(&batch, &mut bytes)?;
                self.put(&bytes)?;
                batch.clear();
                length = 0;
            }
        }
        tiles.read(&batch, &mut bytes)?;
        self.put(&bytes)?;
        self.to.flush().map_err(|e| Error::io("write", self.out, e))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.monitor.check()?;
        self.to.write_all(bytes).map_err(|e| Error::io("write", self.out, e))
    }
}

/// What an archive keeps of our metadata.
fn kept(metadata: &Value) -> Value {
    let mut kept = metadata.clone();
    if let Some(keys) = kept.as_object_mut() {
        keys.retain(|key, _| !ADDRESSES.contains(&key.as_str()));
        keys.insert("type".to_owned(), "overlay".into());
    }
    kept
}

/// The archive's header, from our metadata and from what lies where.
fn header(metadata: &Value, layout: &Layout, directories: &Directories, text: u64) -> Vec<u8> {
    const GZIP: u8 = 2;
    const AS_IT_IS: u8 = 1;
    const PNG: u8 = 2;
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
    let zoom = |value: &Value| value.as_u64().unwrap_or_default() as u8;
    let degrees = |value: &Value| ((value.as_f64().unwrap_or_default() * 1e7).round() as i32).to_le_bytes();
    let (bounds, center) = (&metadata["bounds"], &metadata["center"]);
    // Clustered: tiles lie in the order of their numbers.
    header.extend([1, GZIP, AS_IT_IS, PNG, zoom(&metadata["minzoom"]), zoom(&metadata["maxzoom"])]);
    (0..4).for_each(|side| header.extend(degrees(&bounds[side])));
    header.push(zoom(&center[2]));
    (0..2).for_each(|axis| header.extend(degrees(&center[axis])));
    header
}

/// The metadata of a PMTiles v3 file, where it has any that can be read.
fn read_metadata(path: &Path) -> Option<Value> {
    let mut file = File::open(path).ok()?;
    let mut head = [0u8; 127];
    file.read_exact(&mut head).ok()?;
    if !head.starts_with(b"PMTiles\x03") {
        return None;
    }
    let word = |at: usize| head[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let (offset, length) = (word(24)?, word(32)?.min(METADATA_LIMIT));
    file.seek(SeekFrom::Start(offset)).ok()?;
    let packed = file.take(length);
    let mut text = Vec::new();
    match head[97] {
        1 => packed.take(METADATA_LIMIT).read_to_end(&mut text).ok()?,
        2 => flate2::read::GzDecoder::new(packed).take(METADATA_LIMIT).read_to_end(&mut text).ok()?,
        _ => return None,
    };
    serde_json::from_slice(&text).ok()
}

fn check(path: &Path) -> Result<()> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|m| m.is_file());
    if is_file && read_metadata(path).is_some_and(|m| metadata::names_tilefire(&m)) {
        return Ok(());
    }
    Err(Error::Output(format!(
        "{} is not a PMTiles file whose metadata names tilefire, so --force does not replace it",
        path.display()
    )))
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|e| Error::io("remove", path, e))
}
