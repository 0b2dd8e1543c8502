//! The order of work of one run: points in, counts, colours, tiles out. Each step is a call into the part that
//! knows how; what happened is returned as a [`Report`], never printed.

pub mod bench;
mod colours;
mod estimate;
pub mod image;
mod kept;
mod report;
mod sink;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use estimate::Estimate;
pub use kept::{KeptTiles, first_difference};
pub use report::{Report, ZoomReport};

use crate::backend::cpu::CpuBackend;
use crate::backend::gpu::{self, GpuBackend, GpuOptions};
use crate::backend::{Backend, Memory, Plan, PointPush};
use crate::container::{self, OutputOptions, TileWriter, Written};
use crate::counts::ZoomStats;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::project::{Coordinate, Crs, LeftOut, Projector};
use crate::shade::{MAX_SPREAD, Style};
use crate::source::{self, CoordinateSink, Input, ReadOptions};
use crate::tile::{Extent, WorldPoint, ZoomRange};

/// Which device does the work.
#[derive(Debug, Clone, Default)]
pub enum Device {
    /// A real GPU if there is one, else the CPU; the report says which.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU, or an error.
    Gpu,
}

/// Where points come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Files to read, in order; their points add up.
    pub inputs: Vec<Input>,
    /// How to find the columns.
    pub read: ReadOptions,
    /// What the coordinates mean.
    pub crs: Crs,
}

/// What the work may use.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    /// Where the work is done.
    pub device: Device,
    /// Adapter and limits, for a GPU.
    pub gpu: GpuOptions,
    /// Worker threads; `None` for one per core.
    pub threads: Option<usize>,
    /// Bytes of host memory for points and counts; `None` for half of what the machine has free.
    pub memory: Option<u64>,
}

/// A run that is valid and ready: behind this nothing is checked again.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where points come from.
    pub sources: Sources,
    /// Zooms to make tiles for.
    pub zooms: ZoomRange,
    /// What they look like.
    pub style: Style,
    /// What the work may use.
    pub resources: Resources,
    /// Folder to write.
    pub out: PathBuf,
    /// Whether an output that tilefire made earlier may be replaced.
    pub force: bool,
    /// Whether to write a map page beside the tiles.
    pub page: bool,
    /// Address the tiles will be found under, for absolute URLs in the metadata.
    pub base_url: Option<String>,
    /// Whether to read and count only, and to estimate what writing would cost.
    pub dry_run: bool,
}

impl Sources {
    /// Files of longitudes and latitudes whose columns have usual names.
    pub fn new(inputs: Vec<Input>) -> Self {
        Self { inputs, read: ReadOptions::default(), crs: Crs::default() }
    }

    /// The inputs that are files.
    fn files(&self) -> Vec<PathBuf> {
        let file = |input: &Input| match input {
            Input::File(path) => Some(path.clone()),
            Input::Stdin => None,
        };
        self.inputs.iter().filter_map(file).collect()
    }
}

impl Request {
    /// A request with the defaults of the command line.
    pub fn new(inputs: Vec<Input>, out: impl Into<PathBuf>) -> Self {
        Self {
            sources: Sources::new(inputs),
            zooms: ZoomRange { min: 0, max: 10 },
            style: Style::default(),
            resources: Resources::default(),
            out: out.into(),
            force: false,
            page: true,
            base_url: None,
            dry_run: false,
        }
    }
}

/// Runs `request` to its end. On an error nothing is left behind and an older output is untouched.
pub fn run(request: &Request, monitor: &Arc<Monitor>) -> Result<Report> {
    let options = OutputOptions { force: request.force, inputs: request.sources.files() };
    let create = || container::create(&request.out, &options);
    pool(&request.resources, &request.style)?
        .install(|| if request.dry_run { plan(request, monitor) } else { render(request, monitor, create) })
}

