//! Counts that leave as files of cells and come back, and cells that others wrote: nothing is lost, added or moved.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use tilefire::account::Account;
use tilefire::counts::{Lit, Step, Value, Weighed, row_major};
use tilefire::error::{Error, Result};
use tilefire::exchange::{self, Cells, Export, Exported, Held, Import, Imported, Plane};
use tilefire::monitor::Monitor;
use tilefire::staging::OutputOptions;
use tilefire::store::{CountStore, Pyramid, Vault};
use tilefire::tile::mercator::{latitude, longitude};
use tilefire::tile::{Frame, TileCoord, WorldPoint};

/// (tile's Morton code, pixel's Morton code) -> value.
type Pixels<V> = BTreeMap<(u64, u16), V>;

/// The files of cells that this build can write.
const ENDINGS: &[&str] = if cfg!(feature = "columnar") { &["csv", "parquet", "arrow"] } else { &["csv"] };

fn store<V: Value>(zoom: u8, pixels: &Pixels<V>) -> CountStore<V> {
    let mut store = CountStore::new(zoom);
    let mut part = store.part();
    let cells: Vec<_> = pixels.iter().collect();
    for tile in cells.chunk_by(|a, b| a.0.0 == b.0.0) {
        let lit: Vec<Lit<V>> = tile.iter().map(|cell| Lit { pixel: cell.0.1, count: *cell.1 }).collect();
        part.push(tile[0].0.0, &lit).unwrap();
    }
    store.set_zoom(zoom, vec![part]).unwrap();
    (0..zoom).rev().for_each(|z| store.reduce(z).unwrap());
    store
}

fn pixels<V: Value>(store: &CountStore<V>, zoom: u8) -> Pixels<V> {
    let mut all = Pixels::new();
    for chunk in 0..store.chunks(zoom).unwrap() {
        let each = |code, lit: &[Lit<V>]| {
            all.extend(lit.iter().map(|l| ((code, l.pixel), l.count)));
            Ok(())
        };
        store.read_chunk(zoom, chunk, &mut Vec::new(), each).unwrap();
    }
    all
}

struct Asked<'a> {
    planes: &'a [Plane<'a>],
    zoom: u8,
    least: u32,
    frame: Option<Frame>,
    cells: Cells,
}

impl<'a> Asked<'a> {
    fn of(planes: &'a [Plane<'a>], zoom: u8) -> Self {
        Self { planes, zoom, least: 1, frame: None, cells: Cells::Pixels }
    }

    fn export(&self, out: &Path) -> Result<Exported> {
        let Self { planes, zoom, least, frame, cells } = *self;
        let options = OutputOptions { force: true, ..OutputOptions::default() };
        let account = &Account::new(64 << 20);
        exchange::export(
            &Export { planes, by: Some("kind"), zoom, least, frame, cells, out, options: &options, account },
            &Monitor::default(),
        )
    }
}

fn import(files: &[PathBuf], step: Option<Step>) -> Result<Imported> {
    import_within(files, step, &Account::new(64 << 20))
}

fn import_within(files: &[PathBuf], step: Option<Step>, account: &Arc<Account>) -> Result<Imported> {
    let folder = std::env::temp_dir();
    exchange::import(&Import { files, column: None, step, account, folder: &folder }, &Arc::default())
}

fn counts(pyramid: &Pyramid) -> &CountStore {
    if let Pyramid::Counts(store) = pyramid { store } else { panic!("no counts") }
}

fn sums(pyramid: &Pyramid) -> &CountStore<Weighed> {
    if let Pyramid::Sums(store) = pyramid { store } else { panic!("no sums") }
}

/// Pixels of zoom 9, close together or anywhere.
fn some<V: Value>(value: impl Strategy<Value = V>) -> impl Strategy<Value = Pixels<V>> {
    let tile = prop_oneof![0u64..3, 100u64..140, 0u64..1 << 18];
    proptest::collection::btree_map((tile, prop_oneof![0u16..40, any::<u16>()]), value, 1..400)
}

fn weighed() -> impl Strategy<Value = Weighed> {
    let sum = prop_oneof![-1_000i64..1_000, -(1i64 << 52)..1 << 52];
    (1u32..5_000, sum).prop_map(|(count, sum)| Weighed { sum, count })
}

