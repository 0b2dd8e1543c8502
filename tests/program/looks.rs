//! Laws of colour on counts of real and made points: tables against the formula over every count of every zoom, more
//! points never looking like less, the automatic radius against its plain definition, and what spans clip.

use std::collections::BTreeMap;
use std::fs;

use crate::common::gpu::{Job, Random};
use crate::common::{Playground, points, real_data, sample};
use serde_json::Value;
use tilefire::backend::{SpreadZoom, TileSink};
use tilefire::counts::{Distinct, Histogram, Isolation, Unit, ZoomStats};
use tilefire::error::Result;
use tilefire::project::{Coordinate, Crs, Projector};
use tilefire::rows::LeftOut;
use tilefire::shade::{
    Colormap, Ends, Function, Radius, SMOOTH_ERROR, Scale, ShadeTable, Shading, Span, SpanRule, Spread, SpreadOp,
    SpreadShape, Style, dynspread_radius,
};
use tilefire::tile::{TileCoord, TileIndices, WorldPoint, ZoomRange};

const FUNCTIONS: [&str; 7] = ["log", "linear", "cbrt", "sqrt", "gamma=0.3", "gamma=2", "eq-hist"];
const SPANS: [&str; 7] = ["zoom", "all", "smooth", "p90", "p99.9", "1,50", "7,1000"];

fn world(points: &[(f64, f64)]) -> Vec<WorldPoint> {
    let coordinates: Vec<_> = points.iter().map(|&(x, y)| Coordinate { x, y }).collect();
    let mut world = Vec::new();
    Projector::new(&Crs::Wgs84).unwrap().project(&coordinates, &mut world, &mut LeftOut::default()).unwrap();
    world
}

/// Every count that occurs has the formula's colour: exactly where a zoom has few different ones and in full colour,
/// within 2 of 255 elsewhere. Tells whether there was an elsewhere.
fn tables_follow_the_formula(points: &[WorldPoint], spread: Spread) -> bool {
    let mut job = Job::new(points, (0, 10), 0);
    job.style.spread = spread;
    let paint = job.count(job.cpu_count()).unwrap();
    let zooms = ZoomRange { min: 0, max: 10 };
    let kernel = |z: u8| job.style.kernel(spread.most(), paint.stats()[usize::from(z)].max);
    let spread_zooms: Vec<SpreadZoom> = zooms.iter().map(|z| paint.spread(z, &kernel(z)).unwrap()).collect();
    let stats: Vec<ZoomStats> = spread_zooms.iter().map(|zoom| zoom.stats().clone()).collect();
    let histograms: Vec<Histogram> = spread_zooms.iter().map(|zoom| paint.histogram(zoom).unwrap()).collect();
    let mut many = 0;
    for (function, span) in FUNCTIONS.iter().flat_map(|function| SPANS.map(|span| (*function, span))) {
        for (colormap, truecolor) in [("tilefire", false), ("turbo", false), ("fire", true), ("#0a58ca", false)] {
            let style = Style {
                function: function.parse().unwrap(),
                span: span.parse().unwrap(),
                colormap: Colormap::parse(colormap).unwrap(),
                truecolor,
                spread,
                ..Style::default()
            };
            let looks = style.looks(&stats, zooms, |z| Ok(histograms[usize::from(z)].clone())).unwrap();
            for (z, look) in looks.iter().enumerate() {
                let few = !stats[z].distinct.is_many();
                many += u32::from(!few);
                let most = match look.table.smooth {
                    _ if truecolor => 0,
                    true => SMOOTH_ERROR,
                    false if few => 0,
                    false => 2,
                };
                let mut last = 0;
                let (mut below, mut above) = (0, 0);
                for (count, pixels) in histograms[z].entries().unwrap().map(Result::unwrap) {
                    let index = look.table.index(count);
                    if u64::from(count) < look.shading.least {
                        assert_eq!(index, 0, "zoom {z}: {count} is drawn");
                        continue;
                    }
                    let (drawn, exact) = (look.table.palette[usize::from(index)], look.shading.colour(count));
                    let off = (0..4).map(|c| drawn[c].abs_diff(exact[c])).max().unwrap();
                    assert!(off <= most, "zoom {z}, {function}, {span}, {colormap}: count {count} is off by {off}");
                    assert!(index >= last, "zoom {z}, {function}, {span}: {count} looks like less");
                    last = index;
                    below += if u64::from(count) < look.table.span.lo { pixels } else { 0 };
                    above += if u64::from(count) > look.table.span.hi { pixels } else { 0 };
                }
                if style.needs_histogram() && (function, span) != ("eq-hist", "all") {
                    assert_eq!((look.clipped.below, look.clipped.above), (below, above), "zoom {z}, {span}");
                } else {
                    assert_eq!((below, above), (0, 0), "zoom {z}, {span}");
                }
            }
        }
    }
    many > 0
}

