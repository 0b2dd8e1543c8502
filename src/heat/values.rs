//! The single values that `heat` is made of and how they are written: numbers of points, places along a ramp, colours,
//! radii, and the number of the format.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::{Serialize, Serializer};

use super::bounded::Text;

/// A number of points: whole, unless pixels were smoothed; or what they weigh. Written as an integer where it is one that
/// every reader has.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Points(pub f64);

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            whole if whole.fract() == 0.0 && (0.0..=u64::MAX as f64).contains(&whole) => to.serialize_u64(whole as u64),
            below if below.fract() == 0.0 && (-9e15..0.0).contains(&below) => to.serialize_i64(below as i64),
            other => to.serialize_f64(other),
        }
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        f64::deserialize(from).map(Self)
    }
}

/// A place along a ramp, from 0 to 1, in steps of 1e-4: a twentieth of a pixel of any legend.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Place(f64);

impl Place {
    /// The nearest step.
    pub fn new(place: f64) -> Self {
        Self((place.clamp(0.0, 1.0) * 1e4).round() / 1e4)
    }

    /// From 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        f64::deserialize(from).map(Self::new)
    }
}

/// Red, green, blue and alpha, written as `#rrggbb`, or `#rrggbbaa` where it is translucent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hex(pub [u8; 4]);

impl Hex {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let two = |i: usize| u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok();
        match digits.len() {
            6 => Some(Self([two(0)?, two(1)?, two(2)?, 255])),
            8 => Some(Self([two(0)?, two(1)?, two(2)?, two(3)?])),
            _ => None,
        }
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b, a] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")?;
        if a < 255 { write!(f, "{a:02x}") } else { Ok(()) }
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Text::<9>::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &"a colour such as #1e3a8a"))
    }
}

/// How far pixels were spread: a number of pixels, or `"auto"` where each zoom has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// That many pixels at every zoom.
    Fixed(u16),
    /// As its `spread` says for each zoom.
    Auto,
}

impl Serialize for Reach {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(radius) => to.serialize_u16(*radius),
            Self::Auto => to.serialize_str("auto"),
        }
    }
}

impl<'de> Deserialize<'de> for Reach {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Reach;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of pixels or \"auto\"")
            }

            fn visit_u64<E: Error>(self, radius: u64) -> Result<Reach, E> {
                let few = u16::try_from(radius).map_err(|_| E::invalid_value(Unexpected::Unsigned(radius), &self))?;
                Ok(Reach::Fixed(few))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Reach, E> {
                if text == "auto" {
                    Ok(Reach::Auto)
                } else {
                    Err(E::custom("a radius that is neither number nor auto"))
                }
            }
        }
        from.deserialize_any(Either)
    }
}

/// The number of the format of `heat`. 0 is what tilefire 0.1.0 wrote, which had its own version in this
/// place, and what has nothing there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct Version(pub u32);

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Version;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of a format")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Version, E> {
                Ok(Version(u32::try_from(number).unwrap_or(u32::MAX)))
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Version, E> {
                Ok(Version(0))
            }
        }
        from.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same<'a, T: Serialize + Deserialize<'a>>(text: &'a str) -> String {
        serde_json::to_string(&serde_json::from_str::<T>(text).unwrap()).unwrap()
    }

    #[test]
    fn values_are_written_as_they_are_read() {
        for text in ["0", "12", "0.0004425048828125", "18000000000000000000", "-3", "-0.5"] {
            assert_eq!(same::<Points>(text), text);
        }
        for text in ["\"#1e3a8a\"", "\"#1e3a8a07\""] {
            assert_eq!(same::<Hex>(text), text);
        }
        for text in ["\"auto\"", "0", "64"] {
            assert_eq!(same::<Reach>(text), text);
        }
        assert_eq!((same::<Version>("1"), same::<Version>("\"0.1.0\"")), ("1".to_owned(), "0".to_owned()));
        assert_eq!((same::<Place>("0.3771"), same::<Place>("-1e300")), ("0.3771".to_owned(), "0.0".to_owned()));
    }

    #[test]
    fn what_no_value_is_is_refused() {
        for text in ["\"#12345\"", "\"#1234567\"", "\"url(http://a)\"", "\"#gggggg\"", "\"#äa0b\"", "\"\"", "3"] {
            assert!(serde_json::from_str::<Hex>(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Points>("1e999").is_err());
        assert!(serde_json::from_str::<Reach>("70000").is_err() && serde_json::from_str::<Reach>("\"wide\"").is_err());
    }
}
