//! Tiles as written to disk, decoded by the crate `image`, against counts made the plainest way there is (a map of
//! pixels) and the colour formula: every pixel of every tile.

#![allow(clippy::disallowed_methods, reason = "an independent check, or a picture of no consequence")]
use std::collections::BTreeMap;
use std::fs;

use crate::common::gpu::Job;
use crate::common::{Playground, points, real_data, sample};
use tilefire::counts::{Distinct, Histogram, Unit, ZoomStats};
use tilefire::shade::{
    Colormap, Form, Function, Kernel, Radius, Scale, ShadeTable, Shading, Span, Spread, SpreadOp, SpreadShape, Style,
};
use tilefire::tile::{WorldPoint, ZoomRange};

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

/// A zoom's counts after a kernel that makes new ones, pixel by pixel from its definition: sums over a mask, or the two
/// steps of a weighted kernel with their rounding. Around the world, not over the poles.
fn remade(counts: &BTreeMap<(u64, u64), u32>, z: u32, kernel: &Kernel) -> BTreeMap<(u64, u64), u32> {
    let (side, reach) = (256i64 << z, i64::from(kernel.radius));
    let meet = |into: &mut BTreeMap<(u64, u64), u64>, at: (u64, u64), value: u64| {
        let pixel = into.entry(at).or_insert(0);
        *pixel = if kernel.op == SpreadOp::Max { value.max(*pixel) } else { value + *pixel };
    };
    let round = |value: u64| (value + 32_768) / 65_536;
    let column = |x: u64, dx: i64| (x as i64 + dx).rem_euclid(side) as u64;
    let row = |y: u64, dy: i64| Some(y as i64 + dy).filter(|row| (0..side).contains(row)).map(|row| row as u64);
    let mut made = BTreeMap::new();
    match &kernel.form {
        Form::Rows(rows) => {
            for (&(x, y), &count) in counts {
                for dy in -reach..=reach {
                    let half = i64::from(rows[dy.unsigned_abs() as usize]);
                    for (dx, to) in (-half..=half).filter_map(|dx| Some((dx, row(y, dy)?))) {
                        meet(&mut made, (column(x, dx), to), count.into());
                    }
                }
            }
        }
        Form::Weights { weights, shift } => {
            let weigh = |value: u64, d: i64| {
                let product = value * u64::from(weights[d.unsigned_abs() as usize]);
                if kernel.op == SpreadOp::Max { round(product) } else { product }
            };
            let settle = |value: u64| if kernel.op == SpreadOp::Max { value } else { round(value) };
            let mut wide = BTreeMap::new();
            for (&(x, y), &count) in counts {
                for dx in -reach..=reach {
                    meet(&mut wide, (column(x, dx), y), weigh(u64::from(count) << shift, dx));
                }
            }
            for ((x, y), value) in wide {
                for (dy, to) in (-reach..=reach).filter_map(|dy| Some((dy, row(y, dy)?))) {
                    meet(&mut made, (x, to), weigh(settle(value), dy));
                }
            }
            made.values_mut().for_each(|value| *value = settle(*value));
        }
    }
    made.into_iter().filter(|(_, value)| *value > 0).map(|(at, value)| (at, value as u32)).collect()
}

/// Every kernel against its plain definition at tile and bucket borders, the antimeridian and both edges of the map, with
/// all the memory there is and with next to none; and the colours that follow.
#[test]
fn every_kernel_is_its_definition_across_borders_and_the_antimeridian() {
    let mut points = Vec::new();
    let mut random = crate::common::gpu::Random(51);
    let side = |z: u32| 1u32 << (24 - z);
    for z in [0u32, 3, 9] {
        // Clusters on the corner of four buckets, on the antimeridian and at the northern and southern edge.
        for (x, y) in [(1u32 << 25, 3u32 << 25), (0, 1 << 31), (5 << 20, 0), (9 << 20, u32::MAX)] {
            for _ in 0..150 {
                let mut near = || ((random.next() >> 27) as i32 - 16).wrapping_mul(side(z) as i32) as u32;
                let (px, py) = (x.wrapping_add(near()), y.wrapping_add(near()));
                if py.abs_diff(y) < 1 << 31 {
                    points.push(WorldPoint { x: px, y: py });
                }
            }
        }
    }
    for z in [0u32, 3, 9] {
        let mut counts = BTreeMap::new();
        for p in &points {
            *counts.entry((u64::from(p.x >> (24 - z)), u64::from(p.y >> (24 - z)))).or_insert(0u32) += 1;
        }
        for (shape, op) in [SpreadShape::Disc, SpreadShape::Square, SpreadShape::Gaussian]
            .into_iter()
            .flat_map(|shape| [(shape, SpreadOp::Max), (shape, SpreadOp::Add)])
        {
            for (radius, memory) in [(1, None), (5, Some(1 << 20)), (20, None)] {
                if radius == 20 && z != 3 {
                    continue;
                }
                let spread = Spread { radius: Radius::Fixed(radius), shape, op };
                let style = Style { spread, fade_in: true, ..Style::default() };
                let job = Job { style: style.clone(), memory, ..Job::new(&points, (z as u8, z as u8), 0) };
                let done = job.cpu();
                let kernel = style.kernel(radius, done.stats[z as usize].max);
                let expected = remade(&counts, z, &kernel);
                let (sum, max) = (expected.values().map(|&v| u64::from(v)).sum::<u64>(), expected.values().max());
                let stats = &done.coloured.stats[z as usize];
                if !kernel.keeps_counts() {
                    assert_eq!(Some(&stats.max), max, "{shape} {op}");
                    let made = job.lit_and_sum(z as u8, &kernel);
                    assert_eq!(made, (expected.len() as u64, sum), "{shape} {op}");
                }
                let looks = style
                    .looks(&done.coloured.stats, ZoomRange { min: z as u8, max: z as u8 }, |_| Ok(Histogram::default()))
                    .unwrap();
                let table = &looks[z as usize].table;
                let mut drawn = BTreeMap::new();
                for (&(_, x, y), raster) in &done.tiles {
                    for (at, &index) in raster.iter().enumerate().filter(|(_, index)| **index > 0) {
                        drawn.insert((u64::from(x) << 8 | at as u64 & 255, u64::from(y) << 8 | at as u64 >> 8), index);
                    }
                }
                let wanted: BTreeMap<_, _> =
                    expected.iter().map(|(&at, &v)| (at, table.index(v))).filter(|(_, index)| *index > 0).collect();
                assert!(drawn == wanted, "zoom {z}, {shape} {op} {radius}");
            }
        }
    }
}

