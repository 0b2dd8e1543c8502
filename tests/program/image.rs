//! `tilefire image`: a picture against the tiles of a zoom, against counts made the plainest way there is, on the CPU
//! and on a GPU adapter; and what it refuses.

#![allow(clippy::disallowed_methods, reason = "an independent check, or a picture of no consequence")]
use std::collections::BTreeMap;
use std::fs;

use crate::common::{Playground, sample};
use image::RgbaImage;
use tilefire::counts::{Distinct, Unit, ZoomStats};
use tilefire::shade::{Colormap, Function, Scale, ShadeTable, Shading, Span, Theme};

/// Points where seams would be: around the antimeridian, at tile corners and at both edges of the map; a hot spot.
fn points() -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    for i in 0..400 {
        let step = f64::from(i) * 0.37;
        points.push((if i % 2 == 0 { 180.0 - step * 0.03 } else { step * 0.03 - 180.0 }, (step * 3.0) % 120.0 - 60.0));
        points.push((step / 90.0 - 0.8, (step * 2.0) % 3.0 - 1.5));
        points.push((step * 2.4 - 178.0, if i % 2 == 0 { 85.0 } else { -85.0 }));
        points.push((45.0, 30.0 + f64::from(i / 40) * 0.3));
    }
    points
}

fn csv(points: &[(f64, f64)]) -> String {
    points.iter().fold(String::from("lon,lat\n"), |text, (lon, lat)| text + &format!("{lon},{lat}\n"))
}

/// The tiles of zoom 4 are the picture of the whole world, cut into pieces, whatever the looks; the antimeridian is a
/// border like any other.
#[test]
fn tiles_are_pieces_of_one_picture() {
    let place = Playground::new();
    place.file("points.csv", csv(&points()));
    let looks: [&[&str]; 10] = [
        &[],
        &["--spread", "3"],
        &["--spread", "20", "--spread-shape", "square"],
        &["--spread", "2", "--spread-op", "add"],
        &["--spread", "5", "--spread-op", "add", "--spread-shape", "square", "--how", "eq-hist"],
        &["--spread", "6", "--spread-op", "add", "--spread-shape", "gaussian", "--span", "p99"],
        &["--spread", "4", "--spread-shape", "gaussian", "--how", "cbrt", "--alpha", "0.5"],
        &["--spread", "auto", "--min-count", "2"],
        &["--how", "eq-hist", "--min-count", "3", "--background", "dark"],
        &["--spread", "1", "--truecolor", "--colormap", "turbo", "--span", "2,30"],
    ];
    for look in looks {
        let cpu = ["--backend", "cpu", "-q", "--force"];
        place.run([&["render", "points.csv", "-o", "tiles", "-z", "4"], look, &cpu].concat()).ok();
        let size = ["--bbox", "world", "--width", "4096"];
        place.run([&["image", "points.csv", "-o", "world.png"], &size[..], look, &cpu].concat()).ok();
        let world = image::open(place.path("world.png")).unwrap().to_rgba8();
        assert_eq!(world.dimensions(), (4096, 4096));
        let nothing = if look.contains(&"--background") { [0x17, 0x19, 0x1e, 255] } else { [0; 4] };
        let mut pieces = 0;
        for (x, y) in (0..16).flat_map(|x| (0..16).map(move |y| (x, y))) {
            let tile = place.path(&format!("tiles/4/{x}/{y}.png"));
            let tile = if tile.exists() {
                pieces += 1;
                image::open(&tile).unwrap().to_rgba8()
            } else {
                RgbaImage::from_pixel(256, 256, image::Rgba(nothing))
            };
            let piece = image::imageops::crop_imm(&world, x * 256, y * 256, 256, 256).to_image();
            assert!(piece == tile, "{look:?}: tile 4/{x}/{y} is no piece of the picture");
        }
        assert!(pieces >= 5, "{look:?}: {pieces}");
    }
}

