//! The table that turns a count into a palette index by comparing integers. It is all that a shader or its CPU
//! twin sees of function, span and colormap, which is why both give the same bytes on every device.
//!
//! The formula (datashader's `shade`): the count clipped to the span becomes a value between two ends, then each
//! channel is linear between the colormap's stops and truncated.

use super::{Colormap, Scale, Span, over};
use crate::counts::{DISTINCT_LIMIT, Unit, ZoomStats};

/// Palette entries of an 8-bit index, the transparent one at index 0 included.
pub const PALETTE: usize = DISTINCT_LIMIT + 1;
/// Colours of a zoom of bells of one pixel, and how many more a pixel of radius gives: a bell passes through many counts
/// in a few pixels, so more colours would make larger tiles and be seen by nobody; bands show where slopes are long.
const SMOOTH_LIMIT: (usize, usize) = (14, 3);
/// How far those of the narrowest bells may be off, in 1/255 of a channel, before more are taken.
pub const SMOOTH_ERROR: u8 = 16;
/// Colours that a 16-bit index can tell apart: what full colour has instead of a palette.
pub const WIDE_LIMIT: usize = u16::MAX as usize;

/// Scale and colormap: the formula itself, in f64.
#[derive(Debug, Clone)]
pub struct Shading<'a> {
    /// How counts are spaced, and from where to where.
    pub scale: Scale,
    /// The colours.
    pub colormap: &'a Colormap,
    /// Smallest count that is drawn, at least 1; perhaps more than the count of any pixel can be.
    pub least: u64,
    /// Whether alpha rises from nothing to its own between the counts at which a lone point ends and is strongest. The
    /// colormap's own alpha must not fall then: what rises and falls has no steps that bisection finds.
    pub fade: Option<Unit>,
}

impl Shading<'_> {
    /// The colour of `count` (above 0), as if it were drawn.
    pub fn colour(&self, count: impl Into<u64>) -> [u8; 4] {
        let count = count.into();
        let (start, end) = self.scale.ends();
        let colour = if start < end {
            self.colormap.between(self.scale.value(count), start, end)
        } else {
            self.colormap.at(0.5)
        };
        match (self.fade, colour) {
            (Some(Unit { lone, edge, .. }), [r, g, b, alpha]) if count < u64::from(lone) => {
                let share = count.saturating_sub(edge.into()) as f64 / f64::from(lone - edge.min(lone - 1));
                [r, g, b, (f64::from(alpha) * share) as u8]
            }
            _ => colour,
        }
    }

    /// All counts at which the colour changes, with the colour from there on; the first entry is that of `least`.
    fn runs(&self) -> Vec<(u32, [u8; 4])> {
        let Span { lo, hi } = self.scale.span();
        // Nothing is drawn that no pixel can have, and no colour changes there.
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let least = count(self.least.max(1));
        let mut runs = vec![(least, self.colour(least))];
        let (start, end) = self.scale.ends();
        // Beyond the span colours change only where they fade in.
        let (lo, hi) = (count(lo), count(hi));
        let (from, to) = self.fade.map_or((lo.max(least), hi), |unit| (least, hi.max(unit.lone)));
        if from < to && (start < end || self.fade.is_some()) {
            let of = |count| if start < end { self.colormap.segment(self.scale.value(count), start, end) } else { 0 };
            self.changes((from, of(from)), (to, of(to)), &of, &mut runs);
        }
        runs
    }

    /// Finds the changes in (from, to], given with the segments they lie in, by bisection. Between two stops every
    /// channel is monotone in the count, so equal colours at both ends of such a stretch mean one colour all along it.
    fn changes(
        &self,
        from: (u32, usize),
        to: (u32, usize),
        segment: &impl Fn(u32) -> usize,
        runs: &mut Vec<(u32, [u8; 4])>,
    ) {
        let (first, last) = (self.colour(from.0), self.colour(to.0));
        if first == last && from.1 == to.1 {
            return;
        }
        if to.0 - from.0 == 1 {
            if first != last {
                runs.push((to.0, last));
            }
            return;
        }
        let middle = from.0 + (to.0 - from.0) / 2;
        let middle = (middle, segment(middle));
        self.changes(from, middle, segment, runs);
        self.changes(middle, to, segment, runs);
    }
}