#[test]
fn tables_follow_the_formula_over_every_count_of_the_sample() {
    let points = world(&points(&fs::read_to_string(sample()).unwrap(), 0, 1));
    assert!(!tables_follow_the_formula(&points, Spread::default()));
    let smoothed = Spread { radius: Radius::Fixed(3), shape: SpreadShape::Gaussian, op: SpreadOp::Add };
    assert!(tables_follow_the_formula(&points, smoothed));
}

#[test]
fn tables_follow_the_formula_over_every_count_of_a_real_file() {
    let Some(folder) = real_data("tables_follow_the_formula_over_every_count_of_a_real_file") else { return };
    let file = folder.join("data/uk_accidents_2015_lnglat.csv");
    let points = world(&points(&fs::read_to_string(file).unwrap(), 0, 1));
    assert!(tables_follow_the_formula(&points, Spread::default()));
    let summed = Spread { radius: Radius::Fixed(2), op: SpreadOp::Add, ..Spread::default() };
    assert!(tables_follow_the_formula(&points, summed));
}

/// Adds up the indices of tiles by pixel.
#[derive(Default)]
struct Seen(std::sync::Mutex<BTreeMap<(u32, u32), u16>>);

impl TileSink for Seen {
    fn put(&self, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        let mut seen = self.0.lock().unwrap();
        indices.for_each_lit(|pixel, index| {
            seen.insert((tile.x << 8 | u32::from(pixel & 0xff), tile.y << 8 | u32::from(pixel >> 8)), index);
        });
        Ok(())
    }
}

/// With the same table, no pixel of more points looks like fewer, under any kernel.
#[test]
fn more_never_looks_like_less() {
    let mut all = Random(31).clusters(20_000, 5, 25);
    all.extend(Random(32).clusters(300, 100, 30));
    let some: Vec<_> = all.iter().step_by(3).copied().collect();
    let z = 5u8;
    for (shape, op) in [
        (SpreadShape::Disc, SpreadOp::Max),
        (SpreadShape::Square, SpreadOp::Max),
        (SpreadShape::Gaussian, SpreadOp::Max),
        (SpreadShape::Disc, SpreadOp::Add),
        (SpreadShape::Square, SpreadOp::Add),
        (SpreadShape::Gaussian, SpreadOp::Add),
    ] {
        for radius in [0, 1, 3, 9] {
            let spread = Spread { radius: Radius::Fixed(radius), shape, op };
            let style = Style { spread, span: "1,300".parse().unwrap(), min_count: 2, ..Style::default() };
            let mut of_all = None;
            let mut seen = Vec::new();
            for points in [&all, &some] {
                let job = Job { style: style.clone(), ..Job::new(points, (z, z), 0) };
                let paint = job.count(job.cpu_count()).unwrap();
                let mut stats = paint.stats().to_vec();
                // The kernel and the table of all points, for both.
                let (kernel, table) =
                    of_all.get_or_insert_with(|| (spread.kernel(radius, stats[usize::from(z)].max), None));
                let zoom = paint.spread(z, kernel).unwrap();
                let table = table.get_or_insert_with(|| {
                    stats[usize::from(z)] = zoom.stats().clone();
                    let zooms = ZoomRange { min: z, max: z };
                    let mut looks = style.looks(&stats, zooms, |_| Ok(Histogram::default())).unwrap();
                    looks.swap_remove(usize::from(z)).table
                });
                let sink = Seen::default();
                paint.tiles(&zoom, table, &sink).unwrap();
                seen.push(sink.0.into_inner().unwrap());
            }
            assert!(seen[1].len() > 20 && seen[0].len() > seen[1].len(), "{} {}", seen[0].len(), seen[1].len());
            for (pixel, index) in &seen[1] {
                let more = seen[0].get(pixel).copied().unwrap_or(0);
                assert!(
                    more >= *index,
                    "{shape} {op} {radius}: pixel {pixel:?} has {index}, and {more} with more points"
                );
            }
        }
    }
}

