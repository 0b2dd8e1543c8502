//! Bytes that wait: in memory up to a budget, in a temporary file beyond it. The file has no name from the moment
//! it is open, so nothing is left of it whatever happens.

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// Keeps byte strings under a memory budget. Shared by all threads of a run.
#[derive(Debug)]
pub struct Vault {
    budget: u64,
    held: AtomicU64,
    folder: PathBuf,
    file: Mutex<Option<File>>,
    end: AtomicU64,
}

/// Bytes given to a [`Vault`].
#[derive(Debug)]
pub enum Kept {
    /// In memory.
    Memory(Box<[u8]>),
    /// In the vault's file.
    File {
        /// Where they start.
        offset: u64,
        /// How many there are.
        len: usize,
    },
}

impl Kept {
    /// Number of bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File { len, .. } => *len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Vault {
    /// A vault that keeps up to `budget` bytes in memory and the rest in a file in `folder`.
    pub fn new(budget: u64, folder: &Path) -> Self {
        Self {
            budget,
            held: AtomicU64::new(0),
            folder: folder.to_path_buf(),
            file: Mutex::new(None),
            end: AtomicU64::new(0),
        }
    }

    /// A vault without a limit, which never needs a file.
    pub fn unbounded() -> Self {
        Self::new(u64::MAX, Path::new("."))
    }

    /// Takes bytes. Fails, naming the folder, when the file cannot be made or the disk is full.
    pub fn put(&self, bytes: &[u8]) -> Result<Kept> {
        let len = bytes.len() as u64;
        if self.held.fetch_add(len, Ordering::Relaxed).saturating_add(len) <= self.budget {
            return Ok(Kept::Memory(bytes.into()));
        }
        self.held.fetch_sub(len, Ordering::Relaxed);
        let offset = self.end.fetch_add(len, Ordering::Relaxed);
        self.with_file(|file| write_at(file, bytes, offset)).map_err(|e| {
            Error::Output(format!(
                "cannot write temporary counts in {}: {e}; free some space there or allow more memory with --memory",
                self.folder.display()
            ))
        })?;
        Ok(Kept::File { offset, len: bytes.len() })
    }

    /// The bytes again.
    pub fn get<'a>(&self, kept: &'a Kept) -> Result<Cow<'a, [u8]>> {
        match kept {
            Kept::Memory(bytes) => Ok(Cow::Borrowed(bytes)),
            &Kept::File { offset, len } => {
                let mut bytes = vec![0; len];
                self.with_file(|file| read_at(file, &mut bytes, offset))
                    .map_err(|e| Error::io("read temporary counts in", &self.folder, e))?;
                Ok(Cow::Owned(bytes))
            }
        }
    }

    /// Tells that bytes in memory are no longer needed. Space in the file is not used again.
    pub fn forget(&self, kept: Kept) {
        if let Kept::Memory(bytes) = kept {
            self.held.fetch_sub(bytes.len() as u64, Ordering::Relaxed);
        }
    }

    /// Bytes that went to the file so far.
    pub fn spilled(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    fn with_file<T>(&self, work: impl FnOnce(&File) -> std::io::Result<T>) -> std::io::Result<T> {
        let file = {
            let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            match &*slot {
                Some(file) => file.try_clone()?,
                None => slot.insert(tempfile::tempfile_in(&self.folder)?).try_clone()?,
            }
        };
        work(&file)
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[read..];
        offset += read as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_memory_and_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::new(100, folder.path());
        let kept: Vec<Kept> = (0..10u8).map(|i| vault.put(&[i; 30]).unwrap()).collect();
        assert_eq!(kept.iter().filter(|k| matches!(k, Kept::Memory(_))).count(), 3);
        assert_eq!(vault.spilled(), 7 * 30);
        for (i, kept) in (0u8..).zip(&kept) {
            assert_eq!(*vault.get(kept).unwrap(), [i; 30]);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        kept.into_iter().for_each(|k| vault.forget(k));
        assert!(matches!(vault.put(&[1; 100]).unwrap(), Kept::Memory(_)));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let vault = Vault::new(0, Path::new("/no/such/folder"));
        assert!(vault.put(b"x").unwrap_err().to_string().contains("/no/such/folder"));
    }
}
