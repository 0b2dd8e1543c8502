//! Adds files of counts up, or takes some out of others: tile by tile in Morton order, so that memory does not grow with
//! their size, and whatever the order or grouping, the bytes are the same.
//!
//! The zoom is cut into pieces at tiles of a low zoom ([`low_zoom`]), which threads work on side by side. A piece adds its
//! tiles up, notes how many pixels have each count on every zoom down to that one, and hands over the tiles of the zooms
//! that are kept; those of the low zoom are few, and reduced behind all pieces.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::about::{About, Key, Part, ZoomSums};
use super::layout::ChunkAt;
use super::operand::{Operand, Tiles, take_out};
use super::origin::Origin;
use super::read::CountFile;
use super::rise::{Family, families, rise, settle};
use super::write::{CountWriter, kept_zooms, low_zoom};
use crate::counts::{Histogram, Holds, Lit, Value, Weighed, ZoomStats, add_lit, encode_block, labels, varint};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::store::{CountPart, CountStore, Kept, Vault, chunk_tiles};
use crate::tile::TileCoord;

/// Bytes of packed chunks in a piece, as a goal.
const PIECE: u64 = 1 << 20;
/// Pieces a thread that are worked on before their tiles are written.
const AT_ONCE: usize = 4;

/// What is to be added up.
#[derive(Debug)]
pub struct Merging<'a> {
    /// Files to be added.
    pub files: &'a [CountFile],
    /// Files whose counts are taken out.
    pub minus: &'a [CountFile],
    /// The zoom of the result; the lowest of all files where nothing is said.
    pub zoom: Option<u8>,
    /// Whether rows may be counted twice.
    pub allow_duplicates: bool,
    /// Whether shares of an input may be missing.
    pub partial: bool,
    /// Whether rows that are doubtful as a whole are counted nevertheless.
    pub accept_doubt: bool,
    /// Where tiles wait.
    pub vault: Arc<Vault>,
}

/// Adds up, and writes the file; on all threads of the current pool. Gives what it is and where its counts come from.
pub fn merge(merging: &Merging<'_>, out: &mut dyn Write, path: &Path, monitor: &Monitor) -> Result<(About, Origin)> {
    let about = about(merging)?;
    let origin = origin(merging)?;
    let mut writer = CountWriter::begin(out, path, monitor)?;
    for (number, plane) in (0..=u16::MAX).zip(&about.planes) {
        let of = |minus: bool| {
            move |file| {
                let planes: &[Part] = &CountFile::about(file).planes;
                let place = planes.iter().position(|own| own.name == plane.name)?;
                Some(Operand { file, plane: place as u16, minus })
            }
        };
        let operands: Vec<_> =
            merging.files.iter().filter_map(of(false)).chain(merging.minus.iter().filter_map(of(true))).collect();
        let work = Work { operands: &operands, z: about.zoom, vault: &merging.vault, monitor };
        match about.holds() {
            Holds::Counts => work.plane::<u32>(&mut writer, number)?,
            Holds::Sums => work.plane::<Weighed>(&mut writer, number)?,
        }
    }
    let (points, used) = (writer.points(), origin.used());
    if points != used {
        return Err(Error::Input(format!(
            "a file is damaged: all pixels together hold {points} points, and the sources brought {used}; tilefire shade tells \
             of which one that is so"
        )));
    }
    writer.finish(&about, &origin)?;
    Ok((about, origin))
}

