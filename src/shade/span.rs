//! Which counts the colormap begins and ends at: one rule for the run, one span a zoom.

use std::fmt;
use std::str::FromStr;

use crate::counts::ZoomStats;
use crate::tile::ZoomRange;

/// The counts at which the colormap begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Span {
    /// Count of the first colour, and of every smaller count.
    pub lo: u32,
    /// Count of the last colour, and of every larger count.
    pub hi: u32,
}

/// How each zoom gets its span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpanRule {
    /// From 1 to the zoom's own largest count.
    #[default]
    Zoom,
    /// From 1 to the largest count of all zooms asked for: one scale for the whole pyramid.
    All,
    /// From 1 to a log-linear fit of the largest counts over the zooms, so that brightness does not jump from one
    /// zoom to the next; what lies above the fit has the last colour.
    Smooth,
    /// The same span at every zoom.
    Fixed(Span),
}

impl SpanRule {
    /// The spans of all zooms in `stats` (indexed by zoom), for a run that shows `zooms`.
    pub fn spans(self, stats: &[ZoomStats], zooms: ZoomRange) -> Vec<Span> {
        let largest = |z: usize| stats.get(z).map_or(1, |s| s.max.max(1));
        let shown = || zooms.iter().map(usize::from);
        let hi = |z: usize| match self {
            Self::Zoom => largest(z),
            Self::All => shown().map(largest).max().unwrap_or(1),
            Self::Smooth => smooth(&shown().map(|z| (z as f64, f64::from(largest(z)))).collect::<Vec<_>>(), z as f64),
            Self::Fixed(span) => span.hi,
        };
        let lo = if let Self::Fixed(span) = self { span.lo } else { 1 };
        (0..stats.len()).map(|z| Span { lo, hi: hi(z) }).collect()
    }
}

/// Least squares through (zoom, log of the largest count), at `zoom`.
fn smooth(largest: &[(f64, f64)], zoom: f64) -> u32 {
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
    libm::round(libm::exp(logs + slope * (zoom - zooms))).clamp(1.0, f64::from(u32::MAX)) as u32
}

impl fmt::Display for SpanRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zoom => f.write_str("zoom"),
            Self::All => f.write_str("all"),
            Self::Smooth => f.write_str("smooth"),
            Self::Fixed(span) => write!(f, "{},{}", span.lo, span.hi),
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
        let numbers =
            text.split_once(',').and_then(|(lo, hi)| Some((lo.trim().parse().ok()?, hi.trim().parse().ok()?)));
        match numbers {
            Some((lo, hi)) if lo >= 1 && lo <= hi => Ok(Self::Fixed(Span { lo, hi })),
            Some(_) => Err(format!("span '{text}' must rise and begin at 1 or more, for instance 1,500")),
            None => Err(format!("'{text}' is no span; use zoom, all, smooth or two counts such as 1,500")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(largest: &[u32]) -> Vec<ZoomStats> {
        largest.iter().map(|&max| ZoomStats { max, ..Default::default() }).collect()
    }

    #[test]
    fn each_rule_gives_its_spans() {
        let stats = stats(&[8000, 4000, 900, 30]);
        let zooms = ZoomRange { min: 1, max: 3 };
        let hi = |rule: &str| -> Vec<u32> {
            rule.parse::<SpanRule>().unwrap().spans(&stats, zooms).iter().map(|s| s.hi).collect()
        };
        assert_eq!(hi("zoom"), [8000, 4000, 900, 30]);
        assert_eq!(hi("all"), [4000; 4]);
        assert_eq!(hi("2,77"), [77; 4]);
        let smooth = hi("smooth");
        assert!(smooth.windows(2).all(|pair| pair[0] > pair[1]), "{smooth:?}");
        let steps: Vec<f64> = smooth.windows(2).map(|p| f64::from(p[0]) / f64::from(p[1])).collect();
        assert!(steps.iter().all(|s| (s / steps[0] - 1.0).abs() < 0.1), "even steps: {smooth:?}");
    }

    #[test]
    fn a_geometric_pyramid_is_its_own_fit() {
        let stats = stats(&[4096, 1024, 256, 64, 16]);
        let spans = SpanRule::Smooth.spans(&stats, ZoomRange { min: 0, max: 4 });
        assert_eq!(spans.iter().map(|s| s.hi).collect::<Vec<_>>(), [4096, 1024, 256, 64, 16]);
        let one = SpanRule::Smooth.spans(&stats, ZoomRange { min: 2, max: 2 });
        assert_eq!(one[2].hi, 256);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "0,5", "9,5", "5", "1,x", "p99", "-1,4"] {
            assert!(text.parse::<SpanRule>().is_err(), "{text}");
        }
    }
}
