//! An output is complete or absent, and what tilefire did not write it does not delete: the laws of writing, tried
//! on real folders. PNG bytes have their own tests in `container_png.rs`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tilefire::Error;
use tilefire::container::write::{self as container, Beside, TileWriter};
use tilefire::heat::TileJson;
use tilefire::monitor::Monitor;
use tilefire::staging::OutputOptions;
use tilefire::tile::TileCoord;

fn metadata() -> TileJson {
    typed(&json!({"generator": "tilefire 0.1.0", "tiles": ["{z}/{x}/{y}.png"]}))
}

fn typed(metadata: &Value) -> TileJson {
    TileJson::read(metadata.to_string().as_bytes()).unwrap().tile_json
}

fn tile(z: u8, x: u32, y: u32) -> TileCoord {
    TileCoord { z, x, y }
}

fn nothing() -> Result<Beside, Error> {
    Ok(Beside::default())
}

fn beside(page: &str) -> impl Fn() -> Result<Beside, Error> {
    let page = page.to_owned();
    move || Ok(Beside { page: Some(page.clone()), legend: None })
}

fn write(out: &Path, options: &OutputOptions, mark: &[u8]) -> Result<(), Error> {
    let writer = container::create(out, options)?;
    writer.write(tile(0, 0, 0), mark)?;
    writer.write(tile(3, 7, 5), mark)?;
    writer.finish(&metadata(), &beside("<!doctype html>"), &Monitor::default()).map(|_| ())
}

fn force() -> OutputOptions {
    OutputOptions { force: true, inputs: Vec::new() }
}

/// Every entry of a folder, by name, with the bytes of files.
fn tree(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = if path.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
            if path.is_dir() {
                waiting.push(path.clone());
            }
            found.push((path.strip_prefix(root).unwrap().to_path_buf(), bytes));
        }
    }
    found.sort();
    found
}

/// What a folder holds, as one line.
fn names(folder: &Path) -> String {
    tree(folder).into_iter().map(|(p, _)| p.display().to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_folder_holds_its_tiles_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("made/on/the/way");
    write(&out, &OutputOptions::default(), b"png").unwrap();
    assert_eq!(names(&out), "0 0/0 0/0/0.png 3 3/7 3/7/5.png index.html metadata.json");
    assert_eq!(fs::read(out.join("3/7/5.png")).unwrap(), b"png");
    let read: Value = serde_json::from_slice(&fs::read(out.join("metadata.json")).unwrap()).unwrap();
    assert_eq!(read, serde_json::to_value(metadata()).unwrap());
    assert_eq!(names(out.parent().unwrap()).split(' ').next(), Some("way"));
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("a/b");
    let writer = container::create(&out, &OutputOptions::default()).unwrap();
    writer.write(tile(4, 1, 2), b"png").unwrap();
    assert!(!out.exists());
    drop(writer);
    assert_eq!(names(home.path()), "");
}

#[test]
fn threads_write_in_any_order() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("tiles");
    let writer = container::create(&out, &OutputOptions::default()).unwrap();
    std::thread::scope(|scope| {
        for part in 0..8u32 {
            let writer: &dyn TileWriter = writer.as_ref();
            scope.spawn(move || {
                for i in (part..512).step_by(8) {
                    writer.write(tile(9, i / 16, i), &i.to_le_bytes()).unwrap();
                }
            });
        }
    });
    let written = writer.finish(&metadata(), &nothing, &Monitor::default()).unwrap();
    assert_eq!((written.tiles, written.bytes, written.zooms[&9].tiles), (512, 2048, 512));
    assert_eq!(written.notices, Vec::<String>::new());
    for i in 0..512u32 {
        assert_eq!(fs::read(out.join(format!("9/{}/{i}.png", i / 16))).unwrap(), i.to_le_bytes());
    }
}

#[test]
fn an_output_is_replaced_only_by_force() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("tiles");
    write(&out, &OutputOptions::default(), b"first").unwrap();
    let before = tree(&out);
    let error = write(&out, &OutputOptions::default(), b"second").unwrap_err();
    assert!(matches!(error, Error::Output(_)));
    assert!(error.to_string().contains("--force"), "{error}");
    assert_eq!(tree(&out), before);
    write(&out, &force(), b"third").unwrap();
    assert_eq!(fs::read(out.join("0/0/0.png")).unwrap(), b"third");
    assert_eq!(names(home.path()).split(' ').next(), Some("tiles"));
}

