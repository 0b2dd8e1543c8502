//! What a tile set says of itself, as one type: TileJSON and, in it, `heat`, which holds all that a legend shows. The
//! run writes it, the containers carry it, the legend, the page and the server read it; nobody else knows its words in
//! JSON. What is read may be anyone's, so every text and list is bounded by its type.
//!
//! A new field is added with `#[serde(default)]`, so that older sets stay readable; fields that are not known are
//! ignored, so that newer ones are. [`FORMAT`] rises when a known field comes to mean something else.

mod attribution;
mod bounded;
mod loose;
mod tile_json;
mod values;
mod view;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize as Read, Serialize};

pub use attribution::Attribution;
pub use bounded::{List, Text};
pub use tile_json::{Center, METADATA_LIMIT, Others, TileJson, Told};
pub use values::{Hex, Place, Points, Reach, Version};
pub use view::{Far, View};

/// The format that is written.
pub const FORMAT: Version = Version(1);
/// Highest zoom that a set may speak of.
pub const HIGHEST: u8 = 30;
/// The measure of a set of plain counts.
pub const COUNT: &str = "count";

/// A word or two: a name of a function, of a colormap.
pub type Word = Text<128>;
/// A line for people.
pub type Line = Text<200>;
/// Colours evenly spaced along a ramp.
pub type Colours = List<Hex, 256>;

/// The `heat` object.
#[derive(Debug, Clone, PartialEq, Serialize, Read)]
pub struct Heat {
    /// The format of this object; one that says none is of the first.
    #[serde(default)]
    pub version: Version,
    /// What a pixel's number is; "count" for numbers of points.
    #[serde(default = "count")]
    pub measure: Word,
    /// What was weighed, where it is no number of points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// Rows read.
    pub rows: u64,
    /// Points used.
    pub used: u64,
    /// Rows that were left out, by the name of the reason.
    #[serde(default)]
    pub left_out: Reasons,
    /// Rows that were not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_selected: Option<u64>,
    /// What was asked of rows.
    #[serde(default, skip_serializing_if = "no_lines")]
    pub selected_by: List<Line, 64>,
    /// How counts become colours.
    #[serde(default)]
    pub function: Word,
    /// Which counts the colours begin and end at.
    #[serde(default)]
    pub span: Text<2048>,
    /// A name, or the colours as they were given.
    #[serde(default)]
    pub colormap: Text<16384>,
    /// How far lit pixels were spread.
    #[serde(default = "no_reach")]
    pub spread: Reach,
    /// Into which shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_shape: Option<Word>,
    /// And how spread pixels came together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_op: Option<Word>,
    /// What was spread: "colours", or, where it says nothing, counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_on: Option<Word>,
    /// Least count that is drawn, where that is more than 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_count: Option<u64>,
    /// Whether pixels have all the colours of the formula, not the nearest of a palette.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truecolor: bool,
    /// The base map it is made for: "dark" or "light".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<Word>,
    /// The colour behind all pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Hex>,
    /// Largest distance of a pixel's colour from the formula's, in 1/255 of a channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour_error: Option<u8>,
    /// Colours from the fewest points to the most.
    #[serde(default)]
    pub ramp: Colours,
    /// Names and colours, where points have the colours of their categories; the ramp is that of their alpha then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<List<CategoryMark, 64>>,
    /// Words of the legend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legend: Option<Words>,
    /// Where a map begins; not told by sets that were made before this was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
    /// The zooms that have tiles.
    #[serde(default)]
    pub zooms: Zooms,
    /// The zoom after these, whose pixels the tiles of twice the pixels of the highest have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retina: Option<HeatZoom>,
}

/// A category: its name, and the colour of its points.
#[derive(Debug, Clone, PartialEq, Serialize, Read)]
pub struct CategoryMark(pub Line, pub Hex);

/// What points weigh.
#[derive(Debug, Clone, PartialEq, Serialize, Read)]
pub struct Weight {
    /// The column of weights, as it was named.
    pub column: Word,
    /// What a pixel's number is of them: "sum" or "mean".
    pub measure: Word,
    /// What they are whole numbers of.
    pub step: Points,
    /// What all of them come to.
    pub sum: Points,
    /// The same in steps, exactly.
    #[serde(default)]
    pub steps: i64,
}

