//! Where points must lie to be wanted: in a box, in an area, or in both. Both are decided in integers on the world's grid,
//! half-open: what lies on a border that two share belongs to one of them.

mod area;
mod read;

pub use area::Area;

use std::sync::Arc;

use crate::rows::Outside;
use crate::tile::{Frame, PointBuffer};

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
    pub fn keep(&self, points: &mut PointBuffer) -> Outside {
        let mut outside = Outside::default();
        if let Some(bbox) = self.bbox {
            let before = points.len();
            points.retain(|point| bbox.holds(point));
            outside.bbox = (before - points.len()) as u64;
        }
        if let Some(area) = &self.area {
            let before = points.len();
            points.retain(|point| area.holds(point));
            outside.area = (before - points.len()) as u64;
        }
        outside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tile::WorldPoint;

    #[test]
    fn what_is_outside_is_counted_once() {
        let bbox = Frame { west: 10, north: 10, width: 10, height: 10 };
        let area = Area::of(&[vec![vec![(0, 0), (15, 0), (15, 30), (0, 30)]]]);
        let region = Region { bbox: Some(bbox), area: Some(Arc::new(area)) };
        let places: Vec<WorldPoint> =
            [(5, 12), (12, 12), (15, 12), (14, 19), (14, 20)].map(|(x, y)| WorldPoint { x, y }).into();
        let mut points = PointBuffer { places: places.clone(), ..PointBuffer::default() };
        assert_eq!(region.keep(&mut points), Outside { bbox: 2, area: 1 });
        assert_eq!(points.places, [WorldPoint { x: 12, y: 12 }, WorldPoint { x: 14, y: 19 }]);
        let mut all = PointBuffer { places, weights: vec![1, 2, 3, 4, 5], keys: vec![9, 8, 7, 6, 5] };
        assert_eq!(region.keep(&mut all), Outside { bbox: 2, area: 1 });
        assert_eq!(all, PointBuffer { weights: vec![2, 4], keys: vec![8, 6], ..points });
        assert!(Region::default().is_everywhere());
    }
}
