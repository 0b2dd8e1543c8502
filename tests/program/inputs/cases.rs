//! Kinds of input that people have: each gives exactly its points, or is refused by a line that says what to do.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::{Playground, real_data};
use serde_json::Value;
use tilefire::project::{Coordinate, Projector};
use tilefire::rows::LeftOut;

/// What is right.
enum Right {
    /// The pixels of the points of this name, at zoom 8.
    Points(&'static str),
    /// The same, and a notice of each code.
    Noticed(&'static str, &'static [&'static str]),
    /// The pixels of the places that a list beside the file holds.
    Listed,
    /// The pixels of the plain numbers in the fields of these places that are on earth, and a notice of each code.
    Fields(usize, usize, &'static [&'static str]),
    /// So many points, and a notice of each code.
    Used(u64, &'static [&'static str]),
    /// Exit 1 and a line with these words.
    Refused(&'static [&'static str]),
}
use Right::{Fields, Listed, Noticed, Points, Refused, Used};

/// Files, further arguments, what is right.
const CASES: &[(&str, &[&str], Right)] = &[
    ("01_e7.csv", &[], Points("P")),
    ("01b_e7_latlon.csv", &[], Refused(&["--unit", "e7", "514968910"])),
    ("01b_e7_latlon.csv", &["--unit", "e7"], Points("P")),
    ("02_implied_e5.csv", &[], Refused(&["--unit", "e5"])),
    ("02_implied_e5.csv", &["--unit", "e5"], Used(400, &[])),
    ("02b_implied_e6.csv", &[], Refused(&["--unit", "e6"])),
    ("02b_implied_e6.csv", &["--unit", "e6"], Points("P")),
    ("03_semicircles.csv", &[], Refused(&["--unit", "semicircles"])),
    ("03_semicircles.csv", &["--unit", "semicircles"], Points("P")),
    ("04_hemisphere_suffix.csv", &[], Used(400, &[])),
    ("04b_hemisphere_one_column.csv", &[], Points("P")),
    ("05_hemisphere_columns.csv", &[], Noticed("P", &["hemisphere"])),
    ("06_degree_sign.csv", &[], Points("U")),
    ("07_unicode_minus.csv", &[], Points("P")),
    ("08_spreadsheet_dots.csv", &[], Used(200, &["lost"])),
    ("09_unquoted_thousands.csv", &[], Used(200, &["lost"])),
    ("10_rownames_header_short.csv", &[], Noticed("U", &["row_names"])),
    ("10b_gps_two_in_one.csv", &[], Points("U")),
    ("11_trailing_comma.csv", &[], Points("U")),
    ("11b_unnamed_index.csv", &[], Points("U")),
    ("12_units_row.csv", &[], Points("P")),
    ("13_header_line_2.csv", &[], Points("U")),
    ("13b_header_after_title.csv", &[], Points("U")),
    ("13c_header_after_4_lines.csv", &[], Points("U")),
    ("13c_header_after_4_lines.csv", &["--skip", "1"], Points("U")),
    ("14_wkt.csv", &[], Points("P")),
    ("14b_latlon_pair.csv", &["--order", "latlon"], Points("P")),
    ("14c_ewkb.csv", &[], Points("P")),
    ("14d_geojson_cell.csv", &[], Points("P")),
    ("14e_geohash.csv", &[], Refused(&["geohash"])),
    ("14f_coords_colon.csv", &["--order", "latlon"], Points("U")),
    ("14g_gps_space.csv", &["--order", "latlon"], Points("U")),
    ("14h_polyline.csv", &[], Refused(&["POLYLINE"])),
    ("15_lon_0_360.csv", &[], Used(158, &["wrap"])),
    ("15_lon_0_360.csv", &["--wrap-lon"], Points("P")),
    ("16_null_island.csv", &[], Used(400, &["zero"])),
    ("16_null_island.csv", &["--drop-zero"], Used(240, &[])),
    ("16b_minus_one.csv", &[], Used(400, &["one_place"])),
    ("16b_minus_one.csv", &["--drop", "-1,-1"], Used(240, &[])),
    ("19b_backslash_quote.csv", &["--escape", "backslash"], Points("U")),
    ("21_cat_reordered.csv", &[], Refused(&["row 201", "lat"])),
    ("22_quoted_decimal_comma.csv", &[], Points("U")),
    ("22b_unquoted_decimal_comma.csv", &[], Refused(&["fields"])),
    ("22c_unquoted_decimal_comma_short.csv", &[], Refused(&["fields"])),
    ("23_excel_formula.csv", &[], Points("U")),
    ("23b_apostrophe.csv", &[], Points("U")),
    ("23c_nbsp.csv", &[], Points("U")),
    ("23d_arabic_digits.csv", &[], Refused(&["\u{665}"])),
    ("24_nmea_ddmm.csv", &[], Refused(&["--unit ddmm"])),
    ("24_nmea_ddmm.csv", &["--unit", "ddmm"], Used(400, &[])),
    ("24b_nmea_equator.csv", &[], Refused(&["--unit ddmm"])),
    ("24b_nmea_equator.csv", &["--unit", "ddmm"], Used(300, &[])),
    ("25_radians.csv", &[], Used(400, &["within_pi"])),
    ("25_radians.csv", &["--unit", "radians"], Used(400, &[])),
    ("26_xy_pitch.csv", &[], Used(500, &["xy_degrees"])),
    ("26b_xy_screen.csv", &[], Refused(&["cannot be used"])),
    ("27_two_pairs.csv", &[], Points("U")),
    ("28_points.geojson", &[], Refused(&["GeoJSON"])),
    ("28b_points.ndjson", &[], Refused(&["JSON"])),
    ("28c_track.gpx", &[], Refused(&["GPX"])),
    ("28d_places.kml", &[], Refused(&["KML"])),
    ("28e_records.json", &[], Refused(&["JSON"])),
    ("28f_pointer.csv", &[], Refused(&["pointer"])),
    ("28g_error_page.csv", &[], Refused(&["web page"])),
    ("29_points.xlsx", &[], Refused(&["spreadsheet", "CSV"])),
    ("29b_members.zip", &[], Refused(&["zip"])),
    ("30_fixed_width.txt", &[], Refused(&["fixed width"])),
    ("30b_space_header.txt", &[], Points("P")),
    ("31_names_00.csv", &[], Used(40, &[])),
    ("31_names_01.csv", &[], Used(40, &[])),
    ("31_names_02.csv", &[], Used(40, &[])),
    ("31_names_03.csv", &[], Used(40, &[])),
    ("31_names_04.csv", &[], Used(40, &[])),
    ("31_names_05.csv", &[], Used(40, &[])),
    ("31_names_06.csv", &[], Used(40, &[])),
    ("31_names_07.csv", &[], Used(40, &[])),
    ("31_names_08.csv", &[], Used(40, &[])),
    ("31_names_09.csv", &[], Used(40, &[])),
    ("31_names_10.csv", &[], Used(40, &[])),
    ("31_names_11.csv", &[], Used(40, &[])),
    ("31_names_12.csv", &[], Used(40, &[])),
    ("33_part_a.csv 33_part_b.csv", &[], Refused(&["33_part_b", "--lon '#1' --lat '#2'", "-0.180723"])),
    ("33_part_a.csv 33_part_b.csv", &["--lon", "#1", "--lat", "#2"], Fields(0, 1, &[])),
    ("34_hot_spot.csv", &[], Fields(0, 1, &["one_place"])),
    ("34b_hot_spot_999.csv", &[], Fields(0, 1, &["one_place"])),
    ("35_double_cr.csv", &[], Points("P")),
    ("35b_footer.csv", &[], Points("P")),
    ("36_cut_short.csv", &[], Fields(1, 2, &["cut"])),
    ("37_small_exponents.csv", &[], Fields(0, 1, &[])),
    ("41_duplicated_pings.csv", &[], Fields(3, 2, &[])),
    ("44_commented_header.csv", &[], Points("U")),
    ("45_quoted_units.csv", &[], Points("U")),
    ("47_ais_dk_style.csv", &[], Fields(4, 3, &[])),
];

