//! Runs the same job on both backends and compares what comes out. Knows no file: tiles are collected in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Once, OnceLock};

use tilefire::backend::cpu::CpuCount;
use tilefire::backend::gpu::{AdapterDescription, Choice, ForcedLimits, GpuCount, GpuOptions, adapters, choose};
use tilefire::backend::{BackendReport, Count, Memory, Paint, Plan, ShaderWork, TileSink};
use tilefire::counts::{Histogram, Isolation, ZoomStats};
use tilefire::error::Result;
use tilefire::monitor::Monitor;
use tilefire::shade::{Kernel, Radius, Spread, Style, dynspread_radius};
use tilefire::tile::{Points, TILE_PIXELS, TileCoord, TileIndices, WorldPoint, ZoomRange};

/// Validation messages go to `log`; without a logger they vanish.
struct Stderr;

impl log::Log for Stderr {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            eprintln!("{}: {}", record.target(), record.args());
        }
    }

    fn flush(&self) {}
}

/// Part of the name of the adapter to test.
pub fn adapter_name() -> String {
    std::env::var("TILEFIRE_TEST_ADAPTER").unwrap_or_else(|_| "llvmpipe".into())
}

/// Whether there is an adapter for the tests; says so by the test's name when there is none.
pub fn adapter_for(test: &str) -> bool {
    static LOGGER: Once = Once::new();
    LOGGER.call_once(|| {
        let _ = log::set_logger(&Stderr).map(|()| log::set_max_level(log::LevelFilter::Warn));
    });
    let wanted = adapter_name().to_lowercase();
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = *FOUND.get_or_init(|| adapters().iter().any(|a| a.name.to_lowercase().contains(&wanted)));
    if !found {
        let required = std::env::var("TILEFIRE_REQUIRE_GPU").is_ok_and(|v| v == "1");
        assert!(!required, "{test}: no adapter '{wanted}', and TILEFIRE_REQUIRE_GPU=1");
        eprintln!("skipped: {test}: no adapter");
    }
    found
}

/// The adapter under test.
pub fn adapter() -> AdapterDescription {
    let mut adapters = adapters();
    let chosen = choose(&adapters, Choice::Named(&adapter_name())).unwrap();
    adapters.swap_remove(chosen)
}

/// Both ways to bin, as far as the adapter has subgroup operations.
pub fn subgroup_choices(test: &str) -> &'static [bool] {
    static OFFERED: OnceLock<bool> = OnceLock::new();
    let offered = OFFERED.get_or_init(|| adapter().subgroups);
    if *offered {
        return &[false, true];
    }
    eprintln!("skipped: {test} with subgroups: the adapter has none");
    &[false]
}

/// Tiles as rasters.
pub type Tiles = BTreeMap<(u8, u32, u32), Vec<u16>>;

/// Collects tiles; refuses empty ones and the same tile twice.
#[derive(Default)]
pub struct Collect(Mutex<Tiles>);

impl TileSink for Collect {
    fn put(&self, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        let mut raster = vec![0u16; TILE_PIXELS];
        let is_list = matches!(indices, TileIndices::Lit(_) | TileIndices::WideLit(_));
        let mut last = None;
        indices.for_each_lit(|at, index| {
            assert!(index > 0 && last < Some(at), "{tile} is not in order");
            last = Some(at);
            raster[usize::from(at)] = index;
        });
        let lit = raster.iter().filter(|&&index| index != 0).count();
        assert!(lit > 0, "{tile} is empty");
        // Bells leave as rasters, however few pixels they light; an encoder makes the same of both forms.
        assert!(!is_list || lit <= 1500, "{tile} with {lit} lit pixels is a list");
        let before = self.0.lock().unwrap().insert((tile.z, tile.x, tile.y), raster);
        assert!(before.is_none(), "{tile} came twice");
        Ok(())
    }
}

/// What to run.
#[derive(Clone)]
pub struct Job<'a> {
    pub points: &'a [WorldPoint],
    pub zooms: (u8, u8),
    pub style: Style,
    pub limits: ForcedLimits,
    pub threads: usize,
    /// Points per call of push.
    pub push: usize,
    /// Bytes of host memory; `None` for no limit.
    pub memory: Option<u64>,
}

