//! What a tile is, from its own first bytes: which kind of picture and how large. Whatever a set says of its tiles, these
//! decide. Pixels are not looked at.

/// A kind of picture that browsers draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PNG, animated or not.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
    /// AVIF.
    Avif,
    /// GIF.
    Gif,
}

impl Kind {
    /// The kind of these bytes; `None` where they begin like none.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let has = |at: usize, mark: &[u8]| bytes.get(at..at + mark.len()) == Some(mark);
        if has(0, b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if has(0, b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if has(0, b"RIFF") && has(8, b"WEBP") {
            Some(Self::Webp)
        } else if has(4, b"ftypavif") || has(4, b"ftypavis") {
            Some(Self::Avif)
        } else if has(0, b"GIF8") {
            Some(Self::Gif)
        } else {
            None
        }
    }

    /// The kind that a file's ending, a set's `format` or a media type stands for.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        match name.strip_prefix("image/").unwrap_or(&name).trim_start_matches('.') {
            // Many sets say how many bits their PNG tiles have.
            "png" | "png8" | "png24" | "png32" | "apng" | "png256" => Some(Self::Png),
            "jpg" | "jpeg" | "jpe" | "jfif" => Some(Self::Jpeg),
            "webp" => Some(Self::Webp),
            "avif" => Some(Self::Avif),
            "gif" => Some(Self::Gif),
            _ => None,
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Gif => "image/gif",
        }
    }

    /// How names of its files end, without the dot; also what TileJSON calls it.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Avif => "avif",
            Self::Gif => "gif",
        }
    }
}

/// What a name or a word says of tiles that are data of a map rather than pictures of one.
pub(super) fn is_vector(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let name = name.trim_start_matches('.');
    let name = name.strip_suffix(".gz").unwrap_or(name);
    matches!(name, "pbf" | "mvt" | "mlt" | "geojson" | "topojson" | "application/vnd.mapbox-vector-tile")
        || name == "application/x-protobuf"
}

/// Whether bytes are packed by gzip.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b, 8])
}

/// Whether bytes look like a vector tile: a list of layers of version 1 or 2, each with a name, and nothing else.
pub(super) fn looks_vector(bytes: &[u8]) -> bool {
    // Field 3 of a tile is a layer, of which field 1 is the name.
    let (Some(0x1a), Some(rest)) = (bytes.first(), bytes.get(1..)) else { return false };
    let length = rest.iter().take(5).position(|b| b & 0x80 == 0);
    length.and_then(|at| rest.get(at + 1)).is_some_and(|field| matches!(field, 0x0a | 0x78 | 0x12))
}

/// Largest side that a tile may have.
const SIDE: u32 = 4096;

/// Pixels along the sides of a picture, width and height; `None` where its first bytes do not tell, or tell what no tile
/// has.
pub(super) fn sides(bytes: &[u8]) -> Option<(u32, u32)> {
    let sides = match Kind::of(bytes)? {
        Kind::Png => (big(bytes, 16)?, big(bytes, 20)?),
        Kind::Gif => (little(bytes, 6, 2)?, little(bytes, 8, 2)?),
        Kind::Jpeg => jpeg(bytes)?,
        Kind::Webp => webp(bytes)?,
        Kind::Avif => {
            // The size of the first item that has one.
            let at = bytes.windows(4).take(4096).position(|word| word == b"ispe")?;
            (big(bytes, at + 8)?, big(bytes, at + 12)?)
        }
    };
    [sides.0, sides.1].iter().all(|side| (1..=SIDE).contains(side)).then_some(sides)
}

fn big(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let word = bytes.get(at..at + length)?;
    Some(word.iter().rev().fold(0, |value, byte| (value << 8) | u32::from(*byte)))
}

/// The frame header of a JPEG file, behind other segments.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let kind = *bytes.get(at + 1)?;
        match kind {
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            // Frames of all processes; between them lie tables.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let word = |at: usize| bytes.get(at..)?.first_chunk().map(|word| u16::from_be_bytes(*word).into());
                return Some((word(at + 7)?, word(at + 5)?));
            }
            _ => {
                let length = usize::from(u16::from_be_bytes(*bytes.get(at + 2..)?.first_chunk()?));
                at += 2 + length.max(2);
            }
        }
    }
}

/// The three forms of WebP.
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8 " => Some((little(bytes, 26, 2)? & 0x3fff, little(bytes, 28, 2)? & 0x3fff)),
        b"VP8L" => {
            let word = little(bytes, 21, 4)?;
            Some(((word & 0x3fff) + 1, ((word >> 14) & 0x3fff) + 1))
        }
        b"VP8X" => Some((little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn png(side: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(side.to_be_bytes());
        bytes.extend(side.to_be_bytes());
        bytes
    }

    #[test]
    fn kind_and_size_are_in_the_first_bytes() {
        let jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xdb\x00\x03t\xff\xc0\x00\x0b\x08\x01\x00\x02\x00\x01".to_vec();
        let riff = |form: &[u8], rest: &[u8]| [b"RIFF\x30\0\0\0WEBP", form, b"\x20\0\0\0", rest].concat();
        let lossless = (511u32 | (255 << 14)).to_le_bytes();
        for (bytes, kind, size) in [
            (png(512), Kind::Png, (512, 512)),
            (jpeg, Kind::Jpeg, (512, 256)),
            (b"GIF89a\x00\x01\x00\x02".to_vec(), Kind::Gif, (256, 512)),
            (riff(b"VP8 ", b"\x30\x01\0\x9d\x01\x2a\x00\x01\x00\x02"), Kind::Webp, (256, 512)),
            (riff(b"VP8L", &[b"\x2f", &lossless[..]].concat()), Kind::Webp, (512, 256)),
            (riff(b"VP8X", b"\x10\0\0\0\xff\0\0\xff\x01\0"), Kind::Webp, (256, 512)),
        ] {
            assert_eq!((Kind::of(&bytes), sides(&bytes)), (Some(kind), Some(size)));
            assert_eq!(Kind::named(kind.ending()), Some(kind));
            assert_eq!(Kind::named(kind.media_type()), Some(kind));
        }
        let avif = [b"\0\0\0\x20ftypavif".to_vec(), b"....ispe\0\0\0\0\0\0\x01\0\0\0\x02\0".to_vec()].concat();
        assert_eq!((Kind::of(&avif), sides(&avif)), (Some(Kind::Avif), Some((256, 512))));
        for none in [&b""[..], b"<html>", b"\x1f\x8b\x08", b"\x1a\x05\x0a\x03abc"] {
            assert_eq!((Kind::of(none), sides(none)), (None, None));
        }
    }

    #[test]
    fn vector_tiles_are_known() {
        assert!(looks_vector(b"\x1a\x20\x0a\x05water\x12\x00\x78\x02"));
        assert!(looks_vector(b"\x1a\x85\x01\x78\x02\x0a\x03abc"));
        assert!(!looks_vector(b"a picture") && !looks_vector(&png(256)) && !looks_vector(b"\x1a"));
        for name in ["pbf", ".mvt", "MVT", "pbf.gz", "geojson"] {
            assert!(is_vector(name), "{name}");
        }
        assert!(!is_vector("png") && !is_vector("json"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), head in 0usize..4) {
            let heads: [&[u8]; 4] = [b"\xff\xd8\xff", b"RIFF....WEBPVP8X", b"\x89PNG\r\n\x1a\n", b"....ftypavif"];
            let bytes = [heads[head], &bytes].concat();
            let _ = (sides(&bytes), looks_vector(&bytes));
        }
    }
}
