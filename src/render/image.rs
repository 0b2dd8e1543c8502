//! One picture of an extent: the same points, stages and looks as a tile set's, on a pixel grid of its own. Points
//! become positions of that grid in integers before they reach a backend, which then makes the tiles of a single zoom;
//! here they are put side by side.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::canvas::Canvas;
use super::colours::{Coloured, colour};
use super::kept::{self, Painted};
use super::opening::Opening;
use super::points::replay;
use super::{
    Combined, Drawing, Kept, Points, Report, Resources, Sources, aggregate, both_ways, memory, open_sources, plan_for,
    pool,
};
use crate::backend::PointPush;
use crate::container::write::Written;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::paper::legend;
use crate::paper::picture::{self, Laid, Picture, RgbaImage};
use crate::paper::placing::LegendPlace;
use crate::project;
use crate::shade::{Legend, SpreadOn, Style};
use crate::source::Opened;
use crate::staging::OutputOptions;
use crate::store::{PointSpool, SpoolSink};
use crate::tile::{self, Frame, Grid, LonLatBounds, MAX_PICTURE, PointBuffer};

/// Which part of the world a picture shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View {
    /// The box around the points.
    Data,
    /// The whole world square.
    World,
    /// A box in degrees; across the antimeridian where west is larger than east.
    Bounds(LonLatBounds),
}

/// A picture that is valid and ready.
#[derive(Debug, Clone)]
pub struct ImageRequest {
    /// Where points come from.
    pub sources: Sources,
    /// What it looks like.
    pub style: Style,
    /// What the work may use.
    pub resources: Resources,
    /// File to write.
    pub out: PathBuf,
    /// Whether a picture that tilefire made earlier may be replaced.
    pub force: bool,
    /// What it shows.
    pub view: View,
    /// Pixels from west to east, at most [`crate::tile::MAX_PICTURE`].
    pub width: Option<u32>,
    /// Pixels from north to south, likewise.
    pub height: Option<u32>,
    /// Where to draw the legend, if anywhere.
    pub legend: Option<LegendPlace>,
}

/// What a picture came to.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ImageReport {
    /// Pixels from west to east.
    pub width: u32,
    /// Pixels from north to south.
    pub height: u32,
    /// What it shows, in degrees.
    pub bounds: LonLatBounds,
    /// Points that lie in it.
    pub inside: u64,
    /// Points that do not.
    pub outside: u64,
    /// The zoom of `run.zooms` whose pixels are the picture's.
    pub zoom: u8,
    /// Everything that tile sets have too.
    pub run: Report,
}

/// Makes the picture. On an error nothing is left behind and an older one is untouched.
pub fn image(request: &ImageRequest, monitor: &Arc<Monitor>) -> Result<ImageReport> {
    let options = OutputOptions { force: request.force, inputs: request.sources.files() };
    let mut opening = Opening::start(&request.resources, request.style.weighing.is_some(), monitor)?;
    if opening.is_insisted_on() {
        // That there is none is told before everything is read, not after it.
        opening.wait(monitor)?;
    }
    let place = picture::Place::take(&request.out, &options)?;
    pool(&request.resources, &request.style)?.install(|| draw(request, (opening, place), monitor))
}

