//! Byte strings that wait to come back in another order: packed in blocks that lie in a vault, with a sorted list of where
//! each is, which is bounded too.

use std::sync::{Mutex, PoisonError};

use super::sorted::{Sorted, SortedIter, Sorter};
use super::vault::{Kept, Place, Vault};
use crate::error::{Error, Result};

/// Bytes of a block from which on it is full.
const BLOCK: usize = 256 << 10;

/// Takes byte strings. Shared by all threads of a run.
#[derive(Debug)]
pub struct Parcels {
    vault: Vault,
    /// Blocks that are not full, as many as threads fill one at the same time.
    open: Mutex<Vec<(usize, Vec<u8>)>>,
    kept: Mutex<Vec<Option<Kept>>>,
    /// Key, block, start and length of each.
    order: Mutex<Sorter<3>>,
}

/// Byte strings that are all there.
#[derive(Debug)]
pub struct Sent {
    vault: Vault,
    kept: Vec<Kept>,
    order: Sorted<3>,
}

/// Where a byte string is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parcel {
    /// What it was put under.
    pub key: u64,
    block: u32,
    start: u32,
    length: u32,
}

impl Parcel {
    /// Its bytes.
    pub fn bytes(&self) -> usize {
        self.length as usize
    }
}

impl Parcels {
    /// None yet; they lie in `vault`, and up to `index` bytes of the list in memory.
    pub fn new(vault: Vault, index: u64) -> Self {
        let order = Mutex::new(Sorter::new(index, vault.folder()));
        Self { vault, open: Mutex::default(), kept: Mutex::default(), order }
    }

    /// Takes what `write` appends, under `key`.
    pub fn put(&self, key: u64, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (block, mut bytes) = open.unwrap_or_else(|| {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(None);
            (kept.len() - 1, Vec::with_capacity(BLOCK))
        });
        let start = bytes.len();
        write(&mut bytes);
        let place = (start as u64) << 32 | (bytes.len() - start) as u64;
        self.order.lock().unwrap_or_else(PoisonError::into_inner).push([key, block as u64, place])?;
        if bytes.len() >= BLOCK {
            self.keep(block, &bytes)?;
        } else {
            self.open.lock().unwrap_or_else(PoisonError::into_inner).push((block, bytes));
        }
        Ok(())
    }

    fn keep(&self, block: usize, bytes: &[u8]) -> Result<()> {
        let bytes = self.vault.put(bytes)?;
        if let Some(kept) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get_mut(block) {
            *kept = Some(bytes);
        }
        Ok(())
    }

    /// No more of them.
    pub fn close(self) -> Result<Sent> {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        open.into_iter().try_for_each(|(block, bytes)| self.keep(block, &bytes))?;
        let kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
        let kept: Option<Vec<Kept>> = kept;
        let kept = kept.ok_or_else(|| Error::Internal("bytes that waited were lost".into()))?;
        let order = self.order.into_inner().unwrap_or_else(PoisonError::into_inner).sorted()?;
        Ok(Sent { vault: self.vault, kept, order })
    }
}

impl Sent {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where each is, in ascending order of keys.
    pub fn order(&self) -> Result<impl Iterator<Item = Result<Parcel>>> {
        let parcel = |[key, block, place]: [u64; 3]| Parcel {
            key,
            block: block as u32,
            start: (place >> 32) as u32,
            length: place as u32,
        };
        let order: SortedIter<'_, 3> = self.order.read()?;
        Ok(order.map(move |record| record.map(parcel)))
    }

    /// Replaces `bytes` by those of a parcel.
    pub fn read(&self, parcel: Parcel, bytes: &mut Vec<u8>) -> Result<()> {
        let damaged = || Error::Internal("bytes that waited are damaged".into());
        let (start, length) = (parcel.start as usize, parcel.length as usize);
        bytes.clear();
        match self.kept.get(parcel.block as usize).ok_or_else(damaged)?.place() {
            Place::Memory(block) => bytes.extend_from_slice(block.get(start..start + length).ok_or_else(damaged)?),
            Place::File { offset, .. } => {
                bytes.resize(length, 0);
                self.vault.read(bytes, offset + start as u64)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use rayon::prelude::*;

    #[test]
    fn they_come_back_in_order_from_memory_and_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for budget in [0, 600 << 10, u64::MAX] {
            let account = Account::new(budget);
            let parcels = Parcels::new(Vault::new(account.clone(), budget, folder.path()), 1 << 10);
            let bytes_of = |key: u64| vec![key as u8; (key * 37 % 5000) as usize];
            let keys: Vec<u64> = (0..2000u64).map(|i| i * 7919 % 2000).collect();
            keys.par_iter().try_for_each(|&key| parcels.put(key, |to| to.extend(bytes_of(key)))).unwrap();
            let sent = parcels.close().unwrap();
            assert_eq!(sent.len(), 2000);
            let mut bytes = Vec::new();
            for (parcel, key) in sent.order().unwrap().zip(0..) {
                let parcel = parcel.unwrap();
                sent.read(parcel, &mut bytes).unwrap();
                assert!(parcel.key == key && bytes == bytes_of(key), "{key}");
            }
            drop(sent);
            assert_eq!(account.held(), 0);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