/// The automatic radius by its definition, pixel by pixel over the whole zoom, around the antimeridian too.
#[test]
fn the_automatic_radius_is_that_of_the_whole_zoom() {
    let mut random = Random(41);
    let mut radii = std::collections::BTreeSet::new();
    for (spacing, width) in [(1u32, 18), (3, 17), (5, 17), (5, 18), (40, 17)] {
        let z = 12u8;
        let steps = 1u32 << (24 - z);
        // A lattice with holes, over the antimeridian.
        let points: Vec<_> = (0..400u32)
            .map(|_| WorldPoint {
                x: ((random.next() >> (32 - width)) / steps * steps * spacing).wrapping_sub(7 * steps),
                y: (1 << 31) + (random.next() >> (32 - width)) / steps * steps * spacing,
            })
            .collect();
        let job = Job::new(&points, (z, z), 0);
        let paint = job.count(job.cpu_count()).unwrap();
        let side = 256i64 << z;
        let pixels: std::collections::BTreeSet<(i64, i64)> =
            points.iter().map(|p| (i64::from(p.x / steps), i64::from(p.y / steps))).collect();
        let mut expected = Isolation::default();
        for &(x, y) in &pixels {
            let near = |r: i64| {
                (-r..=r)
                    .flat_map(|dx| (-r..=r).map(move |dy| (dx, dy)))
                    .any(|(dx, dy)| (dx, dy) != (0, 0) && pixels.contains(&((x + dx).rem_euclid(side), y + dy)))
            };
            expected.lit += 1;
            for (accompanied, r) in expected.accompanied.iter_mut().zip([2, 4, 6]) {
                *accompanied += u64::from(near(r));
            }
        }
        let found = paint.isolation(z, 1).unwrap();
        assert_eq!(found, expected, "spacing {spacing}");
        radii.insert(dynspread_radius(&found));
    }
    assert!(radii.len() >= 3, "{radii:?}");
}

fn heat(place: &Playground, arguments: &[&str]) -> (Value, String) {
    let sample = sample();
    let zooms: &[&str] = if arguments.contains(&"-z") { &[] } else { &["-z", "0..8"] };
    let spread: &[&str] = if arguments.contains(&"--spread") { &[] } else { &["--spread", "0"] };
    let run = ["render", sample.to_str().unwrap(), "-o", "t", "--backend", "cpu", "--force"];
    let summary = place.run([&run[..], zooms, spread, arguments].concat()).ok().stderr;
    let metadata: Value = serde_json::from_slice(&fs::read(place.path("t/metadata.json")).unwrap()).unwrap();
    (metadata["heat"].clone(), summary)
}

#[test]
fn metadata_and_legend_say_how_colours_are_to_be_read() {
    let place = Playground::new();
    let (of_default, _) = heat(&place, &[]);
    assert_eq!(of_default["legend"]["title"], "Points per pixel");
    assert_eq!(of_default["ramp"].as_array().unwrap().len(), 33);
    for (z, zoom) in of_default["zooms"].as_object().unwrap() {
        let (stops, ticks) = (zoom["stops"].as_array().unwrap(), zoom["ticks"].as_array().unwrap());
        assert!(zoom.get("clipped").is_none() && zoom.get("spread").is_none());
        let ends = |list: &[Value]| (list[0][0].clone(), list.last().unwrap()[0].clone());
        assert_eq!(ends(stops), (1.into(), zoom["max"].clone()), "zoom {z}");
        assert_eq!(ends(ticks), (1.into(), zoom["max"].clone()), "zoom {z}");
        assert!(ticks.is_sorted_by_key(|tick| tick[1].as_f64().unwrap().to_bits()), "zoom {z}: {ticks:?}");
        assert!(stops.iter().all(|stop| stop[1].as_str().unwrap().starts_with('#')));
    }
    let svg = fs::read_to_string(place.path("t/legend.svg")).unwrap();
    assert!(svg.contains(">Points per pixel</text>") && svg.contains(">z 8</text>"), "{svg}");
    assert!(image::open(place.path("t/legend.png")).unwrap().width() > 300);

    let (heat_of, summary) =
        heat(&place, &["--span", "p90", "--min-count", "3", "--theme", "dark", "--how", "eq-hist"]);
    assert_eq!((&heat_of["min_count"], &heat_of["theme"]), (&3.into(), &"dark".into()));
    assert_eq!((&heat_of["colormap"], &heat_of["span"]), (&"tilefire-dark".into(), &"p90".into()));
    let zoom = &heat_of["zooms"]["4"];
    assert_eq!(zoom["stops"][0][0], 3);
    assert!(zoom["clipped"]["above"].as_u64().unwrap() > 0, "{zoom}");
    assert!(zoom["ticks"].as_array().unwrap().last().unwrap()[2].as_str().unwrap().ends_with('+'), "{zoom}");
    assert!(summary.contains("zoom 4: ") && summary.contains("the last colour"), "{summary}");
    let svg = fs::read_to_string(place.path("t/legend.svg")).unwrap();
    assert!(svg.contains("pixels of fewer than 3 points are not drawn"), "{svg}");

    let (heat_of, summary) = heat(&place, &["--spread", "auto", "--spread-op", "add"]);
    assert_eq!((&heat_of["spread"], &heat_of["spread_op"]), (&"auto".into(), &"add".into()));
    assert!(heat_of["zooms"]["8"]["spread"].is_u64() && summary.contains("spread 2 px"), "{summary}");
    let (heat_of, _) = heat(&place, &["--spread", "4", "--spread-shape", "gaussian", "--spread-op", "add"]);
    assert_eq!(heat_of["legend"]["title"], "Points nearby, smoothed");
    assert_eq!(heat_of["zooms"]["8"]["ticks"][0][2], "0");
    let ramp = heat_of["zooms"]["8"]["ramp"].as_array().unwrap();
    assert!(ramp[0].as_str().unwrap().ends_with("00") && ramp[32].as_str().unwrap().len() == 7, "{ramp:?}");
    // Fixed spans and one for all zooms mean the same points at every zoom, in whatever parts they are counted.
    let bells = ["--spread", "3", "--spread-shape", "gaussian", "--span"];
    for (span, op) in [("1,100000", "add"), ("2,4000000000", "max"), ("all", "add")] {
        let (heat_of, _) = heat(&place, &[&bells[..], &[span, "--spread-op", op]].concat());
        let ends: Vec<f64> =
            heat_of["zooms"].as_object().unwrap().values().map(|zoom| zoom["span"][1].as_f64().unwrap()).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{span}: {ends:?}");
        assert!(span == "all" || span.ends_with(&format!(",{}", ends[0])), "{span}: {ends:?}");
    }
    let span = heat_of["zooms"]["8"]["span"][1].as_f64().unwrap();
    // The fullest pixel, and what those around it add: 4 pixels are far for towns at zoom 8.
    let largest = of_default["zooms"]["8"]["max"].as_f64().unwrap();
    assert!(span >= 0.99 * largest && span < 10.0 * largest, "{span} {largest}");
}