#[test]
fn an_empty_folder_may_be_used() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("tiles");
    fs::create_dir(&out).unwrap();
    write(&out, &OutputOptions::default(), b"png").unwrap();
    assert!(out.join("metadata.json").exists());
}

/// What makes an output unfit for `--force`, and a part of the message that must say so.
#[test]
fn force_refuses_what_is_not_ours() {
    type Spoil = fn(&Path);
    let spoils: [(Spoil, &str); 12] = [
        (|out| fs::write(out.join("notes.txt"), "mine").unwrap(), "notes.txt"),
        (|out| fs::write(out.join("3/7/5.jpg"), "mine").unwrap(), "5.jpg"),
        (|out| fs::write(out.join("3/7/8.png"), "mine").unwrap(), "8.png"),
        (|out| fs::write(out.join("3/7/05.png"), "mine").unwrap(), "05.png"),
        (|out| fs::create_dir(out.join("3/8")).unwrap(), "3/8"),
        (|out| fs::create_dir(out.join("25")).unwrap(), "25"),
        (|out| fs::create_dir(out.join("3/7/4.png")).unwrap(), "4.png"),
        (|out| fs::write(out.join("3/readme"), "mine").unwrap(), "readme"),
        (|out| fs::remove_file(out.join("metadata.json")).unwrap(), "metadata.json"),
        (|out| fs::write(out.join("metadata.json"), r#"{"generator": "other 1.0"}"#).unwrap(), "metadata.json"),
        #[cfg(unix)]
        (|out| std::os::unix::fs::symlink("/etc/hostname", out.join("3/7/4.png")).unwrap(), "4.png"),
        #[cfg(unix)]
        (
            |out| {
                fs::rename(out, out.with_file_name("elsewhere")).unwrap();
                std::os::unix::fs::symlink("elsewhere", out).unwrap();
            },
            "symbolic link",
        ),
    ];
    for (spoil, named) in spoils {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("tiles");
        write(&out, &OutputOptions::default(), b"first").unwrap();
        spoil(&out);
        let before = tree(home.path());
        let error = write(&out, &force(), b"second").unwrap_err();
        assert!(matches!(error, Error::Output(_)), "{named}: {error:?}");
        assert!(error.to_string().contains(named), "{named}: {error}");
        assert_eq!(tree(home.path()), before, "{named}");
    }
}

#[test]
fn force_refuses_where_an_input_lies() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("tiles");
    write(&out, &OutputOptions::default(), b"first").unwrap();
    for input in [out.clone(), out.join("0/0/0.png")] {
        let options = OutputOptions { force: true, inputs: vec![home.path().join("absent.csv"), input] };
        let error = write(&out, &options, b"second").unwrap_err();
        assert!(error.to_string().contains("input"), "{error}");
    }
    let file = home.path().join("points.csv");
    fs::write(&file, "lon,lat\n").unwrap();
    assert!(write(&file, &force(), b"second").is_err());
    assert_eq!(fs::read_to_string(&file).unwrap(), "lon,lat\n");
}

#[test]
fn something_that_appears_meanwhile_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("tiles");
    for options in [OutputOptions::default(), force()] {
        let writer = container::create(&out, &options).unwrap();
        fs::create_dir(&out).unwrap();
        fs::write(out.join("mine"), "mine").unwrap();
        writer.finish(&metadata(), &nothing, &Monitor::default()).unwrap_err();
        assert_eq!(names(home.path()), "tiles tiles/mine");
        fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn one_run_at_a_time_writes_an_output() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("tiles");
    let first = container::create(&out, &OutputOptions::default()).unwrap();
    first.write(tile(0, 0, 0), b"first").unwrap();
    for options in [OutputOptions::default(), force()] {
        let error = write(&out, &options, b"second").unwrap_err();
        assert!(error.to_string().contains("another tilefire"), "{error}");
    }
    first.finish(&metadata(), &nothing, &Monitor::default()).unwrap();
    assert_eq!(names(&out), "0 0/0 0/0/0.png metadata.json");
}

/// The working folder as a killed run leaves it, with these parts in it.
fn leftover(home: &Path, parts: &[&str]) -> PathBuf {
    let dir = home.join(".tiles.tilefire");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("lock"), "tilefire working folder; safe to delete while no tilefire runs\n").unwrap();
    for part in parts {
        fs::create_dir_all(dir.join(part).join("0/0")).unwrap();
        fs::write(dir.join(part).join("0/0/0.png"), part).unwrap();
        fs::write(dir.join(part).join("metadata.json"), serde_json::to_string(&metadata()).unwrap()).unwrap();
    }
    dir
}

