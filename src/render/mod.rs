//! The order of work of one run: points in, counts, colours, tiles out. Each step is a call into the part that
//! knows how; what happened is returned as a [`Report`], never printed.

mod allowance;
mod canvas;
mod categories;
pub(crate) mod colours;
pub(crate) mod depth;
mod estimate;
mod exchange;
pub mod image;
mod joined;
mod keep;
mod kept;
mod keyed;
mod opening;
mod points;
mod report;
mod request;
mod session;
mod since;
mod sink;
pub mod survey;
mod view;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use estimate::Estimate;
pub use exchange::{ExportRequest, ImportReport, ImportRequest, export_from, import_into};
pub use keep::{
    CountReport, CountRequest, CountedPlane, MergeReport, MergeRequest, Planned, count_into, merge_into, plan_shares,
};
pub use keyed::{KeyedCounts, KeyedPlane, count_by_key};
pub use report::{Report, ZoomReport};
pub(crate) use request::Drawing;
pub use request::{Categories, Combined, Device, Kept, Labels, Request, Resources, Sources};

pub(crate) use self::allowance::default_memory;
use self::colours::ColourSink;
use self::depth::Depth;
use self::joined::JoiningSink;
pub(crate) use self::opening::Opening;
use self::points::{Points, Rows, replay};
pub(crate) use self::points::{aggregate, open as open_sources};
pub(crate) use self::session::{memory, on_all_threads, plan_for, pool};
pub(crate) use self::sink::Encoded;
use crate::backend::{Count, Memory, Paint};
use crate::container::page::{self, Shown};
use crate::container::write::{self, Beside, TileWriter, Written};
use crate::container::{Scheme, TileSize};
use crate::error::{Error, Result};
use crate::heat::{Text, TileJson};
use crate::monitor::{Monitor, Stage};
use crate::paper::legend;
use crate::shade::{SpanRule, Style};
use crate::source::{Input, Notice, Opened};
use crate::staging::{OutputOptions, Whole};
use crate::store::PointSpool;
use crate::tile::MAX_ZOOM;

/// Runs `request` to its end. On an error nothing is left behind and an older output is untouched.
pub fn run(request: &Request, monitor: &Arc<Monitor>) -> Result<Report> {
    let options = OutputOptions { force: request.force, inputs: request.sources.files() };
    if !request.page && write::Container::of(&request.out)? == write::Container::Page {
        let out = request.out.display();
        return Err(Error::Usage(format!(
            "{out} is a page, and --no-page leaves it out; name a .pmtiles file or a folder"
        )));
    }
    if request.page_beside && write::Container::of(&request.out)? == write::Container::Mbtiles {
        let out = request.out.display();
        return Err(Error::Usage(format!(
            "{out}: --page writes a page that reads its tiles from the file beside it, and pages cannot read MBTiles; name a \
             .pmtiles file"
        )));
    }
    if request.form.scheme != Scheme::default() && write::Container::of(&request.out)? != write::Container::Folder {
        let out = request.out.display();
        return Err(Error::Usage(format!(
            "{out}: --scheme says how the rows of a folder are counted, and this file has its own way; name a folder"
        )));
    }
    check_form(request)?;
    if request.sources.kept.as_ref().is_some_and(|kept| kept.since.is_some()) {
        since::check(request)?;
    }
    // Before the sources are opened, which may wait for their first rows.
    if request.dry_run {
        // What would be refused is told with the rest.
        write::Container::of(&request.out)?;
    } else {
        write::look(&request.out, &options)?;
    }
    let index = memory(&request.resources, &request.out).index();
    let create = || write::create_within(&request.out, &options, request.form, index);
    pool(&request.resources, &request.style)?
        .install(|| if request.dry_run { plan(request, monitor) } else { render(request, monitor, create) })
}

/// One scale for several sets.
#[derive(Debug, Clone)]
pub struct Scale {
    /// Where colours begin and end on each zoom: where those of any set do.
    pub span: SpanRule,
    /// Whether there is anything to be drawn of each set.
    pub there: Vec<bool>,
}

