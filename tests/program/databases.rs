//! MBTiles files as the server reads them: those of other programs, those that are being written, and those made to harm.
//! Files of other people are found through `TILEFIRE_TEST_DATA`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::Playground;
use crate::common::server::Server;
use rusqlite::Connection;
use serde_json::json;

/// A tile whose bytes begin as those of a PNG and end with its place in XYZ.
fn png(mark: &str) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\0\0\0\x02\0", mark.as_bytes()].concat()
}

/// A file with the four tiles of zoom 1 as the format wants them, in a table or in a view over equal tiles stored once.
fn write(path: &Path, view: bool, metadata: &[(&str, &str)]) -> Connection {
    let file = Connection::open(path).unwrap();
    let tables = if view {
        "CREATE TABLE map (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_id TEXT);
         CREATE TABLE images (tile_data BLOB, tile_id TEXT);
         CREATE UNIQUE INDEX map_index ON map (zoom_level, tile_column, tile_row);
         CREATE UNIQUE INDEX images_id ON images (tile_id);
         CREATE VIEW tiles AS SELECT map.zoom_level, map.tile_column, map.tile_row, images.tile_data
             FROM map JOIN images ON images.tile_id = map.tile_id;"
    } else {
        "CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB);
         CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row);"
    };
    file.execute_batch(&format!("CREATE TABLE metadata (name TEXT, value TEXT); {tables}")).unwrap();
    for (name, value) in metadata {
        file.execute("INSERT INTO metadata VALUES (?1, ?2)", (name, value)).unwrap();
    }
    for (x, y) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let bytes = png(&format!("1/{x}/{y}"));
        if view {
            file.execute("INSERT INTO map VALUES (1, ?1, ?2, ?3)", (x, 1 - y, format!("{x}{y}"))).unwrap();
            file.execute("INSERT INTO images VALUES (?1, ?2)", (&bytes, format!("{x}{y}"))).unwrap();
        } else {
            file.execute("INSERT INTO tiles VALUES (1, ?1, ?2, ?3)", (x, 1 - y, &bytes)).unwrap();
        }
    }
    file
}

const PLAIN: [(&str, &str); 5] =
    [("name", "A set"), ("format", "png"), ("bounds", "-180,-85,180,85"), ("minzoom", "1"), ("maxzoom", "1")];

fn refusal(place: &Playground, set: &str) -> String {
    place.run(["serve", "--port", "0", set]).error(1)
}

#[test]
fn rows_from_the_south_lie_where_they_belong() {
    let place = Playground::new();
    write(&place.path("table.mbtiles"), false, &PLAIN);
    write(&place.path("view 100%.mbtiles"), true, &PLAIN);
    // A scheme of its own means nothing: rows are as the format has them.
    write(&place.path("said.mbtiles"), false, &[&PLAIN[..], &[("scheme", "xyz")]].concat());
    write(&place.path("bare.mbtiles"), false, &[]);
    // Rows from the north after all: no tile lies in the box otherwise.
    let turned = write(&place.path("turned.mbtiles"), false, &[("bounds", "-8,50,2,60")]);
    turned.execute_batch("DELETE FROM tiles").unwrap();
    turned.execute("INSERT INTO tiles VALUES (6, 31, 20, ?1)", [png("britain")]).unwrap();
    drop(turned);
    let names = ["table.mbtiles", "view 100%.mbtiles", "said.mbtiles", "bare.mbtiles", "turned.mbtiles"];
    let before = place.names();
    let server = Server::start(&place, &names);
    for layer in ["table", "view-100", "said", "bare"] {
        for tile in ["1/0/0", "1/0/1", "1/1/0", "1/1/1"] {
            let answer = server.get(&format!("/{layer}/{tile}.png"));
            assert_eq!((answer.status, answer.header("content-type")), (200, "image/png"), "{layer} {tile}");
            assert_eq!(answer.body, png(tile), "{layer} {tile}");
        }
        let json = server.get(&format!("/{layer}.json")).json();
        assert_eq!((&json["scheme"], &json["format"]), (&json!("xyz"), &json!("png")), "{layer}");
        assert_eq!((&json["minzoom"], &json["maxzoom"], &json["tileSize"]), (&json!(1), &json!(1), &json!(512)));
        assert_eq!((&json["bounds"][0], &json["bounds"][2]), (&json!(-180.0), &json!(180.0)), "{layer}");
        assert_eq!(json["name"], if layer == "bare" { "bare" } else { "A set" });
        assert_eq!(server.get(&format!("/{layer}.pmtiles")).status, 404);
        assert_eq!(server.get(&format!("/{layer}/2/0/0.png")).status, 404, "outside");
    }
    assert_eq!(server.get("/turned/6/31/20.png").body, png("britain"));
    assert_eq!(server.get("/health").body, b"ok\n");
    drop(server);
    assert_eq!(place.names(), before, "nothing was made beside them");
}

