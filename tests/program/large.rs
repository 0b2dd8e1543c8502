//! Tiles of 512 pixels a side, alone and beside those of 256: the pixels of four tiles of the next zoom, whatever they look
//! like and however little memory there is, and what is said of them.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use crate::common::sets::{self, archived, coordinate, tiles};
use crate::common::{Playground, Ran, sample, tree};
use serde_json::{Value, json};
use tilefire::tile::TileCoord;

fn render(place: &Playground, out: &str, zooms: &str, more: &[&str]) -> Ran {
    let sample = sample().display().to_string();
    let begin = ["render", &sample, "-o", out, "-z", zooms, "--backend", "cpu", "-q", "--force"];
    place.run([&begin[..], more].concat())
}

fn metadata(place: &Playground, out: &str) -> Value {
    serde_json::from_slice(&fs::read(place.path(out).join("metadata.json")).unwrap()).unwrap()
}

/// The pixels of a picture of so many a side.
fn pixels(bytes: &[u8], side: u32) -> Vec<u8> {
    let (width, height, pixels) = sets::pixels(bytes);
    assert_eq!((width, height), (side, side));
    pixels
}

/// Checks that `large` are the tiles of 512 pixels that come of `usual`, which are all of zooms 1 to `max` + 1.
fn check(usual: &BTreeMap<String, Vec<u8>>, large: &BTreeMap<String, Vec<u8>>, ground: [u8; 4], what: &[&str]) {
    let mut expected: HashMap<TileCoord, Vec<u8>> = HashMap::new();
    for (name, bytes) in usual {
        let TileCoord { z, x, y } = coordinate(name);
        let parent = TileCoord { z: z - 1, x: x / 2, y: y / 2 };
        let to = expected.entry(parent).or_insert_with(|| ground.repeat(512 * 512));
        for (row, pixels) in pixels(bytes, 256).chunks_exact(4 * 256).enumerate() {
            let at = 4 * ((row + (y % 2 * 256) as usize) * 512 + (x % 2 * 256) as usize);
            to[at..at + 4 * 256].copy_from_slice(pixels);
        }
    }
    assert_eq!(large.len(), expected.len(), "{what:?}");
    for (name, bytes) in large {
        assert!(pixels(bytes, 512) == expected[&coordinate(name)], "{name} {what:?}");
    }
}

const LOOKS: [(&[&str], [u8; 4]); 8] = [
    (&[], [0; 4]),
    (&["--spread", "0"], [0; 4]),
    (&["--spread", "2", "--min-count", "3"], [0; 4]),
    (&["--spread", "0", "--truecolor", "--format", "webp"], [0; 4]),
    (&["--truecolor", "--span", "all"], [0; 4]),
    (&["--background", "#102030", "--spread", "3"], [0x10, 0x20, 0x30, 255]),
    (&["--spread-on", "colours", "--spread", "2"], [0; 4]),
    (&["--spread-on", "colours", "--spread", "1", "--background", "#ffffff"], [255; 4]),
];

#[test]
fn they_have_the_pixels_of_the_next_zoom() {
    let place = Playground::new();
    for (look, ground) in LOOKS {
        render(&place, "usual", "1..7", &[look, &["--no-page"]].concat()).ok();
        render(&place, "large", "0..6", &[look, &["--no-page", "--tile-size", "512"]].concat()).ok();
        check(&tiles(&place.path("usual")), &tiles(&place.path("large")), ground, look);
    }
}

#[test]
fn memory_and_threads_change_no_byte() {
    let place = Playground::new();
    for look in [&[][..], &["--spread", "0"], &["--spread-on", "colours", "--spread", "2"]] {
        let more = [look, &["--no-page", "--tile-size", "512"]].concat();
        render(&place, "large", "0..8", &more).ok();
        let large = tree(&place.path("large"));
        for few in [["--memory", "1M"], ["--threads", "1"], ["--threads", "7"]] {
            render(&place, "again", "0..8", &[&more, &few[..], &["--title", "large"]].concat()).ok();
            let mut again = tree(&place.path("again"));
            // Its legend says the title.
            ["metadata.json", "legend.svg", "legend.png"]
                .iter()
                .for_each(|name| assert!(again.remove(*name).is_some()));
            assert!(
                again.iter().all(|(name, bytes)| large[name] == *bytes) && again.len() + 3 == large.len(),
                "{few:?}"
            );
        }
    }
}

