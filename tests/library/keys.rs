//! Points of real files counted by key, pixel by pixel, against a script that knows dates and dictionaries.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tilefire::counts::{Lit, Measure, Measuring, Step, Weighed, row_major};
use tilefire::error::{Error, Result};
use tilefire::monitor::Monitor;
use tilefire::region::Region;
use tilefire::render::{KeyedCounts, Resources, Sources, count_by_key};
use tilefire::source::{Input, Key, Weight};
use tilefire::tile::{Frame, TileCoord, ZoomRange};

/// (zoom, column, row, label) -> points.
type Pixels = BTreeMap<(u8, u32, u32, String), u32>;

const ZOOMS: [u8; 4] = [0, 3, 8, 12];

/// The file with that key, values between commas (or every one), and how its times are written.
fn sources(csv: &Path, [lon, lat, by]: [&str; 3], values: &str, form: Option<&str>) -> Sources {
    let mut sources = Sources::new(vec![Input::File(csv.into())]);
    let by = by.parse().unwrap();
    let key = if values.is_empty() { Key::every(by) } else { Key::some(by, values.parse().unwrap()).unwrap() };
    sources.read.key = Some(key);
    (sources.read.x, sources.read.y) = (Some(lon.parse().unwrap()), Some(lat.parse().unwrap()));
    sources.read.date = form.map(|form| form.parse().unwrap());
    sources
}

fn count(sources: &Sources, threads: usize, memory: Option<u64>) -> Result<KeyedCounts> {
    let resources = Resources { threads: Some(threads), memory, ..Resources::default() };
    let zooms = ZoomRange::new(0, 12).unwrap();
    let folder = tempfile::tempdir().unwrap();
    count_by_key(sources, (zooms, None), (&resources, &folder.path().join("x")), &Arc::new(Monitor::default()))
}

fn pixels(counts: &KeyedCounts) -> Pixels {
    let mut pixels = Pixels::new();
    for plane in &counts.planes {
        for z in ZOOMS {
            for chunk in 0..plane.counts.chunks(z).unwrap() {
                let each = |code, lit: &[Lit]| {
                    let TileCoord { x, y, .. } = TileCoord::from_morton(z, code);
                    for l in lit {
                        let at = u32::from(row_major(l.pixel));
                        pixels.insert((z, x << 8 | at & 255, y << 8 | at >> 8, plane.label.clone()), l.count);
                    }
                    Ok(())
                };
                plane.counts.read_chunk(z, chunk, &mut Vec::new(), each).unwrap();
            }
        }
    }
    pixels
}

fn labels(counts: &KeyedCounts) -> Vec<&str> {
    counts.planes.iter().map(|plane| plane.label.as_str()).collect()
}

/// What the script says; `None` where it cannot be asked.
fn of_script(csv: &Path, columns: [&str; 3], form: Option<&str>) -> Option<Pixels> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/expected_keys.py");
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).arg(csv).args(columns).arg(form.unwrap_or("iso")).args(ZOOMS.map(|z| z.to_string()));
    let ran = command.output().ok()?;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let text = String::from_utf8(ran.stdout).unwrap();
    let pixel = |line: &str| match line.splitn(5, ' ').collect::<Vec<_>>()[..] {
        [z, x, y, count, label] => {
            ((z.parse().unwrap(), x.parse().unwrap(), y.parse().unwrap(), label.to_owned()), count.parse().unwrap())
        }
        _ => panic!("{line}"),
    };
    Some(text.lines().map(pixel).collect())
}

/// The file of real data, with a line where it is not there.
fn data(test: &str, file: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TILEFIRE_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: {test}: TILEFIRE_TEST_DATA is not set");
    }
    folder.map(|folder| folder.join("data").join(file))
}

