//! Which counts the colormap begins and ends at: one rule for the run, one span a zoom.

use std::fmt;
use std::str::FromStr;

use super::ends::{ByZoom, Ends};
use crate::counts::{Histogram, Unit, ZoomStats};
use crate::error::Result;
use crate::tile::ZoomRange;

/// The counts at which the colormap begins and ends. They may be larger than the count of any pixel can be, in the unit
/// of a zoom: a span can be that of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Count of the first colour, and of every smaller count.
    pub lo: u64,
    /// Count of the last colour, and of every larger count.
    pub hi: u64,
}

impl Span {
    /// From `lo` to `hi`.
    pub fn new(lo: impl Into<u64>, hi: impl Into<u64>) -> Self {
        Self { lo: lo.into(), hi: hi.into() }
    }
}

/// How each zoom gets its span.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum SpanRule {
    /// From the smallest count that is drawn, usually 1, to the zoom's own largest.
    #[default]
    Zoom,
    /// From there to the largest count of all zooms asked for: one scale for the whole pyramid.
    All,
    /// From there to a log-linear fit of the largest counts over the zooms, so that brightness does not jump from one
    /// zoom to the next; what lies above the fit has the last colour.
    Smooth,
    /// From there to the count that this per cent of the zoom's lit pixels do not exceed: a few hot spots do not use up
    /// the colours.
    Percentile(f64),
    /// Between the same numbers of points at every zoom.
    Fixed(Ends),
    /// Between numbers of points that each zoom has of its own; a zoom that has none is as in [`SpanRule::Zoom`].
    Listed(ByZoom),
}

impl SpanRule {
    /// Whether it asks how many pixels have each count, be it to tell what it clips.
    pub fn needs_histogram(&self) -> bool {
        match self {
            Self::Zoom | Self::All => false,
            Self::Fixed(ends) => ends.hi.is_some() || ends.lo > 1.0,
            Self::Smooth | Self::Percentile(_) | Self::Listed(_) => true,
        }
    }

    /// Whether the span of a zoom depends on the counts of others.
    pub fn compares_zooms(&self) -> bool {
        matches!(self, Self::All | Self::Smooth)
    }

    /// The rule by zooms that are `steps` further in: a list's spans move, the rest stays.
    pub fn later(&self, steps: u8) -> Self {
        match self {
            Self::Listed(list) => Self::Listed(list.iter().map(|(z, ends)| (z.saturating_add(steps), ends)).collect()),
            rule => rule.clone(),
        }
    }

    /// The rule by zooms that are `steps` less far in: the other way round. What would come before zoom 0 is left out.
    pub fn earlier(&self, steps: u8) -> Self {
        match self {
            Self::Listed(list) => {
                Self::Listed(list.iter().filter_map(|(z, ends)| Some((z.checked_sub(steps)?, ends))).collect())
            }
            rule => rule.clone(),
        }
    }

    /// The zooms of `shown` that a list leaves out.
    pub fn missing(&self, shown: ZoomRange) -> Vec<u8> {
        match self {
            Self::Listed(list) => shown.iter().filter(|&z| list.get(z).is_none()).collect(),
            _ => Vec::new(),
        }
    }

    /// Fails where an end is no number of points, but one that sums and means alone can have.
    pub fn check_counts(&self) -> std::result::Result<(), String> {
        match self {
            Self::Fixed(ends) => ends.check_counts(),
            Self::Listed(list) => list.iter().try_for_each(|(_, ends)| ends.check_counts()),
            _ => Ok(()),
        }
    }

    /// The span of zoom `z` in the unit of its counts. `own` are the statistics of that zoom, `stats` those of all zooms
    /// (indexed by zoom) where it [compares](Self::compares_zooms) them, `histogram` is the zoom's own where
    /// [needed](Self::needs_histogram); the run shows `zooms` and draws pixels of `least` points or more: spans begin there.
    /// Fails where a histogram cannot be read.
    pub(super) fn span(
        &self,
        (z, own): (u8, &ZoomStats),
        (stats, zooms): (&[ZoomStats], ZoomRange),
        histogram: &Histogram,
        least: u32,
    ) -> Result<Span> {
        // In points, because the units of two zooms may differ.
        let largest = |z: u8| stats.get(usize::from(z)).map_or(1.0, |s| s.unit.points(s.max.max(1)));
        let (unit, max) = (own.unit, own.max.max(1));
        let ends = match self {
            Self::Fixed(ends) => Some(*ends),
            Self::Listed(list) => list.get(z),
            _ => None,
        };
        let lo = ends.map_or_else(|| drawn(least, unit), |ends| given(ends.lo, unit));
        let hi = match self {
            Self::Zoom => max.into(),
            Self::All => unit.counts(zooms.iter().map(largest).fold(0.0, f64::max)),
            Self::Smooth => {
                let points: Vec<_> = zooms.iter().map(|z| (f64::from(z), largest(z))).collect();
                let fit = smooth(&points, z.into());
                unit.counts(fit)
            }
            Self::Percentile(percent) => {
                let least = u32::try_from(drawn(least, unit)).unwrap_or(u32::MAX);
                histogram.percentile(*percent, least)?.unwrap_or(max).into()
            }
            Self::Fixed(_) | Self::Listed(_) => {
                ends.and_then(|ends| ends.hi).map_or(max.into(), |points| given(points, unit).max(1))
            }
        };
        Ok(Span { lo, hi: hi.max(lo) })
    }
}

