//! Where indices become PNG bytes and go to the container, on the thread that coloured them.

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use crate::backend::TileSink;
use crate::container::{self, TileWriter};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::shade::ShadeTable;
use crate::tile::{TileCoord, TileIndices};

/// Encodes each tile with the palette of its zoom and hands it to the container.
pub(super) struct EncodingSink<'a> {
    pub(super) tables: &'a [ShadeTable],
    /// Whether every pixel is written with its colour instead of an index.
    pub(super) truecolor: bool,
    pub(super) writer: &'a dyn TileWriter,
    pub(super) monitor: &'a Monitor,
}

thread_local! {
    static ENCODER: RefCell<(container::png::Scratch, Vec<u8>)> = RefCell::default();
}

impl TileSink for EncodingSink<'_> {
    fn put(&self, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        let table = self
            .tables
            .get(usize::from(tile.z))
            .ok_or_else(|| Error::Internal(format!("no colours for tile {tile}")))?;
        ENCODER.with_borrow_mut(|(scratch, bytes)| {
            let start = self.monitor.now();
            if self.truecolor {
                container::png::encode_truecolor(indices, &table.palette, bytes)?;
            } else {
                container::png::encode(indices, &table.palette, scratch, bytes);
            }
            let encoded = self.monitor.now();
            self.monitor.record(Stage::Encode, start, encoded);
            self.writer.write(tile, bytes)?;
            self.monitor.record(Stage::Write, encoded, self.monitor.now());
            self.monitor.tiles.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }
}
