//! An MBTiles file is what the specification says, holds the bytes of the other containers, and follows the laws of
//! outputs: complete or absent, the same bytes whatever the order, and nothing of others replaced.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::common::sets::{archived, coordinate};
use crate::common::{Playground, sample, tree};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tilefire::Error;
use tilefire::container::write::{self as container, Beside};
use tilefire::heat::TileJson;
use tilefire::monitor::Monitor;
use tilefire::staging::OutputOptions;
use tilefire::tile::TileCoord;

fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn one<T: rusqlite::types::FromSql>(set: &Connection, query: &str) -> T {
    set.query_row(query, [], |row| row.get(0)).unwrap()
}

fn metadata(set: &Connection) -> BTreeMap<String, String> {
    let mut rows = set.prepare("SELECT name, value FROM metadata").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// All tiles of the view by their names in a folder: rows counted from the north again.
fn tiles(set: &Connection) -> BTreeMap<String, Vec<u8>> {
    let mut rows = set.prepare("SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles").unwrap();
    let named = |row: &rusqlite::Row<'_>| {
        let (z, x, y): (u8, u32, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((format!("{z}/{x}/{}.png", (1u32 << z) - 1 - y), row.get(3)?))
    };
    let found: Vec<(String, Vec<u8>)> = rows.query_map([], named).unwrap().collect::<Result<_, _>>().unwrap();
    let count = found.len();
    let tiles: BTreeMap<_, _> = found.into_iter().collect();
    assert_eq!(tiles.len(), count, "a tile comes twice");
    tiles
}

fn render(place: &Playground, out: &str, extra: &[&str]) -> crate::common::Ran {
    let input = sample();
    let mut arguments = vec!["render", input.to_str().unwrap(), "-o", out, "-z", "0..9", "--backend", "cpu", "-q"];
    arguments.extend(extra);
    place.run(arguments)
}

#[test]
fn the_same_tiles_are_in_every_container() {
    let place = Playground::new();
    for extra in [&[][..], &["--spread", "0", "--truecolor"], &["--min-count", "3"]] {
        for out in ["set", "set.pmtiles", "set.MBTILES"] {
            render(&place, out, &[&["--force"], extra].concat()).ok();
        }
        let mut files = tree(&place.path("set"));
        files.retain(|name, _| name.contains('/'));
        assert!(files.len() > 30);
        assert!(tiles(&open(&place.path("set.MBTILES"))) == files, "{extra:?}");
        let names: Vec<TileCoord> = files.keys().map(|name| coordinate(name)).collect();
        for (name, found) in names.iter().zip(archived(&place.path("set.pmtiles"), &names).2) {
            assert!(found.as_ref() == files.get(&format!("{name}.png")), "{name}");
        }
    }
    assert_eq!(place.names(), ["set", "set.MBTILES", "set.pmtiles"]);
}

#[test]
fn it_is_what_the_specification_says() {
    let place = Playground::new();
    render(&place, "set.mbtiles", &[]).ok();
    render(&place, "set", &[]).ok();
    let set = open(&place.path("set.mbtiles"));
    assert_eq!(one::<String>(&set, "PRAGMA integrity_check"), "ok");
    assert_eq!(one::<i64>(&set, "PRAGMA application_id"), 0x4d50_4258);
    assert_eq!(one::<String>(&set, "PRAGMA journal_mode"), "delete");
    assert_eq!(one::<String>(&set, "PRAGMA encoding"), "UTF-8");

    let rows = metadata(&set);
    let names: Vec<&str> = rows.keys().map(String::as_str).collect();
    let expected = [
        "bounds",
        "center",
        "format",
        "generator",
        "heat",
        "maxzoom",
        "minzoom",
        "name",
        "tile_size",
        "type",
        "version",
    ];
    assert_eq!(names, expected, "attribution only where one is given, json only in vector sets");
    let told: serde_json::Value = serde_json::from_slice(&fs::read(place.path("set/metadata.json")).unwrap()).unwrap();
    let numbers = |name: &str| {
        let numbers: Vec<f64> = rows[name].split(',').map(|number| number.parse().unwrap()).collect();
        json!(numbers)
    };
    let floats =
        |name: &str| json!(told[name].as_array().unwrap().iter().map(serde_json::Value::as_f64).collect::<Vec<_>>());
    assert_eq!((numbers("bounds"), numbers("center")), (floats("bounds"), floats("center")));
    assert_eq!((rows["minzoom"].as_str(), rows["maxzoom"].as_str()), ("0", "9"));
    assert_eq!((rows["format"].as_str(), rows["type"].as_str(), rows["version"].as_str()), ("png", "overlay", "1"));
    assert_eq!(rows["name"], told["name"].as_str().unwrap());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&rows["heat"]).unwrap(), told["heat"]);

    let columns = |table: &str| {
        let mut columns =
            set.prepare(&format!("SELECT name || ' ' || type FROM pragma_table_info('{table}')")).unwrap();
        let columns: Vec<String> = columns.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        columns.join(", ")
    };
    assert_eq!(columns("metadata"), "name TEXT, value TEXT");
    assert_eq!(columns("tiles"), "zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB");
    // As the readers of others look for them.
    assert_eq!(columns("map"), "zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_id TEXT");
    assert_eq!(columns("images"), "tile_id TEXT, tile_data BLOB");
    let unique = "SELECT group_concat(i.name) FROM pragma_index_list('map') l, pragma_index_info(l.name) i \
                  WHERE l.\"unique\" = 1 AND i.cid >= 0";
    assert!(one::<String>(&set, unique).starts_with("zoom_level,tile_column,tile_row"));
    // A tile is found without looking through the table.
    let mut plan = set
        .prepare(
            "EXPLAIN QUERY PLAN SELECT tile_data FROM tiles WHERE zoom_level = 3 AND tile_column = 3 AND tile_row = 5",
        )
        .unwrap();
    let steps: Vec<String> = plan.query_map([], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(steps.len() == 2 && steps.iter().all(|step| step.starts_with("SEARCH")), "{steps:?}");
    // A row is counted from the south: Great Britain lies in the upper half.
    assert!(one::<i64>(&set, "SELECT min(tile_row) FROM tiles WHERE zoom_level = 5") >= 16);
}

