//! What the name of a column says: longitude or latitude, easting or northing, in which unit, of which end of a way.
//!
//! Names are cut into words and looked up, in a dozen languages; which pair of columns is taken is left to `choose`.

use super::words::{
    ABOUT, EASTING, END, LATITUDE, LENGTH, LENGTHS, LONGITUDE, NEUTRAL, NORTHING, PLANE, START, UNITS, WIDTH,
};
use crate::source::Unit;
use crate::source::cell::Axis;
use crate::source::shown;

/// One of the two coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Side {
    /// Longitude, easting, x.
    X,
    /// Latitude, northing, y.
    Y,
}

/// What kind of words name a coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Family {
    /// Longitude and latitude.
    Degrees,
    /// Easting and northing.
    Grid,
    /// x and y, which may be either.
    Plane,
}

/// Which end of a way a coordinate is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Role {
    /// Where something begins: pickup, origin, lon1.
    Start,
    /// Where it ends, or is later: dropoff, destination, lon2.
    End,
}

/// A name that is one of a coordinate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) side: Side,
    pub(super) family: Family,
    /// All words but the one that names the coordinate.
    pub(super) rest: Vec<String>,
    /// Those of them that tell this coordinate from others of a row, without the unit and words that say nothing.
    pub(super) stem: Vec<String>,
    /// The same without a quarter of the compass, which says what the number counts (`Longitude E`, `lat_north`), or
    /// which side of a box it is: that depends on the other names.
    pub(super) core: Vec<String>,
    pub(super) role: Option<Role>,
    /// Whether nothing stands beside the coordinate's word but a unit.
    pub(super) bare: bool,
    /// Whether `stop` is among its words: a place of its own, or the end of a way that has a start.
    pub(super) stop: bool,
    pub(super) unit: Option<Unit>,
    /// Whether the name says that it is in degrees, which x and y need not be.
    pub(super) degrees: bool,
    /// Whether it says west or south: numbers without a sign count the other way.
    pub(super) negative: bool,
    /// Whether the word means a length or a width as well.
    pub(super) weak: bool,
    /// Of several columns that differ in the word alone, the lowest is taken.
    pub(super) rank: usize,
}

/// A name of a column as a person would write it; bytes that are no UTF-8 are taken for Latin-1.
pub(super) fn decode(bytes: &[u8]) -> String {
    shown::decode(bytes).trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').to_owned()
}

/// Longer names are sentences.
const LONGEST: usize = 200;

/// A word of a name, in lower case and without accents.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    /// Whether it stands within brackets.
    aside: bool,
}

/// A letter in lower case without its accent. Only what occurs in the words of this file is told apart.
fn fold(c: char, into: &mut String) {
    for c in c.to_lowercase() {
        match c {
            'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'ā' => into.push('a'),
            'đ' | 'ð' => into.push('d'),
            'ç' | 'ć' | 'č' => into.push('c'),
            'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ě' => into.push('e'),
            'ģ' => into.push('g'),
            'í' | 'ì' | 'î' | 'ï' | 'ĩ' => into.push('i'),
            'ł' | 'ľ' | 'ĺ' => into.push('l'),
            'ñ' | 'ń' => into.push('n'),
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ő' | 'ø' | 'ộ' => into.push('o'),
            'ś' | 'š' | 'ş' => into.push('s'),
            'ú' | 'ù' | 'û' | 'ü' | 'ű' | 'ů' => into.push('u'),
            'ř' => into.push('r'),
            'ў' => into.push('у'),
            'ý' => into.push('y'),
            'ž' | 'ź' | 'ż' => into.push('z'),
            'æ' => into.push_str("ae"),
            // Accents that stand behind their letter.
            '\u{300}'..='\u{36f}' => {}
            c => into.push(c),
        }
    }
}

