//! Categories by colour: a pixel's colour is the mean of those of its points' categories, and its alpha rises with their
//! number, as datashader draws categories (`count_cat`). How many there are is painted as always, with alpha alone; which
//! part of them is of a category is the share of it, painted as a measure; both are put together at each zoom's end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::colours::{self, ColourSink, Coloured};
use super::kept::layers_of_share;
use super::{Categories, Kept, Request, plan_for};
use crate::backend::{Memory, Paint, cpu};
use crate::countfile;
use crate::counts::{Measure, Step};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::shade::{Colormap, Function, Radius, ShadeTable, SpanRule, Style, Weighing, over};
use crate::store::{Kept as Bytes, Vault};
use crate::tile::{TILE_PIXELS, TileCoord, TileIndices, ZoomRange};

/// One byte for each pixel of tiles of a zoom, where it is not 0.
type Tiles = Mutex<BTreeMap<u64, Bytes>>;

/// Bytes of a lit pixel in a list: its place and what it holds.
const LISTED: usize = 3;

/// Paints the zooms of `request`, whose categories and their colours are those of `kept`; `paint` has all of their points.
pub(super) fn paint<'a>(
    (kept, categories): (&Kept, &Categories),
    request: &'a Request,
    (paint, memory): (&dyn Paint, Memory),
    monitor: &Arc<Monitor>,
    sink: &dyn ColourSink,
) -> Result<Coloured<'a>> {
    let (style, drawing) = (&request.style, request.drawing());
    let mut coloured = colours::colour(paint, style, drawing.zooms)?;
    let shares = Style {
        weighing: Some(Weighing { measure: Measure::Share, column: String::new(), step: Step::ONE, diverging: false }),
        function: Function::Linear,
        span: "0,1".parse::<SpanRule>().map_err(Error::Internal)?,
        colormap: Colormap::parse("black, white")?,
        truecolor: true,
        fade_in: false,
        background: None,
        diverging: None,
        ..style.clone()
    };
    let vault = Arc::new(memory.clone().rest().vault());
    let mut painters = Vec::new();
    for &(plane, colour) in &categories.colours {
        let counts = countfile::load(&layers_of_share(kept, plane), drawing.zooms.max, vault.clone(), monitor)?;
        let drawing = super::Drawing { style: &shares, ..drawing };
        painters.push((cpu::measure(counts, plan_for(drawing, memory.clone(), monitor))?, colour));
    }
    let radii = coloured.radii.clone();
    let mixing = Mixing {
        sink,
        painters,
        radii,
        shares,
        background: categories.background,
        vault: memory.rest().vault(),
        monitor,
        alphas: Tiles::default(),
    };
    coloured.paint(paint, style, &mixing)?;
    Ok(coloured)
}

/// Tiles on their way to their colours.
struct Mixing<'a> {
    sink: &'a dyn ColourSink,
    /// What paints the share of each category, and its colour.
    painters: Vec<(Box<dyn Paint>, [u8; 3])>,
    radii: Vec<u32>,
    shares: Style,
    background: Option<[u8; 3]>,
    vault: Vault,
    monitor: &'a Arc<Monitor>,
    /// The alpha of every drawn pixel of the zoom at hand.
    alphas: Tiles,
}

/// The shares of one category on their way to wait.
struct Shares<'a> {
    vault: &'a Vault,
    tiles: &'a Tiles,
}