/// What stands in a legend beside colours and counts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Read)]
pub struct Words {
    /// What the set is called, where a person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<Line>,
    /// What the colours stand for.
    pub title: Line,
    /// Lines below it.
    #[serde(default)]
    pub notes: List<Line, 16>,
    /// Whom to thank for the points, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thanks: Option<Line>,
}

/// One zoom.
#[derive(Debug, Clone, PartialEq, Serialize, Read)]
pub struct HeatZoom {
    /// Largest number of a pixel.
    #[serde(default = "nothing")]
    pub max: Points,
    /// Smallest sum or mean of a pixel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Points>,
    /// Pixels with a number.
    #[serde(default)]
    pub lit: u64,
    /// Tiles with a lit pixel, before spread.
    #[serde(default)]
    pub tiles: u64,
    /// Points at which the colours begin and end.
    #[serde(default = "no_span")]
    pub span: (Points, Points),
    /// As in [`Heat`], of this zoom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour_error: Option<u8>,
    /// Counts about evenly spaced along the colours.
    #[serde(default)]
    pub stops: List<Stop, 64>,
    /// Counts that a legend shows.
    #[serde(default)]
    pub ticks: List<Mark, 64>,
    /// Radius that its pixels were spread by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<u16>,
    /// Its own colours, where they are not those of all zooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Colours>,
    /// Pixels beyond the span, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clipped: Option<Beyond>,
}

/// Pixels beyond a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Read)]
pub struct Beyond {
    /// Pixels with less than the span begins with.
    pub below: u64,
    /// Pixels with more than it ends with.
    pub above: u64,
}

/// A count with its exact colour and its place along the ramp.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Read)]
pub struct Stop(pub Points, pub Hex, pub Place);

/// A count with its place along the ramp and as people read it.
#[derive(Debug, Clone, PartialEq, Serialize, Read)]
pub struct Mark(pub Points, pub Place, pub Text<32>);

/// Rows by the name of the reason for which they were left out; at most [`Reasons::MOST`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Reasons(BTreeMap<Word, u64>);

/// Zooms by their number, 0 to [`HIGHEST`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Zooms(BTreeMap<u8, HeatZoom>);

fn no_lines(lines: &List<Line, 64>) -> bool {
    lines.is_empty()
}

fn count() -> Word {
    Word::cut(COUNT)
}

fn no_reach() -> Reach {
    Reach::Fixed(0)
}

fn nothing() -> Points {
    Points(0.0)
}

fn no_span() -> (Points, Points) {
    (Points(0.0), Points(0.0))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Reasons {
    /// Most reasons there are room for.
    pub const MOST: usize = 64;

    /// By name, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, rows)| (&**name, *rows))
    }
}

impl<'a> FromIterator<(&'a str, u64)> for Reasons {
    fn from_iter<I: IntoIterator<Item = (&'a str, u64)>>(reasons: I) -> Self {
        Self(reasons.into_iter().take(Self::MOST).map(|(name, rows)| (Word::cut(name), rows)).collect())
    }
}

impl Zooms {
    /// Lowest first.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &HeatZoom)> {
        self.0.iter().map(|(z, zoom)| (*z, zoom))
    }
}

impl FromIterator<(u8, HeatZoom)> for Zooms {
    fn from_iter<I: IntoIterator<Item = (u8, HeatZoom)>>(zooms: I) -> Self {
        Self(zooms.into_iter().filter(|(z, _)| *z <= HIGHEST).collect())
    }
}

/// An object of at most `MOST` entries, each of which `put` may refuse.
struct Entries<K, V, const MOST: usize> {
    what: &'static str,
    fits: fn(&K) -> bool,
    kind: std::marker::PhantomData<V>,
}

impl<'de, K: Read<'de> + Ord, V: Read<'de>, const MOST: usize> Visitor<'de> for Entries<K, V, MOST> {
    type Value = BTreeMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MOST} {}", self.what)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut read = 0;
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry()? {
            // Counted, because the same key may come again and again.
            read += 1;
            if read > MOST || !(self.fits)(&key) {
                return Err(A::Error::custom(format_args!("more than {MOST} {}", self.what)));
            }
            map.insert(key, value);
        }
        Ok(map)
    }
}

impl<'de> Deserialize<'de> for Reasons {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let kind = std::marker::PhantomData::<u64>;
        from.deserialize_map(Entries::<Word, u64, { Self::MOST }> { what: "reasons", fits: |_| true, kind }).map(Self)
    }
}

