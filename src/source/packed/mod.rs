//! Packed bytes: known by how they begin, unpacked by a thread beside those that read (`feed`). A `Recipe` is what is to
//! be done to them: a member of an archive is taken (`zip`), a stream unpacked, UTF-16 turned into UTF-8 (`text`).

mod feed;
mod gzip;
mod lz4;
mod parts;
mod raw;
mod text;
pub(super) mod zip;

use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) use self::feed::Feed;
pub(super) use self::raw::Raw;
pub(super) use self::text::is_utf16;
use self::zip::Member;
use super::input::known::KnownFile;
use crate::error::Result;

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
    /// As lz4 wrote before it had frames, and as Linux packs itself.
    OldLz4,
}

impl Packing {
    /// How bytes that begin with `head` are packed.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let magics: [(&[u8], Self); 6] = [
            (b"\x1f\x8b", Self::Gzip),
            (b"\x28\xb5\x2f\xfd", Self::Zstd),
            (b"BZh", Self::Bzip2),
            (b"\xfd7zXZ\0", Self::Xz),
            (b"\x04\x22\x4d\x18", Self::Lz4),
            (&lz4::OLD, Self::OldLz4),
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
            Self::Lz4 | Self::OldLz4 => "lz4",
        }
    }
}

/// How readable bytes are made of raw ones. The last step is always a look whether they are UTF-16.
#[derive(Debug, Clone, Default)]
pub(super) struct Recipe {
    member: Option<Arc<Member>>,
    packing: Option<Packing>,
    /// Whether they are, once the first ones were made.
    utf16: Arc<AtomicBool>,
}

impl Recipe {
    /// Unpacks one stream.
    #[cfg(test)]
    pub(super) fn unpack(packing: Packing) -> Self {
        Self::default().and(packing)
    }

    /// Takes a member of an archive.
    pub(super) fn member(member: Member) -> Self {
        Self { member: Some(Arc::new(member)), ..Self::default() }
    }

    /// Unpacks what comes out.
    pub(super) fn and(self, packing: Packing) -> Self {
        Self { packing: Some(packing), ..self }
    }

    /// Whether what was made so far was UTF-16.
    pub(super) fn made_of_utf16(&self) -> bool {
        self.utf16.load(Ordering::Relaxed)
    }

    /// What messages call the bytes that are made of those of `file`.
    pub(super) fn name(&self, file: &KnownFile) -> PathBuf {
        match &self.member {
            Some(member) => PathBuf::from(format!("{}/{}", file.path().display(), member.name)),
            None => file.path().to_path_buf(),
        }
    }

    /// The bytes of `file` that are used.
    pub(super) fn raw(&self, file: &Arc<KnownFile>) -> Result<Raw> {
        match &self.member {
            Some(member) => Raw::part(file, member.range.clone(), self.name(file)),
            None => Raw::known(file),
        }
    }

    /// How many those are of `size`.
    pub(super) fn used(&self, size: u64) -> u64 {
        self.member.as_ref().map_or(size, |member| member.range.end - member.range.start)
    }

    /// How bytes are packed that can be taken apart, once the first ones were made: a character of UTF-16 may stand in two
    /// parts, and a member of an archive is packed once more.
    fn splits(&self) -> Option<Packing> {
        self.packing.filter(|_| self.member.is_none() && !self.made_of_utf16())
    }

    /// What is unpacked, for messages.
    fn what(&self) -> &'static str {
        match self.packing {
            Some(Packing::Gzip) => "a gzip member",
            Some(Packing::Zstd) => "a zstd frame",
            Some(Packing::Bzip2) => "a bzip2 stream",
            Some(Packing::Xz) => "an xz stream",
            Some(Packing::Lz4) => "an lz4 frame",
            Some(Packing::OldLz4) => "a block of lz4",
            None => "its text",
        }
    }

    /// What comes out of `raw`, which is `part` of all that [`Recipe::splits`] or all of it.
    fn reader(&self, raw: Raw, part: bool) -> io::Result<Box<dyn Read>> {
        let name = raw.name().to_path_buf();
        let raw = BufReader::with_capacity(RAW, raw);
        let unpacked: Box<dyn Read> = match (&self.member, self.packing) {
            (None, None) => Box::new(raw),
            (None, Some(packing)) => packing.reader(raw)?,
            (Some(member), None) => member.reader(raw, &name)?,
            (Some(member), Some(packing)) => {
                packing.reader(BufReader::with_capacity(RAW, member.reader(raw, &name)?))?
            }
        };
        if part {
            return Ok(unpacked);
        }
        Ok(Box::new(text::Text::new(unpacked, name, self.utf16.clone())))
    }
}

impl Packing {
    /// What comes out of `raw`.
    fn reader(self, raw: impl BufRead + 'static) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::Gzip => Box::new(gzip::Members::new(raw)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(raw)?;
                decoder.window_log_max(WINDOW_LOG)?;
                Box::new(decoder)
            }
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(raw)),
            Self::Xz => {
                let flags = liblzma::stream::CONCATENATED;
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(raw, stream))
            }
            Self::Lz4 => Box::new(lz4::Frames::new(raw)),
            Self::OldLz4 => Box::new(lz4::Blocks::new(raw)),
        })
    }
}
