//! CPU = GPU: every tile and every statistic of the two sessions is the same, on whatever adapter the machine
//! has, under any limits. Without an adapter the tests say that they were skipped; `TILEFIRE_REQUIRE_GPU=1` makes
//! that a failure. `TILEFIRE_TEST_ADAPTER` names another adapter than lavapipe.

#![allow(clippy::disallowed_methods, reason = "an independent check, or a picture of no consequence")]
mod common;

use std::sync::Arc;

use common::gpu::{
    Done, Job, Random, adapter_for, adapter_name, difference, everything_through_shaders, shader, subgroup_choices,
};
use proptest::prelude::*;
use tilefire::backend::cpu::CpuPaint;
use tilefire::backend::gpu::{ForcedLimits, GpuCount, GpuOptions, GpuPaint};
use tilefire::backend::{BackendReport, Memory, Paint};
use tilefire::error::Error;
use tilefire::shade::{Colormap, Radius, Spread, SpreadOp, SpreadShape, Style};
use tilefire::store::CountStore;
use tilefire::tile::WorldPoint;

#[test]
fn one_point() {
    if adapter_for("one_point") {
        for spread in [0, 3] {
            Job::new(&[WorldPoint { x: 123_456_789, y: 987_654_321 }], (0, 10), spread).same();
        }
    }
}

#[test]
fn no_point() {
    if adapter_for("no_point") {
        Job::new(&[], (0, 10), 1).same();
    }
}

#[test]
fn many_points_on_one_spot() {
    if adapter_for("many_points_on_one_spot") {
        let points = vec![WorldPoint { x: 1 << 31, y: 1 << 31 }; 100_000];
        for &subgroups in subgroup_choices("many_points_on_one_spot") {
            let limits = ForcedLimits { subgroups: Some(subgroups), ..Default::default() };
            let report = Job::new(&points, (0, 12), 0).limits(limits).same();
            assert_eq!((report.buckets, report.subgroups), (0, subgroups));
        }
    }
}

#[test]
fn four_pixels_taking_turns() {
    if adapter_for("four_pixels_taking_turns") {
        let spots = [(0, 0), (1 << 20, 0), (7 << 28, 5 << 20), (7 << 28, 6 << 20)];
        let points: Vec<_> = spots.iter().cycle().take(100_003).map(|&(x, y)| WorldPoint { x, y }).collect();
        for &subgroups in subgroup_choices("four_pixels_taking_turns") {
            let limits = ForcedLimits { subgroups: Some(subgroups), ..Default::default() };
            Job::new(&points, (0, 11), 0).limits(limits).same();
        }
    }
}

#[test]
fn spread_crosses_the_antimeridian_and_tile_borders() {
    if adapter_for("spread_crosses_the_antimeridian_and_tile_borders") {
        let mut random = Random(5);
        let mut points: Vec<_> = (0..3000)
            .map(|i| WorldPoint {
                x: (random.next() >> 12).wrapping_sub(1 << 19),
                y: if i % 2 == 0 { (1 << 31) - (1 << 19) + (random.next() >> 12) } else { random.next() >> 14 },
            })
            .collect();
        points.push(WorldPoint { x: u32::MAX, y: u32::MAX });
        points.push(WorldPoint { x: 0, y: 0 });
        for spread in [0, 1, 2, 5] {
            let job = Job::new(&points, (0, 8), spread);
            let cpu = job.cpu();
            assert_eq!(job.same_as(&cpu).buckets, 0);
            let limits = ForcedLimits { device_memory: Some(2 << 20), ..everything_through_shaders() };
            let report = job.limits(limits).same_as(&cpu);
            assert!(report.buckets > 0 && report.sparse_tiles == 0, "{report:?}");
        }
    }
}

#[test]
fn the_widest_spread() {
    if adapter_for("the_widest_spread") {
        let points = Random(9).clusters(2000, 3, 24);
        Job::new(&points, (3, 6), 64).same();
        let limits = ForcedLimits { device_memory: Some(2 << 20), ..everything_through_shaders() };
        let report = Job::new(&points, (5, 6), 64).limits(limits).same();
        assert!(report.buckets > 0, "{report:?}");
    }
}

