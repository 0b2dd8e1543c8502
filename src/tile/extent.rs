//! The box around all points, and what it is in degrees for people and for metadata.

use super::WorldPoint;
use super::mercator::{latitude, longitude};

/// Smallest box of world positions around the points; empty until one is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// West and north, included.
    pub min: WorldPoint,
    /// East and south, included.
    pub max: WorldPoint,
}

impl Default for Extent {
    fn default() -> Self {
        Self { min: WorldPoint { x: u32::MAX, y: u32::MAX }, max: WorldPoint { x: 0, y: 0 } }
    }
}

/// A box in degrees.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct LonLatBounds {
    /// Western longitude.
    pub west: f64,
    /// Southern latitude.
    pub south: f64,
    /// Eastern longitude.
    pub east: f64,
    /// Northern latitude.
    pub north: f64,
}

impl Extent {
    /// Whether no point was added.
    pub fn is_empty(&self) -> bool {
        self.min.x > self.max.x
    }

    /// Grows the box to hold `p`.
    #[inline]
    pub fn add(&mut self, p: WorldPoint) {
        self.min.x = self.min.x.min(p.x);
        self.min.y = self.min.y.min(p.y);
        self.max.x = self.max.x.max(p.x);
        self.max.y = self.max.y.max(p.y);
    }

    /// Grows the box to hold `other`.
    pub fn merge(&mut self, other: &Self) {
        if !other.is_empty() {
            self.add(other.min);
            self.add(other.max);
        }
    }

    /// The box in degrees, rounded outwards to six decimals; `None` when empty.
    pub fn bounds(&self) -> Option<LonLatBounds> {
        if self.is_empty() {
            return None;
        }
        let down = |v: f64| (v * 1e6).floor() / 1e6;
        let up = |v: f64| (v * 1e6).ceil() / 1e6;
        Some(LonLatBounds {
            west: down(longitude(f64::from(self.min.x))),
            south: down(latitude(f64::from(self.max.y) + 1.0)),
            east: up(longitude(f64::from(self.max.x) + 1.0)).min(180.0),
            north: up(latitude(f64::from(self.min.y))),
        })
    }
}