/// The pixel grid of an extent, by floats where no point lies near an edge, and the colours of its counts.
#[test]
fn every_pixel_of_an_extent_has_its_colour() {
    let place = Playground::new();
    let (west, south, east, north) = (-3.5, 50.5, 1.75, 54.0);
    let area = ["--bbox", "-3.5,50.5,1.75,54", "--width", "777"];
    let sample = sample();
    let run = ["image", sample.to_str().unwrap(), "-o", "p.png", "--spread", "0", "--backend", "cpu"];
    let summary = place.run([&run[..], &area].concat()).ok().stderr;
    let picture = image::open(place.path("p.png")).unwrap().to_rgba8();
    let world = |lon: f64, lat: f64| {
        let s = lat.to_radians().sin();
        (lon / 360.0 + 0.5, 0.5 - ((1.0 + s) / (1.0 - s)).ln() / (4.0 * std::f64::consts::PI))
    };
    let ((left, top), (right, bottom)) = (world(west, north), world(east, south));
    let height = (777.0 * (bottom - top) / (right - left)).round();
    assert_eq!(picture.dimensions(), (777, height as u32));
    let mut counts = BTreeMap::<(u32, u32), u32>::new();
    let (mut inside, mut near) = (0, 0);
    for line in fs::read_to_string(&sample).unwrap().lines().skip(1) {
        let (lon, lat) = line.split_once(',').unwrap();
        let (x, y) = world(lon.parse().unwrap(), lat.split(',').next().unwrap().parse().unwrap());
        // The frame grew around its middle by less than a pixel so that pixels are square.
        let side = (right - left) / 777.0;
        let (x, y) = ((x - left) / side, (y - (f64::midpoint(top, bottom) - height * side / 2.0)) / side);
        if (0.0..777.0).contains(&x) && (0.0..height).contains(&y) {
            inside += 1;
            let edge = |v: f64| (v - v.round()).abs() < 1e-4;
            near += u32::from(edge(x) || edge(y));
            *counts.entry((x as u32, y as u32)).or_default() += 1;
        }
    }
    let max = *counts.values().max().unwrap();
    let colours = Colormap::default();
    let scale = Scale::new(Function::Log, Span::new(1u32, max), Unit::POINTS);
    let distinct = Distinct::from_values(counts.values().copied());
    let stats = ZoomStats { max, distinct, ..Default::default() };
    let table = ShadeTable::new(&stats, &Shading { scale, colormap: &colours, least: 1, fade: None }, 255);
    let mut wrong = 0;
    for (x, y, pixel) in picture.enumerate_pixels() {
        let count = counts.get(&(x, y)).copied().unwrap_or(0);
        wrong += u32::from(pixel.0 != table.palette[usize::from(table.index(count))]);
    }
    assert!(inside > 10_000 && wrong <= 2 * near, "{wrong} pixels are wrong, {near} of {inside} points near an edge");
    assert!(summary.contains("points used") && summary.contains("outside of the picture"), "{summary}");
}

#[test]
fn a_gpu_draws_the_same_picture() {
    let place = Playground::new();
    let wanted = std::env::var("TILEFIRE_TEST_ADAPTER").unwrap_or_else(|_| "llvmpipe".into());
    let listed = place.run(["info", "--json"]).ok().stdout;
    if !listed.contains(&wanted) {
        assert!(std::env::var_os("TILEFIRE_REQUIRE_GPU").is_none(), "no adapter named {wanted}: {listed}");
        println!("skipped: a_gpu_draws_the_same_picture: no adapter named {wanted}");
        return;
    }
    let sample = sample();
    let looks: [&[&str]; 4] = [
        &["--width", "801"],
        &["--bbox", "-2,51,1,53", "--height", "333", "--spread", "3", "--spread-op", "add"],
        &["--width", "640", "--height", "700", "--how", "eq-hist", "--legend", "--theme", "dark"],
        &["--width", "500", "--spread", "5", "--spread-shape", "gaussian", "--truecolor"],
    ];
    for look in looks {
        let run = ["image", sample.to_str().unwrap(), "-q", "-o"];
        place.run([&run[..], &["cpu.png", "--force", "--backend", "cpu"], look].concat()).ok();
        place.run([&run[..], &["gpu.png", "--force", "--backend", "gpu", "--adapter", &wanted], look].concat()).ok();
        assert!(fs::read(place.path("cpu.png")).unwrap() == fs::read(place.path("gpu.png")).unwrap(), "{look:?}");
    }
}

