//! Where a packed file can be taken apart: frames of zstd (RFC 8878; pzstd and `t2sz` write many, joined files have them)
//! and blocks of BGZF (gzip members that tell their length, as bgzip writes), each unpacked by itself. Only headers are
//! read here; what is in them, and whether it is whole, is the decoder's to find out.

use super::{Packing, Raw};
use crate::error::Result;

/// Packed bytes of zstd after which a part ends, if a frame does.
const ENOUGH: u64 = 256 << 10;
/// Blocks of BGZF in a part: each holds up to 64 KiB.
const BLOCKS: u32 = 16;
/// A frame with more packed bytes is left to one thread, with all that follows: to look for its end would be to read
/// through the file before anything is unpacked.
const LARGE: u64 = 64 << 20;

/// Bytes in the windows of all frames of zstd that are unpacked at once; one frame alone may have a larger one.
const WINDOWS: u64 = 48 << 20;

/// How a frame of zstd begins.
struct Head {
    /// Where its first block begins, or its end where it has none.
    next: u64,
    /// Bytes that a decoder must remember.
    window: u64,
    /// Whether it has any: others are passed over.
    blocks: bool,
    /// Bytes of the checksum behind the last one.
    sum: u64,
}

/// The parts of packed bytes, in order.
pub(super) struct Parts {
    raw: Raw,
    packing: Option<Packing>,
    at: u64,
    end: u64,
    begun: bool,
    /// The largest window of a frame that is a part of its own.
    window: u64,
}

impl Parts {
    /// Of bytes that are packed as `packing` says; with `None`, or where they come from a pipe, all is one part.
    pub(super) fn new(raw: Raw, packing: Option<Packing>) -> Self {
        let range = raw.range();
        let packing = packing.filter(|packing| matches!(packing, Packing::Zstd | Packing::Gzip) && range.is_some());
        let range = range.unwrap_or(0..0);
        Self { raw, packing, at: range.start, end: range.end, begun: false, window: WINDOWS }
    }

    /// How many of `threads` can work on them at once, asked before the first is taken.
    pub(super) fn for_threads(&mut self, threads: usize) -> Result<usize> {
        let Some(packing) = self.packing.filter(|_| threads > 1) else { return Ok(1) };
        let threads = match packing {
            Packing::Zstd => {
                let window = self.zstd_head(self.at)?.map_or(WINDOWS, |head| head.window);
                usize::try_from(WINDOWS / window.max(1)).unwrap_or(threads).min(threads)
            }
            _ => threads,
        };
        self.window = WINDOWS / threads.max(1) as u64;
        if threads < 2 || self.end_of_part(packing)? == self.end {
            self.packing = None;
            return Ok(1);
        }
        Ok(threads)
    }

    /// The next part.
    pub(super) fn next(&mut self) -> Result<Option<Raw>> {
        if self.at >= self.end && self.begun {
            return Ok(None);
        }
        self.begun = true;
        let begin = self.at;
        self.at = self.packing.map_or(Ok(self.end), |packing| self.end_of_part(packing))?;
        Ok(Some(self.raw.cut(begin, self.at)))
    }

    /// Lets go of the file: there are no parts any more.
    pub(super) fn close(&mut self) {
        (self.at, self.begun) = (self.end, true);
        self.raw.close();
    }

    /// Where the part that begins here ends: where another frame begins, or at the end of all.
    fn end_of_part(&self, packing: Packing) -> Result<u64> {
        let (mut at, mut frames) = (self.at, 0);
        loop {
            let Some(end) = self.end_of_frame(packing, at)? else { return Ok(self.end) };
            at = end;
            frames += 1;
            let enough = if packing == Packing::Zstd { at - self.at >= ENOUGH } else { frames >= BLOCKS };
            // What is no frame is told of as if all were unpacked in one go.
            if enough && self.end_of_frame(packing, at)?.is_some() {
                return Ok(at);
            }
        }
    }

    /// Where the frame at `at` ends; `None` where none begins or its end is not to be found.
    fn end_of_frame(&self, packing: Packing, at: u64) -> Result<Option<u64>> {
        let end = if packing == Packing::Zstd { self.end_of_zstd(at)? } else { self.end_of_block(at)? };
        Ok(end.filter(|end| *end <= self.end))
    }

