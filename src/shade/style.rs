//! Everything a person chooses about the looks of a tile set, and what follows from it for every zoom: its kernel, its
//! span, its formula and its table. Reading and counting know nothing of it.

use super::span::drawn;
use super::table::over;
use super::{Colormap, Function, Scale, ShadeTable, Shading, Span, SpanRule, Spread, Theme, WIDE_LIMIT};
use crate::counts::{DISTINCT_LIMIT, Histogram, Unit, ZoomStats};
use crate::tile::ZoomRange;

/// The looks of a tile set or a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// How counts become positions along the colormap.
    pub function: Function,
    /// Which counts the colormap begins and ends at.
    pub span: SpanRule,
    /// The colours.
    pub colormap: Colormap,
    /// The base map it is made for, if the person said so.
    pub theme: Option<Theme>,
    /// Pixels of fewer points are not drawn; at least 1.
    pub min_count: u32,
    /// An opaque colour below all others, and where nothing is.
    pub background: Option<[u8; 3]>,
    /// Whether every pixel has its exact colour instead of one of 255.
    pub truecolor: bool,
    /// How lit pixels reach their neighbours.
    pub spread: Spread,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            function: Function::default(),
            span: SpanRule::default(),
            colormap: Colormap::default(),
            theme: None,
            min_count: 1,
            background: None,
            truecolor: false,
            spread: Spread::default(),
        }
    }
}

/// Drawn pixels beyond the ends of a span, which have the first or the last colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Clipped {
    /// Pixels with fewer points than the span begins with.
    pub below: u64,
    /// Pixels with more points than the span ends with.
    pub above: u64,
}

/// The looks of one zoom.
#[derive(Debug, Clone)]
pub struct Look<'a> {
    /// The formula.
    pub shading: Shading<'a>,
    /// The formula as integers.
    pub table: ShadeTable,
    /// What the span leaves out; all zero where it leaves out nothing by its nature.
    pub clipped: Clipped,
    /// What its counts are counted in.
    pub unit: Unit,
}

impl Look<'_> {
    /// A count in points.
    pub fn points(&self, count: u32) -> f64 {
        self.unit.points(count)
    }

    /// The smallest count of the span at or past a position along the colormap.
    pub fn count_at(&self, position: f64) -> u32 {
        let Span { lo: mut low, hi: mut high } = self.table.span;
        // Positions rise with counts.
        while low < high {
            let middle = low + (high - low) / 2;
            if self.shading.scale.position(middle) < position { low = middle + 1 } else { high = middle }
        }
        low
    }
}

impl Style {
    /// Whether it asks how many pixels have each count.
    pub fn needs_histogram(&self) -> bool {
        self.function == Function::EqHist || self.span.needs_histogram()
    }

    /// The smallest count of that unit that is drawn.
    pub fn least(&self, unit: Unit) -> u32 {
        drawn(self.min_count, unit)
    }

    /// The colour that pixels at a position along the colormap are drawn with.
    pub fn drawn(&self, position: f64) -> [u8; 4] {
        let colour = self.colormap.at(position);
        self.background.map_or(colour, |base| over(colour, base))
    }

    /// The looks of all zooms in `stats`, indexed by zoom, as are `histograms` where
    /// [needed](Self::needs_histogram); `zooms` are those that are shown.
    pub fn looks(&self, stats: &[ZoomStats], histograms: &[Histogram], zooms: ZoomRange) -> Vec<Look<'_>> {
        let spans = self.span.spans(stats, histograms, zooms, self.min_count);
        stats
            .iter()
            .zip(spans)
            .enumerate()
            .map(|(z, (stats, span))| self.look(z, stats, span, histograms, zooms))
            .collect()
    }

    fn look(&self, z: usize, stats: &ZoomStats, span: Span, histograms: &[Histogram], zooms: ZoomRange) -> Look<'_> {
        let least = self.least(stats.unit);
        let empty = Histogram::default();
        let own = histograms.get(z).unwrap_or(&empty);
        let scale = match self.function {
            Function::EqHist if self.span == SpanRule::All => {
                let mut all = Histogram::default();
                zooms.iter().filter_map(|z| histograms.get(usize::from(z))).for_each(|h| all.merge(h));
                Scale::equalised(&all, span, least)
            }
            Function::EqHist => Scale::equalised(own, span, least),
            function => Scale::new(function, span, stats.unit),
        };
        let clipped = Clipped {
            below: own.iter().filter(|&(count, _)| count >= least && count < span.lo).map(|(_, pixels)| pixels).sum(),
            above: span.hi.checked_add(1).map_or(0, |first| own.pixels(first.max(least))),
        };
        let shading = Shading { scale, colormap: &self.colormap, least };
        let limit = if self.truecolor { WIDE_LIMIT } else { DISTINCT_LIMIT };
        let table = ShadeTable::new(stats, &shading, limit);
        let table = match self.background {
            Some(colour) => table.over(colour),
            None => table,
        };
        Look { shading, table, clipped, unit: stats.unit }
    }
}
