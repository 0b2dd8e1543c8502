//! The library's front does what the program does: points pushed from memory give the tiles of a run that reads them, in
//! any order and from any thread, and the same counts can be painted again.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tilefire::monitor::Monitor;
use tilefire::render::{self, Request};
use tilefire::source::Input;
use tilefire::{Coordinate, Counts, Device, Error, Session, Style, TileCoord};

type Tiles = BTreeMap<String, Vec<u8>>;

/// Points of a few towns and some that lie nowhere.
fn points() -> Vec<Coordinate> {
    let mut state = 7u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let towns = [(-0.1276, 51.5072), (13.405, 52.52), (179.99, -17.0), (-70.66, -33.44)];
    let mut points: Vec<Coordinate> = (0..20_000)
        .map(|i| {
            let (x, y) = towns[i % towns.len()];
            Coordinate { x: x + (random() - 0.5) * 0.01, y: y + (random() - 0.5) }
        })
        .collect();
    points.push(Coordinate { x: 200.0, y: 0.0 });
    points.push(Coordinate { x: 0.0, y: 89.0 });
    points
}

fn counted(points: &[Coordinate], threads: usize) -> Counts {
    let session = Session::builder().zooms(0, 9).device(Device::Cpu).threads(threads).memory(64 << 20).start().unwrap();
    let left_out = std::thread::scope(|scope| {
        let push = |some: &'_ [Coordinate]| {
            let mut pusher = session.pusher().unwrap();
            some.chunks(333).for_each(|batch| pusher.push(batch).unwrap());
            pusher.close().unwrap().total()
        };
        let threads: Vec<_> =
            points.chunks(points.len().div_ceil(threads)).map(|some| scope.spawn(move || push(some))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
    });
    assert_eq!(left_out, 2);
    session.finish().unwrap()
}

fn painted(counts: &Counts, style: &Style) -> Tiles {
    let tiles = Mutex::new(Tiles::new());
    counts
        .paint(style, |tile, png| {
            assert!(tiles.lock().unwrap().insert(format!("{tile}.png"), png.to_vec()).is_none(), "{tile} twice");
            Ok(())
        })
        .unwrap();
    tiles.into_inner().unwrap()
}

/// The tiles of a run that reads the points.
fn rendered(points: &[Coordinate], style: &Style, folder: &Path) -> Tiles {
    let text: String = points.iter().map(|c| format!("{},{}\n", c.x, c.y)).collect();
    let input = folder.join("points.csv");
    std::fs::write(&input, "lon,lat\n".to_owned() + &text).unwrap();
    let mut request = Request::new(vec![Input::File(input)], folder.join("tiles"));
    (request.zooms, request.style, request.force) = (tilefire::ZoomRange::new(0, 9).unwrap(), style.clone(), true);
    request.resources.device = Device::Cpu;
    render::run(&request, &Arc::new(Monitor::default())).unwrap();
    let mut tiles = Tiles::new();
    for z in 0..=9 {
        for column in std::fs::read_dir(folder.join(format!("tiles/{z}"))).unwrap().map(|entry| entry.unwrap()) {
            for tile in std::fs::read_dir(column.path()).unwrap().map(|entry| entry.unwrap().path()) {
                let name = tile.strip_prefix(folder.join("tiles")).unwrap().to_string_lossy().replace('\\', "/");
                tiles.insert(name, std::fs::read(&tile).unwrap());
            }
        }
    }
    tiles
}

#[test]
fn points_from_memory_give_the_tiles_of_a_run() {
    let (points, folder) = (points(), tempfile::tempdir().unwrap());
    let plain = Style::default();
    let smooth = {
        use tilefire::shade::{Radius, Spread, SpreadOp, SpreadShape};
        let spread = Spread { radius: Radius::Fixed(3), shape: SpreadShape::Gaussian, op: SpreadOp::Add };
        Style { spread, ..Style::default() }
    };
    let expected = [&plain, &smooth].map(|style| rendered(&points, style, folder.path()));
    assert!(expected[0] != expected[1]);
    for threads in [1, 3] {
        let counts = counted(&points, threads);
        assert!(painted(&counts, &smooth) == expected[1], "{threads} threads, smooth");
        assert!(painted(&counts, &plain) == expected[0], "{threads} threads, plain after smooth");
    }
}

#[test]
fn counts_can_be_looked_at() {
    let counts = counted(&points(), 2);
    assert_eq!(counts.points(), 20_000);
    let root = counts.tile(TileCoord { z: 0, x: 0, y: 0 }).unwrap();
    assert_eq!(root.iter().map(|(_, count)| u64::from(*count)).sum::<u64>(), 20_000);
    assert!(root.is_sorted() && root.len() as u64 == counts.stats(0).unwrap().lit);
    assert!(counts.tile(TileCoord { z: 9, x: 0, y: 0 }).unwrap().is_empty());
    assert!(counts.tile(TileCoord { z: 10, x: 0, y: 0 }).is_err());
    assert!(counts.stats(10).is_none());
}

#[test]
fn what_a_sink_fails_with_ends_the_painting() {
    let counts = counted(&points(), 2);
    let failed = counts.paint(&Style::default(), |_, _| Err(Error::Output("full".into())));
    assert_eq!(failed.unwrap_err().to_string(), "full");
}

#[test]
fn nothing_begins_that_cannot_be() {
    let wrong = |builder: tilefire::SessionBuilder| builder.start().unwrap_err().exit_code();
    assert_eq!(wrong(Session::builder().zooms(5, 3)), 2);
    assert_eq!(wrong(Session::builder().zooms(0, 25)), 2);
    assert_eq!(wrong(Session::builder().crs("EPSG:123456".parse().unwrap())), 2);
    let session = Session::builder().device(Device::Cpu).threads(1).start().unwrap();
    session.monitor().cancel();
    let stopped = session.pusher().unwrap().push(&[Coordinate { x: 0.0, y: 0.0 }]);
    assert!(matches!(stopped, Err(Error::Interrupted)));
}
