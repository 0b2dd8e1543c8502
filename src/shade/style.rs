//! Everything a person chooses about the looks of a tile set, and what follows from it for every zoom: its kernel, its
//! span, its formula and its table. Reading and counting know nothing of it.

use std::iter::Peekable;

use super::measured::{self, Weighing};
use super::span::drawn;
use super::{
    Colormap, Form, Function, Kernel, Scale, ShadeTable, Shading, Span, SpanRule, Spread, SpreadOn, SpreadOp, Theme,
    WIDE_LIMIT, over,
};
use crate::counts::{DISTINCT_LIMIT, Histogram, Unit, ZoomStats, level};
use crate::error::Result;
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
    /// An opaque colour below all others and between them; tiles without points are left out all the same.
    pub background: Option<[u8; 3]>,
    /// Whether every pixel has its exact colour instead of one of 255.
    pub truecolor: bool,
    /// How lit pixels reach their neighbours.
    pub spread: Spread,
    /// Whether they do so before they are coloured or after; colours take a mask and 32 bits a pixel.
    pub spread_on: SpreadOn,
    /// Whether bells fade in from nothing to their middle; for colormaps whose alpha does not fall.
    pub fade_in: bool,
    /// What is drawn of the weights of points; `None` where points are counted.
    pub weighing: Option<Weighing>,
    /// The colours where sums are below 0, unless a person chose some.
    pub diverging: Option<Colormap>,
}

