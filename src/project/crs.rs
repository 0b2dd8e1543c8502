//! What a person may name as a coordinate reference system: an EPSG code, WKT or a PROJ string. The two systems
//! with a closed form are recognised here; what any other text means is left to PROJ.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::other;
use crate::error::Result;

/// A coordinate reference system as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Crs {
    /// EPSG:4326: longitude and latitude in degrees.
    #[default]
    Wgs84,
    /// EPSG:3857: metres of Web Mercator.
    WebMercator,
    /// Anything else, in PROJ's words.
    Other(String),
}

impl Crs {
    /// Whether coordinates are eastings and northings rather than degrees. Asks PROJ for systems other than
    /// the two closed forms and fails with [`crate::Error::Crs`] when it does not know them.
    pub fn is_projected(&self) -> Result<bool> {
        match self {
            Self::Wgs84 => Ok(false),
            Self::WebMercator => Ok(true),
            Self::Other(text) => other::is_projected(text),
        }
    }
}

impl FromStr for Crs {
    type Err = Infallible;

    /// Never fails: whether PROJ knows the text is seen when a projector is made.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.trim();
        let upper = text.to_ascii_uppercase();
        Ok(match upper.strip_prefix("EPSG:").map_or(upper.as_str(), str::trim_start) {
            "4326" | "OGC:CRS84" | "CRS84" | "WGS84" => Self::Wgs84,
            "3857" | "900913" => Self::WebMercator,
            code if !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit()) => Self::Other(format!("EPSG:{code}")),
            _ => Self::Other(text.to_owned()),
        })
    }
}

impl fmt::Display for Crs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wgs84 => f.write_str("EPSG:4326"),
            Self::WebMercator => f.write_str("EPSG:3857"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_in_any_spelling() {
        let parse = |text: &str| text.parse::<Crs>().unwrap();
        for text in ["EPSG:4326", "epsg:4326", "4326", " EPSG: 4326 ", "OGC:CRS84"] {
            assert_eq!(parse(text), Crs::Wgs84, "{text}");
        }
        for text in ["EPSG:3857", "3857", "epsg:3857"] {
            assert_eq!(parse(text), Crs::WebMercator, "{text}");
        }
        assert_eq!(parse("27700"), Crs::Other("EPSG:27700".into()));
        assert_eq!(parse("epsg:27700").to_string(), "EPSG:27700");
        assert_eq!(parse("+proj=utm +zone=30").to_string(), "+proj=utm +zone=30");
    }
}