/// Finds the scale that has room for all of `requests`, which are of kept counts and alike but for what they draw.
pub fn scale(requests: &[Request], monitor: &Arc<Monitor>) -> Result<Scale> {
    let mut spans: BTreeMap<u8, (f64, f64)> = BTreeMap::new();
    let mut there = Vec::new();
    for request in requests {
        let Some(kept) = &request.sources.kept else { return Err(Error::Internal("a scale is of counts".into())) };
        let found = pool(&request.resources, &request.style)?.install(|| {
            let opening = Opening::start(&request.resources, request.style.weighing.is_some(), monitor)?;
            let memory = memory(&request.resources, &request.out);
            let drawing = request.drawing();
            let counted = kept::counted(kept, drawing, (opening, memory), monitor)?;
            let style = request.style.around_0(counted.paint.stats(), drawing.zooms);
            let style = style.as_ref().unwrap_or(&request.style);
            let coloured = colours::colour(counted.paint.as_ref(), style, drawing.zooms)?;
            let of = |z: u8| {
                let look = coloured.looks.get(usize::from(z))?;
                Some((z - drawing.steps, (look.told(look.table.span.lo), look.told(look.table.span.hi))))
            };
            Ok::<_, Error>(drawing.zooms.iter().filter_map(of).collect::<Vec<_>>())
        });
        match found {
            Err(Error::Input(text)) if text.ends_with(kept::NOTHING) => there.push(false),
            Err(error) => return Err(error),
            Ok(found) => {
                there.push(true);
                for (z, (lo, hi)) in found {
                    let span = spans.entry(z).or_insert((lo, hi));
                    *span = (span.0.min(lo), span.1.max(hi));
                }
            }
        }
    }
    let listed: Vec<String> = spans.iter().map(|(z, (lo, hi))| format!("{z}:{lo},{hi}")).collect();
    let span = listed.join(";").parse().map_err(Error::Internal)?;
    Ok(Scale { span, there })
}

/// Fails where the output has no place for such tiles, or points have no such pixels.
fn check_form(request: &Request) -> Result<()> {
    let (form, out) = (request.form, request.out.display());
    if form.retina && form.size != TileSize::Usual {
        return Err(Error::Usage(
            "--retina writes tiles of 512 pixels beside those of 256; leave out --tile-size 512, or --retina".into(),
        ));
    }
    if form.retina && write::Container::of(&request.out)? != write::Container::Folder {
        return Err(Error::Usage(format!(
            "{out}: --retina writes a second tile, @2x, beside each, and this file has one at a place; name a folder, or make \
             all tiles larger with --tile-size 512"
        )));
    }
    if form.counted(request.zooms).max > MAX_ZOOM {
        return Err(Error::Usage(format!(
            "tiles of 512 pixels are made of those of the next zoom, and the highest is {MAX_ZOOM}; name zooms up to {}",
            MAX_ZOOM - 1
        )));
    }
    Ok(())
}

/// A run whose points are counted.
struct Counted {
    paint: Box<dyn Paint>,
    /// What the run takes its memory from.
    memory: Memory,
    /// What to tell when the backend is not the one a person may have expected.
    notice: Option<String>,
    rows: Rows,
}

/// What a run begins with.
enum Ready {
    /// Rows to be read.
    Rows(Opened),
    /// Counts that were kept.
    Kept(Kept),
}

/// Reads, projects and counts; gives the request with the zooms that are made.
fn count<'a>(
    request: &'a Request,
    (opening, ready): (Opening, Ready),
    monitor: &Arc<Monitor>,
) -> Result<(Cow<'a, Request>, Counted)> {
    let memory = memory(&request.resources, &request.out);
    let opened = match ready {
        Ready::Rows(opened) => opened,
        Ready::Kept(kept) => {
            let counted = kept::counted(&kept, request.drawing(), (opening, memory), monitor)?;
            return Ok(settled(Cow::Borrowed(request), counted));
        }
    };
    let region = request.sources.region.as_ref();
    if !request.auto_zoom {
        let (backend, notice) = opening.count(plan_for(request.drawing(), memory.clone(), monitor));
        let points = aggregate(opened, region, || backend.pusher(), monitor)?;
        return Ok(settled(Cow::Borrowed(request), counted(backend, points, memory, &notice)?));
    }
    // The zooms are known when all points were seen, so these have to wait.
    let (depth, spool) = (Depth::new(), PointSpool::new(memory.vault()));
    let mut points = aggregate(opened, region, || Box::new(depth.passing(spool.sink())), monitor)?;
    let (zooms, found) = depth.zooms(request.zooms.min, request.form.steps());
    points.read.notices.push(found);
    let request = Request { zooms, ..request.clone() };
    let (backend, notice) = opening.count(plan_for(request.drawing(), memory.clone().rest(), monitor));
    replay(&spool, || backend.pusher(), monitor)?;
    let counted = counted(backend, points, memory, &notice)?;
    Ok(settled(Cow::Owned(request), counted))
}

