//! Reads files of counts: whole planes for painting, single tiles, and what a file says of itself. Nothing of a file is
//! believed: lengths are bounded, every part has a checksum, and what is damaged is named by its tiles.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::de::DeserializeOwned;
use zstd::bulk::Decompressor;

use super::about::{About, ZoomSums};
use super::layout::{
    self, CHUNK_MOST, ChunkAt, END, HEAD, PAGE, PAGE_MOST, Page, Root, Section, TAIL, TEXT_MOST, Tail,
};
use super::origin::Origin;
use super::rise::{families, rise, settle};
use super::write::{Details, is_counts, kept_zooms};
use crate::counts::{Holds, Lit, Value, Weighed};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::store::{CountPart, CountStore, Vault, read_at};
use crate::tile::TileCoord;

/// Chunks that a thread reads at a time, and their bytes at most.
const PIECE: usize = 64;
/// Bytes that a frame may have more than what it holds.
const SLACK: usize = 1 << 10;
/// Bytes of a packed chunk, at most.
const FRAME_MOST: u64 = (CHUNK_MOST + CHUNK_MOST / 128 + SLACK) as u64;

/// An open file of counts.
#[derive(Debug)]
pub struct CountFile {
    file: File,
    path: PathBuf,
    len: u64,
    about: About,
    /// Where the details lie.
    details: (u64, u64, u64),
    sections: Vec<Section>,
}

/// What a thread reads with: room for frames, what unpacks them, room for a tile.
type Scratch<V> = (Vec<u8>, Unpacker, Vec<Lit<V>>);

/// Unpacks frames.
pub(super) struct Unpacker {
    unpacker: Decompressor<'static>,
    pub(super) bytes: Vec<u8>,
}

impl Unpacker {
    pub(super) fn new() -> Result<Self> {
        let unpacker = Decompressor::new().map_err(|e| Error::Internal(e.to_string()))?;
        Ok(Self { unpacker, bytes: Vec::new() })
    }

    /// Unpacks one frame of at most `most` bytes; `None` where that is none.
    pub(super) fn unpack(&mut self, frame: &[u8], most: usize) -> Option<&[u8]> {
        // What a frame says of its length is bounded before any memory is taken for it.
        let len = usize::try_from(zstd::zstd_safe::get_frame_content_size(frame).ok()??).ok()?;
        if frame.len() > most + most / 128 + SLACK
            || len > most
            || zstd::zstd_safe::find_frame_compressed_size(frame).ok()? != frame.len()
        {
            return None;
        }
        self.bytes.clear();
        self.bytes.reserve(len);
        let done = self.unpacker.decompress_to_buffer(frame, &mut self.bytes).ok()?;
        (done == len).then_some(&self.bytes)
    }
}

impl CountFile {
    /// Opens a file. Fails, naming it, where it is none of counts, cut short or damaged.
    pub fn open(path: &Path) -> Result<Self> {
        Self::of(File::open(path).map_err(|e| Error::io("open", path, e))?, path)
    }

