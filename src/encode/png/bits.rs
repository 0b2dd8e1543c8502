//! Bits into bytes, lowest first, as deflate wants them.

/// Writes to a slice that has room for all bits and 16 bytes more.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    out: &'a mut [u8],
    at: usize,
    held: u64,
    count: u32,
}

/// Appends what `write` writes, at most `bits` bits, the last byte filled with zeros.
pub(super) fn append(out: &mut Vec<u8>, bits: usize, write: impl FnOnce(&mut Bits<'_>)) {
    let start = out.len();
    out.resize(start + bits.div_ceil(8) + 16, 0);
    let mut to = Bits { out: &mut out[start..], at: 0, held: 0, count: 0 };
    write(&mut to);
    let length = to.at + to.count.div_ceil(8) as usize;
    out.truncate(start + length);
}

impl Bits<'_> {
    /// Adds the low `count` bits of `bits`, whose others are 0. At most 56 bits between two calls of [`Bits::flush`].
    #[inline(always)]
    pub(super) fn hold(&mut self, bits: u64, count: u32) {
        self.held |= bits << self.count;
        self.count += count;
    }

    /// Writes what is held; keeps what is less than a byte.
    #[inline(always)]
    pub(super) fn flush(&mut self) {
        self.out[self.at..self.at + 8].copy_from_slice(&self.held.to_le_bytes());
        self.at += (self.count >> 3) as usize;
        self.held >>= self.count & !7;
        self.count &= 7;
    }

    /// [`Bits::hold`] and [`Bits::flush`].
    #[inline(always)]
    pub(super) fn put(&mut self, bits: u64, count: u32) {
        self.hold(bits, count);
        self.flush();
    }
}
