//! The same work done several ways, timed and compared: what `tilefire bench` prints, as data. Each way (a
//! contender) is a [`Request`]; the first is the yardstick. Whole runs tell what a person waits for; rasters from
//! points that already lie in memory tell what the device does, without the reader in front of it and the PNG
//! encoder behind it. Printing is left to the command line.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

mod kept;
mod model;

pub use self::kept::{KeptTiles, first_difference};
pub use self::model::{CEILINGS, Ceilings, Predicted, Prediction, predict};
use crate::backend::{Again, BackendReport, PointPush};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage, StageTime};
use crate::render::colours::ColourSink;
use crate::render::{self, Report, Request};
use crate::shade::ShadeTable;
use crate::source::{self, Input};
use crate::tile::{self, PointBuffer, TILE_PIXELS, TileCoord, TileIndices, WorldPoint, ZoomRange};

/// Seed of synthetic points: fixed, so that two machines measure the same work.
pub const SEED: u64 = 7;

/// One way to do the work.
#[derive(Debug, Clone)]
pub struct Contender {
    /// What reports call it.
    pub name: String,
    /// The work; where its output goes is chosen by [`run`].
    pub request: Request,
}

/// How often and with what.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Timed runs of each contender, after a warm-up.
    pub runs: usize,
    /// Bytes of host memory that points may take for rasters from memory.
    pub point_memory: u64,
}

/// Seconds of several runs of the same thing.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Times {
    /// The middle one.
    pub median: f64,
    /// The fastest.
    pub min: f64,
    /// The slowest.
    pub max: f64,
    /// All, in the order they were run.
    pub runs: Vec<f64>,
}

impl Times {
    /// Sums up `runs`; all zero when there are none.
    pub fn new(runs: Vec<f64>) -> Self {
        let min = runs.iter().copied().reduce(f64::min).unwrap_or_default();
        let max = runs.iter().copied().reduce(f64::max).unwrap_or_default();
        Self { median: median(&runs), min, max, runs }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.get(sorted.len() / 2), sorted.len() % 2) {
        (None, _) => 0.0,
        (Some(&middle), 1) => middle,
        (Some(&upper), _) => f64::midpoint(sorted[sorted.len() / 2 - 1], upper),
    }
}

/// What a stage counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Rows or points.
    Points,
    /// Tiles.
    Tiles,
}

/// One stage of a contender's whole runs.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct StageRow {
    /// The stage's name.
    pub stage: &'static str,
    /// Medians over the runs.
    #[serde(flatten)]
    pub time: StageTime,
    /// How many points or tiles it handled.
    pub items: u64,
    /// Which of the two.
    pub unit: Unit,
    /// Items a busy second: the speed of one thread where several work.
    pub items_per_s: f64,
    /// Bytes it handled, where that makes sense.
    pub bytes: Option<u64>,
    /// Bytes a busy second.
    pub bytes_per_s: Option<f64>,
}

/// Bin, reduce and shade, from projected points in host memory to indices that nobody takes.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Raster {
    /// Points.
    pub points: u64,
    /// From the first point to the statistics of every zoom: store, bin and reduce.
    pub counts: Times,
    /// From counts to palette indices in host memory: shade, spread and read back.
    pub shade: Times,
    /// Both.
    pub total: Times,
    /// Points that were binned while they lay on the device already; 0 on the CPU and where tiles did not fit.
    pub resident_points: u64,
    /// Seconds of that; all zero where there were none.
    pub resident: Times,
    /// The same by the device's own clock, where it has one.
    pub resident_device: Times,
    /// Atomic additions that were left of it after equal pixels were merged.
    pub resident_atomics: u64,
}

/// What one contender took.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// Whole runs, file to archive.
    pub end_to_end: Times,
    /// CPU seconds of the process in them.
    pub cpu_seconds: Times,
    /// Points a second of the median run.
    pub points_per_s: f64,
    /// Tiles a second of the median run.
    pub tiles_per_s: f64,
    /// The stages of the whole runs.
    pub stages: Vec<StageRow>,
    /// Rasters from memory; `None` when the points take more than they may.
    pub raster: Option<Raster>,
    /// What did the work, in the warm-up, whose passes were timed on the device where it has a clock.
    pub device: BackendReport,
    /// What the work would take on other devices; empty on the CPU.
    pub predicted: Vec<Prediction>,
}

