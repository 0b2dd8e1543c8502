//! What a colour legend says, as data: a title, notes, and ramps of colours with counts written along them. The one
//! piece of thought in it is which counts: round numbers, as many as have room. Knows no picture, font or file;
//! `paper::legend` draws it, and whoever fills it in knows span and function.

use super::Theme;

/// Everything a legend shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Legend {
    /// What the colours stand for, for instance "Points per pixel".
    pub title: String,
    /// Lines below the title: the function, the number of points, what is left out.
    pub notes: Vec<String>,
    /// The background to be read on.
    pub theme: Theme,
    /// One ramp for all zooms, or one for each group of zooms of the same scale.
    pub ramps: Vec<Ramp>,
}

/// Colours from the smallest count to the largest, and the counts along them.
#[derive(Debug, Clone, PartialEq)]
pub struct Ramp {
    /// Which zooms it holds for, for instance "zoom 0-3"; empty if for all.
    pub label: String,
    /// Red, green, blue and alpha, evenly spaced along the ramp.
    pub colours: Vec<[u8; 4]>,
    /// The counts written along the ramp, ascending.
    pub ticks: Vec<Tick>,
}

/// A count at its place on a ramp.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The count itself.
    pub count: f64,
    /// Where it lies on the ramp, from 0 to 1.
    pub at: f64,
    /// The count as people read it.
    pub label: String,
}

impl Tick {
    /// Where the label begins on a ramp `width` characters long: centred at the tick, moved inwards where it would
    /// stand out at an end. So the first label is left-aligned and the last right-aligned.
    pub fn left(&self, width: f64) -> f64 {
        let length = self.label.chars().count() as f64;
        (self.at * width - length / 2.0).min(width - length).max(0.0)
    }

    /// Where the label ends, on the same ramp.
    pub fn right(&self, width: f64) -> f64 {
        self.left(width) + self.label.chars().count() as f64
    }
}

/// Suffixes of a thousand, a million and so on.
const SUFFIXES: [&str; 5] = ["", "k", "M", "G", "T"];
/// Smallest power of ten written as a plain decimal.
const PLAIN: i32 = -6;
/// Powers of ten that inner ticks are made of.
const DECADES: std::ops::RangeInclusive<i32> = -9..=14;
/// Free characters between an inner label and its neighbours, and between the two ends.
const GAP: f64 = 1.25;
const GAP_OF_ENDS: f64 = 1.0;
/// A stretch without ticks that is longer than this share of the ramp gets more of them.
const WIDE: f64 = 0.4;
/// Even steps tried along a ramp, at most.
const STEPS: f64 = 24.0;

/// A number rounded for people: 1, 999, 1k, 12k, 1.2M, 3.4G, 0.05, 0.0012. Two significant digits, or three where
/// three stand before the point.
pub fn people(count: f64) -> String {
    if count.is_finite() { compact(&scientific(count, 2)) } else { count.to_string() }
}