/// What came out.
pub struct Done {
    pub stats: Vec<ZoomStats>,
    /// Statistics, histograms and tables after spread.
    pub coloured: Coloured,
    pub tiles: Tiles,
    pub report: BackendReport,
}

/// What the colours were made from.
#[derive(Debug, Default)]
pub struct Coloured {
    pub isolation: Vec<Isolation>,
    pub stats: Vec<ZoomStats>,
    pub histograms: Vec<Histogram>,
}

impl<'a> Job<'a> {
    /// With the default looks and a spread to discs.
    pub fn new(points: &'a [WorldPoint], zooms: (u8, u8), spread: u32) -> Self {
        let style = Style { spread: Spread { radius: Radius::Fixed(spread), ..Spread::default() }, ..Style::default() };
        Self { points, zooms, style, limits: ForcedLimits::default(), threads: 2, push: 5000, memory: None }
    }

    pub fn limits(self, limits: ForcedLimits) -> Self {
        Self { limits, ..self }
    }

    pub fn plan(&self) -> Plan {
        let zooms = ZoomRange::new(self.zooms.0, self.zooms.1).unwrap();
        let memory = Memory::new(self.memory.unwrap_or(u64::MAX), &std::env::temp_dir());
        Plan { zooms, reach: self.style.spread.most(), measuring: None, memory, monitor: Arc::new(Monitor::default()) }
    }

