//! Where colours begin and end for measures of weights: sums and means, which may be below 0.

use super::SpanRule;
use super::ends::Ends;
use super::span::{Span, smooth};
use crate::counts::{Histogram, Measure, Measuring, Step, Unit, ZoomStats, level};
use crate::error::Result;
use crate::tile::ZoomRange;

/// What is drawn of a weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighing {
    /// Sum or mean.
    pub measure: Measure,
    /// The column of the weight, as it was named.
    pub column: String,
    /// What a step of it is worth.
    pub step: Step,
    /// Whether colours go from 0 both ways.
    pub diverging: bool,
}

impl Weighing {
    /// What a backend needs to know, where pixels of fewer than `least` points are not drawn.
    pub fn measuring(&self, least: u32) -> Measuring {
        Measuring { measure: self.measure, step: self.step, least: least.max(1) }
    }
}

/// The level at the same distance on the other side of 0.
fn mirrored(of: u32) -> u32 {
    level::of(-level::value(of))
}

/// The span of zoom `z` by a rule, as levels; arguments as those of [`SpanRule::span`]. Around 0 both ends are as far as
/// the farther one, unless a person gave them.
pub(super) fn span(
    rule: &SpanRule,
    (z, own): (u8, &ZoomStats),
    (stats, zooms): (&[ZoomStats], ZoomRange),
    histogram: &Histogram,
    diverging: bool,
) -> Result<Span> {
    let unit = own.unit;
    if own.max == 0 {
        return Ok(Span::new(level::ZERO, level::ZERO));
    }
    let given = match rule {
        SpanRule::Fixed(ends) => Some(*ends),
        SpanRule::Listed(list) => list.get(z),
        _ => None,
    };
    if let Some(Ends { lo, hi }) = given {
        let lo = unit.counts(lo);
        let hi = hi.map_or(own.max.into(), |hi| unit.counts(hi));
        return Ok(Span { lo, hi: hi.max(lo) });
    }
    // Zooms of one run have steps of one worth, so levels can be compared.
    let shown = || zooms.iter().filter_map(|z| stats.get(usize::from(z))).filter(|stats| stats.max > 0);
    let far = |stats: &ZoomStats| if diverging { stats.max.max(mirrored(stats.min)) } else { stats.max };
    let (lo, hi) = match rule {
        SpanRule::All => {
            (shown().map(|s| s.min).fold(own.min, u32::min), shown().map(|s| s.max).fold(own.max, u32::max))
        }
        SpanRule::Smooth => {
            let largest: Vec<_> = zooms
                .iter()
                .filter_map(|z| {
                    let stats = stats.get(usize::from(z)).filter(|stats| stats.max > 0)?;
                    Some((f64::from(z), unit.points(far(stats))))
                })
                .collect();
            // A logarithm is that of something above 0.
            let fits = !largest.is_empty() && largest.iter().all(|(_, value)| *value > 0.0);
            let hi = if fits { level_of(unit, smooth(&largest, z.into())) } else { far(own) };
            if diverging { (mirrored(hi), hi) } else { (own.min.min(hi), hi) }
        }
        SpanRule::Percentile(percent) => {
            let hi = if diverging { within(histogram, *percent)? } else { histogram.percentile(*percent, 1)? };
            let hi = hi.unwrap_or(far(own));
            if diverging { (mirrored(hi), hi) } else { (own.min.min(hi), hi) }
        }
        SpanRule::Zoom | SpanRule::Fixed(_) | SpanRule::Listed(_) => (own.min, own.max),
    };
    if diverging {
        let hi = hi.max(mirrored(lo));
        return Ok(Span::new(mirrored(hi), hi));
    }
    Ok(Span::new(lo, hi))
}

fn level_of(unit: Unit, value: f64) -> u32 {
    u32::try_from(unit.counts(value)).unwrap_or(u32::MAX)
}