/// The request with the colours that what was added up asks for.
fn settled(request: Cow<'_, Request>, mut counted: Counted) -> (Cow<'_, Request>, Counted) {
    let Some(style) = request.style.around_0(counted.paint.stats(), request.drawing().zooms) else {
        return (request, counted);
    };
    counted.rows.notices.push(both_ways(&style));
    (Cow::Owned(Request { style, ..request.into_owned() }), counted)
}

/// What to tell of colours that go both ways from 0.
fn both_ways(style: &Style) -> Notice {
    Notice::new(
        "colours",
        format!(
            "sums go below 0, so colours go both ways from 0 ({}); --colormap chooses others, from the smallest sum to the \
             largest",
            style.colormap.name()
        ),
    )
}

/// Finishes counting, and sees that no point was lost.
fn counted(backend: Box<dyn Count>, points: Points, memory: Memory, notice: &opening::Notice) -> Result<Counted> {
    let paint = backend.finish()?;
    let notice = notice.get().cloned();
    check_sums(paint.as_ref(), &points)?;
    Ok(Counted { paint, memory, notice, rows: points.into_rows() })
}

/// Fails where the pixels of a zoom do not come to the points, or to the weights, that were brought.
fn check_sums(paint: &dyn Paint, points: &Points) -> Result<()> {
    let stats = paint.stats();
    if let Some(z) = stats.iter().position(|stats| stats.sum != points.used) {
        return Err(Error::Internal(format!("zoom {z} counts {} of {} points", stats[z].sum, points.used)));
    }
    match paint.weight() {
        Some(added) if added != points.weight => {
            Err(Error::Internal(format!("weights of {} steps came to a sum of {added}", points.weight)))
        }
        _ => Ok(()),
    }
}

/// Begins to open the device, and opens the sources.
fn open(request: &Request, monitor: &Arc<Monitor>) -> Result<(Opening, Ready)> {
    let mut opening = Opening::start(&request.resources, request.style.weighing.is_some(), monitor)?;
    if let Some(kept) = &request.sources.kept {
        return Ok((opening, Ready::Kept(kept.clone())));
    }
    if request.sources.inputs.contains(&Input::Stdin) {
        // Its first rows may be long in coming, and that there is no GPU is to be told before.
        opening.wait(monitor)?;
    }
    Ok((opening, Ready::Rows(open_sources(&request.sources, monitor)?)))
}

/// Reads, projects and counts; writes nothing and estimates the rest.
fn plan(request: &Request, monitor: &Arc<Monitor>) -> Result<Report> {
    let opened = open(request, monitor)?;
    let (request, Counted { paint, notice, rows, .. }) = count(request, opened, monitor)?;
    let request = request.as_ref();
    let drawing = request.drawing();
    let coloured = colours::colour(paint.as_ref(), &request.style, drawing.zooms)?;
    let mut report = Report::new(drawing, &rows, paint.as_ref(), &coloured);
    let archive = write::Container::of(&request.out)? != write::Container::Folder;
    report.estimate = Some(estimate::estimate(
        (paint.stats(), &coloured.radii),
        request.zooms,
        rayon::current_num_threads(),
        (archive, request.form),
        &request.style,
    ));
    report.finish(&Written::default(), paint.report(), notice, monitor);
    let options = OutputOptions { force: request.force, inputs: request.sources.files() };
    if let Err(problem) = write::look(&request.out, &options) {
        report.notices.push(Notice::new("output", format!("a run would be refused: {problem}")));
    }
    Ok(report)
}