fn step() -> impl Strategy<Value = Step> {
    proptest::sample::select(&["1", "0.01", "0.25", "1e-6", "100", "1e-18"][..]).prop_map(|step| step.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn counts_that_are_exported_come_back(one in some(1u32..100_000), two in some(1u32..3)) {
        let folder = tempfile::tempdir().unwrap();
        let stores = [store(9, &one), store(9, &two)];
        for ending in ENDINGS {
            let out = folder.path().join(format!("cells.{ending}"));
            let plane = |label, store| Plane { label, held: Held::Counts(store) };
            let alone = [plane(None, &stores[0])];
            let told = Asked::of(&alone, 9).export(&out).unwrap();
            let points = |pixels: &Pixels<u32>| pixels.values().map(|&count| u64::from(count)).sum::<u64>();
            prop_assert_eq!((told.cells, told.points, told.few_cells), (one.len() as u64, points(&one), 0));
            let back = import(std::slice::from_ref(&out), None).unwrap();
            prop_assert_eq!((back.zoom, back.rows, back.points), (9, told.cells, told.points));
            let (label, pyramid) = &back.planes[0];
            prop_assert!(label.is_none() && back.planes.len() == 1 && back.sum.is_none());
            for zoom in [9, 8, 3, 0] {
                prop_assert!(pixels(counts(pyramid), zoom) == pixels(&stores[0], zoom), "{} {}", ending, zoom);
            }
            // Two keys, which come in the order of their labels.
            let both = [plane(Some("10"), &stores[0]), plane(Some("9"), &stores[1])];
            Asked::of(&both, 9).export(&out).unwrap();
            let back = import(&[out.clone(), out], None).unwrap();
            let labels: Vec<Option<&str>> = back.planes.iter().map(|plane| plane.0.as_deref()).collect();
            prop_assert_eq!(labels, [Some("9"), Some("10")]);
            for (plane, right) in back.planes.iter().zip([&two, &one]) {
                let twice = right.iter().map(|(place, count)| (*place, 2 * count)).collect::<Pixels<u32>>();
                prop_assert!(pixels(counts(&plane.1), 9) == twice, "what comes twice adds up: {}", ending);
            }
        }
    }

    #[test]
    fn sums_that_are_exported_come_back(one in some(weighed()), step in step(), zoom in 7u8..=9) {
        let folder = tempfile::tempdir().unwrap();
        let sums_of = store(9, &one);
        let planes = [Plane { label: Some("a, \"b\"\n"), held: Held::Sums(&sums_of, "load in kg", step) }];
        for ending in ENDINGS {
            let out = folder.path().join(format!("cells.{ending}"));
            Asked::of(&planes, zoom).export(&out).unwrap();
            let said = (*ending == "csv").then_some(step);
            let back = import(&[out], said).unwrap();
            let column = if *ending == "csv" { "sum" } else { "load in kg" };
            prop_assert_eq!(back.sum, Some((column.to_owned(), step)));
            prop_assert_eq!(back.planes[0].0.as_deref(), Some("a, \"b\"\n"));
            for zoom in 0..=zoom {
                prop_assert!(pixels(sums(&back.planes[0].1), zoom) == pixels(&sums_of, zoom), "{} {}", ending, zoom);
            }
        }
    }

    /// A box and a least count choose cells; what is told of those left out is what is missing.
    #[test]
    fn cells_are_those_in_the_box_with_enough_points(
        one in some(1u32..6),
        least in 1u32..6,
        (west, north) in (-(1i64 << 31)..1 << 32, 0i64..1 << 31),
        (width, height) in (1u64..=1 << 32, 1u64..=1 << 32),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let frame = Frame { west, north, width, height };
        let all = store(9, &one);
        let planes = [Plane { label: None, held: Held::Counts(&all) }];
        let inside = |&(tile, pixel): &(u64, u16)| {
            let (tile, place) = (TileCoord::from_morton(9, tile), u32::from(row_major(pixel)));
            let middle = |tile: u32, pixel: u32| (tile * 256 + pixel) * (1 << 15) + (1 << 14);
            frame.holds(WorldPoint { x: middle(tile.x, place & 255), y: middle(tile.y, place >> 8) })
        };
        let (right, few): (Pixels<u32>, Pixels<u32>) =
            one.into_iter().filter(|(place, _)| inside(place)).partition(|(_, count)| *count >= least);
        for ending in ENDINGS {
            let out = folder.path().join(format!("cells.{ending}"));
            let told = Asked { least, frame: Some(frame), ..Asked::of(&planes, 9) }.export(&out).unwrap();
            let points = |pixels: &Pixels<u32>| pixels.values().map(|&count| u64::from(count)).sum::<u64>();
            prop_assert_eq!((told.few_cells, told.few_points), (few.len() as u64, points(&few)));
            prop_assert_eq!((told.cells, told.points), (right.len() as u64, points(&right)));
            if right.is_empty() && *ending == "csv" {
                continue;
            }
            let back = import(&[out], None).unwrap();
            prop_assert_eq!(back.zoom, 9, "also where there are no cells");
            prop_assert!(pixels(counts(&back.planes[0].1), 9) == right, "{}", ending);
        }
    }

    /// More cells than may wait, in any order and several times.
    #[test]
    fn memory_and_order_change_no_count(
        cells in proptest::collection::vec((0u64..1 << 14, any::<u16>(), 1u32..9), 60_000..90_000),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.csv");
        let mut text = String::from("count,pixel_y,pixel_x,y,x,zoom,note\n");
        let mut right = Pixels::<u32>::new();
        for (tile, pixel, count) in cells {
            *right.entry((tile, pixel)).or_default() += count;
            let (at, place) = (TileCoord::from_morton(7, tile), row_major(pixel));
            text.push_str(&format!("{count},{},{},{},{},7,a note\n", place >> 8, place & 255, at.y, at.x));
        }
        std::fs::write(&path, text).unwrap();
        let account = Account::new(1 << 20);
        let back = import_within(&[path], None, &account).unwrap();
        prop_assert!(pixels(counts(&back.planes[0].1), 7) == right);
        prop_assert!(account.peak() <= 4 << 20, "{} bytes", account.peak());
        drop(back);
        prop_assert_eq!(account.held(), 0);
    }
}

/// A file of cells, as text.
fn written(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("cells.csv");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn what_is_no_cell_is_refused_with_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let good = "zoom,x,y,pixel_x,pixel_y,count\n3,1,7,255,0,5\n";
    let refused = |line: &str| {
        let path = written(folder.path(), &format!("{good}{line}\n"));
        let told = import(&[path], None).unwrap_err().to_string();
        assert!(!told.contains('\n') && told.contains("cells.csv"), "{told}");
        told
    };
    for (line, said) in [
        ("4,1,7,255,0,5", "row 2: zoom 4 stands beside cells of zoom 3"),
        ("25,1,7,255,0,5", "row 2: zoom 25 is none from 0 to 24"),
        ("3,8,7,255,0,5", "row 2: x 8 is none from 0 to 7"),
        ("3,1,-1,255,0,5", "row 2: y -1 is none"),
        ("3,1,7,256,0,5", "row 2: pixel_x 256 is none from 0 to 255"),
        ("3,1,7,255,0,-5", "row 2: count -5 is none"),
        ("3,1,7,255,0,", "row 2: count is missing"),
        ("3,1,7,255,0,1.5", "row 2: count '1.5' is no whole number"),
        ("3,1,7,255,0,4294967291", "row 2: count makes more than 4,294,967,295 points"),
        ("3,1,7,255,0", "row 2 has 5 cells where the line of names has 6"),
    ] {
        let told = refused(line);
        assert!(told.contains(said), "{told}");
    }
    let told = import(&[written(folder.path(), "zoom,x,y,count\n1,1,1,1\n")], None).unwrap_err().to_string();
    assert!(told.contains("no column pixel_x") && told.contains("zoom, x, y, count"), "{told}");
    let told = import(&[written(folder.path(), "h3,lon,lat,count\n")], None).unwrap_err().to_string();
    assert!(told.contains("hexagons"), "{told}");
    let told = import(&[folder.path().join("cells.xlsx")], None).unwrap_err();
    assert!(matches!(told, Error::Usage(_)), "{told}");
}

#[test]
fn sums_must_be_whole_steps() {
    let folder = tempfile::tempdir().unwrap();
    let file = |sum: &str| {
        written(folder.path(), &format!("zoom,x,y,pixel_x,pixel_y,count,sum\n0,0,0,1,2,5,{sum}\n0,0,0,1,2,1,-0.25\n"))
    };
    let step = |step: &str| Some(step.parse().unwrap());
    let back = import(&[file("-12.5")], step("0.01")).unwrap();
    let right = Pixels::from([((0, 0b1001), Weighed { sum: -1275, count: 6 })]);
    assert!(pixels(sums(&back.planes[0].1), 0) == right);
    for (sum, asked, said) in [
        ("-12.5", None, "--weight-step"),
        ("-12.5", step("1"), "row 1: sum -12.5 is no whole number of steps of 1"),
        ("1e3", step("1"), "row 1: sum '1e3' is no plain decimal"),
        ("", step("1"), "row 1: sum is missing"),
        ("9223372036854775807", step("0.25"), "row 1: sum 9223372036854775807 is more than"),
        ("92233720368547758.07", step("0.01"), "row 2: sum makes more than 9,223,372,036,854,775,807 steps"),
    ] {
        let told = import(&[file(sum)], asked).unwrap_err().to_string();
        assert!(told.contains(said), "{told}");
    }
    let none = written(folder.path(), "zoom,x,y,pixel_x,pixel_y,count,sum\n0,0,0,1,2,0,5\n");
    let told = import(&[none], step("1")).unwrap_err().to_string();
    assert!(told.contains("count is 0, but there is a sum"), "{told}");
}

#[test]
fn what_does_not_go_together_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let (counted, summed) = (store(3, &Pixels::from([((0, 0), 7u32)])), store::<Weighed>(3, &Pixels::new()));
    let plane = |label| Plane { label, held: Held::Counts(&counted) };
    let sums = Plane { label: Some("b"), held: Held::Sums(&summed, "load", Step::default()) };
    let usage = |asked: Asked<'_>, name: &str, said: &str| {
        let told = asked.export(&folder.path().join(name)).unwrap_err();
        assert!(matches!(told, Error::Usage(_)) && told.to_string().contains(said), "{told}");
    };
    let (one, two, mixed) = ([plane(None)], [plane(Some("a")), plane(Some("b"))], [plane(Some("a")), sums]);
    usage(Asked::of(&one, 4), "a.csv", "no counts of zoom 4; the highest is 3");
    usage(Asked::of(&one, 3), "a.xlsx", ".parquet");
    usage(Asked::of(&two, 3), "a.tif", "one plane");
    usage(Asked::of(&mixed, 3), "a.csv", "one by one");
    usage(Asked { cells: Cells::Hexagons(16), ..Asked::of(&one, 3) }, "a.csv", "no resolution 16");
    usage(Asked { cells: Cells::Hexagons(5), ..Asked::of(&one, 3) }, "a.tif", "--h3");
    let across = Frame { west: (1 << 32) - 5, width: 10, ..Frame::WORLD };
    usage(Asked { frame: Some(across), ..Asked::of(&one, 3) }, "a.tif", "antimeridian");
    if !cfg!(feature = "columnar") {
        usage(Asked::of(&one, 3), "a.parquet", "--features columnar");
        usage(Asked { cells: Cells::Hexagons(5), ..Asked::of(&one, 3) }, "a.csv", "--features columnar");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn only_files_of_cells_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let counted = store(3, &Pixels::from([((5, 77), 7u32)]));
    let planes = [Plane { label: None, held: Held::Counts(&counted) }];
    for ending in ENDINGS.iter().chain(&["tif"]) {
        let out = folder.path().join(format!("cells.{ending}"));
        Asked::of(&planes, 3).export(&out).unwrap();
        let first = std::fs::read(&out).unwrap();
        Asked::of(&planes, 3).export(&out).unwrap();
        assert_eq!(std::fs::read(&out).unwrap(), first, "{ending}: the same bytes");
        std::fs::write(&out, "zoom,note\n1,mine\n").unwrap();
        let told = Asked::of(&planes, 3).export(&out).unwrap_err().to_string();
        assert!(told.contains("not made by tilefire"), "{told}");
    }
}