    /// The same of an open file, which errors call `path`.
    pub fn of(file: File, path: &Path) -> Result<Self> {
        let about = file.metadata().map_err(|e| Error::io("read", path, e))?;
        if !about.is_file() {
            return Err(Error::Input(format!(
                "{} is no plain file; counts are read at any place of one",
                path.display()
            )));
        }
        let len = about.len();
        let mut head = vec![0; HEAD.min(len as usize)];
        read_at(&file, &mut head, 0).map_err(|e| Error::io("read", path, e))?;
        if !is_counts(&head) {
            return Err(Error::Input(format!(
                "{} is no file of counts; make one of points with tilefire count",
                path.display()
            )));
        }
        let mut opened = Self {
            file,
            path: path.to_path_buf(),
            len,
            about: About::plain(0, None),
            details: (0, 0, 0),
            sections: Vec::new(),
        };
        if head != layout::head() && len >= HEAD as u64 && head[8..10] == layout::FORMAT.to_le_bytes() {
            return Err(opened.wrong("is damaged: it does not begin as its format does"));
        }
        let cut = || opened.wrong("is cut short, or its writing never came to an end");
        if len < (HEAD + TAIL) as u64 {
            return Err(cut());
        }
        let mut end = vec![0; END.min(len) as usize];
        let end_at = len - end.len() as u64;
        opened.read_at(&mut end, end_at)?;
        let tail: [u8; TAIL] = end[end.len() - TAIL..].try_into().map_err(|_| cut())?;
        let tail = match Tail::read(&tail) {
            None => return Err(cut()),
            Some(Err(format)) => {
                return Err(
                    opened.wrong(&format!("is of format {format}, which a later tilefire writes; take that one"))
                );
            }
            Some(Ok(tail)) => tail,
        };
        if tail.bytes as usize > TEXT_MOST {
            return Err(opened.wrong("is damaged: what it says of itself is too long"));
        }
        let damaged = || opened.wrong("is damaged: what it says of itself cannot be read");
        let ends =
            tail.at.checked_add(tail.bytes.into()).filter(|end| *end == len - TAIL as u64).ok_or_else(damaged)?;
        let mut own = Vec::new();
        let frame = match tail.at.checked_sub(end_at) {
            Some(from) => &end[from as usize..(ends - end_at) as usize],
            None => {
                own.resize(tail.bytes as usize, 0);
                opened.read_at(&mut own, tail.at)?;
                &own
            }
        };
        let root: Root = text(frame, tail.unpacked.into()).ok_or_else(damaged)?;
        let Root { zoom, weight, key, planes, details, sections } = root;
        let about = About { zoom, weight, key, planes };
        about.check().map_err(|problem| opened.wrong(&format!("is damaged: {problem}")))?;
        check((&about, details, &sections), tail.at).ok_or_else(damaged)?;
        (opened.about, opened.details, opened.sections) = (about, details, sections);
        Ok(opened)
    }

    /// What it is called.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes.
    pub fn bytes(&self) -> u64 {
        self.len
    }

    /// What its counts are of.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// An error about the file.
    pub(super) fn wrong(&self, what: &str) -> Error {
        Error::Input(format!("{} {what}", self.path.display()))
    }

    fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<()> {
        read_at(&self.file, bytes, at).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => self.wrong("was cut short while it was read"),
            _ => Error::io("read", &self.path, e),
        })
    }

    /// What its zooms come to, and where its counts come from.
    pub fn details(&self) -> Result<(Vec<ZoomSums>, Origin)> {
        let damaged = |what: &str| self.wrong(&format!("is damaged: {what}"));
        let (at, bytes, unpacked) = self.details;
        let mut frame = vec![0; bytes as usize];
        self.read_at(&mut frame, at)?;
        let Details { sums, sources } =
            text(&frame, unpacked).ok_or_else(|| damaged("what it says of its zooms and sources cannot be read"))?;
        let origin = Origin { sources };
        origin.check().map_err(|problem| damaged(&problem))?;
        Ok((sums, origin))
    }

    fn section(&self, plane: u16, z: u8) -> Option<&Section> {
        self.sections.iter().find(|section| section.plane == plane && section.zoom == z)
    }

    /// The chunks of a page.
    fn page(&self, section: &Section, page: usize) -> Result<Vec<ChunkAt>> {
        let damaged =
            || self.wrong(&format!("is damaged: a list of the tiles of zoom {} cannot be read", section.zoom));
        let about: &Page = section.pages.get(page).ok_or_else(damaged)?;
        let before = &section.pages[..page];
        let at = section.at + before.iter().map(|page| page.bytes).sum::<u64>();
        let place =
            section.pages_at().ok_or_else(damaged)? + before.iter().map(|page| u64::from(page.own)).sum::<u64>();
        let mut frame = vec![0; about.own as usize];
        self.read_at(&mut frame, place)?;
        let mut unpacker = Unpacker::new()?;
        let bytes = unpacker.unpack(&frame, PAGE_MOST).ok_or_else(damaged)?;
        layout::chunks(bytes, about, at).ok_or_else(damaged)
    }

    /// The chunks of a zoom that is kept.
    pub(super) fn chunks(&self, plane: u16, z: u8) -> Result<Vec<ChunkAt>> {
        let section = self.section(plane, z).ok_or_else(|| self.wrong(&format!("does not keep zoom {z}")))?;
        let mut all = Vec::new();
        for page in 0..section.pages.len() {
            all.extend(self.page(section, page)?);
        }
        if !all.windows(2).all(|pair| pair[0].first < pair[1].first) {
            return Err(self.wrong(&format!("is damaged: its tiles of zoom {z} are in no order")));
        }
        Ok(all)
    }

    /// The first tile of every page of a zoom that is kept.
    pub(super) fn page_firsts(&self, plane: u16, z: u8) -> impl Iterator<Item = u64> {
        self.section(plane, z).into_iter().flat_map(|section| section.pages.iter().map(|page| page.first))
    }

    /// The chunks of a zoom that is kept that may have tiles with a code in that range, in order.
    pub(super) fn chunks_within(&self, plane: u16, z: u8, codes: std::ops::Range<u64>) -> Result<Vec<ChunkAt>> {
        let section = self.section(plane, z).ok_or_else(|| self.wrong(&format!("does not keep zoom {z}")))?;
        let first = section.pages.partition_point(|page| page.first <= codes.start).saturating_sub(1);
        let last = section.pages.partition_point(|page| page.first < codes.end);
        let mut chunks = Vec::new();
        for page in first..last {
            chunks.extend(self.page(section, page)?);
        }
        if !chunks.windows(2).all(|pair| pair[0].first < pair[1].first) {
            return Err(self.wrong(&format!("is damaged: its tiles of zoom {z} are in no order")));
        }
        let from = chunks.partition_point(|chunk| chunk.first <= codes.start).saturating_sub(1);
        let to = chunks.partition_point(|chunk| chunk.first < codes.end);
        Ok(chunks.get(from..to).unwrap_or_default().to_vec())
    }

    /// The bytes of chunks that follow each other, as they are in the file.
    pub(super) fn frames<'a>(&self, chunks: &[ChunkAt], room: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        let len = chunks.iter().map(|chunk| chunk.len).sum::<u64>();
        room.resize(len as usize, 0);
        let Some(first) = chunks.first() else { return Ok(&[]) };
        self.read_at(room, first.at)?;
        Ok(room)
    }

    /// What to say of a chunk that cannot be read; `next` is the first tile of the one behind it.
    pub(super) fn damaged(&self, z: u8, first: u64, next: Option<u64>) -> Error {
        let tile = |code: u64| TileCoord::from_morton(z, code).to_string();
        let last = next.map_or("the last one".to_owned(), |next| tile(next - 1));
        self.wrong(&format!(
            "is damaged: the counts of tiles {} to {last}, in Morton order, cannot be read; take a copy of it, or count again",
            tile(first)
        ))
    }

    /// Calls `each` with the unpacked bytes of every chunk of some that follow each other. Fails, naming tiles, at one that is
    /// damaged.
    pub(super) fn each_chunk(
        &self,
        z: u8,
        (chunks, next): (&[ChunkAt], Option<u64>),
        (room, unpacker): (&mut Vec<u8>, &mut Unpacker),
        mut each: impl FnMut(&[u8]) -> Result<bool>,
    ) -> Result<()> {
        let frames = self.frames(chunks, room)?;
        let mut rest = frames;
        for (at, chunk) in chunks.iter().enumerate() {
            let next = chunks.get(at + 1).map(|chunk| chunk.first).or(next);
            let damaged = || self.damaged(z, chunk.first, next);
            let (frame, behind) = rest.split_at_checked(chunk.len as usize).ok_or_else(damaged)?;
            rest = behind;
            let bytes = unpacker.unpack(frame, CHUNK_MOST).ok_or_else(damaged)?;
            if !each(bytes)? {
                return Err(damaged());
            }
        }
        Ok(())
    }

    /// The counts of zoom `z` of planes that are added up, and those of all lower zooms, in `vault`; of `V` = u32 the points
    /// alone, whatever pixels hold beside them. On all threads of the current pool.
    ///
    /// Fails, naming the tile, where something is damaged, and where sums do not fit.
    pub fn load<V: Value>(&self, planes: &[u16], z: u8, vault: Arc<Vault>, monitor: &Monitor) -> Result<CountStore<V>> {
        if V::HOLDS == Holds::Sums && self.about.holds() == Holds::Counts {
            return Err(self.wrong("has no weights; count again with --weight"));
        }
        let layers: Vec<_> = planes.iter().map(|&plane| Layer { file: self, plane, becomes: None }).collect();
        load(&layers, z, vault, monitor)
    }

    /// A zoom that is kept, in ascending parts.
    fn load_zoom<V: Value>(
        &self,
        (plane, z): (u16, u8),
        becomes: Option<fn(Weighed) -> V>,
        store: &CountStore<V>,
        monitor: &Monitor,
    ) -> Result<Vec<CountPart<V>>> {
        let chunks = self.chunks(plane, z)?;
        let pieces: Vec<usize> = (0..chunks.len()).step_by(PIECE).collect();
        let scratch = || Ok::<_, Error>((Vec::new(), Unpacker::new()?, Vec::new()));
        let holds = self.about.holds();
        let becomes = becomes.or((V::HOLDS != holds).then_some(|pixel: Weighed| V::new(pixel.count, pixel.sum)));
        let read = |scratch: &mut Result<Scratch<V>>, from: usize| {
            monitor.check()?;
            let (room, unpacker, lit) = scratch.as_mut().map_err(|e| Error::Internal(e.to_string()))?;
            let since = monitor.now();
            let piece = &chunks[from..(from + PIECE).min(chunks.len())];
            let next = chunks.get(from + PIECE).map(|chunk| chunk.first);
            let mut part = store.part();
            self.each_chunk(z, (piece, next), (room, unpacker), |bytes| match (becomes, holds) {
                (None, _) => Ok(part.push_chunk(z, bytes, lit)?.is_some()),
                (Some(becomes), Holds::Counts) => each_tile::<u32>(bytes, z, &mut Vec::new(), |code, pixels| {
                    lit.clear();
                    let becoming = |l: &Lit<u32>| becomes(Weighed { sum: 0, count: l.count });
                    lit.extend(pixels.iter().map(|l| Lit { pixel: l.pixel, count: becoming(l) }));
                    part.push(code, lit)
                }),
                (Some(becomes), Holds::Sums) => each_tile::<Weighed>(bytes, z, &mut Vec::new(), |code, pixels| {
                    lit.clear();
                    lit.extend(pixels.iter().map(|l| Lit { pixel: l.pixel, count: becomes(l.count) }));
                    part.push(code, lit)
                }),
            })?;
            monitor.record(Stage::Read, since, monitor.now());
            part.sealed()
        };
        pieces.into_par_iter().map_init(scratch, read).collect()
    }

    /// The lit pixels of one tile of a plane, ascending; none where nothing is lit. It takes what its page takes to be read,
    /// and the chunks that hold it: of a zoom that is not kept those of its descendants in the next one that is.
    ///
    /// Fails, naming tiles, where they are damaged, and beyond the highest zoom.
    pub fn tile<V: Value>(&self, plane: u16, tile: TileCoord) -> Result<Vec<Lit<V>>> {
        let beyond = || self.wrong(&format!("has no zoom {} of plane {plane}", tile.z));
        let from = kept_zooms(self.about.zoom).filter(|kept| *kept >= tile.z).last().ok_or_else(beyond)?;
        let levels = 2 * u32::from(from - tile.z);
        let codes = tile.morton() << levels..(tile.morton() + 1) << levels;
        let chunks = self.chunks_within(plane, from, codes.clone())?;
        let (mut room, mut unpacker, mut lit) = (Vec::new(), Unpacker::new()?, Vec::new());
        let (mut open, mut found) = (families(from - tile.z), Vec::new());
        let mut whole = |_: usize, _: u64, pixels: &[Lit<V>], is_top: bool| {
            if is_top {
                found.extend_from_slice(pixels);
            }
            Ok(())
        };
        self.each_chunk(from, (&chunks, None), (&mut room, &mut unpacker), |bytes| {
            each_tile(bytes, from, &mut lit, |code, pixels| {
                if !codes.contains(&code) {
                    Ok(())
                } else if from == tile.z {
                    whole(0, code, pixels, true)
                } else {
                    rise(&mut open, 0, code, pixels, &mut whole)
                }
            })
        })?;
        settle(&mut open, &mut whole)?;
        Ok(found)
    }
}

