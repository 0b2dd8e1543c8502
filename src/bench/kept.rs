//! A tile set that is kept only to be compared: the tiles' bytes lie in a temporary file without a name, so that
//! sets of any size fit. Knows nothing of how the tiles were made.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::container::write::{Beside, TileWriter, Written};
use crate::error::{Error, Result};
use crate::heat::TileJson;
use crate::monitor::Monitor;
use crate::staging;
use crate::tile::TileCoord;

/// A tile set in a temporary file. Clones are the same set: one is handed to the run that fills it.
#[derive(Debug, Clone)]
pub struct KeptTiles {
    set: Arc<Mutex<Set>>,
    folder: PathBuf,
}

#[derive(Debug)]
struct Set {
    file: BufWriter<File>,
    size: u64,
    tiles: Vec<Kept>,
}

/// Where a tile lies in the file.
#[derive(Debug, Clone, Copy)]
struct Kept {
    tile: TileCoord,
    offset: u64,
    length: usize,
}

impl KeptTiles {
    /// An empty set with its file in `folder`.
    pub fn new(folder: &Path) -> Result<Self> {
        let file = staging::nameless(folder).map_err(|e| Error::io("create a file in", folder, e))?;
        let set = Set { file: BufWriter::with_capacity(1 << 20, file), size: 0, tiles: Vec::new() };
        Ok(Self { set: Arc::new(Mutex::new(set)), folder: folder.to_path_buf() })
    }

    /// Where each tile lies, in order of zoom, column and row.
    fn sorted(&self) -> Vec<Kept> {
        let mut tiles = self.set.lock().unwrap_or_else(PoisonError::into_inner).tiles.clone();
        tiles.sort_by_key(|k| place(k.tile));
        tiles
    }

    fn read(&self, kept: &Kept, bytes: &mut Vec<u8>) -> Result<()> {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.resize(kept.length, 0);
        // Flushes what is still buffered, as every seek of a BufWriter does.
        set.file
            .seek(SeekFrom::Start(kept.offset))
            .and_then(|_| set.file.get_mut().read_exact(bytes))
            .map_err(|e| Error::io("read back a file in", &self.folder, e))
    }
}

impl TileWriter for KeptTiles {
    fn write(&self, tile: TileCoord, png: &[u8]) -> Result<()> {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.file.write_all(png).map_err(|e| Error::io("write to a file in", &self.folder, e))?;
        let kept = Kept { tile, offset: set.size, length: png.len() };
        set.tiles.push(kept);
        set.size += png.len() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>, _: &TileJson, _: &dyn Fn() -> Result<Beside>, _: &Monitor) -> Result<Written> {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Written { tiles: set.tiles.len() as u64, bytes: set.size, ..Written::default() })
    }
}

fn place(tile: TileCoord) -> (u8, u32, u32) {
    (tile.z, tile.x, tile.y)
}

/// The first tile, by zoom, column and row, that is not the same in both sets, byte for byte, and how it differs;
/// `None` when the sets are equal. The order in which tiles were written does not matter.
pub fn first_difference(a: &KeptTiles, b: &KeptTiles) -> Result<Option<String>> {
    let (ours, theirs) = (a.sorted(), b.sorted());
    let (mut bytes, mut others) = (Vec::new(), Vec::new());
    for (kept, other) in ours.iter().zip(&theirs) {
        if kept.tile != other.tile {
            // The set that lacks a tile shows a later one in its place.
            let (tile, which) = if place(kept.tile) < place(other.tile) {
                (kept.tile, "the first")
            } else {
                (other.tile, "the second")
            };
            return Ok(Some(format!("tile {tile} is in {which} set only, or there twice")));
        }
        a.read(kept, &mut bytes)?;
        b.read(other, &mut others)?;
        if bytes != others {
            let at = bytes.iter().zip(&others).position(|(x, y)| x != y).unwrap_or(bytes.len().min(others.len()));
            let (len, other_len) = (bytes.len(), others.len());
            return Ok(Some(format!("tile {} differs from byte {at} on ({len} and {other_len} bytes)", kept.tile)));
        }
    }
    let shared = ours.len().min(theirs.len());
    let (more, which) = if ours.len() > shared { (&ours, "the first") } else { (&theirs, "the second") };
    Ok(more.get(shared).map(|kept| format!("tile {} is in {which} set only, or there twice", kept.tile)))
}