    /// The head of the frame of zstd at `at`: sections 3.1.1.1 and 3.1.2 of RFC 8878.
    fn zstd_head(&self, at: u64) -> Result<Option<Head>> {
        let Some([a, b, c, d, descriptor]) = self.bytes::<5>(at)? else { return Ok(None) };
        if matches!([a, b, c, d], [0x50..=0x5f, 0x2a, 0x4d, 0x18]) {
            let len = self.bytes(at + 4)?.map(u32::from_le_bytes);
            return Ok(len.map(|len| Head { next: at + 8 + u64::from(len), window: 0, blocks: false, sum: 0 }));
        }
        if [a, b, c, d] != [0x28, 0xb5, 0x2f, 0xfd] {
            return Ok(None);
        }
        let single = descriptor >> 5 & 1 == 1;
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let content = [u64::from(single), 2, 4, 8][usize::from(descriptor >> 6)];
        let fields = at + 5;
        let next = fields + u64::from(!single) + dictionary + content;
        let window = if single {
            // The number is least significant byte first; that of two bytes counts from 256.
            let mut number = [0; 8];
            for (i, byte) in (0..content).zip(&mut number) {
                let Some([there]) = self.bytes(fields + dictionary + i)? else { return Ok(None) };
                *byte = there;
            }
            u64::from_le_bytes(number) + if content == 2 { 256 } else { 0 }
        } else {
            let Some([window]) = self.bytes(fields)? else { return Ok(None) };
            let base = 1_u64 << (10 + (window >> 3));
            base + (base >> 3) * u64::from(window & 7)
        };
        let sum = if descriptor & 4 == 0 { 0 } else { 4 };
        Ok(Some(Head { next, window, blocks: true, sum }))
    }

    /// Section 3.1.1 of RFC 8878.
    fn end_of_zstd(&self, at: u64) -> Result<Option<u64>> {
        let Some(Head { mut next, window, blocks, sum }) = self.zstd_head(at)? else { return Ok(None) };
        if !blocks {
            return Ok(Some(next));
        }
        if window > self.window {
            return Ok(None);
        }
        while let Some([a, b, c]) = self.bytes::<3>(next)? {
            let block = u32::from_le_bytes([a, b, c, 0]);
            let len = match block >> 1 & 3 {
                0 | 2 => u64::from(block >> 3),
                1 => 1,
                _ => return Ok(None),
            };
            next += 3 + len;
            if next - at > LARGE {
                return Ok(None);
            }
            if block & 1 == 1 {
                return Ok(Some(next + sum));
            }
        }
        Ok(None)
    }

    /// A gzip member whose first extra field tells its length less 1.
    fn end_of_block(&self, at: u64) -> Result<Option<u64>> {
        Ok(self.bytes::<18>(at)?.and_then(|head| {
            let extra = u16::from_le_bytes([head[10], head[11]]);
            let known = head[..4] == [0x1f, 0x8b, 8, 4] && head[12..16] == *b"BC\x02\0" && extra >= 6;
            let len = u64::from(u16::from_le_bytes([head[16], head[17]])) + 1;
            (known && len >= 26).then_some(at + len)
        }))
    }