/// Whether all parts lie before the root, and no section is missing or there twice.
fn check((about, details, sections): (&About, (u64, u64, u64), &[Section]), end: u64) -> Option<()> {
    let within = |at: u64, bytes: u64| at.checked_add(bytes).filter(|to| *to <= end && at >= HEAD as u64);
    within(details.0, details.1)?;
    if details.1 > TEXT_MOST as u64 {
        return None;
    }
    for section in sections {
        let mut to = within(section.at, section.pages_at()? - section.at)?;
        for page in &section.pages {
            to = within(to, page.own.into())?;
            // Less than nothing packs well.
            let few = page.own as usize <= PAGE_MOST + SLACK && page.bytes <= u64::from(page.chunks) * FRAME_MOST;
            if page.chunks == 0 || page.chunks as usize > PAGE || page.bytes < page.chunks.into() || !few {
                return None;
            }
        }
        if !section.pages.windows(2).all(|pair| pair[0].first < pair[1].first) {
            return None;
        }
    }
    let mut there: Vec<_> = sections.iter().map(|section| (section.plane, section.zoom)).collect();
    there.sort_unstable();
    let planes = 0..u16::try_from(about.planes.len()).ok()?;
    let mut wanted: Vec<_> = planes.flat_map(|plane| kept_zooms(about.zoom).map(move |z| (plane, z))).collect();
    wanted.sort_unstable();
    (there == wanted).then_some(())
}