fn draw(
    request: &ImageRequest,
    (opening, place): (Opening, picture::Place),
    monitor: &Arc<Monitor>,
) -> Result<ImageReport> {
    if let Some(kept) = &request.sources.kept {
        return draw_kept(request, kept, (opening, place), monitor);
    }
    let opened = open_sources(&request.sources, monitor)?;
    let mut region = request.sources.region.clone().unwrap_or_default();
    let outside = AtomicU64::new(0);
    let memory = memory(&request.resources, &request.out);
    // The extent of the data is known when all of it was read, so it has to wait then.
    let (grid, waiting) = match request.view {
        View::Data => {
            let spool = PointSpool::new(memory.vault());
            let points = aggregate(opened, Some(&region), || Box::new(Waiting(spool.sink())), monitor)?;
            // What the outermost points are spread to is to be seen too.
            let (frame, reach) = (Frame::around(&points.extent), request.style.spread.most());
            let grid = Grid::padded(frame, request.width, request.height, reach);
            (request.fitting(grid)?, Waited::Points(spool, Box::new(points)))
        }
        View::World => (request.fitting(Grid::new(Frame::WORLD, request.width, request.height))?, Waited::Rows(opened)),
        View::Bounds(bounds) => {
            (request.fitting(Grid::new(project::frame(&bounds), request.width, request.height))?, Waited::Rows(opened))
        }
    };
    if matches!(request.view, View::Bounds(_)) {
        region.bbox = Some(grid.frame());
    }
    let drawing = Drawing { zooms: grid.zooms(), steps: 0, retina: false, style: &request.style };
    let (backend, notice) = opening.count(plan_for(drawing, memory.clone().rest(), monitor));
    let pusher = || -> Box<dyn PointPush + '_> {
        Box::new(Placing { grid, push: backend.pusher(), batch: PointBuffer::default(), outside: &outside })
    };
    let points = match waiting {
        Waited::Rows(opened) => aggregate(opened, Some(&region), pusher, monitor)?,
        Waited::Points(spool, points) => {
            replay(&spool, pusher, monitor)?;
            *points
        }
    };
    let outside = outside.load(Ordering::Relaxed);
    let passed = points.read.not_selected.outside.bbox;
    let inside = points.used - outside;
    let paint = backend.finish()?;
    if let Some(stats) = paint.stats().iter().find(|stats| stats.sum != inside) {
        return Err(Error::Internal(format!("the picture counts {} of {inside} points", stats.sum)));
    }
    let painted = Painted { paint, memory, notice: notice.get().cloned(), rows: points.into_rows(), inside };
    finish(request, place, (drawing, &grid), painted, outside + passed, monitor)
}

/// Draws counts that were kept, pixel by pixel: they know no others.
fn draw_kept(
    request: &ImageRequest,
    kept: &Kept,
    (opening, place): (Opening, picture::Place),
    monitor: &Arc<Monitor>,
) -> Result<ImageReport> {
    let memory = memory(&request.resources, &request.out);
    let about = kept.file.about();
    let mut extent = kept.file.details()?.1.extent();
    if let Combined::Less(other) = &kept.combined {
        extent.merge(&other.details()?.1.extent());
    }
    if extent.is_empty() {
        return Err(Error::Input(format!("{} has no points to be drawn", kept.file.path().display())));
    }
    let (frame, more) = match request.view {
        View::Data => (Frame::around(&extent), request.style.spread.most()),
        View::World => (Frame::WORLD, 0),
        View::Bounds(bounds) => (project::frame(&bounds), 0),
    };
    let (width, height) = match (request.width, request.height) {
        (None, None) => (LONGER, LONGER),
        (width, height) => (width.unwrap_or(MAX_PICTURE), height.unwrap_or(MAX_PICTURE)),
    };
    let fits = |z: u8| {
        let grid = Grid::of_pixels(frame, z, more)?;
        (grid.columns() <= width && grid.rows() <= height).then_some((z, grid))
    };
    let (z, grid) = (0..=about.zoom).rev().find_map(fits).ok_or_else(|| {
        Error::Usage(format!(
            "no zoom of {} fits into {width} by {height} pixels; allow more",
            kept.file.path().display()
        ))
    })?;
    let grid = request.fitting(grid)?;
    let drawing = Drawing { zooms: grid.zooms(), steps: 0, retina: false, style: &request.style };
    let painted = kept::pictured(kept, (z, &grid), drawing, (opening, memory), monitor)?;
    let outside = painted.rows.used - painted.inside;
    finish(request, place, (drawing, &grid), painted, outside, monitor)
}

/// Pixels of the longer side of a picture of counts of which nothing else was said, at most.
const LONGER: u32 = 1_200;

/// What is to come onto the picture once its grid is known.
enum Waited {
    /// Rows that are still to be read.
    Rows(Opened),
    /// Points that were read to find the extent.
    Points(PointSpool, Box<Points>),
}