/// Integer thresholds and their palette for one zoom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadeTable {
    /// `thresholds[i]` is the smallest count of index `i + 1`; ascending, the first is the smallest count drawn.
    pub thresholds: Vec<u32>,
    /// Colour of each index; entry 0 is that of pixels that are not drawn, one more entry than thresholds.
    pub palette: Vec<[u8; 4]>,
    /// The span the thresholds were cut for.
    pub span: Span,
    /// Largest distance, in 1/255 of a channel, between a count's palette colour and the formula's.
    pub error: u8,
    /// Whether the counts are those of bells, which pass through many in a few pixels.
    pub smooth: bool,
    /// Steps of alpha that each threshold has colours in, from faint to its own: 1, unless alpha follows from something
    /// else than the count, as in bells of a measure it does from the points beside it.
    pub fades: u16,
}

impl ShadeTable {
    /// The table of a zoom with the given statistics, with at most `limit` colours: exact where the zoom has no more
    /// different counts than a palette has entries, else cut where the colour changes with the smallest largest error.
    pub fn new(stats: &ZoomStats, shading: &Shading<'_>, limit: usize) -> Self {
        match stats.distinct.values() {
            Some(counts) if counts.len() <= limit => Self::exact(shading, &counts),
            _ => Self::cut(shading, limit),
        }
    }

    /// One index for each colour that `counts` (ascending, above 0) have.
    fn exact(shading: &Shading<'_>, counts: &[u32]) -> Self {
        let mut runs: Vec<(u32, [u8; 4])> = Vec::with_capacity(counts.len());
        for &count in counts.iter().filter(|&&count| u64::from(count) >= shading.least) {
            let colour = shading.colour(count);
            if runs.last().is_none_or(|last| last.1 != colour) {
                runs.push((count, colour));
            }
        }
        if runs.is_empty() {
            runs.push((u32::MAX, shading.colour(shading.least)));
        }
        Self::from_runs(shading, &runs, 0)
    }

