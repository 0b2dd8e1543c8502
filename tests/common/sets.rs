//! PMTiles files made by hand, byte by byte, such as no honest program would make: any metadata, any directories; and what
//! another's reader finds in one.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tilefire::tile::TileCoord;

/// What an archive consists of.
#[derive(Debug, Clone)]
pub struct Set {
    /// The metadata as text.
    pub metadata: Vec<u8>,
    /// The root directory, the leaf directories behind each other and the tiles; directories not packed yet.
    pub root: Vec<u8>,
    pub leaves: Vec<Vec<u8>>,
    pub tiles: Vec<u8>,
    pub max_zoom: u8,
}

/// A tile, or a leaf directory where `run` is 0.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub tile: u64,
    pub offset: u64,
    pub length: u32,
    pub run: u32,
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// The bytes of a directory; every place is written out.
pub fn directory(entries: impl Iterator<Item = Entry> + Clone) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut put = |mut value: u64| {
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    };
    put(entries.clone().count() as u64);
    let mut before = 0;
    for e in entries.clone() {
        put(e.tile - before);
        before = e.tile;
    }
    entries.clone().for_each(|e| put(e.run.into()));
    entries.clone().for_each(|e| put(e.length.into()));
    entries.for_each(|e| put(e.offset + 1));
    bytes
}

impl Set {
    /// One tile at zoom 0 and this metadata.
    pub fn with(metadata: impl Into<Vec<u8>>) -> Self {
        let tiles = b"a picture".to_vec();
        let root = directory([Entry { tile: 0, offset: 0, length: tiles.len() as u32, run: 1 }].into_iter());
        Self { metadata: metadata.into(), root, leaves: Vec::new(), tiles, max_zoom: 0 }
    }

    /// Zoom 12 all over, in so many leaf directories of 4^12 / `leaves` entries each; every tile is the same.
    pub fn of_leaves(leaves: u64) -> Self {
        let (first, count) = (((1u64 << 24) - 1) / 3, (1u64 << 24) / leaves);
        let tiles = b"a picture".to_vec();
        let length = tiles.len() as u32;
        let leaf = |n: u64| (0..count).map(move |i| Entry { tile: first + n * count + i, offset: 0, length, run: 1 });
        let leaves: Vec<Vec<u8>> = (0..leaves).map(|n| directory(leaf(n))).collect();
        Self { metadata: b"{}".to_vec(), root: Vec::new(), leaves, tiles, max_zoom: 12 }.rooted(first, count)
    }

    /// The root over leaves of so many tiles each.
    fn rooted(mut self, first: u64, count: u64) -> Self {
        let mut offset = 0;
        let mut entries = Vec::new();
        for (n, leaf) in (0u64..).zip(&self.leaves) {
            let length = gzip(leaf).len() as u32;
            entries.push(Entry { tile: first + n * count, offset, length, run: 0 });
            offset += u64::from(length);
        }
        self.root = directory(entries.into_iter());
        self
    }

    /// Writes the file and gives its length.
    pub fn write(&self, path: &Path) -> u64 {
        let leaves: Vec<u8> = self.leaves.iter().flat_map(|leaf| gzip(leaf)).collect();
        let parts = [gzip(&self.root), gzip(&self.metadata), leaves, self.tiles.clone()];
        let mut file = b"PMTiles\x03".to_vec();
        let mut offset = 127u64;
        for part in &parts {
            file.extend_from_slice(&offset.to_le_bytes());
            file.extend_from_slice(&(part.len() as u64).to_le_bytes());
            offset += part.len() as u64;
        }
        file.resize(127, 0);
        // Directories packed by gzip, tiles plain PNGs.
        (file[97], file[98], file[99]) = (2, 1, 2);
        file[101] = self.max_zoom;
        for (at, degrees) in [(102, -180i32), (106, -85), (110, 180), (114, 85)] {
            file[at..at + 4].copy_from_slice(&(degrees * 10_000_000).to_le_bytes());
        }
        parts.iter().for_each(|part| file.extend_from_slice(part));
        std::fs::write(path, &file).unwrap();
        file.len() as u64
    }
}

/// The tile that a name such as 3/1/2.png is of.
pub fn coordinate(name: &str) -> TileCoord {
    let mut numbers = name.split('.').next().unwrap().split('/').map(|number| number.parse::<u32>().unwrap());
    let mut next = || numbers.next().unwrap();
    TileCoord { z: next() as u8, x: next(), y: next() }
}

/// Metadata, type and tiles of a PMTiles file, by another's reader.
pub fn archived(path: &Path, tiles: &[TileCoord]) -> (serde_json::Value, pmtiles::TileType, Vec<Option<Vec<u8>>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let reader = pmtiles::AsyncPmTilesReader::new_with_path(path).await.unwrap();
        let mut found = Vec::new();
        for t in tiles {
            let place = pmtiles::TileCoord::new(t.z, t.x, t.y).unwrap();
            found.push(reader.get_tile(place).await.unwrap().map(|bytes| bytes.to_vec()));
        }
        let told = serde_json::from_str(&reader.get_metadata().await.unwrap()).unwrap();
        (told, reader.get_header().tile_type, found)
    })
}

/// The tiles of a folder by their names.
pub fn tiles(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = super::tree(folder);
    files.retain(|name, _| name.contains('/'));
    assert!(!files.is_empty());
    files
}

/// Width, height and the pixels of a picture as red, green, blue and alpha.
pub fn pixels(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
    if bytes.starts_with(b"RIFF") {
        let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(bytes)).unwrap();
        let (width, height) = decoder.dimensions();
        let mut read = vec![0; decoder.output_buffer_size().unwrap()];
        decoder.read_image(&mut read).unwrap();
        let channels = if decoder.has_alpha() { 4 } else { 3 };
        let read = read.chunks(channels).flat_map(|c| [c[0], c[1], c[2], c.get(3).copied().unwrap_or(255)]).collect();
        return (width, height, read);
    }
    let picture = image::load_from_memory_with_format(bytes, image::ImageFormat::Png).unwrap().to_rgba8();
    (picture.width(), picture.height(), picture.into_raw())
}