/// Alpha of a list of colours, of a single colour and of `--alpha` reaches the files; a background takes its place.
#[test]
fn alpha_and_background_are_in_the_tiles() {
    let place = Playground::new();
    let alphas = |arguments: &[&str]| {
        heat(&place, arguments);
        let tile = image::open(place.path("t/5/15/10.png")).unwrap().to_rgba8();
        tile.pixels().map(|p| p[3]).collect::<std::collections::BTreeSet<u8>>()
    };
    assert_eq!(alphas(&[]), [0, 255].into());
    assert_eq!(alphas(&["--alpha", "0.5"]), [0, 128].into());
    let ramp = alphas(&["--colormap", "#ff8800"]);
    assert!(ramp.contains(&0) && ramp.contains(&40) && ramp.len() > 10 && !ramp.contains(&39), "{ramp:?}");
    assert_eq!(alphas(&["--colormap", "#ff880080, white", "--background", "#102030"]), [255].into());
    assert_eq!(alphas(&["--alpha", "0.25", "--truecolor"]), [0, 64].into());
}

#[test]
fn wrong_looks_are_one_line() {
    let place = Playground::new();
    place.file("p.csv", "lon,lat\n1,2\n");
    for (arguments, says) in [
        (["--how", "eqhist"], "eq-hist"),
        (["--span", "p0"], "p99.5"),
        (["--span", "5,2"], "rise"),
        (["--spread", "65"], "64"),
        (["--min-count", "0"], "from 1"),
        (["--min-count", "1.2345k"], "1.2345k"),
        (["--theme", "grey"], "dark or light"),
        (["--background", "#ff000080"], "opaque"),
        (["--background", "noir"], "colour"),
        (["--colormap", "nothing"], "tilefire colormaps"),
    ] {
        let ran = place.run([&["render", "p.csv", "-o", "t"][..], &arguments].concat());
        assert!(ran.code == Some(2) && ran.stderr.contains(says), "{arguments:?}: {}", ran.stderr);
    }
    for how in [["--spread-op", "add"], ["--spread-shape", "square"]] {
        let ran = place.run([&["render", "p.csv", "-o", "t", "--spread", "0"][..], &how].concat());
        assert!(ran.code == Some(2) && ran.stderr.contains("--spread 0 spreads nothing"), "{how:?}: {}", ran.stderr);
    }
    assert_eq!(place.names(), ["p.csv"]);
}

/// What is not drawn for privacy is not to be found in the metadata's box either.
#[test]
fn hidden_points_leave_no_box() {
    let place = Playground::new();
    let crowd = (0..50).fold(String::from("lon,lat\n3.123456,58.654321\n"), |text, _| text + "-0.1,51.5\n");
    place.file("p.csv", crowd);
    let bounds = |least: &str, out: &str| -> Vec<f64> {
        let run = ["render", "p.csv", "-o", out, "-z", "0..9", "--backend", "cpu", "--min-count", least];
        let said = place.run(run).ok().stderr;
        assert_eq!(said.contains("nothing is drawn"), least == "51", "{said}");
        let metadata: Value =
            serde_json::from_slice(&fs::read(place.path(out).join("metadata.json")).unwrap()).unwrap();
        metadata["bounds"].as_array().unwrap().iter().map(|side| side.as_f64().unwrap()).collect()
    };
    let all = bounds("1", "all");
    assert!(all[2] < 3.124 && all[3] > 58.65, "{all:?}");
    let drawn = bounds("10", "drawn");
    // The tile of zoom 9 that the crowd is in.
    assert!(drawn[0] <= -0.1 && drawn[2] >= -0.1 && drawn[2] - drawn[0] < 0.71 && drawn[3] < 52.0, "{drawn:?}");
    assert_eq!(bounds("51", "nothing")[2], 180.0);
    place.run(["render", "p.csv", "-o", "n.pmtiles", "-z", "0..3", "--backend", "cpu", "--min-count", "99"]).ok();
}

