//! What a tile's neighbours need to know of it: its lit pixels within the radius of a kernel, and which tiles those
//! reach. A zoom is worked off area by area, so that what is held at a time is bounded: an area is a coarse tile, and
//! its tiles' surroundings are the ring of tiles around it, read once more where they are another area's.

use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::backend::Memory;
use crate::counts::{Lit, Value, row_major};
use crate::error::Result;
use crate::store::CountStore;
use crate::tile::{TILE_SIDE, TileCoord};

const SIDE: i32 = TILE_SIDE as i32;

/// The eight neighbours of a tile, as (columns east, rows south).
const AROUND: [(i32, i32); 8] = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

/// Place of a row-major pixel seen from the tile that lies (-dx, -dy) tiles away from its own.
fn place(pixel: u16, dx: i32, dy: i32) -> (i32, i32) {
    (i32::from(pixel & 0xff) + dx * SIDE, i32::from(pixel >> 8) + dy * SIDE)
}

/// Whether a pixel's square of that radius touches the tile.
pub(in crate::backend) fn within((x, y): (i32, i32), radius: i32) -> bool {
    (-radius..SIDE + radius).contains(&x) && (-radius..SIDE + radius).contains(&y)
}

/// A square of 2^level by 2^level tiles of a zoom: those below one coarse tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Area {
    z: u8,
    level: u8,
    /// Morton code of the coarse tile.
    code: u64,
}

impl Area {
    /// Morton codes of its tiles.
    fn codes(self) -> Range<u64> {
        self.code << (2 * self.level)..(self.code + 1) << (2 * self.level)
    }

    fn children(self) -> impl DoubleEndedIterator<Item = Self> {
        (0..4).map(move |quadrant| Self { level: self.level - 1, code: (self.code << 2) | quadrant, ..self })
    }

    /// First column and row, and how many there are of either.
    fn square(self) -> (u64, u64, u64) {
        let corner = TileCoord::from_morton(self.z, self.codes().start);
        (corner.x.into(), corner.y.into(), 1 << self.level)
    }

    /// Whether a tile is one of its own or of the ring around them.
    fn is_near(self, code: u64) -> bool {
        let (x, y, side) = self.square();
        let (tile, mask) = (TileCoord::from_morton(self.z, code), (1u64 << self.z) - 1);
        let (column, row) = ((u64::from(tile.x) + 1).wrapping_sub(x) & mask, u64::from(tile.y) + 1);
        column < side + 2 && (y..y + side + 2).contains(&row)
    }

    /// Whether a tile of `other` may be one of its own or of the ring around them.
    fn touches(self, other: Self) -> bool {
        let ((x, y, side), (left, top, wide)) = (self.square(), other.square());
        let world = 1u64 << self.z;
        // Everything moved by one world and a tile, so that no number is below 0; the world once more on either side.
        let (from, to) = (x + world, x + world + side + 2);
        let columns = (0..3).any(|turn| left + 1 + turn * world < to && from < left + 1 + turn * world + wide);
        columns && top + 1 < y + side + 2 && y < top + 1 + wide
    }

    /// Chunks that may hold a tile of the ring around it.
    fn ring<V: Value>(self, counts: &CountStore<V>, near: Self, chunks: &mut Vec<usize>) -> Result<()> {
        if !self.touches(near) || self == near {
            return Ok(());
        }
        let within = counts.chunks_within(self.z, self.codes())?;
        match within.len() {
            0 => {}
            1 | 2 => chunks.extend(within),
            _ if self.level == 0 => chunks.extend(within),
            _ => {
                for child in self.children() {
                    child.ring(counts, near, chunks)?;
                }
            }
        }
        Ok(())
    }
}

/// Bytes that a tile takes of an area's memory besides its pixels: its place, and those of it and its neighbours in
/// the list of tiles that are reached, while that is made.
const TILE: u64 = 24 + 2 * 9 * 8;
/// Bytes of a pixel.
const fn pixel<V>() -> u64 {
    size_of::<(u16, V)>() as u64
}

/// The least memory that the borders of any area fit in: of one tile and its eight neighbours, all pixels lit.
const fn least<V>() -> u64 {
    9 * (TILE + pixel::<V>() * (TILE_SIDE * TILE_SIDE) as u64)
}

