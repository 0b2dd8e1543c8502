//! Stands in for MBTiles in a build without SQLite: refused, with the way out.

use std::path::Path;

use super::TileWriter;
use crate::error::{Error, Result};
use crate::staging::{Flush, OutputOptions, Shape, remove_file};

pub(super) const SHAPE: Shape = Shape { flush: Flush::File, parents: true, check, remove: remove_file };

/// Always fails: says how to build with SQLite.
pub(super) fn create(out: &Path, _: &OutputOptions, _: u64) -> Result<Box<dyn TileWriter>> {
    Err(absent(out))
}

fn check(path: &Path) -> Result<()> {
    Err(absent(path))
}

fn absent(out: &Path) -> Error {
    Error::Usage(format!(
        "{}: this tilefire was built without MBTiles; build it with 'cargo build --release --features mbtiles', or name a \
         .pmtiles file",
        out.display()
    ))
}
