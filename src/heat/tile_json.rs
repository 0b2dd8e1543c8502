//! TileJSON 3.0.0 with what tilefire adds to it, as one type. A field of the wrong kind counts as absent, because what
//! is read may be anyone's; fields that are not known are kept as text and passed on, as far as they are small.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Attribution, HIGHEST, Heat, List, Text, Word};
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

/// Fields that are passed on as they were read.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Others(BTreeMap<String, Box<RawValue>>);

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
        let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(text).ok()?;
        let mut tile_json = Self {
            tilejson: take(&mut fields, "tilejson"),
            name: take(&mut fields, "name"),
            description: take(&mut fields, "description"),
            attribution: take::<Text<4096>>(&mut fields, "attribution").and_then(|html| Attribution::read(&html)),
            tiles: take(&mut fields, "tiles"),
            scheme: take(&mut fields, "scheme"),
            minzoom: take(&mut fields, "minzoom").filter(|z| *z <= HIGHEST),
            maxzoom: take(&mut fields, "maxzoom").filter(|z| *z <= HIGHEST),
            bounds: take(&mut fields, "bounds").filter(|bounds| bounds_of(bounds).is_some()),
            center: take(&mut fields, "center").filter(|Center(lon, lat, z)| is_place(*lon, *lat) && *z <= HIGHEST),
            format: take(&mut fields, "format"),
            tile_size: take(&mut fields, "tile_size").filter(|side| (1..=SIDE).contains(side)),
            map_size: take(&mut fields, "tileSize").filter(|side| (1..=SIDE).contains(side)),
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

    /// The name of the program that made it, without its version.
    pub fn program(&self) -> Option<&str> {
        self.generator.as_deref()?.split(' ').next()
    }
}

/// A problem in few words, which may repeat some of what was read.
fn plain(problem: &serde_json::Error) -> String {
    problem.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect()
}

/// Takes a field out, if it is there; the value only if it is of the right kind.
fn take<T: DeserializeOwned>(fields: &mut BTreeMap<String, Box<RawValue>>, name: &str) -> Option<T> {
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
            "name": 3, "minzoom": 31, "maxzoom": "9", "bounds": [0, 5, 1, -5], "center": [1e300, 0, 3], "tile_size": 0,
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
    fn a_heap_of_unknown_fields_is_left() {
        let many: Value = (0..100).map(|n| (n.to_string(), Value::from(n))).collect::<serde_json::Map<_, _>>().into();
        assert_eq!(serde_json::to_value(&read(&many).tile_json).unwrap(), json!({}));
        let long = read(&json!({"name": "n", "tilestats": "x".repeat(100_000)}));
        assert_eq!(serde_json::to_value(&long.tile_json).unwrap(), json!({"name": "n"}));
    }
}