/// How much faster than the yardstick a contender was: above 1 is faster.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Ratio {
    /// The contender's name.
    pub name: String,
    /// Of the whole runs' medians.
    pub end_to_end: f64,
    /// Of the rasters' medians.
    pub raster: Option<f64>,
}

/// The machine, as far as figures need it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Machine {
    /// Name of the processor.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
    /// Operating system and architecture.
    pub system: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            cpu: model.map_or_else(|| "unknown processor".into(), |(_, name)| name.trim().to_string()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// Everything a benchmark has to tell.
#[derive(Debug, Clone, serde::Serialize)]
pub struct BenchReport {
    /// The program's version.
    pub version: &'static str,
    /// Where it ran.
    pub machine: Machine,
    /// Rows read.
    pub rows: u64,
    /// Points counted.
    pub points: u64,
    /// Bytes of the input files.
    pub input_bytes: u64,
    /// Zooms made.
    pub zooms: ZoomRange,
    /// Spread radius.
    pub spread: u32,
    /// Tiles of one set.
    pub tiles: u64,
    /// Bytes of their PNGs.
    pub tile_bytes: u64,
    /// Why the tile sets are not the same, naming the first tile; `None` when they are, byte for byte.
    pub difference: Option<String>,
    /// Each contender's figures; empty when the sets differ.
    pub contenders: Vec<Measured>,
    /// Each contender but the first against the first; empty when the sets differ.
    pub ratios: Vec<Ratio>,
    /// What a person should know: why something was left out, which columns were taken.
    pub notices: Vec<String>,
}

/// Writes `points` synthetic points to a file in `folder`.
pub fn synthetic(points: u64, folder: &Path, monitor: &Monitor) -> Result<Input> {
    let path = folder.join("points.csv");
    let file = File::create(&path).map_err(|e| Error::io("create", &path, e))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    source::synth(points, SEED, &mut out, monitor)?;
    out.flush().map_err(|e| Error::io("write", &path, e))?;
    Ok(Input::File(path))
}

/// Does the work of every contender: once for comparison, then `options.runs` times in turns. Archives go to
/// `folder` and are removed again. `progress` hears what comes next.
pub fn run(
    contenders: &[Contender],
    options: Options,
    folder: &Path,
    monitor: &Arc<Monitor>,
    progress: &dyn Fn(&str),
) -> Result<BenchReport> {
    let Some(first) = contenders.first() else {
        return Err(Error::Usage("a benchmark needs something to measure".into()));
    };
    if first.request.sources.inputs.contains(&Input::Stdin) {
        return Err(Error::Usage("a benchmark reads its input several times; name a file instead of -".into()));
    }
    let place = tempfile::Builder::new()
        .prefix("runs-")
        .tempdir_in(folder)
        .map_err(|e| Error::io("create a folder in", folder, e))?;
    let folder = place.path();
    let mut tracks: Vec<Track<'_>> = contenders.iter().map(|c| Track::new(c, folder)).collect();
    let mut sets: Vec<KeptTiles> = Vec::new();
    let mut difference = None;
    for track in &mut tracks {
        progress(&format!("warm-up: {}", track.name));
        let set = track.warm_up(folder, monitor)?;
        if let Some(yardstick) = sets.first() {
            difference = first_difference(yardstick, &set)?
                .map(|tile| format!("{} and {} make different tiles: {tile}", first.name, track.name));
        } else {
            sets.push(set);
        }
        if difference.is_some() {
            break;
        }
    }
    let Some(report) = tracks.first().and_then(|t| t.reports.first()).cloned() else {
        return Err(Error::Internal("no warm-up was done".into()));
    };
    let mut notices: Vec<String> = report.files.iter().map(|f| f.notice.clone()).collect();
    notices.extend(report.notices.iter().filter(|notice| notice.input.is_some()).map(ToString::to_string));
    for track in &mut tracks {
        track.reports.clear();
    }
    if difference.is_none() {
        let points = if first.request.sources.kept.is_some() {
            // There are counts instead.
            None
        } else if report.used.saturating_mul(size_of::<WorldPoint>() as u64) <= options.point_memory {
            progress("reading the points into memory");
            Some(in_memory(&first.request, monitor)?)
        } else {
            notices.push("no rasters from memory: the points do not fit; raise --memory".into());
            None
        };
        difference = timed(&mut tracks, options.runs, points.as_deref(), monitor, progress)?;
    }
    let measured = match difference {
        None => tracks.iter().map(|t| t.measured(&report)).collect::<Result<Vec<_>>>()?,
        Some(_) => Vec::new(),
    };
    Ok(BenchReport {
        version: report.version,
        machine: Machine::this(),
        rows: report.rows,
        points: report.used,
        input_bytes: input_bytes(&first.request),
        zooms: first.request.zooms,
        spread: first.request.style.spread.most(),
        tiles: report.written,
        tile_bytes: report.bytes,
        difference,
        ratios: ratios(&measured),
        contenders: measured,
        notices,
    })
}

/// The timed runs, in turns, so that whatever else the machine does meets all alike. Gives what differed.
fn timed(
    tracks: &mut [Track<'_>],
    runs: usize,
    points: Option<&[PointBuffer]>,
    monitor: &Arc<Monitor>,
    progress: &dyn Fn(&str),
) -> Result<Option<String>> {
    let mut reference = None;
    for nth in 1..=runs {
        for track in &mut *tracks {
            progress(&format!("run {nth} of {runs}: {}", track.name));
            let archive = track.whole(monitor)?;
            match &reference {
                None => reference = Some(archive),
                Some(reference) if same_bytes(reference, &archive)? => {
                    fs::remove_file(&archive).map_err(|e| Error::io("remove", &archive, e))?;
                }
                Some(_) => {
                    let name = &track.name;
                    return Ok(Some(format!("run {nth} of {name} made another archive than the first run")));
                }
            }
            if let Some(points) = points {
                track.raster(points, monitor)?;
            }
        }
    }
    Ok(None)
}

fn ratios(measured: &[Measured]) -> Vec<Ratio> {
    let Some((first, others)) = measured.split_first() else { return Vec::new() };
    let of = |theirs: f64, ours: f64| theirs / ours.max(f64::MIN_POSITIVE);
    others
        .iter()
        .map(|m| Ratio {
            name: m.name.clone(),
            end_to_end: of(first.end_to_end.median, m.end_to_end.median),
            raster: first.raster.as_ref().zip(m.raster.as_ref()).map(|(a, b)| of(a.total.median, b.total.median)),
        })
        .collect()
}

/// A contender on its way through the runs.
struct Track<'a> {
    name: &'a str,
    request: Request,
    reports: Vec<Report>,
    cpu_seconds: Vec<f64>,
    counts: Vec<f64>,
    shade: Vec<f64>,
    resident: Vec<Again>,
    device: BackendReport,
    archives: usize,
    folder: &'a Path,
}

impl<'a> Track<'a> {
    fn new(contender: &'a Contender, folder: &'a Path) -> Self {
        Self {
            name: &contender.name,
            request: Request { out: folder.join("tiles"), ..contender.request.clone() },
            reports: Vec::new(),
            cpu_seconds: Vec::new(),
            counts: Vec::new(),
            shade: Vec::new(),
            resident: Vec::new(),
            device: BackendReport::default(),
            archives: 0,
            folder,
        }
    }

    /// A run whose tiles are kept for comparison.
    fn warm_up(&mut self, folder: &Path, monitor: &Monitor) -> Result<KeptTiles> {
        let set = KeptTiles::new(folder)?;
        let writer = Box::new(set.clone());
        let monitor = Arc::new(monitor.another());
        let mut request = self.request.clone();
        // No other run is timed by the device: its clock costs a little, too.
        request.resources.gpu.timestamps = true;
        let pool = render::pool(&request.resources, &request.style)?;
        let report = pool.install(|| render::render(&request, &monitor, || Ok(writer)))?;
        self.device = report.device.clone();
        self.reports.push(report);
        Ok(set)
    }

    /// A run as a person would start it; gives the archive it wrote.
    fn whole(&mut self, monitor: &Monitor) -> Result<PathBuf> {
        // Archives name themselves, so equal ones need equal names, and folders of their own.
        let folder = self.folder.join(format!("{}-{}", self.name.replace(['/', '\\'], "_"), self.archives));
        self.archives += 1;
        fs::create_dir(&folder).map_err(|e| Error::io("create", &folder, e))?;
        self.request.out = folder.join("tiles.pmtiles");
        let before = cpu_seconds();
        let report = render::run(&self.request, &Arc::new(monitor.another()))?;
        self.cpu_seconds.push(cpu_seconds() - before);
        self.reports.push(report);
        Ok(self.request.out.clone())
    }

    /// Counts and indices of `points`, which nobody takes.
    fn raster(&mut self, points: &[PointBuffer], monitor: &Monitor) -> Result<()> {
        let monitor = Arc::new(monitor.another());
        let mut request = self.request.clone();
        request.resources.gpu.timestamps = true;
        let (counts, shade, resident) =
            render::pool(&request.resources, &request.style)?.install(|| raster(&request, points, &monitor))?;
        self.counts.push(counts);
        self.shade.push(shade);
        self.resident.extend(resident);
        Ok(())
    }

    fn measured(&self, warm_up: &Report) -> Result<Measured> {
        let end_to_end = Times::new(self.reports.iter().map(|r| r.seconds).collect());
        let last = self.reports.last().ok_or_else(|| Error::Internal(format!("{} was not run", self.name)))?;
        let seconds = end_to_end.median.max(f64::MIN_POSITIVE);
        let raster = (!self.counts.is_empty()).then(|| Raster {
            points: warm_up.used,
            total: Times::new(self.counts.iter().zip(&self.shade).map(|(a, b)| a + b).collect()),
            counts: Times::new(self.counts.clone()),
            shade: Times::new(self.shade.clone()),
            resident_points: self.resident.first().map_or(0, |again| again.points),
            resident: Times::new(self.resident.iter().map(|again| again.seconds).collect()),
            resident_device: Times::new(self.resident.iter().filter_map(|again| again.device_seconds).collect()),
            resident_atomics: self.resident.first().map_or(0, |again| again.atomics),
        });
        let merged = self.resident.first().filter(|again| again.points > 0);
        let left = merged.map_or(1.0, |again| again.atomics as f64 / again.points as f64);
        Ok(Measured {
            name: self.name.to_string(),
            points_per_s: last.used as f64 / seconds,
            tiles_per_s: last.written as f64 / seconds,
            end_to_end,
            cpu_seconds: Times::new(self.cpu_seconds.clone()),
            stages: stages(&self.reports, last, input_bytes(&self.request)),
            raster,
            device: self.device.clone(),
            predicted: predict(&self.device, left),
        })
    }
}

fn cpu_seconds() -> f64 {
    cpu_time::ProcessTime::try_now().map_or(0.0, |t| t.as_duration().as_secs_f64())
}

fn input_bytes(request: &Request) -> u64 {
    let size = |input: &Input| input.file().and_then(|path| fs::metadata(path).ok()).map_or(0, |m| m.len());
    request.sources.inputs.iter().map(size).sum()
}

/// A row per stage: medians of `reports`, sizes from the `last` of them (all did the same work).
fn stages(reports: &[Report], last: &Report, input_bytes: u64) -> Vec<StageRow> {
    let point = size_of::<WorldPoint>() as u64;
    let shaded = last.device.shaders.iter().find(|s| s.shader == "shade").map(|s| s.tiles);
    let lit: u64 = last.zooms.values().map(|z| z.tiles).sum();
    let row = |stage: Stage| {
        let of = |pick: fn(&StageTime) -> f64| -> Option<f64> {
            let values: Vec<f64> = reports.iter().filter_map(|r| r.stages.get(stage.name())).map(pick).collect();
            (!values.is_empty()).then(|| median(&values))
        };
        let time = StageTime { busy: of(|t| t.busy)?, wall: of(|t| t.wall)? };
        let (items, unit, bytes) = match stage {
            Stage::Read => (last.rows, Unit::Points, Some(input_bytes)),
            Stage::Project => (last.rows - last.invalid, Unit::Points, None),
            Stage::Store | Stage::Bin => (last.used, Unit::Points, Some(last.used * point)),
            Stage::Reduce => (lit, Unit::Tiles, None),
            Stage::Spread | Stage::Shade => (last.written, Unit::Tiles, None),
            Stage::ReadBack => (shaded?, Unit::Tiles, Some(shaded? * TILE_PIXELS as u64)),
            Stage::Encode | Stage::Write => (last.written, Unit::Tiles, Some(last.bytes)),
        };
        let rate = |n: u64| n as f64 / time.busy.max(f64::MIN_POSITIVE);
        let (items_per_s, bytes_per_s) = (rate(items), bytes.map(rate));
        Some(StageRow { stage: stage.name(), time, items, unit, items_per_s, bytes, bytes_per_s })
    };
    Stage::ALL.into_iter().filter_map(row).collect()
}

/// Seconds from points to statistics and from there to indices, and of binning points that are on the device.
fn raster(request: &Request, points: &[PointBuffer], monitor: &Arc<Monitor>) -> Result<(f64, f64, Option<Again>)> {
    let mut opening = render::Opening::start(&request.resources, request.style.weighing.is_some(), monitor)?;
    // Opening is part of whole runs; here it is in nobody's way.
    opening.wait(monitor)?;
    let memory = render::memory(&request.resources, &request.out);
    let (backend, _) = opening.count(render::plan_for(request.drawing(), memory, monitor));
    let start = Instant::now();
    let next = AtomicUsize::new(0);
    render::on_all_threads(|| {
        let (mut push, next) = (backend.pusher(), &next);
        move || {
            while let Some(some) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                monitor.check()?;
                push.push(some.points())?;
            }
            push.close()
        }
    })?;
    let paint = backend.finish()?;
    let counted = Instant::now();
    let around_0 = request.style.around_0(paint.stats(), request.zooms);
    let style = around_0.as_ref().unwrap_or(&request.style);
    render::colours::paint(paint.as_ref(), style, request.zooms, monitor, &Nobody)?;
    let shade = counted.elapsed().as_secs_f64();
    let points: Vec<&[WorldPoint]> = points.iter().map(|some| &*some.places).collect();
    Ok(((counted - start).as_secs_f64(), shade, paint.bin_again(&points)?))
}

