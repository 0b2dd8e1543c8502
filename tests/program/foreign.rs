//! Sets that other programs made, served right or refused by name: rows from the south, other pictures, metadata of text, no
//! box, data instead of pictures. Small ones are made here; files of other people are found through `TILEFIRE_TEST_DATA`
//! (a folder with cases/serve).

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::server::Server;
use crate::common::{Playground, sets};
use serde_json::{Value, json};

/// The folder of other people's sets, or `None` with a line that names the test that is skipped.
fn cases(test: &str) -> Option<PathBuf> {
    let folder = crate::common::real_data(test)?.join("cases/serve");
    assert!(folder.is_dir(), "{} is missing", folder.display());
    Some(folder)
}

/// The tile's address in a layer's TileJSON, below the server.
fn address(server: &Server, layer: &str, tile: &str) -> String {
    let json = server.get(&format!("/{layer}.json")).json();
    let url = json["tiles"][0].as_str().unwrap().to_owned();
    let mut parts = tile.split('/');
    let mut next = || parts.next().unwrap();
    let url = url.replace("{z}", next()).replace("{x}", next()).replace("{y}", next());
    url.strip_prefix(&format!("http://localhost:{}", server.port)).unwrap().to_owned()
}

/// The smallest PNG of a size that says so: its head is all that is looked at.
fn png(side: u32, mark: &str) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(side.to_be_bytes());
    bytes.extend(side.to_be_bytes());
    bytes.extend(mark.bytes());
    bytes
}

