//! Sums and means of weights in real files, pixel by pixel, against a script that adds up fractions.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tilefire::backend::{Memory, Plan, PointPush, cpu};
use tilefire::counts::{Lit, Measure, Measuring, Step, Weighed, row_major};
use tilefire::error::Result;
use tilefire::monitor::Monitor;
use tilefire::project::{Crs, Projector};
use tilefire::rows::{LeftOut, Reason};
use tilefire::source::{self, Batch, BatchSink, Input, ReadOptions, Weight};
use tilefire::tile::{Points, TileCoord, WorldPoint, ZoomRange};

struct Sink<'a> {
    projector: Projector,
    push: Box<dyn PointPush + 'a>,
}

impl BatchSink for Sink<'_> {
    /// One by one, so that weights stay with their points.
    fn take(&mut self, batch: &Batch) -> Result<LeftOut> {
        assert_eq!(batch.weights.len(), batch.coordinates.len());
        let mut left_out = LeftOut::default();
        for (coordinate, weight) in batch.coordinates.iter().zip(&batch.weights) {
            let mut points: Vec<WorldPoint> = Vec::new();
            self.projector.project(&[*coordinate], &mut points, &mut left_out)?;
            if !points.is_empty() {
                self.push.push(Points::weighed(&points, &[*weight]))?;
            }
        }
        Ok(left_out)
    }
}

/// (zoom, column, row) -> what a pixel holds; and rows without a usable weight.
type Pixels = (BTreeMap<(u8, u32, u32), Weighed>, u64);

fn of_tilefire(csv: &Path, columns: [&str; 3], step: &str, zooms: &[u8]) -> Pixels {
    let [lon, lat, weight] = columns.map(|column| column.parse().unwrap());
    let step: Step = step.parse().unwrap();
    let options = ReadOptions {
        x: Some(lon),
        y: Some(lat),
        weight: Some(Weight { column: weight, step }),
        ..ReadOptions::default()
    };
    let monitor = Arc::new(Monitor::default());
    let plan = Plan {
        zooms: ZoomRange::new(0, *zooms.iter().max().unwrap()).unwrap(),
        reach: 0,
        measuring: Some(Measuring { measure: Measure::Sum, step, least: 1 }),
        memory: Memory::default(),
        monitor: monitor.clone(),
    };
    let count = cpu::count(plan);
    let report = {
        let mut sinks: Vec<Sink> =
            (0..3).map(|_| Sink { projector: Projector::new(&Crs::Wgs84).unwrap(), push: count.pusher() }).collect();
        let report = source::read(&[Input::File(csv.into())], &options, &monitor, &mut sinks).unwrap();
        sinks.iter_mut().for_each(|sink| sink.push.close().unwrap());
        report
    };
    let paint = count.finish().unwrap();
    let sums = paint.sums().unwrap();
    let mut pixels = BTreeMap::new();
    for &z in zooms {
        for chunk in 0..sums.chunks(z).unwrap() {
            let each = |code, lit: &[Lit<Weighed>]| {
                let TileCoord { x, y, .. } = TileCoord::from_morton(z, code);
                for l in lit {
                    let at = u32::from(row_major(l.pixel));
                    pixels.insert((z, x << 8 | at & 255, y << 8 | at >> 8), l.count);
                }
                Ok(())
            };
            sums.read_chunk(z, chunk, &mut Vec::new(), each).unwrap();
        }
    }
    let without = [Reason::NoWeight, Reason::BadWeight, Reason::InfiniteWeight];
    (pixels, without.map(|reason| report.left_out[reason]).iter().sum())
}

/// What the script says, and the mean of each pixel; `None` where there is no Python.
fn of_script(csv: &Path, columns: [&str; 3], step: &str, zooms: &[u8]) -> Option<(Pixels, Vec<f64>)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/expected_sums.py");
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).arg(csv).args(columns).arg(step).args(zooms.iter().map(u8::to_string));
    let ran = command.output().ok()?;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let (mut pixels, mut means, mut without) = (BTreeMap::new(), Vec::new(), 0);
    for line in String::from_utf8(ran.stdout).unwrap().lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            [z, x, y, count, sum, mean] => {
                let pixel = Weighed { sum: sum.parse().unwrap(), count: count.parse().unwrap() };
                pixels.insert((z.parse().unwrap(), x.parse().unwrap(), y.parse().unwrap()), pixel);
                means.push(mean.parse().unwrap());
            }
            ["without", rows] => without = rows.parse().unwrap(),
            _ => panic!("{line}"),
        }
    }
    Some(((pixels, without), means))
}

fn compare(test: &str, file: &str, columns: [&str; 3], step: &str) {
    let Some(folder) = std::env::var_os("TILEFIRE_TEST_DATA").map(PathBuf::from) else {
        println!("skipped: {test}: TILEFIRE_TEST_DATA is not set");
        return;
    };
    let (csv, zooms) = (folder.join("data").join(file), [0, 3, 7, 10, 12]);
    let Some((expected, means)) = of_script(&csv, columns, step, &zooms) else {
        println!("skipped: {test}: there is no python3");
        return;
    };
    let found = of_tilefire(&csv, columns, step, &zooms);
    assert!(found.0.len() > 1000, "{}", found.0.len());
    assert_eq!(found.1, expected.1, "rows without a weight");
    for (found, expected) in found.0.iter().zip(&expected.0) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.0.len(), expected.0.len());
    for (pixel, mean) in found.0.values().zip(means) {
        assert_eq!(Measure::Mean.value(*pixel).to_bits(), mean.to_bits());
    }
}

#[test]
fn casualties_add_up_as_fractions_do() {
    let columns = ["Longitude", "Latitude", "Number_of_Casualties"];
    compare("casualties", "uk_accidents_2005_westminster_excerpt.csv", columns, "0.000001");
}

#[test]
fn radiative_power_adds_up_as_fractions_do() {
    compare("power", "firms_modis_global_24h_2022.csv", ["longitude", "latitude", "frp"], "0.000001");
}

#[test]
fn magnitudes_below_0_add_up_as_fractions_do() {
    compare("magnitudes", "usgs_earthquakes_month_2025.csv", ["longitude", "latitude", "mag"], "0.000001");
}

/// Most magnitudes are rounded.
#[test]
fn rounded_magnitudes_add_up_as_fractions_do() {
    compare("rounded", "usgs_earthquakes_month_2025.csv", ["longitude", "latitude", "mag"], "0.25");
}
