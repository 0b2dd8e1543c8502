//! Where a map begins: the box that holds nearly all points, and what lies far away from it.

use serde::{Deserialize, Serialize};

/// The box that a map shows first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct View {
    /// West, south, east, north in degrees; west is larger than east where the box lies across the antimeridian.
    pub bounds: [f64; 4],
    /// Points in it.
    pub points: u64,
    /// What a person does not see there, where it lies so far away that the box would show little if it held it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub far: Option<Far>,
}

/// Points far from the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Far {
    /// How many points a box of twice the size would not hold either.
    pub points: u64,
    /// Longitude and latitude near the one that is farthest.
    pub place: (f64, f64),
}

/// As it was read, by anyone's hand.
#[derive(Deserialize)]
struct Unchecked {
    bounds: [f64; 4],
    points: u64,
    #[serde(default)]
    far: Option<Far>,
}

impl TryFrom<Unchecked> for View {
    type Error = &'static str;

    fn try_from(Unchecked { bounds, points, far }: Unchecked) -> Result<Self, Self::Error> {
        let is_place = |lon: f64, lat: f64| (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat);
        let [west, south, east, north] = bounds;
        let fits = is_place(west, south) && is_place(east, north) && south <= north;
        if fits && far.is_none_or(|far| is_place(far.place.0, far.place.1)) {
            Ok(Self { bounds, points, far })
        } else {
            Err("a view that is no place on earth")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_a_place_on_earth() {
        let read = |text: &str| serde_json::from_str::<View>(text);
        let fiji = read(r#"{"bounds": [177.0, -19.0, -178.0, -16.0], "points": 9}"#).unwrap();
        assert_eq!((fiji.bounds[0], fiji.far), (177.0, None));
        let far = read(r#"{"bounds": [0, 0, 1, 1], "points": 9, "far": {"points": 1, "place": [0, 51.5]}}"#).unwrap();
        let text = serde_json::to_string(&far).unwrap();
        assert_eq!(read(&text).unwrap(), far);
        for none in [
            r#"{"bounds": [0, 0, 181, 1], "points": 9}"#,
            r#"{"bounds": [0, 1, 1, 0], "points": 9}"#,
            r#"{"bounds": [0, 0, 1, 91], "points": 9}"#,
            r#"{"bounds": [0, 0, 1], "points": 9}"#,
            r#"{"bounds": [0, 0, 1, 1], "points": 9, "far": {"points": 1, "place": [0, 95]}}"#,
        ] {
            assert!(read(none).is_err(), "{none}");
        }
    }
}