#[test]
fn a_page_and_archives_hold_the_same() {
    let place = Playground::new();
    render(&place, "large", "0..6", &["--tile-size", "512"]).ok();
    render(&place, "large.pmtiles", "0..6", &["--tile-size", "512"]).ok();
    let tiles = tiles(&place.path("large"));
    let names: Vec<TileCoord> = tiles.keys().map(|name| coordinate(name)).collect();
    let (told, _, found) = archived(&place.path("large.pmtiles"), &names);
    assert_eq!((&told["tileSize"], &told["heat"]), (&json!(512), &metadata(&place, "large")["heat"]));
    assert!(found.iter().zip(tiles.values()).all(|(found, tile)| found.as_ref() == Some(tile)));
}

#[test]
fn metadata_is_by_the_zooms_of_the_tiles() {
    let place = Playground::new();
    render(&place, "usual", "0..7", &[]).ok();
    render(&place, "large", "0..6", &["--tile-size", "512", "--report", "r.json"]).ok();
    let (usual, large) = (metadata(&place, "usual"), metadata(&place, "large"));
    assert_eq!((&large["tileSize"], &large["tile_size"]), (&json!(512), &json!(512)));
    assert_eq!((&large["minzoom"], &large["maxzoom"]), (&json!(0), &json!(6)));
    assert_eq!((&large["bounds"], &large["heat"]["view"]), (&usual["bounds"], &usual["heat"]["view"]));
    assert_eq!(large["center"][2].as_u64().unwrap() + 1, usual["center"][2].as_u64().unwrap());
    let zooms = large["heat"]["zooms"].as_object().unwrap();
    assert_eq!(zooms.keys().collect::<Vec<_>>(), ["0", "1", "2", "3", "4", "5", "6"]);
    let report: Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    for z in 0..=6u32 {
        let (own, next) = (&large["heat"]["zooms"][z.to_string()], &usual["heat"]["zooms"][(z + 1).to_string()]);
        for field in ["max", "lit", "span", "stops", "ticks", "spread"] {
            assert_eq!(own[field], next[field], "{z} {field}");
        }
        assert_eq!(own["tiles"], usual["heat"]["zooms"][z.to_string()]["tiles"], "{z}");
        let folder = tiles(&place.path("large")).keys().filter(|name| name.starts_with(&format!("{z}/"))).count();
        assert_eq!(report["zooms"][z.to_string()]["written"], folder);
    }
    assert!(report["zooms"].get("7").is_none());
}

#[test]
fn spans_are_by_the_zooms_of_the_tiles() {
    let place = Playground::new();
    let list = ["--span", "0..3:1,50;4..6:2,9", "--spread", "0"];
    render(&place, "large", "0..6", &[&list[..], &["--tile-size", "512"]].concat()).ok();
    let large = metadata(&place, "large");
    assert_eq!(large["heat"]["span"], "0..3:1,50;4..6:2,9");
    assert_eq!(
        (&large["heat"]["zooms"]["3"]["span"], &large["heat"]["zooms"]["4"]["span"]),
        (&json!([1, 50]), &json!([2, 9]))
    );
    // Sets of both sizes take each other's spans by their pixels.
    let like = ["--span", "like:large", "--spread", "0"];
    render(&place, "usual", "1..7", &like).ok();
    render(&place, "other", "0..6", &[&like[..], &["--tile-size", "512"]].concat()).ok();
    check(&tiles(&place.path("usual")), &tiles(&place.path("large")), [0; 4], &["like"]);
    assert!(tiles(&place.path("other")) == tiles(&place.path("large")));
    let line = render(&place, "usual", "0..7", &like).error(2);
    assert!(line.contains("zoom 0;"), "{line}");
}

