//! One zoom as a GeoTIFF that is cloud-optimised: the counts or sums of its pixels in EPSG:3857, with the zooms below as
//! overviews, so that whoever looks at it from afar reads a few blocks only.
//!
//! The directories stand in front, then the blocks, the smallest overview first; each has its length before it and its last
//! bytes repeated behind it, as the header says. Blocks without a lit pixel take no place. Each overview is the exact sum of
//! the cells that the picture shows: what is left out of it is not in its overviews either.

mod blocks;
mod layout;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use rayon::prelude::*;

use self::blocks::{BLOCK, Pixel, Place, encoded};
use self::layout::{Level, Meaning, head};
use super::select::{Few, Selection};
use super::tables::Table;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::staging;
use crate::store::CountStore;
use crate::tile::TileCoord;

/// The most columns or rows, and pixels in all.
const MOST_SIDE: u64 = 1 << 18;
const MOST_PIXELS: u64 = 1 << 34;

/// What was written.
pub(super) struct Made {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) cells: u64,
    pub(super) points: u64,
    pub(super) few: Few,
}

/// A part of a zoom in pixels: where it begins and ends, from the north-western corner of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    west: u64,
    north: u64,
    east: u64,
    south: u64,
}

/// Writes the wanted cells of a plane; what is drawn is the sum where there are sums. Fails with [`Error::Usage`] where the
/// picture would be too large, empty, or lie on both sides of the antimeridian.
pub(super) fn write<V: Pixel>(
    out: &mut (dyn Write + Send),
    store: &CountStore<V>,
    selection: &Selection,
    table: &Table,
    folder: &Path,
    monitor: &Monitor,
) -> Result<Made> {
    let z = selection.zoom;
    // What is wanted alone, so that overviews have nothing else in them.
    let (mut few, mut cells, mut points, mut lit_tiles) = (Few::default(), 0, 0, None);
    let (mut alone, mut part) = (store.another(), store.part());
    let copied = !selection.is_all();
    selection.read(store, monitor, &mut few, |tile, lit| {
        cells += lit.len() as u64;
        points += lit.iter().map(|l| u64::from(l.count.count())).sum::<u64>();
        grow(&mut lit_tiles, tile);
        if copied { part.push(tile.morton(), lit) } else { Ok(()) }
    })?;
    let window = window(selection, lit_tiles)?;
    let overviews = overviews(&window).min(z);
    let window = window.aligned(overviews);
    let (width, height) = (window.east - window.west, window.south - window.north);
    if width > MOST_SIDE || height > MOST_SIDE || width * height > MOST_PIXELS {
        return Err(Error::Usage(format!(
            "a picture of zoom {z} would have {width} x {height} pixels, more than a GeoTIFF is written of here \
             ({MOST_SIDE} a side, {MOST_PIXELS} in all); choose a part with --bbox or a lower zoom with --zoom"
        )));
    }
    if copied {
        alone.set_zoom(z, vec![part])?;
        (z - overviews..z).rev().try_for_each(|z| alone.reduce(z))?;
    }
    let store = if copied { &alone } else { store };
    let step = table.sum.as_ref().map(|(_, step)| *step);
    let mut levels: Vec<Level> = (0..=overviews).map(|down| Level::new(width >> down, height >> down)).collect();
    let spool = staging::nameless(folder).map_err(|e| Error::io("create a file in", folder, e))?;
    let mut file = BufWriter::with_capacity(1 << 20, spool);
    let mut at = 0u64;
    for down in (0..=overviews).rev() {
        let (west, north) = (window.west >> down, window.north >> down);
        let level = &mut levels[usize::from(down)];
        let places: Vec<Place> = (0..level.down())
            .flat_map(|row| (0..level.across()).map(move |column| (column, row)))
            .map(|(column, row)| Place {
                zoom: z - down,
                west: west + u64::from(column) * BLOCK as u64,
                north: north + u64::from(row) * BLOCK as u64,
            })
            .collect();
        let mut next = 0;
        for some in places.chunks(4 * rayon::current_num_threads()) {
            monitor.check()?;
            let blocks: Vec<Option<Vec<u8>>> =
                some.par_iter().map(|place| encoded(store, *place, step)).collect::<Result<_>>()?;
            for block in blocks {
                if let Some(block) = block {
                    level.set(next, at + 4, block.len() as u64);
                    let tail = &block[block.len().saturating_sub(4)..];
                    let parts = [&(block.len() as u32).to_le_bytes()[..], &block, tail];
                    for part in parts {
                        file.write_all(part).map_err(|e| Error::io("write a file in", folder, e))?;
                        at += part.len() as u64;
                    }
                }
                next += 1;
            }
        }
    }
    let spool = file.into_inner().map_err(|e| Error::io("write a file in", folder, e.into_error()))?;
    let meaning = Meaning { zoom: z, west: window.west, north: window.north, table };
    let head = head(&levels, &meaning, V::HOLDS, at);
    out.write_all(&head).map_err(|e| failed(&e))?;
    copy(spool, out, monitor)?;
    Ok(Made { width: width as u32, height: height as u32, cells, points, few })
}

