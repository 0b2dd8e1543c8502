//! Where indices become the bytes of PNG or WebP files and go to the container, on the thread that coloured them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};

use super::colours::ColourSink;
use super::since::Unchanged;
use crate::container::write::TileWriter;
use crate::encode::png::{Scratch, encode, encode_colours, encode_large, encode_smooth, encode_truecolor};
use crate::encode::{Format, webp};
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::shade::ShadeTable;
use crate::tile::{Extent, LargeTile, TileCoord, TileIndices, WorldPoint};

/// Encodes each tile with the palette of its zoom and hands it to the container.
pub(super) struct EncodingSink<'a> {
    /// Whether every pixel is written with its colour instead of an index.
    pub(super) truecolor: bool,
    pub(super) format: Format,
    pub(super) writer: &'a dyn TileWriter,
    pub(super) monitor: &'a Monitor,
    pub(super) drawn: Drawn,
    /// The tiles that are there already.
    pub(super) unchanged: Unchanged,
}

/// The tiles that were drawn, as a box for each zoom.
pub(super) struct Drawn(Vec<Drawing>);

/// Those of one zoom so far.
struct Drawing {
    west: AtomicU32,
    north: AtomicU32,
    east: AtomicU32,
    south: AtomicU32,
}

/// The first and last columns and rows of a zoom's tiles.
struct Tiles {
    zoom: u8,
    west: u64,
    north: u64,
    east: u64,
    south: u64,
}

impl Drawn {
    /// None of the zooms up to `most` yet.
    pub(super) fn new(most: u8) -> Self {
        let (least, most_of) = (|| AtomicU32::new(0), || AtomicU32::new(u32::MAX));
        let none = || Drawing { west: most_of(), north: most_of(), east: least(), south: least() };
        Self((0..=most).map(|_| none()).collect())
    }

    fn add(&self, tile: TileCoord) {
        if let Some(zoom) = self.0.get(usize::from(tile.z)) {
            zoom.west.fetch_min(tile.x, Ordering::Relaxed);
            zoom.north.fetch_min(tile.y, Ordering::Relaxed);
            zoom.east.fetch_max(tile.x, Ordering::Relaxed);
            zoom.south.fetch_max(tile.y, Ordering::Relaxed);
        }
    }

    /// The box of each zoom that has tiles, lowest first.
    fn boxes(&self) -> impl Iterator<Item = Tiles> {
        self.0.iter().zip(0..).filter_map(|(drawing, zoom)| {
            let [west, north, east, south] = [&drawing.west, &drawing.north, &drawing.east, &drawing.south]
                .map(|side| u64::from(side.load(Ordering::Relaxed)));
            (west <= east).then_some(Tiles { zoom, west, north, east, south })
        })
    }

    /// The box around the tiles of the highest zoom that has any; the world where none has.
    pub(super) fn extent(&self) -> Extent {
        self.boxes().last().map_or(
            Extent { min: WorldPoint { x: 0, y: 0 }, max: WorldPoint { x: u32::MAX, y: u32::MAX } },
            |tiles| Extent {
                min: WorldPoint { x: tiles.first(tiles.west), y: tiles.first(tiles.north) },
                max: WorldPoint { x: tiles.last(tiles.east), y: tiles.last(tiles.south) },
            },
        )
    }

    /// `extent`, grown until it meets every tile: a map asks for no tile beyond the box, and spread reaches beyond the
    /// points.
    pub(super) fn meet(&self, mut extent: Extent) -> Extent {
        for tiles in self.boxes() {
            extent.min.x = extent.min.x.min(tiles.last(tiles.west));
            extent.min.y = extent.min.y.min(tiles.last(tiles.north));
            extent.max.x = extent.max.x.max(tiles.first(tiles.east));
            extent.max.y = extent.max.y.max(tiles.first(tiles.south));
        }
        extent
    }
}

impl Tiles {
    /// The first step of the world in a column or row.
    fn first(&self, tile: u64) -> u32 {
        (tile << (32 - self.zoom)) as u32
    }

    /// The last one.
    fn last(&self, tile: u64) -> u32 {
        (((tile + 1) << (32 - self.zoom)) - 1) as u32
    }
}

thread_local! {
    static ENCODER: RefCell<(Scratch, Vec<u8>)> = RefCell::default();
}

impl ColourSink for EncodingSink<'_> {
    fn put(&self, table: &ShadeTable, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        if self.stays(tile)? {
            return Ok(());
        }
        let sink = |tile, bytes: &[u8]| self.write(tile, bytes);
        Encoded { truecolor: self.truecolor, format: self.format, monitor: self.monitor, sink }
            .put(table, tile, indices)
    }

    fn put_colours(&self, tile: TileCoord, colours: &[[u8; 4]]) -> Result<()> {
        if self.stays(tile)? {
            return Ok(());
        }
        let sink = |tile, bytes: &[u8]| self.write(tile, bytes);
        Encoded { truecolor: true, format: self.format, monitor: self.monitor, sink }.put_colours(tile, colours)
    }
}