#[test]
fn bytes_do_not_depend_on_threads_or_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 7u64;
    let mut random = |range: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % range
    };
    let many: Pixels<u32> =
        (0..200_000).map(|_| ((random(1 << 10), random(1 << 16) as u16), 1 + random(9) as u32)).collect();
    let whole = store(6, &many);
    // The same counts in parts, whose chunks end elsewhere.
    let mut cut = CountStore::<u32>::in_vault(6, Arc::new(Vault::unbounded()));
    let cells: Vec<_> = many.iter().collect();
    let parts = cells.chunk_by(|a, b| a.0.0 == b.0.0).map(|tile| {
        let mut part = cut.part();
        let lit: Vec<Lit> = tile.iter().map(|cell| Lit { pixel: cell.0.1, count: *cell.1 }).collect();
        part.push(tile[0].0.0, &lit).unwrap();
        part
    });
    let parts = parts.collect();
    cut.set_zoom(6, parts).unwrap();
    (0..6).rev().for_each(|z| cut.reduce(z).unwrap());
    let hexagons = if cfg!(feature = "columnar") { &[Cells::Hexagons(7)][..] } else { &[] };
    for cells in [Cells::Pixels].iter().chain(hexagons) {
        for ending in ENDINGS.iter().chain(if *cells == Cells::Pixels { &["tif"][..] } else { &[] }) {
            let bytes = [(&whole, 1, "one"), (&cut, 3, "three")].map(|(store, threads, name)| {
                let out = folder.path().join(format!("{name}.{ending}"));
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let planes = [Plane { label: None, held: Held::Counts(store) }];
                let asked = Asked { cells: *cells, ..Asked::of(&planes, 6) };
                pool.install(|| asked.export(&out)).unwrap();
                std::fs::read(&out).unwrap()
            });
            assert!(bytes[0] == bytes[1], "{cells:?} {ending}");
        }
    }
}