/// A folder of four tiles of zoom 1 with `ending`, and metadata where there is some.
fn folder(place: &Playground, name: &str, ending: &str, tile: impl Fn(&str) -> Vec<u8>, metadata: Option<Value>) {
    for tile_name in ["1/0/0", "1/0/1", "1/1/0", "1/1/1"] {
        let path = place.path(&format!("{name}/{tile_name}{ending}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, tile(tile_name)).unwrap();
    }
    if let Some(metadata) = metadata {
        fs::write(place.path(&format!("{name}/metadata.json")), metadata.to_string()).unwrap();
    }
}

/// The refusal of one set, as one line.
fn refusal(place: &Playground, set: impl AsRef<Path>) -> String {
    place.run(["serve".as_ref(), "--port".as_ref(), "0".as_ref(), set.as_ref().as_os_str()]).error(1)
}

#[test]
fn rows_from_the_south_are_turned() {
    let place = Playground::new();
    let tile = |name: &str| png(256, name);
    folder(&place, "scheme", ".png", tile, Some(json!({"scheme": "tms"})));
    folder(&place, "template", ".png", tile, Some(json!({"tiles": ["https://a.test/{z}/{x}/{-y}.png"]})));
    folder(&place, "plain", ".png", tile, None);
    folder(&place, "resource", ".png", tile, None);
    let resource = |profile: &str| format!("<TileMap><Title>A map</Title><TileSets profile=\"{profile}\"></TileMap>");
    fs::write(place.path("resource/tilemapresource.xml"), resource("mercator")).unwrap();
    // Nothing says it, but no tile lies in the box otherwise.
    fs::create_dir_all(place.path("box/6/31")).unwrap();
    fs::write(place.path("box/6/31/43.png"), png(256, "britain")).unwrap();
    fs::write(place.path("box/metadata.json"), json!({"bounds": [-8, 50, 2, 60]}).to_string()).unwrap();
    let server = Server::start(&place, &["scheme", "template", "plain", "resource", "box"]);
    for (layer, row) in [("scheme", 1), ("template", 1), ("resource", 1), ("plain", 0)] {
        let answer = server.get(&format!("/{layer}/1/1/0.png"));
        assert_eq!((answer.status, answer.body), (200, png(256, &format!("1/1/{row}"))), "{layer}");
        assert_eq!(server.get(&format!("/{layer}.json")).json()["scheme"], "xyz");
    }
    assert_eq!(server.get("/resource.json").json()["name"], "A map");
    assert_eq!(server.get("/box/6/31/20.png").body, png(256, "britain"));
    for profile in ["geodetic", "raster"] {
        fs::write(place.path("resource/tilemapresource.xml"), resource(profile)).unwrap();
        let refused = refusal(&place, "resource");
        assert!(refused.contains(profile) && refused.contains("EPSG:3857"), "{refused}");
    }
    fs::write(place.path("resource/tilemapresource.xml"), resource("mercator")).unwrap();
    fs::write(place.path("resource/metadata.json"), json!({"scheme": "xyz"}).to_string()).unwrap();
    let refused = refusal(&place, "resource");
    assert!(refused.contains("tilemapresource.xml") && refused.contains("metadata.json"), "{refused}");
}

#[test]
fn pictures_are_served_as_what_they_are() {
    let place = Playground::new();
    let jpeg = |name: &str| [b"\xff\xd8\xff\xc0\x00\x0b\x08\x02\x00\x02\x00\x01", name.as_bytes()].concat();
    let webp =
        |name: &str| [b"RIFF\x30\0\0\0WEBPVP8 \x20\0\0\0\0\0\0\x9d\x01\x2a\x00\x01\x00\x01", name.as_bytes()].concat();
    folder(&place, "jpg", ".jpg", jpeg, None);
    folder(&place, "jpeg", ".jpeg", jpeg, None);
    folder(&place, "webp", ".webp", webp, Some(json!({"format": "png"})));
    folder(&place, "bare", "", |name| png(256, name), None);
    folder(&place, "misnamed", ".png", jpeg, None);
    folder(&place, "packed", ".png", |name| sets::gzip(&png(256, name)), None);
    folder(&place, "dense", "@2x.png", |name| png(512, name), None);
    folder(&place, "both", ".png", |name| png(256, name), None);
    folder(&place, "both", "@2x.png", |name| png(512, name), None);
    let names = ["jpg", "jpeg", "webp", "bare", "misnamed", "packed", "dense", "both"];
    let server = Server::start(&place, &names);
    for (layer, kind, ending, side, drawn, bytes) in [
        ("jpg", "image/jpeg", "jpg", 512, 512, jpeg("1/0/1")),
        ("jpeg", "image/jpeg", "jpg", 512, 512, jpeg("1/0/1")),
        ("webp", "image/webp", "webp", 256, 256, webp("1/0/1")),
        ("bare", "image/png", "png", 256, 256, png(256, "1/0/1")),
        ("misnamed", "image/jpeg", "jpg", 512, 512, jpeg("1/0/1")),
        ("packed", "image/png", "png", 256, 256, png(256, "1/0/1")),
        ("dense", "image/png", "@2x.png", 512, 256, png(512, "1/0/1")),
        ("both", "image/png", "png", 256, 256, png(256, "1/0/1")),
    ] {
        let json = server.get(&format!("/{layer}.json")).json();
        assert!(json["tiles"][0].as_str().unwrap().ends_with(ending), "{json}");
        assert_eq!(json["format"], ending.trim_start_matches("@2x."), "{layer}");
        assert_eq!((&json["tile_size"], &json["tileSize"]), (&json!(side), &json!(drawn)), "{layer}");
        assert_eq!((&json["minzoom"], &json["maxzoom"]), (&json!(1), &json!(1)), "{layer}");
        let answer = server.get(&address(&server, layer, "1/0/1"));
        assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{layer}");
        assert_eq!(answer.body, bytes, "{layer}");
    }
    assert_eq!(server.get("/both/1/0/1@2x.png").body, png(512, "1/0/1"));
    assert_eq!(server.get("/dense/1/0/1.png").body, png(512, "1/0/1"));
    // What has another name is told by it, not found to be empty.
    for (asked, right) in [("/jpg/1/0/0.png", ".jpg"), ("/bare/1/0/0@2x.png", ".png"), ("/both/1/0/0.webp", ".png")] {
        let answer = server.get(asked);
        assert_eq!(answer.status, 404, "{asked}");
        answer.is_one_line();
        assert!(String::from_utf8_lossy(&answer.body).trim().ends_with(right), "{answer:?}");
    }
}

#[test]
fn data_is_refused_by_name() {
    let place = Playground::new();
    let vector = |_: &str| b"\x1a\x20\x0a\x05water\x12\x00\x78\x02".to_vec();
    folder(&place, "pbf", ".pbf", vector, None);
    folder(&place, "named", ".png", vector, None);
    folder(&place, "packed", ".png", |name| sets::gzip(&vector(name)), None);
    folder(&place, "elevation", ".terrain", |_| vec![1; 20], None);
    folder(&place, "degrees", ".png", |_| png(256, ""), Some(json!({"profile": "geodetic"})));
    for (set, says) in [
        ("pbf", "vector tiles (.pbf)"),
        ("named", "vector tiles (MVT)"),
        ("packed", "vector tiles (MVT)"),
        ("elevation", ".terrain"),
        ("degrees", "geodetic"),
    ] {
        let refused = refusal(&place, set);
        assert!(refused.contains(says) && refused.contains(set), "{refused}");
    }
    let archive = |kind: u8, packing: u8, tile: &[u8]| {
        let mut set = sets::Set::with("{}");
        set.tiles = tile.to_vec();
        set.root = sets::directory([sets::Entry { tile: 0, offset: 0, length: tile.len() as u32, run: 1 }].into_iter());
        set.write(&place.path("one.pmtiles"));
        let mut bytes = fs::read(place.path("one.pmtiles")).unwrap();
        (bytes[98], bytes[99]) = (packing, kind);
        fs::write(place.path("one.pmtiles"), bytes).unwrap();
    };
    for (kind, packing, tile, says) in [
        (1, 2, &sets::gzip(&vector(""))[..], "vector tiles (MVT)"),
        (6, 2, &[1, 2, 3], "vector tiles (MLT)"),
        (0, 2, &sets::gzip(&vector("")), "vector tiles (MVT)"),
        (0, 1, b"anything", "no pictures"),
        (9, 1, b"anything", "not known"),
        (2, 3, b"anything", "brotli"),
    ] {
        archive(kind, packing, tile);
        let refused = refusal(&place, "one.pmtiles");
        assert!(refused.contains(says), "{kind} {packing}: {refused}");
    }
    let tile = png(512, "looked at");
    for (kind, packing, bytes) in
        [(0, 1, tile.clone()), (0, 2, sets::gzip(&tile)), (2, 2, sets::gzip(&tile)), (4, 1, tile.clone())]
    {
        archive(kind, packing, &bytes);
        let server = Server::start(&place, &["one.pmtiles"]);
        let json = server.get("/one.json").json();
        assert_eq!((&json["format"], &json["tileSize"]), (&json!("png"), &json!(512)), "{kind} {packing}");
        assert_eq!(server.get(&address(&server, "one", "0/0/0")).body, tile);
    }
}

#[test]
fn metadata_of_text_is_read() {
    let place = Playground::new();
    let tile = |name: &str| png(256, name);
    let text =
        json!({"name": "toner", "bounds": "-180,-85,180,85", "center": "-0.1,51.5,1", "minzoom": "0", "maxzoom": "1"});
    folder(&place, "text", ".png", tile, Some(text));
    folder(&place, "two", ".png", tile, Some(json!({"minzoom": 1, "maxzoom": 1, "center": [0, 51.5]})));
    folder(&place, "none", ".png", tile, Some(json!({"bounds": "?", "center": "", "minzoom": ""})));
    let server = Server::start(&place, &["text", "two", "none"]);
    let text = server.get("/text.json").json();
    assert_eq!((&text["bounds"], &text["center"]), (&json!([-180.0, -85.0, 180.0, 85.0]), &json!([-0.1, 51.5, 1])));
    assert_eq!((&text["minzoom"], &text["maxzoom"], &text["name"]), (&json!(0), &json!(1), &json!("toner")));
    assert_eq!(server.get("/two.json").json()["center"], json!([0.0, 51.5, 1]));
    let none = server.get("/none.json").json();
    assert_eq!((&none["minzoom"], &none["maxzoom"]), (&json!(1), &json!(1)));
    assert_eq!((&none["bounds"][0], &none["bounds"][2]), (&json!(-180.0), &json!(180.0)));
}

#[test]
fn a_box_that_nobody_says_is_found() {
    let place = Playground::new();
    for (name, rows) in [("north", ["3/4/2.png", "3/5/2.png"]), ("south", ["3/4/5.png", "3/5/5.png"])] {
        for row in rows {
            let path = place.path(&format!("{name}/{row}"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, png(256, "")).unwrap();
        }
    }
    fs::write(place.path("south/metadata.json"), json!({"scheme": "tms"}).to_string()).unwrap();
    let server = Server::start(&place, &["north", "south"]);
    for layer in ["north", "south"] {
        let json = server.get(&format!("/{layer}.json")).json();
        let of = |at: usize| json["bounds"][at].as_f64().unwrap();
        assert!(of(0) == 0.0 && of(2) < 90.0 && of(2) > 89.999_999, "{layer}: {json}");
        assert!((of(1) - 40.979_898).abs() < 1e-5 && (of(3) - 66.513_26).abs() < 1e-5, "{layer}: {json}");
        assert_eq!(server.get(&format!("/{layer}/3/6/2.png")).status, 404, "{layer}: outside");
        assert_eq!(server.get(&format!("/{layer}/3/4/2.png")).status, 200, "{layer}");
    }
}

#[test]
fn sets_of_other_programs_are_served() {
    let Some(cases) = cases("sets_of_other_programs_are_served") else { return };
    let place = Playground::new();
    let path = |name: &str| cases.join(name).display().to_string();
    let sets = ["gdal2tiles_tms", "jpg_folder", "webp_folder", "retina_folder", "mbutil_xyz", "center2"].map(path);
    let archives = ["zero_bounds.pmtiles", "swapped_bounds.pmtiles", "unknown_type.pmtiles"].map(path);
    let all: Vec<&str> = sets.iter().chain(&archives).map(String::as_str).collect();
    let server = Server::start(&place, &all);
    let file = |name: &str| fs::read(cases.join(name)).unwrap();
    // Rows of a TMS folder are turned.
    assert_eq!(server.get("/gdal2tiles_tms/1/1/0.png").body, file("gdal2tiles_tms/1/1/1.png"));
    assert_eq!(server.get("/gdal2tiles_tms/1/0/1.png").body, file("gdal2tiles_tms/1/0/0.png"));
    for (layer, kind, name) in [
        ("jpg_folder", "image/jpeg", "1/0/1.jpg"),
        ("webp_folder", "image/webp", "1/0/1.webp"),
        ("retina_folder", "image/png", "1/0/1@2x.png"),
        ("mbutil_xyz", "image/png", "1/0/1.png"),
    ] {
        let answer = server.get(&address(&server, layer, "1/0/1"));
        assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{layer}");
        assert_eq!(answer.body, file(&format!("{layer}/{name}")), "{layer}");
    }
    let json = |layer: &str| server.get(&format!("/{layer}.json")).json();
    assert_eq!(json("mbutil_xyz")["bounds"], json!([-180.0, -85.0, 180.0, 85.0]));
    assert_eq!((&json("mbutil_xyz")["minzoom"], &json("mbutil_xyz")["maxzoom"]), (&json!(0), &json!(1)));
    assert_eq!(json("center2")["center"], json!([0.0, 51.5, 0]));
    for layer in ["zero_bounds", "swapped_bounds", "unknown_type", "gdal2tiles_tms", "jpg_folder"] {
        let json = json(layer);
        assert_eq!((&json["bounds"][0], &json["bounds"][2]), (&json!(-180.0), &json!(180.0)), "{layer}: {json}");
        assert!(json["bounds"][1].as_f64().unwrap() < -84.9 && json["bounds"][3].as_f64().unwrap() > 84.9, "{json}");
        assert_eq!(json["tileSize"], 256, "{layer}");
        for tile in ["0/0/0", "1/0/0", "1/1/1"] {
            assert_eq!(server.get(&address(&server, layer, tile)).status, 200, "{layer} {tile}");
        }
    }
}
