//! Adler-32, as the sums it is: a = 1 + sum of bytes, b = n + sum of (bytes still to come, itself included) * byte.
//! Zeros add nothing to either, so a list of the other bytes is all that is needed.

const PRIME: u64 = 65521;

/// The checksum of `bytes`.
pub(super) fn adler32(bytes: &[u8]) -> u32 {
    let (sum, weighted) = sums(bytes);
    finish(sum, weighted, bytes.len())
}

/// The sum of `bytes`, and that weighted by the number of bytes from each to the end.
pub(super) fn sums(bytes: &[u8]) -> (u64, u64) {
    const BLOCK: usize = 64;
    let (mut sum, mut weighted) = (0u64, 0u64);
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for block in blocks {
        let (mut s, mut w) = (0u32, 0u32);
        for (k, &byte) in block.iter().enumerate() {
            s += u32::from(byte);
            w += u32::from(u16::from(byte) * (BLOCK - k) as u16);
        }
        weighted += sum * BLOCK as u64 + u64::from(w);
        sum += u64::from(s);
    }
    for &byte in rest {
        sum += u64::from(byte);
        weighted += sum;
    }
    (sum, weighted)
}

/// The checksum of `size` bytes from their sum and their sum weighted by the number of bytes from each to the end.
pub(super) fn finish(sum: u64, weighted: u64, size: usize) -> u32 {
    let a = (1 + sum) % PRIME;
    let b = (size as u64 + weighted) % PRIME;
    (b << 16 | a) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_are_those_of_the_definition() {
        assert_eq!(adler32(b""), 1);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        let bytes: Vec<u8> = (0..70_001u32).map(|i| (u64::from(i).pow(2) % 251) as u8).collect();
        let (mut a, mut b) = (1u32, 0u32);
        for &byte in &bytes {
            a = (a + u32::from(byte)) % 65521;
            b = (b + a) % 65521;
        }
        assert_eq!(adler32(&bytes), b << 16 | a);
    }
}
