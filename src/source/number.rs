//! A field's bytes -> a finite f64, exactly as std would parse it.

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Field {
    /// Nothing but space.
    Blank,
    /// A finite number.
    Number(f64),
    /// Anything else: text, NaN, infinity, a number beyond f64.
    NotANumber,
}

/// Reads a field; surrounding space and one leading `+` are allowed.
pub(super) fn parse(bytes: &[u8]) -> Field {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return Field::Blank;
    }
    match fast_float2::parse::<f64, _>(bytes) {
        Ok(value) if value.is_finite() => Field::Number(value),
        _ => Field::NotANumber,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_blanks_and_the_rest_are_told_apart() {
        for (text, value) in
            [("51.5", 51.5), ("+51.5", 51.5), (" -0.1276\t", -0.1276), ("1e2", 100.0), (".5", 0.5), ("5.", 5.0)]
        {
            assert_eq!(parse(text.as_bytes()), Field::Number(value), "{text}");
        }
        for text in ["", " ", "\t "] {
            assert_eq!(parse(text.as_bytes()), Field::Blank);
        }
        for text in [
            "NaN",
            "nan",
            "inf",
            "-Infinity",
            "1e400",
            "-1e400",
            "\\N",
            "12,5",
            "1 2",
            "0x10",
            "--1",
            "+-1",
            "+",
            "5e",
            "\u{feff}1",
        ] {
            assert_eq!(parse(text.as_bytes()), Field::NotANumber, "{text}");
        }
    }

    proptest! {
        #[test]
        fn equals_std(text in "[+-]?[0-9]{0,20}(\\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?") {
            let expected = match text.parse::<f64>() {
                _ if text.is_empty() => Field::Blank,
                Ok(value) if value.is_finite() => Field::Number(value),
                _ => Field::NotANumber,
            };
            prop_assert_eq!(parse(text.as_bytes()), expected);
        }

        #[test]
        fn reads_back_what_was_printed(value in any::<f64>()) {
            let expected = if value.is_finite() { Field::Number(value) } else { Field::NotANumber };
            prop_assert_eq!(parse(format!("{value}").as_bytes()), expected);
        }
    }
}
