//! A PMTiles v3 archive, read at a place: the header and the root directory stay in memory, leaf directories in a
//! cache that all archives share, tiles are read from the file. Offsets and lengths are believed only within the file,
//! and only as far as what they lead to is of a size that can be.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::cache::Directories;
use super::covered::{Budget, Covered};
use super::directory::{Directory, Entry};
use super::layout::vector;
use super::picture::{Kind, sides};
use super::system::{open_plain, read_at};
use super::{About, Container, LARGEST, Trouble, WORLD, Wait, refused};
use crate::heat::{Center, HIGHEST, METADATA_LIMIT, TileJson, Told};
use crate::tile::{LonLatBounds, MAX_ZOOM, TileCoord, hilbert_id, hilbert_tile};

const HEADER: usize = 127;
/// Directories below each other; the format needs two or three, a circle of them has no end.
const DEPTH: usize = 4;
/// Bytes of a directory in the file, and when it is unpacked. The format has some ten thousand entries in one.
const PACKED: u64 = 1 << 20;
const UNPACKED: usize = 2 << 20;

/// An open archive.
#[derive(Debug)]
pub(super) struct Archive {
    file: Arc<File>,
    length: u64,
    packing: u8,
    leaves: Part,
    tiles: Part,
    root: Arc<Directory>,
    directories: Arc<Directories>,
    number: u64,
    /// Held while a leaf is unpacked: one at a time takes memory for it.
    unpacking: Mutex<()>,
}

/// A section of the file.
#[derive(Debug, Clone, Copy)]
struct Part {
    offset: u64,
    length: u64,
}