#[test]
fn retina_tiles_lie_beside_the_others() {
    let place = Playground::new();
    for look in [&[][..], &["--spread", "0", "--scheme", "tms"]] {
        render(&place, "usual", "2..7", look).ok();
        render(&place, "large", "2..7", &[look, &["--tile-size", "512"]].concat()).ok();
        render(&place, "both", "2..7", &[look, &["--retina"]].concat()).ok();
        let (usual, large, both) =
            (tiles(&place.path("usual")), tiles(&place.path("large")), tiles(&place.path("both")));
        for (name, bytes) in &usual {
            assert!(both[name] == *bytes, "{name}");
        }
        for (name, bytes) in &large {
            assert!(both[&name.replace(".png", "@2x.png")] == *bytes, "{name}");
        }
        // Spread by a larger radius may light a tile that the finer zoom does not reach: it has one of twice the pixels too.
        assert!(usual.keys().all(|name| both.contains_key(&name.replace(".png", "@2x.png"))));
        assert!(both.keys().all(|name| usual.contains_key(name) || large.contains_key(&name.replace("@2x", "")) || {
            let plain = name.replace("@2x", "");
            plain != *name && usual.contains_key(&plain) && pixels(&both[name], 512).iter().all(|byte| *byte == 0)
        }));
        let told = metadata(&place, "both");
        assert_eq!((&told["retina"], &told["tileSize"], &told["maxzoom"]), (&json!(true), &json!(256), &json!(7)));
        assert_eq!(told["heat"]["retina"]["span"], metadata(&place, "large")["heat"]["zooms"]["7"]["span"]);
    }
    // A folder that has both is replaced by one that has not, and stays where something lies in it that the set has not.
    render(&place, "both", "0..2", &[]).ok();
    assert!(tiles(&place.path("both")).keys().all(|name| !name.contains("@2x")));
    for name in ["0/0/0@3x.png", "0/0/0@2x.png", "0/0/0.webp", "5/5/5.png"] {
        let mine = place.path("both").join(name);
        fs::create_dir_all(mine.parent().unwrap()).unwrap();
        fs::write(&mine, "mine").unwrap();
        let line = render(&place, "both", "0..2", &[]).error(1);
        assert!(
            line.contains(mine.file_name().unwrap().to_str().unwrap()) || line.contains("both/5"),
            "{name}: {line}"
        );
        fs::remove_file(&mine).unwrap();
    }
    fs::remove_dir_all(place.path("both/5")).unwrap();
    render(&place, "both", "0..2", &[]).ok();
}

/// A background has no holes: where spread reaches on one zoom and not on the next there is a tile of it.
#[test]
fn every_tile_has_one_of_twice_its_pixels() {
    let place = Playground::new();
    place.file("far.csv", "lon,lat\n0.0001,0.0001\n-20,40\n-20,40\n");
    for look in [&["--background", "dark"][..], &["--background", "dark", "--spread-on", "colours"], &[]] {
        let run = ["render", "far.csv", "-o", "far", "-z", "0..8", "--retina", "--backend", "cpu", "-q", "--force"];
        let spread: &[&str] = if look.len() > 2 { &["--spread", "60"] } else { &[] };
        place.run([&run[..], look, spread].concat()).ok();
        let tiles = tiles(&place.path("far"));
        let plain = tiles.keys().filter(|name| !name.contains("@2x"));
        let twice = plain.map(|name| tiles.get(&name.replace(".png", "@2x.png")));
        for bytes in twice {
            let pixels = pixels(bytes.expect("a tile of twice the pixels"), 512);
            assert!(look.is_empty() || pixels.chunks(4).all(|colour| colour[3] == 255), "{look:?}");
        }
    }
}