/// 1234567 as "1,234,567".
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Ticks of a ramp from `lo` to `hi`: both ends, rounded for people, and between them round numbers as far as their
/// labels keep clear of each other. Those are powers of ten, then 1-2-5; even steps where these cover the ramp better.
/// Between whole ends they are whole.
///
/// `position` maps a count to its place from 0 to 1 and never falls, but may jump or rest. `width` is how many label
/// characters fit along the ramp. `lo == hi` gives one tick in the middle; where even the labels of the two ends have
/// no room side by side, only the last is there.
pub fn ticks(lo: f64, hi: f64, width: usize, position: impl Fn(f64) -> f64) -> Vec<Tick> {
    let within = lo < hi && (hi - lo).is_finite();
    if !within {
        let label = if lo.fract() == 0.0 { people(lo) } else { compact(&scientific(lo, 4)) };
        return vec![Tick { count: lo, at: 0.5, label }];
    }
    if lo == -hi {
        return both_ways(hi, width, &position);
    }
    let at = |count: f64| Some(position(count)).filter(|p| p.is_finite()).map_or(0.0, |p| p.clamp(0.0, 1.0));
    let inner = |count: f64| Tick { count, at: at(count), label: people(count) };
    let end = |count: f64| Tick { count, at: at(count), label: end_label(count, hi - lo) };
    let whole = lo.fract() == 0.0 && hi.fract() == 0.0 && hi > 1.0;
    let ends = Row { width: width as f64, whole, ticks: vec![end(lo), end(hi)] };
    if !ends.ends_are_clear() {
        return ends.ticks.into_iter().skip(1).collect();
    }
    let inner_of = |mantissa: f64, exponent: i32| inner(scaled(mantissa, exponent));
    let mut round = one_two_five(&ends, &inner_of);
    let even = even_steps(&ends, &inner);
    if even.widest() <= round.widest() {
        return even.ticks;
    }
    let others = [3.0, 4.0, 6.0, 7.0, 8.0, 9.0];
    round.fill(&DECADES.flat_map(|exponent| others.map(|mantissa| inner_of(mantissa, exponent))).collect::<Vec<_>>());
    round.ticks
}

/// Ticks of a ramp from `-hi` to `hi`: those of its upper half, and the same on the other side of 0.
fn both_ways(hi: f64, width: usize, position: &dyn Fn(f64) -> f64) -> Vec<Tick> {
    // A sign takes a place.
    let upper = |count: f64| 2.0 * position(count) - 1.0;
    let half = ticks(0.0, hi, (width / 2).saturating_sub(1), &upper as &dyn Fn(f64) -> f64);
    let above: Vec<Tick> = half.into_iter().map(|tick| Tick { at: 0.5 + tick.at / 2.0, ..tick }).collect();
    let below = above.iter().rev().filter(|tick| tick.count > 0.0);
    let below = below.map(|tick| Tick { count: -tick.count, at: 1.0 - tick.at, label: format!("-{}", tick.label) });
    below.chain(above.iter().cloned()).collect()
}

/// The same ticks without those between the ends whose labels come too near to an end's: for ends that were given longer
/// labels than they had. `width` is as for [`ticks`].
pub fn clear_of_ends(mut ticks: Vec<Tick>, width: usize) -> Vec<Tick> {
    let width = width as f64;
    if let [first, .., last] = ticks.as_slice() {
        let (from, to) = (first.right(width) + GAP, last.left(width) - GAP);
        let last = ticks.len() - 1;
        let mut at = 0..;
        ticks.retain(|tick| {
            let inner = at.next().is_some_and(|at| at > 0 && at < last);
            !inner || (tick.left(width) >= from && tick.right(width) <= to)
        });
    }
    ticks
}

/// Ticks in ascending order whose labels are clear of each other; never empty.
#[derive(Clone)]
struct Row {
    width: f64,
    /// Only whole numbers: what runs from 1 to 3 is points, of which nobody has seen one and a half.
    whole: bool,
    ticks: Vec<Tick>,
}

impl Row {
    fn span(&self) -> (f64, f64) {
        (self.ticks.first().map_or(0.0, |t| t.count), self.ticks.last().map_or(0.0, |t| t.count))
    }

    fn ends_are_clear(&self) -> bool {
        self.ticks.windows(2).all(|pair| pair[0].right(self.width) + GAP_OF_ENDS <= pair[1].left(self.width))
    }

    /// Where among the ticks this one belongs, if it lies between the ends and its label has room there.
    fn room(&self, tick: &Tick) -> Option<usize> {
        let place = self.ticks.partition_point(|t| t.count < tick.count);
        let before = self.ticks.get(place.checked_sub(1)?)?;
        let after = self.ticks.get(place)?;
        let clear = before.right(self.width) + GAP <= tick.left(self.width)
            && tick.right(self.width) + GAP <= after.left(self.width);
        let fits = clear && !(self.whole && tick.count.fract() != 0.0);
        // A label can be that of an end, which is rounded and so may lie off its true place.
        (fits && before.label != tick.label && after.label != tick.label).then_some(place)
    }

