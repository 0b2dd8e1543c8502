//! The head of a GeoTIFF: what it is, a directory for each level, and where the blocks are that follow. A file whose blocks
//! lie beyond 4 GiB has the larger form (BigTIFF).

use super::blocks::BLOCK;
use crate::counts::Holds;
use crate::exchange::tables::Table;

/// Half the width of the world in EPSG:3857, in metres: pi * 6,378,137.
const HALF: f64 = 20_037_508.342_789_244;
/// What is said of the order of the file behind its first bytes, and how long that is.
const ORDER: &str = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
                     BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ";

/// A picture of the file: the zoom itself, or an overview.
#[derive(Debug)]
pub(super) struct Level {
    width: u64,
    height: u64,
    /// Where each block begins among the blocks, and its bytes; 0 bytes where nothing in it is lit.
    blocks: Vec<(u64, u64)>,
}

impl Level {
    pub(super) fn new(width: u64, height: u64) -> Self {
        let mut level = Self { width, height, blocks: Vec::new() };
        level.blocks = vec![(0, 0); level.across() as usize * level.down() as usize];
        level
    }

    /// Blocks from west to east.
    pub(super) fn across(&self) -> u32 {
        self.width.div_ceil(BLOCK as u64) as u32
    }

    /// Blocks from north to south.
    pub(super) fn down(&self) -> u32 {
        self.height.div_ceil(BLOCK as u64) as u32
    }

    /// The place of a block, row by row.
    pub(super) fn set(&mut self, block: usize, at: u64, bytes: u64) {
        self.blocks[block] = (at, bytes);
    }
}

/// What the picture shows.
pub(super) struct Meaning<'a> {
    pub(super) zoom: u8,
    /// Its north-western pixel, counted from that of the world.
    pub(super) west: u64,
    pub(super) north: u64,
    pub(super) table: &'a Table,
}

/// The value of an entry of a directory.
enum Entry {
    Short(Vec<u16>),
    Long(Vec<u32>),
    Wide(Vec<u64>),
    Double(Vec<f64>),
    Text(String),
}