    /// Pushes the points from all threads.
    pub fn push(&self, count: &impl Count) -> Result<()> {
        let share = self.points.len().div_ceil(self.threads).max(1);
        std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .points
                .chunks(share)
                .map(|points| {
                    scope.spawn(move || {
                        let mut pusher = count.pusher();
                        for some in points.chunks(self.push) {
                            pusher.push(Points::of(some))?;
                        }
                        pusher.close()
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|t| t.join().unwrap())
        })
    }

    /// Spreads and colours the tiles.
    pub fn paint(&self, paint: &dyn Paint) -> Result<Done> {
        let zooms = ZoomRange::new(self.zooms.0, self.zooms.1).unwrap();
        let stats = paint.stats().to_vec();
        let mut coloured = Coloured { stats: stats.clone(), ..Coloured::default() };
        let mut spread = Vec::new();
        for z in zooms.iter() {
            let radius = match self.style.spread.radius {
                Radius::Fixed(radius) => radius,
                _ => {
                    coloured.isolation.push(paint.isolation(z, self.style.min_count)?);
                    dynspread_radius(coloured.isolation.last().unwrap())
                }
            };
            let zoom = paint.spread(z, &self.style.kernel(radius, stats[usize::from(z)].max))?;
            coloured.stats[usize::from(z)] = zoom.stats().clone();
            spread.push(zoom);
        }
        let of_zoom = |z: u8| spread.iter().find(|zoom| zoom.z() == z).unwrap();
        let histograms = &mut coloured.histograms;
        let looks = self.style.looks(&coloured.stats, zooms, |z| {
            let histogram = paint.histogram(of_zoom(z))?;
            histograms.push(histogram.clone());
            Ok(histogram)
        })?;
        let sink = Collect::default();
        for z in zooms.iter() {
            paint.tiles(of_zoom(z), &looks[usize::from(z)].table, &sink)?;
        }
        let tiles = sink.0.into_inner().unwrap();
        Ok(Done { stats, coloured, tiles, report: paint.report() })
    }

    /// Runs the job; calls `between` before pushing (0), before finishing (1) and before colouring (2).
    pub fn run_and(&self, count: impl Count + 'static, between: impl Fn(usize)) -> Result<Done> {
        between(0);
        self.push(&count)?;
        between(1);
        let paint = Box::new(count).finish()?;
        between(2);
        self.paint(paint.as_ref())
    }

    /// Pushes the points and counts them.
    pub fn count(&self, count: impl Count + 'static) -> Result<Box<dyn Paint>> {
        self.push(&count)?;
        Box::new(count).finish()
    }

    /// Lit pixels of zoom `z` after `kernel`, and what their counts come to, from its histogram.
    pub fn lit_and_sum(&self, z: u8, kernel: &Kernel) -> (u64, u64) {
        let paint = self.count(self.cpu_count()).unwrap();
        let histogram = paint.histogram(&paint.spread(z, kernel).unwrap()).unwrap();
        histogram
            .entries()
            .unwrap()
            .map(Result::unwrap)
            .fold((0, 0), |(lit, sum), (count, pixels)| (lit + pixels, sum + u64::from(count) * pixels))
    }

    pub fn cpu_count(&self) -> CpuCount {
        CpuCount::new(self.plan())
    }

    pub fn cpu(&self) -> Done {
        self.run_and(self.cpu_count(), |_| ()).unwrap()
    }

    pub fn gpu_options(&self) -> GpuOptions {
        GpuOptions { adapter: Some(adapter_name()), limits: self.limits, timestamps: true }
    }

    pub fn gpu_count(&self) -> Result<GpuCount> {
        GpuCount::new(self.plan(), &self.gpu_options())
    }

    pub fn gpu(&self) -> Done {
        self.run_and(self.gpu_count().unwrap(), |_| ()).unwrap()
    }

    /// Runs both and compares everything; gives the GPU's report.
    pub fn same(&self) -> BackendReport {
        self.same_as(&self.cpu())
    }

    /// Compares with what the CPU made of the same points, zooms and looks: limits are the device's alone.
    pub fn same_as(&self, cpu: &Done) -> BackendReport {
        let gpu = self.gpu();
        if let Some(difference) = difference(cpu, &gpu) {
            panic!("{difference}; {:?}", gpu.report);
        }
        for stats in &gpu.stats {
            assert_eq!(stats.sum, self.points.len() as u64);
        }
        assert_eq!(shader(&gpu.report, "bin").points + gpu.report.sparse_points, self.points.len() as u64);
        gpu.report
    }
}

/// The first thing in which two runs differ.
pub fn difference(a: &Done, b: &Done) -> Option<String> {
    for (when, one, other) in [("", &a.stats, &b.stats), (" after spread", &a.coloured.stats, &b.coloured.stats)] {
        for (z, (a, b)) in one.iter().zip(other).enumerate() {
            let numbers = |s: &ZoomStats| (s.lit, s.max, s.tiles, s.sum, s.distinct.values(), s.unit);
            if numbers(a) != numbers(b) {
                return Some(format!("statistics of zoom {z}{when}: {:?} and {:?}", numbers(a), numbers(b)));
            }
        }
    }
    if a.coloured.isolation != b.coloured.isolation {
        return Some(format!("isolation: {:?} and {:?}", a.coloured.isolation, b.coloured.isolation));
    }
    let entries = |histogram: &Histogram| histogram.entries().unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let histograms = |done: &Done| done.coloured.histograms.iter().map(entries).collect::<Vec<_>>();
    if histograms(a) != histograms(b) {
        return Some("histograms".into());
    }
    for tile in a.tiles.keys().chain(b.tiles.keys()) {
        let (Some(a), Some(b)) = (a.tiles.get(tile), b.tiles.get(tile)) else {
            return Some(format!("tile {tile:?} is in one set only"));
        };
        if let Some(at) = (0..TILE_PIXELS).find(|&at| a[at] != b[at]) {
            return Some(format!("tile {tile:?} pixel {at}: {} and {}", a[at], b[at]));
        }
    }
    (a.stats.len() != b.stats.len()).then(|| "different zooms".into())
}

/// What a shader handled.
pub fn shader<'a>(report: &'a BackendReport, name: &str) -> &'a ShaderWork {
    report.shaders.iter().find(|s| s.shader == name).unwrap()
}

/// No tile is too sparse for the shaders.
pub fn everything_through_shaders() -> ForcedLimits {
    ForcedLimits { dense_min: Some(0), ..Default::default() }
}

/// A generator with no state but a number; plenty for spreading points.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    /// Points around some centres within 2^width steps, most of them close to one.
    pub fn clusters(&mut self, points: usize, centres: usize, width: u32) -> Vec<WorldPoint> {
        let centres: Vec<_> = (0..centres.max(1)).map(|_| (self.next(), self.next())).collect();
        (0..points)
            .map(|_| {
                let (x, y) = centres[self.next() as usize % centres.len()];
                let mut near = || (self.next() >> (32 - width)) >> (self.next() % width.max(1));
                WorldPoint { x: x.wrapping_add(near()), y: y.wrapping_add(near()) }
            })
            .collect()
    }
}
