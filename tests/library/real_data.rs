//! Real files against what an independent float64 implementation counted: rows, reasons, and per zoom the lit
//! pixels, the largest count, the tiles and the sum. The files are found through `TILEFIRE_TEST_DATA` (a folder
//! with data/ and expected/); the sample of this repository is always there.

#![allow(clippy::disallowed_methods, reason = "an independent check, or a picture of no consequence")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tilefire::backend::cpu::CpuCount;
use tilefire::backend::{Count, Memory, Plan, PointPush};
use tilefire::error::Result;
use tilefire::monitor::Monitor;
use tilefire::project::{Coordinate, Crs, Projector};
use tilefire::rows::{LeftOut, Reason};
use tilefire::source::{self, Batch, BatchSink, Input, ReadOptions, ReadReport};
use tilefire::tile::{Points, WorldPoint, ZoomRange};

struct Sink<'a> {
    projector: Projector,
    push: Box<dyn PointPush + 'a>,
    points: Vec<WorldPoint>,
    left_out: LeftOut,
}

impl BatchSink for Sink<'_> {
    fn take(&mut self, batch: &Batch) -> Result<LeftOut> {
        self.points.clear();
        self.projector.project(&batch.coordinates, &mut self.points, &mut self.left_out)?;
        self.push.push(Points::of(&self.points))?;
        Ok(LeftOut::default())
    }
}

/// What the file at `csv` amounts to, in the form of the expected counts.
fn counted(csv: &Path, lon: &str, lat: &str) -> Value {
    let zooms = ZoomRange::new(0, 12).unwrap();
    let monitor = Arc::new(Monitor::default());
    let backend =
        CpuCount::new(Plan { zooms, reach: 0, measuring: None, memory: Memory::default(), monitor: monitor.clone() });
    let options =
        ReadOptions { x: Some(lon.parse().unwrap()), y: Some(lat.parse().unwrap()), ..ReadOptions::default() };
    let mut left_out = LeftOut::default();
    let report = {
        let projector = Projector::new(&Crs::Wgs84).unwrap();
        let mut sinks: Vec<Sink> = (0..3)
            .map(|_| Sink {
                projector: projector.clone(),
                push: backend.pusher(),
                points: Vec::new(),
                left_out: LeftOut::default(),
            })
            .collect();
        let report = source::read(&[Input::File(csv.into())], &options, &monitor, &mut sinks).unwrap();
        for sink in &mut sinks {
            sink.push.close().unwrap();
            left_out.merge(&sink.left_out);
        }
        report
    };
    let paint = Box::new(backend).finish().unwrap();
    let zooms: serde_json::Map<String, Value> = paint
        .stats()
        .iter()
        .enumerate()
        .map(|(z, s)| (z.to_string(), serde_json::json!({"lit": s.lit, "max": s.max, "tiles": s.tiles, "sum": s.sum})))
        .collect();
    let invalid = report.left_out.total();
    serde_json::json!({
        "lon": lon, "lat": lat, "rows": report.rows, "invalid": invalid,
        "out_of_range": left_out[Reason::OutOfRange], "outside_mercator": left_out[Reason::OutsideMercator],
        "used": report.rows - invalid - left_out.total(), "zooms": zooms,
    })
}

fn assert_equal(csv: &Path, expected: &Path) {
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(expected).unwrap()).unwrap();
    let counted = counted(csv, expected["lon"].as_str().unwrap(), expected["lat"].as_str().unwrap());
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&counted[key], value, "{}: {key}", csv.display());
    }
}

/// The folder of real files, or a visible word that the test was skipped.
fn folder(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TILEFIRE_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: {test}: TILEFIRE_TEST_DATA is not set");
    }
    folder
}

#[test]
fn the_sample_counts_as_expected() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    assert_equal(&assets.join("sample.csv"), &assets.join("sample.expected.json"));
}

macro_rules! real {
    ($($name:ident: $file:literal),+ $(,)?) => {$(
        #[test]
        fn $name() {
            let Some(folder) = folder(stringify!($name)) else { return };
            let stem = Path::new($file).file_stem().unwrap().to_str().unwrap();
            let expected = folder.join("expected").join(format!("{stem}.json"));
            assert_equal(&folder.join("data").join($file), &expected);
        }
    )+};
}

real! {
    uk_accidents_count_as_expected: "uk_accidents_2015_lnglat.csv",
    westminster_counts_as_expected: "uk_accidents_2005_westminster_excerpt.csv",
    usgs_earthquakes_count_as_expected: "usgs_earthquakes_month_2025.csv",
    firms_fires_count_as_expected: "firms_modis_global_24h_2022.csv",
    noaa_stations_count_as_expected: "noaa_isd_history_quoted.csv",
    openflights_airports_count_as_expected: "openflights_airports.dat",
    opensky_flights_count_as_expected: "opensky_flights_2020-08-11.csv",
    us_zipcodes_count_as_expected: "us_zipcodes.csv",
}