impl Entry {
    /// The number of its type, how many there are, and their bytes.
    fn written(&self) -> (u16, u64, Vec<u8>) {
        match self {
            Self::Short(all) => (3, all.len() as u64, all.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Self::Long(all) => (4, all.len() as u64, all.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Self::Wide(all) => (16, all.len() as u64, all.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Self::Double(all) => (12, all.len() as u64, all.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Self::Text(text) => {
                let bytes = [text.as_bytes(), &[0]].concat();
                (2, bytes.len() as u64, bytes)
            }
        }
    }
}

/// The head of a file whose blocks take `bytes` bytes.
pub(super) fn head(levels: &[Level], meaning: &Meaning<'_>, holds: Holds, bytes: u64) -> Vec<u8> {
    // Its own length does not depend on where blocks are, so it is made once to be measured.
    let length = |big: bool| written(levels, meaning, holds, big, 0).len() as u64;
    let big = length(false) + bytes > u64::from(u32::MAX);
    written(levels, meaning, holds, big, length(big))
}

/// The head, if blocks begin at `first`.
fn written(levels: &[Level], meaning: &Meaning<'_>, holds: Holds, big: bool, first: u64) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    if big {
        out.extend_from_slice(b"II+\0\x08\0\0\0");
    } else {
        out.extend_from_slice(b"II*\0");
    }
    let link = out.len();
    number(&mut out, big, 0);
    out.extend_from_slice(format!("GDAL_STRUCTURAL_METADATA_SIZE={:06} bytes\n{ORDER}", ORDER.len()).as_bytes());
    let mut links = vec![link];
    for (at, level) in levels.iter().enumerate() {
        out.resize(out.len().next_multiple_of(2), 0);
        if let Some(&link) = links.last() {
            let here = out.len() as u64;
            let width = if big { 8 } else { 4 };
            out[link..link + width].copy_from_slice(&here.to_le_bytes()[..width]);
        }
        links.push(directory(&mut out, big, &entries(level, at, meaning, holds, big, first)));
    }
    out.resize(out.len().next_multiple_of(16), 0);
    out
}

fn number(out: &mut Vec<u8>, big: bool, value: u64) {
    out.extend_from_slice(&value.to_le_bytes()[..if big { 8 } else { 4 }]);
}

/// Writes a directory, and what does not fit its entries behind it; gives the place of the link to the next one.
fn directory(out: &mut Vec<u8>, big: bool, entries: &[(u16, Entry)]) -> usize {
    let (room, entry) = if big { (8, 20) } else { (4, 12) };
    if big {
        out.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    } else {
        out.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    }
    let mut behind = out.len() + entry * entries.len() + room;
    let mut values = Vec::new();
    for (tag, value) in entries {
        let (kind, count, mut bytes) = value.written();
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&kind.to_le_bytes());
        number(out, big, count);
        if bytes.len() <= room {
            bytes.resize(room, 0);
            out.extend_from_slice(&bytes);
        } else {
            number(out, big, behind as u64);
            bytes.resize(bytes.len().next_multiple_of(2), 0);
            behind += bytes.len();
            values.extend_from_slice(&bytes);
        }
    }
    let link = out.len();
    number(out, big, 0);
    out.extend_from_slice(&values);
    link
}

/// The entries of a level's directory, ascending.
fn entries(level: &Level, at: usize, meaning: &Meaning<'_>, holds: Holds, big: bool, first: u64) -> Vec<(u16, Entry)> {
    let short = |value: u16| Entry::Short(vec![value]);
    let long = |value: u64| Entry::Long(vec![value as u32]);
    let (bits, predictor, format, dark) = match holds {
        Holds::Counts => (32, 2, 1, "0"),
        Holds::Sums => (64, 3, 3, "nan"),
    };
    let offsets = level.blocks.iter().map(|&(at, bytes)| if bytes == 0 { 0 } else { first + at });
    let offsets = if big { Entry::Wide(offsets.collect()) } else { Entry::Long(offsets.map(|at| at as u32).collect()) };
    let mut all = vec![
        // An overview is a picture of lower resolution.
        (254, long(u64::from(at > 0))),
        (256, long(level.width)),
        (257, long(level.height)),
        (258, short(bits)),
        (259, short(8)),
        (262, short(1)),
        (277, short(1)),
        (284, short(1)),
        (317, short(predictor)),
        (322, short(BLOCK as u16)),
        (323, short(BLOCK as u16)),
        (324, offsets),
        (325, Entry::Long(level.blocks.iter().map(|&(_, bytes)| bytes as u32).collect())),
        (339, short(format)),
    ];
    if at == 0 {
        let side = 2.0 * HALF / (256u64 << meaning.zoom) as f64;
        let (west, north) = (meaning.west as f64 * side - HALF, HALF - meaning.north as f64 * side);
        all.extend([
            (33_550, Entry::Double(vec![side, side, 0.0])),
            (33_922, Entry::Double(vec![0.0, 0.0, 0.0, west, north, 0.0])),
            // A projected system, whose pixels are areas, which is EPSG:3857.
            (34_735, Entry::Short(vec![1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 3857])),
            (42_112, Entry::Text(description(meaning.table))),
        ]);
    }
    all.push((42_113, Entry::Text(dark.into())));
    all
}

/// What is said of the picture in the words that GDAL reads.
fn description(table: &Table) -> String {
    let what = table.sum.as_ref().map_or("count".to_owned(), |(column, _)| format!("sum of {column}"));
    let mut text = "<GDALMetadata>\n".to_owned();
    for (name, value) in table.metadata() {
        text.push_str(&format!("  <Item name=\"{name}\">{}</Item>\n", escaped(&value)));
    }
    text.push_str(&format!(
        "  <Item name=\"DESCRIPTION\" sample=\"0\" role=\"description\">{}</Item>\n</GDALMetadata>\n",
        escaped(&what)
    ));
    text
}

/// Text within XML; what XML cannot hold is left out.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(character),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
