//! What a person may say about how an input is to be read, and what was found out where nothing was said.

use std::fmt;
use std::str::FromStr;

use super::choice::{Condition, DateFormat, Sample};
use super::columns::ColumnRef;
use super::key::Key;
use super::weight::Weight;
use crate::project::Crs;

/// Whether a file names its columns before its first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Header {
    /// Decided from the first records.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// The first record is a row like any other.
    No,
}

/// What stands between two fields of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// One byte of ASCII that is part of no number.
    Byte(u8),
    /// A run of blanks or tabs; such a run at the start or the end of a row is none.
    Blanks,
}

impl FromStr for Delimiter {
    type Err = String;

    /// One character, `tab` or `\t`, `blanks` or a blank.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes() {
            b"tab" | b"\\t" => Ok(Self::Byte(b'\t')),
            b"blanks" | b" " => Ok(Self::Blanks),
            &[byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n\0+-.".contains(&byte) => {
                Ok(Self::Byte(byte))
            }
            _ => Err(format!("'{text}' separates no fields; give one character such as ; or |, or tab, or blanks")),
        }
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(b'\t') => f.write_str("tab"),
            Self::Byte(byte) => write!(f, "'{}'", char::from(*byte)),
            Self::Blanks => f.write_str("blanks"),
        }
    }
}

/// What separates the whole degrees from their decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Decimal {
    /// 51.5
    #[default]
    Point,
    /// 51,5; points may stand between thousands, as in 530.123,5.
    Comma,
    /// 51,5 and no points beside it, which is what is found out where nobody says: three digits behind a point are as
    /// likely decimals.
    CommaAlone,
}

impl Decimal {
    /// The mark itself.
    pub(super) fn mark(self) -> u8 {
        if self.is_comma() { b',' } else { b'.' }
    }

    /// Whether that is a comma.
    #[inline]
    pub(super) fn is_comma(self) -> bool {
        self != Self::Point
    }
}

/// What a double quote at the start of a field means, and how one is written within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quoting {
    /// It opens a quoted field; a doubled one within stands for itself.
    #[default]
    Doubled,
    /// The same, and one behind a backslash stands for itself too.
    Backslash,
    /// It is a character like any other.
    None,
}

/// What one step of a number is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Unit {
    /// Degrees, or whatever a projected system is measured in.
    #[default]
    Degrees,
    /// 1/100,000 of a degree.
    E5,
    /// 1/1,000,000 of a degree.
    E6,
    /// 1/10,000,000 of a degree.
    E7,
    /// 180 / 2^31 of a degree, as GPS devices of Garmin write.
    Semicircles,
    /// 180 / pi degrees.
    Radians,
    /// Degrees times 100 plus minutes, as NMEA 0183 writes: 5130.44 is 51 degrees 30.44 minutes.
    DegreesMinutes,
}

impl Unit {
    /// Every unit with its name.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Degrees, "degrees"),
        (Self::E5, "e5"),
        (Self::E6, "e6"),
        (Self::E7, "e7"),
        (Self::Semicircles, "semicircles"),
        (Self::Radians, "radians"),
        (Self::DegreesMinutes, "ddmm"),
    ];
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(unit, _)| unit == self).map_or("degrees", |(_, name)| name))
    }
}

impl FromStr for Unit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(unit, _)| *unit);
        known.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|(_, name)| *name).collect();
            format!("'{text}' is no unit; give one of {}", names.join(", "))
        })
    }
}

/// Which number of a pair in one field comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Longitude or easting, then latitude or northing.
    LonLat,
    /// The other way round.
    LatLon,
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lonlat" => Ok(Self::LonLat),
            "latlon" => Ok(Self::LatLon),
            _ => Err(format!("'{text}' is no order; give lonlat or latlon")),
        }
    }
}

/// How to find coordinates in an input, and what they mean there. `None` is found out from the input.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// Column of the longitude or easting; found by its name when not given.
    pub x: Option<ColumnRef>,
    /// Column of the latitude or northing; found by its name when not given.
    pub y: Option<ColumnRef>,
    /// One column that holds both: well-known text, a pair, GeoJSON.
    pub geometry: Option<ColumnRef>,
    /// The order of a pair in it.
    pub order: Option<Order>,
    /// Whether there is a header.
    pub header: Header,
    /// Lines that are passed over before anything else is looked at.
    pub skip: u64,
    /// A byte that begins lines which are no rows.
    pub comment: Option<u8>,
    /// What stands between two fields.
    pub delimiter: Option<Delimiter>,
    /// What separates the decimals.
    pub decimal: Option<Decimal>,
    /// What quotes mean.
    pub quoting: Quoting,
    /// What a step of a number is worth.
    pub unit: Option<Unit>,
    /// The reference system of the coordinates: degrees of WGS 84 when not given. Of eastings and northings other column
    /// names are looked for.
    pub crs: Option<Crs>,
    /// Whether longitudes from -360 to 540 are brought into -180 to 180.
    pub wrap_longitude: bool,
    /// Places, as x and y, whose rows are left out: what a device writes that knows no better.
    pub drop: Vec<(f64, f64)>,
    /// Whether an input that must be wrong as a whole is drawn nevertheless.
    pub accept_doubt: bool,
    /// What a row must hold to be wanted, all of it.
    pub conditions: Vec<Condition>,
    /// The share of those that are wanted.
    pub sample: Option<Sample>,
    /// Whether the hashes of its lines are added up, which tells whether rows were counted before.
    pub hashed: bool,
    /// How dates are written that conditions and keys look at; ISO 8601 where nothing is said. Times without a date are for
    /// keys alone.
    pub date: Option<DateFormat>,
    /// What a row weighs; every row as much as any other where nothing is said.
    pub weight: Option<Weight>,
    /// By which key rows are counted apart; all together where nothing is said.
    pub key: Option<Key>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            x: None,
            y: None,
            geometry: None,
            order: None,
            header: Header::Auto,
            skip: 0,
            comment: None,
            delimiter: None,
            decimal: None,
            quoting: Quoting::Doubled,
            unit: None,
            crs: None,
            wrap_longitude: false,
            drop: Vec::new(),
            accept_doubt: false,
            conditions: Vec::new(),
            sample: None,
            hashed: false,
            date: None,
            weight: None,
            key: None,
        }
    }
}

impl ReadOptions {
    /// The reference system, asked for or not.
    pub fn system(&self) -> &Crs {
        self.crs.as_ref().unwrap_or(&Crs::Wgs84)
    }
}