/// Calls `each` with the borders of one area of zoom `z` after the other, in Morton order, for a spread of `radius`
/// pixels. Every tile that is lit or reached belongs to one of them. What is held at a time is the share of `memory` for
/// it, or [`LEAST`]. Who keeps borders longer than its call accounts for them.
pub(in crate::backend) fn for_each_area<V: Value>(
    counts: &CountStore<V>,
    z: u8,
    radius: u32,
    memory: &Memory,
    mut each: impl FnMut(Borders<V>) -> Result<()>,
) -> Result<()> {
    for_each_area_within(counts, z, radius, memory.borders().max(least::<V>()), |borders| {
        let _held = memory.account.force(borders.bytes());
        each(borders)
    })
}

/// The same for areas of at most `room` bytes, or of a single tile.
fn for_each_area_within<V: Value>(
    counts: &CountStore<V>,
    z: u8,
    radius: u32,
    room: u64,
    mut each: impl FnMut(Borders<V>) -> Result<()>,
) -> Result<()> {
    let mut waiting = vec![Area { z, level: z, code: 0 }];
    while let Some(area) = waiting.pop() {
        let borders =
            if may_fit(counts, area, radius, room)? { Borders::new(counts, area, radius, room)? } else { None };
        match borders {
            Some(borders) if borders.is_empty() => {}
            Some(borders) => each(borders)?,
            None => waiting.extend(area.children().rev()),
        }
    }
    Ok(())
}