impl Archive {
    pub(super) fn open(path: &Path, directories: &Arc<Directories>) -> Result<(Self, About), Trouble> {
        let Some((file, length)) = open_plain(path)? else {
            return Err(Trouble::Damaged("it is neither a folder of tiles nor a PMTiles file".to_owned()));
        };
        if length < HEADER as u64 {
            return Err(Trouble::Damaged(
                "it is neither a PMTiles nor an MBTiles file: it is shorter than a header".to_owned(),
            ));
        }
        let head = read_at(&file, 0, HEADER, Wait::Allowed)?;
        if !head.starts_with(b"PMTiles") || head[7] != 3 {
            return Err(Trouble::Damaged("it is neither a PMTiles file of version 3 nor an MBTiles file".to_owned()));
        }
        let said = match head[99] {
            0 => None,
            1 => return Err(refused(&vector("MVT"))),
            2 => Some(Kind::Png),
            3 => Some(Kind::Jpeg),
            4 => Some(Kind::Webp),
            5 => Some(Kind::Avif),
            6 => return Err(refused(&vector("MLT"))),
            other => return Err(refused(&format!("its tiles are of a type that is not known here ({other})"))),
        };
        if !matches!(head[98], 0..=2) {
            return Err(refused("its tiles are packed by brotli or zstd; only gzip is known here"));
        }
        let word = |at: usize| head[at..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
        let part = |at: usize, of: &str| {
            let part = Part { offset: word(at), length: word(at + 8) };
            let fits = part.offset.checked_add(part.length).is_some_and(|end| end <= length);
            fits.then_some(part)
                .ok_or_else(|| Trouble::Damaged(format!("it has {length} bytes and ends before the end of its {of}")))
        };
        let (root, metadata) = (part(8, "root directory")?, part(24, "metadata")?);
        let (leaves, tiles) = (part(40, "leaf directories")?, part(56, "tiles")?);
        let packing = head[97];
        if root.length > PACKED {
            return Err(Trouble::Damaged(format!("its root directory has {} bytes: that is too long", root.length)));
        }
        let root = read_at(&file, root.offset, root.length as usize, Wait::Allowed)?;
        let root =
            directory(&root, packing)?.ok_or_else(|| Trouble::Damaged("its root directory is damaged".to_owned()))?;
        let told = told(&file, metadata, packing)?;
        let archive = Self {
            file: Arc::new(file),
            length,
            packing,
            leaves,
            tiles,
            root: Arc::new(root),
            directories: directories.clone(),
            number: directories.archive(),
            unpacking: Mutex::default(),
        };
        let about = archive.about(&head, told, said)?;
        Ok((archive, about))
    }

    /// What the header says, where the metadata does not say it already, and what the tiles say where neither does.
    fn about(&self, head: &[u8], told: Told, said: Option<Kind>) -> Result<About, Trouble> {
        let degrees = |at: usize| head[at..].first_chunk().map_or(0.0, |b| f64::from(i32::from_le_bytes(*b)) / 1e7);
        let (min_zoom, max_zoom) = (head[100], head[101].min(HIGHEST));
        if min_zoom > max_zoom {
            return Err(Trouble::Damaged("its zooms run backwards".to_owned()));
        }
        let Told { mut tile_json, doubt } = told;
        let [west, south, east, north] = [102, 106, 110, 114].map(degrees);
        let header = LonLatBounds { west, south, east, north };
        // All zeros is what programs write that do not know; a set of one point there says what it is.
        let is_said = [west, south, east, north] != [0.0; 4] || tile_json.heat.is_some();
        let fits = |b: &LonLatBounds| {
            b.west.abs() <= 180.0 && b.east.abs() <= 180.0 && b.south <= b.north && b.south >= -90.0 && b.north <= 90.0
        };
        let header = Some(header).filter(|header| is_said && fits(header));
        let bounds = tile_json.bounds().or(header).or_else(|| self.covered()).unwrap_or(WORLD);
        let center = Center(degrees(119), degrees(123), head[118].min(HIGHEST));
        if header.is_some() {
            tile_json.center.get_or_insert(center);
        }
        let sample = self.sample()?;
        let Some(kind) = sample.as_deref().and_then(Kind::of).or(said) else {
            let what = if sample.is_some() {
                "its tiles are no pictures"
            } else {
                "it says no type of its tiles, and has none"
            };
            return Err(refused(what));
        };
        let side = tile_json.tile_size.or_else(|| sides(sample.as_deref()?).map(|(width, _)| width));
        let (container, dense, dense_only) = (Container::PmTiles, false, false);
        Ok(About { min_zoom, max_zoom, bounds, tile_json, container, kind, side, dense, dense_only, doubt })
    }

    /// The first tile, where it can be read.
    fn sample(&self) -> Result<Option<Vec<u8>>, Trouble> {
        let mut first = None;
        self.each(&mut Budget::default(), &mut |tile| {
            first = Some(tile);
            false
        });
        let bytes = first.and_then(|tile| self.tile(tile, Wait::Allowed).ok().flatten());
        bytes.map(|bytes| super::unpacked(bytes, Wait::Allowed)).transpose()
    }

    /// The part of the world that tiles cover, by the highest zoom whose tiles are few enough to be counted.
    fn covered(&self) -> Option<LonLatBounds> {
        let (mut whole, mut covered) = (None, None::<Covered>);
        let all = self.each(&mut Budget::default(), &mut |tile| {
            // Tiles come by zoom: another one ends the zoom before.
            if covered.is_some_and(|covered| covered.z < tile.z) {
                whole = covered;
            }
            covered = Some(Covered::with(covered, tile));
            true
        });
        covered.filter(|_| all).or(whole).map(Covered::bounds)
    }

    /// Calls `see` for each tile by ascending number, as long as it wants more and the budget lasts; whether all came.
    fn each(&self, budget: &mut Budget, see: &mut dyn FnMut(TileCoord) -> bool) -> bool {
        self.each_of(&self.root, DEPTH, budget, see)
    }

    fn each_of(
        &self,
        directory: &Directory,
        depth: usize,
        budget: &mut Budget,
        see: &mut dyn FnMut(TileCoord) -> bool,
    ) -> bool {
        directory.entries().iter().all(|entry| {
            if entry.run > 0 {
                let numbers = entry.tile..entry.tile.saturating_add(entry.run.into());
                return numbers.map_while(hilbert_tile).all(|tile| budget.spend() && see(tile));
            }
            budget.spend()
                && depth > 1
                && self.leaf(*entry, Wait::Allowed).is_ok_and(|leaf| self.each_of(&leaf, depth - 1, budget, see))
        })
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
                    let place = within(self.tiles, entry, LARGEST)
                        .ok_or_else(|| Trouble::Damaged("its directory points outside the tiles".to_owned()))?;
                    return Ok(Some(read_at(&self.file, place, entry.length as usize, wait)?));
                }
                Some(entry) => directory = self.leaf(entry, wait)?,
            }
        }
        Err(Trouble::Damaged("its directories lead in a circle".to_owned()))
    }

    fn leaf(&self, entry: Entry, wait: Wait) -> Result<Arc<Directory>, Trouble> {
        let known = || self.directories.get(self.number, entry.offset);
        if let Some(leaf) = known() {
            return Ok(leaf);
        }
        // Unpacking takes as long as a disk: not where others wait behind it.
        if wait == Wait::Never {
            return Err(Trouble::Waits);
        }
        let damaged = || Trouble::Damaged("a leaf directory is damaged".to_owned());
        let place = within(self.leaves, entry, PACKED).ok_or_else(damaged)?;
        let bytes = read_at(&self.file, place, entry.length as usize, wait)?;
        let _one_at_a_time = self.unpacking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = known() {
            return Ok(leaf);
        }
        let leaf = Arc::new(directory(&bytes, self.packing)?.ok_or_else(damaged)?);
        self.directories.put(self.number, entry.offset, leaf.clone());
        Ok(leaf)
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.directories.forget(self.number);
    }
}

