//! The counts of all lit tiles of all zooms: what both backends fill when counts live on the host, and what shading
//! reads. Tiles are kept in Morton order in chunks of a few dozen, so that a tile with three points costs a few
//! bytes and no index entry of its own; chunks wait in a vault, in memory or in its file.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::chunk::{Chunk, ChunkTiles, damaged};
use super::gathering::Gathering;
use super::list::ChunkList;
use super::part::CountPart;
use super::vault::Vault;
use crate::account::Account;
use crate::counts::{Histogram, Lit, Unit, Value, Weighed, ZoomStats, decode_block, reduce_into};
use crate::error::{Error, Result};
use crate::tile::TileCoord;

/// The least chunks per piece of parallel work, and the most pieces, for a thread and in all: each is a part that waits
/// for the others.
const PIECE: usize = 2;
const PIECES: usize = 32;
const MOST_PIECES: usize = 1024;

#[derive(Debug)]
struct ZoomCounts {
    list: ChunkList,
    stats: ZoomStats,
}

impl ZoomCounts {
    fn new(vault: &Arc<Vault>) -> Self {
        Self { list: ChunkList::new(vault.clone()), stats: ZoomStats::default() }
    }
}

/// Counts of lit tiles per zoom. A store that is dropped gives back the memory it has in its vault.
#[derive(Debug)]
pub struct CountStore<V = u32> {
    zooms: Vec<ZoomCounts>,
    vault: Arc<Vault>,
    holds: PhantomData<V>,
}

/// Counts of all zooms, by what their pixels hold.
#[derive(Debug)]
pub enum Pyramid {
    /// Points.
    Counts(CountStore),
    /// Points and sums.
    Sums(CountStore<Weighed>),
}

impl<V: Value> CountStore<V> {
    /// An empty store for zooms 0 to `max`, in memory.
    pub fn new(max: u8) -> Self {
        Self::in_vault(max, Arc::new(Vault::unbounded()))
    }

    /// An empty store for zooms 0 to `max`, whose chunks wait in `vault`.
    pub fn in_vault(max: u8, vault: Arc<Vault>) -> Self {
        Self { zooms: (0..=max).map(|_| ZoomCounts::new(&vault)).collect(), vault, holds: PhantomData }
    }

    /// An empty store for the same zooms in the same vault.
    pub fn another(&self) -> Self {
        Self {
            zooms: self.zooms.iter().map(|_| ZoomCounts::new(&self.vault)).collect(),
            vault: self.vault.clone(),
            holds: PhantomData,
        }
    }

    /// The highest zoom there is room for.
    pub fn max_zoom(&self) -> u8 {
        u8::try_from(self.zooms.len().saturating_sub(1)).unwrap_or(u8::MAX)
    }

    /// Bytes that went to a temporary file so far, those of other stores of the same vault included.
    pub fn spilled(&self) -> u64 {
        self.vault.spilled()
    }

    /// A part to fill, which waits where this store does.
    pub fn part(&self) -> CountPart<V> {
        CountPart::in_vault(self.vault.clone())
    }

    /// Sets the counts of zoom `z` from parts that [`part`](Self::part) gave; each tile may be in one part only, and
    /// parts must not interleave.
    pub fn set_zoom(&mut self, z: u8, parts: Vec<CountPart<V>>) -> Result<()> {
        let mut parts = parts.into_iter().map(CountPart::sealed).collect::<Result<Vec<_>>>()?;
        parts.sort_by_key(CountPart::first);
        let mut all = self.part();
        for part in parts {
            all.append(part)?;
        }
        let (list, stats) = all.into_list()?;
        *self.zoom_mut(z)? = ZoomCounts { list, stats };
        Ok(())
    }

    /// Sets the counts of zoom `z` from parts in which a tile may be several times; its counts are added.
    pub fn set_zoom_summed(&mut self, z: u8, parts: Vec<CountPart<V>>) -> Result<()> {
        let sum = if parts.is_empty() { self.part() } else { CountPart::sum(z, parts, || Ok(()))? };
        self.set_zoom(z, vec![sum])
    }

    /// A copy of the counts of zoom `z`, in the same vault.
    pub fn copy_zoom(&self, z: u8) -> Result<CountPart<V>> {
        let zoom = self.zoom(z)?;
        let mut list = ChunkList::new(self.vault.clone());
        for at in 0..zoom.list.len() {
            let Some(chunk) = zoom.list.get(at)? else { break };
            let bytes = self.vault.put(&self.vault.get(chunk.place)?)?;
            list.push(Chunk { first: chunk.first, last: chunk.last, bytes })?;
        }
        Ok(CountPart::from_list(list, zoom.stats.clone()))
    }

