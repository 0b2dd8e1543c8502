//! A PMTiles v3 archive, read at a place: the header and the root directory stay in memory, leaf directories in a
//! cache of bounded size, tiles are read from the file. Offsets and lengths are believed only within the file.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::directory::{Directory, Entry};
use super::system::read_at;
use super::{About, LARGEST, Trouble, Wait, bounds};
use crate::tile::{MAX_ZOOM, TileCoord, hilbert_id};

const HEADER: usize = 127;
/// Directories below each other; the format needs two or three, a circle of them has no end.
const DEPTH: usize = 4;
/// Bytes of leaf directories kept in memory.
const CACHE: usize = 64 << 20;

/// An open archive.
#[derive(Debug)]
pub(super) struct Archive {
    file: Arc<File>,
    length: u64,
    packing: u8,
    leaves: Part,
    tiles: Part,
    root: Arc<Directory>,
    cache: Mutex<Cache>,
}

/// A section of the file.
#[derive(Debug, Clone, Copy)]
struct Part {
    offset: u64,
    length: u64,
}

/// Leaf directories by their place, and when each was last asked for.
#[derive(Debug, Default)]
struct Cache {
    leaves: HashMap<u64, (Arc<Directory>, u64)>,
    bytes: usize,
    clock: u64,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<(Self, About), Trouble> {
        let file = File::open(path)?;
        let on_disk = file.metadata()?;
        if !on_disk.is_file() {
            return Err(Trouble::Damaged("it is neither a folder of tiles nor a PMTiles file".to_owned()));
        }
        let length = on_disk.len();
        if length < HEADER as u64 {
            return Err(Trouble::Damaged("it is no PMTiles file: it is shorter than a header".to_owned()));
        }
        let head = read_at(&file, 0, HEADER, Wait::Allowed)?;
        if !head.starts_with(b"PMTiles") || head[7] != 3 {
            return Err(Trouble::Damaged("it is no PMTiles file of version 3".to_owned()));
        }
        match (head[98], head[99]) {
            (0 | 1, 2) => {}
            (_, 2) => return Err(Trouble::Damaged("its PNG tiles are compressed once more".to_owned())),
            _ => return Err(Trouble::Damaged("its tiles are no PNG images".to_owned())),
        }
        let word = |at: usize| head[at..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
        let part = |at: usize, name: &str| {
            let part = Part { offset: word(at), length: word(at + 8) };
            let fits = part.offset.checked_add(part.length).is_some_and(|end| end <= length);
            fits.then_some(part)
                .ok_or_else(|| Trouble::Damaged(format!("it ends before its {name} does ({length} bytes)")))
        };
        let (root, metadata) = (part(8, "root directory")?, part(24, "metadata")?);
        let (leaves, tiles) = (part(40, "leaf directories")?, part(56, "tiles")?);
        let packing = head[97];
        let text = unpack(&whole(&file, metadata)?, packing)?;
        let root = Directory::decode(&unpack(&whole(&file, root)?, packing)?)
            .ok_or_else(|| Trouble::Damaged("its root directory is damaged".to_owned()))?;
        let metadata = match serde_json::from_slice(&text) {
            Ok(Value::Object(metadata)) => Value::Object(metadata),
            _ if text.is_empty() => json!({}),
            _ => return Err(Trouble::Damaged("its metadata is no JSON object".to_owned())),
        };
        let about = about(&head, metadata)?;
        let cache = Mutex::default();
        Ok((Self { file: Arc::new(file), length, packing, leaves, tiles, root: Arc::new(root), cache }, about))
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn tile(&self, tile: TileCoord, wait: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        if tile.z > MAX_ZOOM {
            return Ok(None);
        }
        let id = hilbert_id(tile);
        let mut directory = self.root.clone();
        for _ in 0..DEPTH {
            match directory.find(id) {
                None => return Ok(None),
                Some(entry) if entry.run > 0 => {
                    let place = within(self.tiles, entry)
                        .ok_or_else(|| Trouble::Damaged("its directory points outside the tiles".to_owned()))?;
                    return Ok(Some(read_at(&self.file, place, entry.length as usize, wait)?));
                }
                Some(entry) => directory = self.leaf(entry, wait)?,
            }
        }
        Err(Trouble::Damaged("its directories lead in a circle".to_owned()))
    }

    fn leaf(&self, entry: Entry, wait: Wait) -> Result<Arc<Directory>, Trouble> {
        let known = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(entry.offset);
        if let Some(leaf) = known {
            return Ok(leaf);
        }
        // Unpacking takes as long as a disk: not where others wait behind it.
        if wait == Wait::Never {
            return Err(Trouble::Waits);
        }
        let damaged = || Trouble::Damaged("a leaf directory is damaged".to_owned());
        let place = within(self.leaves, entry).ok_or_else(damaged)?;
        let bytes = read_at(&self.file, place, entry.length as usize, wait)?;
        let leaf = Arc::new(Directory::decode(&unpack(&bytes, self.packing)?).ok_or_else(damaged)?);
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(entry.offset, leaf.clone());
        Ok(leaf)
    }
}

impl Cache {
    fn get(&mut self, place: u64) -> Option<Arc<Directory>> {
        self.clock += 1;
        let (leaf, used) = self.leaves.get_mut(&place)?;
        *used = self.clock;
        Some(leaf.clone())
    }

    fn put(&mut self, place: u64, leaf: Arc<Directory>) {
        self.clock += 1;
        self.bytes += leaf.size();
        if let Some((old, _)) = self.leaves.insert(place, (leaf, self.clock)) {
            self.bytes -= old.size();
        }
        while self.bytes > CACHE && self.leaves.len() > 1 {
            let oldest = self.leaves.iter().min_by_key(|(_, (_, used))| *used).map(|(place, _)| *place);
            let Some((old, _)) = oldest.and_then(|place| self.leaves.remove(&place)) else { return };
            self.bytes -= old.size();
        }
    }
}

/// Where an entry lies in the file, if it lies within its section and has a length that can be.
fn within(part: Part, entry: Entry) -> Option<u64> {
    let end = entry.offset.checked_add(entry.length.into())?;
    (end <= part.length && u64::from(entry.length) <= LARGEST).then(|| part.offset + entry.offset)
}

fn whole(file: &File, part: Part) -> Result<Vec<u8>, Trouble> {
    if part.length > LARGEST {
        return Err(Trouble::Damaged(format!("a directory or metadata of {} bytes is too long", part.length)));
    }
    Ok(read_at(file, part.offset, part.length as usize, Wait::Allowed)?)
}

/// Directory or metadata as they were before packing; never more than [`LARGEST`] bytes.
fn unpack(bytes: &[u8], packing: u8) -> Result<Vec<u8>, Trouble> {
    match packing {
        0 | 1 => Ok(bytes.to_vec()),
        2 => {
            let mut text = Vec::new();
            let read = flate2::read::MultiGzDecoder::new(bytes).take(LARGEST + 1).read_to_end(&mut text);
            match read {
                Ok(_) if text.len() as u64 <= LARGEST => Ok(text),
                Ok(_) => Err(Trouble::Damaged("a directory or its metadata is too long".to_owned())),
                Err(_) => Err(Trouble::Damaged("a directory or its metadata cannot be unpacked".to_owned())),
            }
        }
        _ => Err(Trouble::Damaged("its directories are packed by brotli or zstd; only gzip is known here".to_owned())),
    }
}

/// What the header says, in the words of TileJSON where the metadata does not say it already.
fn about(head: &[u8], mut metadata: Value) -> Result<About, Trouble> {
    let degrees = |at: usize| head[at..].first_chunk().map_or(0.0, |b| f64::from(i32::from_le_bytes(*b)) / 1e7);
    let (min_zoom, max_zoom) = (head[100], head[101]);
    if min_zoom > max_zoom {
        return Err(Trouble::Damaged("its zooms run backwards".to_owned()));
    }
    let told = json!({ "bounds": [degrees(102), degrees(106), degrees(110), degrees(114)] });
    if metadata["bounds"].as_array().is_none_or(|b| b.len() != 4) {
        metadata["bounds"] = told["bounds"].clone();
    }
    if metadata["center"].as_array().is_none_or(|c| c.len() < 2) {
        metadata["center"] = json!([degrees(119), degrees(123), head[118]]);
    }
    Ok(About { min_zoom, max_zoom, bounds: bounds(&metadata), metadata })
}