/// Takes tiles and does nothing with them.
struct Nobody;

impl ColourSink for Nobody {
    fn put(&self, _: &ShadeTable, _tile: TileCoord, _indices: TileIndices<'_>) -> Result<()> {
        Ok(())
    }

    fn put_colours(&self, _tile: TileCoord, _colours: &[[u8; 4]]) -> Result<()> {
        Ok(())
    }
}

/// All points of the input, projected, in batches about as they come.
fn in_memory(request: &Request, monitor: &Monitor) -> Result<Vec<PointBuffer>> {
    let all = Mutex::new(Vec::new());
    let monitor = monitor.another();
    let pusher = || Box::new(Keep { all: &all, batch: PointBuffer::default() }) as Box<dyn PointPush + '_>;
    let opened = render::open_sources(&request.sources, &monitor)?;
    render::pool(&request.resources, &request.style)?
        .install(|| render::aggregate(opened, request.sources.region.as_ref(), pusher, &monitor))?;
    Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// One reading thread's points on their way into memory.
struct Keep<'a> {
    all: &'a Mutex<Vec<PointBuffer>>,
    batch: PointBuffer,
}

/// Points in a batch: little enough to be shared out evenly.
const BATCH: usize = 1 << 15;

impl PointPush for Keep<'_> {
    fn push(&mut self, points: tile::Points<'_>) -> Result<()> {
        self.batch.extend(points);
        if self.batch.len() >= BATCH { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<()> {
        self.batch.shrink();
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.batch));
        Ok(())
    }
}