/// A plain reader of what tilefire writes as CSV.
fn lines(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let cells =
        |line: &str| names.iter().map(|&name| name.to_owned()).zip(line.split(',').map(str::to_owned)).collect();
    lines.map(cells).collect()
}

#[test]
fn degrees_are_those_of_the_pixels_centre() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("cells.csv");
    let tile = TileCoord { z: 5, x: 17, y: 9 };
    let counted = store(5, &Pixels::from([((tile.morton(), tilefire::counts::pixel_morton(3 * 256 + 200)), 4u32)]));
    Asked::of(&[Plane { label: None, held: Held::Counts(&counted) }], 5).export(&out).unwrap();
    let all = lines(&out);
    let get = |name: &str| all[0][name].parse::<f64>().unwrap();
    assert_eq!(["zoom", "x", "y", "pixel_x", "pixel_y", "count"].map(get), [5.0, 17.0, 9.0, 200.0, 3.0, 4.0]);
    let side = f64::from(1u32 << 19);
    assert_eq!(get("lon"), longitude((17.0 * 256.0 + 200.5) * side));
    assert_eq!(get("lat"), latitude((9.0 * 256.0 + 3.5) * side));
    assert_eq!(all.len(), 1);
}

#[cfg(feature = "columnar")]
#[test]
fn hexagons_hold_all_points_and_few_are_left_out_as_hexagons() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("cells.csv");
    let pixel = |i: u64| ((3_000 + i / 700, (i * 91) as u16), Weighed { sum: 50 - i as i64, count: 1 + i as u32 % 3 });
    let many: Pixels<Weighed> = (0..20_000).map(pixel).collect();
    let all = store(9, &many);
    let planes = [Plane { label: None, held: Held::Sums(&all, "load", "0.1".parse().unwrap()) }];
    let (count, sum) = many.values().fold((0, 0), |(count, sum), v| (count + u64::from(v.count), sum + v.sum));
    for (resolution, least) in [(0, 1), (4, 1), (4, 300), (15, 1)] {
        let asked = Asked { cells: Cells::Hexagons(resolution), least, ..Asked::of(&planes, 9) };
        let told = asked.export(&out).unwrap();
        assert_eq!(told.points + told.few_points, count, "{resolution}");
        let cells = lines(&out);
        assert_eq!(cells.len() as u64, told.cells);
        assert!(cells.windows(2).all(|pair| pair[0]["h3"] < pair[1]["h3"]), "ascending, each once");
        let counts: Vec<u64> = cells.iter().map(|cell| cell["count"].parse().unwrap()).collect();
        assert_eq!(counts.iter().sum::<u64>(), told.points);
        assert!(counts.iter().all(|&count| count >= least.into()));
        assert!(least == 1 || (told.few_cells > 0 && told.cells > 0), "{told:?}");
        if least == 1 {
            let told: f64 = cells.iter().map(|cell| cell["sum"].parse::<f64>().unwrap()).sum();
            assert!((told - sum as f64 / 10.0).abs() < 1e-3, "{told}");
        }
    }
}