fn histogram(pixels: &[(u32, u64)]) -> Histogram {
    let mut histogram = Histogram::default();
    pixels.iter().for_each(|&(count, pixels)| histogram.add(count, pixels));
    histogram.settled()
}

#[test]
fn scale_equalises_drawn_pixels_only() {
    let pixels = histogram(&[(1, 40), (2, 20), (3, 20), (8, 10), (9, 10)]);
    // The span begins below what is drawn.
    let scale =
        Scale::equalised(40, pixels.in_points(Unit::POINTS, 3).unwrap(), Span::new(1u32, 9u32), Unit::POINTS).unwrap();
    assert_eq!([3u32, 8, 9].map(|count| scale.position(count)), [0.0, 0.5, 1.0]);
}

#[test]
fn eq_hist_over_all_zooms_is_one_scale() {
    let style = Style { function: Function::EqHist, span: SpanRule::All, ..Style::default() };
    let stats = [9, 4].map(|max| ZoomStats { max, ..Default::default() });
    let histograms = [histogram(&[(1, 1), (9, 1)]), histogram(&[(1, 6), (4, 2)])];
    let zooms = ZoomRange { min: 0, max: 1 };
    let looks = style.looks(&stats, zooms, |z| Ok(histograms[usize::from(z)].clone())).unwrap();
    for look in &looks {
        assert_eq!([1u32, 4, 9].map(|count| look.shading.scale.position(count)), [0.0, (0.9 - 0.7) / (1.0 - 0.7), 1.0]);
    }
}

#[test]
fn only_drawn_pixels_are_clipped() {
    let stats = [ZoomStats { max: 9, ..Default::default() }];
    let histograms = [histogram(&[(1, 7), (2, 4), (4, 1), (6, 2), (9, 3)])];
    let clipped = |min_count| {
        let style = Style { span: SpanRule::Fixed(Ends { lo: 3.0, hi: Some(5.0) }), min_count, ..Style::default() };
        let zooms = ZoomRange { min: 0, max: 0 };
        let clipped = style.looks(&stats, zooms, |_| Ok(histograms[0].clone())).unwrap()[0].clipped;
        (clipped.below, clipped.above)
    };
    assert_eq!([1, 2, 3, 8].map(clipped), [(11, 5), (4, 5), (0, 5), (0, 3)]);
}

#[test]
fn min_count_is_in_lone_points_under_bells() {
    let style = Style { min_count: 3, ..Style::default() };
    let unit = Unit { shift: 8, lone: 200, edge: 9, radius: 3, step: None };
    let stats = [ZoomStats { max: 10 << 8, unit, distinct: Distinct::many(), ..Default::default() }];
    let looks = style.looks(&stats, ZoomRange { min: 0, max: 0 }, |_| Ok(Histogram::default())).unwrap();
    assert_eq!((style.least(unit), style.least(Unit::POINTS)), (600, 3));
    assert_eq!(looks[0].table.span, Span::new(600u32, 2560u32));
    assert_eq!((looks[0].table.index(599), looks[0].table.index(600)), (0, 1));
}

#[test]
fn percentiles_are_of_drawn_pixels() {
    let histogram = histogram(&[(1, 90), (2, 5), (7, 4), (500, 1)]);
    let stats = [ZoomStats { max: 500, ..Default::default() }];
    let style = Style { span: SpanRule::Percentile(90.0), min_count: 2, ..Style::default() };
    let looks = style.looks(&stats, ZoomRange { min: 0, max: 0 }, |_| Ok(histogram.clone())).unwrap();
    assert_eq!(looks[0].table.span, Span::new(2u32, 7u32));
}

#[test]
fn a_background_is_blended_to_the_nearest() {
    let map = Colormap::parse("#c8000064,#c8000064").unwrap();
    let shading = Shading {
        scale: Scale::new(Function::Log, Span::new(1u32, 1u32), Unit::POINTS),
        colormap: &map,
        least: 1,
        fade: None,
    };
    let stats = ZoomStats { max: 1, distinct: Distinct::from_values([1]), ..Default::default() };
    let table = ShadeTable::new(&stats, &shading, 255).over([50, 0, 0]);
    // (200 * 100 + 50 * 155) / 255 = 108.8
    assert_eq!(table.palette[1], [109, 0, 0, 255]);
}