#[test]
fn two_points_far_apart() {
    if adapter_for("two_points_far_apart") {
        let points = [WorldPoint { x: 3, y: 5 }, WorldPoint { x: u32::MAX - 3, y: u32::MAX - 9 }];
        let report = Job::new(&points, (0, 16), 0).limits(everything_through_shaders()).same();
        assert_eq!((shader(&report, "reduce").tiles, report.buckets), (32, 0));
        let report = Job::new(&points, (0, 16), 0).same();
        assert_eq!((report.sparse_tiles, report.host_reduced_tiles, report.slot_buffers), (2, 32, 0));
        assert!(report.shaders.iter().all(|s| s.dispatches == 0) && report.pipelines == 0, "{report:?}");
        Job::new(&points, (0, 24), 1).same();
    }
}

#[test]
fn skewed_clusters() {
    if adapter_for("skewed_clusters") {
        let points = Random(1).clusters(200_000, 12, 24);
        for (zooms, spread) in [((0, 9), 0), ((2, 11), 0), ((0, 9), 2)] {
            let report = Job::new(&points, zooms, spread).limits(everything_through_shaders()).same();
            assert_eq!((report.buckets, report.sparse_points), (0, 0));
        }
    }
}

/// Tiles of few points are counted by the host, and the dense tiles above them get their counts.
#[test]
fn sparse_tiles_beside_dense_ones() {
    if adapter_for("sparse_tiles_beside_dense_ones") {
        let mut points = Random(12).clusters(60_000, 5, 24);
        points.extend(Random(13).clusters(1_000, 400, 30));
        for (zooms, spread) in [((0, 11), 0), ((7, 10), 2)] {
            let cpu = Job::new(&points, zooms, spread).cpu();
            // Looked through once at the end, and many times before it.
            for review_points in [None, Some(1000)] {
                let limits = ForcedLimits { review_points, batch_points: Some(2000), ..Default::default() };
                let report = Job::new(&points, zooms, spread).limits(limits).same_as(&cpu);
                assert_eq!((report.buckets, report.passes, report.flushes), (0, 0, 0));
                assert!(report.sparse_tiles > 500 && shader(&report, "bin").points > 30_000, "{report:?}");
                assert!(shader(&report, "add").tiles > 0 && report.host_reduced_tiles > 1000, "{report:?}");
                assert_eq!(shader(&report, "pack").tiles > 0, spread > 0, "{report:?}");
            }
        }
    }
}

/// With next to no memory, points become counts early and counts go to a file.
#[test]
fn host_memory_is_bounded() {
    if adapter_for("host_memory_is_bounded") {
        let mut points = Random(14).clusters(120_000, 8, 26);
        points.extend(Random(15).clusters(8_000, 400, 32));
        for (threads, spread) in [(1, 0), (3, 1)] {
            let limits = ForcedLimits { device_memory: Some(16 << 20), ..Default::default() };
            let job = Job { threads, memory: Some(1 << 20), ..Job::new(&points, (6, 8), spread).limits(limits) };
            let report = job.same();
            assert!(report.flushes > 0 && report.spilled_bytes > 0 && report.buckets > 0, "{report:?}");
            assert!(report.passes > report.flushes && report.sparse_points > 0, "{report:?}");
        }
    }
}

/// A device that runs out of memory turns the session to buckets; one that has none at all is an error.
#[test]
fn slot_buffers_run_out() {
    if adapter_for("slot_buffers_run_out") {
        let points = Random(16).clusters(40_000, 6, 27);
        let cpu = Job::new(&points, (5, 8), 1).cpu();
        for (buffers, review_points) in [(1, None), (2, Some(500)), (3, Some(500))] {
            let limits = ForcedLimits {
                slot_buffers: Some(buffers),
                binding_tiles: Some(4),
                review_points,
                ..everything_through_shaders()
            };
            let report = Job::new(&points, (5, 8), 1).limits(limits).same_as(&cpu);
            assert!(report.passes > 1 && report.buckets > 0, "{report:?}");
            assert!(report.slot_buffers <= 2 * buffers as u64, "{report:?}");
        }
        let limits = ForcedLimits { slot_buffers: Some(0), ..everything_through_shaders() };
        let job = Job::new(&points, (0, 8), 0).limits(limits);
        let error = job.run_and(job.gpu_count().unwrap(), |_| ()).err().unwrap();
        assert!(error.to_string().contains("no memory for a single tile"), "{error}");
    }
}