/// What the result is. Fails, saying why, where files cannot be added up.
fn about(merging: &Merging<'_>) -> Result<About> {
    let all = || merging.files.iter().chain(merging.minus);
    let first = merging.files.first().ok_or_else(|| Error::Usage("name at least one file of counts".into()))?;
    let own = first.about();
    let unlike = |file: &CountFile, what: String| {
        Err(Error::Input(format!(
            "{} and {} cannot be added up: {what}",
            first.path().display(),
            file.path().display()
        )))
    };
    for file in all() {
        let other = file.about();
        match (&own.weight, &other.weight) {
            (Some(a), Some(b)) if a.column != b.column => {
                return unlike(file, format!("the first has weights of '{}', the second of '{}'", a.column, b.column));
            }
            (Some(a), Some(b)) if a.step() != b.step() => {
                return unlike(
                    file,
                    format!(
                        "their weights are in steps of {} and of {}; count one again with --weight-step",
                        a.step, b.step
                    ),
                );
            }
            (Some(_), Some(_)) | (None, None) => (),
            (Some(weight), None) => return unlike(file, format!("only the first has weights, of '{}'", weight.column)),
            (None, Some(weight)) => {
                return unlike(file, format!("only the second has weights, of '{}'", weight.column));
            }
        }
        let by = |key: &Option<Key>| key.as_ref().map_or("nothing".to_owned(), |key| format!("'{}'", key.by));
        if own.key.as_ref().map(|key| &key.by) != other.key.as_ref().map(|key| &key.by) {
            return unlike(file, format!("the first is counted by {}, the second by {}", by(&own.key), by(&other.key)));
        }
        let named = |about: &About| about.key.as_ref().is_some_and(|key| key.named);
        if (named(own) || named(other)) && (own.planes != other.planes || named(own) != named(other)) {
            return unlike(file, "they were counted with other --values".into());
        }
    }
    let lowest = all().map(|file| file.about().zoom).min().unwrap_or(0);
    let zoom = merging.zoom.unwrap_or(lowest);
    if zoom > lowest {
        let file = all().find(|file| file.about().zoom == lowest).unwrap_or(first);
        return Err(Error::Usage(format!(
            "-z {zoom} is more than there is: {} has zooms up to {lowest}",
            file.path().display()
        )));
    }
    let mut names: Vec<String> = all().flat_map(|file| &file.about().planes).map(|part| part.name.clone()).collect();
    if own.key.as_ref().is_none_or(|key| key.named) {
        names = own.planes.iter().map(|part| part.name.clone()).collect();
    } else {
        labels::in_order(&mut names);
    }
    let shared =
        |file: &CountFile| Ok::<_, Error>(file.details()?.1.sources.iter().any(|source| source.share.is_some()));
    let is_shared = merging.files.first().map_or(Ok(false), shared)?;
    let most = if is_shared { MOST_VALUES } else { MOST_PLANES };
    if names.len() > most && own.key.as_ref().is_some_and(|key| !key.named) {
        return Err(Error::Limit(format!(
            "together the files have {} values of {}, and the most is {most}; count again with --values",
            names.len(),
            own.key.as_ref().map_or("", |key| &key.by)
        )));
    }
    let planes = names.into_iter().map(|name| Part::new(name, own.holds())).collect();
    Ok(About { zoom, planes, ..own.clone() })
}

/// Planes that a file has, at most, where their values were not named.
const MOST_PLANES: usize = 4096;
/// The same of one run, whose shares these are.
const MOST_VALUES: usize = 250;