/// Cuts a name into words: at blanks and signs, where small letters meet capitals and letters meet digits.
fn words(name: &str) -> Vec<Word> {
    let chars: Vec<char> = name.chars().take(LONGEST).collect();
    let mut all: Vec<Word> = Vec::new();
    let (mut text, mut depth) = (String::new(), 0_usize);
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| chars.get(i)).copied().unwrap_or(' ');
        let after = chars.get(i + 1).copied().unwrap_or(' ');
        let sign = (c.is_ascii() && !c.is_ascii_alphanumeric())
            || c.is_whitespace()
            || c.is_control()
            || "°º（）【】［］–—·、，：﹣－\u{feff}".contains(c);
        let hump = c.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && after.is_lowercase()));
        let turn = c.is_ascii_digit() != before.is_ascii_digit();
        if (sign || hump || turn) && !text.is_empty() {
            all.push(Word { text: std::mem::take(&mut text), aside: depth > 0 });
        }
        match c {
            '(' | '[' | '{' | '（' | '［' | '【' => depth += 1,
            ')' | ']' | '}' | '）' | '］' | '】' => depth = depth.saturating_sub(1),
            '°' | 'º' => all.push(Word { text: "deg".into(), aside: depth > 0 }),
            _ if !sign => fold(c, &mut text),
            _ => {}
        }
    }
    if !text.is_empty() {
        all.push(Word { text, aside: depth > 0 });
    }
    // One word in Vietnamese, written as two.
    for at in (1..all.len()).rev() {
        if all[at].text == "do" && matches!(all[at - 1].text.as_str(), "kinh" | "vi") {
            all.remove(at);
            all[at - 1].text.push_str("do");
        }
    }
    all
}

/// Words in which a name of a coordinate may be written without a cut between them.
const TAILS: [(&str, Side); 12] = [
    ("longitude", Side::X),
    ("latitude", Side::Y),
    ("longitud", Side::X),
    ("latitud", Side::Y),
    ("longitudine", Side::X),
    ("latitudine", Side::Y),
    ("long", Side::X),
    ("lon", Side::X),
    ("lng", Side::X),
    ("lat", Side::Y),
    ("eastings", Side::X),
    ("northings", Side::Y),
];

/// What a name says, if it is one of a coordinate.
pub(super) fn parse(name: &str) -> Option<Name> {
    let words = words(name);
    let (place, side, family, weak, rank, glued) = axis(&words)?;
    let mut found = Name {
        side,
        family,
        rest: Vec::new(),
        stem: Vec::new(),
        core: Vec::new(),
        role: None,
        bare: true,
        stop: false,
        unit: None,
        degrees: family == Family::Degrees,
        negative: false,
        weak,
        rank,
    };
    let mut rest = words;
    match glued {
        Some(glued) if !glued.is_empty() => rest.get_mut(place)?.text = glued,
        _ => drop(rest.remove(place)),
    }
    found.rest = rest.iter().map(|word| word.text.clone()).collect();
    let sorted = describe(&mut found, &rest);
    let quarters: [&str; 4] = if side == Side::X { ["e", "east", "w", "west"] } else { ["n", "north", "s", "south"] };
    found.core.clone_from(&found.stem);
    if family == Family::Degrees {
        found.core.retain(|word| !quarters.contains(&word.as_str()));
    }
    sorted.then_some(found)
}

/// Sorts the words beside the one that names the coordinate; false where they are of something else.
fn describe(found: &mut Name, rest: &[Word]) -> bool {
    let mut i = 0;
    while let Some(word) = rest.get(i) {
        let text = word.text.as_str();
        let next = rest.get(i + 1).map(|word| word.text.as_str());
        let after = rest.get(i + 2).map(|word| word.text.as_str());
        let before = i.checked_sub(1).and_then(|i| rest.get(i)).map(|word| word.text.as_str());
        let in_degrees = before.is_some_and(|word| UNITS.iter().any(|(unit, _)| *unit == word));
        i += 1;
        if let ("e", Some(power)) = (text, next)
            && let Some(unit) = power_of_ten(power)
        {
            found.unit = Some(unit);
            i += 1;
        } else if let ("1" | "10", Some("e"), Some(power)) = (text, next, after)
            && let Some(unit) = power_of_ten(power)
        {
            found.unit = Some(unit);
            i += 2;
        } else if let ("wgs" | "gcswgs", Some("84" | "1984")) | ("epsg" | "srid", Some("4326")) = (text, next) {
            found.degrees = true;
            i += 1;
        } else if text == "4326" {
            found.degrees = true;
        } else if let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == text) {
            found.unit = unit.or(found.unit);
            found.degrees = true;
        } else if LENGTHS.contains(&text) && (word.aside || found.family != Family::Degrees || text.starts_with("mm")) {
            // Metres do not change what is read.
        } else if matches!(text, "n" | "north" | "e" | "east") && (word.aside || in_degrees) {
            found.degrees = true;
        } else if matches!(text, "s" | "south" | "w" | "west") && (word.aside || in_degrees) {
            found.degrees = true;
            found.negative = true;
        } else if (text, next) == ("pick", Some("up")) {
            found.role = Some(Role::Start);
            found.stem.push("pickup".to_owned());
            i += 1;
        } else if (text, next) == ("drop", Some("off")) {
            found.role = Some(Role::End);
            found.stem.push("dropoff".to_owned());
            i += 1;
        } else if START.contains(&text) || matches!(text, "0" | "1") {
            found.role.get_or_insert(Role::Start);
            found.stem.push(text.to_owned());
        } else if END.contains(&text) || (text.len() == 1 && text.as_bytes().iter().all(u8::is_ascii_digit)) {
            found.role.get_or_insert(Role::End);
            found.stem.push(text.to_owned());
        } else if ABOUT.contains(&text) {
            return false;
        } else if NEUTRAL.contains(&text) {
            found.bare &= text == "decimal";
            found.stop |= text == "stop";
            found.degrees |= matches!(text, "gcs" | "gps" | "gcswgs");
        } else {
            found.stem.push(text.to_owned());
        }
    }
    true
}

