//! The metadata that is written beside or into a tile set. The same input gives the same text: no time, path, adapter
//! or backend. What the `heat` object holds is decided by whoever knows the counts, its form by `heat`.

use super::Form;
use crate::heat::{Attribution, Center, Heat, List, METADATA_LIMIT, Text, TileJson, Word};
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
    /// What it shows, for people.
    pub description: Option<&'a str>,
    /// What the tiles are as files.
    pub form: Form,
    /// Where the tiles will be served; without it their addresses are relative.
    pub base_url: Option<&'a str>,
    /// Whom to thank for the points, as HTML.
    pub attribution: Option<&'a str>,
    /// Points used, rows left out, function, and per zoom span, largest count and colour stops.
    pub heat: Heat,
}

impl TileSet<'_> {
    /// The TileJSON object.
    pub fn metadata(self) -> TileJson {
        let LonLatBounds { west, south, east, north } = self.bounds;
        let Form { format, scheme, size, retina } = self.form;
        let base = self.base_url.map_or_else(String::new, |url| url.trim_end_matches('/').to_owned() + "/");
        let tiles = format!("{base}{{z}}/{{x}}/{{y}}.{format}");
        TileJson {
            tilejson: Some(Word::cut("3.0.0")),
            name: Some(Text::cut(self.name)),
            description: self.description.map(Text::cut),
            attribution: self.attribution.and_then(Attribution::read),
            tiles: Some(List::from_iter([Text::cut(tiles)])),
            scheme: Some(Word::cut(scheme.to_string())),
            minzoom: Some(self.zooms.min),
            maxzoom: Some(self.zooms.max),
            bounds: Some([west, south, east, north]),
            center: Some(self.center()),
            format: Some(Word::cut(format.ending())),
            tile_size: Some(size.side()),
            map_size: Some(size.side()),
            retina: retina.then_some(true),
            generator: Some(Word::cut(format!("{GENERATOR} {}", env!("CARGO_PKG_VERSION")))),
            heat: Some(self.heat),
            ..TileJson::default()
        }
    }

    /// Middle of the first view as the map shows it, and the highest zoom at which that view fits a usual window.
    fn center(&self) -> Center {
        const WINDOW: (f64, f64) = (1024.0, 768.0);
        let LonLatBounds { west, south, east, north } = self.bounds;
        let [west, south, east, north] = self.heat.view.map_or([west, south, east, north], |view| view.bounds);
        // Across the antimeridian the east lies a turn further on.
        let east = if west > east { east + 360.0 } else { east };
        let (top, bottom) = (row(north) / STEPS, row(south) / STEPS);
        let size = |z: u8| f64::from(self.form.size.side()) * f64::from(1u32 << z);
        let fits = |z: &u8| (east - west) / 360.0 * size(*z) <= WINDOW.0 && (bottom - top) * size(*z) <= WINDOW.1;
        let zoom = self.zooms.iter().rev().find(fits).unwrap_or(self.zooms.min);
        let round = |v: f64| (v * 1e6).round() / 1e6;
        let middle = f64::midpoint(west, east);
        let middle = if middle > 180.0 { middle - 360.0 } else { middle };
        Center(round(middle), round(latitude(f64::midpoint(top, bottom) * STEPS)), zoom)
    }
}

/// Whether metadata, read from its beginning as far as `text` goes, says that tilefire made the tile set.
pub fn names_tilefire(text: &[u8]) -> bool {
    text.len() <= METADATA_LIMIT && TileJson::read(text).is_some_and(|t| t.tile_json.program() == Some(GENERATOR))
}