/// Points that a person, or another set, gave as a count. To the nearest, because what a set says of its spans was made
/// from counts; none where there are none, so that a lone point is not at the beginning.
fn given(points: f64, unit: Unit) -> u64 {
    if points <= 0.0 { 0 } else { unit.counts(points) }
}

/// The smallest count that is drawn where pixels of fewer than `least` points are not. Under a bell a pixel has as many
/// as would come to the same on one place.
pub(super) fn drawn(least: u32, unit: Unit) -> u64 {
    match least {
        0 | 1 => unit.edge.into(),
        _ => unit.counts(least.into()),
    }
}

/// Least squares through (zoom, log of the largest count), at `zoom`.
pub(super) fn smooth(largest: &[(f64, f64)], zoom: f64) -> f64 {
    let n = largest.len() as f64;
    let (mut zooms, mut logs) = (0.0, 0.0);
    for &(z, count) in largest {
        zooms += z / n;
        logs += libm::log(count) / n;
    }
    let (mut with, mut own) = (0.0, 0.0);
    for &(z, count) in largest {
        with += (z - zooms) * (libm::log(count) - logs);
        own += (z - zooms) * (z - zooms);
    }
    let slope = if own > 0.0 { with / own } else { 0.0 };
    libm::exp(logs + slope * (zoom - zooms))
}

impl fmt::Display for SpanRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zoom => f.write_str("zoom"),
            Self::All => f.write_str("all"),
            Self::Smooth => f.write_str("smooth"),
            Self::Percentile(percent) => write!(f, "p{percent}"),
            Self::Fixed(ends) => ends.fmt(f),
            Self::Listed(list) => list.fmt(f),
        }
    }
}