fn finish(
    request: &ImageRequest,
    place: picture::Place,
    (drawing, grid): (Drawing<'_>, &Grid),
    Painted { paint, memory, notice, rows, inside }: Painted,
    outside: u64,
    monitor: &Arc<Monitor>,
) -> Result<ImageReport> {
    let around_0 = request.style.around_0(paint.stats(), drawing.zooms);
    let both_ways = around_0.as_ref().map(both_ways);
    let styled = around_0.map(|style| ImageRequest { style, ..request.clone() });
    let request = styled.as_ref().unwrap_or(request);
    let drawing = Drawing { style: &request.style, ..drawing };
    let mut coloured = colour(paint.as_ref(), &request.style, drawing.zooms)?;
    let zoom = drawing.zooms.max;
    let look = coloured.looks.get(usize::from(zoom));
    let table =
        look.map(|look| look.table.clone()).ok_or_else(|| Error::Internal("a picture without colours".into()))?;
    let vault = memory.rest().vault();
    let canvas = match request.style.spread_on {
        SpreadOn::Colours => Canvas::of_colours(grid, vault),
        SpreadOn::Counts => Canvas::new(grid, table.is_wide(), vault),
    };
    coloured.paint(paint.as_ref(), &request.style, &canvas)?;
    let mut report = Report::new(drawing, &rows, paint.as_ref(), &coloured);
    report.used = inside;
    report.notices.extend(both_ways);
    let legend = match request.legend {
        Some(place) => {
            let legend = legend_of(drawing, &report, &coloured)?;
            let size = (grid.columns(), grid.rows());
            let fits = |legend: &RgbaImage| {
                legend.height() <= size.1 && (place == LegendPlace::Beside || legend.width() <= size.0)
            };
            // Large pictures are looked at from farther away.
            let large = (size.0 >= 1_600).then(|| legend::draw(&legend, 2)).filter(fits);
            let image = large.unwrap_or_else(|| legend::draw(&legend, 1));
            if place != LegendPlace::Beside && !fits(&image) {
                return Err(too_small(size.0, size.1, image.dimensions()));
            }
            Some(Laid { at: place.stand(size, image.dimensions(), &canvas)?, image })
        }
        None => None,
    };
    let sums = request.style.spread_on == SpreadOn::Colours;
    // Behind colours that were added up there is the background alone.
    let behind = [request.style.background.map_or([0; 4], |[r, g, b]| [r, g, b, 255])];
    let picture = Picture {
        width: grid.columns(),
        height: grid.rows(),
        strips: &canvas,
        palette: if sums { &behind } else { &table.palette },
        truecolor: request.style.truecolor || sums,
        legend,
    };
    monitor.check()?;
    let (bytes, notices) = monitor.time(Stage::Write, || place.save(&picture, monitor))?;
    report.finish(&Written { bytes, notices, ..Written::default() }, paint.report(), notice, monitor);
    let (width, height) = (grid.columns(), grid.rows());
    Ok(ImageReport { width, height, bounds: grid.bounds(), inside, outside, zoom, run: report })
}

impl ImageRequest {
    /// The grid, if it has room for what is to be on it.
    fn fitting(&self, grid: Grid) -> Result<Grid> {
        let (width, height) = (grid.columns(), grid.rows());
        // A legend of one ramp and a note or two; one that is larger is met when it is drawn.
        let within = self.legend.is_some_and(|place| place != LegendPlace::Beside);
        if within && (width < LEGEND.0 || height < LEGEND.1) {
            return Err(too_small(width, height, LEGEND));
        }
        Ok(grid)
    }
}

fn legend_of(drawing: Drawing<'_>, report: &Report, coloured: &Coloured<'_>) -> Result<Legend> {
    legend::of_heat(&report.heat(drawing, coloured)).ok_or_else(|| Error::Internal("the picture has no legend".into()))
}

/// The least picture for a legend.
const LEGEND: (u32, u32) = (392, 140);

fn too_small(width: u32, height: u32, needed: (u32, u32)) -> Error {
    Error::Usage(format!(
        "--legend does not fit a picture of {width} by {height} pixels, it needs {} by {}; give another --width or --height, or --legend=beside",
        needed.0, needed.1
    ))
}

/// Points on their way into a spool.
struct Waiting<'a>(SpoolSink<'a>);

impl PointPush for Waiting<'_> {
    fn push(&mut self, points: tile::Points<'_>) -> Result<()> {
        self.0.push(points)
    }

    fn close(&mut self) -> Result<()> {
        self.0.close()
    }
}

/// Points on their way onto the grid.
struct Placing<'a> {
    grid: Grid,
    push: Box<dyn PointPush + 'a>,
    batch: PointBuffer,
    outside: &'a AtomicU64,
}

impl PointPush for Placing<'_> {
    fn push(&mut self, points: tile::Points<'_>) -> Result<()> {
        self.batch.clear();
        self.batch.extend_by(points, |point| self.grid.place(point));
        self.outside.fetch_add((points.len() - self.batch.len()) as u64, Ordering::Relaxed);
        self.push.push(self.batch.points())
    }

    fn close(&mut self) -> Result<()> {
        self.push.close()
    }
}
