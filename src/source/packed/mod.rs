//! Packed bytes: known by how they begin, unpacked by a thread beside those that read (`feed`).

mod feed;
mod gzip;
mod parts;
mod raw;

use std::io::{self, BufReader, Read};

pub(super) use self::feed::Feed;
pub(super) use self::raw::Raw;

/// Packed bytes read at once.
const RAW: usize = 128 << 10;
/// The most that a decoder may keep of what it made (zstd's window; `--long` asks for more): 2^27 bytes.
const WINDOW_LOG: u32 = 27;
/// The same for xz, whose highest level has a dictionary of 64 MiB.
const XZ_MEMORY: u64 = 160 << 20;

/// A way to pack one stream of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Lz4,
}

impl Packing {
    /// How bytes that begin with `head` are packed.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let magics: [(&[u8], Self); 5] = [
            (b"\x1f\x8b", Self::Gzip),
            (b"\x28\xb5\x2f\xfd", Self::Zstd),
            (b"BZh", Self::Bzip2),
            (b"\xfd7zXZ\0", Self::Xz),
            (b"\x04\x22\x4d\x18", Self::Lz4),
        ];
        if let Some((_, packing)) = magics.iter().find(|(magic, _)| head.starts_with(magic)) {
            let bzip2 = *packing != Self::Bzip2
                || head.get(4..10).is_none_or(|block| {
                    matches!(block, [0x31, 0x41, 0x59, 0x26, 0x53, 0x59] | [0x17, 0x72, 0x45, 0x38, 0x50, 0x90])
                });
            return bzip2.then_some(*packing);
        }
        // A frame to be skipped, as pzstd writes first.
        matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]).then_some(Self::Zstd)
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Lz4 => "lz4",
        }
    }
}

/// How readable bytes are made of raw ones.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    packing: Packing,
}

impl Recipe {
    /// Unpacks one stream.
    pub(super) fn unpack(packing: Packing) -> Self {
        Self { packing }
    }

    /// How bytes are packed that can be taken apart.
    fn splits(&self) -> Option<Packing> {
        Some(self.packing)
    }

    /// What is unpacked, for messages.
    fn what(&self) -> &'static str {
        match self.packing {
            Packing::Gzip => "a gzip member",
            Packing::Zstd => "a zstd frame",
            Packing::Bzip2 => "a bzip2 stream",
            Packing::Xz => "an xz stream",
            Packing::Lz4 => "an lz4 frame",
        }
    }

    /// What comes out of `raw`.
    fn reader(&self, raw: Raw) -> io::Result<Box<dyn Read>> {
        let raw = BufReader::with_capacity(RAW, raw);
        Ok(match self.packing {
            Packing::Gzip => Box::new(gzip::Members::new(raw)),
            Packing::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(raw)?;
                decoder.window_log_max(WINDOW_LOG)?;
                Box::new(decoder)
            }
            Packing::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(raw)),
            Packing::Xz => {
                let flags = liblzma::stream::CONCATENATED;
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(raw, stream))
            }
            Packing::Lz4 => Box::new(Frames(lz4_flex::frame::FrameDecoder::new(raw))),
        })
    }
}

/// Frames of lz4 one after the other.
struct Frames<R: Read>(lz4_flex::frame::FrameDecoder<R>);

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The end of a frame reads as 0 bytes, and so does the end of all: then twice.
        for _ in 0..2 {
            let got = self.0.read(buffer)?;
            if got > 0 || buffer.is_empty() {
                return Ok(got);
            }
        }
        Ok(0)
    }
}