#[test]
fn identical_tiles_are_stored_once() {
    let place = Playground::new();
    let one_tile = "lon,lat\n".to_owned()
        + &(0..512).map(|i| format!("{},10\n", f64::from(i) / 512.0 * 340.0 - 170.0)).collect::<String>();
    place.file("row.csv", one_tile);
    place.run(["render", "row.csv", "-o", "row.mbtiles", "-z", "0..9", "--spread", "0", "--backend", "cpu", "-q"]).ok();
    let set = open(&place.path("row.mbtiles"));
    let all = tiles(&set);
    let different: BTreeSet<&Vec<u8>> = all.values().collect();
    assert!(different.len() * 2 < all.len(), "{} of {}", different.len(), all.len());
    assert_eq!(one::<usize>(&set, "SELECT count(*) FROM images"), different.len());
    assert_eq!(one::<usize>(&set, "SELECT count(*) FROM images WHERE tile_id NOT IN (SELECT tile_id FROM map)"), 0);
}

fn typed() -> TileJson {
    let text = json!({"generator": "tilefire 0.1.0", "name": "n", "format": "png", "minzoom": 0, "maxzoom": 9});
    TileJson::read(text.to_string().as_bytes()).unwrap().tile_json
}

fn nothing() -> Result<Beside, Error> {
    Ok(Beside::default())
}

fn write(out: &Path, force: bool, tiles: &[(TileCoord, Vec<u8>)], monitor: &Monitor) -> Result<(), Error> {
    let writer = container::create(out, &OutputOptions { force, inputs: Vec::new() })?;
    for (tile, bytes) in tiles {
        writer.write(*tile, bytes)?;
    }
    writer.finish(&typed(), &nothing, monitor).map(|_| ())
}

fn some_tiles() -> Vec<(TileCoord, Vec<u8>)> {
    let all = (0..10u8).flat_map(|z| (0..1u32 << z.min(6)).map(move |i| TileCoord { z, x: i, y: i * 5 % (1 << z) }));
    all.map(|tile| (tile, format!("{}", tile.x % 7).repeat(1 + tile.x as usize * 97 % 9000).into_bytes())).collect()
}