    fn add(&mut self, tick: Tick) -> bool {
        let room = self.room(&tick);
        if let Some(place) = room {
            self.ticks.insert(place, tick);
        }
        room.is_some()
    }

    /// This row with all of `more`; `None` if they do not all fit.
    fn with_all(&self, more: impl IntoIterator<Item = Tick>) -> Option<Self> {
        let mut row = self.clone();
        more.into_iter().all(|tick| row.add(tick)).then_some(row)
    }

    /// Adds those of `more` that break up wide stretches, the one nearest to the middle of a stretch first.
    fn fill(&mut self, more: &[Tick]) {
        let mut place = 1;
        while let Some((a, b)) = self.ticks.get(place).map(|b| (self.ticks[place - 1].at, b.at)) {
            let off_middle = |t: &&Tick| (t.at - f64::midpoint(a, b)).abs();
            let best = more
                .iter()
                .filter(|t| b - a > WIDE && self.room(t) == Some(place))
                .min_by(|s, t| off_middle(s).total_cmp(&off_middle(t)));
            match best {
                Some(tick) => self.ticks.insert(place, tick.clone()),
                None => place += 1,
            }
        }
    }

    /// The longest stretch of the ramp without a tick.
    fn widest(&self) -> f64 {
        self.ticks.windows(2).map(|pair| pair[1].at - pair[0].at).fold(0.0, f64::max)
    }
}

/// Powers of ten, all or every second, third, ...; then the 2s and 5s between them, all or where the ramp is empty. All
/// or none, because on a log scale a 2 here and none there looks like a mistake; a scale that jumps takes what fits.
fn one_two_five(ends: &Row, tick: &dyn Fn(f64, i32) -> Tick) -> Row {
    // On either side of 0, where the ramp goes there.
    let both = ends.span().0 < 0.0;
    let fitting = |mantissa: f64, every: i32| {
        let powers = DECADES.filter(move |exponent| exponent % every == 0);
        powers.flat_map(move |exponent| {
            let below = both.then(|| tick(-mantissa, exponent));
            below.into_iter().chain([tick(mantissa, exponent)])
        })
    };
    // 0 before all others.
    let ends = &both.then(|| ends.with_all([tick(0.0, 0)])).flatten().unwrap_or_else(|| ends.clone());
    let clear_of_ends = |tick: &Tick| ends.room(tick).is_some();
    let powers = |every: i32| fitting(1.0, every).filter(clear_of_ends);
    let row = [1, 2, 3, 6].into_iter().find_map(|every| ends.with_all(powers(every)));
    let mut row = row.unwrap_or_else(|| {
        let mut row = ends.clone();
        row.fill(&powers(1).collect::<Vec<_>>());
        row
    });
    let between = |mantissa: f64| fitting(mantissa, 1).filter(clear_of_ends);
    row = row.with_all(between(2.0).chain(between(5.0))).unwrap_or(row);
    row.fill(&between(5.0).collect::<Vec<_>>());
    row.fill(&between(2.0).collect::<Vec<_>>());
    row
}

/// Multiples of the round step that gives most ticks, among those steps whose multiples all fit.
fn even_steps(ends: &Row, tick: &dyn Fn(f64) -> Tick) -> Row {
    let (lo, hi) = ends.span();
    let mut best = ends.clone();
    for (exponent, mantissa) in DECADES.flat_map(|exponent| [1.0, 2.0, 5.0].map(|mantissa| (exponent, mantissa))) {
        let step = scaled(mantissa, exponent);
        if !(1.0..=STEPS).contains(&((hi - lo) / step)) {
            continue;
        }
        let first = (lo / step).floor();
        let multiples = (0..=STEPS as u32 + 1).map(|n| scaled((first + f64::from(n)) * mantissa, exponent));
        let inner = multiples.filter(|&count| lo < count && count < hi).map(tick);
        // Beside an end the last step may fall short, but not by so much that one seems to be missing.
        let far = |tick: &Tick| tick.count - lo > step / 2.0 && hi - tick.count > step / 2.0;
        let inner: Vec<Tick> = inner.filter(|tick| far(tick) || ends.room(tick).is_some()).collect();
        if inner.len() + 2 > best.ticks.len()
            && inner.iter().all(|tick| is_exact(tick.count))
            && let Some(row) = ends.with_all(inner)
        {
            best = row;
        }
    }
    best
}