    /// Where its chunks wait.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Takes the counts of zoom `z` out, which is empty then.
    pub fn take_zoom(&mut self, z: u8) -> Result<CountPart<V>> {
        let empty = ZoomCounts::new(&self.vault);
        let ZoomCounts { list, stats } = std::mem::replace(self.zoom_mut(z)?, empty);
        Ok(CountPart::from_list(list, stats))
    }

    /// What its chunks take their bytes from.
    pub fn account(&self) -> &Arc<Account> {
        self.vault.account()
    }

    fn zoom_mut(&mut self, z: u8) -> Result<&mut ZoomCounts> {
        self.zooms.get_mut(usize::from(z)).ok_or_else(|| Error::Internal(format!("no counts for zoom {z}")))
    }

    fn zoom(&self, z: u8) -> Result<&ZoomCounts> {
        self.zooms.get(usize::from(z)).ok_or_else(|| Error::Internal(format!("no counts for zoom {z}")))
    }

    /// Sums zoom `z + 1` into zoom `z`, on all threads of the current pool.
    pub fn reduce(&mut self, z: u8) -> Result<()> {
        self.reduce_where(z, |_, _| Ok(true))
    }

    /// The same on this thread alone, for stores that are many and small.
    pub fn reduce_alone(&mut self, z: u8) -> Result<()> {
        let part = self.reduce_piece(z, 0..self.zoom(z + 1)?.list.len(), &|_, _| Ok(true))?;
        self.set_zoom(z, vec![part])
    }

    /// Sums zoom `z + 1` into those tiles of zoom `z` that `keep` wants, given a tile's Morton code and what its
    /// children here come to; it is asked once a tile, from all threads.
    pub fn reduce_where(&mut self, z: u8, keep: impl Fn(u64, &[Lit<V>]) -> Result<bool> + Sync) -> Result<()> {
        let chunks = self.zoom(z + 1)?.list.len();
        let pieces = (PIECES * rayon::current_num_threads()).min(MOST_PIECES);
        let piece = chunks.div_ceil(pieces).max(PIECE);
        let from: Vec<usize> = (0..chunks).step_by(piece).collect();
        let parts: Vec<CountPart<V>> =
            from.into_par_iter().map(|from| self.reduce_piece(z, from..from + piece, &keep)).collect::<Result<_>>()?;
        self.set_zoom(z, parts)
    }