fn failed(answer: &std::io::Error) -> Error {
    Error::Output(format!("cannot write the picture: {answer}"))
}

fn copy(mut spool: File, out: &mut dyn Write, monitor: &Monitor) -> Result<()> {
    spool.seek(SeekFrom::Start(0)).map_err(|e| failed(&e))?;
    let mut from = BufReader::new(spool);
    let mut bytes = vec![0; 1 << 20];
    loop {
        monitor.check()?;
        let read = from.read(&mut bytes).map_err(|e| failed(&e))?;
        if read == 0 {
            return Ok(());
        }
        out.write_all(&bytes[..read]).map_err(|e| failed(&e))?;
    }
}

/// Makes room for a tile among those from `.0` to `.1`, both included.
fn grow(all: &mut Option<(TileCoord, TileCoord)>, tile: TileCoord) {
    let (least, most) = all.get_or_insert((tile, tile));
    (least.x, least.y) = (least.x.min(tile.x), least.y.min(tile.y));
    (most.x, most.y) = (most.x.max(tile.x), most.y.max(tile.y));
}

/// The part of the zoom that is shown: the box that was asked for, or else all lit tiles.
fn window(selection: &Selection, lit: Option<(TileCoord, TileCoord)>) -> Result<Window> {
    let world = 256u64 << selection.zoom;
    if let Some(frame) = selection.frame {
        let shift = 24 - u32::from(selection.zoom);
        let (west, north) = (frame.west.max(0) as u64, frame.north.max(0) as u64);
        let (east, south) =
            (i128::from(frame.west) + i128::from(frame.width), frame.north.saturating_add(frame.height as i64));
        if east > 1 << 32 || frame.west < 0 {
            return Err(Error::Usage(
                "a GeoTIFF cannot show a box across the antimeridian; export either side of it on its own".into(),
            ));
        }
        let end = |steps: u64| (steps.div_ceil(1 << shift)).min(world);
        let (east, south) = (end(east as u64), end(south.max(0) as u64));
        let (west, north) = ((west >> shift).min(world - 1), (north >> shift).min(world - 1));
        return Ok(Window { west, north, east: east.max(west + 1), south: south.max(north + 1) });
    }
    let (least, most) = lit.ok_or_else(|| Error::Usage("there is no cell to be shown".into()))?;
    let side = |tile: u32| u64::from(tile) * 256;
    Ok(Window { west: side(least.x), north: side(least.y), east: side(most.x) + 256, south: side(most.y) + 256 })
}

/// How many overviews there are: until one fits a block.
fn overviews(window: &Window) -> u8 {
    let longer = (window.east - window.west).max(window.south - window.north);
    (0..24).find(|down| longer.div_ceil(1 << down) <= BLOCK as u64).unwrap_or(24)
}

impl Window {
    /// Grown so that pixels of the lowest of so many overviews are whole in it.
    fn aligned(self, overviews: u8) -> Self {
        let side = 1u64 << overviews;
        let (down, up) = (|at: u64| at / side * side, |at: u64| at.div_ceil(side) * side);
        Self { west: down(self.west), north: down(self.north), east: up(self.east), south: up(self.south) }
    }
}