#[test]
fn the_order_in_which_tiles_come_leaves_no_trace() {
    let place = Playground::new();
    let mut set = some_tiles();
    write(&place.path("a.mbtiles"), false, &set, &Monitor::default()).unwrap();
    set.reverse();
    write(&place.path("b.mbtiles"), false, &set, &Monitor::default()).unwrap();
    assert!(fs::read(place.path("a.mbtiles")).unwrap() == fs::read(place.path("b.mbtiles")).unwrap());
    let expected: BTreeMap<String, Vec<u8>> =
        set.iter().map(|(tile, bytes)| (format!("{tile}.png"), bytes.clone())).collect();
    assert!(tiles(&open(&place.path("a.mbtiles"))) == expected);
    let empty: Vec<(TileCoord, Vec<u8>)> = Vec::new();
    write(&place.path("empty.mbtiles"), false, &empty, &Monitor::default()).unwrap();
    assert_eq!(tiles(&open(&place.path("empty.mbtiles"))).len(), 0);
}

#[test]
fn a_writer_that_is_stopped_or_dropped_leaves_nothing() {
    let place = Playground::new();
    let out = place.path("set.mbtiles");
    let writer = container::create(&out, &OutputOptions::default()).unwrap();
    writer.write(TileCoord { z: 0, x: 0, y: 0 }, b"png").unwrap();
    drop(writer);
    let monitor = Monitor::default();
    monitor.cancel();
    assert!(matches!(write(&out, false, &some_tiles(), &monitor), Err(Error::Interrupted)));
    assert_eq!(place.names(), Vec::<String>::new());
    let twice = [some_tiles(), some_tiles()].concat();
    assert!(write(&out, false, &twice, &Monitor::default()).unwrap_err().to_string().contains("twice"));
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
fn only_ours_is_replaced_and_others_are_not_even_touched() {
    let place = Playground::new();
    let out = place.path("a b?#%é.mbtiles");
    write(&out, false, &some_tiles(), &Monitor::default()).unwrap();
    let first = fs::read(&out).unwrap();
    let refused = |force| write(&out, force, &some_tiles()[..5], &Monitor::default()).unwrap_err().to_string();
    assert!(refused(false).contains("--force"));
    assert!(fs::read(&out).unwrap() == first);
    write(&out, true, &some_tiles()[..5], &Monitor::default()).unwrap();
    assert!(fs::read(&out).unwrap() != first);

    let foreign = |make: &str| {
        fs::remove_file(&out).unwrap();
        Connection::open(&out).unwrap().execute_batch(make).unwrap();
        fs::read(&out).unwrap()
    };
    let texts: [&[u8]; 4] = [b"", b"lon,lat\n1,2\n", &first[..100], &first[..5000]];
    let made = [
        "CREATE TABLE metadata (name TEXT, value TEXT); INSERT INTO metadata VALUES ('generator', 'tilefireworks 1')",
        "CREATE TABLE metadata (name TEXT, value TEXT); INSERT INTO metadata VALUES ('name', 'tilefire')",
        "CREATE TABLE tiles (zoom_level, tile_column, tile_row, tile_data)",
        // Whatever a view says, it is not ours; this one has no end.
        "CREATE VIEW metadata AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
         SELECT 'name' AS name, 'tilefire' AS value FROM n WHERE i < 0",
        "PRAGMA journal_mode = WAL; CREATE TABLE metadata (name TEXT, value TEXT)",
    ];
    let all = texts.iter().map(|text| {
        fs::write(&out, text).unwrap();
        text.to_vec()
    });
    for bytes in all.chain(made.iter().map(|make| foreign(make))) {
        let line = refused(true);
        assert!(line.contains("names tilefire"), "{line}");
        assert!(fs::read(&out).unwrap() == bytes);
        assert_eq!(place.names().len(), 1, "{:?}", place.names());
    }
}

#[test]
fn a_disk_that_fills_is_told_and_leaves_nothing() {
    let place = Playground::new();
    place.run(["synth", "-n", "50k", "-o", "many.csv"]).ok();
    let mut limited = std::process::Command::new("sh");
    limited.current_dir(place.path("")).env("T", place.command().get_program());
    let ran = crate::common::Ran::from(
        limited
            .args(["-c", "ulimit -f 200; exec $T render many.csv -o t.mbtiles -z 0..10 --spread 0 -q --backend cpu"])
            .output()
            .unwrap(),
    );
    assert!(ran.error(1).contains("t.mbtiles"));
    assert_eq!(place.names(), ["many.csv"]);
}

#[test]
fn a_page_beside_it_is_refused() {
    let place = Playground::new();
    let line = render(&place, "set.mbtiles", &["--page"]).error(2);
    assert!(line.contains("set.mbtiles") && line.contains(".pmtiles"), "{line}");
    assert_eq!(place.names(), Vec::<String>::new());
}