/// `mantissa` times ten to the `exponent`, the double nearest to it: powers of ten up to 22 are exact.
fn scaled(mantissa: f64, exponent: i32) -> f64 {
    let power = (0..exponent.abs()).fold(1.0, |power, _| power * 10.0);
    if exponent < 0 { mantissa / power } else { mantissa * power }
}

/// The label of an end: rounded for people, but no further than a twentieth of the span. So the ends of a narrow
/// span keep the digits in which they differ.
fn end_label(count: f64, span: f64) -> String {
    let near = |text: &String| text.parse::<f64>().is_ok_and(|rounded| (rounded - count).abs() <= span / 20.0);
    let text = (2..17).map(|digits| scientific(count, digits)).find(near);
    compact(&text.unwrap_or_else(|| format!("{count:e}")))
}

/// Whether [`people`] writes the count as it is.
fn is_exact(count: f64) -> bool {
    people(count) == compact(&format!("{count:e}"))
}

/// The count rounded to `digits` significant digits, or to a whole number below 1000 of its suffix, as "1.2e4".
fn scientific(count: f64, digits: usize) -> String {
    let exponent = split(&format!("{count:e}")).1;
    let before_point = usize::try_from(exponent).map_or(1, |e| e % 3 + 1);
    format!("{count:.*e}", digits.max(before_point) - 1)
}

fn split(scientific: &str) -> (&str, i32) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    (mantissa, exponent.parse().unwrap_or(0))
}