/// Whether two files hold the same bytes.
fn same_bytes(a: &Path, b: &Path) -> Result<bool> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
        let size = file.metadata().map_err(|e| Error::io("read", path, e))?.len();
        Ok::<_, Error>((file, size))
    };
    let ((mut ours, size), (mut theirs, other_size)) = (open(a)?, open(b)?);
    if size != other_size {
        return Ok(false);
    }
    let (mut left, mut buffers) = (size, [vec![0; 1 << 20], vec![0; 1 << 20]]);
    while left > 0 {
        let len = left.min(1 << 20) as usize;
        let [one, other] = &mut buffers;
        ours.read_exact(&mut one[..len]).map_err(|e| Error::io("read", a, e))?;
        theirs.read_exact(&mut other[..len]).map_err(|e| Error::io("read", b, e))?;
        if one[..len] != other[..len] {
            return Ok(false);
        }
        left -= len as u64;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(
            Times::new(vec![3.0, 1.0, 2.0]),
            Times { median: 2.0, min: 1.0, max: 3.0, runs: vec![3.0, 1.0, 2.0] }
        );
        assert_eq!(median(&[4.0, 1.0, 2.0, 8.0]), 3.0);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn one_byte_makes_another_archive() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, at: usize| {
            let mut bytes = vec![7u8; 3_000_000];
            bytes[at] = 8;
            fs::write(folder.path().join(name), bytes).unwrap();
            folder.path().join(name)
        };
        let (a, b, c) = (write("a", 2_999_999), write("b", 2_999_999), write("c", 2_999_998));
        assert!(same_bytes(&a, &b).unwrap());
        assert!(!same_bytes(&a, &c).unwrap());
    }
}
