//! What a file of counts says of itself: which zoom, what its pixels hold, which planes there are, and what they come to.

use serde::{Deserialize, Serialize};

use crate::counts::{Histogram, Holds, Step, ZoomStats};
use crate::error::Result;

/// What counts are of. Files can be added up where they have this in common, the zoom apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The zoom whose pixels were counted; those of lower ones are sums of them.
    pub zoom: u8,
    /// What is added up beside points, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// What the planes are by; without it there is one plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// The planes, one for each value of the key in order.
    pub planes: Vec<Part>,
}

/// A weight whose sums a pixel holds beside its points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// Its column, as the input names it.
    pub column: String,
    /// What one unit of a sum is worth, as a plain decimal.
    pub step: String,
}

impl Weight {
    /// What one unit of a sum is worth; `None` where that is no step.
    pub fn step(&self) -> Option<Step> {
        self.step.parse().ok()
    }
}

/// What planes are by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// A column, or a part of a time in one, such as `hour(time)`.
    pub by: String,
    /// Whether the values were named before, and the last plane holds all others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named: bool,
}

/// A plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The value of the key; "count" where there is none.
    pub name: String,
    /// How the numbers of four pixels become that of their parent.
    pub operator: String,
    /// What its pixels hold: "count", or "count" and "sum".
    pub holds: Vec<String>,
}

impl Part {
    /// A plane of that name.
    pub fn new(name: impl Into<String>, holds: Holds) -> Self {
        let count = || "count".to_owned();
        let holds = match holds {
            Holds::Counts => vec![count()],
            Holds::Sums => vec![count(), "sum".to_owned()],
        };
        Self { name: name.into(), operator: "sum".into(), holds }
    }
}

impl About {
    /// Points alone, or points and a weight, without a key.
    pub fn plain(zoom: u8, weight: Option<Weight>) -> Self {
        let holds = if weight.is_some() { Holds::Sums } else { Holds::Counts };
        Self { zoom, weight, key: None, planes: vec![Part::new("count", holds)] }
    }

    /// What its pixels hold.
    pub fn holds(&self) -> Holds {
        if self.weight.is_some() { Holds::Sums } else { Holds::Counts }
    }

    /// Whether all it says fits together; what is wrong where it does not.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        if self.zoom > crate::tile::MAX_ZOOM {
            return Err(format!("its zoom is {}, and the highest is {}", self.zoom, crate::tile::MAX_ZOOM));
        }
        // A share of rows that has none knows no values.
        if (self.planes.is_empty() && self.key.is_none()) || self.planes.len() > usize::from(u16::MAX) {
            return Err(format!("it has {} planes", self.planes.len()));
        }
        if let Some(weight) = &self.weight
            && weight.step().is_none()
        {
            return Err(format!("'{}' is no step of weights", weight.step));
        }
        let holds = Part::new("", self.holds()).holds;
        if let Some(part) = self.planes.iter().find(|part| part.operator != "sum" || part.holds != holds) {
            return Err(format!("its plane '{}' holds something else than counts and sums", part.name));
        }
        if self.key.is_none() && self.planes.len() > 1 {
            return Err("it has several planes and no key".into());
        }
        Ok(())
    }
}

/// What one zoom of a plane comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoomSums {
    /// By its place among the planes.
    pub plane: u16,
    /// Which zoom.
    pub zoom: u8,
    /// Tiles with a lit pixel.
    pub tiles: u64,
    /// Lit pixels.
    pub lit: u64,
    /// Points of the strongest one.
    pub max: u32,
    /// Points of all.
    pub points: u64,
    /// How many pixels have so many points: points and pixels by turns, each the distance of the points from those before,
    /// ascending. Enough for spans and equal areas without looking at tiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histogram: Vec<u64>,
}

impl ZoomSums {
    /// Of a zoom that comes to `stats` and has so many pixels of each count.
    pub(super) fn new(plane: u16, zoom: u8, stats: &ZoomStats, histogram: &Histogram) -> Result<Self> {
        let (mut entries, mut before) = (Vec::new(), 0);
        for entry in histogram.entries()? {
            let (count, pixels) = entry?;
            entries.extend([u64::from(count - before), pixels]);
            before = count;
        }
        let ZoomStats { lit, max, tiles, sum, .. } = *stats;
        Ok(Self { plane, zoom, tiles, lit, max, points: sum, histogram: entries })
    }

    /// Its histogram again; `None` where it holds no such thing.
    pub fn histogram(&self) -> Option<Histogram> {
        let (pairs, rest) = self.histogram.as_chunks::<2>();
        let (mut histogram, mut count) = (Histogram::default(), 0u64);
        for &[step, pixels] in pairs {
            count = count.checked_add(step)?;
            histogram.add(u32::try_from(count).ok().filter(|count| *count > 0)?, pixels);
        }
        rest.is_empty().then(|| histogram.settled())
    }
}