/// Where an entry lies in the file, if it lies within its section and has a length that can be.
fn within(part: Part, entry: Entry, most: u64) -> Option<u64> {
    let end = entry.offset.checked_add(entry.length.into())?;
    (end <= part.length && u64::from(entry.length) <= most).then(|| part.offset + entry.offset)
}

fn directory(bytes: &[u8], packing: u8) -> Result<Option<Directory>, Trouble> {
    Ok(unpack(bytes, packing, UNPACKED)?.and_then(|bytes| Directory::decode(&bytes)))
}

/// What an archive says of itself. Metadata that is too long is not read, and that is said.
fn told(file: &File, part: Part, packing: u8) -> Result<Told, Trouble> {
    let long = || {
        let doubt = Some(format!("its metadata is longer than {METADATA_LIMIT} bytes and is not read"));
        Ok(Told { tile_json: TileJson::default(), doubt })
    };
    if part.length > METADATA_LIMIT as u64 {
        return long();
    }
    let packed = read_at(file, part.offset, part.length as usize, Wait::Allowed)?;
    match unpack(&packed, packing, METADATA_LIMIT)? {
        Some(text) if text.is_empty() => Ok(Told::default()),
        Some(text) => {
            TileJson::read(&text).ok_or_else(|| Trouble::Damaged("its metadata is no JSON object".to_owned()))
        }
        None => long(),
    }
}

/// Directory or metadata as they were before packing, `None` where they have more than `most` bytes.
fn unpack(bytes: &[u8], packing: u8, most: usize) -> Result<Option<Vec<u8>>, Trouble> {
    let text = match packing {
        0 | 1 => bytes.to_vec(),
        2 => {
            let mut text = Vec::new();
            let mut packed = flate2::read::MultiGzDecoder::new(bytes).take(most as u64 + 1);
            packed
                .read_to_end(&mut text)
                .map_err(|_| Trouble::Damaged("a directory or its metadata cannot be unpacked".to_owned()))?;
            text
        }
        _ => {
            let problem = "its directories are packed by brotli or zstd; only gzip is known here";
            return Err(Trouble::Damaged(problem.to_owned()));
        }
    };
    Ok((text.len() <= most).then_some(text))
}
