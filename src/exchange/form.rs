//! Which format a file of cells has, by the ending of its name, and how to know one that tilefire wrote.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::tables::ZOOM_KEY;
use crate::error::{Error, Result};
use crate::staging::check_head;

/// The format of a file of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text with commas, a line a cell.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// The file format of Apache Arrow (IPC).
    Arrow,
    /// A GeoTIFF that is cloud-optimised; for export only.
    GeoTiff,
}

/// The last bytes of a Parquet file that are looked at for what its footer says.
const TAIL: u64 = 256 << 10;

impl Form {
    /// The format of a file of that name. Fails, naming those there are, where it has another ending.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        match ending.as_str() {
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            "arrow" => Ok(Self::Arrow),
            "tif" | "tiff" => Ok(Self::GeoTiff),
            _ => Err(Error::Usage(format!(
                "{}: the ending says what a file of cells is; name it .parquet, .arrow, .csv or, for a picture of counts, .tif",
                path.display()
            ))),
        }
    }

    /// Ok where tilefire wrote the file of this format at `path`, so that it may be replaced.
    pub(super) fn check(path: &Path) -> Result<()> {
        let (form, key) = (Self::of(path)?, ZOOM_KEY.as_bytes());
        let has = |bytes: &[u8]| bytes.windows(key.len()).any(|window| window == key);
        check_head(path, "file of cells", |head| match form {
            Self::Csv => {
                let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
                [&b"zoom,"[..], b"h3,", b"key,h3,"].iter().any(|begin| line.starts_with(begin))
                    && line.windows(6).any(|window| window == b",count")
            }
            Self::Parquet => head.starts_with(b"PAR1") && tail(path).is_some_and(|tail| has(&tail)),
            Self::Arrow => head.starts_with(b"ARROW1") && has(head),
            Self::GeoTiff => (head.starts_with(b"II*\0") || head.starts_with(b"II+\0")) && has(head),
        })
    }
}

/// The last bytes of a file.
fn tail(path: &Path) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL))).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail).ok()?;
    Some(tail)
}