impl EncodingSink<'_> {
    /// Takes a tile over that is there, if it is what would be written.
    fn stays(&self, tile: TileCoord) -> Result<bool> {
        let stays = self.unchanged.holds(tile) && self.writer.keep(tile)?;
        if stays {
            self.drawn.add(tile);
            self.monitor.tiles.fetch_add(1, Ordering::Relaxed);
        }
        Ok(stays)
    }

    fn write(&self, tile: TileCoord, bytes: &[u8]) -> Result<()> {
        self.writer.write(tile, bytes)?;
        self.drawn.add(tile);
        Ok(())
    }

    /// Encodes and writes a tile of 512 pixels a side, beside the one of its place where it is one of twice the pixels.
    /// As many tiles are done with it.
    pub(super) fn put_large(&self, tile: TileCoord, pixels: LargePixels<'_>, twice: bool, done: u64) -> Result<()> {
        let sink = |tile, bytes: &[u8]| {
            if twice {
                self.writer.write_retina(tile, bytes)?;
            } else {
                self.writer.write(tile, bytes)?;
            }
            self.drawn.add(tile);
            Ok(())
        };
        let encoded = Encoded { truecolor: self.truecolor, format: self.format, monitor: self.monitor, sink };
        match pixels {
            LargePixels::Colours(colours) => encoded.colours(tile, colours, done),
            LargePixels::Indices(pixels, table) if self.truecolor || self.format == Format::Webp => {
                encoded.colours(tile, &pixels.colours(&table.palette), done)
            }
            LargePixels::Indices(pixels, table) => encoded.encoded(tile, done, |scratch, bytes| {
                encode_large(pixels, table.smooth, &table.palette, scratch, bytes);
                Ok(())
            }),
        }
    }
}

/// The pixels of a tile of 512 a side.
#[derive(Clone, Copy)]
pub(super) enum LargePixels<'a> {
    /// Indices of a table's palette.
    Indices(&'a LargeTile, &'a ShadeTable),
    /// Red, green, blue and alpha, row by row.
    Colours(&'a [[u8; 4]]),
}

/// Encodes each tile with the palette of its zoom and hands it to whoever wants its bytes.
pub(crate) struct Encoded<'a, S> {
    /// Whether every pixel is written with its colour instead of an index.
    pub(crate) truecolor: bool,
    pub(crate) format: Format,
    pub(crate) monitor: &'a Monitor,
    /// Takes a tile's bytes; called from many threads.
    pub(crate) sink: S,
}

impl<S: Fn(TileCoord, &[u8]) -> Result<()> + Sync> ColourSink for Encoded<'_, S> {
    fn put(&self, table: &ShadeTable, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        self.encoded(tile, 1, |scratch, bytes| {
            if self.format == Format::Webp {
                return webp::encode(indices, &table.palette, bytes);
            }
            if self.truecolor {
                return encode_truecolor(indices, &table.palette, bytes);
            }
            let encode = if table.smooth { encode_smooth } else { encode };
            encode(indices, &table.palette, scratch, bytes);
            Ok(())
        })
    }

    fn put_colours(&self, tile: TileCoord, colours: &[[u8; 4]]) -> Result<()> {
        self.colours(tile, colours, 1)
    }
}

impl<S: Fn(TileCoord, &[u8]) -> Result<()> + Sync> Encoded<'_, S> {
    fn colours(&self, tile: TileCoord, colours: &[[u8; 4]], done: u64) -> Result<()> {
        self.encoded(tile, done, |_, bytes| match self.format {
            Format::Png => encode_colours(colours, bytes),
            Format::Webp => webp::encode_colours(colours, bytes),
        })
    }

    /// Encodes a tile and hands it on; as many of those that were expected are done with it.
    fn encoded(
        &self,
        tile: TileCoord,
        done: u64,
        encode: impl FnOnce(&mut Scratch, &mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        ENCODER.with_borrow_mut(|(scratch, bytes)| {
            let start = self.monitor.now();
            encode(scratch, bytes)?;
            let encoded = self.monitor.now();
            self.monitor.record(Stage::Encode, start, encoded);
            (self.sink)(tile, bytes)?;
            self.monitor.record(Stage::Write, encoded, self.monitor.now());
            self.monitor.tiles.fetch_add(done, Ordering::Relaxed);
            Ok(())
        })
    }
}