/// A device that refuses buffers, at whatever point of the work, makes the same tiles: the memory it has only decides
/// how much is done at once.
#[test]
fn a_full_device_makes_the_same_tiles() {
    if adapter_for("a_full_device_makes_the_same_tiles") {
        let mut points = Random(31).clusters(15_000, 3, 26);
        points.extend(Random(32).clusters(400, 60, 30));
        let (mut refused, mut turned, mut stayed) = (0, 0, 0);
        for (spread, op) in [(0, SpreadOp::Max), (2, SpreadOp::Max), (3, SpreadOp::Add)] {
            let mut job = Job::new(&points, (6, 9), spread);
            job.style.spread.op = op;
            let cpu = job.cpu();
            for holds in [6u64, 10, 24, 60, 600] {
                let limits = ForcedLimits {
                    device_holds: Some(holds << 20),
                    // What it plans with is more than it has.
                    device_memory: Some(1 << 30),
                    dense_min: Some(20),
                    review_points: Some(2000),
                    ..Default::default()
                };
                let report = job.clone().limits(limits).same_as(&cpu);
                assert!(report.device_peak <= (holds + 1) << 20, "{report:?}");
                refused += report.device_refusals;
                *if report.buckets > 0 { &mut turned } else { &mut stayed } += 1;
            }
        }
        assert!(refused > 20 && turned >= 6 && stayed >= 3, "{refused} refusals, {turned} to buckets, {stayed} not");
    }
}

/// Uploads larger than the window through which the host sees the device's memory wait for one another.
#[test]
fn uploads_fit_a_small_window() {
    if adapter_for("uploads_fit_a_small_window") {
        let points = Random(33).clusters(60_000, 6, 27);
        for (spread, op) in [(0, SpreadOp::Max), (2, SpreadOp::Max), (2, SpreadOp::Add)] {
            let mut job = Job::new(&points, (6, 8), spread);
            job.style.spread.op = op;
            let cpu = job.cpu();
            for (window, memory) in [(1u64 << 20, None), (3 << 20, None), (1 << 20, Some(4u64 << 20))] {
                let limits = ForcedLimits {
                    upload_window: Some(window),
                    device_memory: memory,
                    dense_min: Some(20),
                    ..Default::default()
                };
                job.clone().limits(limits).same_as(&cpu);
            }
        }
    }
}

/// At least three batches, slot buffers, passes and buckets in one run.
#[test]
fn limits_forced_down() {
    if adapter_for("limits_forced_down") {
        let points = Random(2).clusters(30_000, 3, 27);
        for (&subgroups, spread) in subgroup_choices("limits_forced_down").iter().zip([0, 1]) {
            let limits = ForcedLimits {
                device_memory: Some(3 << 20),
                binding_tiles: Some(2),
                batch_points: Some(7001),
                bucket_zoom: Some(4),
                subgroups: Some(subgroups),
                dense_min: Some(0),
                ..Default::default()
            };
            let report = Job::new(&points, (0, 8), spread).limits(limits).same();
            assert!(report.batches >= 3 && report.buckets >= 3 && report.passes > report.buckets + 3, "{report:?}");
            assert!(report.slot_buffers >= 3, "{report:?}");
            assert_eq!(shader(&report, "bin").points, 30_000);
            assert_eq!(report.sparse_tiles, 0);
        }
    }
}

/// Tiles in more buffers than one dispatch binds, all resident.
#[test]
fn many_slot_buffers() {
    if adapter_for("many_slot_buffers") {
        let points = Random(3).clusters(20_000, 4, 27);
        for spread in [0, 2] {
            let limits =
                ForcedLimits { binding_tiles: Some(3), batch_points: Some(1000), ..everything_through_shaders() };
            let report = Job::new(&points, (0, 7), spread).limits(limits).same();
            assert!(report.slot_buffers > 16 && report.buckets == 0 && report.batches >= 20, "{report:?}");
        }
    }
}

