//! Where indices become PNG bytes and go to the container, on the thread that coloured them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};

use super::colours::ColourSink;
use crate::container::write::TileWriter;
use crate::encode::png::{Scratch, encode, encode_truecolor};
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::shade::ShadeTable;
use crate::tile::{Extent, TileCoord, TileIndices, WorldPoint};

/// Encodes each tile with the palette of its zoom and hands it to the container.
pub(super) struct EncodingSink<'a> {
    /// Whether every pixel is written with its colour instead of an index.
    pub(super) truecolor: bool,
    pub(super) writer: &'a dyn TileWriter,
    pub(super) monitor: &'a Monitor,
    pub(super) drawn: Drawn,
}

/// The tiles of one zoom that were drawn, as a box.
pub(super) struct Drawn {
    zoom: u8,
    west: AtomicU32,
    north: AtomicU32,
    east: AtomicU32,
    south: AtomicU32,
}

impl Drawn {
    /// None of that zoom yet.
    pub(super) fn new(zoom: u8) -> Self {
        let (least, most) = (|| AtomicU32::new(0), || AtomicU32::new(u32::MAX));
        Self { zoom, west: most(), north: most(), east: least(), south: least() }
    }

    fn add(&self, tile: TileCoord) {
        if tile.z == self.zoom {
            self.west.fetch_min(tile.x, Ordering::Relaxed);
            self.north.fetch_min(tile.y, Ordering::Relaxed);
            self.east.fetch_max(tile.x, Ordering::Relaxed);
            self.south.fetch_max(tile.y, Ordering::Relaxed);
        }
    }

    /// The box around them; the world where there are none.
    pub(super) fn extent(&self) -> Extent {
        let [west, north, east, south] =
            [&self.west, &self.north, &self.east, &self.south].map(|side| u64::from(side.load(Ordering::Relaxed)));
        if west > east {
            return Extent { min: WorldPoint { x: 0, y: 0 }, max: WorldPoint { x: u32::MAX, y: u32::MAX } };
        }
        let first = |tile: u64| (tile << (32 - self.zoom)) as u32;
        let last = |tile: u64| (((tile + 1) << (32 - self.zoom)) - 1) as u32;
        Extent {
            min: WorldPoint { x: first(west), y: first(north) },
            max: WorldPoint { x: last(east), y: last(south) },
        }
    }
}

thread_local! {
    static ENCODER: RefCell<(Scratch, Vec<u8>)> = RefCell::default();
}

impl ColourSink for EncodingSink<'_> {
    fn put(&self, table: &ShadeTable, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        let write = |tile, png: &[u8]| {
            self.writer.write(tile, png)?;
            self.drawn.add(tile);
            Ok(())
        };
        Encoded { truecolor: self.truecolor, monitor: self.monitor, sink: write }.put(table, tile, indices)
    }
}

/// Encodes each tile with the palette of its zoom and hands it to whoever wants its bytes.
pub(crate) struct Encoded<'a, S> {
    /// Whether every pixel is written with its colour instead of an index.
    pub(crate) truecolor: bool,
    pub(crate) monitor: &'a Monitor,
    /// Takes a tile's PNG; called from many threads.
    pub(crate) sink: S,
}

impl<S: Fn(TileCoord, &[u8]) -> Result<()> + Sync> ColourSink for Encoded<'_, S> {
    fn put(&self, table: &ShadeTable, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        ENCODER.with_borrow_mut(|(scratch, bytes)| {
            let start = self.monitor.now();
            if self.truecolor {
                encode_truecolor(indices, &table.palette, bytes)?;
            } else {
                encode(indices, &table.palette, scratch, bytes);
            }
            let encoded = self.monitor.now();
            self.monitor.record(Stage::Encode, start, encoded);
            (self.sink)(tile, bytes)?;
            self.monitor.record(Stage::Write, encoded, self.monitor.now());
            self.monitor.tiles.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }
}