#[cfg(feature = "columnar")]
#[test]
fn damaged_files_are_refused_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let many: Pixels<u32> = (0..3_000u64).map(|i| ((i / 30, (i * 77) as u16), 1 + i as u32 % 5)).collect();
    let counted = store(5, &many);
    let planes = [Plane { label: Some("a"), held: Held::Counts(&counted) }];
    for ending in ["parquet", "arrow"] {
        let out = folder.path().join(format!("cells.{ending}"));
        Asked::of(&planes, 5).export(&out).unwrap();
        let bytes = std::fs::read(&out).unwrap();
        let harmed = folder.path().join(format!("harmed.{ending}"));
        let tried = |bytes: &[u8]| {
            std::fs::write(&harmed, bytes).unwrap();
            if let Err(told) = import(std::slice::from_ref(&harmed), None) {
                assert!(!told.to_string().contains('\n') && told.to_string().contains("harmed"), "{told}");
            }
        };
        for at in (0..bytes.len()).step_by(bytes.len() / 60) {
            tried(&bytes[..at]);
            let mut other = bytes.clone();
            other[at] ^= 0x55;
            tried(&other);
        }
        // The footer, byte by byte.
        for at in bytes.len() - 300..bytes.len() {
            let mut other = bytes.clone();
            other[at] = other[at].wrapping_add(0x7f);
            tried(&other);
        }
    }
}