    fn cut(shading: &Shading<'_>, limit: usize) -> Self {
        let runs = shading.runs();
        // Smallest error for which greedy grouping, each group as long as its colours allow, fits the limit.
        let (mut low, mut high) = (0u8, 128u8);
        while low < high {
            let middle = low + (high - low) / 2;
            if group(&runs, middle).len() <= limit {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Self::from_runs(shading, &group(&runs, low), low)
    }

    fn from_runs(shading: &Shading<'_>, runs: &[(u32, [u8; 4])], error: u8) -> Self {
        let mut palette = vec![[0; 4]];
        let mut thresholds: Vec<u32> = Vec::new();
        // Every count that is to be drawn has a colour, whatever the smallest count of the zoom is.
        if let Ok(least) = u32::try_from(shading.least.max(1)) {
            palette.extend(runs.iter().map(|run| run.1));
            thresholds.extend(runs.iter().map(|run| run.0));
            if let Some(first) = thresholds.first_mut() {
                *first = least;
            }
        }
        Self { thresholds, palette, span: shading.scale.span(), error, smooth: false, fades: 1 }
    }

    /// The table of a zoom of bells whose alpha follows from something else: colours of `limit` together, each in `fades`
    /// steps of its alpha.
    pub fn faded(stats: &ZoomStats, shading: &Shading<'_>, limit: usize, fades: u16) -> Self {
        let table = Self::cut(shading, limit / usize::from(fades.max(1)));
        let alpha = |alpha: u8, step: u16| {
            ((u32::from(alpha) * u32::from(step) + u32::from(fades) / 2) / u32::from(fades)) as u8
        };
        let colours = table.palette.iter().skip(1);
        let faded = colours.flat_map(|&[r, g, b, a]| (1..=fades).map(move |step| [r, g, b, alpha(a, step)]));
        let palette = table.palette.first().copied().into_iter().chain(faded).collect();
        debug_assert!(stats.unit.is_measure(), "counts fade by themselves");
        Self { palette, fades, smooth: true, ..table }
    }

    /// The table of a zoom of bells: as few colours as are enough for their radius.
    pub fn smooth(stats: &ZoomStats, shading: &Shading<'_>) -> Self {
        let few = SMOOTH_LIMIT.0 + SMOOTH_LIMIT.1 * stats.unit.radius as usize;
        let table = Self::cut(shading, few.min(DISTINCT_LIMIT));
        let table = if table.error > SMOOTH_ERROR { Self::cut(shading, DISTINCT_LIMIT) } else { table };
        Self { smooth: true, ..table }
    }

    /// The same table with all colours laid over an opaque one, which pixels that are not drawn have too.
    pub fn over(mut self, base: [u8; 3]) -> Self {
        for colour in &mut self.palette {
            *colour = over(*colour, 255, [base[0], base[1], base[2], 255]);
        }
        self
    }

    /// Index of `count`, as strong as it can be: how many thresholds it reaches; 0 for 0 and for counts that are not drawn.
    #[inline]
    pub fn index(&self, count: u32) -> u16 {
        self.place(count) * self.fades
    }

    /// How many thresholds `count` reaches.
    #[inline]
    pub fn place(&self, count: u32) -> u16 {
        self.thresholds.partition_point(|&t| t <= count) as u16
    }

    /// Whether an index may be larger than 255.
    pub fn is_wide(&self) -> bool {
        self.thresholds.len() * usize::from(self.fades) > DISTINCT_LIMIT
    }

    /// Whether there are counts above 0 that are not drawn.
    pub fn hides_some(&self) -> bool {
        self.thresholds.first().is_none_or(|&first| first > 1)
    }

    /// Thresholds with room for the shader's search, a power of two of words; the search is clamped to
    /// `thresholds.len()`.
    pub fn padded(&self) -> Vec<u32> {
        let mut padded = self.thresholds.clone();
        padded.resize((padded.len() + 1).next_power_of_two().max(PALETTE), u32::MAX);
        padded
    }
}

/// Groups of neighbouring runs whose colours differ by at most `2 * error` in every channel, each with the
/// colour in the middle.
fn group(runs: &[(u32, [u8; 4])], error: u8) -> Vec<(u32, [u8; 4])> {
    let mut groups = Vec::new();
    let mut rest = runs.iter().copied();
    let Some((mut start, first)) = rest.next() else { return groups };
    let (mut low, mut high) = (first, first);
    let middle = |low: [u8; 4], high: [u8; 4]| std::array::from_fn(|c| low[c] + (high[c] - low[c]).div_ceil(2));
    for (count, colour) in rest {
        let lower: [u8; 4] = std::array::from_fn(|c| low[c].min(colour[c]));
        let upper: [u8; 4] = std::array::from_fn(|c| high[c].max(colour[c]));
        if (0..4).all(|c| upper[c] - lower[c] <= error.saturating_mul(2)) {
            (low, high) = (lower, upper);
        } else {
            groups.push((start, middle(low, high)));
            (start, low, high) = (count, colour, colour);
        }
    }
    groups.push((start, middle(low, high)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::{Distinct, Histogram};
    use crate::shade::Function;
    use proptest::prelude::*;

    fn log(max: u32, colormap: &Colormap) -> Shading<'_> {
        Shading { scale: Scale::new(Function::Log, Span::new(1u32, max), Unit::POINTS), colormap, least: 1, fade: None }
    }

    fn default_table(stats: &ZoomStats, colormap: &Colormap) -> ShadeTable {
        ShadeTable::new(stats, &log(stats.max, colormap), DISTINCT_LIMIT)
    }

    fn stats(max: u32, distinct: Distinct) -> ZoomStats {
        ZoomStats { lit: 1, max, min: 0, tiles: 1, sum: 1, distinct, unit: Unit::POINTS }
    }

    const NAMES: [&str; 12] = [
        "tilefire",
        "fire",
        "inferno",
        "viridis",
        "magma",
        "plasma",
        "turbo",
        "cividis",
        "fire_r",
        "#ff8800",
        "#00000000,#ff8800,white",
        "navy,red 5%,#ffff0080",
    ];

    fn functions() -> impl Strategy<Value = Function> {
        prop_oneof![
            Just(Function::Log),
            Just(Function::Linear),
            Just(Function::Cbrt),
            Just(Function::Sqrt),
            (0.2f64..4.0).prop_map(Function::Gamma),
            Just(Function::EqHist),
        ]
    }

    /// A span of its own, or the default one.
    fn spans() -> impl Strategy<Value = Option<Span>> {
        proptest::option::of((1u32.., 1u32..).prop_map(|(a, b)| Span::new(a.min(b), a.max(b))))
    }

    /// A scale for these counts, each the count of one pixel.
    fn scale(function: Function, span: Span, counts: impl IntoIterator<Item = u32>, least: u64) -> Scale {
        if function != Function::EqHist {
            return Scale::new(function, span, Unit::POINTS);
        }
        let mut histogram = Histogram::default();
        counts.into_iter().for_each(|count| histogram.add(count, 1));
        let histogram = histogram.settled();
        let all = histogram.pixels(least, |_| true).unwrap();
        Scale::equalised(all, histogram.in_points(Unit::POINTS, least).unwrap(), span, Unit::POINTS).unwrap()
    }

    fn fades() -> impl Strategy<Value = Option<Unit>> {
        let edges = (1u32..1000, 1u32..70_000);
        proptest::option::weighted(
            0.2,
            edges.prop_map(|(edge, more)| Unit { shift: 16, lone: edge + more, edge, radius: 3, step: None }),
        )
    }

    fn worst(a: [u8; 4], b: [u8; 4]) -> u8 {
        (0..4).map(|c| a[c].abs_diff(b[c])).max().unwrap()
    }

    proptest! {
        #[test]
        fn few_counts_have_their_exact_colours(
            counts in proptest::collection::btree_set(prop_oneof![1u32..2000, 1u32..], 1..=255),
            name in proptest::sample::select(&NAMES[..]),
            function in functions(),
            span in spans(),
            least in prop_oneof![Just(1u64), 2u64..100],
            fade in fades(),
        ) {
            let max = *counts.last().unwrap();
            let colormap = Colormap::parse(name).unwrap();
            let span = span.unwrap_or(Span::new(1u32, max));
            let scale = scale(function, span, counts.clone(), least);
            let shading = Shading { scale, colormap: &colormap, least, fade };
            for limit in [DISTINCT_LIMIT, WIDE_LIMIT] {
                let stats = stats(max, Distinct::from_values(counts.iter().copied()));
                let table = ShadeTable::new(&stats, &shading, limit);
                prop_assert_eq!(table.error, 0);
                for &count in &counts {
                    let colour = if u64::from(count) < least { [0; 4] } else { shading.colour(count) };
                    prop_assert_eq!(table.palette[usize::from(table.index(count))], colour);
                }
            }
        }

        #[test]
        fn many_counts_stay_within_two_of_255_and_full_colour_is_exact(
            max in 256u32..,
            probes in proptest::collection::vec(prop_oneof![1u32..5000, any::<u32>()], 256..400),
            name in proptest::sample::select(&NAMES[..]),
            function in functions(),
            span in spans(),
            least in prop_oneof![Just(1u64), 2u64..100],
            fade in fades(),
        ) {
            let colormap = Colormap::parse(name).unwrap();
            let fade = fade.filter(|_| colormap.stops().is_sorted_by_key(|stop| stop[3]));
            let mut counts: Vec<u32> = (1..300).chain(probes).chain([max]).map(|c| c.clamp(1, max)).collect();
            let span = span.unwrap_or(Span::new(1u32, max));
            let scale = scale(function, span, counts.iter().copied(), least);
            let shading = Shading { scale, colormap: &colormap, least, fade };
            let stats = stats(max, Distinct::many());
            let table = ShadeTable::new(&stats, &shading, DISTINCT_LIMIT);
            let full = ShadeTable::new(&stats, &shading, WIDE_LIMIT);
            prop_assert!(table.error <= 2 && full.error == 0, "{} and {} of 255 for {name}", table.error, full.error);
            prop_assert!(!table.is_wide());
            let (mut last, mut last_full) = (0, 0);
            counts.sort_unstable();
            for count in counts {
                let (index, full_index) = (table.index(count), full.index(count));
                // More never looks like less.
                prop_assert!(index >= last && full_index >= last_full);
                prop_assert_eq!((index > 0, full_index > 0), (u64::from(count) >= least, u64::from(count) >= least));
                (last, last_full) = (index, full_index);
                if u64::from(count) >= least {
                    let colour = shading.colour(count);
                    let off = worst(table.palette[usize::from(index)], colour);
                    prop_assert!(off <= table.error, "count {count}: {off}");
                    prop_assert_eq!(full.palette[usize::from(full_index)], colour);
                }
            }
        }
    }

    #[test]
    fn a_single_count_has_the_middle_colour() {
        let colormap = Colormap::default();
        let table = default_table(&stats(1, Distinct::from_values([1])), &colormap);
        assert_eq!(table.palette, vec![[0; 4], colormap.at(0.5)]);
        assert_eq!((table.index(0), table.index(1), table.index(u32::MAX)), (0, 1, 1));
    }

    #[test]
    fn all_counts_of_a_large_zoom_are_within_two() {
        for name in NAMES {
            let colormap = Colormap::parse(name).unwrap();
            let max = 70_000;
            let table = default_table(&stats(max, Distinct::many()), &colormap);
            let shading = log(max, &colormap);
            for count in 1..=max {
                let colour = shading.colour(count);
                let entry = table.palette[usize::from(table.index(count))];
                assert!(worst(entry, colour) <= 2, "{name} {count}");
            }
        }
    }

    #[test]
    fn a_background_is_under_everything() {
        let colormap = Colormap::parse("#ff000080").unwrap();
        let table = default_table(&stats(2, Distinct::from_values([1, 2])), &colormap).over([0, 0, 255]);
        assert_eq!(table.palette, vec![[0, 0, 255, 255], [40, 0, 215, 255], [128, 0, 127, 255]]);
    }
}
