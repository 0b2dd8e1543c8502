//! Which tile of the highest zoom has which slot, on the host and on the device: a direct table while it has at
//! most 2^20 entries, else a sorted list that the shader searches.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use super::buffer::Buffer;
use super::device::Gpu;
use super::shader::NONE;
use crate::error::Result;

/// Highest zoom with a direct table: 4^10 entries.
const DIRECT_ZOOM: u8 = 10;
/// Entries per piece of the direct table that is written again when one of them changed.
const PAGE: usize = 1024;

/// Hashes tile codes by one multiplication; the codes are data, not chosen by an adversary who gains by collisions.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct CodeHasher(u64);

impl Hasher for CodeHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, code: u64) {
        let mixed = (self.0 ^ code).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

type Codes<V> = HashMap<u64, V, BuildHasherDefault<CodeHasher>>;

/// Tiles that were seen: bits while they are few, a set beyond.
#[derive(Debug)]
pub(super) enum Seen {
    Bits(Vec<u64>),
    Set(HashSet<u64, BuildHasherDefault<CodeHasher>>),
}

impl Seen {
    /// Nothing seen of zoom `zoom`.
    pub(super) fn new(zoom: u8) -> Self {
        if zoom <= DIRECT_ZOOM {
            Self::Bits(vec![0; (1usize << (2 * zoom)).div_ceil(64)])
        } else {
            Self::Set(HashSet::default())
        }
    }

    /// Whether the tile was seen.
    #[inline]
    pub(super) fn contains(&self, code: u64) -> bool {
        match self {
            Self::Bits(bits) => bits[(code / 64) as usize] >> (code % 64) & 1 == 1,
            Self::Set(set) => set.contains(&code),
        }
    }

    /// Adds a tile; whether it is new.
    #[inline]
    pub(super) fn insert(&mut self, code: u64) -> bool {
        match self {
            Self::Bits(bits) => {
                let (word, bit) = (&mut bits[(code / 64) as usize], 1 << (code % 64));
                let new = *word & bit == 0;
                *word |= bit;
                new
            }
            Self::Set(set) => set.insert(code),
        }
    }
}

/// Tile to slot.
#[derive(Debug)]
pub(super) struct TileTable {
    direct: Option<Vec<u32>>,
    slots: Codes<u32>,
    changed: Vec<usize>,
    stale: bool,
    buffer: Buffer,
}

impl TileTable {
    /// An empty table for tiles of `zoom`.
    pub(super) fn new(gpu: &Gpu, zoom: u8) -> Result<Self> {
        let direct = (zoom <= DIRECT_ZOOM).then(|| vec![NONE; 1 << (2 * zoom)]);
        let initial: &[u32] = direct.as_deref().unwrap_or(&[NONE; 3]);
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let buffer = gpu.upload("tile table", bytemuck::cast_slice(initial), usage)?;
        Ok(Self { direct, slots: Codes::default(), changed: Vec::new(), stale: false, buffer })
    }

    /// Gives the tile at `code` a slot.
    pub(super) fn insert(&mut self, code: u64, slot: u32) {
        self.slots.insert(code, slot);
        self.stale = true;
        if let Some(direct) = &mut self.direct {
            direct[code as usize] = slot;
            self.changed.push(code as usize / PAGE);
        }
    }

    /// Forgets all tiles.
    pub(super) fn clear(&mut self) {
        if let Some(direct) = &mut self.direct {
            for &code in self.slots.keys() {
                direct[code as usize] = NONE;
                self.changed.push(code as usize / PAGE);
            }
        }
        self.slots.clear();
        self.stale = true;
    }

    /// Tiles with a slot.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// All tiles with their slots, ascending by code.
    pub(super) fn sorted(&self) -> Vec<(u64, u32)> {
        let mut sorted: Vec<_> = self.slots.iter().map(|(&code, &slot)| (code, slot)).collect();
        sorted.sort_unstable();
        sorted
    }

    /// Brings the device's table up to date before the next submission.
    pub(super) fn upload(&mut self, gpu: &Gpu) -> Result<()> {
        if !self.stale {
            return Ok(());
        }
        if let Some(direct) = &self.direct {
            self.changed.sort_unstable();
            self.changed.dedup();
            for pages in self.changed.chunk_by(|a, b| a + 1 == *b) {
                let from = pages[0] * PAGE;
                let to = (from + pages.len() * PAGE).min(direct.len());
                gpu.write(&self.buffer, 4 * from as u64, bytemuck::cast_slice(&direct[from..to]));
            }
            self.changed.clear();
        } else {
            let list: Vec<[u32; 3]> =
                self.sorted().into_iter().map(|(code, slot)| [(code >> 32) as u32, code as u32, slot]).collect();
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
            self.buffer = gpu.upload("tile list", bytemuck::cast_slice(&list), usage)?;
        }
        self.stale = false;
        gpu.check()
    }

    /// The slot of a tile.
    pub(super) fn slot(&self, code: u64) -> Option<u32> {
        self.slots.get(&code).copied()
    }

    /// Whether the device's table is a direct one.
    pub(super) fn direct(&self) -> bool {
        self.direct.is_some()
    }

    /// Entries of the device's sorted list.
    pub(super) fn entries(&self) -> u32 {
        self.slots.len() as u32
    }

    /// The device's table.
    pub(super) fn buffer(&self) -> &Buffer {
        &self.buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_new_once() {
        for (zoom, last) in [(0, 0), (10, (1 << 20) - 1), (11, (1 << 22) - 1), (24, (1u64 << 48) - 1)] {
            let mut seen = Seen::new(zoom);
            assert!(!seen.contains(last));
            assert!(seen.insert(last));
            assert!(seen.contains(last) && !seen.insert(last));
            assert_eq!(seen.insert(0), zoom > 0);
        }
    }
}