impl<'de> Deserialize<'de> for Zooms {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let kind = std::marker::PhantomData::<HeatZoom>;
        let all = Entries::<u8, HeatZoom, { HIGHEST as usize + 1 }> { what: "zooms", fits: |z| *z <= HIGHEST, kind };
        from.deserialize_map(all).map(Self)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small one, for tests of all who use it.
    pub(crate) fn small() -> Heat {
        serde_json::from_str(
            r##"{"version": 1, "rows": 5, "used": 3, "left_out": {"missing": 2}, "ramp": ["#000000", "#ffffff"],
            "legend": {"title": "Points per pixel", "notes": ["n"]},
            "zooms": {"2": {"max": 2, "ticks": [[1, 0, "1"], [2, 1, "2"]]}, "10": {"ticks": [[1, 0.5, "1"]]}}}"##,
        )
        .unwrap()
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let mut heat = small();
        heat.spread = Reach::Auto;
        heat.background = Some(Hex([1, 2, 3, 255]));
        let text = serde_json::to_string(&heat).unwrap();
        assert_eq!(serde_json::from_str::<Heat>(&text).unwrap(), heat);
        assert_eq!(heat.zooms.iter().map(|(z, _)| z).collect::<Vec<_>>(), [2, 10]);
        assert_eq!(heat.left_out.iter().collect::<Vec<_>>(), [("missing", 2)]);
        assert_eq!(&*heat.measure, COUNT);
    }

    #[test]
    fn a_newer_one_is_read_as_far_as_it_is_known() {
        let heat: Heat = serde_json::from_str(
            r#"{"version": 7, "rows": 5, "used": 3, "measure": "mean of speed", "planes": [{"deep": [1, {}]}],
                "left_out": {"filtered": 2}}"#,
        )
        .unwrap();
        assert!(heat.version > FORMAT);
        assert_eq!((&*heat.measure, heat.left_out.iter().next()), ("mean of speed", Some(("filtered", 2))));
    }

    #[test]
    fn one_without_a_number_is_of_format_0() {
        let heat: Heat = serde_json::from_str(r#"{"rows": 5, "used": 3}"#).unwrap();
        assert_eq!((heat.version, heat.used), (Version(0), 3));
    }

    #[test]
    fn too_much_of_anything_is_refused() {
        let base = serde_json::to_string(&small()).unwrap();
        let with = |field: &str, value: &str| {
            // A field that is given twice is an error of its own.
            let mut object: BTreeMap<String, serde_json::Value> = serde_json::from_str(&base).unwrap();
            object.insert(field.to_owned(), serde_json::from_str(value).unwrap());
            serde_json::from_str::<Heat>(&serde_json::to_string(&object).unwrap()).map_err(|e| e.to_string())
        };
        let many = |n: usize, value: &str| vec![value; n].join(",");
        assert!(with("ramp", &format!("[{}]", many(256, "\"#000000\""))).is_ok());
        for (field, value) in [
            ("ramp", format!("[{}]", many(257, "\"#000000\""))),
            ("legend", format!(r#"{{"title":"t","notes":[{}]}}"#, many(17, "\"n\""))),
            ("legend", format!(r#"{{"title":"{}"}}"#, "t".repeat(201))),
            ("legend", format!(r#"{{"title":"t","notes":["{}"]}}"#, "n".repeat(201))),
            ("zooms", r#"{"31":{}}"#.to_owned()),
            ("zooms", format!(r#"{{"1":{{"ticks":[{}]}}}}"#, many(65, "[1,0,\"1\"]"))),
            ("zooms", format!(r#"{{"1":{{"stops":[{}]}}}}"#, many(65, "[1,\"#000000\",0]"))),
            ("zooms", format!(r#"{{"1":{{"ticks":[[1,0,"{}"]]}}}}"#, "1".repeat(33))),
            ("left_out", format!("{{{}}}", (0..65).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(","))),
            ("function", format!("\"{}\"", "f".repeat(129))),
            ("background", "\"red\"".to_owned()),
        ] {
            assert!(with(field, &value).is_err(), "{field}: {}", &value[..value.len().min(60)]);
        }
        let twice = format!(r#"{{"version":1,"rows":1,"used":1,"zooms":{{{}}}}}"#, many(32, "\"1\":{}"));
        assert!(serde_json::from_str::<Heat>(&twice).is_err());
    }
}
