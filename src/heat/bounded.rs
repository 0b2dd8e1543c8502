//! Words and lists that cannot be longer than their type says. What is read is measured before it is kept, so that
//! nothing made to harm costs more than its own bytes; what tilefire writes itself is cut.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// Text of at most `MOST` bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Text<const MOST: usize>(String);

impl<const MOST: usize> Text<MOST> {
    /// As much of the text as has room.
    pub fn cut(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > MOST {
            let end = (0..=MOST).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
            text.truncate(end);
        }
        Self(text)
    }
}

impl<const MOST: usize> Deref for Text<MOST> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> Serialize for Text<MOST> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de, const MOST: usize> Deserialize<'de> for Text<MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Measured<const MOST: usize>;
        impl<const MOST: usize> Visitor<'_> for Measured<MOST> {
            type Value = Text<MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a text of at most {MOST} bytes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                if text.len() > MOST {
                    return Err(E::custom(format_args!("a text of {} bytes, more than {MOST}", text.len())));
                }
                Ok(Text(text.to_owned()))
            }
        }
        from.deserialize_str(Measured)
    }
}

/// At most `MOST` values.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T, const MOST: usize>(Vec<T>);

impl<T, const MOST: usize> Default for List<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MOST: usize> FromIterator<T> for List<T, MOST> {
    /// The first `MOST` of them.
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().take(MOST).collect())
    }
}

impl<T, const MOST: usize> Deref for List<T, MOST> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Serialize, const MOST: usize> Serialize for List<T, MOST> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for List<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Counted<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Counted<T, MOST> {
            type Value = List<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST} values")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(value) = values.next_element()? {
                    if list.len() == MOST {
                        return Err(A::Error::custom(format_args!("a list of more than {MOST} values")));
                    }
                    list.push(value);
                }
                Ok(List(list))
            }
        }
        from.deserialize_seq(Counted(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_measured_and_what_is_written_is_cut() {
        assert_eq!(&*serde_json::from_str::<Text<4>>(r#""\u00e4bc""#).unwrap(), "äbc");
        let long = serde_json::from_str::<Text<4>>(r#""abcde""#).unwrap_err().to_string();
        assert!(long.contains("more than 4"), "{long}");
        assert_eq!(&*Text::<4>::cut("abcä"), "abc");
        assert_eq!(&*Text::<5>::cut("abcä"), "abcä");
        assert_eq!(serde_json::from_str::<List<u8, 3>>("[1,2,3]").unwrap().len(), 3);
        assert!(serde_json::from_str::<List<u8, 3>>("[1,2,3,4]").is_err());
        assert_eq!((0..9).collect::<List<u8, 3>>()[..], [0, 1, 2]);
    }
}
