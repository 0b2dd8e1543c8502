//! Shapes of synthetic points, for benchmarks: the same country in order of position, a few places that nearly all
//! points share, and no pattern at all.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::Place;
use super::country::Country;

/// How synthetic points lie and in which order they come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// Towns, roads, countryside and hot spots, in a random order.
    #[default]
    Towns,
    /// The same, by latitude in steps of a hundredth of a degree and then by longitude. All points are held in memory,
    /// 8 bytes each.
    Sorted,
    /// Nine of ten points on four places that are neighbours on most maps, the others as in `Towns`.
    Hot,
    /// Evenly over the box around the country.
    Uniform,
}

/// Millionths of a degree from west to east and from south to north.
const BOX: ([i32; 2], [i32; 2]) = ([-8_200_000, 1_800_000], [49_900_000, 58_700_000]);
/// In the middle of London: four pixels at zoom 10 and beyond, one at low zooms.
const HOT: [Place; 4] = [
    Place { lon: -127_600, lat: 51_507_200 },
    Place { lon: -126_000, lat: 51_507_200 },
    Place { lon: -127_600, lat: 51_508_200 },
    Place { lon: -126_000, lat: 51_508_200 },
];

/// One point of a shape that needs no order.
pub(super) fn draw(shape: Shape, country: &Country, rng: &mut ChaCha8Rng) -> Place {
    match shape {
        Shape::Towns | Shape::Sorted => super::draw(country, rng),
        Shape::Hot => {
            let word = rng.next_u32();
            if word % 10 < 9 { HOT[(word >> 16) as usize % 4] } else { super::draw(country, rng) }
        }
        Shape::Uniform => {
            let word = rng.next_u64();
            let within = |[from, to]: [i32; 2], part: u32| from + ((u64::from(part) * (to - from) as u64) >> 32) as i32;
            Place { lon: within(BOX.0, word as u32), lat: within(BOX.1, (word >> 32) as u32) }
        }
    }
}

/// Where a place stands in the order of `Sorted`, and the place back from it.
pub(super) fn key(place: Place) -> u64 {
    let (lat, lon) = (i64::from(place.lat) + 90_000_000, i64::from(place.lon) + 180_000_000);
    let (step, rest) = (lat as u64 / 10_000, lat as u64 % 10_000);
    step << 48 | (lon as u64) << 16 | rest
}

/// The place of a [`key`].
pub(super) fn place(key: u64) -> Place {
    let lat = (key >> 48) * 10_000 + (key & 0xffff);
    Place { lon: (key >> 16 & 0xffff_ffff) as i32 - 180_000_000, lat: lat as i32 - 90_000_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_in_order() {
        let places = [(-180_000_000, -90_000_000), (5, 51_509_999), (-5, 51_510_000), (180_000_000, 90_000_000)];
        let places = places.map(|(lon, lat)| Place { lon, lat });
        let keys = places.map(key);
        assert!(keys.is_sorted());
        assert_eq!(keys.map(place), places);
    }
}
