//! The metadata of a tile set: TileJSON 3.0.0 with what tilefire adds to it. The same input gives the same text:
//! no time, path, adapter or backend. What the `heat` object holds is decided by whoever knows the counts.

use serde_json::{Value, json};

use crate::tile::mercator::{STEPS, latitude, row};
use crate::tile::{LonLatBounds, ZoomRange};

const GENERATOR: &str = "tilefire";

/// What is said about a whole tile set.
#[derive(Debug, Clone)]
pub struct TileSet<'a> {
    /// A name for people.
    pub name: &'a str,
    /// Zooms that were made.
    pub zooms: ZoomRange,
    /// Box around all points.
    pub bounds: LonLatBounds,
    /// Pixels along one side of a tile.
    pub tile_size: u32,
    /// Where the tiles will be served; without it their addresses are relative.
    pub base_url: Option<&'a str>,
    /// Whom to thank for the points.
    pub attribution: Option<&'a str>,
    /// Points used, rows left out, function, and per zoom span, largest count and colour stops.
    pub heat: Value,
}

impl TileSet<'_> {
    /// The TileJSON object.
    pub fn metadata(&self) -> Value {
        let LonLatBounds { west, south, east, north } = self.bounds;
        let tiles = match self.base_url {
            Some(url) => format!("{}/{{z}}/{{x}}/{{y}}.png", url.trim_end_matches('/')),
            None => "{z}/{x}/{y}.png".to_owned(),
        };
        let mut value = json!({
            "tilejson": "3.0.0",
            "name": self.name,
            "tiles": [tiles],
            "scheme": "xyz",
            "minzoom": self.zooms.min,
            "maxzoom": self.zooms.max,
            "bounds": [west, south, east, north],
            "center": self.center(),
            "format": "png",
            "tile_size": self.tile_size,
            "generator": format!("{GENERATOR} {}", env!("CARGO_PKG_VERSION")),
            "heat": self.heat,
        });
        if let Some(attribution) = self.attribution {
            value["attribution"] = attribution.into();
        }
        value
    }

    /// Middle of the box as the map shows it, and the highest zoom at which the box fits a usual window.
    fn center(&self) -> Value {
        const WINDOW: (f64, f64) = (1024.0, 640.0);
        let LonLatBounds { west, south, east, north } = self.bounds;
        let (top, bottom) = (row(north) / STEPS, row(south) / STEPS);
        let size = |z: u8| f64::from(256u32) * f64::from(1u32 << z);
        let fits = |z: &u8| (east - west) / 360.0 * size(*z) <= WINDOW.0 && (bottom - top) * size(*z) <= WINDOW.1;
        let zoom = self.zooms.iter().rev().find(fits).unwrap_or(self.zooms.min);
        let round = |v: f64| (v * 1e6).round() / 1e6;
        json!([round((west + east) / 2.0), round(latitude((top + bottom) / 2.0 * STEPS)), zoom])
    }
}

/// Whether a metadata object says that tilefire made the tile set.
pub fn names_tilefire(metadata: &Value) -> bool {
    let generator = metadata.get("generator").and_then(Value::as_str).unwrap_or_default();
    generator.split(' ').next() == Some(GENERATOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile_set(base_url: Option<&str>) -> Value {
        let bounds = LonLatBounds { west: -0.3, south: 51.4, east: 0.1, north: 51.6 };
        let zooms = ZoomRange { min: 0, max: 14 };
        TileSet {
            name: "points",
            zooms,
            bounds,
            tile_size: 256,
            base_url,
            attribution: None,
            heat: json!({"points": 3}),
        }
        .metadata()
    }

    #[test]
    fn addresses_are_relative_without_a_base() {
        assert_eq!(tile_set(None)["tiles"], json!(["{z}/{x}/{y}.png"]));
        assert_eq!(tile_set(Some("https://a.org/t/"))["tiles"], json!(["https://a.org/t/{z}/{x}/{y}.png"]));
    }

    #[test]
    fn the_center_is_in_the_box_and_the_zoom_shows_all_of_it() {
        let center = tile_set(None)["center"].clone();
        assert_eq!(center[0], json!(-0.1));
        assert!((center[1].as_f64().unwrap() - 51.5).abs() < 0.001);
        assert_eq!(center[2], json!(11));
    }

    #[test]
    fn only_our_own_name_counts() {
        assert!(names_tilefire(&tile_set(None)));
        for other in [json!({}), json!({"generator": "tilefireworks 1"}), json!({"generator": 3}), json!([])] {
            assert!(!names_tilefire(&other), "{other}");
        }
    }
}