/// Files in other reference systems: feet, north first, other grids.
#[cfg(feature = "proj")]
const SYSTEMS: &[(&str, &[&str], Right)] = &[
    ("38_epsg2263_ft.csv", &["--crs", "EPSG:2263"], Listed),
    ("38b_epsg3435_ft.csv", &["--crs", "EPSG:3435"], Listed),
    ("38c_epsg2193.csv", &["--crs", "EPSG:2193"], Listed),
    ("38d_epsg31467.csv", &["--crs", "EPSG:31467"], Listed),
    ("38e_epsg3067.csv", &["--crs", "EPSG:3067"], Listed),
    ("38f_nad27.csv", &["--crs", "EPSG:4267"], Listed),
    ("38g_epsg102100.csv", &["--crs", "ESRI:102100"], Listed),
];

/// The pixels of the points of `name` at zoom 8.
fn expected(folder: &Path, name: &str) -> BTreeSet<(u32, u32)> {
    let all: Value = serde_json::from_slice(&std::fs::read(folder.join("points.json")).unwrap()).unwrap();
    listed(&all[name])
}

/// The pixels of a list of places.
fn listed(places: &Value) -> BTreeSet<(u32, u32)> {
    let number = |value: &Value| value.as_f64().unwrap();
    let place = |p: &Value| Coordinate { x: number(&p[0]), y: number(&p[1]) };
    pixels(&places.as_array().unwrap().iter().map(place).collect::<Vec<_>>())
}

