//! Files of counts: whatever is written is read back, sums of files are the counts of all their points in any order and
//! grouping, what is taken out again was never there, and no damage goes unnoticed.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use tilefire::countfile::{About, CountFile, CountWriter, Merging, Origin, Source, Weight, kept_zooms, merge};
use tilefire::counts::{Lit, Value, Weighed};
use tilefire::error::Result;
use tilefire::monitor::Monitor;
use tilefire::store::{CountStore, Vault};
use tilefire::tile::TileCoord;

/// (tile, pixel) -> what it holds.
type Pixels<V> = BTreeMap<(u64, u16), V>;

/// Pixels of a zoom, in clusters and apart.
fn pixels(zoom: u8) -> impl Strategy<Value = Pixels<Weighed>> {
    let tiles = 1u64 << (2 * u32::from(zoom));
    let tile = prop_oneof![0..tiles, (0..tiles.min(64)), Just(tiles - 1)];
    let count = prop_oneof![1u32..20, 1u32..100_000];
    let sum = prop_oneof![-5i64..6, -(1i64 << 40)..1 << 40];
    let pixel = prop_oneof![any::<u16>(), 0u16..300];
    proptest::collection::btree_map((tile, pixel), (count, sum), 1..400)
        .prop_map(|all| all.into_iter().map(|(at, (count, sum))| (at, Weighed { sum, count })).collect())
}

fn as_held<V: Value>(all: &Pixels<Weighed>) -> Pixels<V> {
    all.iter().map(|(at, pixel)| (*at, V::new(pixel.count, pixel.sum))).collect()
}

fn store<V: Value>(zoom: u8, all: &Pixels<V>) -> CountStore<V> {
    let mut store = CountStore::new(zoom);
    let mut part = store.part();
    let mut tiles: BTreeMap<u64, Vec<Lit<V>>> = BTreeMap::new();
    for (&(tile, pixel), &count) in all {
        tiles.entry(tile).or_default().push(Lit { pixel, count });
    }
    tiles.iter().try_for_each(|(tile, lit)| part.push(*tile, lit)).unwrap();
    store.set_zoom(zoom, vec![part]).unwrap();
    (0..zoom).rev().try_for_each(|z| store.reduce(z)).unwrap();
    store
}

/// A file of them, that came from one source of its own.
fn written<V: Value>(path: PathBuf, zoom: u8, all: &Pixels<V>, number: u64) -> PathBuf {
    let weight = (V::HOLDS == Weighed::HOLDS).then(|| Weight { column: "w".into(), step: "0.5".into() });
    let points = all.values().map(|pixel| u64::from(pixel.count())).sum();
    let (rows_hash, extent) = (format!("{number:016x}"), Some((0, 0, 9, 9)));
    let source = Source { rows_hash, rows: points, used: points, extent, ..Source::default() };
    let monitor = Monitor::default();
    let mut file = std::fs::File::create(&path).unwrap();
    let mut writer = CountWriter::begin(&mut file, &path, &monitor).unwrap();
    writer.pyramid(0, &store(zoom, all)).unwrap();
    writer.finish(&About::plain(zoom, weight), &Origin::new([source])).unwrap();
    path
}

