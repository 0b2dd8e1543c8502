//! The kernels of the CPU path one by one, with throughput in points, lit pixels or tiles a second:
//! `cargo bench --bench kernels`. Points are skewed clusters over an area like Great Britain.

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tilefire::backend::cpu::CpuCount;
use tilefire::backend::{Count, Memory, Paint, Plan, SpreadZoom, TileSink};
use tilefire::counts::{Distinct, Histogram, Unit, ZoomStats};
use tilefire::monitor::Monitor;
use tilefire::project::{Coordinate, Crs, Projector};
use tilefire::rows::LeftOut;
use tilefire::shade::{
    Colormap, Function, Kernel, Radius, Scale, ShadeTable, Shading, Span, Spread, SpreadOp, SpreadShape, Style,
};
use tilefire::source::{self, Batch, BatchSink, Input, ReadOptions};
use tilefire::tile::{Points, TileCoord, TileIndices, WorldPoint, ZoomRange};

const POINTS: usize = 2_000_000;

fn main() {
    divan::main();
}

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let x = *state ^ (*state >> 33);
    x.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 11
}

/// 200 clusters of very different weight in a box of 1/40 of the world's side.
fn clusters(n: usize) -> Vec<WorldPoint> {
    let mut state = 7;
    let centres: Vec<(u32, u32)> = (0..200)
        .map(|_| (0x7e00_0000 + (random(&mut state) as u32 >> 6), 0x5200_0000 + (random(&mut state) as u32 >> 6)))
        .collect();
    (0..n)
        .map(|_| {
            let pick = (random(&mut state) % 200) * (random(&mut state) % 200) / 200;
            let (x, y) = centres[pick as usize];
            let mut offset = || {
                let sum: u64 = (0..4).map(|_| random(&mut state) & 0x3f_ffff).sum();
                sum as u32 / 2
            };
            WorldPoint { x: x.wrapping_add(offset()), y: y.wrapping_add(offset()) }
        })
        .collect()
}

fn count(zoom: u8, spread: u32) -> CpuCount {
    let zooms = ZoomRange { min: 0, max: zoom };
    CpuCount::new(Plan {
        zooms,
        reach: spread,
        measuring: None,
        memory: Memory::default(),
        monitor: Arc::new(Monitor::default()),
    })
}

fn filled(points: &[WorldPoint], zoom: u8, spread: u32) -> Box<CpuCount> {
    let count = Box::new(count(zoom, spread));
    let mut push = count.pusher();
    for batch in points.chunks(1 << 16) {
        push.push(Points::of(batch)).ok();
    }
    push.close().ok();
    drop(push);
    count
}

fn counted(points: &[WorldPoint], zoom: u8, spread: u32) -> Option<Box<dyn Paint>> {
    filled(points, zoom, spread).finish().ok()
}

struct Nowhere;

impl TileSink for Nowhere {
    fn put(&self, _: TileCoord, indices: TileIndices<'_>) -> tilefire::Result<()> {
        black_box(indices);
        Ok(())
    }
}

/// Coordinates over Great Britain, as text and as numbers.
fn coordinates(n: usize) -> Vec<Coordinate> {
    let mut state = 11;
    let mut unit = || random(&mut state) as f64 / (1u64 << 53) as f64;
    (0..n).map(|_| Coordinate { x: -6.0 + 8.0 * unit(), y: 50.0 + 8.0 * unit() }).collect()
}

struct Dropped;

impl BatchSink for Dropped {
    fn take(&mut self, batch: &Batch) -> tilefire::Result<tilefire::rows::LeftOut> {
        black_box(batch);
        Ok(tilefire::rows::LeftOut::default())
    }
}

#[divan::bench(args = [1, 2])]
fn read(bencher: Bencher, threads: usize) {
    use std::io::Write;
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    let rows = coordinates(POINTS).iter().fold(String::from("lon,lat\n"), |mut text, c| {
        text.push_str(&format!("{:.6},{:.6}\n", c.x, c.y));
        text
    });
    if file.write_all(rows.as_bytes()).is_err() {
        return;
    }
    let inputs = [Input::File(file.path().to_path_buf())];
    bencher.counter(ItemsCount::new(POINTS)).bench_local(|| {
        let mut sinks: Vec<Dropped> = (0..threads).map(|_| Dropped).collect();
        source::read(&inputs, &ReadOptions::default(), &Monitor::default(), &mut sinks).ok()
    });
}