/// The extent of the data is known at the end of the input only, which standard input does not give twice.
#[test]
fn a_pipe_a_file_and_little_memory_give_the_same_picture() {
    let place = Playground::new();
    let sample = sample();
    let draw = |out: &str, more: &[&str]| {
        let run = ["image", "-q", "--backend", "cpu", "--width", "1500", "--spread", "2", "-o", out];
        let mut command = place.command();
        command.args([&run[..], more].concat()).stdin(fs::File::open(&sample).unwrap());
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        fs::read(place.path(out)).unwrap()
    };
    let file = draw("file.png", &[sample.to_str().unwrap()]);
    assert!(file == draw("pipe.png", &["-"]));
    assert!(file == draw("small.png", &["-", "--memory", "1M", "--threads", "3"]));
    let picture = image::load_from_memory(&file).unwrap().to_rgba8();
    assert_eq!(picture.width(), 1500);
    // The box is the data's own with room for what the outermost points are spread to, and for square pixels.
    let lit = || picture.enumerate_pixels().filter(|(.., p)| p[3] > 0);
    let (width, height) = picture.dimensions();
    let margins = [
        lit().map(|p| p.0).min().unwrap(),
        lit().map(|p| p.1).min().unwrap(),
        width - 1 - lit().map(|p| p.0).max().unwrap(),
        height - 1 - lit().map(|p| p.1).max().unwrap(),
    ];
    assert!(margins.iter().all(|&margin| margin <= 3), "{margins:?}");
    // Whole shapes: each edge that is met is met by the flat side of a disc.
    let first = lit().filter(|p| p.0 == margins[0]).count();
    assert!(first >= 3, "{first}");
}

#[test]
fn one_point_and_the_antimeridian() {
    let place = Playground::new();
    place.file("one.csv", "lon,lat\n-0.1276,51.5072\n");
    let one = ["image", "one.csv", "-o", "one.png", "--width", "64", "--backend", "cpu", "-q", "--force"];
    let lit = |spread: &[&str]| {
        place.run([&one, spread].concat()).ok();
        let picture = image::open(place.path("one.png")).unwrap().to_rgba8();
        assert_eq!(picture.dimensions(), (64, 64));
        picture.pixels().filter(|p| p[3] > 0).count()
    };
    assert_eq!(lit(&["--spread", "0"]), 1);
    // A soft dot of 12 pixels around it.
    assert!((400..=489).contains(&lit(&[])), "{}", lit(&[]));
    place.file("fiji.csv", "lon,lat\n179.9,-17\n-179.9,-17\n0,-17\n");
    let across = ["--bbox", "179,-18,-179,-16", "--width", "200", "--spread", "0", "--backend", "cpu"];
    let ran = place.run([&["image", "fiji.csv", "-o", "fiji.png"], &across[..]].concat()).ok();
    assert!(ran.stderr.contains("2 points used") && ran.stderr.contains("outside of the picture: 1"), "{}", ran.stderr);
    let picture = image::open(place.path("fiji.png")).unwrap().to_rgba8();
    let lit: Vec<u32> = picture.enumerate_pixels().filter(|(.., p)| p[3] > 0).map(|(x, ..)| x).collect();
    assert_eq!(lit, [90, 109]);
}

#[test]
fn what_cannot_be_drawn_is_one_line() {
    let place = Playground::new();
    place.file("p.csv", "lon,lat\n1,2\n");
    place.file("mine.png", "my holiday");
    let refused = |arguments: &[&str], code: i32, says: &[&str]| {
        let line = place.run([&["image", "p.csv", "--backend", "cpu"], arguments].concat()).error(code);
        assert!(says.iter().all(|word| line.contains(word)), "{line}");
    };
    refused(&["-o", "p.jpg"], 2, &["p.jpg", ".png"]);
    refused(&["-o", "mine.png"], 1, &["mine.png", "--force"]);
    refused(&["-o", "mine.png", "--force"], 1, &["mine.png", "not made by tilefire"]);
    refused(&["-o", "no/such/folder.png"], 1, &["no/such"]);
    refused(&["-o", "p.png", "--bbox", "10,10,20,20"], 1, &["none of the 1 points", "west,south,east,north"]);
    refused(&["-o", "p.png", "--legend", "--width", "300"], 2, &["--legend", "300", "392"]);
    assert_eq!(fs::read(place.path("mine.png")).unwrap(), b"my holiday");
    for bbox in ["1,2,3", "1,9,3,4", "0,0,200,1", "a,b,c,d"] {
        let ran = place.run(["image", "p.csv", "-o", "p.png", "--bbox", bbox]);
        assert!(ran.code == Some(2) && ran.stderr.contains(bbox), "{}", ran.stderr);
    }
    assert_eq!(place.names(), ["mine.png", "p.csv"]);
    place.run(["image", "p.csv", "-o", "p.png", "--backend", "cpu", "-q"]).ok();
    let again =
        ["image", "p.csv", "-o", "p.png", "--backend", "cpu", "-q", "--force", "--width", "99", "--report", "r.json"];
    place.run(again).ok();
    assert_eq!(image::open(place.path("p.png")).unwrap().width(), 99);
    let report: serde_json::Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    assert_eq!((&report["width"], &report["inside"], &report["run"]["rows"]), (&99.into(), &1.into(), &1.into()));
    refused(&["-o", "x.png", "--report", "p.csv"], 2, &["--report", "p.csv"]);
    refused(&["-o", "x.png", "--adapter", "none"], 2, &["--adapter"]);
    // A sheet of colours replaces no file of another kind either.
    for out in ["p.csv", "mine.png"] {
        let line = place.run(["colormaps", "fire", "-o", out, "--force"]).error(if out == "p.csv" { 2 } else { 1 });
        assert!(line.contains(out), "{line}");
    }
    place.run(["colormaps", "fire", "-o", "p.png"]).error(1);
    place.run(["colormaps", "fire", "-o", "p.png", "--force"]).ok();
    let quiet = place.run(["image", "p.csv", "-o", "x.png", "--backend", "cpu", "--min-count", "2"]).ok().stderr;
    assert!(quiet.contains("nothing is drawn") && quiet.contains("largest count after spread is 1"), "{quiet}");
}