/// What was binned on the device before the tiles outgrew it is not lost.
#[test]
fn tiles_outgrow_the_device_midway() {
    if adapter_for("tiles_outgrow_the_device_midway") {
        let mut points = Random(4).clusters(50_000, 1, 20);
        points.extend(Random(6).clusters(20_000, 6, 27));
        for dense_min in [None, Some(0), Some(40)] {
            let limits = ForcedLimits { device_memory: Some(12 << 20), dense_min, ..Default::default() };
            let job = Job { threads: 1, ..Job::new(&points, (5, 8), 1).limits(limits) };
            let report = job.same();
            assert!(report.buckets > 0 && shader(&report, "pack").tiles > 0, "{report:?}");
            assert_eq!(report.sparse_points > 0, dense_min != Some(0));
        }
    }
}

#[test]
fn shaders_handle_every_point_and_tile() {
    if adapter_for("shaders_handle_every_point_and_tile") {
        let points = Random(7).clusters(30_000, 5, 26);
        let job = Job::new(&points, (0, 9), 0).limits(everything_through_shaders());
        let report = job.same();
        let tiles: Vec<u64> = job.cpu().stats.iter().map(|s| s.tiles).collect();
        assert_eq!(shader(&report, "bin").points, 30_000);
        assert_eq!(shader(&report, "bin").tiles, tiles[9]);
        assert_eq!(shader(&report, "reduce").tiles, tiles[1..].iter().sum::<u64>());
        assert_eq!(shader(&report, "stats").tiles, tiles.iter().sum::<u64>());
        assert_eq!(shader(&report, "shade").tiles, tiles.iter().sum::<u64>());
        assert_eq!(shader(&report, "pack").tiles, 0);
    }
}

/// The set of different counts is exact up to 255 of them and says "many" from 256 on.
#[test]
fn different_counts_around_the_palette() {
    if adapter_for("different_counts_around_the_palette") {
        for different in [254u32, 255, 256, 300] {
            let pixel = |i: u32| WorldPoint { x: (1 << 31) + ((i % 32) << 16), y: (1 << 30) + ((i / 32) << 16) };
            let points: Vec<_> = (0..different).flat_map(|i| vec![pixel(i); i as usize + 5000]).collect();
            let job = Job::new(&points, (6, 8), 0);
            job.same();
            assert_eq!(job.gpu().stats[8].distinct.is_many(), different > 255);
        }
    }
}

/// The comparison sees a single count.
#[test]
fn one_changed_count_is_seen() {
    if adapter_for("one_changed_count_is_seen") {
        let mut points = Random(8).clusters(5000, 3, 24);
        let cpu = Job::new(&points, (0, 9), 0).cpu();
        points[2500].x ^= 1 << 15;
        let gpu = Job::new(&points, (0, 9), 0).gpu();
        assert!(difference(&cpu, &gpu).is_some());
    }
}

#[test]
fn a_lost_device_is_an_error() {
    if adapter_for("a_lost_device_is_an_error") {
        let points = Random(10).clusters(50_000, 5, 26);
        for (when, memory) in [(0, None), (1, None), (2, None), (1, Some(2 << 20)), (2, Some(2 << 20))] {
            let mut job = Job::new(&points, (0, 8), 1);
            job.limits =
                ForcedLimits { batch_points: Some(1000), device_memory: memory, ..everything_through_shaders() };
            let count = job.gpu_count().unwrap();
            let destroy = count.destroyer_for_test();
            let error = job.run_and(count, |step| {
                if step == when {
                    destroy();
                }
            });
            let error = error.err().expect("nobody noticed that the device is gone");
            assert!(matches!(&error, Error::Device { adapter, .. } if !adapter.is_empty()), "{error}");
            assert!(error.to_string().contains("lost"), "{error}");
        }
    }
}

#[test]
fn an_unknown_adapter_is_an_error() {
    if adapter_for("an_unknown_adapter_is_an_error") {
        let options = GpuOptions { adapter: Some("no such thing".into()), ..Default::default() };
        let error = GpuCount::new(Job::new(&[], (0, 1), 0).plan(), &options).unwrap_err();
        assert!(matches!(error, Error::NoAdapter(_)), "{error}");
        assert!(error.to_string().to_lowercase().contains(&adapter_name().to_lowercase()), "{error}");
    }
}

