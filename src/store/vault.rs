//! Bytes that wait: in memory up to a budget of the run's account, in a temporary file beyond it. The file has no name
//! from the moment it is open, so nothing is left of it whatever happens.

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::account::Account;
use crate::error::{Error, Result};
use crate::staging;

/// Keeps byte strings under a memory budget. Shared by all threads of a run.
#[derive(Debug)]
pub struct Vault {
    account: Arc<Account>,
    /// What it may take of the account.
    budget: u64,
    held: AtomicU64,
    folder: PathBuf,
    file: OnceLock<File>,
    /// Held by who makes the file.
    making: Mutex<()>,
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

/// Where bytes of a [`Vault`] lie.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// In memory.
    Memory(&'a [u8]),
    /// In the vault's file.
    File {
        /// Where they start.
        offset: u64,
        /// How many there are.
        len: usize,
    },
}

impl Place<'_> {
    /// Number of bytes.
    pub fn len(self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File { len, .. } => len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl Kept {
    /// Where the bytes lie.
    pub fn place(&self) -> Place<'_> {
        match self {
            Self::Memory(bytes) => Place::Memory(bytes),
            &Self::File { offset, len } => Place::File { offset, len },
        }
    }

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

/// What an allocation costs beside its bytes.
const OVERHEAD: u64 = 16;

impl Vault {
    /// A vault that keeps up to `budget` bytes in memory, as far as `account` has them, and the rest in a file in
    /// `folder`.
    pub fn new(account: Arc<Account>, budget: u64, folder: &Path) -> Self {
        Self {
            account,
            budget,
            held: AtomicU64::new(0),
            folder: folder.to_path_buf(),
            file: OnceLock::new(),
            making: Mutex::default(),
            end: AtomicU64::new(0),
        }
    }

    /// What it takes its bytes from.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// What it may take of that, in bytes.
    pub(super) fn budget(&self) -> u64 {
        self.budget
    }

    /// Where its file would be.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A vault without a limit, which never needs a file.
    pub fn unbounded() -> Self {
        Self::new(Account::unbounded(), u64::MAX, Path::new("."))
    }

    /// Takes bytes. Fails, naming the folder, when the file cannot be made or the disk is full.
    pub fn put(&self, bytes: &[u8]) -> Result<Kept> {
        if self.hold(bytes.len() as u64 + OVERHEAD) {
            return Ok(Kept::Memory(bytes.into()));
        }
        let offset = self.write(bytes)?;
        Ok(Kept::File { offset, len: bytes.len() })
    }

    /// Writes bytes to the file and gives their place in it. Fails like [`put`](Self::put).
    pub(super) fn write(&self, bytes: &[u8]) -> Result<u64> {
        let offset = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file().and_then(|file| write_at(file, bytes, offset)).map_err(|e| {
            Error::Output(format!(
                "cannot write temporary counts in {}: {e}; free some space there or allow more memory with --memory",
                self.folder.display()
            ))
        })?;
        Ok(offset)
    }

    /// The bytes again.
    pub fn get<'a>(&self, place: Place<'a>) -> Result<Cow<'a, [u8]>> {
        match place {
            Place::Memory(bytes) => Ok(Cow::Borrowed(bytes)),
            Place::File { offset, len } => {
                let mut bytes = vec![0; len];
                self.read(&mut bytes, offset)?;
                Ok(Cow::Owned(bytes))
            }
        }
    }

    /// Fills `bytes` from a place in the file.
    pub(super) fn read(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        self.file()
            .and_then(|file| read_at(file, bytes, offset))
            .map_err(|e| Error::io("read temporary counts in", &self.folder, e))
    }

    /// The bytes, which are no longer kept. Space in the file is not used again.
    pub fn take(&self, kept: Kept) -> Result<Vec<u8>> {
        match kept {
            Kept::Memory(bytes) => {
                self.release(bytes.len() as u64 + OVERHEAD);
                Ok(bytes.into_vec())
            }
            Kept::File { .. } => self.get(kept.place()).map(Cow::into_owned),
        }
    }

    /// Tells that bytes are no longer needed. Space in the file is not used again.
    pub fn forget(&self, kept: Kept) {
        if let Kept::Memory(bytes) = kept {
            self.release(bytes.len() as u64 + OVERHEAD);
        }
    }

    /// Counts bytes that lie elsewhere in memory for the sake of what is kept here; false, with nothing changed, when
    /// there is no room.
    pub(super) fn hold(&self, bytes: u64) -> bool {
        let fits = self.held.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= self.budget
            && self.account.add(bytes);
        if !fits {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }

    /// Counts bytes as [`hold`](Self::hold) does, whether there is room or not.
    pub(super) fn hold_anyway(&self, bytes: u64) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
        self.account.add_anyway(bytes);
    }

    /// Counted bytes are free again.
    pub(super) fn release(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.account.give_back(bytes);
    }

    /// Bytes that went to the file so far.
    pub fn spilled(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    fn file(&self) -> std::io::Result<&File> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        match self.file.get() {
            Some(file) => Ok(file),
            None => {
                let file = staging::nameless(&self.folder)?;
                Ok(self.file.get_or_init(|| file))
            }
        }
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.account.give_back(self.held.load(Ordering::Relaxed));
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// Fills `bytes` from a place in a file.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
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

/// Fills `bytes` from a place in a file.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> std::io::Result<()> {
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
        let account = Account::new(200);
        let vault = Vault::new(account.clone(), 140, folder.path());
        let kept: Vec<Kept> = (0..10u8).map(|i| vault.put(&[i; 30]).unwrap()).collect();
        assert_eq!(kept.iter().filter(|k| matches!(k, Kept::Memory(_))).count(), 3);
        assert_eq!(account.held(), 3 * (30 + OVERHEAD));
        assert_eq!(vault.spilled(), 7 * 30);
        for (i, kept) in (0u8..).zip(&kept) {
            assert_eq!(*vault.get(kept.place()).unwrap(), [i; 30]);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        kept.into_iter().for_each(|k| vault.forget(k));
        assert_eq!(account.held(), 0);
        let others = account.force(100);
        assert!(matches!(vault.put(&[1; 100]).unwrap(), Kept::File { .. }), "the account has no more");
        drop(others);
        assert!(matches!(vault.put(&[1; 100]).unwrap(), Kept::Memory(_)));
        drop(vault);
        assert_eq!(account.held(), 0, "a vault leaves nothing behind");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let vault = Vault::new(Account::unbounded(), 0, Path::new("/no/such/folder"));
        assert!(vault.put(b"x").unwrap_err().to_string().contains("/no/such/folder"));
    }
}