#[test]
fn what_a_set_says_of_its_colours_is_read() {
    let place = Playground::new();
    place.file("points.csv", "lon,lat\n-0.1276,51.5072\n2.3522,48.8566\n");
    place.run(["render", "points.csv", "-o", "heat", "-z", "0..3", "--backend", "cpu", "-q"]).ok();
    let metadata: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("heat/metadata.json")).unwrap()).unwrap();
    let heat = metadata["heat"].to_string();
    write(&place.path("heat.mbtiles"), true, &[&PLAIN[..], &[("heat", &heat)]].concat());
    let server = Server::start(&place, &["heat.mbtiles"]);
    assert_eq!(server.get("/heat.json").json()["heat"], metadata["heat"]);
    assert_eq!(server.get("/heat/legend.png").body, fs::read(place.path("heat/legend.png")).unwrap());
    let like =
        ["render", "points.csv", "-o", "like", "-z", "0..3", "--span", "like:heat.mbtiles", "--backend", "cpu", "-q"];
    place.run(like).ok();
    let like: serde_json::Value = serde_json::from_slice(&fs::read(place.path("like/metadata.json")).unwrap()).unwrap();
    assert_eq!(like["heat"]["zooms"]["3"]["span"], metadata["heat"]["zooms"]["3"]["span"]);
}

#[test]
fn what_is_no_set_of_pictures_is_refused_by_name() {
    let place = Playground::new();
    write(&place.path("vector.mbtiles"), false, &[("format", "pbf")]);
    let packed = write(&place.path("packed.mbtiles"), false, &[]);
    let vector = crate::common::sets::gzip(b"\x1a\x20\x0a\x05water\x12\x00\x78\x02");
    packed.execute("UPDATE tiles SET tile_data = ?1", [&vector]).unwrap();
    let other = Connection::open(place.path("other.gpkg")).unwrap();
    other.execute_batch("CREATE TABLE gpkg_contents (a)").unwrap();
    let trick = Connection::open(place.path("trick.mbtiles")).unwrap();
    trick.execute_batch("CREATE VIRTUAL TABLE tiles USING rtree(zoom_level, tile_column, tile_row)").unwrap();
    drop((packed, other, trick));
    place.file("cut.mbtiles", &fs::read(place.path("vector.mbtiles")).unwrap()[..900]);
    place.file("text.mbtiles", "lon,lat\n".repeat(100));
    for (set, says) in [
        ("vector.mbtiles", "vector tiles (pbf)"),
        ("packed.mbtiles", "vector tiles (MVT)"),
        ("other.gpkg", "no table or view called tiles"),
        ("trick.mbtiles", "SQLite cannot read it"),
        ("cut.mbtiles", "SQLite cannot read it"),
        ("text.mbtiles", "MBTiles"),
    ] {
        let refused = refusal(&place, set);
        assert!(refused.contains(says) && refused.contains(set), "{refused}");
    }
}