/// "1.20e4" as "12k".
fn compact(scientific: &str) -> String {
    let (mantissa, exponent) = split(scientific);
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return "0".into();
    }
    let (before, suffix, leading) = match usize::try_from(exponent) {
        Ok(e) if e / 3 < SUFFIXES.len() => (e % 3 + 1, SUFFIXES[e / 3].to_owned(), 0),
        Err(_) if exponent >= PLAIN => (0, String::new(), exponent.unsigned_abs() as usize - 1),
        _ => (1, format!("e{exponent}"), 0),
    };
    let whole: String = digits.chars().chain(std::iter::repeat('0')).take(before).collect();
    let whole = if whole.is_empty() { "0" } else { &whole };
    let fraction: String = digits.chars().skip(before).collect();
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{zeros}{fraction}{suffix}", zeros = "0".repeat(leading))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an independent check")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ramps_through_0_say_where_it_is() {
        let log = |hi: f64| move |v: f64| 0.5 + 0.5 * v.signum() * v.abs().ln_1p() / hi.ln_1p();
        for hi in [1.2e3, 1.6e9, 3.1e15, 42.0, 0.7] {
            let ticks = ticks(-hi, hi, 46, log(hi));
            let labels: Vec<&str> = ticks.iter().map(|tick| &*tick.label).collect();
            assert!(ticks.iter().any(|tick| tick.count == 0.0 && tick.at == 0.5 && tick.label == "0"), "{labels:?}");
            assert!(ticks.len() >= 5 && ticks.is_sorted_by(|a, b| a.count < b.count && a.at < b.at), "{labels:?}");
            for (below, above) in ticks.iter().zip(ticks.iter().rev()) {
                assert!(below.count == -above.count && (below.at + above.at - 1.0).abs() < 1e-9, "{labels:?}");
            }
            assert!(ticks.windows(2).all(|pair| pair[0].right(46.0) < pair[1].left(46.0)), "{labels:?}");
        }
        let linear = ticks(-13.5, 14.57, 46, |v| (v + 13.5) / 28.07);
        assert!(linear.iter().any(|tick| tick.label == "0"), "{linear:?}");
        assert_eq!(ticks(42.5, 42.5, 46, |_| 0.5)[0].label, "42.5");
    }

    #[test]
    fn people_read_short_numbers() {
        for (count, label) in [
            (0.0, "0"),
            (1.0, "1"),
            (10.0, "10"),
            (137.0, "137"),
            (999.0, "999"),
            (999.7, "1k"),
            (1000.0, "1k"),
            (1234.0, "1.2k"),
            (12_345.0, "12k"),
            (123_456.0, "123k"),
            (999_999.0, "1M"),
            (1_234_567.0, "1.2M"),
            (3.4e9, "3.4G"),
            (4_294_967_295.0, "4.3G"),
            (2e12, "2T"),
            (2.5e15, "2.5e15"),
            (0.05, "0.05"),
            (0.1, "0.1"),
            (0.00123, "0.0012"),
            (1.0 / 65536.0, "0.000015"),
            (3e-8, "3e-8"),
            (2.5, "2.5"),
            (-1500.0, "-1.5k"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(people(count), label, "{count}");
        }
    }

    /// The labels for a scale; `position` works on the share of the span, before it is bent.
    fn labels(lo: f64, hi: f64, position: impl Fn(f64) -> f64) -> String {
        ticks(lo, hi, 48, position).into_iter().map(|t| t.label).collect::<Vec<_>>().join(" ")
    }

    fn log(lo: f64, hi: f64) -> impl Fn(f64) -> f64 {
        move |count: f64| (count / lo).ln() / (hi / lo).ln()
    }

    fn linear(lo: f64, hi: f64) -> impl Fn(f64) -> f64 {
        move |count: f64| (count - lo) / (hi - lo)
    }

    #[test]
    fn people_see_round_numbers() {
        let logarithmic = |lo, hi| labels(lo, hi, log(lo, hi));
        let even = |lo, hi| labels(lo, hi, linear(lo, hi));
        assert_eq!(logarithmic(1.0, 1e3), "1 2 5 10 20 50 100 200 500 1k");
        assert_eq!(logarithmic(1.0, 12_345.0), "1 10 100 1k 12k");
        assert_eq!(logarithmic(1.0, u32::MAX.into()), "1 10 100 1k 10k 100k 1M 10M 100M 4.3G");
        assert_eq!(even(0.0, 100.0), "0 20 40 60 80 100");
        assert_eq!(even(1.0, 12_345.0), "1 2k 4k 6k 8k 10k 12k");
        assert_eq!(logarithmic(1.0, 3.0), "1 2 3");
        assert_eq!(even(1.0, 2.0), "1 2");
        assert_eq!(even(0.0, 0.5), "0 0.1 0.2 0.3 0.4 0.5");
        assert_eq!(labels(7.0, 7.0, |_| 0.0), "7");
    }

    #[test]
    fn longer_ends_push_their_neighbours_out() {
        let mut all = ticks(1.0, 1e3, 48, log(1.0, 1e3));
        assert_eq!(clear_of_ends(all.clone(), 48), all);
        if let [first, .., last] = all.as_mut_slice() {
            (first.label, last.label) = ("<1.2k".into(), "1k+".into());
        }
        let left: Vec<_> = clear_of_ends(all, 48).into_iter().map(|tick| tick.label).collect();
        assert_eq!(left.join(" "), "<1.2k 5 10 20 50 100 200 1k+");
        let two = ticks(1.0, 2.0, 3, log(1.0, 2.0));
        assert_eq!(clear_of_ends(two.clone(), 3), two);
    }

    #[test]
    fn ends_of_a_narrow_span_keep_the_digits_that_tell_them_apart() {
        assert_eq!(labels(12_340.0, 12_345.0, linear(12_340.0, 12_345.0)), "12.34k 12.345k");
    }

    #[test]
    fn a_scale_that_jumps_is_labelled_where_there_is_room() {
        // Half of all pixels have one point, a quarter two, and so on.
        let equalised = |count: f64| (1.0 - 0.5_f64.powf(count.floor() - 1.0)) / (1.0 - 0.5_f64.powf(999.0));
        assert_eq!(labels(1.0, 1e3, equalised), "1 2 3 1k");
    }

    #[test]
    fn no_room_leaves_the_last() {
        assert_eq!(ticks(1.0, 1e6, 2, |_| 0.5).len(), 1);
        assert_eq!(ticks(1.0, 1e6, 0, |_| f64::NAN)[0].label, "1M");
    }

    fn counts() -> impl Strategy<Value = f64> {
        prop_oneof![
            (0.0..48.0_f64).prop_map(|power| (2.0_f64.powf(power) / 65536.0).min(4_294_967_295.0)),
            (1_u32..).prop_map(f64::from),
            (1_u32..2000).prop_map(f64::from),
            Just(0.0),
        ]
    }

    /// The share of the span that a count has on scales of several kinds.
    fn position(kind: usize, lo: f64, hi: f64, count: f64) -> f64 {
        let log = (1.0 + count - lo).ln() / (1.0 + hi - lo).ln();
        let linear = (count - lo) / (hi - lo);
        match kind {
            0 => log,
            1 => linear,
            2 => linear.cbrt(),
            3 => (log * 7.0).floor() / 7.0,
            4 => (linear * 3.0).floor() / 3.0,
            _ => 1.0 - (1.0 - linear).powi(9),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn ticks_ascend_are_clear_and_keep_both_ends(
            a in counts(), b in counts(), kind in 0..6_usize, width in 24..80_usize,
        ) {
            let (lo, hi) = (a.min(b), a.max(b));
            prop_assume!(lo < hi);
            let ticks = ticks(lo, hi, width, |count| position(kind, lo, hi, count));
            prop_assume!(hi - lo > 1e-9 * hi);
            prop_assert_eq!(ticks[0].count, lo);
            prop_assert_eq!(ticks[ticks.len() - 1].count, hi);
            for pair in ticks.windows(2) {
                prop_assert!(pair[0].count < pair[1].count && pair[0].at < pair[1].at);
                prop_assert!(pair[0].right(width as f64) < pair[1].left(width as f64), "{:?}", ticks);
            }
            for (n, tick) in ticks.iter().enumerate() {
                prop_assert!((0.0..=1.0).contains(&tick.at));
                prop_assert!(tick.left(width as f64) >= 0.0 && tick.right(width as f64) <= width as f64);
                prop_assert!(ticks[..n].iter().all(|other| other.label != tick.label), "{:?}", ticks);
                prop_assert!(tick.count.fract() == 0.0 || lo.fract() != 0.0 || hi.fract() != 0.0 || hi <= 1.0);
                let inner = n > 0 && n + 1 < ticks.len();
                prop_assert!(!inner || read(&tick.label) == tick.count, "{:?}", tick);
            }
        }

        #[test]
        fn people_lose_a_twentieth_at_most(count in counts()) {
            prop_assert!((read(&people(count)) - count).abs() <= count / 20.0);
            let digits = people(count).trim_start_matches(['0', '.']).chars().filter(char::is_ascii_digit).count();
            prop_assert!(digits <= 3);
        }
    }

    /// What a label says.
    fn read(label: &str) -> f64 {
        let plain = || label.parse().ok();
        let suffixed = || {
            let (number, suffix) = label.split_at(label.len() - 1);
            let power = 3 * SUFFIXES.iter().position(|s| *s == suffix)?;
            format!("{number}e{power}").parse().ok()
        };
        plain().or_else(suffixed).unwrap()
    }
}
