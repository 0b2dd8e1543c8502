use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::backend::Memory;
use crate::backend::cpu::count;
use crate::counts::{Lit, Measure, Measuring, row_major};
use crate::tile::{PointBuffer, TileCoord, WorldPoint, ZoomRange};

type Row = (WorldPoint, i64, u16);
/// (zoom, column, row) -> points and what they weigh.
type Pixels = BTreeMap<(u8, u32, u32), (u32, i64)>;

fn plan(max: u8, sums: bool, memory: Memory) -> Plan {
    let measuring = sums.then(|| Measuring { measure: Measure::Sum, step: Step::default(), least: 1 });
    Plan { zooms: ZoomRange::new(0, max).unwrap(), reach: 0, measuring, memory, monitor: Arc::default() }
}

/// Pushes rows from several threads in batches.
fn push<'a>(
    pusher: impl Fn() -> Box<dyn PointPush + 'a> + Sync,
    rows: &[Row],
    (threads, batch): (usize, usize),
    keyed: bool,
    sums: bool,
) -> Result<()> {
    let mut shares: Vec<Vec<Row>> = vec![Vec::new(); threads];
    rows.iter().enumerate().for_each(|(i, row)| shares[i % threads].push(*row));
    std::thread::scope(|scope| {
        let pushing: Vec<_> = shares
            .into_iter()
            .map(|share| {
                let pusher = &pusher;
                scope.spawn(move || {
                    let mut pusher = pusher();
                    for some in share.chunks(batch) {
                        let mut points = PointBuffer::default();
                        for (place, weight, key) in some {
                            points.places.push(*place);
                            points.weights.extend(sums.then_some(weight));
                            points.keys.extend(keyed.then_some(key));
                        }
                        pusher.push(points.points())?;
                    }
                    pusher.close()
                })
            })
            .collect();
        pushing.into_iter().try_for_each(|thread| thread.join().unwrap())
    })
}

fn pixels<V: Value>(store: &CountStore<V>) -> Pixels {
    let mut pixels = Pixels::new();
    for z in 0..=store.max_zoom() {
        for chunk in 0..store.chunks(z).unwrap() {
            let each = |code, lit: &[Lit<V>]| {
                let TileCoord { x, y, .. } = TileCoord::from_morton(z, code);
                for l in lit {
                    let at = u32::from(row_major(l.pixel));
                    let place = (z, x << 8 | at & 255, y << 8 | at >> 8);
                    assert!(pixels.insert(place, (l.count.count(), l.count.sum())).is_none());
                }
                Ok(())
            };
            store.read_chunk(z, chunk, &mut Vec::new(), each).unwrap();
        }
        let stats = store.stats(z).unwrap();
        let sum: u64 = pixels.range((z, 0, 0)..(z + 1, 0, 0)).map(|(_, pixel)| u64::from(pixel.0)).sum();
        assert_eq!(stats.sum, sum);
    }
    pixels
}

/// The definition.
fn expected(rows: &[Row], max: u8, sums: bool, wanted: impl Fn(u16) -> bool) -> Pixels {
    let mut pixels = Pixels::new();
    for (place, weight, _) in rows.iter().filter(|row| wanted(row.2)) {
        for z in 0..=max {
            let by = 24 - u32::from(z);
            let pixel = pixels.entry((z, place.x >> by, place.y >> by)).or_default();
            pixel.0 += 1;
            pixel.1 += if sums { *weight } else { 0 };
        }
    }
    pixels
}

fn planes<V: KeyedValue>(
    rows: &[Row],
    keys: &[u16],
    plan: Plan,
    (threads, batch): (usize, usize),
) -> Result<(Vec<CountStore<V>>, BackendReport)> {
    let sums = V::HOLDS == Holds::Sums;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let count = keyed::<V>(plan);
        push(|| count.pusher(), rows, (threads, batch), true, sums)?;
        count.finish(keys)
    })
}

fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    let near = (1u32 << 31..(1 << 31) + (1 << 18), 1u32 << 30..(1 << 30) + (1 << 18));
    let place = prop_oneof![3 => near, 1 => (any::<u32>(), any::<u32>())];
    let keys = prop_oneof![3 => (0u16..4).boxed(), 2 => (0u16..64).boxed(), 1 => any::<u16>().boxed()];
    let weight = prop_oneof![-1000i64..1000, -(1i64 << 50)..1 << 50];
    let row = (place, weight, keys).prop_map(|((x, y), weight, key)| (WorldPoint { x, y }, weight, key));
    proptest::collection::vec(row, 1..most)
}

fn check<V: KeyedValue>(
    rows: &[Row],
    max: u8,
    (limit, folder): (u64, &Path),
    how: (usize, usize),
) -> std::result::Result<(), TestCaseError> {
    let sums = V::HOLDS == Holds::Sums;
    let mut keys: Vec<u16> = rows.iter().map(|row| row.2).collect();
    // One without points, in an order of its own.
    let without = (0..=u16::MAX).find(|key| !keys.contains(key)).unwrap();
    keys.push(without);
    keys.sort_unstable_by_key(|key| (key % 3, *key));
    keys.dedup();
    let memory = Memory::new(limit, folder);
    let account = memory.account.clone();
    let (stores, _) = planes::<V>(rows, &keys, plan(max, sums, memory), how).unwrap();
    prop_assert_eq!(stores.len(), keys.len());
    let mut all = Pixels::new();
    for (key, store) in keys.iter().zip(&stores) {
        let own = pixels(store);
        prop_assert_eq!(&own, &expected(rows, max, sums, |other| other == *key), "key {}", key);
        for (place, (count, sum)) in own {
            let pixel = all.entry(place).or_default();
            *pixel = (pixel.0 + count, pixel.1 + sum);
        }
    }
    prop_assert_eq!(&all, &expected(rows, max, sums, |_| true));
    if !sums {
        // What the same points come to without keys.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(how.0).build().unwrap();
        let plain = pool.install(|| {
            let count = count(plan(max, false, Memory::default()));
            push(|| count.pusher(), rows, how, false, false).unwrap();
            let paint = count.finish().unwrap();
            pixels(&*paint.counts(max).unwrap())
        });
        prop_assert_eq!(all, plain);
    }
    drop(stores);
    prop_assert_eq!(account.held(), 0, "planes leave nothing behind");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Planes are those of the definition, and come to the counts of all points, whatever the keys, the order, the threads, the
    /// batches and the memory.
    #[test]
    fn planes_are_what_their_points_come_to(
        rows in rows(600),
        max in prop_oneof![0u8..5, Just(16u8), Just(17), Just(24)],
        threads in 1usize..4,
        batch in prop_oneof![1usize..8, 100usize..400],
        limit in prop_oneof![Just(1u64 << 12), Just(1 << 16), Just(1 << 20), Just(u64::MAX)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        check::<u32>(&rows, max, (limit, folder.path()), (threads, batch))?;
        check::<Weighed>(&rows, max, (limit, folder.path()), (threads, batch))?;
    }
}

/// So many points that memory is full again and again, buckets are taken in several rounds, and long ones are shared by threads.
#[test]
fn many_points_take_every_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 1u64;
    let mut random = |range: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % range) as u32
    };
    let rows: Vec<Row> = (0..1_300_000u32)
        .map(|i| {
            let wide = if i % 8 == 0 { 1 << 30 } else { 1 << 22 };
            let place = WorldPoint { x: (1 << 31) + random(wide), y: (1 << 30) + random(wide) };
            let key = if i % 2 == 0 { 7 } else { random(250) as u16 };
            (place, i64::from(random(100)), key)
        })
        .collect();
    let keys: Vec<u16> = (0..250).collect();
    let max = 9;
    let right = |key: u16| {
        let mut pixels = BTreeMap::<(u32, u32), u32>::new();
        rows.iter().filter(|row| row.2 == key).for_each(|(place, ..)| {
            *pixels.entry((place.x >> (24 - max), place.y >> (24 - max))).or_default() += 1;
        });
        pixels
    };
    let expected: Vec<_> = [3, 7, 249].into_iter().map(|key| (key, right(key))).collect();
    for (limit, threads) in [(u64::MAX, 3), (12 << 20, 2), (2 << 20, 3)] {
        let memory = Memory::new(limit, folder.path());
        let account = memory.account.clone();
        let (stores, report) = planes::<u32>(&rows, &keys, plan(max, false, memory), (threads, 4096)).unwrap();
        assert_eq!(report.flushes > 0, limit < u64::MAX, "{limit}: {}", report.flushes);
        let sum: u64 = stores.iter().map(|store| store.stats(max).unwrap().sum).sum();
        assert_eq!(sum, rows.len() as u64);
        for (key, expected) in &expected {
            let store = &stores[usize::from(*key)];
            let all = pixels(store);
            let found: BTreeMap<_, _> = all.range((max, 0, 0)..).map(|(at, pixel)| ((at.1, at.2), pixel.0)).collect();
            assert!(found == *expected, "{limit} {key}");
            assert_eq!(store.stats(0).unwrap().sum, expected.values().map(|count| u64::from(*count)).sum::<u64>());
        }
        if limit < u64::MAX {
            assert!(account.peak() <= limit + (1 << 20), "{} of {limit}", account.peak());
        }
        drop(stores);
        assert_eq!(account.held(), 0);
    }
}