/// The worker threads of a run whose numbers are in range.
fn pool(resources: &Resources, style: &Style) -> Result<rayon::ThreadPool> {
    if style.spread.most() > MAX_SPREAD {
        return Err(Error::Usage(format!("--spread {} is too large; the most is {MAX_SPREAD}", style.spread.most())));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(resources.threads.unwrap_or(0))
        .build()
        .map_err(|e| Error::Limit(format!("cannot start the worker threads: {e}; try fewer with --threads")))
}

/// Runs as many of `work` side by side as there are worker threads, each on a thread of its own because it may wait;
/// fails with the first error.
fn on_all_threads<W: FnOnce() -> Result<()> + Send>(mut work: impl FnMut() -> W) -> Result<()> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..rayon::current_num_threads()).map(|_| scope.spawn(work())).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(Error::Internal("a thread died while it handed over points".into())))
        })
    })
}

/// A run whose points are counted.
struct Counted {
    backend: Box<dyn Backend>,
    /// What to tell when the backend is not the one a person may have expected.
    notice: Option<String>,
    points: Points,
    stats: Vec<ZoomStats>,
}

/// Reads, projects and counts.
fn count(request: &Request, monitor: &Arc<Monitor>) -> Result<Counted> {
    let (mut backend, notice) = open(request, monitor)?;
    let points = aggregate(&request.sources, || backend.pusher(), monitor)?;
    let stats = backend.finish()?;
    if let Some(z) = stats.iter().position(|s| s.sum != points.used) {
        return Err(Error::Internal(format!("zoom {z} counts {} of {} points", stats[z].sum, points.used)));
    }
    Ok(Counted { backend, notice, points, stats })
}

/// Reads, projects and counts; writes nothing and estimates the rest.
fn plan(request: &Request, monitor: &Arc<Monitor>) -> Result<Report> {
    let Counted { mut backend, notice, points, stats } = count(request, monitor)?;
    let coloured = colours::colour(backend.as_mut(), &request.style, &stats, request.zooms)?;
    let mut report = Report::new(request, &points, &stats, &coloured);
    let archive = request.out.extension().is_some_and(|e| e.eq_ignore_ascii_case("pmtiles"));
    report.estimate = Some(estimate::estimate(&stats, request.zooms, rayon::current_num_threads(), archive));
    report.finish(&Written::default(), backend.report(), notice, monitor);
    Ok(report)
}

fn render(
    request: &Request,
    monitor: &Arc<Monitor>,
    create: impl FnOnce() -> Result<Box<dyn TileWriter>>,
) -> Result<Report> {
    let writer = create()?;
    let Counted { mut backend, notice, points, stats } = count(request, monitor)?;
    let coloured = colours::colour(backend.as_mut(), &request.style, &stats, request.zooms)?;
    let tiles: u64 = request.zooms.iter().filter_map(|z| coloured.stats.get(usize::from(z))).map(|s| s.tiles).sum();
    monitor.tiles_total.store(tiles, Ordering::Relaxed);
    let tables = coloured.tables();
    let truecolor = request.style.truecolor;
    let drawn = sink::Drawn::new(request.zooms.max);
    let sink = sink::EncodingSink { tables: &tables, truecolor, writer: writer.as_ref(), monitor, drawn };
    backend.tiles(&tables, &sink)?;

    let mut report = Report::new(request, &points, &stats, &coloured);
    // The box around all points would tell where those are that are not to be seen.
    let extent = if request.style.min_count > 1 { sink.drawn.extent() } else { points.extent };
    let metadata = report.metadata(request, &extent, &coloured)?;
    let page = request.page.then(|| container::page::page(&metadata));
    monitor.check()?;
    let written = monitor.time(Stage::Write, || writer.finish(&metadata, page.as_deref()))?;
    report.finish(&written, backend.report(), notice, monitor);
    Ok(report)
}

/// Half of the memory that is free, where the system tells; else 2 GiB.
pub(crate) fn default_memory() -> u64 {
    const UNKNOWN: u64 = 2 << 30;
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return UNKNOWN };
    let available = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = available.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.map_or(UNKNOWN, |kib| kib * 1024 / 2)
}

