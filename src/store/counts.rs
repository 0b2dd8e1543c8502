//! The counts of all lit tiles of all zooms, as blocks: what both backends fill when counts live on the host,
//! and what shading reads. Tiles are found by zoom and Morton code.

use rayon::prelude::*;

use crate::counts::{Lit, ZoomStats, decode_block, encode_block, overflow, reduce_into};
use crate::error::{Error, Result};
use crate::tile::TileCoord;

/// Tiles per parallel piece of work: large enough to hide the cost of handing it out.
const PIECE: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Entry {
    code: u64,
    part: u32,
    start: u32,
    end: u32,
}

/// Blocks of tiles of one zoom, written by one thread in ascending Morton order.
#[derive(Debug, Default)]
pub struct CountPart {
    bytes: Vec<u8>,
    tiles: Vec<(u64, u32, u32)>,
    stats: ZoomStats,
    /// Tiles that never became a raster of counts, for the report.
    pub sparse_tiles: u64,
    /// Points of those tiles.
    pub sparse_points: u64,
}

impl CountPart {
    /// Appends the tile at Morton code `code`; `lit` must be ascending. An empty tile is left out.
    pub fn push(&mut self, code: u64, lit: &[Lit]) -> Result<()> {
        if lit.is_empty() {
            return Ok(());
        }
        debug_assert!(self.tiles.last().is_none_or(|last| last.0 < code));
        let start = self.bytes.len();
        encode_block(lit, &mut self.bytes);
        let offset = |at: usize| u32::try_from(at).map_err(|_| Error::Internal("a count part exceeds 4 GiB".into()));
        self.tiles.push((code, offset(start)?, offset(self.bytes.len())?));
        self.stats.add_tile(lit);
        Ok(())
    }
}

#[derive(Debug, Default)]
struct ZoomCounts {
    entries: Vec<Entry>,
    parts: Vec<Vec<u8>>,
    stats: ZoomStats,
}

/// Counts of lit tiles per zoom.
#[derive(Debug)]
pub struct CountStore {
    zooms: Vec<ZoomCounts>,
}

impl CountStore {
    /// An empty store for zooms 0 to `max`.
    pub fn new(max: u8) -> Self {
        Self { zooms: (0..=max).map(|_| ZoomCounts::default()).collect() }
    }

    /// Sets the counts of zoom `z` from parts; each tile may be in one part only.
    pub fn set_zoom(&mut self, z: u8, parts: Vec<CountPart>) -> Result<()> {
        let mut zoom = ZoomCounts::default();
        for part in parts {
            let index = u32::try_from(zoom.parts.len()).map_err(|_| Error::Internal("too many count parts".into()))?;
            zoom.entries.extend(part.tiles.iter().map(|&(code, start, end)| Entry { code, part: index, start, end }));
            zoom.parts.push(part.bytes);
            zoom.stats.merge(&part.stats);
        }
        if !zoom.entries.is_sorted_by_key(|e| e.code) {
            zoom.entries.par_sort_unstable_by_key(|e| e.code);
        }
        if zoom.entries.windows(2).any(|pair| pair[0].code == pair[1].code) {
            return Err(Error::Internal(format!("a tile of zoom {z} was counted twice")));
        }
        *self.zoom_mut(z)? = zoom;
        Ok(())
    }

    /// Sets the counts of zoom `z` from parts in which a tile may be several times; its counts are added.
    pub fn set_zoom_summed(&mut self, z: u8, parts: Vec<CountPart>) -> Result<()> {
        let mut all = ZoomCounts::default();
        for part in parts {
            let index = u32::try_from(all.parts.len()).map_err(|_| Error::Internal("too many count parts".into()))?;
            all.entries.extend(part.tiles.iter().map(|&(code, start, end)| Entry { code, part: index, start, end }));
            all.parts.push(part.bytes);
        }
        all.entries.par_sort_unstable_by_key(|e| e.code);
        let tiles: Vec<&[Entry]> = all.entries.chunk_by(|a, b| a.code == b.code).collect();
        let parts = tiles
            .par_chunks(PIECE)
            .map(|tiles| {
                let (mut part, mut lit) = (CountPart::default(), Vec::new());
                for tile in tiles {
                    lit.clear();
                    for entry in *tile {
                        all.read(z, entry, &mut lit)?;
                    }
                    if tile.len() > 1 {
                        lit.sort_by_key(|l| l.pixel);
                        let mut sum: Vec<Lit> = Vec::with_capacity(lit.len());
                        for l in &lit {
                            match sum.last_mut() {
                                Some(last) if last.pixel == l.pixel => {
                                    last.count = last.count.checked_add(l.count).ok_or_else(overflow)?;
                                }
                                _ => sum.push(*l),
                            }
                        }
                        std::mem::swap(&mut lit, &mut sum);
                    }
                    part.push(tile[0].code, &lit)?;
                }
                Ok(part)
            })
            .collect::<Result<_>>()?;
        self.set_zoom(z, parts)
    }