fn power_of_ten(text: &str) -> Option<Unit> {
    match text {
        "5" => Some(Unit::E5),
        "6" => Some(Unit::E6),
        "7" => Some(Unit::E7),
        _ => None,
    }
}

type Found = (usize, Side, Family, bool, usize, Option<String>);

/// The word that names the coordinate: its place, what it names, and what is written together with it.
fn axis(words: &[Word]) -> Option<Found> {
    let tables: [(&[&str], Side, Family, bool); 6] = [
        (LONGITUDE, Side::X, Family::Degrees, false),
        (LATITUDE, Side::Y, Family::Degrees, false),
        (LENGTH, Side::X, Family::Degrees, true),
        (WIDTH, Side::Y, Family::Degrees, true),
        (EASTING, Side::X, Family::Grid, false),
        (NORTHING, Side::Y, Family::Grid, false),
    ];
    // Both of one kind in one name are a pair in one column.
    for two in tables.chunks(2) {
        let mut hits = words.iter().enumerate().flat_map(|(i, word)| {
            two.iter().filter_map(move |&(table, side, family, weak)| {
                let rank = table.iter().position(|&known| known == word.text)?;
                Some((i, side, family, weak, rank))
            })
        });
        // `degrees_north` beside latitude is its unit.
        if let Some(first) = hits.next() {
            if hits.any(|other| other.1 != first.1) {
                return None;
            }
            // Beside a word for geography they mean but one thing.
            let earth = [
                "geo",
                "zemepisn",
                "zemljopisn",
                "zemljepisn",
                "foldrajz",
                "maantiet",
                "географ",
                "γεωγραφ",
                "جغراف",
                "خط",
                "קו",
            ];
            let plain = !words.iter().any(|word| earth.iter().any(|head| word.text.starts_with(head)));
            return Some((first.0, first.1, first.2, first.3 && plain, first.4, None));
        }
    }
    let mut glued = words.iter().enumerate().filter_map(|(i, word)| glued(&word.text).map(|found| (i, found)));
    if let Some((i, (side, family, rank, rest))) = glued.next() {
        if glued.any(|(_, other)| other.0 != side) {
            return None;
        }
        return Some((i, side, family, false, rank, Some(rest)));
    }
    let mut planes = words.iter().enumerate().filter_map(|(i, word)| plane(&word.text).map(|found| (i, found)));
    let (i, (side, rest)) = planes.next()?;
    if planes.any(|(_, other)| other.0 != side) {
        return None;
    }
    Some((i, side, Family::Plane, false, 0, Some(rest)))
}

