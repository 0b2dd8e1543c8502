use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::backend::cpu::count;
use crate::backend::{Count, Memory};
use crate::counts::{Measure, Step, row_major};
use crate::shade::{Colormap, Radius, Spread, SpreadOp, SpreadShape, Style, Weighing};
use crate::tile::{self, WorldPoint, ZoomRange};

type Points = Vec<(WorldPoint, i64)>;
/// (zoom, column, row) -> points and what they weigh.
type Pixels = BTreeMap<(u8, u32, u32), (u32, i128)>;

fn plan(zooms: ZoomRange, measure: Measure, least: u32, memory: Memory) -> Plan {
    let measuring = Some(Measuring { measure, step: Step::default(), least });
    Plan { zooms, reach: 0, measuring, memory, monitor: Arc::default() }
}

/// Pushes points from several threads in batches, in the order they have.
fn push(count: &dyn Count, points: &[(WorldPoint, i64)], threads: usize, batch: usize) -> Result<()> {
    let mut shares: Vec<Points> = vec![Vec::new(); threads];
    points.iter().enumerate().for_each(|(i, point)| shares[i % threads].push(*point));
    std::thread::scope(|scope| {
        let pushing: Vec<_> = shares
            .into_iter()
            .map(|share| {
                scope.spawn(move || {
                    let mut pusher = count.pusher();
                    for some in share.chunks(batch) {
                        let (points, weights): (Vec<_>, Vec<_>) = some.iter().copied().unzip();
                        pusher.push(tile::Points::weighed(&points, &weights))?;
                    }
                    pusher.close()
                })
            })
            .collect();
        pushing.into_iter().try_for_each(|thread| thread.join().unwrap())
    })
}

fn painted(points: &[(WorldPoint, i64)], plan: Plan, threads: usize, batch: usize) -> Result<Box<dyn Paint>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let count = count(plan);
        push(count.as_ref(), points, threads, batch)?;
        count.finish()
    })
}

fn pixels(paint: &dyn Paint) -> Pixels {
    let sums = paint.sums().unwrap();
    let mut pixels = Pixels::new();
    for z in 0..=sums.max_zoom() {
        for chunk in 0..sums.chunks(z).unwrap() {
            let each = |code, lit: &[Lit<Weighed>]| {
                let TileCoord { x, y, .. } = TileCoord::from_morton(z, code);
                for l in lit {
                    let at = u32::from(row_major(l.pixel));
                    let place = (z, x << 8 | at & 255, y << 8 | at >> 8);
                    assert!(pixels.insert(place, (l.count.count, l.count.sum.into())).is_none());
                }
                Ok(())
            };
            sums.read_chunk(z, chunk, &mut Vec::new(), each).unwrap();
        }
    }
    pixels
}

/// The definition.
fn expected(points: &[(WorldPoint, i64)], max: u8) -> Pixels {
    let mut pixels = Pixels::new();
    for z in 0..=max {
        for (point, weight) in points {
            let by = 24 - u32::from(z);
            let pixel = pixels.entry((z, point.x >> by, point.y >> by)).or_default();
            pixel.0 += 1;
            pixel.1 += i128::from(*weight);
        }
    }
    pixels
}

fn weights() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => -1000i64..1000,
        2 => -(1i64 << 50)..1 << 50,
        1 => any::<i64>().prop_map(|weight| weight / 40),
        1 => Just(0),
        1 => prop_oneof![Just(i64::MAX), Just(i64::MIN), Just(i64::MAX / 2), Just(-1)],
    ]
}

fn points(most: usize) -> impl Strategy<Value = Points> {
    let near = (1u32 << 31..(1 << 31) + (1 << 18), 1u32 << 30..(1 << 30) + (1 << 18));
    let place = prop_oneof![3 => near, 1 => (any::<u32>(), any::<u32>())];
    let point = (place, weights()).prop_map(|((x, y), weight)| (WorldPoint { x, y }, weight));
    proptest::collection::vec(point, 1..most)
}

