//! Tiles as written to disk, decoded by the crate `image`, against counts made the plainest way there is (a map of
//! pixels) and the colour formula: every pixel of every tile.

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{Playground, points, real_data, sample};
use tilefire::counts::{Distinct, Unit, ZoomStats};
use tilefire::shade::{Colormap, Function, Scale, ShadeTable, Shading, Span};

/// Counts per pixel of a zoom: (x, y) over the whole world in pixels.
fn counts(points: &[(f64, f64)], z: u32) -> BTreeMap<(u64, u64), u32> {
    let side = 2f64.powi(z as i32) * 256.0;
    let mut counts = BTreeMap::new();
    for &(lon, lat) in points {
        let s = lat.to_radians().sin();
        let x = (lon / 360.0 + 0.5) * side;
        let y = (0.5 - ((1.0 + s) / (1.0 - s)).ln() / (4.0 * std::f64::consts::PI)) * side;
        *counts.entry((x as u64, y as u64)).or_insert(0) += 1;
    }
    counts
}

/// Each lit pixel grown to a disc, the largest count of those that meet; around the world, not over the poles.
fn grown(counts: BTreeMap<(u64, u64), u32>, z: u32, spread: i64) -> BTreeMap<(u64, u64), u32> {
    let side = 256i64 << z;
    let mut grown = BTreeMap::new();
    for ((x, y), count) in counts {
        for (dx, dy) in (-spread..=spread).flat_map(|dx| (-spread..=spread).map(move |dy| (dx, dy))) {
            let row = y as i64 + dy;
            if 4 * (dx * dx + dy * dy) <= (2 * spread + 1).pow(2) && (0..side).contains(&row) {
                let column = (x as i64 + dx).rem_euclid(side);
                let pixel = grown.entry((column as u64, row as u64)).or_insert(0);
                *pixel = count.max(*pixel);
            }
        }
    }
    grown
}

fn check(
    input: &std::path::Path,
    points: &[(f64, f64)],
    zooms: std::ops::RangeInclusive<u32>,
    colormap: &str,
    spread: i64,
) {
    let place = Playground::new();
    let range = format!("{}..{}", zooms.start(), zooms.end());
    let input = input.to_str().unwrap();
    let radius = spread.to_string();
    let arguments = ["-z", &range, "-q", "--backend", "cpu", "--colormap", colormap, "--spread", &radius];
    place.run(["render", input, "-o", "t"].iter().chain(&arguments)).ok();
    let colours = Colormap::named(colormap).unwrap();
    for z in zooms {
        let counts = counts(points, z);
        let max = *counts.values().max().unwrap();
        let distinct = Distinct::from_values(counts.values().copied());
        let few = !distinct.is_many();
        let scale = Scale::new(Function::Log, Span { lo: 1, hi: max }, Unit::POINTS);
        let formula = Shading { scale, colormap: &colours, least: 1 };
        let stats = ZoomStats { max, distinct, ..Default::default() };
        let table = ShadeTable::new(&stats, &formula, 255);
        let counts = grown(counts, z, spread);
        let mut seen = 0;
        for column in fs::read_dir(place.path(&format!("t/{z}"))).unwrap().map(|e| e.unwrap().path()) {
            let x: u64 = column.file_name().unwrap().to_str().unwrap().parse().unwrap();
            for tile in fs::read_dir(&column).unwrap().map(|e| e.unwrap().path()) {
                let y: u64 = tile.file_stem().unwrap().to_str().unwrap().parse().unwrap();
                let picture = image::open(&tile).unwrap().to_rgba8();
                assert_eq!(picture.dimensions(), (256, 256));
                for (px, py, pixel) in picture.enumerate_pixels() {
                    let place = (x * 256 + u64::from(px), y * 256 + u64::from(py));
                    let count = counts.get(&place).copied().unwrap_or(0);
                    assert_eq!(pixel.0, table.palette[usize::from(table.index(count))], "{z}/{x}/{y} {px} {py}");
                    if count > 0 {
                        seen += 1;
                        let exact = formula.colour(count);
                        let off = (0..4).map(|c| exact[c].abs_diff(pixel.0[c])).max().unwrap();
                        assert!(off <= if few { 0 } else { 2 }, "{z}/{x}/{y} {px} {py}: off by {off}");
                    }
                }
            }
        }
        assert_eq!(seen, counts.len(), "zoom {z} lacks lit pixels");
    }
}

#[test]
fn every_pixel_of_the_sample_has_its_colour() {
    let text = fs::read_to_string(sample()).unwrap();
    check(&sample(), &points(&text, 0, 1), 0..=8, "tilefire", 0);
}

#[test]
fn every_pixel_of_a_real_file_has_its_colour() {
    let Some(folder) = real_data("every_pixel_of_a_real_file_has_its_colour") else { return };
    let file = folder.join("data/uk_accidents_2015_lnglat.csv");
    let points = points(&fs::read_to_string(&file).unwrap(), 0, 1);
    assert_eq!(points.len(), 140_029);
    check(&file, &points, 3..=9, "fire", 0);
}

#[test]
fn every_pixel_of_a_spread_has_its_colour_across_borders_and_the_antimeridian() {
    // Around the antimeridian, the corner of four tiles at 0, 0, and both edges of the map.
    let mut points = Vec::new();
    for i in 0..60 {
        let step = f64::from(i) * 0.37;
        points.push((if i % 2 == 0 { 179.9 - step } else { step - 179.9 }, step * 3.0 - 40.0));
        points.push((step / 7.0 - 1.6, (step * 2.0) % 3.0 - 1.5));
        points.push((step * 16.0 - 175.0, if i % 2 == 0 { 85.0 } else { -85.0 }));
    }
    let mut text = String::from("lon,lat\n");
    for (lon, lat) in &points {
        text += &format!("{lon},{lat}\n");
    }
    let place = Playground::new();
    let file = place.file("points.csv", text);
    for spread in [1, 5, 20] {
        check(&file, &points, 0..=3, "turbo", spread);
    }
}