/// A word that ends or begins with the name of a coordinate.
fn glued(word: &str) -> Option<(Side, Family, usize, String)> {
    let family = |tail: &str| if tail.ends_with("ings") { Family::Grid } else { Family::Degrees };
    for (rank, (tail, side)) in TAILS.iter().enumerate() {
        if let Some(rest) = word.strip_suffix(tail).filter(|rest| !rest.is_empty()) {
            return Some((*side, family(tail), rank, rest.to_owned()));
        }
    }
    for tail in ["easting", "northing"] {
        if let Some(rest) = word.strip_suffix(tail).filter(|rest| !rest.is_empty()) {
            return Some((if tail == "easting" { Side::X } else { Side::Y }, Family::Grid, 0, rest.to_owned()));
        }
    }
    let known = |rest: &str| {
        UNITS.iter().any(|(unit, _)| *unit == rest)
            || [NEUTRAL, START, END, ABOUT].iter().any(|list| list.contains(&rest))
            || rest == "e"
    };
    for (rank, (head, side)) in TAILS.iter().enumerate() {
        if let Some(rest) = word.strip_prefix(head).filter(|rest| known(rest)) {
            return Some((*side, family(head), rank, rest.to_owned()));
        }
    }
    None
}

/// x or y, alone or with a word that is known beside it.
fn plane(word: &str) -> Option<(Side, String)> {
    let side = |letter| if letter == b'x' { Side::X } else { Side::Y };
    match word.as_bytes() {
        [letter @ (b'x' | b'y')] => Some((side(*letter), String::new())),
        [letter @ (b'x' | b'y'), ..] if PLANE.contains(&word.get(1..)?) => Some((side(*letter), word.get(1..)?.into())),
        [.., letter @ (b'x' | b'y')] => {
            let rest = word.get(..word.len() - 1)?;
            PLANE.contains(&rest).then(|| (side(*letter), rest.into()))
        }
        _ => None,
    }
}

/// What a name says of the half of the globe that another column's number lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HalfName {
    /// Of which coordinate; `None` where the name does not say.
    pub(super) side: Option<Side>,
    /// As in [`Name::stem`].
    pub(super) stem: Vec<String>,
}

/// Whether a name is that of a column with N or S, E or W.
pub(super) fn half(name: &str) -> Option<HalfName> {
    const SIGNS: &[&str] = &[
        "dir",
        "direction",
        "ref",
        "reference",
        "hem",
        "hemi",
        "hemis",
        "hemisphere",
        "ns",
        "ew",
        "we",
        "sn",
        "ind",
        "indicator",
        "cardinal",
        "sign",
        "letter",
        "hemisferio",
        "hemisphaere",
        "emisfero",
        "halbkugel",
        "orientation",
        "quadrant",
        "nshemi",
        "ewhemi",
    ];
    const NORTH: &[&str] = &["n", "north", "nord", "norte", "noord"];
    const SOUTH: &[&str] = &["s", "south", "sud", "sur", "sul", "zuid"];
    const EAST: &[&str] = &["e", "east", "est", "este", "ost", "oost", "o"];
    const WEST: &[&str] = &["w", "west", "ouest", "oeste", "ovest", "o"];
    let all = words(name);
    let all: Vec<&str> = all.iter().map(|word| word.text.as_str()).collect();
    let mut side = None;
    let (mut stem, mut signs) = (Vec::new(), false);
    let mut i = 0;
    while let Some(&word) = all.get(i) {
        let next = all.get(i + 1).copied().unwrap_or("");
        let both = |one: &[&str], other: &[&str]| {
            (one.contains(&word) && other.contains(&next)) || (other.contains(&word) && one.contains(&next))
        };
        i += 1;
        if both(NORTH, SOUTH) {
            (side, signs) = (Some(Side::Y), true);
            i += 1;
        } else if both(EAST, WEST) {
            (side, signs) = (Some(Side::X), true);
            i += 1;
        } else if matches!(word, "ns" | "sn" | "northsouth" | "nshemi" | "nordsud") {
            (side, signs) = (Some(Side::Y), true);
        } else if matches!(word, "ew" | "we" | "eastwest" | "ewhemi" | "ow" | "ostwest") {
            (side, signs) = (Some(Side::X), true);
        } else if SIGNS.contains(&word) {
            signs = true;
        } else if LONGITUDE.contains(&word) {
            side = Some(Side::X);
        } else if LATITUDE.contains(&word) {
            side = Some(Side::Y);
        } else if let Some((tail, known)) = [("lat", Side::Y), ("lon", Side::X), ("long", Side::X), ("lng", Side::X)]
            .into_iter()
            .find(|(head, _)| word.strip_prefix(head).is_some_and(|rest| SIGNS.contains(&rest)))
        {
            debug_assert!(word.starts_with(tail));
            (side, signs) = (Some(known), true);
        } else if !NEUTRAL.contains(&word) {
            stem.push(word.to_owned());
        }
    }
    // `direction` or `ref` alone may be anything; `hemisphere` is not.
    let telling =
        side.is_some() || all.iter().any(|word| word.starts_with("hemi") && *word != "hemi" || *word == "hem");
    (signs && telling).then_some(HalfName { side, stem })
}

