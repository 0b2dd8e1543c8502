//! The order of work of one run: points in, counts, colours, tiles out. Each step is a call into the part that
//! knows how; what happened is returned as a [`Report`], never printed.

pub(crate) mod colours;
mod estimate;
pub mod image;
mod points;
mod report;
mod request;
mod session;
mod sink;

use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use estimate::Estimate;
pub use report::{Report, ZoomReport};
pub use request::{Device, Request, Resources, Sources};

use self::points::Points;
pub(crate) use self::points::aggregate;
use self::session::check_device;
pub(crate) use self::session::{default_memory, memory, on_all_threads, open, pool};
use crate::backend::Paint;
use crate::container::page;
use crate::container::write::{self, Beside, TileWriter, Written};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::paper::legend;
use crate::staging::OutputOptions;

/// Runs `request` to its end. On an error nothing is left behind and an older output is untouched.
pub fn run(request: &Request, monitor: &Arc<Monitor>) -> Result<Report> {
    let options = OutputOptions { force: request.force, inputs: request.sources.files() };
    let create = || write::create(&request.out, &options);
    pool(&request.resources, &request.style)?
        .install(|| if request.dry_run { plan(request, monitor) } else { render(request, monitor, create) })
}

/// A run whose points are counted.
struct Counted {
    paint: Box<dyn Paint>,
    /// What to tell when the backend is not the one a person may have expected.
    notice: Option<String>,
    points: Points,
}

/// Reads, projects and counts.
fn count(request: &Request, monitor: &Arc<Monitor>) -> Result<Counted> {
    let (backend, notice) = open(request, memory(&request.resources, &request.out), monitor)?;
    let points = aggregate(&request.sources, || backend.pusher(), monitor)?;
    let paint = backend.finish()?;
    let stats = paint.stats();
    if let Some(z) = stats.iter().position(|s| s.sum != points.used) {
        return Err(Error::Internal(format!("zoom {z} counts {} of {} points", stats[z].sum, points.used)));
    }
    Ok(Counted { paint, notice, points })
}

/// Reads, projects and counts; writes nothing and estimates the rest.
fn plan(request: &Request, monitor: &Arc<Monitor>) -> Result<Report> {
    let Counted { paint, notice, points } = count(request, monitor)?;
    let coloured = colours::colour(paint.as_ref(), &request.style, request.zooms)?;
    let mut report = Report::new(request, &points, paint.stats(), &coloured);
    let archive = request.out.extension().is_some_and(|e| e.eq_ignore_ascii_case("pmtiles"));
    report.estimate = Some(estimate::estimate(paint.stats(), request.zooms, rayon::current_num_threads(), archive));
    report.finish(&Written::default(), paint.report(), notice, monitor);
    Ok(report)
}

pub(crate) fn render(
    request: &Request,
    monitor: &Arc<Monitor>,
    create: impl FnOnce() -> Result<Box<dyn TileWriter>>,
) -> Result<Report> {
    let writer = create()?;
    let Counted { paint, notice, points } = count(request, monitor)?;
    let mut coloured = colours::colour(paint.as_ref(), &request.style, request.zooms)?;
    let tiles: u64 = request.zooms.iter().filter_map(|z| coloured.stats.get(usize::from(z))).map(|s| s.tiles).sum();
    monitor.tiles_total.store(tiles, Ordering::Relaxed);
    let tables = coloured.tables();
    let truecolor = request.style.truecolor;
    let drawn = sink::Drawn::new(request.zooms.max);
    let sink = sink::EncodingSink { tables: &tables, truecolor, writer: writer.as_ref(), monitor, drawn };
    coloured.paint(paint.as_ref(), &sink)?;

    let mut report = Report::new(request, &points, paint.stats(), &coloured);
    // The box around all points would tell where those are that are not to be seen.
    let extent = if request.style.min_count > 1 { sink.drawn.extent() } else { points.extent };
    let metadata = report.metadata(request, &extent, &coloured)?;
    let beside = || {
        let drawn = |legend| Ok::<_, Error>((legend::png(&legend)?, legend::svg(&legend)));
        let legend = legend::of_metadata(&metadata).map(drawn).transpose()?;
        Ok(Beside { page: request.page.then(|| page::page(&metadata)), legend })
    };
    monitor.check()?;
    let written = monitor.time(Stage::Write, || writer.finish(&metadata, &beside))?;
    report.finish(&written, paint.report(), notice, monitor);
    Ok(report)
}