/// Whether it is worth looking: an area's own tiles are no more than fit, as far as can be told from their bytes.
fn may_fit<V: Value>(counts: &CountStore<V>, area: Area, radius: u32, room: u64) -> Result<bool> {
    if area.level == 0 {
        return Ok(true);
    }
    let (side, inner) = (u64::from(TILE_SIDE), u64::from(TILE_SIDE.saturating_sub(2 * radius)));
    let mut bytes = 0;
    for chunk in counts.chunks_within(area.z, area.codes())? {
        // A pixel takes at least a byte of a chunk.
        let pixels = counts.chunk_bytes(area.z, chunk)?;
        bytes += pixels * pixel::<V>() * (side * side - inner * inner) / (side * side);
        if bytes > room {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The tiles of a chunk that an area needs to know.
#[derive(Debug)]
struct Piece<V> {
    /// Morton code, and the end of its pixels.
    tiles: Vec<(u64, u32)>,
    /// What the counts of each tile come to.
    sums: Vec<u64>,
    /// Row-major pixel and count of those near a border.
    pixels: Vec<(u16, V)>,
}

impl<V> Default for Piece<V> {
    fn default() -> Self {
        Self { tiles: Vec::new(), sums: Vec::new(), pixels: Vec::new() }
    }
}

impl<V> Piece<V> {
    fn bytes(&self) -> u64 {
        self.tiles.len() as u64 * TILE + self.pixels.len() as u64 * pixel::<V>()
    }
}

/// The pixels of every lit tile in and around an area that lie within the radius of one of its borders: what a
/// neighbour needs to know of it, so that each tile's block is decoded twice and not nine times.
#[derive(Debug)]
pub(in crate::backend) struct Borders<V = u32> {
    area: Area,
    radius: i32,
    /// In Morton order.
    pieces: Vec<Piece<V>>,
}

impl<V: Value> Borders<V> {
    /// `None` where that takes more than `room` bytes and the area can be divided.
    fn new(counts: &CountStore<V>, area: Area, radius: u32, room: u64) -> Result<Option<Self>> {
        let z = area.z;
        let mut chunks: Vec<usize> = counts.chunks_within(z, area.codes())?.collect();
        Area { z, level: z, code: 0 }.ring(counts, area, &mut chunks)?;
        chunks.sort_unstable();
        chunks.dedup();
        let (radius, held) = (radius as i32, AtomicU64::new(0));
        let inner = radius..SIDE - radius;
        let pieces = chunks.into_par_iter().map_init(Vec::new, |lit, chunk| {
            let mut piece = Piece::default();
            if held.load(Ordering::Relaxed) > room && area.level > 0 {
                return ControlFlow::Break(Ok(()));
            }
            let read = counts.read_chunk_where(
                z,
                chunk,
                |code| area.is_near(code),
                lit,
                |code, lit| {
                    let pixels = lit.iter().map(|l| (row_major(l.pixel), l.count));
                    let border = pixels.filter(|&(pixel, _)| {
                        let (x, y) = place(pixel, 0, 0);
                        !inner.contains(&x) || !inner.contains(&y)
                    });
                    piece.pixels.extend(border);
                    piece.tiles.push((code, piece.pixels.len() as u32));
                    piece.sums.push(lit.iter().map(|l| u64::from(l.count.count())).sum());
                    Ok(())
                },
            );
            if let Err(error) = read {
                return ControlFlow::Break(Err(error));
            }
            piece.pixels.shrink_to_fit();
            piece.tiles.shrink_to_fit();
            piece.sums.shrink_to_fit();
            held.fetch_add(piece.bytes(), Ordering::Relaxed);
            ControlFlow::Continue(piece)
        });
        let mut found = Vec::new();
        for piece in pieces.collect::<Vec<_>>() {
            match piece {
                ControlFlow::Continue(piece) if piece.tiles.is_empty() => {}
                ControlFlow::Continue(piece) => found.push(piece),
                ControlFlow::Break(Ok(())) => return Ok(None),
                ControlFlow::Break(Err(error)) => return Err(error),
            }
        }
        let fits = held.into_inner() <= room || area.level == 0;
        Ok(fits.then_some(Self { area, radius, pieces: found }))
    }

    /// Bytes that they take.
    pub(in crate::backend) fn bytes(&self) -> u64 {
        self.pieces.iter().map(Piece::<V>::bytes).sum()
    }

    /// Whether the area is the whole zoom.
    pub(in crate::backend) fn are_all(&self) -> bool {
        self.area.level == self.area.z
    }

    fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    fn find(&self, tile: TileCoord) -> Option<(&Piece<V>, usize)> {
        let code = tile.morton();
        let at = self.pieces.partition_point(|piece| piece.tiles.last().is_some_and(|last| last.0 < code));
        let piece = self.pieces.get(at)?;
        Some((piece, piece.tiles.binary_search_by_key(&code, |tile| tile.0).ok()?))
    }

    fn of(&self, tile: TileCoord) -> &[(u16, V)] {
        self.find(tile).map_or(&[], |(piece, at)| &piece.pixels[piece.start(at)..piece.tiles[at].1 as usize])
    }

    /// What the counts of a tile of the area and the eight around it come to.
    pub(in crate::backend) fn sum_near(&self, tile: TileCoord) -> u64 {
        let near = AROUND.into_iter().filter_map(|(dx, dy)| tile.neighbour(dx, dy)).chain([tile]);
        near.filter_map(|tile| self.find(tile)).map(|(piece, at)| piece.sums[at]).sum()
    }

    /// Morton codes of the area's lit tiles and of those of its tiles that lights spread to, ascending.
    pub(in crate::backend) fn reached(&self) -> Vec<u64> {
        let own = self.area.codes();
        let mut reached: Vec<u64> = self
            .pieces
            .par_iter()
            .flat_map_iter(|piece| {
                let own = own.clone();
                (0..piece.tiles.len()).flat_map(move |at| {
                    let code = piece.tiles[at].0;
                    let pixels = &piece.pixels[piece.start(at)..piece.tiles[at].1 as usize];
                    let tile = TileCoord::from_morton(self.area.z, code);
                    let reach = move |d: &&(i32, i32)| {
                        pixels.iter().any(|&(pixel, _)| within(place(pixel, -d.0, -d.1), self.radius))
                    };
                    let own = own.clone();
                    let neighbours = AROUND.iter().filter_map(move |d| {
                        let neighbour = tile.neighbour(d.0, d.1)?.morton();
                        (own.contains(&neighbour) && reach(&d)).then_some(neighbour)
                    });
                    neighbours.chain([code])
                })
            })
            .filter(|code| own.contains(code))
            .collect();
        reached.par_sort_unstable();
        reached.dedup();
        reached
    }

    /// Morton codes of the area's lit tiles, ascending.
    pub(in crate::backend) fn lit(&self) -> Vec<u64> {
        let codes = self.pieces.iter().flat_map(|piece| piece.tiles.iter().map(|tile| tile.0));
        codes.filter(|code| self.area.codes().contains(code)).collect()
    }

    /// Calls `each` with the column, the row and the count of the lit pixels of a tile of the area and its surroundings.
    pub(in crate::backend) fn for_each_near(
        &self,
        counts: &CountStore<V>,
        tile: TileCoord,
        lit: &mut Vec<Lit<V>>,
        mut each: impl FnMut(i32, i32, V),
    ) -> Result<()> {
        lit.clear();
        counts.read(tile, lit)?;
        for l in &*lit {
            let (x, y) = place(row_major(l.pixel), 0, 0);
            each(x, y, l.count);
        }
        for (dx, dy) in AROUND {
            let Some(neighbour) = tile.neighbour(dx, dy) else { continue };
            for &(pixel, count) in self.of(neighbour) {
                let (x, y) = place(pixel, dx, dy);
                if within((x, y), self.radius) {
                    each(x, y, count);
                }
            }
        }
        Ok(())
    }

    /// Collects those pixels, as (column, row, what `value` makes of the count).
    pub(in crate::backend) fn gather<T>(
        &self,
        counts: &CountStore<V>,
        tile: TileCoord,
        lit: &mut Vec<Lit<V>>,
        near: &mut Vec<(i32, i32, T)>,
        value: impl Fn(V) -> T,
    ) -> Result<()> {
        near.clear();
        self.for_each_near(counts, tile, lit, |x, y, count| near.push((x, y, value(count))))
    }
}

impl<V> Piece<V> {
    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.tiles[before].1 as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    type Near = BTreeMap<u64, BTreeSet<(i32, i32, u32)>>;

    /// What every reached tile has around it, and the most that was held for it at a time.
    fn all(store: &CountStore, z: u8, radius: u32, room: u64) -> (Near, u64, usize) {
        let (mut found, mut most, mut areas) = (Near::new(), 0, 0);
        for_each_area_within(store, z, radius, room, |borders| {
            most = most.max(borders.bytes());
            areas += 1;
            let reached = borders.reached();
            assert!(borders.lit().iter().all(|code| reached.contains(code)));
            for code in reached {
                let (mut lit, mut near) = (Vec::new(), Vec::new());
                borders.gather(store, TileCoord::from_morton(z, code), &mut lit, &mut near, |count| count)?;
                assert!(found.insert(code, near.iter().copied().collect()).is_none(), "a tile in two areas");
            }
            Ok(())
        })
        .unwrap();
        (found, most, areas)
    }

    proptest! {
        /// However small the areas are, each tile is met once, with the pixels around it that it has by definition.
        #[test]
        fn areas_of_any_size_show_the_same(
            z in 0u8..=5,
            radius in prop_oneof![Just(1u32), Just(64), 2u32..64],
            tiles in proptest::collection::btree_map(
                any::<u64>(),
                proptest::collection::btree_set(prop_oneof![any::<u16>(), 0u16..40, 65_500u16..], 1..12),
                1..150,
            ),
            room in 400u64..9_000,
        ) {
            let tiles: BTreeMap<u64, _> = tiles.into_iter().map(|(code, lit)| (code % (1 << (2 * z)), lit)).collect();
            let mut store = CountStore::new(z);
            let mut part = store.part();
            for (&code, pixels) in &tiles {
                let lit: Vec<Lit> = pixels.iter().map(|&pixel| Lit { pixel, count: 1 + u32::from(pixel) }).collect();
                part.push(code, &lit).unwrap();
            }
            store.set_zoom(z, vec![part]).unwrap();
            let (whole, _, areas) = all(&store, z, radius, u64::MAX);
            prop_assert_eq!(areas, 1);
            let (found, most, _) = all(&store, z, radius, room);
            prop_assert!(found == whole);
            // A single tile and its neighbours may take more.
            prop_assert!(most <= room.max(9 * (TILE + 12 * pixel::<u32>())), "{} of {}", most, room);
            let mut expected = Near::new();
            for code in 0..1u64 << (2 * z) {
                let mut near = BTreeSet::new();
                let tile = TileCoord::from_morton(z, code);
                for (dx, dy) in AROUND.into_iter().chain([(0, 0)]) {
                    let Some(pixels) = tile.neighbour(dx, dy).and_then(|other| tiles.get(&other.morton())) else {
                        continue;
                    };
                    near.extend(pixels.iter().filter_map(|&pixel| {
                        let (x, y) = place(row_major(pixel), dx, dy);
                        within((x, y), radius as i32).then_some((x, y, 1 + u32::from(pixel)))
                    }));
                }
                if !near.is_empty() {
                    expected.insert(code, near);
                }
            }
            prop_assert!(whole == expected);
        }
    }
}
