//! An open folder where the system has no calls relative to one: the same words as `handle`, by path. Links are not
//! followed where the system tells of them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::entry::{Kind, Owner};

/// A folder, known by its path.
#[derive(Debug)]
pub(crate) struct Handle {
    path: PathBuf,
}

impl Handle {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() {
            Ok(Self { path: path.to_path_buf() })
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    pub(crate) fn folder(&self, name: impl AsRef<Path>) -> io::Result<Self> {
        match self.kind(&name)? {
            Some(Kind::Folder) => Ok(Self { path: self.path.join(name) }),
            Some(_) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn make_folder(&self, name: impl AsRef<Path>, _private: bool) -> io::Result<()> {
        fs::create_dir(self.path.join(name))
    }

    pub(crate) fn new_file(&self, name: impl AsRef<Path>) -> io::Result<File> {
        File::options().read(true).write(true).create_new(true).open(self.path.join(name))
    }

    pub(crate) fn link(&self, file: &Path, name: impl AsRef<Path>) -> io::Result<()> {
        fs::hard_link(file, self.path.join(name))
    }

    pub(crate) fn file(&self, name: impl AsRef<Path>) -> io::Result<File> {
        if matches!(self.kind(&name)?, Some(Kind::Folder | Kind::Other)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        File::options().read(true).write(true).create(true).truncate(false).open(self.path.join(name))
    }

    pub(crate) fn kind(&self, name: impl AsRef<Path>) -> io::Result<Option<Kind>> {
        match fs::symlink_metadata(self.path.join(name)) {
            Ok(about) => Ok(Some(kind(about.file_type()))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub(crate) fn entries(&self) -> io::Result<Vec<(OsString, Kind)>> {
        let entry = |entry: io::Result<fs::DirEntry>| entry.and_then(|e| Ok((e.file_name(), kind(e.file_type()?))));
        let mut entries = fs::read_dir(&self.path)?.map(entry).collect::<io::Result<Vec<_>>>()?;
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }

    pub(crate) fn remove_file(&self, name: impl AsRef<Path>) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    pub(crate) fn remove_folder(&self, name: impl AsRef<Path>) -> io::Result<()> {
        fs::remove_dir(self.path.join(name))
    }

    pub(super) fn rename(&self, name: impl AsRef<Path>, to: &Self, other: impl AsRef<Path>) -> io::Result<()> {
        fs::rename(self.path.join(name), to.path.join(other))
    }

    pub(super) fn rename_new(&self, name: impl AsRef<Path>, to: &Self, other: impl AsRef<Path>) -> io::Result<()> {
        match to.kind(&other)? {
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
            None => self.rename(name, to, other),
        }
    }

    pub(super) fn exchange(&self, _name: impl AsRef<Path>, _to: &Self, _other: impl AsRef<Path>) -> bool {
        false
    }

    /// An open file cannot be removed there.
    pub(super) fn still_has(&self, _file: &File, name: impl AsRef<Path>) -> bool {
        self.path.join(name).exists()
    }

    pub(super) fn make_private(&self) -> io::Result<bool> {
        Ok(true)
    }

    pub(crate) fn owner(&self) -> io::Result<Owner> {
        Ok(Owner::default())
    }

    pub(crate) fn make_like(&self, _like: Owner) -> io::Result<bool> {
        Ok(true)
    }

    pub(crate) fn set_mode(&self, _mode: u32) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn sync(&self) {}

    pub(crate) fn has_names_left(&self) -> Option<bool> {
        None
    }
}

pub(super) fn file_make_like(_file: &File, _like: Owner) -> io::Result<bool> {
    Ok(true)
}

fn kind(of: fs::FileType) -> Kind {
    if of.is_file() {
        Kind::File
    } else if of.is_dir() {
        Kind::Folder
    } else {
        Kind::Other
    }
}