    fn zoom_mut(&mut self, z: u8) -> Result<&mut ZoomCounts> {
        self.zooms.get_mut(usize::from(z)).ok_or_else(|| Error::Internal(format!("no counts for zoom {z}")))
    }

    fn zoom(&self, z: u8) -> Result<&ZoomCounts> {
        self.zooms.get(usize::from(z)).ok_or_else(|| Error::Internal(format!("no counts for zoom {z}")))
    }

    /// Sums zoom `z + 1` into zoom `z`, on all threads of the current pool.
    pub fn reduce(&mut self, z: u8) -> Result<()> {
        let below = self.zoom(z + 1)?;
        let mut pieces = Vec::new();
        let mut from = 0;
        while from < below.entries.len() {
            let mut to = (from + PIECE).min(below.entries.len());
            while to < below.entries.len() && below.entries[to].code >> 2 == below.entries[to - 1].code >> 2 {
                to += 1;
            }
            pieces.push(&below.entries[from..to]);
            from = to;
        }
        let parts: Vec<CountPart> = pieces
            .into_par_iter()
            .map(|entries| {
                let (mut part, mut child, mut parent) = (CountPart::default(), Vec::new(), Vec::new());
                for family in entries.chunk_by(|a, b| a.code >> 2 == b.code >> 2) {
                    parent.clear();
                    for entry in family {
                        child.clear();
                        below.read(z + 1, entry, &mut child)?;
                        reduce_into(&mut parent, (entry.code & 3) as u16, &child)?;
                    }
                    part.push(family[0].code >> 2, &parent)?;
                }
                Ok(part)
            })
            .collect::<Result<_>>()?;
        self.set_zoom(z, parts)
    }

    /// Statistics of zoom `z`.
    pub fn stats(&self, z: u8) -> Result<&ZoomStats> {
        Ok(&self.zoom(z)?.stats)
    }

    /// Morton codes of the lit tiles of zoom `z`, ascending.
    pub fn tiles(&self, z: u8) -> Result<impl ExactSizeIterator<Item = u64> + '_> {
        Ok(self.zoom(z)?.entries.iter().map(|e| e.code))
    }

    /// Appends the lit pixels of a tile to `lit`; nothing when the tile is empty.
    pub fn read(&self, tile: TileCoord, lit: &mut Vec<Lit>) -> Result<()> {
        let zoom = self.zoom(tile.z)?;
        let code = tile.morton();
        match zoom.entries.binary_search_by_key(&code, |e| e.code) {
            Ok(at) => zoom.read(tile.z, &zoom.entries[at], lit),
            Err(_) => Ok(()),
        }
    }

    /// Whether the tile has a lit pixel.
    pub fn contains(&self, tile: TileCoord) -> bool {
        self.zoom(tile.z).is_ok_and(|zoom| zoom.entries.binary_search_by_key(&tile.morton(), |e| e.code).is_ok())
    }
}

impl ZoomCounts {
    fn read(&self, z: u8, entry: &Entry, lit: &mut Vec<Lit>) -> Result<()> {
        self.parts
            .get(entry.part as usize)
            .and_then(|bytes| bytes.get(entry.start as usize..entry.end as usize))
            .and_then(|bytes| decode_block(bytes, lit))
            .ok_or_else(|| {
                Error::Internal(format!("the counts of tile {} are damaged", TileCoord::from_morton(z, entry.code)))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_in_several_parts_are_added() {
        let part = |tiles: &[(u64, &[(u16, u32)])]| {
            let mut part = CountPart::default();
            for (code, lit) in tiles {
                let lit: Vec<Lit> = lit.iter().map(|&(pixel, count)| Lit { pixel, count }).collect();
                part.push(*code, &lit).unwrap();
            }
            part
        };
        let mut store = CountStore::new(3);
        let parts = vec![part(&[(2, &[(0, 1), (9, 2)]), (5, &[(7, 7)])]), part(&[(2, &[(3, 4), (9, 5)])])];
        store.set_zoom_summed(3, parts).unwrap();
        let mut lit = Vec::new();
        store.read(TileCoord::from_morton(3, 2), &mut lit).unwrap();
        assert_eq!(lit.iter().map(|l| (l.pixel, l.count)).collect::<Vec<_>>(), [(0, 1), (3, 4), (9, 7)]);
        let stats = store.stats(3).unwrap();
        assert_eq!((stats.tiles, stats.lit, stats.sum, stats.max), (2, 4, 19, 7));
        assert!(store.set_zoom(3, vec![part(&[(2, &[(0, 1)])]), part(&[(2, &[(0, 1)])])]).is_err());
    }
}
