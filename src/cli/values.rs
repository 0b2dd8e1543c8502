//! Values as people type them: counts with suffixes, colours. Types with a `FromStr` of their own need nothing here.

use std::fmt::Write;
use std::path::Path;

use crate::error::Visible;
use crate::render::image::View;
pub(super) use crate::shade::grouped;
use crate::shade::{Theme, colour};
use crate::tile::LonLatBounds;

/// A whole number with an optional suffix k, M, G or B (thousand, million, billion, billion), as in `10M` or `1.5k`.
pub(super) fn number(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is no number; write for instance 50000, 10M or 1.5k");
    let trimmed = text.trim();
    let (digits, factor) = match trimmed.char_indices().last() {
        Some((at, 'k' | 'K')) => (&trimmed[..at], 1_000u64),
        Some((at, 'm' | 'M')) => (&trimmed[..at], 1_000_000),
        Some((at, 'g' | 'G' | 'b' | 'B')) => (&trimmed[..at], 1_000_000_000),
        _ => (trimmed, 1),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !(whole.to_owned() + fraction).bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return Err(wrong());
    }
    let whole: u64 = whole.replace('_', "").parse().map_err(|_| wrong())?;
    let mut value = whole.checked_mul(factor).ok_or_else(wrong)?;
    let mut unit = factor;
    for digit in fraction.bytes().filter(|b| *b != b'_') {
        if !unit.is_multiple_of(10) {
            return Err(wrong());
        }
        unit /= 10;
        value = value.checked_add(u64::from(digit - b'0') * unit).ok_or_else(wrong)?;
    }
    Ok(value)
}

/// A number of points from 1 on, as [`number`] reads it.
pub(super) fn count(text: &str) -> Result<u32, String> {
    let value = number(text)?;
    let wrong = || format!("'{text}' is out of range; write a number of points from 1 to {}", u32::MAX);
    u32::try_from(value).ok().filter(|&value| value >= 1).ok_or_else(wrong)
}

/// A share such as 3/8: which one, from 1, and of how many.
pub(super) fn share_of(text: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("'{text}' is no share; write for instance 3/8 for the third of eight");
    let (number, of) = text.split_once('/').ok_or_else(wrong)?;
    let share: (u32, u32) = (number.trim().parse().map_err(|_| wrong())?, of.trim().parse().map_err(|_| wrong())?);
    if (1..=share.1).contains(&share.0) && share.1 <= MOST_SHARES { Ok(share) } else { Err(wrong()) }
}

/// Shares that rows are cut into, at most.
pub(super) const MOST_SHARES: u32 = 65_536;

/// Bytes with an optional suffix K, M, G or T in powers of 1024 (`512M`, `4G`, also `4GB` and `4GiB`); at least 1 MiB.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is no size; write for instance 512M or 4G, at least 1M");
    let upper = text.trim().to_ascii_uppercase();
    let trimmed = upper.strip_suffix("IB").or_else(|| upper.strip_suffix('B')).unwrap_or(&upper);
    let shift = match trimmed.chars().last() {
        Some('K') => 10,
        Some('M') => 20,
        Some('G') => 30,
        Some('T') => 40,
        _ => 0,
    };
    let digits = if shift == 0 { trimmed } else { &trimmed[..trimmed.len() - 1] };
    let value = digits.trim().parse::<u64>().ok().and_then(|v| v.checked_mul(1 << shift)).ok_or_else(wrong)?;
    if value < 1 << 20 { Err(wrong()) } else { Ok(value) }
}

/// A number from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let value = text.trim().parse::<f64>().ok().filter(|v| (0.0..=1.0).contains(v));
    value.ok_or_else(|| format!("'{text}' is no number from 0 to 1"))
}

/// An opaque colour: of CSS, or that of a plain base map.
pub(super) fn background(text: &str) -> Result<[u8; 3], String> {
    if let Ok(theme) = text.parse::<Theme>() {
        return Ok(theme.background());
    }
    match colour(text) {
        Some([r, g, b, 255]) => Ok([r, g, b]),
        Some(_) => Err(format!("'{text}' is not opaque, and a background has to be")),
        None => Err(format!("'{text}' is no colour; write one of CSS such as '#101418' or white, or dark or light")),
    }
}

/// What a picture shows: a box in degrees, or the whole world.
pub(super) fn view(text: &str) -> Result<View, String> {
    if text.trim().eq_ignore_ascii_case("world") {
        return Ok(View::World);
    }
    let wrong =
        || format!("'{text}' is no box; write west,south,east,north in degrees, for instance -6,50,2,59, or world");
    let numbers: Vec<f64> =
        text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let &[west, south, east, north] = numbers.as_slice() else { return Err(wrong()) };
    let on_earth =
        [west, east].iter().all(|lon| lon.abs() <= 180.0) && [south, north].iter().all(|lat| lat.abs() <= 90.0);
    if !on_earth {
        return Err(format!("'{text}' is not on earth; longitudes go to 180 and latitudes to 90 degrees"));
    }
    if south >= north || west == east || (west, east) == (180.0, -180.0) {
        return Err(format!("'{text}' is empty; south comes before north: west,south,east,north"));
    }
    Ok(View::Bounds(LonLatBounds { west, south, east, north }))
}

/// One byte of ASCII.
pub(super) fn byte(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        &[byte] if byte.is_ascii() => Ok(byte),
        _ => Err(format!("'{text}' is not one character; give one such as # or %")),
    }
}

/// A place: two numbers with a comma between them, x before y.
pub(super) fn place(text: &str) -> Result<(f64, f64), String> {
    let wrong = || format!("'{text}' is no place; write two numbers, the longitude first, such as -1,-1");
    let (x, y) = text.split_once(',').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(wrong);
    Ok((number(x)?, number(y)?))
}

/// A path for people; whatever it is called, it holds no control characters.
pub(super) fn shown(path: &Path) -> String {
    visible(&path.display().to_string())
}

/// Text of somebody else's as one line that moves no cursor.
pub(super) fn visible(text: &str) -> String {
    let mut line = String::new();
    // Writing to a String cannot fail.
    let _ = Visible(&mut line).write_str(text);
    line
}

/// Bytes for people: "17 B", "4.2 kB", "38.1 MB".
pub(super) fn bytes(value: u64) -> String {
    let mut scaled = value as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if scaled < 999.5 {
            return if unit == "B" { format!("{scaled:.0} {unit}") } else { format!("{scaled:.1} {unit}") };
        }
        scaled /= 1000.0;
    }
    format!("{scaled:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_suffixes() {
        let cases = [("0", 0), ("50000", 50_000), ("10M", 10_000_000), ("1.5k", 1_500), ("2g", 2_000_000_000)];
        for (text, value) in cases {
            assert_eq!(number(text), Ok(value), "{text}");
        }
        for text in ["", "M", "-1", "1.5", "1.2345k", "ten", "1e6", "99999999999999999999"] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_with_suffixes() {
        for (text, value) in [("512M", 512 << 20), ("4g", 4 << 30), ("4GiB", 4 << 30), ("2097152", 2 << 20)] {
            assert_eq!(size(text), Ok(value), "{text}");
        }
        for text in ["", "M", "1k", "0", "-4G", "4.5G", "99999999999T"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!((grouped(0), grouped(999), grouped(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!((bytes(17), bytes(4_200), bytes(999_999)), ("17 B".into(), "4.2 kB".into(), "1.0 MB".into()));
    }
}