/// Nothing that a file holds takes longer or more than it may, and a layer beside it does not notice.
#[cfg(target_os = "linux")]
#[test]
fn files_made_to_harm_cost_their_own_layer() {
    let place = Playground::new();
    write(&place.path("good.mbtiles"), true, &PLAIN);
    let view = |name: &str, select: &str| {
        let file = Connection::open(place.path(name)).unwrap();
        file.execute_batch("CREATE TABLE metadata (name TEXT, value TEXT); CREATE TABLE n (i INTEGER)").unwrap();
        for (name, value) in PLAIN {
            file.execute("INSERT INTO metadata VALUES (?1, ?2)", (name, value)).unwrap();
        }
        file.execute_batch(
            "INSERT INTO n WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 2000) SELECT i FROM c",
        )
        .unwrap();
        let columns = "zoom_level, tile_column, tile_row, tile_data";
        file.execute_batch(&format!("CREATE VIEW tiles ({columns}) AS {select}")).unwrap();
    };
    view("loop.mbtiles", "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT 1, i, 0, 'a' FROM c");
    view(
        "product.mbtiles",
        "SELECT 1, a.i * b.i * c.i, d.i, 'a' FROM n a, n b, n c, n d WHERE a.i + b.i + c.i + d.i < 0",
    );
    view("memory.mbtiles", "SELECT 1, i, 0, zeroblob(5000000) AS tile FROM n ORDER BY tile, i DESC");
    let large = write(&place.path("large.mbtiles"), false, &PLAIN);
    large.execute("UPDATE tiles SET tile_data = zeroblob(200000000) WHERE tile_column = 1", []).unwrap();
    drop(large);
    // Pages that say nothing sensible behind a head that does.
    let mut bytes = fs::read(place.path("good.mbtiles")).unwrap();
    for at in (4200..bytes.len()).step_by(7) {
        bytes[at] ^= 0x5a;
    }
    place.file("torn.mbtiles", bytes);
    let names = ["good", "loop", "product", "memory", "large", "torn"].map(|name| format!("{name}.mbtiles"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = Server::start(&place, &names);
    std::thread::scope(|scope| {
        for layer in ["loop", "product", "memory", "large", "torn"] {
            let server = &server;
            scope.spawn(move || {
                for tile in ["1/1/0", "1/1/1"] {
                    let answer = server.get(&format!("/{layer}/{tile}.png"));
                    assert!([500, 503].contains(&answer.status), "{layer} {tile}: {answer:?}");
                    answer.is_one_line();
                }
            });
        }
        for _ in 0..20 {
            let start = Instant::now();
            assert_eq!(server.get("/good/1/0/1.png").body, png("1/0/1"));
            assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    // The rest of a set with one tile that cannot be is served.
    assert_eq!(server.get("/large/1/0/1.png").body, png("1/0/1"));
    let peak = server.peak().unwrap();
    assert!(peak < 220 << 20, "{peak} bytes of memory");
}

#[test]
fn a_file_that_changes_is_shown_as_it_is_now() {
    let place = Playground::new();
    let path = place.path("live.mbtiles");
    let writer = write(&path, false, &PLAIN);
    let server = Server::start(&place, &["live.mbtiles"]);
    let tile = || server.get("/live/1/0/0.png").body;
    let state = || server.get("/states").json()["live"].clone();
    assert_eq!(tile(), png("1/0/0"));
    let first = state();
    // Written in place.
    let put = |writer: &Connection, mark: &str| {
        writer.execute("UPDATE tiles SET tile_data = ?1 WHERE tile_column = 0 AND tile_row = 1", [png(mark)]).unwrap();
    };
    put(&writer, "in place");
    assert_eq!(tile(), png("in place"));
    let second = state();
    assert_ne!(first, second);
    // By way of a log beside the file, with the writer still there.
    writer.pragma_update(None, "journal_mode", "wal").unwrap();
    put(&writer, "in the log");
    assert!(fs::metadata(place.path("live.mbtiles-wal")).unwrap().len() > 0);
    assert_eq!(tile(), png("in the log"));
    put(&writer, "in the log again");
    assert_eq!(tile(), png("in the log again"));
    assert_ne!(state(), second);
    drop(writer);
    assert_eq!(tile(), png("in the log again"));
    // Another one in its place.
    drop(write(&place.path("new.mbtiles"), true, &PLAIN));
    fs::rename(place.path("new.mbtiles"), &path).unwrap();
    assert_eq!(tile(), png("1/0/0"));
    fs::remove_file(&path).unwrap();
    assert_eq!(server.get("/live/1/0/0.png").status, 503);
    drop(write(&path, true, &PLAIN));
    assert_eq!(tile(), png("1/0/0"));
}

#[test]
fn a_set_that_was_closed_with_its_log_needs_no_other_files() {
    let place = Playground::new();
    let writer = write(&place.path("closed.mbtiles"), false, &PLAIN);
    writer.pragma_update(None, "journal_mode", "wal").unwrap();
    writer.execute("UPDATE metadata SET value = 'B set' WHERE name = 'name'", []).unwrap();
    drop(writer);
    assert_eq!(place.names(), ["closed.mbtiles"]);
    let server = Server::start(&place, &["closed.mbtiles"]);
    assert_eq!(server.get("/closed/1/1/0.png").body, png("1/1/0"));
    assert_eq!(server.get("/closed.json").json()["name"], "B set");
    assert_eq!(place.names(), ["closed.mbtiles"]);
}

#[test]
fn a_set_of_another_program_is_served() {
    let Some(data) = crate::common::real_data("a_set_of_another_program_is_served") else { return };
    let path = data.join("cases/serve/toner.mbtiles");
    let file = Connection::open_with_flags(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let place = Playground::new();
    let server = Server::start(&place, &[&path.display().to_string()]);
    let json = server.get("/toner.json").json();
    assert_eq!((&json["tileSize"], &json["format"]), (&json!(256), &json!("png")), "{json}");
    let mut tiles = file.prepare("SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles").unwrap();
    let tiles = tiles.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    let mut count = 0;
    for tile in tiles {
        let (z, x, row, bytes): (u32, u32, u32, Vec<u8>) = tile.unwrap();
        let answer = server.get(&format!("/toner/{z}/{x}/{}.png", (1 << z) - 1 - row));
        assert_eq!((answer.status, answer.body), (200, bytes), "{z}/{x}/{row}");
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn sets_of_our_own_are_served_alike_whatever_they_lie_in() {
    let place = Playground::new();
    place.file("points.csv", "lon,lat\n-0.1276,51.5072\n2.3522,48.8566\n-3.19,55.95\n");
    for format in ["png", "webp"] {
        let sets = [("folder", "xyz"), ("turned", "tms"), ("one.pmtiles", "xyz"), ("one.mbtiles", "xyz")];
        let names = sets.map(|(out, _)| format!("{format}-{out}"));
        for (name, (_, scheme)) in names.iter().zip(sets) {
            let run = ["render", "points.csv", "-o", name, "-z", "0..6", "--backend", "cpu", "-q", "--format", format];
            let scheme: &[&str] = if scheme == "tms" { &["--scheme", "tms"] } else { &[] };
            place.run([&run[..], scheme].concat()).ok();
        }
        let server = Server::start(&place, &names.each_ref().map(String::as_str));
        let folder = crate::common::tree(&place.path(&format!("{format}-folder")));
        let tiles: Vec<_> = folder.iter().filter(|(name, _)| name.split('/').count() == 3).collect();
        assert!(tiles.len() > 10);
        let layers = ["folder", "turned", "one", "one-2"].map(|layer| format!("{format}-{layer}"));
        let first = server.get(&format!("/{}.json", layers[0])).json();
        for layer in &layers {
            for (name, bytes) in &tiles {
                let answer = server.get(&format!("/{layer}/{name}"));
                assert_eq!((answer.status, answer.header("content-type")), (200, format!("image/{format}").as_str()));
                assert_eq!(&&answer.body, bytes, "{layer}/{name}");
            }
            assert_eq!(server.get(&format!("/{layer}/6/32/20.{format}")).status, 204, "{layer}");
            let json = server.get(&format!("/{layer}.json")).json();
            for key in ["bounds", "minzoom", "maxzoom", "format", "scheme", "tileSize", "tile_size", "heat"] {
                assert_eq!(json[key], first[key], "{layer}: {key}");
            }
            assert_eq!(server.get(&format!("/{layer}/legend.png")).body, folder["legend.png"], "{layer}");
        }
    }
}
