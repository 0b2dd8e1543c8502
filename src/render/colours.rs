//! From counted zooms to their colours: how far each zoom's pixels reach, what counts that makes, and the tables. The
//! same steps for tiles, pictures, dry runs and benchmarks.

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use crate::backend::{AroundSink, Paint, SpreadZoom, TileSink};
use crate::counts::{Histogram, ZoomStats, squares};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::shade::{
    Look, Radius, SMOOTH_ERROR, ShadeTable, Style, Surroundings, add_colours, auto_radius, dynspread_radius, grouped,
    over, people,
};
use crate::tile::{TILE_SIDE, TileCoord, TileIndices, ZoomRange};

/// Zooms from the pixels of a tile to the tile.
const LEVELS: usize = TILE_SIDE.ilog2() as usize;

/// What tiles are coloured with; everything is indexed by zoom.
#[derive(Debug)]
pub(crate) struct Coloured<'a> {
    /// Spread radii in pixels.
    pub(crate) radii: Vec<u32>,
    /// Statistics of the counts that are coloured: those of the spread pixels where a kernel makes new counts.
    pub(crate) stats: Vec<ZoomStats>,
    /// Formulas and tables.
    pub(crate) looks: Vec<Look<'a>>,
    /// The zooms to be painted, in ascending order.
    spread: Vec<SpreadZoom>,
    /// Lit squares of the world, cut into 2^n by 2^n: found when an automatic radius is.
    squares: Vec<u64>,
}

/// Where coloured tiles go, each with the table it was coloured with. Called from many threads, once a tile.
pub(crate) trait ColourSink: Sync {
    /// Takes one tile.
    fn put(&self, table: &ShadeTable, tile: TileCoord, indices: TileIndices<'_>) -> Result<()>;

    /// Takes one tile whose pixels have colours of their own: red, green, blue and alpha, row by row.
    fn put_colours(&self, tile: TileCoord, colours: &[[u8; 4]]) -> Result<()>;

    /// All tiles of zoom `z` have come; `table` was theirs.
    fn end(&self, _z: u8, _table: &ShadeTable) -> Result<()> {
        Ok(())
    }
}

/// The tiles of a zoom with its table.
struct OfZoom<'a> {
    table: &'a ShadeTable,
    sink: &'a dyn ColourSink,
}

impl TileSink for OfZoom<'_> {
    fn put(&self, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        self.sink.put(self.table, tile, indices)
    }
}

/// The tiles of a zoom whose colours are added up.
struct Adding<'a> {
    rows: &'a [u32],
    palette: &'a [[u8; 4]],
    background: Option<[u8; 3]>,
    sink: &'a dyn ColourSink,
}

thread_local! {
    static ADDED: RefCell<Vec<[u8; 4]>> = const { RefCell::new(Vec::new()) };
}

impl AroundSink for Adding<'_> {
    fn put(&self, tile: TileCoord, around: Surroundings<'_>) -> Result<()> {
        ADDED.with_borrow_mut(|colours| {
            if !add_colours(around, self.rows, self.palette, colours) {
                return Ok(());
            }
            if let Some([r, g, b]) = self.background {
                colours.iter_mut().for_each(|colour| *colour = over(*colour, 255, [r, g, b, 255]));
            }
            self.sink.put_colours(tile, colours)
        })
    }
}