    /// The parents of the families that begin in the chunks of one piece; a family may end in the next one.
    fn reduce_piece(
        &self,
        z: u8,
        piece: Range<usize>,
        keep: &(impl Fn(u64, &[Lit<V>]) -> Result<bool> + Sync),
    ) -> Result<CountPart<V>> {
        let list = &self.zoom(z + 1)?.list;
        let before = piece.start.checked_sub(1).map_or(Ok(None), |at| list.get(at))?.map(|chunk| chunk.last >> 2);
        let (mut part, mut child, mut parent) = (self.part(), Vec::new(), Vec::new());
        let mut family = None;
        'pieces: for at in piece.start.. {
            let Some(chunk) = list.get(at)? else { break };
            let bytes = self.vault.get(chunk.place)?;
            for tile in ChunkTiles::new(&bytes) {
                let (code, block) = tile?;
                if Some(code >> 2) == before && family.is_none() {
                    continue;
                }
                if family != Some(code >> 2) {
                    if let Some(done) = family
                        && keep(done, &parent)?
                    {
                        part.push(done, &parent)?;
                    }
                    if at >= piece.end {
                        family = None;
                        break 'pieces;
                    }
                    parent.clear();
                    family = Some(code >> 2);
                }
                child.clear();
                decode_block(block, &mut child).ok_or_else(|| damaged(z + 1, code))?;
                reduce_into(&mut parent, (code & 3) as u16, &child)?;
            }
        }
        if let Some(done) = family
            && keep(done, &parent)?
        {
            part.push(done, &parent)?;
        }
        part.sealed()
    }

    /// Begins a histogram, which may have half of what counts may have in memory.
    pub fn gathering(&self) -> Gathering {
        Gathering::new(self.account(), self.vault.budget() / 2, self.vault.folder())
    }

    /// The counts of zoom `z` alone, in the same vault; on all threads of the current pool.
    pub fn points_of(&self, z: u8) -> Result<CountStore> {
        let mut alone: CountStore = CountStore::in_vault(self.max_zoom(), self.vault.clone());
        let piece = self.chunks(z)?.div_ceil(PIECES * rayon::current_num_threads()).max(PIECE);
        let from: Vec<usize> = (0..self.chunks(z)?).step_by(piece).collect();
        let parts = from.into_par_iter().map(|from| {
            let (mut part, mut lit, mut counts) = (alone.part(), Vec::new(), Vec::new());
            for chunk in from..(from + piece).min(self.chunks(z)?) {
                self.read_chunk(z, chunk, &mut lit, |code, lit| {
                    counts.clear();
                    counts.extend(lit.iter().map(|l| Lit { pixel: l.pixel, count: l.count.count() }));
                    part.push(code, &counts)
                })?;
            }
            part.sealed()
        });
        let parts = parts.collect::<Result<Vec<_>>>()?;
        alone.set_zoom(z, parts)?;
        Ok(alone)
    }

    /// Statistics of zoom `z`.
    pub fn stats(&self, z: u8) -> Result<&ZoomStats> {
        Ok(&self.zoom(z)?.stats)
    }

    /// Notes what the counts of zoom `z` are counted in.
    pub fn set_unit(&mut self, z: u8, unit: Unit) -> Result<()> {
        self.zoom_mut(z)?.stats.unit = unit;
        Ok(())
    }

    /// Morton codes of the lit tiles of zoom `z`, ascending.
    pub fn tiles(&self, z: u8) -> Result<std::vec::IntoIter<u64>> {
        let mut codes = Vec::with_capacity(usize::try_from(self.stats(z)?.tiles).unwrap_or(0));
        let list = &self.zoom(z)?.list;
        for chunk in 0..list.len() {
            let Some(chunk) = list.get(chunk)? else { break };
            for tile in ChunkTiles::new(&self.vault.get(chunk.place)?) {
                codes.push(tile?.0);
            }
        }
        Ok(codes.into_iter())
    }

    /// How many chunks zoom `z` is kept in: the pieces of work that can be read on their own.
    pub fn chunks(&self, z: u8) -> Result<usize> {
        Ok(self.zoom(z)?.list.len())
    }

    /// The chunks of zoom `z` that may hold a tile with a Morton code in that range.
    pub fn chunks_within(&self, z: u8, codes: Range<u64>) -> Result<Range<usize>> {
        self.zoom(z)?.list.within(codes)
    }

    /// Bytes of a chunk: at least one for each lit pixel.
    pub fn chunk_bytes(&self, z: u8, chunk: usize) -> Result<u64> {
        Ok(self.zoom(z)?.list.get(chunk)?.map_or(0, |chunk| chunk.place.len() as u64))
    }

    /// Calls `each` with the Morton code and the lit pixels of every tile of a chunk, in order.
    pub fn read_chunk(
        &self,
        z: u8,
        chunk: usize,
        lit: &mut Vec<Lit<V>>,
        each: impl FnMut(u64, &[Lit<V>]) -> Result<()>,
    ) -> Result<()> {
        self.read_chunk_where(z, chunk, |_| true, lit, each)
    }

    /// The same for the tiles that are `wanted`; others are stepped over.
    pub fn read_chunk_where(
        &self,
        z: u8,
        chunk: usize,
        wanted: impl Fn(u64) -> bool,
        lit: &mut Vec<Lit<V>>,
        mut each: impl FnMut(u64, &[Lit<V>]) -> Result<()>,
    ) -> Result<()> {
        let Some(chunk) = self.zoom(z)?.list.get(chunk)? else { return Ok(()) };
        let bytes = self.vault.get(chunk.place)?;
        for tile in ChunkTiles::new(&bytes) {
            let (code, block) = tile?;
            if !wanted(code) {
                continue;
            }
            lit.clear();
            decode_block(block, lit).ok_or_else(|| damaged(z, code))?;
            each(code, lit)?;
        }
        Ok(())
    }

    /// Calls `each` with the Morton code and the block of every tile of zoom `z`, in order.
    pub fn read_blocks(&self, z: u8, mut each: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        for chunk in 0..self.chunks(z)? {
            let Some(chunk) = self.zoom(z)?.list.get(chunk)? else { break };
            for tile in ChunkTiles::new(&self.vault.get(chunk.place)?) {
                let (code, block) = tile?;
                each(code, block)?;
            }
        }
        Ok(())
    }

    /// Appends the lit pixels of a tile to `lit`; nothing when the tile is empty.
    pub fn read(&self, tile: TileCoord, lit: &mut Vec<Lit<V>>) -> Result<()> {
        let code = tile.morton();
        let Some(chunk) = self.zoom(tile.z)?.list.find(code)? else { return Ok(()) };
        let bytes = self.vault.get(chunk.place)?;
        for found in ChunkTiles::new(&bytes) {
            let (at, block) = found?;
            if at == code {
                return decode_block(block, lit).ok_or_else(|| damaged(tile.z, code));
            }
        }
        Ok(())
    }
}