/// Whether a name says west or south beside the word of its coordinate, however it is put.
pub(super) fn says_negative(name: &str) -> bool {
    let all = words(name);
    let any = |known: &[&str]| all.iter().any(|word| known.contains(&word.text.as_str()));
    let glued = |known: &[&str], tails: [&str; 2]| {
        all.iter().any(|word| {
            tails
                .iter()
                .any(|tail| word.text.strip_suffix(tail).is_some_and(|head| head.len() > 2 && known.contains(&head)))
        })
    };
    (any(LONGITUDE) && any(&["w", "west"]))
        || glued(LONGITUDE, ["w", "west"])
        || (any(LATITUDE) && any(&["s", "south"]))
        || glued(LATITUDE, ["s", "south"])
}

/// Names of columns that hold both coordinates, and the order of a pair that they tell (longitude first: `Some(true)`).
pub(super) fn geometry(name: &str) -> Option<Option<bool>> {
    const WHOLE: &[&str] = &[
        "wkt",
        "geom",
        "geometry",
        "thegeom",
        "shape",
        "point",
        "location",
        "coordinates",
        "coordinate",
        "coords",
        "coord",
        "position",
        "gps",
        "geo",
        "geopoint",
        "geoposition",
        "geolocation",
        "geocode",
        "wkbgeometry",
        "wkb",
        "ewkb",
        "ewkt",
        "geojson",
        "geog",
        "geography",
        "latlon",
        "latlng",
        "latlong",
        "lonlat",
        "lnglat",
        "longlat",
        "loc",
        "place",
        "centroid",
        "gpscoordinates",
        "gpslocation",
        "gpsposition",
        "gpspoint",
        "geoshape",
        "koordinaten",
        "coordenadas",
        "coordonnees",
        "coordinate",
        "coordinatesystem",
        "pos",
        "latitudelongitude",
        "longitudelatitude",
        "coordonneesgps",
        "coordgps",
        "座標",
        "坐标",
        "координаты",
        "georeference",
        "pointgeom",
        "geompoint",
        "xy",
        "locationpoint",
        "geolocalisation",
        "geographicpoint",
        "wktgeom",
        "geomwkt",
        "shapewkt",
        "geometrywkt",
    ];
    let all: Vec<String> = words(name).into_iter().map(|word| word.text).collect();
    let joined: String = all.concat();
    // Open data portals of one maker call a pair of latitude and longitude so.
    if joined.starts_with("geopoint") {
        return Some(all.iter().any(|word| word == "2").then_some(false));
    }
    let find = |table: &[&str], tails: [&str; 4]| {
        let whole = all.iter().position(|word| table.contains(&word.as_str()));
        whole.or_else(|| all.iter().position(|word| tails.iter().any(|tail| word.contains(tail))))
    };
    let longitude = find(LONGITUDE, ["lonlat", "longlat", "lnglat", "longitudelat"]);
    let latitude = find(LATITUDE, ["latlon", "latlng", "latlong", "latitudelon"]);
    let joined_order = |a: &[&str]| a.iter().find_map(|word| joined.find(word)).is_some();
    match (longitude, latitude) {
        (Some(x), Some(y)) if x != y => return Some(Some(x < y)),
        _ if joined_order(&["lonlat", "longlat", "lnglat", "longitudelatitude"]) => return Some(Some(true)),
        _ if joined_order(&["latlon", "latlng", "latitudelongitude"]) => return Some(Some(false)),
        _ => {}
    }
    if joined == "xy" {
        return Some(Some(true));
    }
    let known = |word: &str| WHOLE.contains(&word);
    (known(&joined) || all.last().is_some_and(|word| known(word)) || all.first().is_some_and(|word| known(word)))
        .then_some(None)
}

impl Side {
    /// What is measured on this side in degrees.
    pub(super) fn degrees(self) -> Axis {
        match self {
            Self::X => Axis::Longitude,
            Self::Y => Axis::Latitude,
        }
    }
}
