//! A copy of what comes once, for formats that must be read out of order: an archive lists its members at its end.

use std::io::Write;
use std::path::Path;

use super::KnownFile;
use crate::error::{Error, Result};

/// Bytes copied at once.
const ROOM: usize = 1 << 20;

/// Copies all that `fill` gives, up to the first time it gives less than there is room for, to a file without a name;
/// messages call it `name`.
pub(super) fn spool(name: &Path, mut fill: impl FnMut(&mut [u8]) -> Result<usize>) -> Result<KnownFile> {
    let failed = |e| {
        let (name, folder) = (name.display(), std::env::temp_dir());
        let folder = folder.display();
        Error::Input(format!(
            "{name} is an archive that must be copied to {folder} first, and cannot be: {e}; set TMPDIR to a folder with \
             room, or save it and name the file"
        ))
    };
    let mut file = tempfile::tempfile().map_err(failed)?;
    let mut room = vec![0; ROOM];
    loop {
        let len = fill(&mut room)?;
        file.write_all(&room[..len]).map_err(failed)?;
        if len < room.len() {
            break;
        }
    }
    let meta = file.metadata().map_err(failed)?;
    Ok(KnownFile::unnamed(name, file, &meta))
}