/// Where the counts of the result come from. Fails where rows would be counted twice, or are not there to be taken out.
fn origin(merging: &Merging<'_>) -> Result<Origin> {
    let mut known: Vec<(&CountFile, Origin)> = Vec::new();
    for file in merging.files {
        let origin = file.details()?.1;
        if !merging.allow_duplicates
            && let Some((earlier, source)) =
                known.iter().find_map(|(earlier, known)| Some((*earlier, known.in_common(&origin)?)))
        {
            let what = match &source.share {
                Some(share) => {
                    let shares = share.shares.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                    format!("share {shares} of {}", share.of)
                }
                None => format!("the same {} rows", crate::shade::grouped(source.rows)),
            };
            return Err(Error::Input(format!(
                "{} and {} both have {what}, which would be counted twice; leave one out, or add them nevertheless with \
                 --allow-duplicates",
                earlier.path().display(),
                file.path().display()
            )));
        }
        known.push((file, origin));
    }
    let mut origin = Origin::joined(known.into_iter().map(|(_, origin)| origin))?;
    // Shares may have come to what is there as a whole.
    if let Some(source) = origin.repeated().filter(|_| !merging.allow_duplicates) {
        return Err(Error::Input(format!(
            "the same {} rows are there as a whole and in shares, and would be counted twice; leave one out",
            crate::shade::grouped(source.rows)
        )));
    }
    for file in merging.minus {
        let gone = file.details()?.1;
        origin = origin.without(&gone).map_err(|source| {
            Error::Input(format!(
                "{} has a source of {} rows that was not added to what it is to be taken out of; name files that were",
                file.path().display(),
                crate::shade::grouped(source.rows)
            ))
        })?;
    }
    if let Some(missing) = origin.missing().filter(|_| !merging.partial) {
        return Err(Error::Input(missing));
    }
    if !merging.partial {
        // A share may have all the bad rows of an input that is good as a whole.
        let mostly = |source: &&super::Source| source.doubtful > source.rows / 2;
        let doubt = origin.sources.iter().filter(mostly).find_map(|source| source.doubts.first());
        if let Some(doubt) = doubt.filter(|_| !merging.accept_doubt) {
            return Err(Error::Input(format!("{doubt} (a share of its rows says so)")));
        }
        for source in &mut origin.sources {
            (source.doubts, source.doubtful) = Default::default();
        }
    }
    if origin.used() == 0 && !merging.partial {
        return Err(Error::Input("no points would be left, and a file of counts has some".into()));
    }
    Ok(origin)
}

/// One plane of the result.
struct Work<'a> {
    operands: &'a [Operand<'a>],
    z: u8,
    vault: &'a Arc<Vault>,
    monitor: &'a Monitor,
}

/// Some tiles of a piece, as those of a chunk.
type Blocks = Kept;

/// What a piece comes to.
struct Piece<V> {
    /// Tiles of the kept zooms above that of alignment, in the order of [`kept_zooms`].
    kept: Vec<Vec<Blocks>>,
    /// Tiles of the zoom of alignment.
    low: CountPart<V>,
    /// Tiles, and pixels by count, of the zooms from the highest down to that of alignment.
    sums: Vec<(u64, Histogram)>,
}