pub(crate) fn render(
    request: &Request,
    monitor: &Arc<Monitor>,
    create: impl FnOnce() -> Result<Box<dyn TileWriter>>,
) -> Result<Report> {
    let library = request.library.open()?;
    // A wrong column is told before anything is made. The first row of a stream may be long in coming: what is wrong with
    // the output is told before it.
    let (opened, writer) = if request.sources.are_files() {
        (open(request, monitor)?, create()?)
    } else {
        let writer = create()?;
        (open(request, monitor)?, writer)
    };
    let beside_archive = page_beside(request)?;
    let (request, Counted { paint, memory, notice, rows }) = count(request, opened, monitor)?;
    let request = request.as_ref();
    let (form, drawing) = (request.form, request.drawing());
    let truecolor = request.style.truecolor;
    let drawn = sink::Drawn::new(request.zooms.max);
    let since = request.sources.kept.as_ref().and_then(|kept| kept.since.as_ref());
    let (unchanged, anew) = match since {
        Some(old) => since::unchanged(request, (old, paint.as_ref()), memory.clone(), monitor)?,
        None => Default::default(),
    };
    let sink =
        sink::EncodingSink { truecolor, format: form.format, writer: writer.as_ref(), monitor, drawn, unchanged };
    let kept = request.sources.kept.as_ref();
    let painted = |sink: &dyn ColourSink| match kept.map(|kept| (kept, &kept.combined)) {
        Some((kept, Combined::Categories(all))) => {
            categories::paint((kept, all), request, (paint.as_ref(), memory.clone()), monitor, sink)
        }
        _ => colours::paint(paint.as_ref(), &request.style, drawing.zooms, monitor, sink),
    };
    let (coloured, sink) = if form.joins() {
        monitor.joined.store(true, Ordering::Relaxed);
        let joining = JoiningSink::new(sink, (request.zooms, form), &request.style, memory.clone().rest());
        (painted(&joining)?, joining.into_sink())
    } else {
        (painted(&sink)?, sink)
    };

    let mut report = Report::new(drawing, &rows, paint.as_ref(), &coloured);
    // The box around all points would tell where those are that are not to be seen.
    let extent = if request.style.min_count > 1 { sink.drawn.extent() } else { rows.extent };
    report.notices.extend(anew);
    let least = request.style.min_count;
    let view = monitor.time(Stage::Shade, || view::first_view(paint.as_ref(), drawing.zooms.max, least, &extent))?;
    let metadata = report.metadata(request, &sink.drawn.meet(extent), view, &coloured)?;
    let page_of = |shown: &TileJson| Ok::<_, Error>(page::with_library(&page::page(&Shown::Set(shown))?, &library));
    let beside = || {
        let drawn = |legend| Ok::<_, Error>((legend::png(&legend)?, legend::svg(&legend)));
        let legend = metadata.heat.as_ref().and_then(legend::of_heat).map(drawn).transpose()?;
        let page = request.page.then(|| page_of(&metadata)).transpose()?;
        Ok(Beside { page, legend })
    };
    monitor.check()?;
    let written = monitor.time(Stage::Write, || writer.finish(&metadata, &beside, monitor))?;
    if let Some(page) = beside_archive {
        let name = request.out.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let text = page_of(&TileJson { pmtiles: Some(Text::cut(name)), ..metadata.clone() })?;
        let place = request.out.with_extension("html");
        page.write(monitor, |to| to.write_all(text.as_bytes()).map_err(|e| Error::io("write", &place, e)))?;
    }
    report.finish(&written, paint.report(), notice, monitor);
    Ok(report)
}

/// The place of the page beside an archive, where one is wanted; taken before the work.
fn page_beside(request: &Request) -> Result<Option<Whole>> {
    if !request.page_beside || write::Container::of(&request.out)? != write::Container::Archive {
        return Ok(None);
    }
    let options = OutputOptions { force: request.force, inputs: request.sources.files() };
    Whole::begin(&request.out.with_extension("html"), &options, page::check).map(Some)
}