#[test]
fn nothing_comes_in_from_the_far_side() {
    // A point at the eastern edge.
    let place = Playground::new();
    place.file("p.csv", "lon,lat\n9.999,5\n");
    for width in ["200", "256", "512"] {
        let area = ["--bbox", "0,0,10,10", "--width", width, "--spread", "3"];
        place.run([&["image", "p.csv", "-o", "p.png", "-q", "--force", "--backend", "cpu"], &area[..]].concat()).ok();
        let picture = image::open(place.path("p.png")).unwrap().to_rgba8();
        let lit: Vec<_> = picture.enumerate_pixels().filter(|(.., p)| p[3] > 0).map(|(x, ..)| x).collect();
        // The western half of a disc of 37 pixels, its middle column included.
        assert_eq!(lit.len(), 22, "{width}");
        assert!(lit.iter().all(|x| x + 4 >= picture.width()), "{width}: {lit:?}");
    }
}

#[test]
fn the_legend_lies_in_the_lower_left_corner() {
    let place = Playground::new();
    let sample = sample();
    // A large picture has a large legend, if that fits.
    for (width, height, legend) in [("500", "900", 368), ("1700", "2000", 736), ("2000", "150", 368)] {
        let run = ["image", sample.to_str().unwrap(), "-q", "--backend", "cpu", "--truecolor", "--width", width];
        let run = [&run[..], &["--height", height]].concat();
        place.run([&run[..], &["-o", "without.png"]].concat()).ok();
        place.run([&run[..], &["-o", "with.png", "--legend=bottom-left"]].concat()).ok();
        let open = |name| image::open(place.path(name)).unwrap().to_rgba8();
        let (with, without) = (open("with.png"), open("without.png"));
        let changed: Vec<_> =
            with.enumerate_pixels().filter(|&(x, y, p)| p != without.get_pixel(x, y)).map(|(x, y, _)| (x, y)).collect();
        let columns = (changed.iter().map(|c| c.0).min().unwrap(), changed.iter().map(|c| c.0).max().unwrap());
        assert_eq!(columns, (12, 12 + legend - 1));
        assert_eq!(changed.iter().map(|c| c.1).max(), Some(with.height() - 12 - 1));
        for name in ["with.png", "without.png"] {
            fs::remove_file(place.path(name)).unwrap();
        }
    }
}