impl Work<'_> {
    /// The zoom at whose tiles pieces are cut.
    fn align(&self) -> u8 {
        low_zoom(self.z)
    }

    fn plane<V: Value>(&self, writer: &mut CountWriter<'_>, plane: u16) -> Result<()> {
        let align = self.align();
        let high: Vec<u8> = kept_zooms(self.z).filter(|z| *z > align).collect();
        let mut later: Vec<Vec<Blocks>> = high.iter().map(|_| Vec::new()).collect();
        let mut low: CountStore<V> = CountStore::in_vault(align, self.vault.clone());
        let mut low_parts = Vec::new();
        let mut sums: Vec<(u64, Histogram)> = (align..=self.z).map(|_| Default::default()).collect();
        let mut chunks = writer.begin_section();
        for window in self.windows()? {
            let pieces = self.pieces(window)?;
            for some in pieces.chunks(AT_ONCE * rayon::current_num_threads().max(1)) {
                let done: Vec<Piece<V>> =
                    some.par_iter().map(|piece| self.piece(piece, &high, &low)).collect::<Result<_>>()?;
                for piece in done {
                    for (all, (tiles, mut histogram)) in sums.iter_mut().zip(piece.sums) {
                        all.0 += tiles;
                        all.1.take(&mut histogram);
                    }
                    for (at, blocks) in piece.kept.into_iter().enumerate() {
                        if at == 0 {
                            self.each_block(blocks, |code, block| writer.push(&mut chunks, code, block))?;
                        } else {
                            later[at].extend(blocks);
                        }
                    }
                    low_parts.push(piece.low);
                }
            }
        }
        if !high.is_empty() {
            writer.end_section(chunks, plane, self.z)?;
        }
        for (&z, blocks) in high.iter().zip(later).skip(1) {
            let mut chunks = writer.begin_section();
            self.each_block(blocks, |code, block| writer.push(&mut chunks, code, block))?;
            writer.end_section(chunks, plane, z)?;
        }
        for (z, (tiles, histogram)) in (align..=self.z).rev().zip(sums) {
            if z > align {
                writer.sums(of_histogram(plane, z, tiles, &histogram.settled())?);
            }
        }
        low.set_zoom(align, low_parts)?;
        for z in (0..align).rev() {
            self.monitor.check()?;
            self.monitor.time(Stage::Reduce, || low.reduce(z))?;
        }
        (0..=align).rev().try_for_each(|z| writer.zoom(plane, (z, self.z), low.stats(z)?, &low))
    }

    fn each_block(&self, all: Vec<Blocks>, mut each: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        for kept in all {
            let bytes = self.vault.take(kept)?;
            for tile in chunk_tiles(&bytes) {
                let (code, block) = tile?;
                each(code, block)?;
            }
        }
        Ok(())
    }

    /// Ranges of tiles that together are all there are, each with no more chunks than a few pages name.
    fn windows(&self) -> Result<Vec<std::ops::Range<u64>>> {
        let mut cuts = vec![0];
        for operand in self.operands {
            let from = operand.from(self.z)?;
            let levels = 2 * u32::from(from - self.z);
            cuts.extend(operand.file.page_firsts(operand.plane, from).map(|first| self.aligned(first >> levels)));
        }
        Ok(ranges(cuts, self.z))
    }

    /// The tile at or before `code` that a piece may begin with.
    fn aligned(&self, code: u64) -> u64 {
        let bits = 2 * u32::from(self.z - self.align());
        code >> bits << bits
    }

    /// The pieces of a window, each with the chunks of every operand that may have tiles in it.
    fn pieces(&self, window: std::ops::Range<u64>) -> Result<Vec<Cut>> {
        let mut all = Vec::with_capacity(self.operands.len());
        let mut sizes = Vec::new();
        for operand in self.operands {
            let from = operand.from(self.z)?;
            let levels = 2 * u32::from(from - self.z);
            let codes = window.start << levels..window.end << levels;
            let chunks = operand.file.chunks_within(operand.plane, from, codes)?;
            sizes.extend(chunks.iter().map(|chunk| (self.aligned(chunk.first >> levels).max(window.start), chunk.len)));
            all.push((from, chunks));
        }
        sizes.sort_unstable();
        let (mut cuts, mut size) = (vec![window.start], 0);
        for (code, len) in sizes {
            if size >= PIECE && cuts.last().is_some_and(|last| *last < code) {
                cuts.push(code);
                size = 0;
            }
            size += len;
        }
        let ends = cuts.iter().skip(1).copied().chain([window.end]).collect::<Vec<_>>();
        let within = |range: &std::ops::Range<u64>| {
            all.iter()
                .map(|(from, chunks)| {
                    let levels = 2 * u32::from(from - self.z);
                    let begin = chunks.partition_point(|c| c.first <= range.start << levels).saturating_sub(1);
                    let end = chunks.partition_point(|c| c.first < range.end << levels);
                    let next = chunks.get(end).map(|chunk| chunk.first);
                    (chunks.get(begin..end).unwrap_or_default().to_vec(), next)
                })
                .collect()
        };
        Ok(cuts.into_iter().zip(ends).map(|(from, to)| Cut { chunks: within(&(from..to)), codes: from..to }).collect())
    }

    fn piece<V: Value>(&self, cut: &Cut, high: &[u8], store: &CountStore<V>) -> Result<Piece<V>> {
        let from = self.monitor.now();
        let align = self.align();
        let mut tiles: Vec<Tiles<'_, V>> = Vec::with_capacity(self.operands.len());
        for (operand, (chunks, next)) in self.operands.iter().zip(&cut.chunks) {
            let mut stream = Tiles::new(*operand, self.z, (chunks, *next), &cut.codes)?;
            if stream.advance()? {
                tiles.push(stream);
            }
        }
        let mut rising = Rising {
            z: self.z,
            align,
            high,
            vault: self.vault,
            open: high.iter().map(|_| Open::default()).collect(),
            kept: high.iter().map(|_| Vec::new()).collect(),
            low: store.part(),
            sums: (align..=self.z).map(|_| Default::default()).collect(),
            families: families(self.z - align),
            block: Vec::new(),
        };
        let (mut lit, mut spare) = (Vec::new(), Vec::new());
        while let Some(code) = tiles.iter().map(|stream| stream.code).min() {
            self.monitor.check()?;
            let mut alone = None;
            lit.clear();
            let mut at = 0;
            while let Some(stream) = tiles.get_mut(at) {
                if stream.code != code {
                    at += 1;
                    continue;
                }
                if stream.operand.minus {
                    take_out(&mut lit, &stream.lit, &mut spare)
                        .ok_or_else(|| stream.not_there(TileCoord::from_morton(self.z, code)))??;
                    alone = None;
                } else if lit.is_empty() {
                    std::mem::swap(&mut lit, &mut stream.lit);
                    alone = Some(at);
                } else {
                    add_lit(&mut lit, &stream.lit, &mut spare)?;
                    alone = None;
                }
                // The block of a tile that one file alone has is as good as it was.
                let several = tiles.iter().skip(at + 1).any(|other| other.code == code);
                let stream = &mut tiles[at];
                if let (Some(_), false, Some(block)) = (alone, several, stream.block()) {
                    rising.block.clear();
                    rising.block.extend_from_slice(block);
                } else {
                    alone = None;
                }
                if stream.advance()? {
                    at += 1;
                } else {
                    tiles.remove(at);
                }
            }
            if !lit.is_empty() {
                rising.base(code, &lit, alone.is_some())?;
            }
        }
        let piece = rising.finish()?;
        self.monitor.record(Stage::Reduce, from, self.monitor.now());
        Ok(piece)
    }
}