/// Bits of a channel and the kind of pixel, as a PNG's head says.
fn png_kind(path: &std::path::Path) -> (u8, u8) {
    let bytes = fs::read(path).unwrap();
    (bytes[24], bytes[25])
}

fn check(
    input: &std::path::Path,
    points: &[(f64, f64)],
    zooms: std::ops::RangeInclusive<u32>,
    colormap: &str,
    spread: i64,
    truecolor: bool,
) {
    let place = Playground::new();
    let range = format!("{}..{}", zooms.start(), zooms.end());
    let input = input.to_str().unwrap();
    let radius = spread.to_string();
    let arguments = ["-z", &range, "-q", "--backend", "cpu", "--colormap", colormap, "--spread", &radius];
    let full: &[&str] = if truecolor { &["--truecolor"] } else { &[] };
    place.run(["render", input, "-o", "t"].iter().chain(&arguments).chain(full)).ok();
    let colours = Colormap::named(colormap).unwrap();
    for z in zooms {
        let counts = counts(points, z);
        let max = *counts.values().max().unwrap();
        let distinct = Distinct::from_values(counts.values().copied());
        let few = !distinct.is_many();
        let scale = Scale::new(Function::Log, Span::new(1u32, max), Unit::POINTS);
        let formula = Shading { scale, colormap: &colours, least: 1, fade: None };
        let stats = ZoomStats { max, distinct, ..Default::default() };
        let table = ShadeTable::new(&stats, &formula, 255);
        let counts = grown(counts, z, spread);
        let mut seen = 0;
        for column in fs::read_dir(place.path(&format!("t/{z}"))).unwrap().map(|e| e.unwrap().path()) {
            let x: u64 = column.file_name().unwrap().to_str().unwrap().parse().unwrap();
            for tile in fs::read_dir(&column).unwrap().map(|e| e.unwrap().path()) {
                let y: u64 = tile.file_stem().unwrap().to_str().unwrap().parse().unwrap();
                let picture = image::open(&tile).unwrap();
                assert!(!truecolor || png_kind(&tile) == (8, 6), "{} has no 32 bits a pixel", tile.display());
                let picture = picture.to_rgba8();
                assert_eq!(picture.dimensions(), (256, 256));
                for (px, py, pixel) in picture.enumerate_pixels() {
                    let place = (x * 256 + u64::from(px), y * 256 + u64::from(py));
                    let count = counts.get(&place).copied().unwrap_or(0);
                    let of_table = table.palette[usize::from(table.index(count))];
                    assert!(truecolor || pixel.0 == of_table, "{z}/{x}/{y} {px} {py}");
                    if count > 0 {
                        seen += 1;
                        let exact = formula.colour(count);
                        let off = (0..4).map(|c| exact[c].abs_diff(pixel.0[c])).max().unwrap();
                        assert!(off <= if few || truecolor { 0 } else { 2 }, "{z}/{x}/{y} {px} {py}: off by {off}");
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
    check(&sample(), &points(&text, 0, 1), 0..=8, "tilefire", 0, false);
}

#[test]
fn every_pixel_of_a_real_file_has_its_colour() {
    let Some(folder) = real_data("every_pixel_of_a_real_file_has_its_colour") else { return };
    let file = folder.join("data/uk_accidents_2015_lnglat.csv");
    let points = points(&fs::read_to_string(&file).unwrap(), 0, 1);
    assert_eq!(points.len(), 140_029);
    check(&file, &points, 3..=9, "fire", 0, false);
    check(&file, &points, 2..=7, "fire", 0, true);
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
        check(&file, &points, 0..=3, "turbo", spread, false);
    }
}