#[test]
fn leftovers_of_a_killed_run_are_settled() {
    for parts in [&[][..], &["new"], &["old"], &["old", "new"], &["trash"], &["trash", "new"]] {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("tiles");
        leftover(home.path(), parts);
        write(&out, &force(), b"next").unwrap();
        assert_eq!(fs::read(out.join("0/0/0.png")).unwrap(), b"next");
        assert!(!home.path().join(".tiles.tilefire").exists(), "{parts:?}");
    }
}

#[test]
fn an_output_that_was_moved_aside_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("tiles");
    leftover(home.path(), &["old", "new"]);
    let error = write(&out, &OutputOptions::default(), b"next").unwrap_err();
    assert!(error.to_string().contains("--force"), "{error}");
    assert_eq!(fs::read(out.join("0/0/0.png")).unwrap(), b"old");
    assert_eq!(names(home.path()), "tiles tiles/0 tiles/0/0 tiles/0/0/0.png tiles/metadata.json");
}

#[test]
fn leftovers_with_something_foreign_are_named_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let dir = leftover(home.path(), &["new"]);
    fs::write(dir.join("new/thesis.doc"), "mine").unwrap();
    let error = write(&home.path().join("tiles"), &force(), b"next").unwrap_err();
    assert!(error.to_string().contains("thesis.doc"), "{error}");
    assert_eq!(fs::read(dir.join("new/thesis.doc")).unwrap(), b"mine");

    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join(".tiles.tilefire");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("mine"), "mine").unwrap();
    let error = write(&home.path().join("tiles"), &force(), b"next").unwrap_err();
    assert!(error.to_string().contains(".tiles.tilefire"), "{error}");
    assert_eq!(names(home.path()), ".tiles.tilefire .tiles.tilefire/mine");
}

#[test]
fn a_tile_is_written_once() {
    let home = tempfile::tempdir().unwrap();
    let writer = container::create(&home.path().join("tiles"), &OutputOptions::default()).unwrap();
    writer.write(tile(0, 0, 0), b"a").unwrap();
    assert!(matches!(writer.write(tile(0, 0, 0), b"b"), Err(Error::Internal(_))));
}