/// The smallest distance from 0 within which that per cent of the pixels lie, as the level above 0.
fn within(histogram: &Histogram, percent: f64) -> Result<Option<u32>> {
    let pixels = |to: u32| {
        let from = mirrored(to);
        histogram.pixels(from.into(), |level| level <= to.into())
    };
    let (mut low, mut high) = (level::ZERO, level::of(f64::from(f32::MAX)));
    let all = pixels(high)?;
    let needed = ((all as f64 * percent / 100.0).ceil() as u64).clamp(1, all.max(1));
    if all == 0 {
        return Ok(None);
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if pixels(middle)? >= needed { high = middle } else { low = middle + 1 }
    }
    Ok(Some(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(values: &[(f64, f64)]) -> Vec<ZoomStats> {
        let unit = Unit { step: Some(Step::default()), ..Unit::POINTS };
        let of = |value: f64| level::of(Step::default().steps_of(value));
        values.iter().map(|&(min, max)| ZoomStats { min: of(min), max: of(max), unit, ..Default::default() }).collect()
    }

    fn ends(rule: &str, values: &[(f64, f64)], z: u8, diverging: bool, pixels: &[(f64, u64)]) -> (f64, f64) {
        let stats = stats(values);
        let mut histogram = Histogram::default();
        pixels.iter().for_each(|&(value, pixels)| histogram.add(level::of(Step::default().steps_of(value)), pixels));
        let zooms = ZoomRange { min: 0, max: values.len() as u8 - 1 };
        let own = &stats[usize::from(z)];
        let span = span(&rule.parse().unwrap(), (z, own), (&stats, zooms), &histogram.settled(), diverging).unwrap();
        (own.unit.points(span.lo), own.unit.points(span.hi))
    }

    #[test]
    fn spans_are_those_of_values() {
        let values = [(1.5, 800.0), (0.5, 200.0), (0.25, 50.0)];
        assert_eq!(ends("zoom", &values, 1, false, &[]), (0.5, 200.0));
        assert_eq!(ends("all", &values, 1, false, &[]), (0.25, 800.0));
        let (lo, hi) = ends("smooth", &values, 1, false, &[]);
        assert!(lo == 0.5 && (hi - 200.0).abs() < 1e-3, "{lo} {hi}");
        assert_eq!(ends("-2.5,7", &values, 1, false, &[]), (-2.5, 7.0));
        assert_eq!(ends("2,max", &values, 2, false, &[]), (2.0, 50.0));
        let pixels = [(0.5, 90), (1.0, 5), (3.0, 4), (200.0, 1)];
        assert_eq!(ends("p99", &values, 1, false, &pixels), (0.5, 3.0));
    }

    #[test]
    fn around_0_both_ends_are_as_far() {
        let values = [(-3.0, 8.0), (-20.0, 5.0)];
        assert_eq!(ends("zoom", &values, 0, true, &[]), (-8.0, 8.0));
        assert_eq!(ends("zoom", &values, 1, true, &[]), (-20.0, 20.0));
        assert_eq!(ends("all", &values, 0, true, &[]), (-20.0, 20.0));
        assert_eq!(ends("-1,6", &values, 0, true, &[]), (-1.0, 6.0));
        let pixels = [(-3.0, 1), (-1.0, 40), (0.0, 10), (0.5, 40), (2.0, 8), (8.0, 1)];
        assert_eq!(ends("p90", &values, 0, true, &pixels), (-1.0, 1.0));
        assert_eq!(ends("p98", &values, 0, true, &pixels), (-2.0, 2.0));
    }

    #[test]
    fn nothing_drawn_has_a_span_all_the_same() {
        let none = [ZoomStats { unit: Unit { step: Some(Step::default()), ..Unit::POINTS }, ..Default::default() }];
        let zooms = ZoomRange { min: 0, max: 0 };
        let span = span(&SpanRule::Zoom, (0, &none[0]), (&none, zooms), &Histogram::default(), true).unwrap();
        assert_eq!(span, Span::new(level::ZERO, level::ZERO));
    }
}
