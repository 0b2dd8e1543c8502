//! The table that turns a count into a palette index by comparing integers. It is all that a shader or its CPU
//! twin sees of function, span and colormap, which is why both give the same bytes on every device.
//!
//! The formula (FACTS: datashader's `shade`): t = f(count - lo) / f(hi - lo) with the count clipped to the span,
//! then each channel linear between the colormap's stops and truncated.

use super::{Colormap, Function, Span};
use crate::counts::{DISTINCT_LIMIT, ZoomStats};

/// Palette entries, the transparent one at index 0 included.
pub const PALETTE: usize = DISTINCT_LIMIT + 1;

/// Function and colormap over a span: the formula itself, in f64.
#[derive(Debug, Clone)]
pub struct Shading<'a> {
    /// How counts are spaced.
    pub function: Function,
    /// Where the colormap begins and ends.
    pub span: Span,
    /// The colours.
    pub colormap: &'a Colormap,
}

impl Shading<'_> {
    /// Position of `count` along the colormap, 0 to 1; the middle when the span is a single count.
    pub fn position(&self, count: u32) -> f64 {
        let Span { lo, hi } = self.span;
        if lo >= hi {
            return 0.5;
        }
        self.function.position(f64::from(count.clamp(lo, hi) - lo), f64::from(hi - lo))
    }

    /// The colour of `count` (above 0).
    pub fn colour(&self, count: u32) -> [u8; 4] {
        self.colormap.at(self.position(count))
    }

    /// All counts at which the colour changes, with the colour from there on; the first entry is (1, ...).
    fn runs(&self) -> Vec<(u32, [u8; 4])> {
        let Span { lo, hi } = self.span;
        let mut runs = vec![(1, self.colour(1))];
        if lo < hi {
            self.changes(lo.max(1), hi, &mut runs);
        }
        runs
    }

    /// Finds the changes in (from, to] by bisection. Between two stops every channel is monotone in the count,
    /// so equal colours at both ends of such a stretch mean one colour all along it.
    fn changes(&self, from: u32, to: u32, runs: &mut Vec<(u32, [u8; 4])>) {
        let (start, end) = (self.position(from), self.position(to));
        let (first, last) = (self.colormap.at(start), self.colormap.at(end));
        if first == last && self.colormap.segment(start) == self.colormap.segment(end) {
            return;
        }
        if to - from == 1 {
            if first != last {
                runs.push((to, last));
            }
            return;
        }
        let middle = from + (to - from) / 2;
        self.changes(from, middle, runs);
        self.changes(middle, to, runs);
    }
}

/// Integer thresholds and their palette for one zoom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadeTable {
    /// `thresholds[i]` is the smallest count of index `i + 1`; ascending, the first is 1.
    pub thresholds: Vec<u32>,
    /// Colour of each index; entry 0 is transparent, one more entry than thresholds.
    pub palette: Vec<[u8; 4]>,
    /// The span the thresholds were cut for.
    pub span: Span,
    /// Largest distance, in 1/255 of a channel, between a count's palette colour and the formula's.
    pub error: u8,
}

impl ShadeTable {
    /// The table of a zoom with the given statistics over its default span, (1, largest count).
    pub fn new(stats: &ZoomStats, function: Function, colormap: &Colormap) -> Self {
        Self::of(stats, &Shading { function, span: Span { lo: 1, hi: stats.max.max(1) }, colormap })
    }

    /// The table of a zoom with the given statistics: exact where the zoom has at most 255 different counts, else
    /// cut where the colour changes with the smallest largest error.
    pub fn of(stats: &ZoomStats, shading: &Shading<'_>) -> Self {
        match stats.distinct.values() {
            Some(counts) => Self::exact(shading, &counts),
            None => Self::cut(shading),
        }
    }

    /// One index for each colour that `counts` (ascending, above 0) have.
    fn exact(shading: &Shading<'_>, counts: &[u32]) -> Self {
        let mut runs: Vec<(u32, [u8; 4])> = Vec::with_capacity(counts.len());
        for &count in counts {
            let colour = shading.colour(count);
            if runs.last().is_none_or(|last| last.1 != colour) {
                runs.push((count, colour));
            }
        }
        Self::from_runs(shading.span, &runs, 0)
    }

