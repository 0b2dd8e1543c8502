//! Plain decimals, eight digits at a time: what nearly all cells of nearly all files are.

/// Powers of ten that are exact in f64.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The plain decimal at `at` and where it ends; `None` for anything that needs more care.
///
/// Digits up to 2^53 over a power of ten up to 10^22 are both exact, so that one division rounds once: the
/// result is the nearest f64, as std's (Clinger, How to read floating point numbers accurately, 1990).
#[inline(always)]
pub(super) fn decimal<const POINT: u8>(bytes: &[u8], at: usize, delimiter: u8) -> Option<(f64, usize)> {
    let (negative, mantissa, places, end) = parts::<POINT>(bytes, at, delimiter)?;
    let value = mantissa as f64 / TENS[places];
    Some((if negative { -value } else { value }, end))
}

/// The same taken apart: whether it is below 0, its digits, how many of them are decimals, and where it ends.
#[inline(always)]
pub(super) fn parts<const POINT: u8>(bytes: &[u8], mut at: usize, delimiter: u8) -> Option<(bool, u64, usize, usize)> {
    while *bytes.get(at)? == b' ' {
        at += 1;
    }
    let negative = bytes[at] == b'-';
    at += usize::from(negative || bytes[at] == b'+');
    let (mut mantissa, mut count) = digits(bytes, at)?;
    at += count;
    let mut places = 0;
    if *bytes.get(at)? == POINT {
        at += 1;
        loop {
            let (more, n) = digits(bytes, at)?;
            // What overflows has too many digits and is refused below.
            mantissa = mantissa.wrapping_mul(POWERS[n]).wrapping_add(more);
            at += n;
            places += n;
            if n < 8 || places > 16 {
                break;
            }
        }
        count += places;
    }
    // 15 digits are below 2^53; of 16 some are.
    if count == 0 || count > 16 || mantissa > 1 << 53 {
        return None;
    }
    if !ends(*bytes.get(at)?, delimiter) {
        return None;
    }
    Some((negative, mantissa, places, at))
}

/// Whether a field without quotes ends before `byte`.
#[inline]
pub(super) fn ends(byte: u8, delimiter: u8) -> bool {
    byte == delimiter || byte == b'\n' || byte == b'\r'
}

const POWERS: [u64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The value of the leading digits of the eight bytes at `at`, and how many there are.
#[inline(always)]
fn digits(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*bytes.get(at..)?.first_chunk::<8>()?) ^ (0x30 * ONES);
    // A byte is no digit when it, or it plus 118, has its high bit set; carries only reach bytes behind the first.
    let other = (word | word.wrapping_add(0x76 * ONES)) & (0x80 * ONES);
    let count = (other.trailing_zeros() / 8) as usize;
    if count == 0 {
        return Some((0, 0));
    }
    // Zeros in front, then pairs, fours and eights of digits are joined by one multiplication each.
    let word = word << (64 - 8 * count);
    let word = (word * 10 + (word >> 8)) & 0x00ff_00ff_00ff_00ff;
    let word = (word * 100 + (word >> 16)) & 0x0000_ffff_0000_ffff;
    Some(((word * 10_000 + (word >> 32)) & 0xffff_ffff, count))
}

/// Calls `each` with the places of a byte in `text`, ascending, until it says no. Eight bytes are looked at together, and
/// nothing is called for each: fields are short.
#[inline(always)]
pub(super) fn for_each(byte: u8, text: &[u8], mut each: impl FnMut(usize) -> bool) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = 0x7f * ONES;
    let mut from = 0;
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        let other = u64::from_le_bytes(*word) ^ (u64::from(byte) * ONES);
        // The high bit of each byte that is the one looked for.
        let mut found = !(((other & LOW) + LOW) | other | LOW);
        while found > 0 {
            if !each(from + (found.trailing_zeros() / 8) as usize) {
                return;
            }
            found &= found - 1;
        }
        from += 8;
    }
    for (at, _) in rest.iter().enumerate().filter(|(_, other)| **other == byte) {
        if !each(from + at) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tens_and_digits_are_exact() {
        for (i, ten) in TENS.iter().enumerate() {
            assert_eq!(*ten, format!("1e{i}").parse::<f64>().unwrap());
        }
        assert_eq!(digits(b"12345678,", 0), Some((12_345_678, 8)));
        assert_eq!(digits(b"x1234567,", 1), Some((1_234_567, 7)));
        assert_eq!(digits(b"0.5.....", 0), Some((0, 1)));
        for other in [b'/', b':', 0u8, 0x80, 0xff, b'\n', b'"', 0xb0] {
            assert_eq!(digits(&[other; 8], 0), Some((0, 0)));
            assert_eq!(digits(&[b'7', other, b'1', b'1', b'1', b'1', b'1', b'1'], 0), Some((7, 1)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_decimal_is_what_std_makes_of_it(text in "[+-]?[0-9]{0,10}\\.?[0-9]{0,17}", padding in "[,\n]1234567") {
            let line = format!("{text}{padding}        ");
            if let Some((value, end)) = decimal::<b'.'>(line.as_bytes(), 0, b',') {
                prop_assert_eq!(end, text.len());
                prop_assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
            }
        }

        #[test]
        fn bytes_are_found_where_they_are(text in proptest::collection::vec(prop_oneof![Just(b','), any::<u8>()], 0..60), most in 0usize..20) {
            let all: Vec<usize> = text.iter().enumerate().filter(|(_, byte)| **byte == b',').map(|(at, _)| at).collect();
            let mut found = Vec::new();
            for_each(b',', &text, |at| {
                found.push(at);
                found.len() < most.max(1)
            });
            prop_assert_eq!(&found[..], &all[..all.len().min(most.max(1))]);
        }
    }
}