#[test]
fn a_wish_to_stop_is_heard() {
    if adapter_for("a_wish_to_stop_is_heard") {
        let points = Random(11).clusters(50_000, 5, 26);
        let job = Job::new(&points, (0, 8), 0);
        let plan = job.plan();
        let options = GpuOptions { adapter: Some(adapter_name()), ..Default::default() };
        let count = GpuCount::new(plan.clone(), &options).unwrap();
        let other = GpuCount::new(plan.clone(), &options).unwrap();
        let paint = job.count(count).unwrap();
        plan.monitor.cancel();
        assert!(matches!(job.push(&other), Err(Error::Interrupted)));
        assert!(matches!(job.paint(paint.as_ref()), Err(Error::Interrupted)));
    }
}

/// Spread in every shape, with every operator, resident and bucket by bucket.
#[test]
fn every_kernel() {
    if adapter_for("every_kernel") {
        let mut points = Random(21).clusters(30_000, 4, 25);
        // Around the antimeridian and at both edges of the map.
        points.extend(Random(22).clusters(3_000, 1, 20).into_iter().map(|p| WorldPoint { x: p.x & 0x3f_ffff, y: p.y }));
        points.extend((0..500u32).map(|i| WorldPoint { x: u32::MAX - (i << 11), y: if i % 2 == 0 { i } else { !i } }));
        for (shape, op) in kernels() {
            for (radius, zooms) in [(1, (3, 6)), (4, (3, 6)), (64, (5, 5))] {
                let mut job = Job::new(&points, zooms, radius);
                (job.style.spread.shape, job.style.spread.op) = (shape, op);
                let cpu = job.cpu();
                job.same_as(&cpu);
                let limits = ForcedLimits { device_memory: Some(2 << 20), ..everything_through_shaders() };
                let report = job.limits(limits).same_as(&cpu);
                let stage = if shape == SpreadShape::Gaussian { "blur" } else { "spread" };
                assert!(report.buckets > 0 && shader(&report, stage).tiles > 0, "{report:?}");
            }
        }
    }
}

/// A sum is the sum: with a kernel that adds, a zoom has as many points as before, times the pixels each reaches.
#[test]
fn sums_are_conserved() {
    // Away from the edges of the map, over which nothing is spread.
    let mut random = Random(23);
    let mut points = random.clusters(20_000, 1, 22);
    points.iter_mut().for_each(|p| p.y = (1 << 31) + (p.y & 0xff_ffff));
    for (shape, area) in [(SpreadShape::Disc, 21), (SpreadShape::Square, 25), (SpreadShape::Gaussian, 1)] {
        let mut job = Job::new(&points, (7, 11), 2);
        (job.style.spread.shape, job.style.spread.op) = (shape, SpreadOp::Add);
        let done = job.cpu();
        for z in 7..=11 {
            let stats = &done.coloured.stats[z];
            let kernel = job.style.kernel(2, done.stats[z].max);
            let (lit, sum) = job.lit_and_sum(z as u8, &kernel);
            let sum = sum as f64 * 0.5f64.powi(stats.unit.shift as i32);
            let expected = (points.len() * area) as f64;
            // Half a unit a pixel for each of two steps, if all erred to the same side.
            let rounding = if stats.unit.shift > 0 { lit as f64 * 0.5f64.powi(stats.unit.shift as i32) } else { 0.0 };
            assert!((sum - expected).abs() <= rounding, "zoom {z}, {shape}: {sum} for {expected}");
        }
    }
}

/// Looks that are painted one after the other from one finished count: kernels that keep counts and such that make new
/// ones, wider than the session was told of, chosen by the counts themselves, equalised, over one zoom and over all.
fn looks() -> Vec<Style> {
    let of = |radius, shape, op, function: &str, span: &str| Style {
        function: function.parse().unwrap(),
        span: span.parse().unwrap(),
        spread: Spread { radius, shape, op },
        ..Style::default()
    };
    let fixed = Radius::Fixed;
    vec![
        of(fixed(1), SpreadShape::Disc, SpreadOp::Max, "log", "zoom"),
        of(fixed(3), SpreadShape::Disc, SpreadOp::Add, "cbrt", "all"),
        of(fixed(4), SpreadShape::Gaussian, SpreadOp::Add, "log", "smooth"),
        of(Radius::Dynspread, SpreadShape::Disc, SpreadOp::Max, "eq-hist", "zoom"),
        of(fixed(2), SpreadShape::Gaussian, SpreadOp::Max, "eq-hist", "all"),
        of(fixed(0), SpreadShape::Disc, SpreadOp::Max, "linear", "p90"),
        of(fixed(9), SpreadShape::Square, SpreadOp::Max, "log", "zoom"),
    ]
}

