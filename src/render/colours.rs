//! From counted zooms to their colours: how far each zoom's pixels reach, what counts that makes, and the tables. The
//! same steps for tiles, pictures, dry runs and benchmarks.

use crate::backend::{Paint, SpreadZoom, TileSink};
use crate::counts::ZoomStats;
use crate::error::{Error, Result};
use crate::shade::{Look, Radius, ShadeTable, Style, auto_radius, grouped, people};
use crate::tile::ZoomRange;

/// What tiles are coloured with; everything is indexed by zoom.
#[derive(Debug)]
pub(crate) struct Coloured<'a> {
    /// Spread radii in pixels.
    pub(crate) radii: Vec<u32>,
    /// Statistics of the counts that are coloured: those of the spread pixels where a kernel makes new counts.
    pub(crate) stats: Vec<ZoomStats>,
    /// Formulas and tables.
    pub(crate) looks: Vec<Look<'a>>,
    /// The zooms to be painted, in ascending order.
    spread: Vec<SpreadZoom>,
}

impl Coloured<'_> {
    /// The tables, as a backend takes them.
    pub(crate) fn tables(&self) -> Vec<ShadeTable> {
        self.looks.iter().map(|look| look.table.clone()).collect()
    }

    /// Paints all zooms that were asked for; what spreading made of one goes as soon as it is painted.
    pub(crate) fn paint(&mut self, paint: &dyn Paint, sink: &dyn TileSink) -> Result<()> {
        self.spread.drain(..).try_for_each(|zoom| {
            let look = self.looks.get(usize::from(zoom.z()));
            let look = look.ok_or_else(|| Error::Internal(format!("no colours for zoom {}", zoom.z())))?;
            paint.tiles(&zoom, &look.table, sink)
        })
    }

    /// What a person should know about the colours of `zooms`.
    pub(crate) fn notices(&self, style: &Style, zooms: ZoomRange) -> Vec<String> {
        self.nothing_drawn(style, zooms).into_iter().chain(self.too_few(zooms)).collect()
    }

    fn too_few(&self, zooms: ZoomRange) -> Option<String> {
        let shown = zooms.iter().filter_map(|z| self.looks.get(usize::from(z)));
        let worst = shown.map(|look| look.table.error).max().filter(|&worst| worst > 2)?;
        Some(format!(
            "255 colours are too few for this colormap: they are off by up to {worst} of 255; --truecolor is exact"
        ))
    }

    fn nothing_drawn(&self, style: &Style, zooms: ZoomRange) -> Option<String> {
        let shown = || zooms.iter().filter_map(|z| self.stats.get(usize::from(z)));
        if shown().any(|stats| u64::from(stats.max) >= style.least(stats.unit)) {
            return None;
        }
        let most = shown().map(|stats| stats.unit.points(stats.max)).fold(0.0, f64::max);
        let spread = if style.spread.most() > 0 { " after spread" } else { "" };
        let (least, most) = (grouped(style.min_count.into()), people(most));
        Some(format!(
            "nothing is drawn: no pixel has {least} points (--min-count); the largest count{spread} is {most}"
        ))
    }
}

/// Spreads the zooms asked for and finds their colours.
pub(crate) fn colour<'a>(paint: &dyn Paint, style: &'a Style, zooms: ZoomRange) -> Result<Coloured<'a>> {
    let mut stats = paint.stats().to_vec();
    let mut radii = vec![0; stats.len()];
    let mut spread = Vec::new();
    for z in zooms.iter() {
        let radius = match style.spread.radius {
            Radius::Fixed(radius) => radius,
            Radius::Auto => auto_radius(&paint.isolation(z, style.min_count)?),
        };
        let (Some(radius_of_zoom), Some(stats)) = (radii.get_mut(usize::from(z)), stats.get_mut(usize::from(z))) else {
            return Err(Error::Internal(format!("zoom {z} was not counted")));
        };
        *radius_of_zoom = radius;
        let zoom = paint.spread(z, &style.kernel(radius, stats.max))?;
        *stats = zoom.stats().clone();
        spread.push(zoom);
    }
    let looks = style.looks(&stats, zooms, |z| {
        let zoom = spread.iter().find(|zoom| zoom.z() == z);
        paint.histogram(zoom.ok_or_else(|| Error::Internal(format!("zoom {z} was not spread")))?)
    })?;
    Ok(Coloured { radii, stats, looks, spread })
}