#[test]
fn the_last_zoom_of_all_is_drawn() {
    let place = Playground::new();
    place.file("one.csv", "lon,lat\n13.4,52.5\n");
    for (zooms, more) in [("22..23", &["--tile-size", "512"][..]), ("23", &["--retina"]), ("23..24", &[])] {
        let run = ["render", "one.csv", "-o", "one", "-z", zooms, "--backend", "cpu", "-q", "--force"];
        place.run([&run[..], more].concat()).ok();
        assert!(!tiles(&place.path("one")).is_empty());
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let place = Playground::new();
    for (out, zooms, more, says) in [
        ("a.pmtiles", "0..3", &["--retina"][..], "name a folder"),
        ("a.html", "0..3", &["--retina"], "--tile-size 512"),
        ("a", "0..3", &["--retina", "--tile-size", "512"], "leave out --tile-size"),
        ("a", "20..24", &["--tile-size", "512"], "zooms up to 23"),
        ("a", "24", &["--retina"], "zooms up to 23"),
        ("a", "0..3", &["--retina", "--span", "0..3:1,9"], "zoom 4"),
    ] {
        let line = render(&place, out, zooms, more).error(2);
        assert!(line.contains(says), "{line}");
    }
    let ran = render(&place, "a", "0", &["--tile-size", "1024"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("write 256 or 512"), "{}", ran.stderr);
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
fn the_highest_zoom_is_found_by_its_pixels() {
    let place = Playground::new();
    let text = |more: &[&str]| {
        let sample = sample().display().to_string();
        place.run([&["render", &sample, "-o", "none", "-z", "auto", "--dry-run"][..], more].concat()).ok().stderr
    };
    let highest = |text: &str| -> u8 {
        let (_, rest) = text.split_once("zooms 0 to ").unwrap();
        rest.split(':').next().unwrap().parse().unwrap()
    };
    let (usual, large) = (text(&[]), text(&["--tile-size", "512"]));
    assert_eq!(highest(&large) + 1, highest(&usual), "{usual} {large}");
}

/// A map that asks for dense tiles gets them, and one that cannot is not told of any.
#[cfg(feature = "serve")]
#[test]
fn they_are_served() {
    use crate::common::server::Server;
    let place = Playground::new();
    render(&place, "both", "0..4", &["--retina"]).ok();
    render(&place, "large.pmtiles", "0..4", &["--tile-size", "512"]).ok();
    let server = Server::start(&place, &["both", "large.pmtiles"]);
    let told = |layer: &str| -> Value { serde_json::from_slice(&server.get(&format!("/{layer}.json")).body).unwrap() };
    let (both, large) = (told("both"), told("large"));
    assert_eq!((&both["retina"], &both["tileSize"]), (&json!(true), &json!(256)));
    assert_eq!((&large["retina"], &large["tileSize"]), (&Value::Null, &json!(512)));
    assert!(server.get("/both/0/0/0@2x.png").body == fs::read(place.path("both/0/0/0@2x.png")).unwrap());
    assert!(server.get("/both/0/0/0.png").body == fs::read(place.path("both/0/0/0.png")).unwrap());
    assert_eq!(server.get("/large/0/0/0@2x.png").status, 404);
    assert!(server.get("/both/0/0/0%402x.png").body == fs::read(place.path("both/0/0/0@2x.png")).unwrap());
    assert_eq!(pixels(&server.get("/large/0/0/0.png").body, 512).len(), 4 * 512 * 512);
    // A tile of twice the pixels that strayed into a set says nothing of the others.
    render(&place, "usual", "0..4", &[]).ok();
    fs::copy(place.path("both/0/0/0@2x.png"), place.path("usual/0/0/0@2x.png")).unwrap();
    let server = Server::start(&place, &["usual"]);
    assert_eq!(server.get("/usual.json").json()["retina"], Value::Null);
    assert!(server.get("/usual/1/0/0@2x.png").body == fs::read(place.path("usual/1/0/0.png")).unwrap());
}