impl Coloured<'_> {
    /// Paints the zooms that wait for it; what spreading made of one goes as soon as it is painted.
    pub(crate) fn paint(&mut self, paint: &dyn Paint, style: &Style, sink: &dyn ColourSink) -> Result<()> {
        self.spread.drain(..).try_for_each(|zoom| {
            let at = usize::from(zoom.z());
            let look = self.looks.get(at);
            let table = &look.ok_or_else(|| Error::Internal(format!("no colours for zoom {}", zoom.z())))?.table;
            let radius = self.radii.get(at).copied().unwrap_or(0);
            match style.colour_mask(radius) {
                Some(rows) => {
                    let adding = Adding { rows: &rows, palette: &table.palette, background: style.background, sink };
                    paint.surroundings(&zoom, radius, table, &adding)
                }
                None => paint.tiles(&zoom, table, &OfZoom { table, sink }),
            }?;
            drop(zoom);
            sink.end(at as u8, table)
        })
    }

    /// Nothing is spread yet, and no zoom has a look.
    fn begin(paint: &dyn Paint) -> Self {
        let stats = paint.stats().to_vec();
        Self {
            radii: vec![0; stats.len()],
            looks: Vec::with_capacity(stats.len()),
            stats,
            spread: Vec::new(),
            squares: Vec::new(),
        }
    }

    /// Spreads zoom `z`.
    fn spread(&mut self, paint: &dyn Paint, style: &Style, z: u8) -> Result<()> {
        let at = usize::from(z);
        let radius = match style.spread.radius {
            Radius::Fixed(radius) => radius,
            Radius::Auto => self.auto_radius(paint, z)?,
            Radius::Dynspread => dynspread_radius(&paint.isolation(z, style.min_count)?),
        };
        let (Some(of_zoom), Some(stats)) = (self.radii.get_mut(at), self.stats.get_mut(at)) else {
            return Err(Error::Internal(format!("zoom {z} was not counted")));
        };
        *of_zoom = radius;
        let zoom = paint.spread(z, &style.kernel(radius, stats.max))?;
        *stats = zoom.stats().clone();
        self.spread.push(zoom);
        Ok(())
    }

    /// The automatic radius of zoom `z`. A lit square of 2^n pixels is a lit pixel n zooms further out, so all it takes is
    /// there; below zoom 0 its one tile tells. No radius is larger than that of a zoom further in: a few pixels far apart
    /// may be towns full of points, which only finer zooms tell, and a bell would shrink where the map grows.
    fn auto_radius(&mut self, paint: &dyn Paint, z: u8) -> Result<u32> {
        if self.squares.is_empty() {
            let mut lit = Vec::new();
            paint.counts(0)?.read(TileCoord { z: 0, x: 0, y: 0 }, &mut lit)?;
            self.squares = squares(&lit).into_iter().rev().collect();
            self.squares.extend(paint.stats().iter().skip(1).map(|stats| stats.lit));
        }
        let finer = self.squares.windows(LEVELS + 1).skip(z.into());
        let radii = finer.map(|near| auto_radius(&near.iter().rev().copied().collect::<Vec<_>>()));
        radii.min().ok_or_else(|| Error::Internal(format!("zoom {z} was not counted")))
    }

    /// What a person should know about the colours of `zooms`.
    pub(crate) fn notices(&self, style: &Style, zooms: ZoomRange) -> Vec<String> {
        self.nothing_drawn(style, zooms).into_iter().chain(self.too_few(zooms)).collect()
    }

    fn too_few(&self, zooms: ZoomRange) -> Option<String> {
        let shown = zooms.iter().filter_map(|z| self.looks.get(usize::from(z)));
        let enough = |table: &&ShadeTable| table.error > if table.smooth { SMOOTH_ERROR } else { 2 };
        let worst = shown.map(|look| &look.table).filter(enough).map(|table| table.error).max()?;
        Some(format!(
            "255 colours are too few for this colormap: they are off by up to {worst} of 255; --truecolor is exact"
        ))
    }

    fn nothing_drawn(&self, style: &Style, zooms: ZoomRange) -> Option<String> {
        let shown = || zooms.iter().filter_map(|z| self.stats.get(usize::from(z)));
        if shown().any(|stats| u64::from(stats.max) >= style.least(stats.unit)) {
            return None;
        }
        if style.weighing.is_some() {
            let least = grouped(style.min_count.into());
            return Some(format!("nothing is drawn: no pixel has {least} points (--min-count)"));
        }
        let most = shown().map(|stats| stats.unit.points(stats.max)).fold(0.0, f64::max);
        let spread = if style.spread.most() > 0 { " after spread" } else { "" };
        let (least, most) = (grouped(style.min_count.into()), people(most));
        Some(format!(
            "nothing is drawn: no pixel has {least} points (--min-count); the largest count{spread} is {most}"
        ))
    }
}

/// Spreads the zooms asked for and finds their colours; they wait to be [painted](Coloured::paint).
pub(crate) fn colour<'a>(paint: &dyn Paint, style: &'a Style, zooms: ZoomRange) -> Result<Coloured<'a>> {
    let mut coloured = Coloured::begin(paint);
    zooms.iter().try_for_each(|z| coloured.spread(paint, style, z))?;
    let spread = &coloured.spread;
    coloured.looks = style.looks(&coloured.stats, zooms, |z| {
        let zoom = spread.iter().find(|zoom| zoom.z() == z);
        paint.histogram(zoom.ok_or_else(|| Error::Internal(format!("zoom {z} was not spread")))?)
    })?;
    Ok(coloured)
}

/// Spreads, colours and paints the zooms asked for: one after the other, so that what spreading makes is there of one at
/// a time, except where their colours depend on each other. Tells `monitor` how many tiles there will be.
pub(crate) fn paint<'a>(
    paint: &dyn Paint,
    style: &'a Style,
    zooms: ZoomRange,
    monitor: &Monitor,
    sink: &dyn ColourSink,
) -> Result<Coloured<'a>> {
    let expect = |stats: &[ZoomStats]| {
        let tiles = zooms.iter().filter_map(|z| stats.get(usize::from(z))).map(|stats| stats.tiles).sum();
        monitor.tiles_total.store(tiles, Ordering::Relaxed);
    };
    if style.span.compares_zooms() {
        let mut coloured = colour(paint, style, zooms)?;
        expect(&coloured.stats);
        coloured.paint(paint, style, sink)?;
        return Ok(coloured);
    }
    let mut coloured = Coloured::begin(paint);
    for (z, at) in (0..=u8::MAX).zip(0..coloured.stats.len()) {
        if zooms.contains(z) {
            coloured.spread(paint, style, z)?;
            expect(&coloured.stats);
        }
        let spread = coloured.spread.last();
        let histogram = match spread.filter(|_| style.needs_histogram()) {
            Some(zoom) => paint.histogram(zoom)?,
            None => Histogram::default(),
        };
        coloured.looks.push(style.look_of(z, &coloured.stats[at], &histogram)?);
        coloured.paint(paint, style, sink)?;
    }
    Ok(coloured)
}
