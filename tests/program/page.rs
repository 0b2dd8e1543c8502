//! The page as a file: beside a folder of tiles, and as one file with everything in it. What it does in a browser is in
//! `browser.rs`.

use std::fs;

use crate::common::{Playground, sample, tree};
use serde_json::Value;

const RUN: [&str; 5] = ["-z", "0..8", "--backend", "cpu", "-q"];

fn render(place: &Playground, out: &str, more: &[&str]) -> crate::common::Ran {
    let sample = sample().display().to_string();
    place.run([&["render", &sample, "-o", out][..], &RUN, more].concat())
}

/// A folder of the shape of the package of OpenLayers.
fn library(place: &Playground) {
    fs::create_dir_all(place.path("ol/dist")).unwrap();
    place.file("ol/dist/ol.js", "var ol = '</script>';");
    place.file("ol/ol.css", ".ol-box { color: red }");
}

/// The text between a tag and its end.
fn inside<'a>(page: &'a str, tag: &str) -> &'a str {
    page.split_once(tag).unwrap().1.split_once("</script>").unwrap().0
}

#[test]
fn a_page_of_one_file_holds_the_tiles_of_a_folder() {
    let place = Playground::new();
    render(&place, "tiles", &[]).ok();
    render(&place, "map.html", &[]).ok();
    let page = fs::read_to_string(place.path("map.html")).unwrap();
    let held: Value = serde_json::from_str(inside(&page, r#"<script id="tiles" type="application/json">"#)).unwrap();
    let held = held.as_object().unwrap();
    let files = tree(&place.path("tiles"));
    let tiles: Vec<_> = files.iter().filter(|(name, _)| name.contains('/')).collect();
    assert_eq!(held.len(), tiles.len());
    for (name, png) in tiles {
        assert_eq!(decoded(held[name.trim_end_matches(".png")].as_str().unwrap()), *png, "{name}");
    }
    let metadata: Value =
        serde_json::from_str(inside(&page, r#"<script id="metadata" type="application/json">"#)).unwrap();
    let beside: Value = serde_json::from_slice(&files["metadata.json"]).unwrap();
    assert_eq!(metadata["heat"], beside["heat"]);
    render(&place, "again.html", &["--threads", "1"]).ok();
    let again = fs::read_to_string(place.path("again.html")).unwrap();
    assert_eq!(again.replace(r#""name":"again""#, r#""name":"map""#), page, "threads change nothing");
}

fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    for four in text.as_bytes().chunks(4) {
        let word = four.iter().fold(0, |word, &c| word << 6 | DIGITS.find(char::from(c)).unwrap_or(0));
        let digits = four.iter().position(|&c| c == b'=').unwrap_or(4);
        bytes.extend(&(word as u32).to_be_bytes()[1..digits]);
    }
    bytes
}

#[test]
fn a_library_of_a_folder_lies_in_the_pages_that_are_written() {
    let place = Playground::new();
    library(&place);
    render(&place, "map.html", &["--ol-url", "ol"]).ok();
    render(&place, "tiles", &["--ol-url", "ol"]).ok();
    let sample = sample().display().to_string();
    let mut named = place.command();
    named.env("TILEFIRE_OL", "ol").args(["render", &sample, "-o", "named.html"]).args(RUN);
    assert!(named.status().unwrap().success());
    for page in ["map.html", "tiles/index.html", "named.html"] {
        let page = fs::read_to_string(place.path(page)).unwrap();
        assert!(page.contains(r"var ol = '<\/script>';</script>") && page.contains(".ol-box { color: red }"));
        assert!(!page.contains("cdn.jsdelivr.net"));
    }
    render(&place, "url.html", &["--ol-url", "https://maps.test/ol/"]).ok();
    let page = fs::read_to_string(place.path("url.html")).unwrap();
    assert!(page.contains(r#"<script src="https://maps.test/ol/dist/ol.js">"#) && !page.contains("integrity"));
    let says = render(&place, "no.html", &["--ol-url", "nowhere"]).error(2);
    assert!(says.contains("'nowhere' is neither a folder") && says.contains("node_modules/ol"), "{says}");
    assert!(!place.path("no.html").exists());
}

#[test]
fn a_page_that_would_be_too_large_says_how_much_one_may_hold() {
    let place = Playground::new();
    place.run(["synth", "-n", "800000", "-o", "points.csv"]).ok();
    let run = ["render", "points.csv", "-o", "map.html", "-z", "0..14", "--spread", "6", "--backend", "cpu", "-q"];
    let says = place.run(run).error(1);
    assert!(says.contains("32 MiB") && says.contains("-z 0..8") && says.contains(".pmtiles"), "{says}");
    assert_eq!(place.names(), ["points.csv"]);
}

#[test]
fn only_a_page_that_was_made_here_is_replaced() {
    let place = Playground::new();
    render(&place, "map.html", &[]).ok();
    let says = render(&place, "map.html", &[]).error(1);
    assert!(says.contains("--force"), "{says}");
    render(&place, "map.html", &["--force"]).ok();
    place.file("mine.html", "<!doctype html><title>Mine</title>");
    let says = render(&place, "mine.html", &["--force"]).error(1);
    assert!(says.contains("not made by tilefire"), "{says}");
    assert_eq!(fs::read_to_string(place.path("mine.html")).unwrap(), "<!doctype html><title>Mine</title>");
    let says = render(&place, "none.html", &["--no-page"]).error(2);
    assert!(says.contains("--no-page"), "{says}");
}

#[test]
fn a_page_lies_beside_an_archive_where_one_is_wanted() {
    let place = Playground::new();
    render(&place, "plain.pmtiles", &[]).ok();
    assert_eq!(place.names(), ["plain.pmtiles"]);
    render(&place, "heat.pmtiles", &["--page"]).ok();
    assert_eq!(place.names(), ["heat.html", "heat.pmtiles", "plain.pmtiles"]);
    let page = fs::read_to_string(place.path("heat.html")).unwrap();
    let told: Value = serde_json::from_str(inside(&page, r#"<script id="metadata" type="application/json">"#)).unwrap();
    assert_eq!(told["pmtiles"], "heat.pmtiles");
    let (heat, plain) = (fs::read(place.path("heat.pmtiles")).unwrap(), fs::read(place.path("plain.pmtiles")).unwrap());
    assert_eq!(heat[..7], plain[..7]);
    // What is not ours keeps the whole run from beginning.
    place.file("mine.html", "<!doctype html><title>Mine</title>");
    let says = render(&place, "mine.pmtiles", &["--page", "--force"]).error(1);
    assert!(says.contains("mine.html") && !place.path("mine.pmtiles").exists(), "{says}");
    render(&place, "heat.pmtiles", &["--page", "--force"]).ok();
}