#[test]
fn what_cannot_be_counted_is_an_error() {
    let at = |key| (WorldPoint { x: 5, y: 5 }, i64::MAX / 2 + 1, key);
    let run = |rows: &[Row], keys: &[u16]| planes::<Weighed>(rows, keys, plan(3, true, Memory::default()), (2, 1));
    assert!(run(&[at(1)], &[1]).is_ok());
    // Weights are those of the whole run, whichever planes they are of.
    assert!(matches!(run(&[at(1), at(2)], &[1, 2]), Err(Error::Limit(_))));
    assert!(matches!(run(&[at(1)], &[2]), Err(Error::Internal(_))));
    let stopped = plan(3, false, Memory::default());
    let monitor = stopped.monitor.clone();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let done = pool.install(|| {
        let count = keyed::<u32>(stopped);
        push(|| count.pusher(), &[at(1)], (1, 1), true, false)?;
        let unkeyed = push(|| count.pusher(), &[at(1)], (1, 1), false, false);
        assert!(matches!(unkeyed, Err(Error::Internal(_))));
        monitor.cancel();
        count.finish(&[1])
    });
    assert!(matches!(done, Err(Error::Interrupted)));
}

#[test]
fn keys_come_together_whichever_way_they_are_sorted() {
    for (points, keys) in [(0u64, 1u64), (1, 1), (100, 3), (100, 60_000), (5_000, 64), (70_000, 65_536)] {
        let mut all: Vec<u64> = (0..points).map(|i| (i << 20).with_key((i * 7_919 % keys) as u16)).collect();
        let mut right = all.clone();
        right.sort_unstable_by_key(Keyed::key);
        let runs = by_key(&mut all, &mut Vec::new());
        assert!(all.iter().map(Keyed::key).eq(right.iter().map(Keyed::key)));
        assert!(runs.is_sorted_by(|a, b| a.0 < b.0));
        let mut at = 0;
        for (key, len) in runs {
            assert!(len > 0 && all[at..at + len].iter().all(|point| point.key() == key));
            at += len;
        }
        assert_eq!(at, all.len());
        all.sort_unstable();
        right.sort_unstable();
        assert!(all == right);
    }
}