proptest! {
    /// Sums are those of the definition, whatever the order, the threads, the batches and the memory, or an error where
    /// absolute weights come to more than fits.
    #[test]
    fn sums_are_exact_in_any_order(
        points in points(400),
        turned in any::<prop::sample::Index>(),
        threads in 1usize..5,
        batch in prop_oneof![Just(1usize), 2usize..50, Just(4096)],
        memory in prop_oneof![Just(u64::MAX), Just(1u64 << 20), Just(1 << 23)],
        max in 0u8..=14,
    ) {
        let absolute: u128 = points.iter().map(|point| u128::from(point.1.unsigned_abs())).sum();
        let mut points = points;
        let zooms = ZoomRange { min: 0, max };
        let plan = || plan(zooms, Measure::Sum, 1, Memory::new(memory, &std::env::temp_dir()));
        let first = painted(&points, plan(), threads, batch);
        let at = turned.index(points.len());
        points.rotate_left(at);
        points.reverse();
        let second = painted(&points, plan(), 1, 4096);
        if absolute > i64::MAX as u128 {
            prop_assert!(matches!(first, Err(Error::Limit(_))) && matches!(second, Err(Error::Limit(_))));
        } else {
            let (first, second, expected) = (first.unwrap(), second.unwrap(), expected(&points, max));
            prop_assert_eq!(&pixels(first.as_ref()), &expected);
            prop_assert_eq!(&pixels(second.as_ref()), &expected);
            let all: i128 = points.iter().map(|point| i128::from(point.1)).sum();
            prop_assert_eq!(first.weight().map(i128::from), Some(all));
            prop_assert!(first.stats().iter().all(|stats| stats.sum == points.len() as u64));
        }
    }
}

/// Points that are too many for the memory: counts are made early, in runs.
#[test]
fn what_has_no_room_is_added_up_early() {
    let points: Points = (0..300_000u32)
        .map(|i| {
            let place = |by: u32| (i.wrapping_mul(by) >> 3) ^ by;
            (WorldPoint { x: place(2_654_435_761), y: place(2_246_822_519) }, i64::from(i % 1000) - 400)
        })
        .collect();
    let zooms = ZoomRange { min: 0, max: 6 };
    let little = plan(zooms, Measure::Sum, 1, Memory::new(1 << 20, Path::new(&std::env::temp_dir())));
    let paint = painted(&points, little, 3, 999).unwrap();
    assert!(paint.report().flushes > 0 && paint.report().spilled_bytes > 0, "{:?}", paint.report());
    assert!(pixels(paint.as_ref()) == expected(&points, 6));
}

/// All indices of a zoom as the world's picture, with what is opaque.
#[derive(Default)]
struct World(Mutex<BTreeMap<(u32, u32), u16>>);

impl TileSink for World {
    fn put(&self, tile: TileCoord, indices: crate::tile::TileIndices<'_>) -> Result<()> {
        let mut all = self.0.lock().unwrap();
        indices.for_each_lit(|pixel, index| {
            let (x, y) = (tile.x << 8 | u32::from(pixel) & 255, tile.y << 8 | u32::from(pixel) >> 8);
            assert!(all.insert((x, y), index).is_none(), "each tile comes once");
        });
        Ok(())
    }
}

/// A run of zoom 2 whose pixels are these, coloured: the colour of each pixel.
fn drawn(lit: &[(u32, u32, i64)], style: &Style) -> (BTreeMap<(u32, u32), [u8; 4]>, ZoomStats) {
    let points: Points = lit.iter().map(|&(x, y, weight)| (WorldPoint { x: x << 22, y: y << 22 }, weight)).collect();
    let weighing = style.weighing.as_ref().unwrap();
    let zooms = ZoomRange { min: 2, max: 2 };
    let paint = painted(&points, plan(zooms, weighing.measure, style.min_count, Memory::default()), 2, 64).unwrap();
    let Radius::Fixed(radius) = style.spread.radius else { panic!("a radius") };
    let zoom = paint.spread(2, &style.kernel(radius, 1)).unwrap();
    let histogram = paint.histogram(&zoom).unwrap();
    let look = style.look_of(2, zoom.stats(), &histogram).unwrap();
    let world = World::default();
    paint.tiles(&zoom, &look.table, &world).unwrap();
    let pixels = world.0.into_inner().unwrap();
    let colours = pixels.into_iter().map(|(place, index)| (place, look.table.palette[usize::from(index)])).collect();
    (colours, zoom.stats().clone())
}

fn style(measure: Measure, spread: Spread, min_count: u32, truecolor: bool) -> Style {
    let weighing = Some(Weighing { measure, column: "w".into(), step: Step::default(), diverging: false });
    let colormap = Colormap::parse("#000000,#ffffff").unwrap();
    Style { colormap, min_count, truecolor, spread, weighing, ..Style::default() }
}

