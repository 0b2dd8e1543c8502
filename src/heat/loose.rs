//! Numbers of metadata as other programs write them: as text ("3"), several in one text ("-1,2,3,4"), with a fraction of
//! nothing (3.0). What is no number is absent.

use serde_json::value::RawValue;

/// Longest text that can hold the few numbers that are wanted.
const LONGEST: usize = 512;
/// Most numbers in a list.
const MOST: usize = 8;

/// A number, bare or as text.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(f64),
    Text(String),
    List(Vec<Loose>),
}

impl Loose {
    fn read(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        (text.len() <= LONGEST).then(|| serde_json::from_str(text).ok()).flatten()
    }

    fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::List(_) => None,
        };
        number.filter(|number| number.is_finite())
    }
}

/// One number.
pub(super) fn number(raw: &RawValue) -> Option<f64> {
    Loose::read(raw)?.number()
}

/// A whole number of at most `most`.
pub(super) fn whole(raw: &RawValue, most: u32) -> Option<u32> {
    number(raw).filter(|n| n.fract() == 0.0 && (0.0..=f64::from(most)).contains(n)).map(|n| n as u32)
}

/// Several numbers, in a list or in one text.
pub(super) fn numbers(raw: &RawValue) -> Option<Vec<f64>> {
    let numbers: Option<Vec<f64>> = match Loose::read(raw)? {
        Loose::List(list) if list.len() <= MOST => list.iter().map(Loose::number).collect(),
        Loose::Text(text) => {
            let text = text.trim().trim_start_matches('[').trim_end_matches(']');
            let parts = text.split([',', ';']).take(MOST + 1);
            parts.map(|part| part.trim().parse().ok().filter(|n: &f64| n.is_finite())).collect()
        }
        _ => None,
    };
    numbers.filter(|numbers| numbers.len() <= MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn numbers_are_read_as_anyone_writes_them() {
        for (text, wanted) in [
            ("3", Some(3)),
            ("\"3\"", Some(3)),
            ("3.0", Some(3)),
            ("\" 9 \"", Some(9)),
            ("\"3.5\"", None),
            ("31", None),
        ] {
            assert_eq!(whole(&raw(text), 30), wanted, "{text}");
        }
        for none in ["\"\"", "null", "{}", "[3]", "-1", "\"NaN\"", "\"inf\"", "true"] {
            assert_eq!(whole(&raw(none), 30), None, "{none}");
        }
        for text in ["[-1, 2, 3, 4]", "\"-1,2,3,4\"", "\"-1, 2.0, 3, 4\"", "[\"-1\", 2, \"3\", 4]", "\"[-1,2,3,4]\""] {
            assert_eq!(numbers(&raw(text)), Some(vec![-1.0, 2.0, 3.0, 4.0]), "{text}");
        }
        for none in ["\"\"", "\"a,b\"", "3", "[[1]]", "[1,null]", "[1,2,3,4,5,6,7,8,9]", "\"1,2,3,4,5,6,7,8,9\""] {
            assert_eq!(numbers(&raw(none)), None, "{none}");
        }
        assert_eq!(numbers(&raw(&format!("\"1{}\"", ",1".repeat(1000)))), None);
    }
}