impl FromStr for SpanRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "zoom" => return Ok(Self::Zoom),
            "all" => return Ok(Self::All),
            "smooth" => return Ok(Self::Smooth),
            _ => {}
        }
        let lower = text.trim().to_ascii_lowercase();
        if let Some(percent) = lower.strip_prefix('p') {
            return match percent.parse::<f64>() {
                Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(Self::Percentile(percent)),
                _ => Err(format!("'{text}' is no percentile; write p and a number up to 100, for instance p99.5")),
            };
        }
        if lower.contains(':') {
            return lower.parse().map(Self::Listed);
        }
        if lower.contains(',') {
            return lower.parse().map(Self::Fixed);
        }
        Err(format!(
            "'{text}' is no span; use zoom, all, smooth, a percentile such as p99.5, two counts such as 1,500 or 0,max, \
             or two for each zoom such as '0..5:1,500;6..:1,80'"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span_of(lo: u32, hi: u32) -> Span {
        Span::new(lo, hi)
    }

    fn spans(rule: &SpanRule, stats: &[ZoomStats], zooms: ZoomRange) -> Vec<Span> {
        let of = |(z, own)| rule.span((z, own), (stats, zooms), &Histogram::default(), 1).unwrap();
        (0..).zip(stats).map(of).collect()
    }

    fn stats(largest: &[u32]) -> Vec<ZoomStats> {
        largest.iter().map(|&max| ZoomStats { max, ..Default::default() }).collect()
    }

    #[test]
    fn each_rule_gives_its_spans() {
        let stats = stats(&[8000, 4000, 900, 30]);
        let zooms = ZoomRange { min: 1, max: 3 };
        let hi =
            |rule: &str| -> Vec<u64> { spans(&rule.parse().unwrap(), &stats, zooms).iter().map(|s| s.hi).collect() };
        assert_eq!(hi("zoom"), [8000, 4000, 900, 30]);
        assert_eq!(hi("all"), [4000; 4]);
        assert_eq!(hi("2,77"), [77; 4]);
        let smooth = hi("smooth");
        assert!(smooth.windows(2).all(|pair| pair[0] > pair[1]), "{smooth:?}");
        let steps: Vec<f64> = smooth.windows(2).map(|p| p[0] as f64 / p[1] as f64).collect();
        assert!(steps.iter().all(|s| (s / steps[0] - 1.0).abs() < 0.1), "even steps: {smooth:?}");
    }

    #[test]
    fn lists_move_and_move_back() {
        let list: SpanRule = "0..5:1,500;7:0,max".parse().unwrap();
        assert_eq!(list.later(1).to_string(), "1..6:1,500;8:0,max");
        assert_eq!(list.later(1).earlier(1), list);
        assert_eq!((list.later(0), SpanRule::All.later(1)), (list.clone(), SpanRule::All));
    }

    #[test]
    fn a_geometric_pyramid_is_its_own_fit() {
        let stats = stats(&[4096, 1024, 256, 64, 16]);
        let fit = spans(&SpanRule::Smooth, &stats, ZoomRange { min: 0, max: 4 });
        assert_eq!(fit.iter().map(|s| s.hi).collect::<Vec<_>>(), [4096, 1024, 256, 64, 16]);
        let one = spans(&SpanRule::Smooth, &stats, ZoomRange { min: 2, max: 2 });
        assert_eq!(one[2].hi, 256);
    }

    #[test]
    fn percentiles_and_least_counts() {
        let mut histogram = Histogram::default();
        [(1, 90), (2, 5), (7, 4), (500, 1)].into_iter().for_each(|(count, pixels)| histogram.add(count, pixels));
        let histogram = histogram.settled();
        let stats = stats(&[500]);
        let zooms = ZoomRange { min: 0, max: 0 };
        let span = |rule: &str, least| {
            rule.parse::<SpanRule>().unwrap().span((0, &stats[0]), (&stats, zooms), &histogram, least).unwrap()
        };
        assert_eq!((span("p99", 1), span("p95", 1), span("p100", 1)), (span_of(1, 7), span_of(1, 2), span_of(1, 500)));
        assert_eq!(
            (span("p50", 2), span("zoom", 5), span("3,70", 5)),
            (span_of(2, 2), span_of(5, 500), span_of(3, 70))
        );
        for text in ["p99.5", "p50", "zoom", "all", "smooth", "2,9", "0,max", "3,max", "0..4:1,9;6:0,max"] {
            assert_eq!(text.parse::<SpanRule>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn spans_are_in_the_units_of_their_zoom() {
        let of = |max, shift| {
            let unit = Unit { shift, lone: 1 << shift, edge: 1, radius: 3, step: None };
            ZoomStats { max, unit, ..Default::default() }
        };
        let stats = [of(5 << 8, 8), of(7 << 16, 16)];
        let zooms = ZoomRange { min: 0, max: 1 };
        let hi = |rule: SpanRule| spans(&rule, &stats, zooms).iter().map(|s| (s.lo, s.hi)).collect::<Vec<_>>();
        assert_eq!(hi(SpanRule::All), [(1, 7 << 8), (1, 7 << 16)]);
        assert_eq!(hi(SpanRule::Zoom), [(1, 5 << 8), (1, 7 << 16)]);
        assert_eq!(hi("2,3".parse().unwrap()), [(512, 768), (2 << 16, 3 << 16)]);
    }

    #[test]
    fn ends_may_begin_at_nothing_and_stop_at_the_largest() {
        let unit = Unit { shift: 8, lone: 100, edge: 3, radius: 3, step: None };
        let stats = [
            ZoomStats { max: 700, ..Default::default() },
            ZoomStats { max: 30, ..Default::default() },
            ZoomStats { max: 9 << 8, unit, ..Default::default() },
        ];
        let zooms = ZoomRange { min: 0, max: 2 };
        let all = |rule: &str| -> Vec<(u64, u64)> {
            spans(&rule.parse().unwrap(), &stats, zooms).iter().map(|s| (s.lo, s.hi)).collect()
        };
        assert_eq!(all("0,max"), [(0, 700), (0, 30), (0, 9 << 8)]);
        assert_eq!(all("2,max"), [(2, 700), (2, 30), (200, 9 << 8)]);
        assert_eq!(all("50,max")[1], (50, 50));
        assert_eq!(all("0,40"), [(0, 40), (0, 40), (0, 4000)]);
        // Zoom 1 has none, and so its own.
        assert_eq!(all("0:1,50;2..:0,7"), [(1, 50), (1, 30), (0, 700)]);
        let list: SpanRule = "0:1,50;2..:0,7".parse().unwrap();
        assert_eq!((list.missing(zooms), list.missing(ZoomRange { min: 2, max: 14 })), (vec![1], vec![]));
        assert!(SpanRule::All.missing(zooms).is_empty());
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "9,5", "5", "1,x", "1,nan", "1,inf", "p", "p0", "p101", "pnan", "max,4", "3:", "3:zoom", "5..2:1,9"]
        {
            assert!(text.parse::<SpanRule>().is_err(), "{text}");
        }
        // What is no count may be a sum.
        for text in ["0,0", "-1,4", "1.5,4", "1,2.5", "0..4:1,9;5:0.5,3", "1,4294967296"] {
            let rule: SpanRule = text.parse().unwrap();
            assert!(rule.check_counts().is_err(), "{text}");
        }
        for text in ["1,1", "0,1", "0,max", "zoom", "0..4:1,9;5:0,3"] {
            assert_eq!(text.parse::<SpanRule>().unwrap().check_counts(), Ok(()), "{text}");
        }
    }
}