/// The pixels of what the rows of a file hold in two fields, as far as these are a place on earth.
fn of_fields(path: &Path, x: usize, y: usize) -> BTreeSet<(u32, u32)> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| {
        let field = |at| line.split(',').nth(at)?.parse().ok();
        Some(Coordinate { x: field(x)?, y: field(y)? })
    });
    pixels(&rows.filter(|c| c.x.abs() <= 180.0 && c.y.abs() <= 90.0).collect::<Vec<_>>())
}

fn pixels(points: &[Coordinate]) -> BTreeSet<(u32, u32)> {
    let mut world = Vec::new();
    let crs = "EPSG:4326".parse().unwrap();
    Projector::new(&crs).unwrap().project(points, &mut world, &mut LeftOut::default()).unwrap();
    world.iter().map(|p| (p.x >> 16, p.y >> 16)).collect()
}

/// The pixels that are not transparent in the tiles of zoom 8.
fn lit(tiles: &Path) -> BTreeSet<(u32, u32)> {
    let mut all = BTreeSet::new();
    for (name, bytes) in crate::common::tree(&tiles.join("8")) {
        let name = name.trim_end_matches(".png");
        let (x, y) = name.split_once('/').unwrap();
        let (x, y): (u32, u32) = (x.parse().unwrap(), y.parse().unwrap());
        let picture = image::load_from_memory(&bytes).unwrap().into_rgba8();
        let lit = picture.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[3] > 0);
        all.extend(lit.map(|(i, j, _)| (256 * x + i, 256 * y + j)));
    }
    all
}

/// What is wrong about one case, if anything.
fn wrong(folder: &Path, file: &str, arguments: &[&str], right: &Right) -> Option<String> {
    let place = Playground::new();
    let paths: Vec<_> = file.split(' ').map(|file| folder.join(file)).collect();
    let files = paths.iter().map(|path| path.to_str().unwrap());
    let fixed = ["-o", "tiles", "-z", "8", "--no-page", "--report", "r.json", "--backend", "cpu", "--spread", "0"];
    let ran = place.run(std::iter::once("render").chain(files).chain(fixed).chain(arguments.iter().copied()));
    let (points, used, codes) = match right {
        Refused(words) => {
            if ran.code != Some(1) || place.path("tiles").exists() {
                return Some(format!("exit {:?}: {}", ran.code, ran.stderr));
            }
            let line = ran.error(1);
            let missing: Vec<_> = words.iter().filter(|word| !line.contains(**word)).collect();
            let named = file.split(' ').any(|file| line.contains(file));
            return (!named || !missing.is_empty()).then(|| format!("{line} (lacks {missing:?}, named {named})"));
        }
        Points(points) => (Some(expected(folder, points)), None, &[][..]),
        Noticed(points, codes) => (Some(expected(folder, points)), None, *codes),
        Listed => {
            let list = std::fs::read(folder.join(format!("{file}.expected.json"))).unwrap();
            (Some(listed(&serde_json::from_slice(&list).unwrap())), None, &[][..])
        }
        Fields(x, y, codes) => (Some(paths.iter().flat_map(|path| of_fields(path, *x, *y)).collect()), None, *codes),
        Used(used, codes) => (None, Some(*used), *codes),
    };
    if ran.code != Some(0) {
        return Some(format!("exit {:?}: {}", ran.code, ran.stderr));
    }
    let report: Value = serde_json::from_slice(&std::fs::read(place.path("r.json")).unwrap()).unwrap();
    if let Some(expected) = points {
        let lit = lit(&place.path("tiles"));
        if expected != lit {
            let (less, more) = (expected.difference(&lit).count(), lit.difference(&expected).count());
            return Some(format!("{less} pixels missing, {more} too many: {}", ran.stderr));
        }
    }
    if let Some(used) = used.filter(|used| report["used"] != *used) {
        return Some(format!("{} used instead of {used}: {}", report["used"], ran.stderr));
    }
    let said: Vec<&str> = report["notices"].as_array().unwrap().iter().filter_map(|n| n["code"].as_str()).collect();
    let missing: Vec<_> = codes.iter().filter(|code| !said.contains(*code)).collect();
    (!missing.is_empty()).then(|| format!("no notice of {missing:?} among {said:?}"))
}