/// A plane of a file that is loaded with others.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a, V> {
    /// The file.
    pub file: &'a CountFile,
    /// The plane, by its place.
    pub plane: u16,
    /// What becomes of what its pixels hold, which of points alone weighs nothing; they stay what they are where nothing
    /// is said.
    pub becomes: Option<fn(Weighed) -> V>,
}

/// The counts of zoom `z` of layers that are added up, and those of all lower zooms, in `vault`. On all threads of the
/// current pool.
///
/// Fails, naming the file and the tile, where something is damaged, and where sums do not fit.
pub fn load<V: Value>(layers: &[Layer<'_, V>], z: u8, vault: Arc<Vault>, monitor: &Monitor) -> Result<CountStore<V>> {
    let mut counts = CountStore::in_vault(z, vault);
    // By the lowest zoom that a file keeps and that has all that is needed.
    let mut parts: BTreeMap<u8, Vec<CountPart<V>>> = BTreeMap::new();
    for layer in layers {
        let base = layer.file.about().zoom;
        let from = kept_zooms(base).filter(|kept| *kept >= z).last();
        let from = from.ok_or_else(|| layer.file.wrong(&format!("has zooms up to {base} only")))?;
        parts.entry(from).or_default().extend(layer.file.load_zoom(
            (layer.plane, from),
            layer.becomes,
            &counts,
            monitor,
        )?);
    }
    let mut all = Vec::new();
    for (from, parts) in parts {
        let mut higher = CountStore::in_vault(from, counts.vault().clone());
        match layers {
            [_] => higher.set_zoom(from, parts)?,
            _ => monitor.time(Stage::Reduce, || higher.set_zoom_summed(from, parts))?,
        }
        for z in (z..from).rev() {
            monitor.time(Stage::Reduce, || higher.reduce(z))?;
            drop(higher.take_zoom(z + 1)?);
        }
        all.push(higher.take_zoom(z)?);
    }
    if all.len() > 1 {
        counts.set_zoom_summed(z, all)?;
    } else {
        counts.set_zoom(z, all)?;
    }
    for z in (0..z).rev() {
        monitor.check()?;
        monitor.time(Stage::Reduce, || counts.reduce(z))?;
    }
    Ok(counts)
}

/// Calls `each` with every tile of an unpacked chunk of zoom `z`; false where it is none.
pub(super) fn each_tile<V: Value>(
    bytes: &[u8],
    z: u8,
    lit: &mut Vec<Lit<V>>,
    mut each: impl FnMut(u64, &[Lit<V>]) -> Result<()>,
) -> Result<bool> {
    let mut last = None;
    for tile in crate::store::chunk_tiles(bytes) {
        let Ok((code, block)) = tile else { return Ok(false) };
        lit.clear();
        let ascends = last.is_none_or(|last| last < code) && code >> (2 * u32::from(z)) == 0;
        if !ascends || crate::counts::decode_block(block, lit).is_none() || lit.is_empty() {
            return Ok(false);
        }
        each(code, lit)?;
        last = Some(code);
    }
    Ok(last.is_some())
}

/// What a frame of JSON holds; `None` where it is none of that length.
fn text<T: DeserializeOwned>(frame: &[u8], unpacked: u64) -> Option<T> {
    let unpacked = usize::try_from(unpacked).ok().filter(|len| *len <= TEXT_MOST)?;
    let mut unpacker = Unpacker::new().ok()?;
    let bytes = unpacker.unpack(frame, unpacked)?;
    serde_json::from_slice(bytes).ok()
}