    fn cut(shading: &Shading<'_>) -> Self {
        let runs = shading.runs();
        // Smallest error for which greedy grouping, each group as long as its colours allow, fits the palette.
        let (mut low, mut high) = (0u8, 128u8);
        while low < high {
            let middle = low + (high - low) / 2;
            if group(&runs, middle).len() <= DISTINCT_LIMIT {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Self::from_runs(shading.span, &group(&runs, low), low)
    }

    fn from_runs(span: Span, runs: &[(u32, [u8; 4])], error: u8) -> Self {
        let mut palette = vec![[0; 4]];
        palette.extend(runs.iter().map(|run| run.1));
        let mut thresholds: Vec<u32> = runs.iter().map(|r| r.0).collect();
        // Every lit pixel has a colour, whatever the smallest count of the zoom is.
        if let Some(first) = thresholds.first_mut() {
            *first = 1;
        }
        Self { thresholds, palette, span, error }
    }

    /// Index of `count`: how many thresholds it reaches; 0 for 0.
    #[inline]
    pub fn index(&self, count: u32) -> u8 {
        self.thresholds.partition_point(|&t| t <= count) as u8
    }

    /// Thresholds padded to 256 words for the shader; its search is clamped to `thresholds.len()`.
    pub fn padded(&self) -> [u32; PALETTE] {
        std::array::from_fn(|i| self.thresholds.get(i).copied().unwrap_or(u32::MAX))
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
    use crate::counts::Distinct;
    use proptest::prelude::*;

    fn stats(max: u32, distinct: Distinct) -> ZoomStats {
        ZoomStats { lit: 1, max, tiles: 1, sum: 1, distinct }
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
        ]
    }

    /// A span of its own, or the default one.
    fn spans() -> impl Strategy<Value = Option<Span>> {
        proptest::option::of((1u32.., 1u32..).prop_map(|(a, b)| Span { lo: a.min(b), hi: a.max(b) }))
    }

    proptest! {
        #[test]
        fn few_counts_have_their_exact_colours(
            counts in proptest::collection::btree_set(1u32.., 1..=255),
            name in proptest::sample::select(&NAMES[..]),
            function in functions(),
            span in spans(),
        ) {
            let max = *counts.last().unwrap();
            let colormap = Colormap::parse(name).unwrap();
            let shading = Shading { function, span: span.unwrap_or(Span { lo: 1, hi: max }), colormap: &colormap };
            let table = ShadeTable::of(&stats(max, Distinct::from_values(counts.iter().copied())), &shading);
            prop_assert_eq!(table.error, 0);
            for count in counts {
                prop_assert_eq!(table.palette[usize::from(table.index(count))], shading.colour(count));
            }
        }

        #[test]
        fn many_counts_stay_within_two_of_255(
            max in 256u32..,
            probes in proptest::collection::vec(any::<u32>(), 200),
            name in proptest::sample::select(&NAMES[..]),
            function in functions(),
            span in spans(),
        ) {
            let colormap = Colormap::parse(name).unwrap();
            let shading = Shading { function, span: span.unwrap_or(Span { lo: 1, hi: max }), colormap: &colormap };
            let table = ShadeTable::of(&stats(max, Distinct::many()), &shading);
            prop_assert!(table.error <= 2, "{} of 255 for {name}", table.error);
            let mut last = 0;
            let mut counts: Vec<u32> = (1..300).chain(probes).chain([max]).map(|c| c.clamp(1, max)).collect();
            counts.sort_unstable();
            for count in counts {
                let index = table.index(count);
                prop_assert!(index >= last.max(1));
                last = index;
                let colour = shading.colour(count);
                let worst = (0..4).map(|c| table.palette[usize::from(index)][c].abs_diff(colour[c])).max();
                prop_assert!(worst <= Some(table.error), "count {count}: {worst:?}");
            }
        }
    }

    #[test]
    fn a_single_count_has_the_middle_colour() {
        let colormap = Colormap::default();
        let table = ShadeTable::new(&stats(1, Distinct::from_values([1])), Function::Log, &colormap);
        assert_eq!(table.palette, vec![[0; 4], colormap.at(0.5)]);
        assert_eq!((table.index(0), table.index(1), table.index(u32::MAX)), (0, 1, 1));
    }

    #[test]
    fn all_counts_of_a_large_zoom_are_within_two() {
        for name in NAMES {
            let colormap = Colormap::parse(name).unwrap();
            let max = 70_000;
            let table = ShadeTable::new(&stats(max, Distinct::many()), Function::Log, &colormap);
            let shading = Shading { function: Function::Log, span: Span { lo: 1, hi: max }, colormap: &colormap };
            for count in 1..=max {
                let colour = shading.colour(count);
                let entry = table.palette[usize::from(table.index(count))];
                assert!((0..4).all(|c| entry[c].abs_diff(colour[c]) <= 2), "{name} {count}");
            }
        }
    }
}