/// Compares with the script, and gives what was counted.
fn compare(test: &str, file: &str, columns: [&str; 3], form: Option<&str>) -> Option<KeyedCounts> {
    let csv = data(test, file)?;
    let Some(expected) = of_script(&csv, columns, form) else {
        println!("skipped: {test}: there is no python3");
        return None;
    };
    let sources = sources(&csv, columns, "", form);
    let counts = count(&sources, 3, None).unwrap();
    let found = pixels(&counts);
    assert!(found.len() > 300, "{}", found.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
    let again = count(&sources, 1, Some(16 << 20)).unwrap();
    assert!(labels(&again) == labels(&counts) && pixels(&again) == found, "other threads and memory");
    let read = &counts.read;
    assert_eq!(read.rows, counts.used + read.left_out.total() + read.not_selected.total());
    Some(counts)
}

#[test]
fn severities_are_counted_apart() {
    let file = "uk_accidents_2005_westminster_excerpt.csv";
    let columns = ["Longitude", "Latitude", "Accident_Severity"];
    let Some(counts) = compare("severities_are_counted_apart", file, columns, None) else { return };
    assert_eq!(labels(&counts), ["1", "2", "3"]);
}

#[test]
fn kinds_of_earthquakes_are_counted_apart() {
    let (test, file) = ("kinds_of_earthquakes_are_counted_apart", "usgs_earthquakes_month_2025.csv");
    let Some(counts) = compare(test, file, ["longitude", "latitude", "type"], None) else { return };
    assert_eq!(labels(&counts), ["earthquake", "explosion", "ice quake", "other event", "quarry blast"]);
    compare(test, file, ["longitude", "latitude", "hour(time)"], None).unwrap();
    let days = compare(test, file, ["longitude", "latitude", "weekday(time)"], None).unwrap();
    assert_eq!(labels(&days), ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
    compare(test, file, ["longitude", "latitude", "day(time)"], None).unwrap();
}

#[test]
fn months_and_years_of_burglaries_are_counted_apart() {
    let (test, file) =
        ("months_and_years_of_burglaries_are_counted_apart", "london_burglary_street_2010-12_2017-12.csv.zst");
    let Some(counts) = compare(test, file, ["Longitude", "Latitude", "month(Month)"], None) else { return };
    assert_eq!(counts.planes.len(), 12);
    let years = compare(test, file, ["Longitude", "Latitude", "year(Month)"], None).unwrap();
    assert_eq!(labels(&years), ["2010", "2011", "2012", "2013", "2014", "2015", "2016", "2017"]);
    // A month has no day: all rows are counted, and told.
    let csv = data(test, file).unwrap();
    let days = count(&sources(&csv, ["Longitude", "Latitude", "day(Month)"], "", None), 2, None).unwrap();
    assert_eq!((days.used, days.planes.len(), days.planes[31].label.as_str()), (counts.used, 32, "(none)"));
    let notice = days.read.notices.iter().find(|notice| notice.code == "no_time").unwrap();
    assert!(notice.text.contains("(row 1: 2010-12)") && notice.rows >= Some(days.used), "{}", notice.text);
}

#[test]
fn hours_of_fires_are_counted_apart() {
    let (test, file) = ("hours_of_fires_are_counted_apart", "firms_modis_global_24h_2022.csv");
    let Some(counts) = compare(test, file, ["longitude", "latitude", "hour(acq_time)"], Some("%H%M")) else { return };
    assert_eq!(counts.planes.len(), 24);
    let days = compare(test, file, ["longitude", "latitude", "day(acq_date)"], None).unwrap();
    assert_eq!(days.used, counts.used);
    // Without a form nothing of these is a time.
    let csv = data(test, file).unwrap();
    let none = count(&sources(&csv, ["longitude", "latitude", "hour(acq_time)"], "", None), 2, None).unwrap();
    assert_eq!((none.planes.len(), none.planes[24].counts.stats(0).unwrap().sum), (25, counts.used));
}

/// Values that are named, weights, boxes and spoiled times: each point is in one plane, whatever else is asked for.
#[test]
fn planes_come_to_all_points() {
    let Some(csv) = data("planes_come_to_all_points", "usgs_earthquakes_month_2025.csv") else { return };
    let columns = ["longitude", "latitude", "type"];
    let every = count(&sources(&csv, columns, "", None), 2, None).unwrap();
    let of = |counts: &KeyedCounts, label: &str| {
        let plane = counts.planes.iter().find(|plane| plane.label == label).unwrap();
        plane.counts.stats(0).unwrap().sum
    };
    let named = count(&sources(&csv, columns, "quarry blast,meteor,earthquake", None), 2, None).unwrap();
    assert_eq!(labels(&named), ["quarry blast", "meteor", "earthquake", "other"]);
    assert_eq!((of(&named, "quarry blast"), of(&named, "meteor")), (of(&every, "quarry blast"), 0));
    let rest = ["explosion", "ice quake", "other event"].map(|label| of(&every, label));
    assert_eq!((of(&named, "other"), named.used), (rest.iter().sum(), every.used));

    let mut weighed = sources(&csv, columns, "", None);
    let step: Step = "0.01".parse().unwrap();
    weighed.read.weight = Some(Weight { column: "mag".parse().unwrap(), step });
    let measuring = Some(Measuring { measure: Measure::Sum, step, least: 1 });
    let zooms = ZoomRange::new(0, 5).unwrap();
    let (resources, monitor) = (Resources::default(), Arc::new(Monitor::default()));
    let sums = count_by_key::<Weighed>(&weighed, (zooms, measuring), (&resources, Path::new("x")), &monitor).unwrap();
    let mut lit: Vec<Lit<Weighed>> = Vec::new();
    for plane in &sums.planes {
        plane.counts.read(TileCoord { z: 0, x: 0, y: 0 }, &mut lit).unwrap();
    }
    let sum: i64 = lit.iter().map(|pixel| pixel.count.sum).sum();
    let points: u64 = lit.iter().map(|pixel| u64::from(pixel.count.count)).sum();
    assert_eq!((sum, points), (sums.weight, sums.used));
    assert_eq!(sums.used + sums.read.left_out.weightless(), every.used);

    // In a box without explosions there is no plane of them.
    let mut boxed = sources(&csv, columns, "", None);
    let bbox = Frame { west: 3 << 30, north: 0, width: 1 << 30, height: 1 << 32 };
    boxed.region = Some(Region { bbox: Some(bbox), area: None });
    let boxed = count(&boxed, 2, None).unwrap();
    let inside: BTreeSet<&str> = labels(&boxed).into_iter().collect();
    assert!(inside.contains("earthquake") && inside.len() < labels(&every).len(), "{inside:?}");
    assert_eq!(boxed.used + boxed.read.not_selected.total(), every.used);
}

#[test]
fn too_many_values_or_none_that_fit_are_refused() {
    let Some(csv) = data("too_many_values_or_none_that_fit_are_refused", "usgs_earthquakes_month_2025.csv") else {
        return;
    };
    let refused = |by: &str, form: Option<&str>| {
        let error = count(&sources(&csv, ["longitude", "latitude", by], "", form), 3, None).unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error}");
        error.to_string()
    };
    let line = refused("id", None);
    assert!(line.contains("id has more than 250 different values") && line.contains("--values"), "{line}");
    assert!(line.contains("ci4") || line.contains("ak0") || line.contains("us"), "an example: {line}");
    assert!(refused("typo", None).contains("there is no column 'typo' (--by) (did you mean 'type'?)"));
    assert!(refused("hour(time)", Some("%Y-%m-%d")).contains("--date-format"));
}