/// Ranges between sorted cuts, up to the end of zoom `z`.
fn ranges(mut cuts: Vec<u64>, z: u8) -> Vec<std::ops::Range<u64>> {
    cuts.sort_unstable();
    cuts.dedup();
    let ends: Vec<u64> = cuts.iter().skip(1).copied().chain([1 << (2 * u32::from(z))]).collect();
    cuts.into_iter().zip(ends).map(|(from, to)| from..to).collect()
}

/// A piece: the tiles, and for each operand the chunks that may have some, with the first tile behind them.
struct Cut {
    codes: std::ops::Range<u64>,
    chunks: Vec<(Vec<ChunkAt>, Option<u64>)>,
}

/// Tiles on their way up the zooms of a piece.
struct Rising<'a, V> {
    z: u8,
    align: u8,
    high: &'a [u8],
    vault: &'a Vault,
    open: Vec<Open>,
    kept: Vec<Vec<Blocks>>,
    low: CountPart<V>,
    sums: Vec<(u64, Histogram)>,
    families: Vec<Family<V>>,
    /// The block of a tile, where it is known.
    block: Vec<u8>,
}

/// Tiles of a zoom as those of a chunk, so far.
#[derive(Default)]
struct Open {
    bytes: Vec<u8>,
    last: u64,
}

/// Bytes of tiles after which they wait.
const WAIT: usize = 1 << 18;

impl Open {
    fn push(&mut self, code: u64, block: &[u8], vault: &Vault, kept: &mut Vec<Blocks>) -> Result<()> {
        varint::put(&mut self.bytes, code - self.last);
        varint::put(&mut self.bytes, block.len() as u64);
        self.bytes.extend_from_slice(block);
        self.last = code;
        if self.bytes.len() >= WAIT { self.close(vault, kept) } else { Ok(()) }
    }