/// Steps of alpha that bells of a measure have: with a palette no alpha is off by more than [`SMOOTH_ERROR`](super::SMOOTH_ERROR).
const FADES: u16 = 8;
/// The same in full colour.
const WIDE_FADES: u16 = 32;

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
            spread_on: SpreadOn::default(),
            fade_in: false,
            weighing: None,
            diverging: None,
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
    pub fn points(&self, count: impl Into<u64>) -> f64 {
        self.unit.points(count)
    }

    /// The same as people write it.
    pub fn told(&self, count: impl Into<u64>) -> f64 {
        self.unit.told(count)
    }

    /// The smallest count of the span at or past a position along the colormap.
    pub fn count_at(&self, position: f64) -> u64 {
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
        let given = self.weighing.is_some() && matches!(self.span, SpanRule::Fixed(_));
        self.function == Function::EqHist || self.span.needs_histogram() || given
    }

    /// The smallest count of that unit that is drawn. Of a measure all levels are: who makes them looks at the points.
    pub fn least(&self, unit: Unit) -> u64 {
        if unit.is_measure() { 1 } else { drawn(self.min_count, unit) }
    }

    /// Whether colours go from 0 both ways.
    pub fn is_diverging(&self) -> bool {
        self.weighing.as_ref().is_some_and(|weighing| weighing.diverging)
    }

    /// The style for a run whose zooms have these statistics, where it is another one: sums below 0 have colours that go
    /// both ways from 0, those a person chose if they are such.
    pub fn around_0(&self, stats: &[ZoomStats], zooms: ZoomRange) -> Option<Self> {
        let weighing = self.weighing.as_ref().filter(|weighing| weighing.measure.is_sum())?;
        let below = |z: u8| stats.get(usize::from(z)).is_some_and(|stats| (1..level::ZERO).contains(&stats.min));
        let colormap = self.diverging.as_ref().or(Some(&self.colormap).filter(|chosen| chosen.is_diverging()))?;
        if !zooms.iter().any(below) {
            return None;
        }
        let weighing = Some(Weighing { diverging: true, ..weighing.clone() });
        Some(Self { colormap: colormap.clone(), weighing, ..self.clone() })
    }

    /// The colour that pixels at a position along the colormap are drawn with.
    pub fn drawn(&self, position: f64) -> [u8; 4] {
        let colour = self.colormap.at(position);
        self.over_background(colour)
    }

    fn over_background(&self, colour: [u8; 4]) -> [u8; 4] {
        self.background.map_or(colour, |[r, g, b]| over(colour, 255, [r, g, b, 255]))
    }

    /// The exact colour that pixels of a count are drawn with.
    pub fn drawn_count(&self, look: &Look<'_>, count: u64) -> [u8; 4] {
        self.over_background(look.shading.colour(count))
    }

    /// The theme it was made for, or that its background is of.
    pub fn ground(&self) -> Option<Theme> {
        self.theme.or(self.background.map(Theme::of))
    }

    /// The kernel of a zoom whose largest count before spread is `max`, with the radius it was given: none where colours
    /// are spread, which counts know nothing of.
    pub fn kernel(&self, radius: u32, max: u32) -> Kernel {
        if radius == 0 || self.spread_on == SpreadOn::Colours {
            Kernel::none()
        } else {
            // Of a measure sums and counts are spread, which are moved up by nothing.
            self.spread.kernel(radius, if self.weighing.is_some() { 1 } else { max })
        }
    }

    /// Half-widths of the rows of the mask that colours of a zoom are spread by, from the middle outwards; `None` where
    /// they are not.
    pub fn colour_mask(&self, radius: u32) -> Option<Vec<u32>> {
        let mask = Spread { op: SpreadOp::Max, ..self.spread }.kernel(radius, 1).form;
        match mask {
            Form::Rows(rows) if self.spread_on == SpreadOn::Colours && radius > 0 => Some(rows),
            _ => None,
        }
    }

    /// The looks of all zooms in `stats`, indexed by zoom; `zooms` are those that are shown. `histogram` is asked for that
    /// of a zoom where [needed](Self::needs_histogram), at most twice.
    pub fn looks(
        &self,
        stats: &[ZoomStats],
        zooms: ZoomRange,
        mut histogram: impl FnMut(u8) -> Result<Histogram>,
    ) -> Result<Vec<Look<'_>>> {
        let empty = Histogram::default();
        let all = match (self.function, &self.span) {
            (Function::EqHist, SpanRule::All) => {
                let unit = |z: u8| stats.get(usize::from(z)).map_or(Unit::POINTS, |stats| stats.unit);
                Some(zooms.iter().map(|z| Ok((histogram(z)?, unit(z)))).collect::<Result<Vec<_>>>()?)
            }
            _ => None,
        };
        let needed = self.needs_histogram() && all.is_none();
        let look = |(z, of_zoom): (u8, &ZoomStats)| {
            let own = if needed && zooms.contains(z) { histogram(z)? } else { empty.clone() };
            let span = self.span_of((z, of_zoom), (stats, zooms), &own)?;
            self.look(of_zoom, span, &own, all.as_deref().filter(|_| zooms.contains(z)))
        };
        (0u8..).zip(stats).map(look).collect()
    }

    /// The look of zoom `z` on its own, where its span [compares](SpanRule::compares_zooms) no zooms. `histogram` is the
    /// zoom's where [needed](Self::needs_histogram).
    pub fn look_of(&self, z: u8, stats: &ZoomStats, histogram: &Histogram) -> Result<Look<'_>> {
        let span = self.span_of((z, stats), (&[], ZoomRange { min: z, max: z }), histogram)?;
        self.look(stats, span, histogram, None)
    }

    fn span_of(&self, own: (u8, &ZoomStats), all: (&[ZoomStats], ZoomRange), histogram: &Histogram) -> Result<Span> {
        match &self.weighing {
            Some(weighing) => measured::span(&self.span, own, all, histogram, weighing.diverging),
            None => self.span.span(own, all, histogram, self.min_count),
        }
    }

    /// The look of a zoom from its own histogram, and from the pixels of all zooms where those are equalised together.
    fn look(
        &self,
        stats: &ZoomStats,
        span: Span,
        own: &Histogram,
        all: Option<&[(Histogram, Unit)]>,
    ) -> Result<Look<'_>> {
        let least = self.least(stats.unit);
        let scale = match self.function {
            function if self.is_diverging() && function != Function::EqHist => {
                Scale::diverging(function, span, stats.unit)
            }
            Function::EqHist => match all {
                Some(all) => {
                    let pixels = |(histogram, unit): &(Histogram, Unit)| histogram.pixels(self.least(*unit), |_| true);
                    let sum = all.iter().map(pixels).sum::<Result<u64>>()?;
                    // In points, because the units of two zooms may differ.
                    let lists = all.iter().map(|(histogram, unit)| histogram.in_points(*unit, self.least(*unit)));
                    Scale::equalised(sum, ascending(lists.collect::<Result<_>>()?), span, stats.unit)?
                }
                None => {
                    let all = own.pixels(least, |_| true)?;
                    Scale::equalised(all, own.in_points(stats.unit, least)?, span, stats.unit)?
                }
            },
            function => Scale::new(function, span, stats.unit),
        };
        let scale = if self.is_diverging() { scale.around_0() } else { scale };
        let clipped = Clipped {
            below: own.pixels(least, |count| count < span.lo)?,
            above: own.pixels(least, |count| count > span.hi)?,
        };
        let bells = stats.unit.edge < stats.unit.lone;
        let fade = (self.fade_in && bells && !stats.unit.is_measure()).then_some(stats.unit);
        let shading = Shading { scale, colormap: &self.colormap, least, fade };
        let table = match bells {
            true if stats.unit.is_measure() && self.truecolor => {
                ShadeTable::faded(stats, &shading, WIDE_LIMIT, WIDE_FADES)
            }
            true if stats.unit.is_measure() => ShadeTable::faded(stats, &shading, DISTINCT_LIMIT, FADES),
            _ if self.truecolor => ShadeTable::new(stats, &shading, WIDE_LIMIT),
            true => ShadeTable::smooth(stats, &shading),
            false => ShadeTable::new(stats, &shading, DISTINCT_LIMIT),
        };
        let table = match self.background {
            // Colours are added up before anything lies behind them.
            Some(colour) if self.spread_on == SpreadOn::Counts => table.over(colour),
            _ => table,
        };
        Ok(Look { shading, table, clipped, unit: stats.unit })
    }
}

/// Several ascending lists as one.
fn ascending<I: Iterator<Item = Result<(f64, u64)>>>(lists: Vec<I>) -> impl Iterator<Item = Result<(f64, u64)>> {
    let mut lists: Vec<_> = lists.into_iter().map(Iterator::peekable).collect();
    std::iter::from_fn(move || {
        let points = |list: &mut Peekable<I>| match list.peek() {
            Some(Ok((points, _))) => Some(*points),
            // A failure is told at once.
            Some(Err(_)) => Some(f64::NEG_INFINITY),
            None => None,
        };
        let first = lists.iter_mut().enumerate().filter_map(|(at, list)| Some((points(list)?, at)));
        let (_, at) = first.min_by(|a, b| a.0.total_cmp(&b.0))?;
        lists.get_mut(at)?.next()
    })
}