impl<V: Value> CountStore<V> {
    /// How many pixels of zoom `z` have each count, on all threads of the current pool.
    pub fn histogram(&self, z: u8) -> Result<Histogram> {
        let gathering = self.gathering();
        self.gather(z, &gathering)?;
        gathering.finish()
    }

    /// Adds the counts of zoom `z`, on all threads of the current pool.
    pub fn gather(&self, z: u8, gathering: &Gathering) -> Result<()> {
        let none = || (gathering.gatherer(), Vec::new());
        let pieces = (0..self.chunks(z)?).into_par_iter().try_fold(none, |(mut gatherer, mut lit), chunk| {
            self.read_chunk(z, chunk, &mut lit, |_, lit| {
                lit.iter().for_each(|l| gatherer.add(l.count.count()));
                gatherer.relieve()
            })?;
            Ok((gatherer, lit))
        });
        pieces.try_for_each(|piece| piece.and_then(|(gatherer, _)| gatherer.close()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Tiles = BTreeMap<u64, BTreeMap<u16, u32>>;

    fn part(store: &CountStore, tiles: &Tiles) -> CountPart {
        let mut part = store.part();
        for (code, pixels) in tiles {
            let lit: Vec<Lit> = pixels.iter().map(|(&pixel, &count)| Lit { pixel, count }).collect();
            part.push(*code, &lit).unwrap();
        }
        part
    }

    fn read(store: &CountStore, z: u8) -> Tiles {
        let mut tiles = Tiles::new();
        for code in store.tiles(z).unwrap() {
            let mut lit = Vec::new();
            store.read(TileCoord::from_morton(z, code), &mut lit).unwrap();
            tiles.insert(code, lit.iter().map(|l| (l.pixel, l.count)).collect());
        }
        tiles
    }

    fn tiles(most: usize) -> impl Strategy<Value = Tiles> {
        let pixels = proptest::collection::btree_map(any::<u16>(), 1u32..1000, 1..20);
        proptest::collection::btree_map(0u64..4096, pixels, 1..most)
    }

    proptest! {
        #[test]
        fn parts_add_up_and_reduce_in_memory_and_in_a_file(
            parts in proptest::collection::vec(tiles(300), 1..4),
            budget in 0u64..20_000,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut store = CountStore::in_vault(6, Arc::new(Vault::new(Account::unbounded(), budget, folder.path())));
            let mut expected = Tiles::new();
            for tile in parts.iter().flatten() {
                for (pixel, count) in tile.1 {
                    *expected.entry(*tile.0).or_default().entry(*pixel).or_default() += count;
                }
            }
            let filled = parts.iter().map(|tiles| part(&store, tiles)).collect();
            store.set_zoom_summed(6, filled).unwrap();
            prop_assert_eq!(&read(&store, 6), &expected);
            for z in (0..6).rev() {
                let mut parents = Tiles::new();
                for (code, pixels) in &expected {
                    for (pixel, count) in pixels {
                        let pixel = ((code & 3) << 14) as u16 | (pixel >> 2);
                        *parents.entry(code >> 2).or_default().entry(pixel).or_default() += count;
                    }
                }
                store.reduce(z).unwrap();
                expected = parents;
                prop_assert_eq!(&read(&store, z), &expected);
                let stats = store.stats(z).unwrap();
                prop_assert_eq!(stats.tiles, expected.len() as u64);
                prop_assert_eq!(stats.sum, store.stats(6).unwrap().sum);
            }
        }
    }

    #[test]
    fn a_tile_in_two_parts_is_refused_unless_summed() {
        let mut store = CountStore::new(3);
        let tile: Tiles = [(2, [(0, 1)].into())].into();
        let twice = vec![part(&store, &tile), part(&store, &tile)];
        assert!(store.set_zoom(3, twice).is_err());
        assert!(read(&store, 3).is_empty());
        let twice = vec![part(&store, &tile), part(&store, &tile)];
        store.set_zoom_summed(3, twice).unwrap();
        assert_eq!(read(&store, 3), [(2, [(0, 2)].into())].into());
        assert_eq!(store.stats(3).unwrap().max, 2);
    }
}