/// tests/looks.rs: the backend's isolation and the run's radius look at drawn pixels only.
#[test]
fn the_automatic_radius_sees_drawn_pixels_only() {
    // A full block of 20 x 20 pixels, every tenth column and row of two points.
    let step = 1u32 << 12;
    let at = |x: u32, y: u32| WorldPoint { x: (1 << 31) + x * step, y: (1 << 31) + y * step };
    let mut points: Vec<_> = (0..400).map(|i| at(i % 20, i / 20)).collect();
    points.extend((0..4).map(|i| at(i % 2 * 10, i / 2 * 10)));
    let job = Job::new(&points, (12, 12), 0);
    let paint = job.count(job.cpu_count()).unwrap();
    let found = |least| {
        let isolation = paint.isolation(12, least).unwrap();
        (isolation.lit, isolation.accompanied)
    };
    assert_eq!(found(1), (400, [400; 3]));
    assert_eq!(found(2), (4, [0; 3]));
}

#[test]
fn a_run_chooses_its_radius_by_drawn_pixels() {
    let place = Playground::new();
    let mut text = String::from("lon,lat\n");
    for i in 0..400 {
        let (x, y) = (i % 20, i / 20);
        let times = if x % 10 == 0 && y % 10 == 0 { 2 } else { 1 };
        let degrees = 360.0 / 4096.0 / 256.0;
        let line = format!("{},{}\n", (f64::from(x) + 0.5) * degrees, -(f64::from(y) + 0.5) * degrees);
        text += &line.repeat(times);
    }
    place.file("p.csv", text);
    let radius = |least: &str| {
        let run =
            ["render", "p.csv", "-o", "t", "-z", "12", "--backend", "cpu", "-q", "--force", "--spread", "dynspread"];
        place.run([&run[..], &["--min-count", least]].concat()).ok();
        let metadata: Value = serde_json::from_slice(&fs::read(place.path("t/metadata.json")).unwrap()).unwrap();
        metadata["heat"]["zooms"]["12"]["spread"].clone()
    };
    assert_eq!((radius("1"), radius("2")), (0.into(), 3.into()));
}

#[test]
fn full_colour_has_the_background_too() {
    let place = Playground::new();
    heat(&place, &["--truecolor", "--colormap", "#ff880080, white", "--background", "#102030"]);
    let tile = image::open(place.path("t/5/15/10.png")).unwrap().to_rgba8();
    assert!(tile.pixels().all(|p| p[3] == 255) && tile.pixels().any(|p| p.0 == [0x10, 0x20, 0x30, 255]));
}

#[test]
fn stops_ramp_and_ticks() {
    let place = Playground::new();
    let plain = heat(&place, &[]).0;
    for zoom in plain["zooms"].as_object().unwrap().values() {
        let (stops, ticks) = (zoom["stops"].as_array().unwrap(), zoom["ticks"].as_array().unwrap());
        let places: Vec<f64> = stops.iter().map(|stop| stop[2].as_f64().unwrap()).collect();
        assert!(places.is_sorted() && places[0] == 0.0 && places[places.len() - 1] == 1.0, "{places:?}");
        assert!(ticks.iter().all(|tick| !tick[2].as_str().unwrap().ends_with('+')), "{ticks:?}");
    }
    let p90 = heat(&place, &["--span", "p90"]).0;
    let ticks = p90["zooms"]["4"]["ticks"].as_array().unwrap().clone();
    assert!(ticks.len() > 2);
    assert_eq!(ticks.iter().filter(|tick| tick[2].as_str().unwrap().ends_with('+')).count(), 1, "{ticks:?}");
    let over = heat(&place, &["--colormap", "#ff000080, white", "--background", "#0000ff"]).0;
    assert_eq!(over["ramp"][0], "#80007f");
    let sum = heat(&place, &["--spread", "2", "--spread-op", "add"]).0;
    assert_eq!(sum["legend"]["title"], "Points within 2 px");
}

/// In tests/looks.rs, a pair at the largest distance that counts, with a border of tiles between: halo of 6 pixels.
#[test]
fn company_at_the_largest_distance_is_seen_over_borders() {
    let step = 1u32 << 12;
    let at = |x: u32, y: u32| WorldPoint { x: x.wrapping_mul(step), y: (1 << 31) + y * step };
    for x in [0u32.wrapping_sub(6), 0u32.wrapping_sub(1), 250, 255] {
        for distance in [6, 7] {
            let points = [at(x, 0), at(x.wrapping_add(distance), 0)];
            let job = Job::new(&points, (12, 12), 0);
            let paint = job.count(job.cpu_count()).unwrap();
            assert_eq!(paint.isolation(12, 1).unwrap().accompanied, [0, 0, if distance == 6 { 2 } else { 0 }]);
        }
    }
}