/// Runs of their own for all looks.
fn runs_of_their_own(job: &Job<'_>) -> Vec<(Style, Done)> {
    let alone = |style: Style| (style.clone(), Job { style, ..job.clone() }.cpu());
    looks().into_iter().map(alone).collect()
}

/// Every look painted from `paint` has the bytes of a run of its own, whatever was painted before it; the first of them
/// comes once more at the end.
fn looks_are_those_of(alone: &[(Style, Done)], paint: &dyn Paint, job: &Job<'_>) {
    for (style, alone) in alone.iter().chain(alone.first()) {
        let job = Job { style: style.clone(), ..job.clone() };
        let found = difference(alone, &job.paint(paint).unwrap());
        assert_eq!(found, None, "{style:?} after other looks; {:?}", paint.report());
    }
}

/// Two looks of one finished count are those of two runs: on the device, on the host, in both places and in a file.
#[test]
fn looks_painted_from_one_count() {
    let dense = Random(51).clusters(20_000, 2, 25);
    let mut all = dense.clone();
    all.extend(Random(52).clusters(100, 40, 30));
    let tight = ForcedLimits { device_memory: Some(2 << 20), ..everything_through_shaders() };
    for points in [&dense, &all] {
        let job = |limits| Job::new(points, (6, 8), 0).limits(limits);
        let alone = runs_of_their_own(&job(ForcedLimits::default()));
        for memory in [None, Some(1 << 14)] {
            let job = Job { memory, ..job(ForcedLimits::default()) };
            let paint = job.count(job.cpu_count()).unwrap();
            assert_eq!(paint.report().spilled_bytes > 0, memory.is_some(), "{:?}", paint.report());
            looks_are_those_of(&alone, paint.as_ref(), &job);
        }
        if !adapter_for("looks_painted_from_one_count") {
            continue;
        }
        type Holds = fn(&BackendReport) -> bool;
        let places: [(Job<'_>, Holds); 2] = if points.len() == dense.len() {
            [
                (job(everything_through_shaders()), |r| r.buckets == 0 && r.sparse_tiles == 0),
                (job(tight), |r| r.buckets > 0 && r.sparse_tiles == 0 && r.spilled_bytes == 0),
            ]
        } else {
            [
                (job(ForcedLimits::default()), |r| r.buckets == 0 && r.sparse_tiles > 50 && r.slot_buffers > 0),
                (Job { memory: Some(1 << 14), ..job(tight) }, |r| r.buckets > 0 && r.spilled_bytes > 0),
            ]
        };
        for (job, holds) in places {
            let paint = job.count(job.gpu_count().unwrap()).unwrap();
            assert!(holds(&paint.report()), "{:?}", paint.report());
            looks_are_those_of(&alone, paint.as_ref(), &job);
        }
    }
}

/// Counts that somebody else made are painted by either backend.
#[test]
fn looks_painted_from_counts_alone() {
    let mut points = Random(53).clusters(10_000, 2, 25);
    points.extend(Random(54).clusters(100, 40, 30));
    let job = Job::new(&points, (6, 8), 0);
    let alone = runs_of_their_own(&job);
    let counted = job.count(job.cpu_count()).unwrap();
    let mut store = CountStore::new(8);
    for z in 0..=8 {
        let (counts, mut part, mut lit) = (counted.counts(z).unwrap(), store.part(), Vec::new());
        for chunk in 0..counts.chunks(z).unwrap() {
            counts.read_chunk(z, chunk, &mut lit, |code, lit| part.push(code, lit)).unwrap();
        }
        store.set_zoom(z, vec![part]).unwrap();
    }
    let (store, monitor) = (Arc::new(store), job.plan().monitor);
    looks_are_those_of(&alone, &CpuPaint::new(store.clone(), Memory::default(), monitor.clone()).unwrap(), &job);
    if adapter_for("looks_painted_from_counts_alone") {
        for limits in [ForcedLimits::default(), everything_through_shaders()] {
            let job = job.clone().limits(limits);
            let paint = GpuPaint::new(store.clone(), Memory::default(), monitor.clone(), &job.gpu_options()).unwrap();
            looks_are_those_of(&alone, &paint, &job);
        }
    }
}

/// Full colour needs indices of 16 bits once there are more than 255 colours.
#[test]
fn full_colour() {
    if adapter_for("full_colour") {
        // 600 different counts, each on a pixel of its own; some in tiles of few pixels.
        let points: Vec<_> = (0..600u32)
            .flat_map(|i| {
                let place = WorldPoint { x: (1 << 31) + ((i % 40) << 16), y: (1 << 30) + ((i / 40) << 16) };
                vec![place; 1 + (i * i / 40) as usize]
            })
            .chain([WorldPoint { x: 9, y: 9 }])
            .collect();
        for (spread, dense_min) in [(0, None), (0, Some(0)), (2, None), (2, Some(0))] {
            let mut job = Job::new(&points, (6, 9), spread).limits(ForcedLimits { dense_min, ..Default::default() });
            job.style.truecolor = true;
            job.style.colormap = Colormap::named("turbo").unwrap();
            job.same();
            let most = job.gpu().tiles.values().flatten().copied().max().unwrap();
            assert!(most > 255, "{most}");
        }
    }
}

fn kernels() -> impl Iterator<Item = (SpreadShape, SpreadOp)> {
    let shapes = [SpreadShape::Disc, SpreadShape::Square, SpreadShape::Gaussian];
    shapes.into_iter().flat_map(|shape| [(shape, SpreadOp::Max), (shape, SpreadOp::Add)])
}

fn styles() -> impl Strategy<Value = Style> {
    let function = proptest::sample::select(vec!["log", "linear", "cbrt", "sqrt", "gamma=0.4", "eq-hist"]);
    let span = proptest::sample::select(vec!["zoom", "all", "smooth", "p90", "p99.5", "2,40"]);
    let radius =
        prop_oneof![4 => Just(Radius::Fixed(0)), 3 => (1u32..=5).prop_map(Radius::Fixed), 1 => Just(Radius::Dynspread)];
    let kernel = proptest::sample::select(kernels().collect::<Vec<_>>());
    let least = prop_oneof![3 => Just(1u32), 1 => 2u32..6];
    (function, span, radius, kernel, least, any::<bool>()).prop_map(
        |(function, span, radius, (shape, op), min_count, truecolor)| Style {
            function: function.parse().unwrap(),
            span: span.parse().unwrap(),
            spread: Spread { radius, shape, op },
            min_count,
            truecolor,
            ..Style::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::Direct(
            "proptest-regressions/gpu.txt",
        ))),
        max_shrink_iters: 64,
        ..ProptestConfig::default()
    })]

    #[test]
    fn gpu_and_cpu_agree(
        seed in any::<u64>(),
        size in 0f64..1.0,
        centres in 1usize..6,
        width in 12u32..=23,
        max in 0u8..=12,
        levels in 0u8..=3,
        style in styles(),
        threads in 1usize..=4,
        push in prop_oneof![1usize..200, 5000usize..50_000],
        batch in prop_oneof![Just(None), (500usize..40_000).prop_map(Some)],
        memory in prop_oneof![2 => Just(None), 1 => (0u64..12 << 20).prop_map(Some)],
        binding in prop_oneof![Just(None), (1u32..9).prop_map(Some)],
        bucket_zoom in prop_oneof![Just(None), (0u8..=8).prop_map(Some)],
        dense_min in prop_oneof![Just(None), Just(Some(0)), (1usize..100).prop_map(Some)],
        subgroups in any::<bool>(),
        review_points in prop_oneof![Just(None), (1usize..5000).prop_map(Some)],
        slot_buffers in prop_oneof![3 => Just(None), 1 => (1usize..4).prop_map(Some)],
        host_memory in prop_oneof![2 => Just(None), 1 => (0u64..2 << 20).prop_map(Some)],
        holds in prop_oneof![2 => Just(None), 1 => (24u64 << 20..48 << 20).prop_map(Some)],
        window in prop_oneof![2 => Just(None), 1 => (4u64 << 20..16 << 20).prop_map(Some)],
    ) {
        if !adapter_for("gpu_and_cpu_agree") {
            return Ok(());
        }
        // Mostly small sets, now and then one of 100,000 points.
        let count = 100_000f64.powf(size) as usize;
        let points = Random(seed).clusters(count, centres, width);
        let limits = ForcedLimits {
            device_memory: memory,
            binding_tiles: binding,
            batch_points: batch,
            bucket_zoom,
            subgroups: Some(subgroups && subgroup_choices("gpu_and_cpu_agree").contains(&true)),
            dense_min,
            review_points,
            slot_buffers,
            device_holds: holds,
            upload_window: window,
        };
        let job = Job { limits, threads, push, memory: host_memory, ..Job::new(&points, (max.saturating_sub(levels), max), 0) };
        let job = Job { style, ..job };
        let (cpu, gpu) = (job.cpu(), job.gpu());
        prop_assert_eq!(difference(&cpu, &gpu), None);
    }
}

