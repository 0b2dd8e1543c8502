//! Colours as the tiles of the real program have them: those that stay what they were, spans given by zoom or taken from
//! another set, and datashader's looks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail with a panic")]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{Playground, sample, tree};
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
