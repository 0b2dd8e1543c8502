//! TileJSON 3.0.0 with what tilefire adds to it, as one type. A field of the wrong kind counts as absent, because what
//! is read may be anyone's; fields that are not known are kept as text and passed on, as far as they are small.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Attribution, HIGHEST, Heat, List, Text, Word, loose};
use crate::tile::LonLatBounds;

/// Longest metadata that is read, in bytes without packing. Ours has some tens of kilobytes.
pub const METADATA_LIMIT: usize = 1 << 20;
/// Fields that are passed on although they are not known: how many, and bytes of all together.
const OTHERS: usize = 64;
const OTHERS_BYTES: usize = 64 << 10;
/// Largest side of a tile in pixels.
const SIDE: u32 = 4096;

/// The metadata of a tile set.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TileJson {
    /// Version of TileJSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tilejson: Option<Word>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<1024>>,
    /// What the set shows, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<4096>>,
    /// Whom to thank for the points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<Attribution>,
    /// Addresses of tiles with `{z}`, `{x}` and `{y}` in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiles: Option<List<Text<4096>, 16>>,
    /// Where row 0 is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Word>,
    /// Lowest zoom that has tiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minzoom: Option<u8>,
    /// Highest zoom that has tiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxzoom: Option<u8>,
    /// Box around all points: west, south, east, north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[f64; 4]>,
    /// Where a map begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub center: Option<Center>,
    /// What tiles are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Word>,
    /// Pixels along one side of a tile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tile_size: Option<u32>,
    /// Pixels of a map along one side of a tile, by which clients choose zooms: fewer than `tile_size` where tiles are
    /// made for dense windows.
    #[serde(rename = "tileSize", skip_serializing_if = "Option::is_none")]
    pub map_size: Option<u32>,
    /// Whether each tile has one of twice its pixels beside it, `{y}@2x`, made of pixels of the next zoom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retina: Option<bool>,
    /// The program that made the set, with its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<Word>,
    /// What the layer is to a map: "overlay" or "baselayer".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<Word>,
    /// Where the whole set can be had as one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pmtiles: Option<Text<4096>>,
    /// What its pixels are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heat: Option<Heat>,
    /// Fields that are not known here.
    #[serde(flatten)]
    pub others: Others,
}

type Fields = BTreeMap<String, Box<RawValue>>;

/// Fields that are passed on as they were read.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Others(Fields);

/// Longitude, latitude and zoom.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Center(pub f64, pub f64, pub u8);

/// Metadata that was read.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// What is believed.
    pub tile_json: TileJson,
    /// What is not, in a few words, where `heat` is there and cannot be.
    pub doubt: Option<String>,
}

impl TileJson {
    /// Reads what anyone may have written; `None` where it is no JSON object, or longer than [`METADATA_LIMIT`].
    pub fn read(text: &[u8]) -> Option<Told> {
        if text.len() > METADATA_LIMIT {
            return None;
        }
        let mut fields: Fields = serde_json::from_slice(text).ok()?;
        let number = |fields: &mut Fields, name: &str, most: u32| loose::whole(&fields.remove(name)?, most);
        let numbers = |fields: &mut Fields, name: &str| loose::numbers(&fields.remove(name)?);
        let zoom = |fields: &mut Fields, name: &str| number(fields, name, HIGHEST.into()).map(|z| z as u8);
        let minzoom = zoom(&mut fields, "minzoom");
        let mut tile_json = Self {
            tilejson: take(&mut fields, "tilejson"),
            name: take(&mut fields, "name"),
            description: take(&mut fields, "description"),
            attribution: take::<Text<4096>>(&mut fields, "attribution").and_then(|html| Attribution::read(&html)),
            tiles: take(&mut fields, "tiles"),
            scheme: take(&mut fields, "scheme"),
            minzoom,
            maxzoom: zoom(&mut fields, "maxzoom"),
            bounds: numbers(&mut fields, "bounds")
                .and_then(|bounds| bounds.try_into().ok())
                .filter(|bounds| bounds_of(bounds).is_some()),
            center: numbers(&mut fields, "center").and_then(|center| center_of(&center, minzoom)),
            format: take(&mut fields, "format"),
            tile_size: number(&mut fields, "tile_size", SIDE).filter(|side| *side > 0),
            map_size: number(&mut fields, "tileSize", SIDE).filter(|side| *side > 0),
            retina: take(&mut fields, "retina"),
            generator: take(&mut fields, "generator"),
            r#type: take(&mut fields, "type"),
            pmtiles: take(&mut fields, "pmtiles"),
            heat: None,
            others: Others::default(),
        };
        let mut doubt = None;
        if let Some(heat) = fields.remove("heat") {
            match serde_json::from_str(heat.get()) {
                Ok(heat) => tile_json.heat = Some(heat),
                Err(problem) => {
                    doubt = Some(format!("what it says of its colours cannot be read: {}", plain(&problem)));
                }
            }
        }
        typed(&mut fields);
        let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.get().len()).sum();
        if fields.len() <= OTHERS && bytes <= OTHERS_BYTES {
            tile_json.others = Others(fields);
        }
        Some(Told { tile_json, doubt })
    }

    /// The box around all points, where it says one.
    pub fn bounds(&self) -> Option<LonLatBounds> {
        bounds_of(self.bounds.as_ref()?)
    }

    /// Whether rows are counted from the south, where it says that: by its scheme, or by `{-y}` in its addresses.
    pub fn from_south(&self) -> Option<bool> {
        match self.scheme.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("tms") => Some(true),
            Some("xyz") => Some(false),
            _ => self.tiles.as_ref()?.iter().any(|url| url.contains("{-y}")).then_some(true),
        }
    }

    /// The projection, where it says one that is not Web Mercator.
    pub fn other_projection(&self) -> Option<String> {
        let said = ["profile", "crs", "srs", "projection"].iter().filter_map(|name| {
            let text: Text<256> = serde_json::from_str(self.others.0.get(*name)?.get()).ok()?;
            Some(text.to_string())
        });
        let is_other = |text: &String| {
            let text = text.to_ascii_lowercase();
            ["4326", "geodetic", "crs84"].iter().any(|word| text.contains(word))
        };
        said.into_iter().find(is_other)
    }

    /// The name of the program that made it, without its version.
    pub fn program(&self) -> Option<&str> {
        self.generator.as_deref()?.split(' ').next()
    }
}