/// The tests that run again on other drivers and other sizes of subgroups, in processes of their own: those that bin
/// with and without subgroups, reduce, spread, colour and turn to buckets.
const AGAIN: [&str; 7] = [
    "one_point",
    "many_points_on_one_spot",
    "four_pixels_taking_turns",
    "spread_crosses_the_antimeridian_and_tile_borders",
    "limits_forced_down",
    "different_counts_around_the_palette",
    "the_lanes_are_those_that_were_asked_for",
];

/// Runs [`AGAIN`] with other variables of the environment.
#[track_caller]
fn again(test: &str, variables: &[(&str, &str)]) {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let ran = command.args(AGAIN).args(["--exact", "--nocapture"]).envs(variables.iter().copied()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    for line in err.lines().filter(|line| line.starts_with("skipped: ")) {
        eprintln!("{line} ({test})");
    }
    assert!(ran.status.success() && out.contains(&format!("{} passed", AGAIN.len())), "{test}: {out}{err}");
}

/// Of a process that was started by [`again`].
#[test]
fn the_lanes_are_those_that_were_asked_for() {
    let Ok(lanes) = std::env::var("TILEFIRE_TEST_LANES") else { return };
    if adapter_for("the_lanes_are_those_that_were_asked_for") {
        let found = common::gpu::adapter();
        assert_eq!(found.subgroup_size.1, lanes.parse::<u32>().unwrap(), "{found:?}");
    }
}

/// Lavapipe has as many lanes as fit its vectors.
#[test]
fn other_subgroup_sizes() {
    if !adapter_for("other_subgroup_sizes") || !adapter_name().contains("llvmpipe") {
        return;
    }
    for (bits, lanes) in [("128", "4"), ("256", "8"), ("512", "16")] {
        let variables = [("LP_NATIVE_VECTOR_WIDTH", bits), ("TILEFIRE_TEST_LANES", lanes)];
        again(&format!("other_subgroup_sizes, {lanes} lanes"), &variables);
    }
}

/// `SwiftShader` is another driver than Mesa's, with another compiler; it comes with Chromium.
#[test]
fn another_driver() {
    if !adapter_for("another_driver") {
        return;
    }
    let named = std::env::var("TILEFIRE_SWIFTSHADER").ok();
    let folders = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"].map(String::from);
    let mut files = folders.into_iter().map(|folder| folder + "/vk_swiftshader_icd.json").chain(named);
    let Some(driver) = files.find(|file| std::path::Path::new(file).exists()) else {
        let required = std::env::var("TILEFIRE_REQUIRE_GPU").is_ok_and(|v| v == "1");
        assert!(!required, "another_driver: no SwiftShader, and TILEFIRE_REQUIRE_GPU=1; install Chromium");
        eprintln!("skipped: another_driver: no SwiftShader");
        return;
    };
    let variables = [
        ("VK_DRIVER_FILES", driver.as_str()),
        ("VK_ICD_FILENAMES", driver.as_str()),
        ("TILEFIRE_TEST_ADAPTER", "SwiftShader"),
        ("TILEFIRE_REQUIRE_GPU", "1"),
    ];
    again("another_driver", &variables);
}
