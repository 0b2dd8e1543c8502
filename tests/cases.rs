//! Kinds of input that people have: each gives exactly its points, or is refused by a line that says what to do.

#[allow(clippy::unwrap_used, clippy::panic, reason = "test code, though not within a test function")]
mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{Playground, real_data};
use serde_json::Value;
use tilefire::project::{Coordinate, Projector};
use tilefire::rows::LeftOut;

/// What is right.
enum Right {
    /// The pixels of the points of this name, at zoom 8.
    Points(&'static str),
    /// The same, and a notice of each code.
    Noticed(&'static str, &'static [&'static str]),
    /// So many points, and a notice of each code.
    Used(u64, &'static [&'static str]),
    /// Exit 1 and a line with these words.
    Refused(&'static [&'static str]),
}
use Right::{Noticed, Points, Refused, Used};

/// File, further arguments, what is right.
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
    ("35_double_cr.csv", &[], Points("P")),
    ("35b_footer.csv", &[], Points("P")),
    ("44_commented_header.csv", &[], Points("U")),
    ("45_quoted_units.csv", &[], Points("U")),
];

/// The pixels of the points of `name` at zoom 8.
fn expected(folder: &Path, name: &str) -> BTreeSet<(u32, u32)> {
    let all: Value = serde_json::from_slice(&std::fs::read(folder.join("points.json")).unwrap()).unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    let points: Vec<_> =
        all[name].as_array().unwrap().iter().map(|p| Coordinate { x: number(&p[0]), y: number(&p[1]) }).collect();
    let mut world = Vec::new();
    let crs = "EPSG:4326".parse().unwrap();
    Projector::new(&crs).unwrap().project(&points, &mut world, &mut LeftOut::default()).unwrap();
    world.iter().map(|p| (p.x >> 16, p.y >> 16)).collect()
}

/// The pixels that are not transparent in the tiles of zoom 8.
fn lit(tiles: &Path) -> BTreeSet<(u32, u32)> {
    let mut all = BTreeSet::new();
    for (name, bytes) in common::tree(&tiles.join("8")) {
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
    let path = folder.join(file);
    let fixed = ["render", path.to_str().unwrap(), "-o", "tiles", "-z", "8", "--no-page", "--report", "r.json"];
    let ran = place.run(fixed.iter().chain(["--backend", "cpu"].iter()).chain(arguments));
    let (points, used, codes) = match right {
        Refused(words) => {
            if ran.code != Some(1) || place.path("tiles").exists() {
                return Some(format!("exit {:?}: {}", ran.code, ran.stderr));
            }
            let line = ran.error(1);
            let missing: Vec<_> = words.iter().filter(|word| !line.contains(**word)).collect();
            let named = line.contains(file);
            return (!named || !missing.is_empty()).then(|| format!("{line} (lacks {missing:?}, named {named})"));
        }
        Points(points) => (Some(points), None, &[][..]),
        Noticed(points, codes) => (Some(points), None, *codes),
        Used(used, codes) => (None, Some(*used), *codes),
    };
    if ran.code != Some(0) {
        return Some(format!("exit {:?}: {}", ran.code, ran.stderr));
    }
    let report: Value = serde_json::from_slice(&std::fs::read(place.path("r.json")).unwrap()).unwrap();
    if let Some(points) = points {
        let (expected, lit) = (expected(folder, points), lit(&place.path("tiles")));
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
    let folder = folder.join("cases");
    let wrongs: Vec<String> = CASES
        .iter()
        .filter_map(|(file, arguments, right)| {
            wrong(&folder, file, arguments, right).map(|why| format!("{file} {}: {why}", arguments.join(" ")))
        })
        .collect();
    assert!(wrongs.is_empty(), "{} of {} cases:\n{}", wrongs.len(), CASES.len(), wrongs.join("\n"));
}