/// A problem in few words, which may repeat some of what was read.
fn plain(problem: &serde_json::Error) -> String {
    problem.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect()
}

/// A center of two or three numbers; one that says no zoom begins at the lowest.
fn center_of(center: &[f64], lowest: Option<u8>) -> Option<Center> {
    let (lon, lat, zoom) = match *center {
        [lon, lat] => (lon, lat, f64::from(lowest.unwrap_or(0))),
        [lon, lat, zoom] => (lon, lat, zoom),
        _ => return None,
    };
    (is_place(lon, lat) && (0.0..=f64::from(HIGHEST)).contains(&zoom)).then_some(Center(lon, lat, zoom as u8))
}

/// Leaves of the fields that are passed on but known to TileJSON those of the kind it wants, as it wants them.
fn typed(fields: &mut Fields) {
    if let Some(version) = fields.remove("version").and_then(|raw| serde_json::from_str::<Text<64>>(raw.get()).ok()) {
        let mut parts: Vec<&str> = version.split('.').collect();
        if (1..=3).contains(&parts.len()) && parts.iter().all(|part| part.parse::<u32>().is_ok()) {
            // "1.0" and "1" are what many write.
            parts.resize(3, "0");
            fields.extend(raw_of(&parts.join(".")).map(|version| ("version".to_owned(), version)));
        }
    }
    if let Some(zoom) = fields.remove("fillzoom").and_then(|raw| loose::whole(&raw, HIGHEST.into())) {
        fields.extend(raw_of(&zoom).map(|zoom| ("fillzoom".to_owned(), zoom)));
    }
    for (names, begins) in
        [(["legend", "template"], '"'), (["grids", "data"], '['), (["vector_layers", "vector_layers"], '[')]
    {
        for name in names {
            if fields.get(name).is_some_and(|raw| !raw.get().starts_with(begins)) {
                fields.remove(name);
            }
        }
    }
}

fn raw_of(value: &(impl Serialize + ?Sized)) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(value).ok()
}

/// Takes a field out, if it is there; the value only if it is of the right kind.
fn take<T: DeserializeOwned>(fields: &mut Fields, name: &str) -> Option<T> {
    serde_json::from_str(fields.remove(name)?.get()).ok()
}

fn is_place(lon: f64, lat: f64) -> bool {
    // A box across the antimeridian may be written beyond it.
    (-540.0..=540.0).contains(&lon) && (-90.0..=90.0).contains(&lat)
}