/// Whether a program's name, with its version, is ours.
#[cfg(feature = "mbtiles")]
pub(crate) fn made_by(program: &str) -> bool {
    program.split(' ').next() == Some(GENERATOR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::{Scheme, TileSize};
    use crate::encode::Format;

    fn tile_set(base_url: Option<&str>) -> TileJson {
        let bounds = LonLatBounds { west: -0.3, south: 51.4, east: 0.1, north: 51.6 };
        let zooms = ZoomRange { min: 0, max: 14 };
        let heat = crate::heat::tests::small();
        set("points", zooms, bounds, base_url, heat).metadata()
    }

    fn set<'a>(
        name: &'a str,
        zooms: ZoomRange,
        bounds: LonLatBounds,
        base_url: Option<&'a str>,
        heat: Heat,
    ) -> TileSet<'a> {
        let form = Form::default();
        TileSet { name, zooms, bounds, description: None, form, base_url, attribution: None, heat }
    }

    fn address(set: &TileJson) -> &str {
        set.tiles.as_ref().and_then(|tiles| tiles.first()).unwrap()
    }

    #[test]
    fn addresses_are_relative_without_a_base() {
        assert_eq!(address(&tile_set(None)), "{z}/{x}/{y}.png");
        assert_eq!(address(&tile_set(Some("https://a.org/t/"))), "https://a.org/t/{z}/{x}/{y}.png");
    }

    #[test]
    fn addresses_and_sizes_are_those_of_the_files() {
        let bounds = LonLatBounds { west: -0.3, south: 51.4, east: 0.1, north: 51.6 };
        let plain = set("n", ZoomRange { min: 0, max: 3 }, bounds, None, crate::heat::tests::small());
        let form = Form { format: Format::Webp, scheme: Scheme::Tms, ..Form::default() };
        let told = TileSet { form, description: Some("d"), ..plain }.metadata();
        assert_eq!(address(&told), "{z}/{x}/{y}.webp");
        assert_eq!((told.scheme.as_deref(), told.format.as_deref()), (Some("tms"), Some("webp")));
        assert_eq!((told.tile_size, told.map_size, told.description.as_deref()), (Some(256), Some(256), Some("d")));
        assert_eq!(told.retina, None);
        let bounds = LonLatBounds { west: -0.3, south: 51.4, east: 0.1, north: 51.6 };
        let zooms = ZoomRange { min: 0, max: 14 };
        let of = |form| TileSet { form, ..set("n", zooms, bounds, None, crate::heat::tests::small()) }.metadata();
        let large = of(Form { size: TileSize::Large, ..Form::default() });
        assert_eq!((large.tile_size, large.map_size), (Some(512), Some(512)));
        // A view has as many pixels one zoom earlier.
        assert_eq!(large.center.unwrap().2, of(Form::default()).center.unwrap().2 - 1);
        assert_eq!(of(Form { retina: true, ..Form::default() }).retina, Some(true));
    }

    #[test]
    fn the_center_is_in_the_box_and_the_zoom_shows_all_of_it() {
        let Center(lon, lat, zoom) = tile_set(None).center.unwrap();
        assert!((lon + 0.1).abs() < 1e-9 && (lat - 51.5).abs() < 0.001);
        assert_eq!(zoom, 11);
    }

    #[test]
    fn the_center_is_that_of_the_first_view() {
        let bounds = LonLatBounds { west: -180.0, south: -60.0, east: 180.0, north: 60.0 };
        let view = |bounds| Some(crate::heat::View { bounds, points: 3, far: None });
        let center = |box_of_view| {
            let heat = Heat { view: view(box_of_view), ..crate::heat::tests::small() };
            let zooms = ZoomRange { min: 0, max: 14 };
            set("n", zooms, bounds, None, heat).center()
        };
        let Center(lon, lat, zoom) = center([177.0, -19.0, -178.0, -16.0]);
        assert!((lon - 179.5).abs() < 1e-6 && (lat + 17.5).abs() < 0.1 && zoom == 8, "{lon} {lat} {zoom}");
        let Center(lon, _, zoom) = center([170.0, -19.0, -150.0, -16.0]);
        assert!((lon + 170.0).abs() < 1e-6 && zoom == 5, "{lon} {zoom}");
    }

    #[test]
    fn only_our_own_name_counts() {
        assert!(names_tilefire(&serde_json::to_vec(&tile_set(None)).unwrap()));
        assert!(names_tilefire(br#"{"generator": "tilefire 0.1.0", "heat": {"version": "0.1.0"}}"#));
        for other in ["{}", r#"{"generator": "tilefireworks 1"}"#, r#"{"generator": 3}"#, "[]", ""] {
            assert!(!names_tilefire(other.as_bytes()), "{other}");
        }
    }
}