/// Keeps a byte of each drawn pixel's colour.
fn keep(
    (vault, tiles): (&Vault, &Tiles),
    tile: TileCoord,
    (table, indices): (&ShadeTable, TileIndices<'_>),
    byte: impl Fn([u8; 4]) -> u8,
) -> Result<()> {
    let mut list = Vec::new();
    indices.for_each_lit(|pixel, index| {
        let byte = table.palette.get(usize::from(index)).map_or(0, |colour| byte(*colour));
        list.extend_from_slice(&pixel.to_le_bytes());
        list.push(byte);
    });
    if list.len() > TILE_PIXELS {
        let mut raster = vec![0; TILE_PIXELS];
        each(&list, |pixel, byte| raster[usize::from(pixel)] = byte);
        // One more byte tells it from a list.
        raster.push(0);
        list = raster;
    }
    let kept = vault.put(&list)?;
    tiles.lock().unwrap_or_else(PoisonError::into_inner).insert(tile.morton(), kept);
    Ok(())
}

/// Calls `with` with every pixel that was kept, and its byte.
fn each(bytes: &[u8], mut with: impl FnMut(u16, u8)) {
    if bytes.len() == TILE_PIXELS + 1 {
        (0..=u16::MAX).zip(bytes).filter(|(_, byte)| **byte > 0).for_each(|(pixel, byte)| with(pixel, *byte));
    } else {
        for entry in bytes.chunks_exact(LISTED) {
            with(u16::from_le_bytes([entry[0], entry[1]]), entry[2]);
        }
    }
}

impl ColourSink for Shares<'_> {
    fn put(&self, table: &ShadeTable, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        keep((self.vault, self.tiles), tile, (table, indices), |[grey, ..]| grey)
    }

    fn put_colours(&self, _: TileCoord, _: &[[u8; 4]]) -> Result<()> {
        Err(Error::Internal("shares have no colours of their own".into()))
    }
}

impl ColourSink for Mixing<'_> {
    fn put(&self, table: &ShadeTable, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        keep((&self.vault, &self.alphas), tile, (table, indices), |[.., alpha]| alpha)
    }

    fn put_colours(&self, _: TileCoord, _: &[[u8; 4]]) -> Result<()> {
        Err(Error::Internal("alpha has no colours of its own".into()))
    }

    fn end(&self, z: u8, table: &ShadeTable) -> Result<()> {
        let radius = self.radii.get(usize::from(z)).copied().unwrap_or(0);
        let mut style = self.shares.clone();
        // All reach as far as the points together do.
        style.spread.radius = Radius::Fixed(radius);
        let mut all = Vec::new();
        for (paint, colour) in &self.painters {
            let tiles = Tiles::default();
            let shares = Shares { vault: &self.vault, tiles: &tiles };
            colours::paint(paint.as_ref(), &style, ZoomRange { min: z, max: z }, self.monitor, &shares)?;
            all.push((tiles.into_inner().unwrap_or_else(PoisonError::into_inner), *colour));
        }
        let alphas = std::mem::take(&mut *self.alphas.lock().unwrap_or_else(PoisonError::into_inner));
        let tiles: Vec<(u64, &Bytes)> = alphas.iter().map(|(code, bytes)| (*code, bytes)).collect();
        tiles.par_iter().try_for_each_init(Vec::new, |sums: &mut Vec<[u32; 4]>, (code, alphas)| {
            self.monitor.check()?;
            sums.clear();
            sums.resize(TILE_PIXELS, [0; 4]);
            for (tiles, [r, g, b]) in &all {
                let Some(bytes) = tiles.get(code) else { continue };
                each(&self.vault.get(bytes.place())?, |pixel, share| {
                    let share = u32::from(share);
                    let sum = &mut sums[usize::from(pixel)];
                    for (sum, channel) in sum.iter_mut().zip([*r, *g, *b, 1]) {
                        *sum += share * u32::from(channel);
                    }
                });
            }
            let mut colours = vec![[0; 4]; TILE_PIXELS];
            each(&self.vault.get(alphas.place())?, |pixel, alpha| {
                let [r, g, b, share] = sums[usize::from(pixel)];
                if alpha > 0 && share > 0 {
                    let mean = |sum: u32| ((sum + share / 2) / share) as u8;
                    colours[usize::from(pixel)] = [mean(r), mean(g), mean(b), alpha];
                }
            });
            if let Some([r, g, b]) = self.background {
                colours.iter_mut().for_each(|colour| *colour = over(*colour, 255, [r, g, b, 255]));
            }
            self.sink.put_colours(TileCoord::from_morton(z, *code), &colours)
        })?;
        alphas.into_values().for_each(|bytes| self.vault.forget(bytes));
        all.into_iter().flat_map(|(tiles, _)| tiles.into_values()).for_each(|bytes| self.vault.forget(bytes));
        self.sink.end(z, table)
    }
}