/// The backend for a run, and what to tell when it is not the one a person may have expected.
fn open(request: &Request, monitor: &Arc<Monitor>) -> Result<(Box<dyn Backend>, Option<String>)> {
    let reach = request.style.spread.most();
    let memory = memory(&request.resources, &request.out);
    let plan = Plan { zooms: request.zooms, reach, memory, monitor: monitor.clone() };
    let (device, gpu) = (&request.resources.device, &request.resources.gpu);
    let wanted = gpu.adapter.as_deref().map_or(gpu::Choice::Auto, gpu::Choice::Named);
    match device {
        Device::Cpu => Ok((Box::new(CpuBackend::new(plan)), None)),
        Device::Gpu => Ok((Box::new(GpuBackend::new(plan, gpu.clone())?), None)),
        Device::Auto => match gpu::choose(&gpu::adapters(), wanted) {
            Ok(_) => Ok((Box::new(GpuBackend::new(plan, gpu.clone())?), None)),
            Err(reason) if gpu.adapter.is_some() => Err(reason),
            Err(reason) => Ok((Box::new(CpuBackend::new(plan)), Some(format!("using the CPU: {reason}")))),
        },
    }
}

/// Whether there is the device that a person insists on.
fn check_device(resources: &Resources) -> Result<()> {
    let wanted = resources.gpu.adapter.as_deref();
    if matches!(resources.device, Device::Gpu) || wanted.is_some() {
        gpu::choose(&gpu::adapters(), wanted.map_or(gpu::Choice::Auto, gpu::Choice::Named))?;
    }
    Ok(())
}

/// Host memory, and the folder beside the output for what does not fit.
fn memory(resources: &Resources, out: &Path) -> Memory {
    let folder = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    Memory { limit: resources.memory.unwrap_or_else(default_memory), folder }
}

/// What reading and projecting came to.
struct Points {
    read: source::ReadReport,
    left_out: LeftOut,
    used: u64,
    extent: Extent,
}

fn aggregate<'a>(
    sources: &'a Sources,
    pusher: impl Fn() -> Box<dyn PointPush + 'a>,
    monitor: &'a Monitor,
) -> Result<Points> {
    let mut sinks = (0..rayon::current_num_threads())
        .map(|_| {
            Ok(Projecting {
                crs: &sources.crs,
                projector: None,
                push: pusher(),
                monitor,
                batch: Vec::new(),
                left_out: LeftOut::default(),
                used: 0,
                extent: Extent::default(),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let read = source::read(&sources.inputs, &sources.read, monitor, &mut sinks)?;
    let mut points = Points { read, left_out: LeftOut::default(), used: 0, extent: Extent::default() };
    for mut sink in sinks {
        sink.push.close()?;
        points.left_out.merge(&sink.left_out);
        points.used += sink.used;
        points.extent.merge(&sink.extent);
    }
    if points.used == 0 {
        return Err(source::no_usable_rows(&points.read, &points.left_out, &sources.crs));
    }
    Ok(points)
}

/// One reading thread's coordinates on their way into the backend.
struct Projecting<'a> {
    crs: &'a Crs,
    projector: Option<Projector>,
    push: Box<dyn PointPush + 'a>,
    monitor: &'a Monitor,
    batch: Vec<WorldPoint>,
    left_out: LeftOut,
    used: u64,
    extent: Extent,
}

impl CoordinateSink for Projecting<'_> {
    fn take(&mut self, coordinates: &[Coordinate]) -> Result<()> {
        self.monitor.time(Stage::Project, || {
            // Made here, in the thread that uses it: a PROJ context must not move between threads.
            if self.projector.is_none() {
                self.projector = Some(Projector::new(self.crs)?);
            }
            self.batch.clear();
            let Some(projector) = &mut self.projector else { return Ok(()) };
            projector.project(coordinates, &mut self.batch, &mut self.left_out)?;
            for &point in &self.batch {
                self.extent.add(point);
            }
            Ok(())
        })?;
        self.used += self.batch.len() as u64;
        self.push.push(&self.batch)
    }
}