fn added(path: PathBuf, files: &[&Path], minus: &[&Path], zoom: Option<u8>) -> Result<PathBuf> {
    let open = |paths: &[&Path]| paths.iter().map(|path| CountFile::open(path)).collect::<Result<Vec<_>>>();
    let (files, minus) = (open(files)?, open(minus)?);
    let merging = Merging {
        files: &files,
        minus: &minus,
        zoom,
        allow_duplicates: false,
        partial: false,
        accept_doubt: false,
        vault: Arc::new(Vault::unbounded()),
    };
    let mut out = std::fs::File::create(&path).unwrap();
    merge(&merging, &mut out, &path, &Monitor::default())?;
    Ok(path)
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

fn read<V: Value>(store: &CountStore<V>, z: u8) -> Pixels<V> {
    let mut all = Pixels::new();
    for chunk in 0..store.chunks(z).unwrap() {
        let each = |code, lit: &[Lit<V>]| {
            all.extend(lit.iter().map(|l| ((code, l.pixel), l.count)));
            Ok(())
        };
        store.read_chunk(z, chunk, &mut Vec::new(), each).unwrap();
    }
    all
}

fn laws<V: Value>(zoom: u8, sets: &[Pixels<Weighed>; 3], lower: u8) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let sets: Vec<Pixels<V>> = sets.iter().map(as_held).collect();
    let [a, b, c] = [0, 1, 2].map(|i| written(at(&format!("{i}")), zoom, &sets[i], i as u64 + 1));
    let mut all = Pixels::<V>::new();
    for (place, count) in sets.iter().flatten() {
        let to = all.entry(*place).or_default();
        *to = if to.count() == 0 { *count } else { to.plus(*count).unwrap() };
    }
    // Any order, any grouping.
    let abc = added(at("abc"), &[&a, &b, &c], &[], None).unwrap();
    let cba = added(at("cba"), &[&c, &b, &a], &[], None).unwrap();
    let bc = added(at("bc"), &[&b, &c], &[], None).unwrap();
    let a_bc = added(at("a-bc"), &[&a, &bc], &[], None).unwrap();
    assert!(bytes(&abc) == bytes(&cba) && bytes(&abc) == bytes(&a_bc));
    // What is taken out again was never there.
    let again = added(at("again"), &[&abc], &[&a], None).unwrap();
    assert!(bytes(&again) == bytes(&bc));
    assert!(added(at("x"), &[&bc], &[&a], None).is_err(), "it was not there");
    assert!(added(at("x"), &[&bc, &b], &[], None).is_err(), "it is there already");
    // One alone is what it was, and a lower zoom is that of its points.
    assert!(bytes(&added(at("one"), &[&a], &[], None).unwrap()) == bytes(&a));
    let low = added(at("low"), &[&abc], &[], Some(lower)).unwrap();
    let whole = store(zoom, &all);
    let file = CountFile::open(&abc).unwrap();
    let monitor = Monitor::default();
    for z in [zoom, lower] {
        let loaded = file.load::<V>(&[0], z, Arc::new(Vault::unbounded()), &monitor).unwrap();
        for below in (0..=z).rev() {
            assert!(read(&loaded, below) == read(&whole, below), "zoom {below} of {z}");
        }
        let told = |store: &CountStore<V>| {
            let stats = store.stats(z).unwrap();
            (stats.lit, stats.max, stats.tiles, stats.sum, stats.distinct.values())
        };
        assert_eq!(told(&loaded), told(&whole));
    }
    let low = CountFile::open(&low).unwrap().load::<V>(&[0], lower, Arc::new(Vault::unbounded()), &monitor).unwrap();
    assert!(read(&low, lower) == read(&whole, lower));
    // Points alone of what has weights.
    let points = file.load::<u32>(&[0], zoom, Arc::new(Vault::unbounded()), &monitor).unwrap();
    assert!(
        read(&points, zoom).iter().eq(read(&whole, zoom)
            .iter()
            .map(|(at, v)| (*at, v.count()))
            .collect::<Pixels<u32>>()
            .iter())
    );
    // Tiles one by one, and what the file says of its zooms.
    for z in 0..=zoom {
        for code in whole.tiles(z).unwrap().take(20).chain([0]) {
            let (tile, mut lit) = (TileCoord::from_morton(z, code), Vec::new());
            whole.read(tile, &mut lit).unwrap();
            assert_eq!(file.tile::<V>(0, tile).unwrap(), lit, "{tile}");
        }
    }
    for sums in file.details().unwrap().0 {
        let (stats, histogram) = (whole.stats(sums.zoom).unwrap(), whole.histogram(sums.zoom).unwrap());
        assert_eq!((sums.tiles, sums.lit, sums.max, sums.points), (stats.tiles, stats.lit, stats.max, stats.sum));
        let entries = |h: &tilefire::counts::Histogram| h.entries().unwrap().map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(entries(&sums.histogram().unwrap()), entries(&histogram));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_add_up_in_any_order_and_are_read_as_they_were_written(
        (zoom, sets, lower) in (0u8..=13).prop_flat_map(|zoom| {
            (Just(zoom), [pixels(zoom), pixels(zoom), pixels(zoom)], 0..=zoom)
        }),
        weighed in any::<bool>(),
    ) {
        if weighed { laws::<Weighed>(zoom, &sets, lower) } else { laws::<u32>(zoom, &sets, lower) }
    }

    /// Any byte that is another one is noticed, or says nothing about the counts.
    #[test]
    fn no_damage_goes_unnoticed(all in pixels(11), at in any::<proptest::sample::Index>(), bit in 0u8..8, cut in any::<proptest::sample::Index>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path().join("a"), 11, &as_held::<u32>(&all), 1);
        let mut data = bytes(&path);
        let read_all = |path: &Path| -> Result<Vec<Pixels<u32>>> {
            let file = CountFile::open(path)?;
            file.details()?;
            // Every section there is.
            kept_zooms(11).map(|z| Ok(read(&file.load::<u32>(&[0], z, Arc::new(Vault::unbounded()), &Monitor::default())?, z))).collect()
        };
        let right = read_all(&path).unwrap();
        let short = folder.path().join("short");
        std::fs::write(&short, &data[..cut.index(data.len())]).unwrap();
        let problem = read_all(&short).unwrap_err().to_string();
        prop_assert!(problem.contains("short") && !problem.contains('\n'), "{}", problem);
        let at = at.index(data.len());
        data[at] ^= 1 << bit;
        std::fs::write(&path, &data).unwrap();
        match read_all(&path) {
            Err(error) => {
                let problem = error.to_string();
                prop_assert!(problem.contains(path.to_str().unwrap()) && !problem.contains("report this"), "{}", problem);
            }
            Ok(read) => prop_assert!(read == right, "byte {} changed counts", at),
        }
    }
}

#[test]
fn files_of_other_things_are_not_added_up_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let all = Pixels::from([((3, 7), Weighed { sum: 9, count: 2 })]);
    let counts = written(at("counts"), 4, &as_held::<u32>(&all), 1);
    let sums = written(at("sums"), 4, &all, 2);
    let says = added(at("x"), &[&counts, &sums], &[], None).unwrap_err().to_string();
    assert!(says.contains("only the second has weights, of 'w'"), "{says}");
    let says = added(at("x"), &[&counts], &[], Some(5)).unwrap_err().to_string();
    assert!(says.contains("has zooms up to 4"), "{says}");
    let says = added(at("x"), &[&counts], &[&counts], None).unwrap_err().to_string();
    assert!(says.contains("no points would be left"), "{says}");
    let says = CountFile::open(&at("none")).unwrap_err().to_string();
    assert!(says.contains("none"), "{says}");
    std::fs::write(at("text"), "lon,lat\n1,2\n").unwrap();
    let says = CountFile::open(&at("text")).unwrap_err().to_string();
    assert!(says.contains("is no file of counts; make one of points with tilefire count"), "{says}");
    let mut later = bytes(&counts);
    let place = later.len() - 16;
    later[place] = 9;
    std::fs::write(at("later"), later).unwrap();
    let says = CountFile::open(&at("later")).unwrap_err().to_string();
    assert!(says.contains("is of format 9, which a later tilefire writes"), "{says}");
}
