//! Stands in for MBTiles in a build without SQLite: refused, with the way out.

use std::path::Path;

use super::system::{open_plain, read_at};
use super::{About, Trouble, Wait, refused};
use crate::tile::TileCoord;

/// There is none in this build.
#[derive(Debug)]
pub(super) enum Database {}

/// Whether a file begins as databases of SQLite do.
pub(super) fn is_database(path: &Path) -> bool {
    let head = |path| open_plain(path).ok().flatten().and_then(|(file, _)| read_at(&file, 0, 16, Wait::Allowed).ok());
    head(path).is_some_and(|head| head == b"SQLite format 3\0")
}

impl Database {
    /// Always fails: says how to build with SQLite.
    pub(super) fn open(_: &Path) -> Result<(Self, About), Trouble> {
        Err(refused(
            "it is an SQLite database, and this tilefire was built without MBTiles; build it with 'cargo build --release \
             --features mbtiles'",
        ))
    }

    pub(super) fn tile(&self, _: TileCoord, _: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        match *self {}
    }
}