    /// The bytes at `at`, if there are so many.
    fn bytes<const N: usize>(&self, at: u64) -> Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        let there = at.checked_add(N as u64).is_some_and(|end| end <= self.end);
        Ok(if there && self.raw.peek(&mut bytes, at)? { Some(bytes) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::error::Error;
    use crate::monitor::Monitor;
    use crate::source::input::known::KnownFile;
    use crate::source::packed::{Feed, Recipe};
    use crate::source::stop::Stop;

    fn known(bytes: &[u8]) -> (tempfile::NamedTempFile, Arc<KnownFile>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let open = std::fs::File::open(file.path()).unwrap();
        let meta = open.metadata().unwrap();
        let known = KnownFile::new(file.path(), open, &meta, true);
        (file, Arc::new(known))
    }

    /// What comes out, and the error, with what the file is called left out.
    fn unpacked(bytes: &[u8], packing: Packing, threads: usize) -> (Vec<u8>, Option<String>) {
        let (file, known) = known(bytes);
        let monitor = Monitor::default();
        let stop = Stop::new(&monitor);
        let mut feed = Feed::start(Raw::known(&known).unwrap(), &Recipe::unpack(packing), None, threads).unwrap();
        let (mut out, mut buffer) = (Vec::new(), vec![0; 70_000]);
        loop {
            match feed.read(&mut buffer, Path::new("x"), Some(&monitor), &stop) {
                Ok(0) => {
                    let read = monitor.bytes_read.load(std::sync::atomic::Ordering::Relaxed);
                    assert_eq!(read, bytes.len() as u64, "bytes of the file that were counted");
                    return (out, None);
                }
                Ok(got) => out.extend_from_slice(&buffer[..got]),
                Err(Error::Input(text)) => return (out, Some(text.replace(&*file.path().to_string_lossy(), "x"))),
                Err(other) => panic!("{other}"),
            }
        }
    }

    /// Bytes that do not pack to nothing.
    fn content(len: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let number = |state: &mut u64| {
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            *state
        };
        (0..len).map(|_| b'0' + (number(&mut state) % 10) as u8).collect()
    }

    /// A block as bgzip writes it.
    fn block(bytes: &[u8]) -> Vec<u8> {
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        deflate.write_all(bytes).unwrap();
        let data = deflate.finish().unwrap();
        let mut out = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0".to_vec();
        out.extend(((data.len() + 25) as u16).to_le_bytes());
        out.extend(&data);
        out.extend(crc32fast::hash(bytes).to_le_bytes());
        out.extend((bytes.len() as u32).to_le_bytes());
        out
    }

    fn frame(bytes: &[u8], how: u8) -> Vec<u8> {
        if how == 0 {
            let mut out = b"\x53\x2a\x4d\x18".to_vec();
            out.extend((bytes.len() as u32 % 1000).to_le_bytes());
            out.extend(bytes.iter().take(bytes.len() % 1000));
            return out;
        }
        let mut encoder = zstd::Encoder::new(Vec::new(), if how == 1 { 1 } else { 7 }).unwrap();
        encoder.include_checksum(how.is_multiple_of(2)).unwrap();
        encoder.include_contentsize(how > 3).unwrap();
        if how > 2 {
            encoder.set_pledged_src_size(Some(bytes.len() as u64)).unwrap();
        }
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn parts_of(bytes: &[u8], packing: Packing) -> usize {
        let (_file, known) = known(bytes);
        let mut parts = Parts::new(Raw::known(&known).unwrap(), Some(packing));
        parts.for_threads(4).unwrap();
        let mut at = 0;
        let mut n = 0;
        while let Some(part) = parts.next().unwrap() {
            let range = part.range().unwrap();
            assert_eq!(range.start, at);
            at = range.end;
            n += 1;
        }
        assert_eq!(at, bytes.len() as u64);
        n
    }

    #[test]
    fn files_are_taken_apart_where_frames_and_blocks_end() {
        let frames: Vec<u8> = (0..8).flat_map(|i| frame(&content(1_300_000, i), 1 + (i % 5) as u8)).collect();
        assert_eq!(parts_of(&frames, Packing::Zstd), 8);
        let blocks: Vec<u8> = (0..40).flat_map(|i| block(&content(60_000, i))).chain(block(b"")).collect();
        assert_eq!(parts_of(&blocks, Packing::Gzip), 3);
        // One frame, one member, and what follows a frame whose window is too large.
        assert_eq!(parts_of(&frame(&content(3_000_000, 1), 1), Packing::Zstd), 1);
        let mut wide = zstd::Encoder::new(frame(&content(1_000_000, 1), 1), 1).unwrap();
        wide.window_log(24).unwrap();
        wide.write_all(&content(1_000_000, 2)).unwrap();
        let wide =
            [wide.finish().unwrap(), frame(&content(1_000_000, 1), 1), frame(&content(1_000_000, 1), 1)].concat();
        assert_eq!(parts_of(&wide, Packing::Zstd), 1);
        let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        member.write_all(&content(3_000_000, 1)).unwrap();
        let member = member.finish().unwrap();
        assert_eq!(parts_of(&member, Packing::Gzip), 1);
        // A member of another kind behind blocks is unpacked with what follows.
        assert_eq!(parts_of(&[&blocks[..], &member, &blocks].concat(), Packing::Gzip), 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn many_threads_make_what_one_makes(
            frames in prop::collection::vec((0_u8..6, 0_usize..1_500_000, any::<u64>()), 1..7),
            tail in prop::option::weighted(0.2, prop::collection::vec(any::<u8>(), 1..3)),
            cut in prop::option::weighted(0.3, 0.0..1.0),
            flip in prop::option::weighted(0.3, 0.0..1.0),
            threads in 2_usize..6,
            bgzf in any::<bool>(),
        ) {
            let mut bytes: Vec<u8> = frames
                .iter()
                .flat_map(|&(how, len, seed)| {
                    let bytes = content(len, seed);
                    if bgzf { bytes.chunks(50_000).flat_map(block).collect() } else { frame(&bytes, how) }
                })
                .collect();
            let whole = tail.is_none() && cut.is_none() && flip.is_none();
            bytes.extend(tail.into_iter().flatten());
            if let Some(cut) = cut {
                bytes.truncate((bytes.len() as f64 * cut) as usize);
            }
            if let Some(flip) = flip && !bytes.is_empty() {
                let at = (bytes.len() as f64 * flip) as usize;
                bytes[at] ^= 0x10;
            }
            if bytes.is_empty() {
                return Ok(());
            }
            let packing = if bgzf { Packing::Gzip } else { Packing::Zstd };
            let one = unpacked(&bytes, packing, 1);
            let many = unpacked(&bytes, packing, threads);
            // What stands before an error is handed over by the buffer.
            let both = one.0.len().min(many.0.len());
            prop_assert_eq!(&one.0[..both], &many.0[..both]);
            prop_assert!(one.1.is_some() || one.0.len() == many.0.len());
            if whole {
                let all: Vec<u8> = frames.iter().filter(|f| bgzf || f.0 > 0).flat_map(|f| content(f.1, f.2)).collect();
                prop_assert_eq!(&many.0, &all);
            }
            prop_assert_eq!(one.1.is_some(), many.1.is_some(), "{:?} {:?}", one.1, many.1);
            if flip.is_none() {
                prop_assert_eq!(one.1.map(|t| t[..20].to_owned()), many.1.map(|t| t[..20].to_owned()));
            }
        }
    }
}