fn spreads() -> impl Strategy<Value = Spread> {
    let shape = prop::sample::select(vec![SpreadShape::Disc, SpreadShape::Square, SpreadShape::Gaussian]);
    let op = prop::sample::select(vec![SpreadOp::Max, SpreadOp::Add]);
    (0u32..7, shape, op).prop_map(|(radius, shape, op)| Spread { radius: Radius::Fixed(radius), shape, op })
}

/// Pixels of zoom 2, whose world has 1,024 columns: near a corner where four tiles meet, and near the antimeridian.
fn lit() -> impl Strategy<Value = Vec<(u32, u32, i64)>> {
    let place = prop_oneof![
        (500u32..524, 500u32..524),
        (prop_oneof![1012u32..1024, 0u32..12], 250u32..262),
        (0u32..1024, 0u32..1024),
    ];
    proptest::collection::vec((place, -50i64..2000).prop_map(|((x, y), w)| (x, y, w * 1000)), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Every drawn pixel has the value of the definition, and no other one is drawn.
    #[test]
    fn kernels_are_the_definition(
        lit in lit(),
        spread in spreads(),
        mean in any::<bool>(),
        least in prop_oneof![3 => Just(1u32), 1 => Just(2u32)],
    ) {
        let measure = if mean { Measure::Mean } else { Measure::Sum };
        let style = style(measure, spread, least, true);
        let mut all: BTreeMap<(u32, u32), (f64, f64)> = BTreeMap::new();
        for &(x, y, weight) in &lit {
            let pixel = all.entry((x, y)).or_default();
            pixel.0 += 1.0;
            pixel.1 += weight as f64;
        }
        let Radius::Fixed(radius) = spread.radius else { unreachable!() };
        let kernel = style.kernel(radius, 1);
        let made_new = !kernel.keeps_counts();
        let mut expected: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        let (mut low, mut high) = (f64::MAX, f64::MIN);
        let (mut lowest, mut highest) = (low, high);
        let reach = radius as i32;
        let mut targets = std::collections::BTreeSet::new();
        for (x, y) in all.keys() {
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    let row = *y as i32 + dy;
                    if (0..1024).contains(&row) {
                        targets.insert(((*x as i32 + dx).rem_euclid(1024) as u32, row as u32));
                    }
                }
            }
        }
        for (x, y) in targets {
            // What reaches the place: (count, sum) by its weight.
            let mut parts: Vec<(f64, f64, f64)> = Vec::new();
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    let from = ((x as i32 - dx).rem_euclid(1024) as u32, y as i32 - dy);
                    let Ok(row) = u32::try_from(from.1) else { continue };
                    let Some(&(count, sum)) = all.get(&(from.0, row)) else { continue };
                    let by = match &kernel.form {
                        Form::Rows(rows) => {
                            let half = rows.get(dy.unsigned_abs() as usize);
                            f64::from(u8::from(half.is_some_and(|half| dx.unsigned_abs() <= *half)))
                        }
                        Form::Weights { weights, .. } => {
                            let weight = |d: i32| f64::from(weights[d.unsigned_abs() as usize]) / 65_536.0;
                            weight(dx) * weight(dy)
                        }
                    };
                    if by > 0.0 && (made_new || count >= f64::from(least)) {
                        parts.push((count * by, sum * by, by));
                    }
                }
            }
            let strength = |p: &(f64, f64, f64)| (if mean { p.0 } else { p.1.abs() }, p.0, p.1);
            let (count, sum) = match spread.op {
                SpreadOp::Add if made_new => (parts.iter().map(|p| p.0).sum::<f64>(), parts.iter().map(|p| p.1).sum::<f64>()),
                _ => parts.iter().max_by(|a, b| strength(a).partial_cmp(&strength(b)).unwrap()).map_or((0.0, 0.0), |p| (p.0, p.1)),
            };
            let (lone, edge) = match &kernel.form {
                Form::Weights { weights, .. } => {
                    let weight = |d: usize| f64::from(weights[d]) / 65_536.0;
                    (weight(0) * weight(0), weight(0) * weight(weights.len() - 1))
                }
                Form::Rows(_) => (1.0, 1.0),
            };
            let enough = if least > 1 { lone * f64::from(least) } else { edge };
            let value = if mean { sum / count } else { sum / lone };
            // Where rounding decides, either is right.
            if count <= 0.0 || (count - enough).abs() < 1e-9 * enough && edge < lone {
                if count > 0.0 {
                    (lowest, highest) = (lowest.min(value), highest.max(value));
                }
                continue;
            }
            if count >= enough {
                (low, high) = (low.min(value), high.max(value));
                expected.insert((x, y), value);
            } else {
                expected.insert((x, y), f64::NAN);
            }
        }
        let (colours, stats) = drawn(&lit, &style);
        let step = Step::default();
        if high >= low && made_new {
            let (min, max) = (level::value(stats.min), level::value(stats.max));
            let off = 2e-3 * (high - low).max(high.abs()).max(low.abs()) + 1e-3;
            let between = |value: f64, a: f64, b: f64| a.min(b) - off <= value && value <= a.max(b) + off;
            prop_assert!(between(min, low.min(lowest), low), "{min} for {low} {lowest}");
            prop_assert!(between(max, high.max(highest), high), "{max} for {high} {highest}");
        }
        // The look maps values to a ramp from black to white by the logarithm of their distance from the least.
        let (lo, hi) = (step.worth(level::value(stats.min)), step.worth(level::value(stats.max)));
        for (place, value) in &expected {
            let colour = colours.get(place);
            if value.is_nan() {
                prop_assert_eq!(colour, None, "{:?}", place);
                continue;
            }
            let above = (step.worth(*value) - lo).max(0.0);
            let right = if hi > lo { 255.0 * above.ln_1p() / (hi - lo).ln_1p() } else { 127.0 };
            match colour {
                Some(colour) => prop_assert!((f64::from(colour[0]) - right).abs() <= 3.0, "{place:?}: {colour:?} for {right}"),
                // Next to nothing at the edge of a bell.
                None => prop_assert!(matches!(kernel.form, Form::Weights { .. }), "{place:?} is dark"),
            }
        }
        for place in colours.keys() {
            let near = matches!(kernel.form, Form::Weights { .. });
            prop_assert!(near || expected.contains_key(place), "{place:?} is lit");
        }
    }

    /// A pixel's colour depends on what is around it, not on the tile that it is seen from: moved by any distance the
    /// picture is the same.
    #[test]
    fn there_is_no_seam(
        lit in proptest::collection::vec((300u32..330, 300u32..330, -50i64..2000), 2..40),
        spread in spreads(),
        mean in any::<bool>(),
        by in (0u32..1024, 0u32..600),
    ) {
        let measure = if mean { Measure::Mean } else { Measure::Sum };
        let style = style(measure, spread, 1, false);
        let moved: Vec<_> = lit.iter().map(|&(x, y, w)| ((x + by.0) % 1024, y + by.1, w)).collect();
        let (here, of_here) = drawn(&lit, &style);
        let (there, of_there) = drawn(&moved, &style);
        prop_assert_eq!((of_here.min, of_here.max), (of_there.min, of_there.max));
        let here: BTreeMap<_, _> = here.into_iter().map(|((x, y), c)| (((x + by.0) % 1024, y + by.1), c)).collect();
        // Rows end at the south of the world; nothing here reaches it.
        prop_assert_eq!(here, there);
    }
}

/// Two styles of bells: those of counts and those of weights of 1 fade alike.
#[test]
fn bells_of_weights_of_1_are_those_of_points() {
    let spread = Spread { radius: Radius::Fixed(6), shape: SpreadShape::Gaussian, op: SpreadOp::Add };
    let lit = [(300, 300, 1_000_000), (303, 301, 1_000_000), (303, 301, 1_000_000), (900, 40, 1_000_000)];
    let (drawn, _) = drawn(&lit, &style(Measure::Sum, spread, 1, true));
    // A lone point has its full alpha in its middle, and fades out to a disc.
    assert_eq!(drawn[&(900, 40)][3], 255);
    let row: Vec<u8> = (894..=906).map(|x| drawn.get(&(x, 40)).map_or(0, |colour| colour[3])).collect();
    assert!(row.is_sorted_by(|a, b| a <= b) || row[..7].is_sorted() && row[6..].iter().rev().is_sorted(), "{row:?}");
    assert!(row[1] > 0 && row[0] < 40, "{row:?}");
    assert!(drawn.values().all(|colour| colour[3] > 0));
}