#[test]
fn every_kind_gives_its_points_or_is_refused_by_name() {
    let Some(folder) = real_data("every_kind_gives_its_points_or_is_refused_by_name") else { return };
    check(&folder.join("cases"), CASES);
}

#[cfg(feature = "proj")]
#[test]
fn other_reference_systems_give_their_places() {
    let Some(folder) = real_data("other_reference_systems_give_their_places") else { return };
    check(&folder.join("cases"), SYSTEMS);
}

/// Longitudes and latitudes of the corners, in degrees.
fn bounds(value: &Value) -> [f64; 4] {
    std::array::from_fn(|i| value[i].as_f64().unwrap())
}

#[test]
fn maps_ask_for_every_tile_that_spread_reaches() {
    let Some(folder) = real_data("maps_ask_for_every_tile_that_spread_reaches") else { return };
    let place = Playground::new();
    let spread =
        ["--spread", "24", "--spread-shape", "gaussian", "--spread-op", "add", "--no-page", "--backend", "cpu"];
    for file in ["39_edge.csv", "39b_east_edge_zero.csv"] {
        let path = folder.join("cases").join(file);
        for out in ["t", "t.pmtiles"] {
            let fixed = ["render", path.to_str().unwrap(), "-o", out, "-z", "0..12", "--force"];
            place.run(fixed.iter().chain(&spread)).ok();
        }
        let metadata: Value = serde_json::from_slice(&std::fs::read(place.path("t/metadata.json")).unwrap()).unwrap();
        let [west, south, east, north] = bounds(&metadata["bounds"]);
        let of_latitude = |degrees: f64| 0.5 - libm::asinh(libm::tan(degrees.to_radians())) / std::f64::consts::TAU;
        let mut tiles = 0;
        for name in crate::common::tree(&place.path("t")).keys().filter(|name| name.matches('/').count() == 2) {
            let numbers: Vec<f64> = name.trim_end_matches(".png").split('/').map(|n| n.parse().unwrap()).collect();
            let side = libm::exp2(numbers[0]);
            // As maplibre-gl-js decides which tiles there are.
            let columns = (west / 360.0 + 0.5) * side..(east / 360.0 + 0.5) * side;
            let rows = of_latitude(north) * side..of_latitude(south) * side;
            let within = |of: &std::ops::Range<f64>, at: f64| of.start.floor() <= at && at < of.end.ceil();
            assert!(within(&columns, numbers[1]) && within(&rows, numbers[2]), "{file}: {name} {columns:?} {rows:?}");
            tiles += 1;
        }
        assert!(tiles > 13, "{tiles}");
        // The header of an archive: west, south, east, north, in 1/10,000,000 degree.
        let archive = std::fs::read(place.path("t.pmtiles")).unwrap();
        for (i, wanted) in [west, south, east, north].into_iter().enumerate() {
            let bytes = archive[102 + 4 * i..106 + 4 * i].try_into().unwrap();
            let written = f64::from(i32::from_le_bytes(bytes)) * 1e-7;
            assert!((written - wanted).abs() < 1.1e-7, "{file}: {written} {wanted}");
        }
    }
}

#[test]
fn the_world_goes_into_one_file_down_to_the_last_zoom() {
    let Some(folder) = real_data("the_world_goes_into_one_file_down_to_the_last_zoom") else { return };
    let place = Playground::new();
    let path = folder.join("cases/40_world.csv");
    let arguments = ["-o", "w.pmtiles", "-z", "0..24", "--no-page", "--backend", "cpu", "--report", "r.json"];
    place.run(["render", path.to_str().unwrap()].iter().chain(&arguments)).ok();
    let report: Value = serde_json::from_slice(&std::fs::read(place.path("r.json")).unwrap()).unwrap();
    assert_eq!((&report["rows"], &report["used"]), (&Value::from(5000), &Value::from(5000)));
    assert!(report["zooms"]["24"]["tiles"].as_u64().unwrap() > 4900, "{report}");
    assert_eq!(place.names(), ["r.json", "w.pmtiles"]);
}

/// Holds `cases` to what is right.
#[track_caller]
fn check(folder: &Path, cases: &[(&str, &[&str], Right)]) {
    let wrongs: Vec<String> = cases
        .iter()
        .filter_map(|(file, arguments, right)| {
            wrong(folder, file, arguments, right).map(|why| format!("{file} {}: {why}", arguments.join(" ")))
        })
        .collect();
    assert!(wrongs.is_empty(), "{} of {} cases:\n{}", wrongs.len(), cases.len(), wrongs.join("\n"));
}