#[divan::bench(args = ["EPSG:4326", "EPSG:3857"])]
fn project(bencher: Bencher, crs: &str) {
    let coordinates = coordinates(POINTS);
    let Ok(crs) = crs.parse::<Crs>();
    let Ok(mut projector) = Projector::new(&crs) else { return };
    let (mut points, mut left_out) = (Vec::with_capacity(1 << 16), LeftOut::default());
    bencher.counter(ItemsCount::new(POINTS)).bench_local(|| {
        for batch in coordinates.chunks(1 << 14) {
            points.clear();
            projector.project(batch, &mut points, &mut left_out).ok();
        }
    });
}

#[divan::bench]
fn store(bencher: Bencher) {
    let points = clusters(POINTS);
    bencher.counter(ItemsCount::new(POINTS)).bench_local(|| filled(&points, 10, 0));
}

#[divan::bench(args = [10, 12, 14])]
fn bin_and_reduce(bencher: Bencher, zoom: u8) {
    let points = clusters(POINTS);
    bencher
        .counter(ItemsCount::new(POINTS))
        .with_inputs(|| filled(&points, zoom, 0))
        .bench_local_values(|count| count.finish().ok());
}

#[divan::bench(args = [(10, 0), (14, 0), (10, 1), (10, 5), (12, 3), (8, 64)])]
fn shade(bencher: Bencher, (zoom, spread): (u8, u32)) {
    let points = clusters(POINTS);
    let Some(paint) = counted(&points, zoom, spread) else { return };
    let kernel = Spread { radius: Radius::Fixed(spread), ..Spread::default() }.kernel(spread, 1);
    let zooms: Vec<SpreadZoom> = (0..=zoom).filter_map(|z| paint.spread(z, &kernel).ok()).collect();
    let stats = paint.stats();
    let style = Style::default();
    let tables: Vec<_> = style
        .looks(stats, ZoomRange { min: 0, max: zoom }, |_| Ok(Histogram::default()))
        .unwrap_or_default()
        .into_iter()
        .map(|look| look.table)
        .collect();
    let tiles: u64 = stats.iter().map(|s| s.tiles).sum();
    bencher.counter(ItemsCount::new(tiles as usize)).bench_local(|| {
        for (zoom, table) in zooms.iter().zip(&tables) {
            paint.tiles(zoom, table, &Nowhere).ok();
        }
    });
}

/// Sums and weighted kernels, which make counts of their own.
#[divan::bench(args = [(10, 2, "add"), (10, 2, "gaussian"), (10, 8, "gaussian"), (12, 2, "gaussian"), (8, 64, "gaussian")])]
fn spread(bencher: Bencher, (zoom, radius, name): (u8, u32, &str)) {
    let points = clusters(POINTS);
    let shape = if name == "add" { SpreadShape::Disc } else { SpreadShape::Gaussian };
    let spread = Spread { radius: Radius::Fixed(radius), shape, op: SpreadOp::Add };
    let Some(paint) = counted(&points, zoom, radius) else { return };
    // The highest zoom only.
    let kernel = spread.kernel(radius, paint.stats()[usize::from(zoom)].max);
    bencher.counter(ItemsCount::new(POINTS)).bench_local(|| paint.spread(zoom, &kernel).ok());
}

/// What a span by percentile, histogram equalisation and an automatic radius ask for.
#[divan::bench(args = [10, 12, 14])]
fn histogram(bencher: Bencher, zoom: u8) {
    let Some(paint) = counted(&clusters(POINTS), zoom, 0) else { return };
    let Ok(of_zoom) = paint.spread(zoom, &Kernel::none()) else { return };
    bencher.counter(ItemsCount::new(POINTS)).bench_local(|| paint.histogram(&of_zoom).ok());
}

#[divan::bench(args = [10, 12, 14])]
fn isolation(bencher: Bencher, zoom: u8) {
    let Some(paint) = counted(&clusters(POINTS), zoom, 0) else { return };
    bencher.counter(ItemsCount::new(POINTS)).bench_local(|| paint.isolation(zoom, 1).ok());
}

#[divan::bench(args = ["tilefire", "fire", "turbo"])]
fn shade_table(bencher: Bencher, name: &str) {
    let colormap = Colormap::named(name).unwrap_or_default();
    let stats = ZoomStats { max: 3_000_000, distinct: Distinct::many(), ..Default::default() };
    let scale = Scale::new(Function::Log, Span::new(1u32, stats.max), Unit::POINTS);
    let shading = Shading { scale, colormap: &colormap, least: 1, fade: None };
    bencher.bench_local(|| ShadeTable::new(black_box(&stats), &shading, 255));
}
