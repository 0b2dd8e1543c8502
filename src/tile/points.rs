//! Points on their way, with what belongs to each: parallel columns, so that nobody pays for what was not asked for.

use super::WorldPoint;

/// Points with what belongs to each of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Points<'a> {
    /// Where they are.
    pub places: &'a [WorldPoint],
    /// What each weighs, in steps; empty where nobody asked for weights.
    pub weights: &'a [i64],
    /// Which key each has, as its source numbers them; empty where nobody asked for keys.
    pub keys: &'a [u16],
}

impl<'a> Points<'a> {
    /// Places and nothing else.
    pub fn of(places: &'a [WorldPoint]) -> Self {
        Self { places, ..Self::default() }
    }

    /// Places, and a weight for each.
    pub fn weighed(places: &'a [WorldPoint], weights: &'a [i64]) -> Self {
        Self { places, weights, keys: &[] }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether each has a weight, or none, and each a key, or none.
    pub fn is_parallel(&self) -> bool {
        let fits = |len: usize| len == 0 || len == self.places.len();
        fits(self.weights.len()) && fits(self.keys.len())
    }
}

/// The same, to be filled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PointBuffer {
    /// Where they are.
    pub places: Vec<WorldPoint>,
    /// What each weighs, if anything.
    pub weights: Vec<i64>,
    /// Which key each has, if any.
    pub keys: Vec<u16>,
}

impl PointBuffer {
    /// What it holds.
    pub fn points(&self) -> Points<'_> {
        Points { places: &self.places, weights: &self.weights, keys: &self.keys }
    }

    /// Points in it.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Takes all points out and keeps the room.
    pub fn clear(&mut self) {
        self.places.clear();
        self.weights.clear();
        self.keys.clear();
    }

    /// Gives back what room is not used.
    pub fn shrink(&mut self) {
        self.places.shrink_to_fit();
        self.weights.shrink_to_fit();
        self.keys.shrink_to_fit();
    }

    /// Adds points.
    pub fn extend(&mut self, points: Points<'_>) {
        self.places.extend_from_slice(points.places);
        self.weights.extend_from_slice(points.weights);
        self.keys.extend_from_slice(points.keys);
    }

    /// Adds those points that `place` has a place for, which it may change.
    pub fn extend_by(&mut self, points: Points<'_>, mut place: impl FnMut(WorldPoint) -> Option<WorldPoint>) {
        if points.weights.is_empty() && points.keys.is_empty() {
            self.places.extend(points.places.iter().filter_map(|&point| place(point)));
            return;
        }
        for (at, &point) in points.places.iter().enumerate() {
            if let Some(point) = place(point) {
                self.places.push(point);
                self.weights.extend(points.weights.get(at));
                self.keys.extend(points.keys.get(at));
            }
        }
    }

    /// Keeps those points whose place `keep` wants.
    pub fn retain(&mut self, keep: impl Fn(WorldPoint) -> bool) {
        if self.weights.is_empty() && self.keys.is_empty() {
            self.places.retain(|point| keep(*point));
            return;
        }
        let mut kept = 0;
        for at in 0..self.places.len() {
            if keep(self.places[at]) {
                self.places[kept] = self.places[at];
                if let Some(weight) = self.weights.get(at).copied() {
                    self.weights[kept] = weight;
                }
                if let Some(key) = self.keys.get(at).copied() {
                    self.keys[kept] = key;
                }
                kept += 1;
            }
        }
        self.places.truncate(kept);
        self.weights.truncate(kept);
        self.keys.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_point_stays_with_it() {
        let place = |x: u32| WorldPoint { x, y: 2 * x };
        for (weighed, keyed) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut all = PointBuffer::default();
            for x in 0..100u32 {
                let weight = if weighed { vec![i64::from(x) - 50] } else { Vec::new() };
                let key = if keyed { vec![x as u16 + 7] } else { Vec::new() };
                all.extend(Points { places: &[place(x)], weights: &weight, keys: &key });
            }
            assert!(all.points().is_parallel());
            let mut some = PointBuffer::default();
            some.extend_by(all.points(), |point| (point.x % 3 == 0).then_some(point));
            all.retain(|point| point.x % 3 == 0);
            assert_eq!(some, all);
            assert_eq!(
                (all.len(), all.weights.len(), all.keys.len()),
                (34, 34 * usize::from(weighed), 34 * usize::from(keyed))
            );
            for (at, point) in all.places.iter().enumerate() {
                assert_eq!(*point, place(3 * at as u32));
                assert!(all.weights.get(at).is_none_or(|weight| *weight == i64::from(point.x) - 50));
                assert!(all.keys.get(at).is_none_or(|key| u32::from(*key) == point.x + 7));
            }
            all.clear();
            assert!(all.is_empty() && all.points().is_empty() && all.points().is_parallel());
        }
    }
}