    fn close(&mut self, vault: &Vault, kept: &mut Vec<Blocks>) -> Result<()> {
        if !self.bytes.is_empty() {
            kept.push(vault.put(&self.bytes)?);
            self.bytes.clear();
            self.last = 0;
        }
        Ok(())
    }
}

impl<V: Value> Rising<'_, V> {
    /// Takes a tile of the highest zoom; `known` if its block is there.
    fn base(&mut self, code: u64, lit: &[Lit<V>], known: bool) -> Result<()> {
        let Self { z, align, high, vault, open, kept, low, sums, families, block } = self;
        note(&mut sums[0], lit);
        if *z == *align {
            return low.push(code, lit);
        }
        if !known {
            block.clear();
            encode_block(lit, block);
        }
        if let (Some(open), Some(kept)) = (open.first_mut(), kept.first_mut()) {
            open.push(code, block, vault, kept)?;
        }
        let (z, mut encoded) = (*z, Vec::new());
        rise(families, 0, code, lit, &mut |at, code, pixels, top| {
            above(z - 1 - at as u8, (code, pixels), top, (*high, vault, &mut encoded), (open, kept, low, sums), at)
        })
    }

    fn finish(self) -> Result<Piece<V>> {
        let Self { z, high, vault, mut open, mut kept, mut low, mut sums, mut families, .. } = self;
        let mut encoded = Vec::new();
        settle(&mut families, &mut |at, code, pixels, top| {
            let into = (&mut open, &mut kept, &mut low, &mut sums);
            above(z - 1 - at as u8, (code, pixels), top, (high, vault, &mut encoded), into, at)
        })?;
        for (open, kept) in open.iter_mut().zip(&mut kept) {
            open.close(vault, kept)?;
        }
        Ok(Piece { kept, low: low.sealed()?, sums })
    }
}

/// Where tiles of lower zooms go: blocks that are open and that wait, the lowest zoom, and what zooms come to.
type Sinks<'a, V> = (&'a mut Vec<Open>, &'a mut Vec<Vec<Blocks>>, &'a mut CountPart<V>, &'a mut Vec<(u64, Histogram)>);

/// Takes a complete tile of zoom `z`, `at` + 1 zooms below the highest.
fn above<V: Value>(
    z: u8,
    (code, pixels): (u64, &[Lit<V>]),
    top: bool,
    (high, vault, encoded): (&[u8], &Vault, &mut Vec<u8>),
    (open, kept, low, sums): Sinks<'_, V>,
    at: usize,
) -> Result<()> {
    note(&mut sums[at + 1], pixels);
    if top {
        return low.push(code, pixels);
    }
    if let Some(place) = high.iter().position(|kept| *kept == z) {
        encoded.clear();
        encode_block(pixels, encoded);
        open[place].push(code, encoded, vault, &mut kept[place])?;
    }
    Ok(())
}

/// Adds a tile to what its zoom comes to.
fn note<V: Value>((tiles, histogram): &mut (u64, Histogram), lit: &[Lit<V>]) {
    *tiles += 1;
    lit.iter().for_each(|l| histogram.add(l.count.count(), 1));
}

/// What a zoom comes to, from the pixels of each count.
fn of_histogram(plane: u16, z: u8, tiles: u64, histogram: &Histogram) -> Result<ZoomSums> {
    let mut stats = ZoomStats { tiles, ..ZoomStats::default() };
    for entry in histogram.entries()? {
        let (count, pixels) = entry?;
        stats.lit += pixels;
        stats.max = count;
        stats.sum = u64::from(count)
            .checked_mul(pixels)
            .and_then(|all| all.checked_add(stats.sum))
            .ok_or_else(crate::counts::overflow)?;
    }
    ZoomSums::new(plane, z, &stats, histogram)
}
