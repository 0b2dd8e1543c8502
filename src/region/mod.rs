//! Where points must lie to be wanted: in a box, in an area, or in both. Both are decided in integers on the world's grid,
//! half-open: what lies on a border that two share belongs to one of them.

mod area;
mod read;

pub use area::Area;

use std::sync::Arc;

use crate::rows::Outside;
use crate::tile::{Frame, WorldPoint};

/// A part of the world.
#[derive(Debug, Clone, Default)]
pub struct Region {
    /// The box, if there is one.
    pub bbox: Option<Frame>,
    /// The area, if there is one.
    pub area: Option<Arc<Area>>,
}

impl Region {
    /// Whether all points lie in it.
    pub fn is_everywhere(&self) -> bool {
        self.bbox.is_none() && self.area.is_none()
    }

    /// Takes the points out that do not lie in it, and gives how many those are.
    pub fn keep(&self, points: &mut Vec<WorldPoint>, weights: &mut Vec<i64>) -> Outside {
        let mut outside = Outside::default();
        if let Some(bbox) = self.bbox {
            let before = points.len();
            retain(points, weights, |point| bbox.holds(point));
            outside.bbox = (before - points.len()) as u64;
        }
        if let Some(area) = &self.area {
            let before = points.len();
            retain(points, weights, |point| area.holds(point));
            outside.area = (before - points.len()) as u64;
        }
        outside
    }
}

/// Keeps some points, and their weights where they have any.
fn retain(points: &mut Vec<WorldPoint>, weights: &mut Vec<i64>, keep: impl Fn(WorldPoint) -> bool) {
    if weights.is_empty() {
        points.retain(|point| keep(*point));
        return;
    }
    let mut kept = 0;
    for at in 0..points.len().min(weights.len()) {
        if keep(points[at]) {
            (points[kept], weights[kept]) = (points[at], weights[at]);
            kept += 1;
        }
    }
    points.truncate(kept);
    weights.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_is_counted_once() {
        let bbox = Frame { west: 10, north: 10, width: 10, height: 10 };
        let area = Area::of(&[vec![vec![(0, 0), (15, 0), (15, 30), (0, 30)]]]);
        let region = Region { bbox: Some(bbox), area: Some(Arc::new(area)) };
        let mut points: Vec<WorldPoint> =
            [(5, 12), (12, 12), (15, 12), (14, 19), (14, 20)].map(|(x, y)| WorldPoint { x, y }).into();
        let mut weighed = points.clone();
        assert_eq!(region.keep(&mut points, &mut Vec::new()), Outside { bbox: 2, area: 1 });
        assert_eq!(points, [WorldPoint { x: 12, y: 12 }, WorldPoint { x: 14, y: 19 }]);
        let mut weights = vec![1, 2, 3, 4, 5];
        assert_eq!(region.keep(&mut weighed, &mut weights), Outside { bbox: 2, area: 1 });
        assert_eq!((weighed, weights), (points, vec![2, 4]));
        assert!(Region::default().is_everywhere());
    }
}
