//! Where a map begins: the box that holds nearly all points, on files that people really have, and what is said of those far
//! away. Larger files are found through `TILEFIRE_TEST_DATA` (a folder with data/ and cases/).

#![allow(clippy::disallowed_methods, reason = "an independent check")]

use std::fmt::Write;
use std::path::PathBuf;

use crate::common::{Playground, sample, tree};
use serde_json::Value;

/// A file of the test data; `None` without any, which is said.
fn data(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("TILEFIRE_TEST_DATA") else {
        println!("skipped: {name}: TILEFIRE_TEST_DATA is not set");
        return None;
    };
    Some(PathBuf::from(folder).join(name))
}

/// The metadata of the tiles of `input`.
fn rendered(place: &Playground, input: &str, more: &[&str]) -> Value {
    let run = ["render", input, "-o", "out", "--force", "--backend", "cpu", "-q"];
    place.run([&run[..], more].concat()).ok();
    serde_json::from_slice(&std::fs::read(place.path("out/metadata.json")).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
}

/// Checks that the first view is within a box and the center in it, at that zoom.
#[track_caller]
fn begins(metadata: &Value, [west, south, east, north]: [f64; 4], zoom: f64) {
    let bounds = numbers(&metadata["heat"]["view"]["bounds"]);
    let inside = bounds[0] >= west && bounds[1] >= south && bounds[2] <= east && bounds[3] <= north;
    assert!(inside, "{bounds:?}");
    let center = numbers(&metadata["center"]);
    assert!(bounds[0] < center[0] && center[0] < bounds[2] && bounds[1] < center[1] && center[1] < bounds[3]);
    assert_eq!(center[2], zoom, "{center:?}");
    let (points, used) = (&metadata["heat"]["view"]["points"], &metadata["heat"]["used"]);
    // Of those that are drawn.
    let least = if metadata["heat"]["min_count"].is_null() { 0.995 } else { 0.8 };
    assert!(points.as_f64().unwrap() >= least * used.as_f64().unwrap(), "{points} of {used}");
}

#[test]
fn accidents_of_berlin_begin_in_berlin() {
    let Some(input) = data("data/berlin_accidents_2019_semicolon_comma.csv") else { return };
    let place = Playground::new();
    let metadata = rendered(&place, input.to_str().unwrap(), &[]);
    begins(&metadata, [13.05, 52.3, 13.8, 52.7], 10.0);
    // Some rows have their coordinates exchanged: that is what lies far away.
    let far = &metadata["heat"]["view"]["far"];
    assert_eq!(numbers(&far["place"]).iter().map(|n| n.round()).collect::<Vec<_>>(), [53.0, 1.0], "{far}");
    assert!(far["points"].as_u64().unwrap() < 20, "{far}");
}

#[test]
fn burglaries_of_london_begin_in_london() {
    let Some(input) = data("data/london_burglary_street_2010-12_2017-12.csv.zst") else { return };
    let place = Playground::new();
    let metadata = rendered(&place, input.to_str().unwrap(), &[]);
    begins(&metadata, [-0.6, 51.25, 0.4, 51.75], 10.0);
    let all = numbers(&metadata["bounds"]);
    assert!(all[3] > 54.0, "the box of all tiles holds what lies far away: {all:?}");
    assert!(metadata["heat"]["view"]["far"]["points"].as_u64().unwrap() > 0);
}

#[test]
fn one_far_point_is_told_and_not_followed_but_where_it_must_not_be_known() {
    let place = Playground::new();
    let mut text = std::fs::read_to_string(sample()).unwrap();
    text.push_str("151.2093,-33.8688\n");
    place.file("far.csv", text);
    let metadata = rendered(&place, "far.csv", &["-z", "0..9"]);
    begins(&metadata, [-9.0, 49.0, 3.0, 61.0], 6.0);
    let far = &metadata["heat"]["view"]["far"];
    assert_eq!(far["points"], 1, "{far}");
    let at = numbers(&far["place"]);
    assert!((at[0] - 151.2).abs() < 0.1 && (at[1] + 33.9).abs() < 0.1, "{far}");
    let metadata = rendered(&place, "far.csv", &["-z", "0..9", "--min-count", "2"]);
    begins(&metadata, [-9.0, 49.0, 3.0, 61.0], 6.0);
    assert_eq!(metadata["heat"]["view"]["far"], Value::Null);
}

#[test]
fn a_view_across_the_antimeridian_is_one_piece() {
    let place = Playground::new();
    let mut text = "lon,lat\n".to_owned();
    for i in 0..500 {
        let lon = 177.0 + f64::from(i) / 100.0;
        let lon = if lon >= 180.0 { lon - 360.0 } else { lon };
        writeln!(text, "{lon:.4},{:.4}", -19.0 + f64::from(i % 50) / 20.0).unwrap();
    }
    place.file("fiji.csv", text);
    let metadata = rendered(&place, "fiji.csv", &["-z", "0..9"]);
    let bounds = numbers(&metadata["heat"]["view"]["bounds"]);
    assert!((bounds[0] - 177.0).abs() < 0.1 && (bounds[2] + 178.0).abs() < 0.1, "{bounds:?}");
    let center = numbers(&metadata["center"]);
    assert!((center[0] - 179.5).abs() < 0.1 && (center[1] + 17.75).abs() < 0.1 && center[2] == 8.0, "{center:?}");
}

/// Longitude and latitude of a tile's north-western corner.
fn corner(z: i32, x: f64, y: f64) -> (f64, f64) {
    let side = f64::from(1 << z);
    let north = (std::f64::consts::PI * (1.0 - 2.0 * y / side)).sinh().atan().to_degrees();
    (x / side * 360.0 - 180.0, north)
}

/// Points beside the borders of tiles, whose spread lights tiles that have no point.
#[test]
fn bounds_meet_every_tile_of_a_folder_and_of_an_archive() {
    let Some(input) = data("cases/39_edge.csv") else { return };
    let place = Playground::new();
    let more = ["-z", "0..14", "--spread", "12", "--spread-shape", "gaussian", "--spread-op", "add"];
    let metadata = rendered(&place, input.to_str().unwrap(), &more);
    let run = ["render", input.to_str().unwrap(), "-o", "out.pmtiles", "--backend", "cpu", "-q"];
    place.run([&run[..], &more].concat()).ok();
    let head = std::fs::read(place.path("out.pmtiles")).unwrap();
    // Byte 102 on: west, south, east, north in 1e-7 degrees.
    let packed: Vec<f64> =
        (0..4).map(|i| f64::from(i32::from_le_bytes(head[102 + 4 * i..][..4].try_into().unwrap())) / 1e7).collect();
    for bounds in [numbers(&metadata["bounds"]), packed] {
        let mut tiles = 0;
        for name in tree(&place.path("out")).keys().filter(|name| name.ends_with(".png") && name.contains('/')) {
            let at: Vec<i32> = name.trim_end_matches(".png").split('/').map(|n| n.parse().unwrap()).collect();
            let (west, north) = corner(at[0], at[1].into(), at[2].into());
            let (east, south) = corner(at[0], f64::from(at[1]) + 1.0, f64::from(at[2]) + 1.0);
            let meets = bounds[0] < east && west < bounds[2] && bounds[1] < north && south < bounds[3];
            assert!(meets, "{name} lies outside of {bounds:?}");
            tiles += 1;
        }
        assert!(tiles > 20, "{tiles}");
    }
}