/// Keeps coordinates in file order: with a single sink batches come in order.
struct Kept(Vec<Coordinate>);

impl BatchSink for Kept {
    fn take(&mut self, batch: &Batch) -> Result<LeftOut> {
        self.0.extend_from_slice(&batch.coordinates);
        Ok(LeftOut::default())
    }
}

fn coordinates(csv: PathBuf, options: &ReadOptions) -> (ReadReport, Vec<Coordinate>) {
    let mut sinks = [Kept(Vec::new())];
    let report = source::read(&[Input::File(csv)], options, &Monitor::default(), &mut sinks).unwrap();
    let [Kept(points)] = sinks;
    (report, points)
}

#[cfg(feature = "proj")]
fn world(crs: &str, batch: &[Coordinate]) -> Vec<WorldPoint> {
    let (mut out, mut left) = (Vec::new(), LeftOut::default());
    Projector::new(&crs.parse().unwrap()).unwrap().project(batch, &mut out, &mut left).unwrap();
    assert_eq!(left, LeftOut::default());
    out
}

#[test]
fn columns_with_usual_names_are_found() {
    let Some(folder) = folder("columns_with_usual_names_are_found") else { return };
    for (file, x, y) in [
        ("uk_accidents_2015_lnglat.csv", "lng", "lat"),
        ("uk_accidents_2005_westminster_excerpt.csv", "Longitude", "Latitude"),
        ("usgs_earthquakes_month_2025.csv", "longitude", "latitude"),
        ("noaa_isd_history_quoted.csv", "LON", "LAT"),
    ] {
        let (report, _) = coordinates(folder.join("data").join(file), &ReadOptions::default());
        assert_eq!((report.files[0].x_column.as_str(), report.files[0].y_column.as_str()), (x, y), "{file}");
    }
}

#[cfg(feature = "proj")]
#[test]
fn westminster_by_grid_lands_within_10_m_of_its_degrees() {
    let Some(folder) = folder("westminster_by_grid_lands_within_10_m_of_its_degrees") else { return };
    let file = folder.join("data/uk_accidents_2005_westminster_excerpt.csv");
    let (_, degrees) = coordinates(file.clone(), &ReadOptions::default());
    let (report, grid) =
        coordinates(file, &ReadOptions { crs: Some("EPSG:27700".parse().unwrap()), ..ReadOptions::default() });
    assert_eq!(report.files[0].x_column, "Location_Easting_OSGR");
    let (degrees, grid) = (world("EPSG:4326", &degrees), world("EPSG:27700", &grid));
    assert_eq!((degrees.len(), grid.len()), (1999, 1999));
    // Metres on the ground per step at 51.5 degrees north: the equator over 2^32, less the stretch of Mercator.
    let metres = 40_075_016.7 / 4_294_967_296.0 * 51.5f64.to_radians().cos();
    for (row, (a, b)) in degrees.iter().zip(&grid).enumerate() {
        let distance = f64::from(a.x.abs_diff(b.x)).hypot(f64::from(a.y.abs_diff(b.y))) * metres;
        assert!(distance < 10.0, "row {}: {distance} m", row + 1);
    }
}

#[cfg(feature = "proj")]
#[test]
fn edinburgh_by_grid_lands_in_edinburgh() {
    let Some(folder) = folder("edinburgh_by_grid_lands_in_edinburgh") else { return };
    for (file, rows) in [("edinburgh_accidents_2010_osgr.csv", 1176), ("edinburgh_accidents_2012_osgr.csv", 1163)] {
        let options = ReadOptions { crs: Some("EPSG:27700".parse().unwrap()), ..ReadOptions::default() };
        let (report, grid) = coordinates(folder.join("data").join(file), &options);
        assert_eq!((report.rows, report.left_out.total(), grid.len()), (rows, 0, rows as usize), "{file}");
        let corners = [Coordinate { x: -3.5, y: 56.0 }, Coordinate { x: -3.0, y: 55.8 }];
        let corners = world("EPSG:4326", &corners);
        for (row, p) in world("EPSG:27700", &grid).into_iter().enumerate() {
            let inside = (corners[0].x..corners[1].x).contains(&p.x) && (corners[0].y..corners[1].y).contains(&p.y);
            assert!(inside, "{file}: row {}", row + 1);
        }
    }
}
