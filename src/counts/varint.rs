//! Whole numbers of few bytes where they are small: LEB128, seven bits a byte, the lowest first.

/// Appends a number.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The number at `at`, which moves behind it; `None` where there is none of at most 64 bits.
pub fn take(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            // Of the last byte there is room for one bit.
            return (shift < 63 || byte < 2).then_some(value);
        }
    }
    None
}