#[test]
fn an_output_that_cannot_be_made_is_named() {
    let home = tempfile::tempdir().unwrap();
    File::create(home.path().join("file")).unwrap();
    let error = write(&home.path().join("file/tiles"), &force(), b"").unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
    for nameless in [".", "..", "/"] {
        assert_eq!(write(Path::new(nameless), &force(), b"").unwrap_err().exit_code(), 2);
    }
    let proc = write(Path::new("/proc/tilefire-tiles"), &force(), b"");
    #[cfg(target_os = "linux")]
    assert!(proc.unwrap_err().to_string().contains("/proc/"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_tile_that_cannot_be_written_is_named() {
    // As a full disk would: the message names the place a person knows, not the hidden one.
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("tiles");
    let writer = container::create(&out, &OutputOptions::default()).unwrap();
    let zoom = home.path().join(".tiles.tilefire/new/0");
    fs::create_dir(&zoom).unwrap();
    fs::write(zoom.join("0"), "in the way of the column folder").unwrap();
    let error = writer.write(tile(0, 0, 0), b"png").unwrap_err().to_string();
    assert!(error.contains("tiles/0/0/0.png") && error.lines().count() == 1, "{error}");
}

/// Every tile of an archive that is asked for, by the crate's own reader.
fn archived(path: &Path, tiles: &[TileCoord]) -> (Value, Vec<Option<Vec<u8>>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let reader = pmtiles::AsyncPmTilesReader::new_with_path(path).await.unwrap();
        let header = reader.get_header();
        assert!(header.clustered());
        assert_eq!(header.tile_type, pmtiles::TileType::Png);
        assert_eq!(header.tile_compression, pmtiles::Compression::None);
        let mut found = Vec::new();
        for t in tiles {
            let place = pmtiles::TileCoord::new(t.z, t.x, t.y).unwrap();
            found.push(reader.get_tile(place).await.unwrap().map(|bytes| bytes.to_vec()));
        }
        (serde_json::from_str(&reader.get_metadata().await.unwrap()).unwrap(), found)
    })
}

#[test]
fn an_archive_holds_the_tiles_of_the_folder() {
    let home = tempfile::tempdir().unwrap();
    let metadata = json!({
        "generator": "tilefire 0.1.0", "tiles": ["{z}/{x}/{y}.png"], "format": "png", "minzoom": 0, "maxzoom": 9,
        "bounds": [-1.0, 50.0, 2.0, 53.0], "center": [0.5, 51.5, 7], "heat": {"version": 1, "rows": 9, "used": 7},
    });
    let set = typed(&metadata);
    let tiles: Vec<TileCoord> = (0..10u8)
        .flat_map(|z| (0..1u32 << (2 * z.min(4))).map(move |i| tile(z, i * 7 % (1 << z), i / 3 % (1 << z))))
        .map(|t| (t.z, t.x, t.y))
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .map(|(z, x, y)| tile(z, x, y))
        .collect();
    let bytes = |t: &TileCoord| format!("{:?}", (t.z, t.x % 5, t.y / 2)).repeat(1 + t.x as usize % 400).into_bytes();
    let (folder, archive) = (home.path().join("tiles"), home.path().join("tiles.pmtiles"));
    for out in [&folder, &archive] {
        let writer = container::create(out, &OutputOptions::default()).unwrap();
        std::thread::scope(|scope| {
            for part in 0..4 {
                let (writer, tiles) = (&writer, &tiles);
                scope.spawn(move || {
                    let mine = tiles.iter().rev().skip(part).step_by(4);
                    mine.for_each(|t| writer.write(*t, &bytes(t)).unwrap());
                });
            }
        });
        assert_eq!(writer.finish(&set, &beside("page"), &Monitor::default()).unwrap().tiles, tiles.len() as u64);
    }
    let mut asked = tiles.clone();
    asked.push(tile(12, 0, 0));
    let (kept, found) = archived(&archive, &asked);
    let heat = serde_json::to_value(set.heat.as_ref().unwrap()).unwrap();
    assert_eq!((&kept["generator"], &kept["heat"]), (&metadata["generator"], &heat));
    assert_eq!((&kept["tiles"], &kept["type"]), (&Value::Null, &json!("overlay")));
    // What the header says is said once, and no list is there that a table of texts could not take.
    for said in ["minzoom", "maxzoom", "bounds", "center"] {
        assert_eq!(kept[said], Value::Null, "{said}");
    }
    // But the format, which a converter to MBTiles takes from here.
    assert_eq!(kept["format"], "png");
    assert!(kept.as_object().unwrap().values().all(|value| !value.is_array()), "{kept}");
    for (t, found) in asked.iter().zip(found) {
        assert!(fs::read(folder.join(format!("{t}.png"))).ok() == found, "{t}");
    }
    let mut entries: Vec<_> = fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    entries.sort();
    assert_eq!(entries, ["tiles", "tiles.pmtiles"]);

    // The order in which tiles come leaves no trace.
    let again = home.path().join("again.pmtiles");
    let writer = container::create(&again, &OutputOptions::default()).unwrap();
    tiles.iter().for_each(|t| writer.write(*t, &bytes(t)).unwrap());
    writer.finish(&set, &nothing, &Monitor::default()).unwrap();
    assert!(fs::read(again).unwrap() == fs::read(archive).unwrap());
}

#[test]
fn an_archive_is_replaced_only_where_it_is_ours() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("tiles.pmtiles");
    write(&out, &OutputOptions::default(), b"first").unwrap();
    assert!(write(&out, &OutputOptions::default(), b"second").unwrap_err().to_string().contains("--force"));
    let first = fs::read(&out).unwrap();
    write(&out, &force(), b"third").unwrap();
    assert!(fs::read(&out).unwrap() != first);
    for foreign in [&b"PMTiles\x03"[..], b"", b"lon,lat\n1,2\n", &first[..100], &[0; 5000]] {
        fs::write(&out, foreign).unwrap();
        let error = write(&out, &force(), b"fourth").unwrap_err();
        assert!(error.to_string().contains("names tilefire"), "{error}");
        assert_eq!(fs::read(&out).unwrap(), foreign);
    }
    assert_eq!(names(home.path()), "tiles.pmtiles");
    let dropped = container::create(&home.path().join("other.pmtiles"), &OutputOptions::default()).unwrap();
    dropped.write(tile(0, 0, 0), b"png").unwrap();
    drop(dropped);
    assert_eq!(names(home.path()), "tiles.pmtiles");
}