/// Left to itself the legend goes where no data are; beside the picture it leaves all of it as it was.
#[test]
fn the_legend_hides_no_data() {
    let place = Playground::new();
    let crowd: Vec<(f64, f64)> = (0..400).map(|n| (f64::from(n % 20) * 0.01, f64::from(n / 20) * 0.01)).collect();
    // Across the lower left and along the left edge: the upper right is free.
    let lower = crowd.iter().map(|(x, y)| (x * 10.0, y * 2.0)).chain(crowd.iter().map(|(x, y)| (x * 1.0, y * 10.0)));
    let lower: Vec<(f64, f64)> = lower.collect();
    place.file("p.csv", csv(&lower));
    let run = ["image", "p.csv", "-q", "--backend", "cpu", "--truecolor", "--force"];
    let run = [&run[..], &["--bbox=-0.1,-0.1,2,2", "-o"]].concat();
    let drawn = |more: &[&str]| {
        let width = if more.contains(&"--width") { [].as_slice() } else { &["--width", "900"] };
        place.run([&run[..], more, width].concat()).ok();
        image::open(place.path(more[0])).unwrap().to_rgba8()
    };
    let plain = drawn(&["plain.png"]);
    let changed = |with: &RgbaImage| {
        let off = with.enumerate_pixels().filter(|&(x, y, p)| p != plain.get_pixel(x, y)).map(|(x, y, _)| (x, y));
        off.fold((u32::MAX, 0), |(left, bottom), (x, y)| (left.min(x), bottom.max(y)))
    };
    let (left, bottom) = changed(&drawn(&["auto.png", "--legend"]));
    assert!(left == 900 - 12 - 368 && bottom < 200, "{left} {bottom}");
    let (left, bottom) = changed(&drawn(&["left.png", "--legend=top-left"]));
    assert!(left == 12 && bottom < 200, "{left} {bottom}");
    let beside = drawn(&["beside.png", "--legend=beside", "--background", "#102030"]);
    let background = drawn(&["background.png", "--background", "#102030"]);
    assert_eq!(beside.dimensions(), (900 + 12 + 368 + 12, plain.height()));
    assert!(background.enumerate_pixels().all(|(x, y, p)| beside.get_pixel(x, y) == p));
    assert_eq!(beside.get_pixel(1291, 5).0, [0x10, 0x20, 0x30, 255]);
    // A small picture has the legend beside it, too.
    let small = drawn(&["small.png", "--legend=beside", "--width", "90"]);
    assert!(small.width() == 90 + 392 && small.height() > 90 && small.get_pixel(5, small.height() - 1).0 == [0; 4]);
    let error = place.run([&run[..], &["no.png", "--legend=middle"]].concat());
    assert!(error.code == Some(2) && error.stderr.contains("top-left"), "{}", error.stderr);
}

#[test]
fn a_picture_does_not_replace_its_input() {
    let place = Playground::new();
    place.file("p.csv", "lon,lat\n1,2\n");
    place.run(["image", "p.csv", "-o", "p.png", "--backend", "cpu", "-q"]).ok();
    let line = place.run(["image", "p.png", "-o", "p.png", "--force", "--backend", "cpu"]).error(1);
    assert!(line.contains("is or holds the input"), "{line}");
}

/// What is reported can be asked for.
#[test]
fn the_bounds_of_a_picture_lie_on_earth() {
    let place = Playground::new();
    let bounds = |points: &str, more: &[&str]| -> [f64; 4] {
        place.file("p.csv", format!("lon,lat\n{points}"));
        let arguments = ["image", "p.csv", "-o", "p.png", "--backend", "cpu", "-q", "--force", "--report", "r.json"];
        place.run([&arguments, more].concat()).ok();
        let report: serde_json::Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
        ["west", "south", "east", "north"].map(|side| report["bounds"][side].as_f64().unwrap())
    };
    let world = bounds("-180,-85\n179.999,85\n", &["--spread", "3"]);
    assert_eq!((world[0], world[2]), (-180.0, 180.0), "{world:?}");
    assert!((world[1] + 85.051_128_8).abs() < 1e-6 && (world[3] - 85.051_128_8).abs() < 1e-6, "{world:?}");
    // Up to a pixel more, because pixels are square.
    let across = bounds("179,1\n-179,2\n", &["--bbox", "170,-10,-170,10"]);
    assert!((across[0] - 170.0).abs() < 0.01 && (across[2] + 170.0).abs() < 0.01, "{across:?}");
}

#[test]
fn pictures_are_indexed_where_indices_do() {
    let place = Playground::new();
    place.file("p.csv", "lon,lat\n1,2\n");
    let kind = |more: &[&str]| {
        place.run([&["image", "p.csv", "-o", "p.png", "--backend", "cpu", "-q", "--force"], more].concat()).ok();
        fs::read(place.path("p.png")).unwrap()[25]
    };
    assert_eq!((kind(&[]), kind(&["--truecolor"])), (3, 6));
}

#[test]
fn a_sheet_is_half_dark_half_light() {
    let place = Playground::new();
    let clear = Colormap::parse("#00000000,#00000000").unwrap();
    tilefire::paper::sheet::write(
        &["clear".into()],
        &[clear],
        &place.path("sheet.png"),
        false,
        &tilefire::monitor::Monitor::default(),
    )
    .unwrap();
    let sheet = image::open(place.path("sheet.png")).unwrap().to_rgb8();
    let (right, middle) = (sheet.width() - 1 - 4, sheet.width() - 1 - 4 - 1020 / 2);
    let row = sheet.height() / 2;
    assert_eq!(sheet.get_pixel(middle - 5, row).0, Theme::Dark.background());
    assert_eq!(sheet.get_pixel(right - 5, row).0, Theme::Light.background());
}
