//! Colours as the tiles of the real program have them: those that stay what they were, spans given by zoom or taken from
//! another set, and datashader's looks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail with a panic")]

use std::collections::BTreeMap;
use std::fs;

use crate::common::{Playground, sample, tree};
use image::{Rgba, RgbaImage};
use serde_json::Value;

/// The tiles of a folder, without what lies beside them.
fn tiles(place: &Playground, folder: &str) -> BTreeMap<String, Vec<u8>> {
    tree(&place.path(folder)).into_iter().filter(|(name, _)| name.contains('/')).collect()
}

fn render<'a>(place: &Playground, input: &'a str, out: &'a str, more: &[&'a str]) {
    let run = ["render", input, "-o", out, "--backend", "cpu", "--force", "--quiet"];
    place.run([&run[..], more].concat()).ok();
}

fn heat(place: &Playground, out: &str) -> Value {
    let text = fs::read(place.path(out).join("metadata.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["heat"].take()
}

/// Points on a pixel each, in colours a person named, are what version 0.1.0 drew, byte by byte.
#[test]
fn without_spread_named_colours_keep_their_bytes() {
    let place = Playground::new();
    let sample = sample();
    for (colours, truecolor, bytes, sum) in [
        ("fire", false, 108_156, 0x3c42_df86_u32),
        ("fire", true, 379_967, 0x8cff_5002),
        ("viridis", false, 107_761, 0x6fc0_8b80),
        ("viridis", true, 609_536, 0x3afc_9898),
        ("#ff8800", false, 109_137, 0x34fd_d1b1),
        ("#ff8800", true, 559_731, 0xf15f_f484),
    ] {
        let more = ["-z", "0..8", "--spread", "0", "--colormap", colours, "--truecolor"];
        render(&place, sample.to_str().unwrap(), "t", &more[..if truecolor { 7 } else { 6 }]);
        let all: Vec<u8> = tiles(&place, "t").into_values().flatten().collect();
        assert_eq!((all.len(), crc32fast::hash(&all)), (bytes, sum), "{colours} {truecolor}");
    }
}

/// A set that takes the spans of itself is itself, bells and all; fewer points have the colours of the same counts.
#[test]
fn spans_of_another_set() {
    let place = Playground::new();
    let text = fs::read_to_string(sample()).unwrap();
    place.file("year.csv", &text);
    let part: Vec<&str> = text.lines().enumerate().filter(|(n, _)| n % 7 == 0).map(|(_, line)| line).collect();
    place.file("month.csv", part.join("\n"));
    for look in [&[][..], &["--spread", "4", "--spread-shape", "gaussian", "--spread-op", "add"]] {
        let with =
            |more: &[&'static str]| [look, &["--spread", "0"][..if look.is_empty() { 2 } else { 0 }], more].concat();
        render(&place, "year.csv", "year", &with(&["-z", "2..8"]));
        render(&place, "year.csv", "year.pmtiles", &with(&["-z", "2..8"]));
        for other in ["like:year", "like:year.pmtiles"] {
            render(&place, "year.csv", "again", &with(&["-z", "2..8", "--span", other]));
            assert!(tiles(&place, "again") == tiles(&place, "year"), "{other} {look:?}");
        }
        render(&place, "month.csv", "month", &with(&["-z", "4..7", "--span", "like:year"]));
        let (year, month) = (heat(&place, "year"), heat(&place, "month"));
        for z in ["4", "5", "6", "7"] {
            let (ours, theirs) = (&month["zooms"][z]["span"], &year["zooms"][z]["span"]);
            let near = |end: usize| (ours[end].as_f64().unwrap() / theirs[end].as_f64().unwrap() - 1.0).abs() < 1e-3;
            assert!(near(0) && near(1), "zoom {z}: {ours} {theirs}");
            assert!(month["zooms"][z]["max"].as_u64() < year["zooms"][z]["max"].as_u64());
        }
        let told = |more: &[&'static str]| {
            let own = with(&[&["-z", "4..7", "--span", "like:year"], more].concat());
            let asked = [&["render", "month.csv", "-o", "told", "--force", "--backend", "cpu"], &own[..]].concat();
            place.run(asked).ok().stderr
        };
        assert!(!told(&[]).contains("like:year"));
        let otherwise = told(&["--how", "linear", "--colormap", "fire"]);
        assert!(
            otherwise.contains("--how linear here, log there; --colormap fire here, tilefire there"),
            "{otherwise}"
        );
        render(&place, "month.csv", "alone", &with(&["-z", "4..7"]));
        assert!(tiles(&place, "alone") != tiles(&place, "month"));
    }
    let error =
        |more: &[&str]| place.run([&["render", "month.csv", "-o", "no", "--backend", "cpu", "--span"], more].concat());
    let missing = error(&["like:year", "-z", "1..10"]).error(2);
    assert!(missing.contains("year has no zooms 1, 9 and 10"), "{missing}");
    assert!(error(&["like:nowhere"]).error(1).contains("nowhere"));
    assert!(error(&["like:month.csv"]).error(1).contains("month.csv"));
    let image = place.run(["image", "month.csv", "-o", "no.png", "--span", "like:year"]).error(2);
    assert!(image.contains("a picture has no zoom"), "{image}");
    fs::write(place.path("year/metadata.json"), r#"{"tilejson": "3.0.0", "minzoom": 0, "maxzoom": 8}"#).unwrap();
    assert!(error(&["like:year"]).error(1).contains("name a set that tilefire made"));
    assert!(!place.path("no").exists());
}

#[test]
fn each_zoom_may_have_a_span_of_its_own() {
    let place = Playground::new();
    let sample = sample();
    render(
        &place,
        sample.to_str().unwrap(),
        "t",
        &["-z", "3..8", "--spread", "0", "--span", "..4:1,500;5:2,80;6..:0,max"],
    );
    let heat = heat(&place, "t");
    assert_eq!(heat["span"], "0..4:1,500;5:2,80;6..:0,max");
    let span = |z: &str| (heat["zooms"][z]["span"][0].as_u64(), heat["zooms"][z]["span"][1].as_u64());
    assert_eq!((span("3"), span("4"), span("5")), ((Some(1), Some(500)), (Some(1), Some(500)), (Some(2), Some(80))));
    assert_eq!(span("7"), (Some(0), heat["zooms"]["7"]["max"].as_u64()));
    assert_eq!(heat["zooms"]["7"]["ticks"][0][2], "0");
    let run = ["render", sample.to_str().unwrap(), "-o", "no", "-z", "3..8", "--span", "3..4:1,9;6:1,9"];
    let error = place.run(run).error(2);
    assert!(error.contains("zooms 5, 7 and 8") && error.contains("5:1,500"), "{error}");
}

/// As where a span begins at 0, a lone point has left the first colour, which is black in fire.
#[test]
fn lone_points_are_not_black_from_zero_on() {
    let place = Playground::new();
    let sample = sample();
    let black = |span: &str| {
        let more = ["-z", "8", "--spread", "0", "--colormap", "fire", "--span", span];
        render(&place, sample.to_str().unwrap(), "t", &more);
        let lit = |bytes: &Vec<u8>| image::load_from_memory(bytes).unwrap().to_rgba8();
        tiles(&place, "t").values().map(lit).map(|tile| tile.pixels().filter(|p| p.0 == [0, 0, 0, 255]).count()).sum()
    };
    let (from_one, from_zero): (usize, usize) = (black("zoom"), black("0,max"));
    assert!(from_one > 1_000 && from_zero == 0, "{from_one} {from_zero}");
}

/// The tiles of a zoom put side by side: (left, top) of the whole and its pixels.
fn mosaic(place: &Playground, folder: &str, z: u32) -> ((u32, u32), RgbaImage) {
    let tiles: BTreeMap<(u32, u32), RgbaImage> = tiles(place, folder)
        .into_iter()
        .filter_map(|(name, bytes)| {
            let numbers: Vec<u32> = name.trim_end_matches(".png").split('/').map(|n| n.parse().unwrap()).collect();
            (numbers[0] == z).then(|| ((numbers[1], numbers[2]), image::load_from_memory(&bytes).unwrap().to_rgba8()))
        })
        .collect();
    let (left, top) = (tiles.keys().map(|t| t.0).min().unwrap(), tiles.keys().map(|t| t.1).min().unwrap());
    let (right, bottom) = (tiles.keys().map(|t| t.0).max().unwrap(), tiles.keys().map(|t| t.1).max().unwrap());
    let mut whole = RgbaImage::new((right + 1 - left) * 256, (bottom + 1 - top) * 256);
    for ((x, y), tile) in tiles {
        image::imageops::replace(&mut whole, &tile, i64::from((x - left) * 256), i64::from((y - top) * 256));
    }
    ((left * 256, top * 256), whole)
}

/// Every pixel is the sum of the colours around it, over the borders of tiles too; a GPU and a picture have the same.
#[test]
fn colours_are_spread_without_seams() {
    let place = Playground::new();
    let sample = sample();
    let sample = sample.to_str().unwrap();
    let look = ["-z", "7", "--colormap", "fire", "--span", "0,max"];
    render(&place, sample, "plain", &[&look[..], &["--spread", "0", "--truecolor"]].concat());
    let spread = ["--spread", "2", "--spread-on", "colours"];
    render(&place, sample, "spread", &[&look[..], &spread].concat());
    let ((left, top), plain) = mosaic(&place, "plain", 7);
    let (corner, whole) = mosaic(&place, "spread", 7);
    let wanted = |x: i64, y: i64| {
        let mut sum = [0; 4];
        for (dy, dx) in (-2..=2).rev().flat_map(|dy: i64| (-2..=2).map(move |dx: i64| (dy, dx))) {
            let (x, y) = (x + dx - i64::from(left), y + dy - i64::from(top));
            let inside = (0..plain.width().into()).contains(&x) && (0..plain.height().into()).contains(&y);
            if 4 * (dx * dx + dy * dy) <= 25 && inside {
                let Rgba(colour) = *plain.get_pixel(x as u32, y as u32);
                if colour[3] > 0 {
                    sum = if sum == [0; 4] { colour } else { tilefire::shade::add(colour, sum) };
                }
            }
        }
        sum
    };
    let mut lit = 0;
    for (x, y, pixel) in whole.enumerate_pixels() {
        let sum = wanted(i64::from(x + corner.0), i64::from(y + corner.1));
        assert_eq!(pixel.0, sum, "{x} {y}");
        lit += u32::from(sum[3] > 0);
    }
    assert!(lit > 10_000, "{lit}");
    let heat = heat(&place, "spread");
    assert_eq!(
        (&heat["spread_on"], &heat["spread_op"], &heat["spread"]),
        (&"colours".into(), &"add".into(), &2.into())
    );
    assert_eq!((&heat["legend"]["title"], &heat["truecolor"]), (&"Points per pixel".into(), &true.into()));

    // Behind sums lies the background; a picture is made of the same sums.
    render(&place, sample, "background", &[&look[..], &spread, &["--background", "#102030"]].concat());
    let (_, behind) = mosaic(&place, "background", 7);
    let same = behind
        .pixels()
        .zip(whole.pixels())
        .all(|(a, b)| a[3] == 0 && b[3] == 0 || *a == if b[3] == 0 { Rgba([16, 32, 48, 255]) } else { *b });
    assert!(same);
    let world = ["image", sample, "-o", "world.png", "-q", "--backend", "cpu", "--bbox", "world", "--width", "2048"];
    place.run([&world[..], &look[2..], &spread].concat()).ok();
    render(&place, sample, "three", &[&["-z", "3"], &look[2..], &spread].concat());
    let ((left, top), three) = mosaic(&place, "three", 3);
    let world = image::open(place.path("world.png")).unwrap().to_rgba8();
    assert!(three.enumerate_pixels().all(|(x, y, pixel)| world.get_pixel(x + left, y + top) == pixel));
    for (more, says) in [
        (&["--spread-on", "colours"][..], "--spread 1"),
        (&["--spread-on", "colours", "--spread", "auto"], "--spread 1"),
        (&["--spread-on", "colours", "--spread", "2", "--spread-shape", "gaussian"], "no bell"),
        (&["--spread-on", "colours", "--spread", "2", "--spread-op", "max"], "adds colours up"),
    ] {
        let error = place.run([&["render", sample, "-o", "no"], more].concat()).error(2);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_gpu_adds_up_the_same_colours() {
    let place = Playground::new();
    let wanted = std::env::var("TILEFIRE_TEST_ADAPTER").unwrap_or_else(|_| "llvmpipe".into());
    let listed = place.run(["info", "--json"]).ok().stdout;
    if !listed.contains(&wanted) {
        assert!(std::env::var_os("TILEFIRE_REQUIRE_GPU").is_none(), "no adapter named {wanted}: {listed}");
        println!("skipped: a_gpu_adds_up_the_same_colours: no adapter named {wanted}");
        return;
    }
    let sample = sample();
    for dense in ["1", "500", "100000"] {
        let look = ["-z", "3..8", "--spread", "2", "--spread-on", "colours", "--colormap", "fire", "--quiet"];
        let run = ["render", sample.to_str().unwrap(), "--force", "-o"];
        place.run([&run[..], &["cpu", "--backend", "cpu"], &look].concat()).ok();
        let gpu = ["gpu", "--backend", "gpu", "--adapter", &wanted, "--dense-points", dense];
        place.run([&run[..], &gpu, &look].concat()).ok();
        assert!(tiles(&place, "cpu") == tiles(&place, "gpu"), "{dense}");
    }
}