/// Without a GPU: the tiles show the counts after spread, pixel for pixel, and no pixel that is not drawn.
#[test]
fn tiles_show_what_spread_made() {
    let points = Random(61).clusters(3_000, 40, 30);
    for (op, min_count) in [(SpreadOp::Add, 1), (SpreadOp::Max, 2)] {
        let mut job = Job::new(&points, (7, 7), 3);
        job.style.spread.op = op;
        job.style.min_count = min_count;
        let done = job.cpu(); // `Collect` refuses index 0
        if op == SpreadOp::Add {
            let lit = done.tiles.values().flatten().filter(|&&index| index > 0).count() as u64;
            assert_eq!((lit, done.tiles.len() as u64), (done.coloured.stats[7].lit, done.coloured.stats[7].tiles));
        }
        let job = Job { style: Style { min_count: 2, ..Style::default() }, ..Job::new(&points, (5, 7), 0) };
        assert!(!job.cpu().tiles.is_empty());
    }
}

/// Tiles that only spread lights, found pixel by pixel: one point at each border and corner of a lone tile.
#[test]
fn spread_lights_the_right_neighbours() {
    for (x, y, tiles) in [(0u32, 128u32, 2), (255, 128, 2), (128, 0, 2), (128, 255, 2), (0, 255, 4), (255, 0, 4)] {
        let step = 1u32 << 16;
        let points = [WorldPoint { x: (1 << 31) + x * step, y: (1 << 30) + y * step }];
        let done = Job::new(&points, (8, 8), 3).cpu();
        let lit = done.tiles.values().flatten().filter(|&&index| index > 0).count();
        // A disc of radius 3 has no corners, but meets the corner's tile.
        assert_eq!((lit, done.tiles.len()), (37, tiles), "{x} {y}");
    }
}

/// What a zoom is compared with does not decide how finely its own counts are counted: the same pixels are drawn whatever
/// the span, a lone point's whole bell among them.
#[test]
fn a_span_hides_no_lone_point() {
    // Thousands of points in the one pixel of zoom 0, a few to a pixel at zoom 10.
    let mut points = Random(71).clusters(60_000, 1, 22);
    points.push(WorldPoint { x: 1 << 30, y: 3 << 30 });
    let drawn = |span: &str| {
        let mut job = Job::new(&points, (0, 10), 20);
        (job.style.spread.shape, job.style.spread.op) = (SpreadShape::Gaussian, SpreadOp::Add);
        job.style.span = span.parse().unwrap();
        let done = job.cpu();
        let lit = |raster: &[u16]| raster.iter().filter(|&&index| index > 0).count();
        let lone = &done.tiles[&(10, 256, 768)];
        (lit(lone), done.tiles.values().map(|raster| lit(raster)).sum::<usize>())
    };
    let of_zoom = drawn("zoom");
    assert!(of_zoom.0 > 300, "a quarter of a disc: {of_zoom:?}");
    for span in ["all", "smooth", "p50", "1,4294967295", "4294967294,4294967295"] {
        assert_eq!(drawn(span), of_zoom, "{span}");
    }
}

/// Zooms whose counts are in different parts of a point are equalised together in points.
#[test]
fn eq_hist_over_all_zooms_is_in_points() {
    let style = Style { function: Function::EqHist, span: SpanRule::All, ..Style::default() };
    let bell = Unit { shift: 16, lone: 10_000, edge: 100, radius: 3, step: None };
    let stats =
        [ZoomStats { max: 10, ..Default::default() }, ZoomStats { max: 20_000, unit: bell, ..Default::default() }];
    let histograms = [histogram(&[(1, 1), (10, 1)]), histogram(&[(50, 7), (10_000, 3), (20_000, 5)])];
    let zooms = ZoomRange { min: 0, max: 1 };
    let looks = style.looks(&stats, zooms, |z| Ok(histograms[usize::from(z)].clone())).unwrap();
    // Of ten drawn pixels four have a point, five have two, one has ten; what a bell leaves in corners is not drawn.
    let at = |share: f64| (share - 0.4) / 0.6;
    let positions = |look: usize, counts: [u32; 3]| counts.map(|count| looks[look].shading.scale.position(count));
    assert_eq!(positions(0, [1, 2, 10]), [0.0, at(0.9), 1.0]);
    assert_eq!(positions(1, [10_000, 20_000, 100_000]), [0.0, at(0.9), 1.0]);
}

#[test]
fn what_is_said_of_least_counts_and_single_colours_is_true() {
    let place = Playground::new();
    let (plain, _) = heat(&place, &[]);
    let largest = plain["zooms"]["8"]["max"].as_u64().unwrap();
    let more = (largest + 1).to_string();
    // Sums reach what no pixel has, and zooms that were not asked for do not count.
    let (_, said) = heat(&place, &["-z", "8", "--spread", "6", "--spread-op", "add", "--min-count", &more]);
    assert!(!said.contains("nothing is drawn"), "{said}");
    let (_, said) = heat(&place, &["-z", "8", "--min-count", &more]);
    assert!(said.contains(&format!("no pixel has {more} points")), "{said}");
    assert!(said.contains(&format!("the largest count is {largest}")), "{said}");
    let (_, said) = heat(
        &place,
        &["-z", "8", "--spread", "6", "--spread-shape", "gaussian", "--spread-op", "add", "--min-count", "1M"],
    );
    assert!(said.contains("no pixel has 1,000,000 points") && said.contains("largest count after spread is"), "{said}");
    // More than half of the pixels of zoom 8 have one point.
    let (one, said) = heat(&place, &["-z", "8", "--span", "p50"]);
    assert!(said.contains("more than 1 and the only colour"), "{said}");
    assert_eq!(one["zooms"]["8"]["ticks"], serde_json::json!([[1, 0.5, "1+"]]));
}