fn bounds_of(&[west, south, east, north]: &[f64; 4]) -> Option<LonLatBounds> {
    let fits = is_place(west, south) && is_place(east, north) && south <= north;
    fits.then_some(LonLatBounds { west, south, east, north })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(value: &Value) -> Told {
        TileJson::read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn what_is_known_is_typed_and_the_rest_is_passed_on() {
        let heat = serde_json::to_value(crate::heat::tests::small()).unwrap();
        let all = json!({
            "tilejson": "3.0.0", "name": "n", "tiles": ["{z}/{x}/{y}.png"], "scheme": "xyz", "minzoom": 0, "maxzoom": 9,
            "bounds": [-1.0, -2.0, 3.0, 4.0], "center": [1.0, 1.0, 3], "format": "png", "tile_size": 256, "tileSize": 128,
            "generator": "tilefire 9", "type": "overlay", "heat": heat, "description": "d", "vector_layers": [{"id": 1}],
        });
        let told = read(&all);
        assert_eq!(told.doubt, None);
        assert_eq!(serde_json::to_value(&told.tile_json).unwrap(), all);
        assert_eq!(told.tile_json.program(), Some("tilefire"));
        assert_eq!(told.tile_json.bounds().map(|b| b.north), Some(4.0));
    }

    #[test]
    fn fields_of_the_wrong_kind_are_absent() {
        let told = read(&json!({
            "name": 3, "minzoom": 31, "maxzoom": "nine", "bounds": [0, 5, 1, -5], "center": [1e300, 0, 3], "tile_size": 0,
            "attribution": ["a"], "generator": {}, "tiles": "x", "heat": 3,
        }));
        assert!(told.doubt.is_some());
        assert_eq!(serde_json::to_value(&told.tile_json).unwrap(), json!({}));
        for none in ["", "[]", "3", "{", "\"a\"", "null"] {
            assert!(TileJson::read(none.as_bytes()).is_none(), "{none}");
        }
        assert!(TileJson::read(&vec![b' '; METADATA_LIMIT + 1]).is_none());
    }

    #[test]
    fn numbers_that_are_text_are_numbers() {
        let told = read(&json!({
            "minzoom": "2", "maxzoom": 9.0, "bounds": "-1,-2,3,4", "center": "1, 1, 3", "tile_size": "512", "tileSize": "256",
        }));
        let same = json!({
            "minzoom": 2, "maxzoom": 9, "bounds": [-1.0, -2.0, 3.0, 4.0], "center": [1.0, 1.0, 3], "tile_size": 512,
            "tileSize": 256,
        });
        assert_eq!(serde_json::to_value(&told.tile_json).unwrap(), same);
        for (center, wanted) in [
            (json!([0, 51.5]), Some(Center(0.0, 51.5, 2))),
            (json!("0,51.5"), Some(Center(0.0, 51.5, 2))),
            (json!([0, 51.5, 3.7]), Some(Center(0.0, 51.5, 3))),
            (json!([0]), None),
            (json!([0, 51.5, 3, 4]), None),
            (json!([0, 91]), None),
        ] {
            assert_eq!(read(&json!({"minzoom": "2", "center": center})).tile_json.center, wanted, "{center}");
        }
    }

    #[test]
    fn what_is_passed_on_has_the_kinds_of_tile_json() {
        let passed = |value: Value| serde_json::to_value(&read(&value).tile_json).unwrap();
        assert_eq!(passed(json!({"version": "1.0", "fillzoom": "3"})), json!({"version": "1.0.0", "fillzoom": 3}));
        assert_eq!(passed(json!({"version": "2"})), json!({"version": "2.0.0"}));
        assert_eq!(passed(json!({"version": "1.2.3", "legend": "<b>"})), json!({"version": "1.2.3", "legend": "<b>"}));
        for wrong in [
            json!({"version": 1.0}),
            json!({"version": "beta"}),
            json!({"version": "1.2.3.4"}),
            json!({"fillzoom": "x"}),
            json!({"legend": 1}),
            json!({"grids": "a"}),
            json!({"data": {}}),
            json!({"vector_layers": "a"}),
        ] {
            assert_eq!(passed(wrong.clone()), json!({}), "{wrong}");
        }
    }

    #[test]
    fn rows_and_projection_are_said_in_several_ways() {
        for (value, from_south) in [
            (json!({"scheme": "TMS"}), Some(true)),
            (json!({"scheme": "xyz", "tiles": ["{-y}"]}), Some(false)),
            (json!({"tiles": ["https://a.test/{z}/{x}/{-y}.png"]}), Some(true)),
            (json!({"tiles": ["https://a.test/{z}/{x}/{y}.png"]}), None),
            (json!({}), None),
        ] {
            assert_eq!(read(&value).tile_json.from_south(), from_south, "{value}");
        }
        for (value, other) in [
            (json!({"profile": "geodetic"}), true),
            (json!({"crs": "EPSG:4326"}), true),
            (json!({"crs": "EPSG:3857"}), false),
            (json!({"profile": "mercator"}), false),
        ] {
            assert_eq!(read(&value).tile_json.other_projection().is_some(), other, "{value}");
        }
    }

    #[test]
    fn a_heap_of_unknown_fields_is_left() {
        let many: Value = (0..100).map(|n| (n.to_string(), Value::from(n))).collect::<serde_json::Map<_, _>>().into();
        assert_eq!(serde_json::to_value(&read(&many).tile_json).unwrap(), json!({}));
        let long = read(&json!({"name": "n", "tilestats": "x".repeat(100_000)}));
        assert_eq!(serde_json::to_value(&long.tile_json).unwrap(), json!({"name": "n"}));
    }
}
