//! lz4: frames one after the other, and the format before those (`lz4 -l`): blocks behind their lengths, up to the end
//! of the bytes.

use std::io::{self, ErrorKind, Read};

/// How the format before the frames begins.
pub(super) const OLD: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
/// Bytes unpacked of one of its blocks; all but the last one have as many.
const BLOCK: usize = 8 << 20;
/// The most that a block takes packed.
const PACKED: usize = BLOCK + BLOCK / 255 + 16;

/// Frames of lz4 one after the other. The decoder takes the end of the bytes for that of a frame; here it must come
/// behind a frame. Each frame has a decoder of its own: one does not take a frame whose blocks are smaller than those of
/// the frame before.
pub(super) struct Frames<R: Read> {
    /// Only taken out to be put back.
    decoder: Option<lz4_flex::frame::FrameDecoder<Tap<R>>>,
    /// Bytes taken when the last frame ended.
    closed: Option<u64>,
}

/// Bytes on their way into a decoder.
struct Tap<R> {
    from: R,
    taken: u64,
    ended: bool,
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.from.read(buffer)?;
        self.taken += got as u64;
        self.ended |= got == 0 && !buffer.is_empty();
        Ok(got)
    }
}

impl<R: Read> Frames<R> {
    pub(super) fn new(from: R) -> Self {
        let tap = Tap { from, taken: 0, ended: false };
        Self { decoder: Some(lz4_flex::frame::FrameDecoder::new(tap)), closed: Some(0) }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(decoder) = &mut self.decoder {
            let got = decoder.read(buffer)?;
            if got > 0 {
                self.closed = None;
                return Ok(got);
            }
            let tap = decoder.get_ref();
            if !tap.ended {
                self.closed = Some(tap.taken);
                let next = |decoder: lz4_flex::frame::FrameDecoder<_>| {
                    lz4_flex::frame::FrameDecoder::new(decoder.into_inner())
                };
                self.decoder = self.decoder.take().map(next);
            } else if self.closed == Some(tap.taken) {
                return Ok(0);
            } else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}

/// Blocks as lz4 wrote them before it had frames. Nothing tells that the last one is there.
pub(super) struct Blocks<R> {
    from: R,
    packed: Vec<u8>,
    block: Vec<u8>,
    /// How much of the block was given out.
    at: usize,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, packed: Vec::new(), block: Vec::new(), at: 0 }
    }

    /// Unpacks the next block; false at the end.
    fn next(&mut self) -> io::Result<bool> {
        let mut len = [0; 4];
        loop {
            // At least one byte, or the end.
            match self.from.read(&mut len[..1]) {
                Ok(0) => return Ok(false),
                Ok(_) => (),
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            }
            self.from.read_exact(&mut len[1..])?;
            // The first ones, and those of files that were joined.
            if len != OLD {
                break;
            }
        }
        let len = u32::from_le_bytes(len);
        if len as usize > PACKED {
            return Err(io::Error::new(ErrorKind::InvalidData, "no block begins where one must"));
        }
        self.packed.clear();
        // Room for what comes, not for what is said to come.
        (&mut self.from).take(u64::from(len)).read_to_end(&mut self.packed)?;
        if self.packed.len() < len as usize {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.block.resize(BLOCK, 0);
        let wrong = |e| io::Error::new(ErrorKind::InvalidData, e);
        let made = lz4_flex::block::decompress_into(&self.packed, &mut self.block).map_err(wrong)?;
        self.block.truncate(made);
        self.at = 0;
        Ok(true)
    }
}

impl<R: Read> Read for Blocks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.block.len() {
            if buffer.is_empty() || !self.next()? {
                return Ok(0);
            }
        }
        let got = (&self.block[self.at..]).read(buffer)?;
        self.at += got;
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn frame(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn lz4_is_read_to_the_end_of_its_last_frame() {
        let frames = [frame(&[7; 100_000]), frame(b""), frame(b""), frame(b"last")];
        let bytes = frames.concat();
        let read = |bytes: &[u8]| {
            let mut all = Vec::new();
            Frames::new(bytes).read_to_end(&mut all).map(|_| all)
        };
        let mut ends: Vec<usize> = Vec::new();
        frames.iter().for_each(|frame| ends.push(ends.last().unwrap_or(&0) + frame.len()));
        assert_eq!(read(&bytes).unwrap(), [&[7; 100_000][..], b"last"].concat());
        for cut in 1..bytes.len() {
            assert_eq!(read(&bytes[..cut]).is_ok(), ends.contains(&cut), "{cut} of {ends:?}");
        }
    }

    #[test]
    fn the_old_format_is_read_block_by_block() {
        let block = |bytes: &[u8]| {
            let packed = lz4_flex::block::compress(bytes);
            [&(packed.len() as u32).to_le_bytes()[..], &packed].concat()
        };
        let whole = vec![7; BLOCK];
        let bytes = [&OLD[..], &block(&whole), &block(b"last"), &OLD, &block(b"joined")].concat();
        let read = |bytes: &[u8]| {
            let mut all = Vec::new();
            Blocks::new(bytes).read_to_end(&mut all).map(|_| all)
        };
        assert_eq!(read(&bytes).unwrap(), [&whole[..], b"lastjoined"].concat());
        for cut in [2, 6, 10, bytes.len() - 3, bytes.len() - 9] {
            assert!(read(&bytes[..cut]).is_err(), "{cut}");
        }
        for wrong in
            [&b"\xff\xff\xff\xff"[..], b"\x04\x22\x4d\x18aaaa", b"\x03\0\0\0\xff\xff\xff", b"\x04\0\0\0\x10a\x09\0"]
        {
            assert!(read(&[&OLD[..], wrong].concat()).is_err(), "{wrong:x?}");
        }
    }
}