/// New counts are made when somebody asks for them: holding a zoom takes nothing.
#[test]
fn new_counts_take_no_memory_between_looks() {
    let points = Random(81).clusters(20_000, 5, 24);
    let job = Job { memory: Some(4 << 20), ..Job::new(&points, (8, 8), 0) };
    let paint = job.count(job.cpu_count()).unwrap();
    let sum = Spread { radius: Radius::Fixed(2), op: SpreadOp::Add, ..Spread::default() };
    let kernel = sum.kernel(2, paint.stats()[8].max);
    let held: Vec<SpreadZoom> = (0..60).map(|_| paint.spread(8, &kernel).unwrap()).collect();
    assert!(held.iter().all(|zoom| zoom.stats().lit > 2 * paint.stats()[8].lit));
    assert_eq!(paint.report().spilled_bytes, 0);
}

/// What a person gets who asks for nothing: bells whose radius grows with the zoom as points thin out, said in metadata,
/// report and summary; a lone point is a soft dot, and `--min-count` hides it and no crowd.
#[test]
fn bells_are_the_default() {
    let place = Playground::new();
    let sample = sample();
    let run = ["render", sample.to_str().unwrap(), "-o", "t", "--backend", "cpu", "-z", "0..12"];
    let said = place.run(run).ok().stderr;
    let metadata: Value = serde_json::from_slice(&fs::read(place.path("t/metadata.json")).unwrap()).unwrap();
    let heat = &metadata["heat"];
    assert_eq!(
        (&heat["spread"], &heat["spread_shape"], &heat["spread_op"]),
        (&"auto".into(), &"gaussian".into(), &"add".into())
    );
    let radii: Vec<u64> = (0..=12).map(|z| heat["zooms"][z.to_string()]["spread"].as_u64().unwrap()).collect();
    assert!(radii.iter().all(|radius| (2..=12).contains(radius)) && radii[12] >= 8, "{radii:?}");
    // No bell shrinks from zoom to zoom, and none is more than half as wide again as the one before, or a pixel wider.
    assert!(radii.is_sorted(), "{radii:?}");
    assert!(radii.windows(2).all(|two| 2 * two[1] <= (3 * two[0]).max(2 * two[0] + 2)), "{radii:?}");
    assert!(said.contains(&format!("spread {} px", radii[12])), "{said}");
    // Three towns far apart are three pixels of zoom 0, and no three lone points.
    let town = |at: usize| (at / 400 * 100, at % 20, at / 20 % 20);
    let towns = (0..1200).map(town).fold(String::from("lon,lat\n"), |text, (far, x, y)| {
        text + &format!("{},{}\n", far as f64 - 100.0 + 0.01 * x as f64, 40.0 + 0.01 * y as f64)
    });
    place.file("towns.csv", towns);
    place.run(["render", "towns.csv", "-o", "towns", "--backend", "cpu", "-q"]).ok();
    let metadata: Value = serde_json::from_slice(&fs::read(place.path("towns/metadata.json")).unwrap()).unwrap();
    let radii: Vec<u64> =
        (0..=10).map(|z| metadata["heat"]["zooms"][z.to_string()]["spread"].as_u64().unwrap()).collect();
    assert!(radii[0] == 2 && radii.is_sorted(), "{radii:?}");
    place.file("p.csv", (0..50).fold(String::from("lon,lat\n3.1,58.6\n"), |text, _| text + "-0.1,51.5\n"));
    let lit = |least: &str, tile: &str| {
        let run = ["render", "p.csv", "-o", "p", "-z", "9", "--backend", "cpu", "-q", "--force", "--min-count", least];
        place.run(run).ok();
        let tile = place.path(&format!("p/9/{tile}.png"));
        if tile.exists() { image::open(tile).unwrap().to_rgba8().pixels().filter(|p| p[3] > 0).count() } else { 0 }
    };
    let (lone, crowd) = ("260/152", "255/170");
    assert!((300..=489).contains(&lit("1", lone)) && lit("1", crowd) > 300, "{} {}", lit("1", lone), lit("1", crowd));
    assert!(lit("2", lone) == 0 && lit("2", crowd) > 100 && lit("50", crowd) > 0 && lit("51", crowd) == 0);
}
