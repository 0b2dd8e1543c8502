//! From a zoom's counts to values whose ends are the ends of the colormap: function and span together, or the
//! cumulative histogram. In f64, on the host; what colours lie between the ends is the colormap's business.

use super::{Function, Span};
use crate::counts::Unit;
use crate::error::Result;

/// Shares of weighted counts that are not told apart: a fraction of a step of any 8-bit colour.
const CLOSE: f64 = 1.0 / 65_536.0;

/// How the counts of one zoom are spaced.
#[derive(Debug, Clone)]
pub struct Scale {
    span: Span,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// A function of a single count; `unit` is one step of the counts in lone points.
    Formula { function: Function, unit: f64, range: f64, end: f64 },
    /// A function of what a level stands for, above the value that the span begins with.
    Measure { function: Function, unit: Unit, lo: f64, range: f64, end: f64 },
    /// A function of the distance from 0 on either side, each as a share of that of its end.
    Diverging { function: Function, unit: Unit, below: f64, above: f64 },
    /// Points and the share of pixels with at most these, both rising; nothing else has pixels. `diverging`: of pixels no
    /// farther from 0.
    Equalised { steps: Vec<(f64, f64)>, unit: Unit, diverging: bool },
}

impl Scale {
    /// A scale over `span` for counts of that unit. A function sees them as multiples of a lone point's, so that the
    /// logarithm of a weighted count bends where that of a plain one does; the others do not depend on it.
    pub fn new(function: Function, span: Span, unit: Unit) -> Self {
        if unit.is_measure() {
            let lo = unit.points(span.lo);
            let range = unit.points(span.hi.max(span.lo)) - lo;
            return Self { span, kind: Kind::Measure { function, unit, lo, range, end: function.end(range) } };
        }
        let unit = 1.0 / f64::from(unit.lone.max(1));
        let range = span.hi.saturating_sub(span.lo) as f64 * unit;
        Self { span, kind: Kind::Formula { function, unit, range, end: function.end(range) } }
    }

    /// A scale over `span` for levels of a measure whose middle is 0: either side goes its own way to its end.
    pub fn diverging(function: Function, span: Span, unit: Unit) -> Self {
        let (below, above) = (-unit.points(span.lo).min(0.0), unit.points(span.hi.max(span.lo)).max(0.0));
        Self { span, kind: Kind::Diverging { function, unit, below, above } }
    }

    /// The same equalisation with 0 in the middle: a value's distance from there is the share of pixels that are no farther
    /// from it.
    #[must_use]
    pub fn around_0(mut self) -> Self {
        if let Kind::Equalised { diverging, .. } = &mut self.kind {
            *diverging = true;
        }
        self
    }

    /// Histogram equalisation of pixels by their points (ascending), for counts of `unit`, all clipped to `span`
    /// (datashader's `eq_hist`, which knows no span): a count's value is the share of pixels that do not exceed it. After a
    /// weighted spread nearly every pixel has points of its own; shares within 2^-16 are one step then. `all` is how many
    /// pixels these are. Fails with what `histogram` fails with.
    pub fn equalised(
        all: u64,
        histogram: impl Iterator<Item = Result<(f64, u64)>>,
        span: Span,
        unit: Unit,
    ) -> Result<Self> {
        let all = all as f64;
        let (lo, hi) = (unit.points(span.lo), unit.points(span.hi.max(span.lo)));
        let mut seen = 0;
        let mut steps: Vec<(f64, f64)> = Vec::new();
        let mut close = None;
        for entry in histogram {
            let (points, pixels) = entry?;
            seen += pixels;
            let (mut points, share) = (points.clamp(lo, hi), seen as f64 / all);
            // Whole counts ask at whole points only: parts of them, of other zooms, are steps of no use.
            if unit.is_whole() && !steps.is_empty() {
                points = points.ceil();
            }
            match steps.last_mut() {
                Some(step) if step.0 == points => step.1 = share,
                Some(step) if !unit.is_whole() && share - step.1 < CLOSE => {
                    close = Some((points, share));
                    continue;
                }
                _ => steps.push((points, share)),
            }
            close = None;
        }
        // The last one is always there: its share is 1.
        steps.extend(close);
        Ok(Self { span, kind: Kind::Equalised { steps, unit, diverging: false } })
    }

    /// The counts it covers.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Values at the two ends; equal where all counts are alike, and then they have the middle colour.
    pub(super) fn ends(&self) -> (f64, f64) {
        match &self.kind {
            Kind::Formula { end, .. } | Kind::Measure { end, .. } if self.span.lo < self.span.hi => (0.0, *end),
            Kind::Diverging { .. } | Kind::Equalised { diverging: true, .. } if self.span.lo < self.span.hi => {
                (-1.0, 1.0)
            }
            Kind::Formula { .. } | Kind::Measure { .. } | Kind::Diverging { .. } => (0.0, 0.0),
            Kind::Equalised { steps, .. } => (steps.first().map_or(1.0, |step| step.1), 1.0),
        }
    }

    /// Value of a count.
    pub(super) fn value(&self, count: impl Into<u64>) -> f64 {
        let clipped = count.into().clamp(self.span.lo, self.span.hi.max(self.span.lo));
        match &self.kind {
            Kind::Formula { function, unit, range, .. } => {
                function.value((clipped - self.span.lo) as f64 * unit, *range)
            }
            Kind::Measure { function, unit, lo, range, .. } if *range > 0.0 => {
                function.value((unit.points(clipped) - lo).max(0.0), *range)
            }
            Kind::Measure { .. } => 0.0,
            Kind::Diverging { function, unit, below, above } => {
                let value = unit.points(clipped);
                let end = if value < 0.0 { *below } else { *above };
                let share = if end > 0.0 { function.value(value.abs(), end) / function.end(end) } else { 0.0 };
                if value < 0.0 { -share } else { share }
            }
            Kind::Equalised { steps, unit, diverging: true } => {
                let value = unit.points(clipped);
                let up_to = |end: usize| end.checked_sub(1).map_or(0.0, |at| steps[at].1);
                let within = up_to(steps.partition_point(|step| step.0 <= value.abs()));
                let share = within - up_to(steps.partition_point(|step| step.0 < -value.abs()));
                if value < 0.0 {
                    -share
                } else if value > 0.0 {
                    share
                } else {
                    0.0
                }
            }
            Kind::Equalised { steps, unit, .. } => {
                let points = unit.points(clipped);
                let at = steps.partition_point(|step| step.0 <= points).saturating_sub(1);
                steps.get(at).map_or(1.0, |step| step.1)
            }
        }
    }

    /// Position of a count between the ends, 0 to 1; the middle where all counts are alike.
    pub fn position(&self, count: impl Into<u64>) -> f64 {
        let (start, end) = self.ends();
        if start < end { (self.value(count) - start) / (end - start) } else { 0.5 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Histogram;

    fn equalised(pixels: &[(u32, u64)], span: Span, least: u64) -> Scale {
        let mut histogram = Histogram::default();
        pixels.iter().for_each(|&(count, pixels)| histogram.add(count, pixels));
        let histogram = histogram.settled();
        let all = histogram.pixels(least, |_| true).unwrap();
        Scale::equalised(all, histogram.in_points(Unit::POINTS, least).unwrap(), span, Unit::POINTS).unwrap()
    }

    #[test]
    fn equalised_positions_are_shares_of_pixels() {
        let scale = equalised(&[(1, 50), (2, 25), (9, 24), (1000, 1)], Span { lo: 1, hi: 1000 }, 1);
        for (count, share) in [(1u32, 0.5), (2, 0.75), (5, 0.75), (9, 0.99), (999, 0.99), (1000, 1.0), (5000, 1.0)] {
            assert_eq!(scale.value(count), share, "{count}");
            assert_eq!(scale.position(count), (share - 0.5) / 0.5, "{count}");
        }
    }

    #[test]
    fn equalised_counts_are_clipped_and_small_ones_left_out() {
        let pixels = [(1, 40), (2, 20), (3, 20), (8, 10), (9, 10)];
        let scale = equalised(&pixels, Span { lo: 2, hi: 8 }, 1);
        assert_eq!([1u32, 2, 3, 8, 9].map(|count| scale.value(count)), [0.6, 0.6, 0.8, 1.0, 1.0]);
        let scale = equalised(&pixels, Span { lo: 3, hi: 9 }, 3);
        assert_eq!([3u32, 8, 9].map(|count| scale.position(count)), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn one_count_alone_is_in_the_middle() {
        assert_eq!(Scale::new(Function::Log, Span { lo: 4, hi: 4 }, Unit::POINTS).position(4u32), 0.5);
        assert_eq!(equalised(&[(7, 3)], Span { lo: 1, hi: 7 }, 1).position(7u32), 0.5);
    }

    #[test]
    fn close_shares_of_weighted_counts_are_one_step_and_no_more() {
        let unit = Unit { shift: 16, lone: 9_000, edge: 1, radius: 3, step: None };
        let pixels = (1..=400_000u32).map(|count| Ok((unit.points(count), 1)));
        let scale = Scale::equalised(400_000, pixels, Span::new(1u32, 400_000u32), unit).unwrap();
        let Kind::Equalised { steps, .. } = &scale.kind else { panic!("not equalised") };
        assert!((50_000..=65_537).contains(&steps.len()), "{}", steps.len());
        for count in (1..=400_000u32).step_by(37).chain([400_000]) {
            let exact = f64::from(count) / 400_000.0;
            assert!(
                (0.0..=CLOSE).contains(&(exact - scale.value(count))),
                "{count}: {} for {exact}",
                scale.value(count)
            );
        }
        assert_eq!((scale.value(400_000u32), scale.position(400_000u32)), (1.0, 1.0));
    }

    #[test]
    fn whole_counts_need_steps_at_whole_points_only() {
        let pixels = || (1..=40_000u64).map(|i| (i as f64 / 1000.0, 1 + i % 7));
        let all = pixels().map(|entry| entry.1).sum();
        let span = Span::new(1u32, 40u32);
        let scale = Scale::equalised(all, pixels().map(Ok), span, Unit::POINTS).unwrap();
        let Kind::Equalised { steps, .. } = &scale.kind else { panic!("not equalised") };
        assert!(steps.len() <= 40, "{}", steps.len());
        for count in 1..=40u32 {
            let below: u64 = pixels().filter(|entry| entry.0 <= f64::from(count)).map(|entry| entry.1).sum();
            assert_eq!(scale.value(count), below as f64 / all as f64, "{count}");
        }
    }

    #[test]
    fn the_logarithm_bends_at_a_lone_point() {
        let whole = Scale::new(Function::Log, Span { lo: 1, hi: 1001 }, Unit::POINTS);
        let unit = Unit { shift: 16, lone: 256, edge: 3, radius: 3, step: None };
        let parts = Scale::new(Function::Log, Span { lo: 256, hi: 1001 * 256 }, unit);
        for count in [1u32, 2, 77, 1000, 1001] {
            assert_eq!(whole.position(count), parts.position(count * 256));
        }
    }
}
