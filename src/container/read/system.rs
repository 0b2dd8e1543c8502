//! The calls that read files without waiting for a disk where the operating system offers it, and that never leave
//! the folder they were told to stay in. Elsewhere the same calls simply wait, or answer that they would.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{LARGEST, Wait};

/// Exactly `length` bytes from `offset`. With [`Wait::Never`] only from the page cache: else `WouldBlock`.
pub(super) fn read_at(file: &File, offset: u64, length: usize, wait: Wait) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut done = 0;
    while done < length {
        let at = offset.checked_add(done as u64).ok_or(ErrorKind::UnexpectedEof)?;
        let read = match wait {
            Wait::Never => read_cached(file, &mut bytes[done..], at),
            Wait::Allowed => read_some(file, &mut bytes[done..], at),
        };
        match read {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => done += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(bytes)
}

#[cfg(target_os = "linux")]
fn read_cached(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    match preadv2(file, &mut [io::IoSliceMut::new(bytes)], offset, ReadWriteFlags::NOWAIT) {
        // Some file systems cannot say whether they would wait.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Err(ErrorKind::WouldBlock.into()),
        read => Ok(read?),
    }
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_file: &File, _bytes: &mut [u8], _offset: u64) -> io::Result<usize> {
    Err(ErrorKind::WouldBlock.into())
}

#[cfg(unix)]
fn read_some(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_some(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

/// A folder out of which no name leads, not through a symbolic link either.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    real: PathBuf,
    #[cfg(target_os = "linux")]
    handle: File,
}

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            real: path.canonicalize()?,
            #[cfg(target_os = "linux")]
            handle: File::open(path)?,
        })
    }

    /// The whole file `name`, `None` where there is none. `name` is a plain relative path.
    pub(super) fn read(&self, name: &str, wait: Wait) -> io::Result<Option<Vec<u8>>> {
        let file = match self.file(name, wait) {
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            file => file?,
        };
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::other("it is not a plain file"));
        }
        if about.len() > LARGEST {
            return Err(io::Error::other(format!("it has {} bytes, more than a tile can have", about.len())));
        }
        read_at(&file, 0, about.len() as usize, wait).map(Some)
    }

    #[cfg(target_os = "linux")]
    fn file(&self, name: &str, wait: Wait) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
        use rustix::io::Errno;
        let mut stay = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        if wait == Wait::Never {
            stay |= ResolveFlags::CACHED;
        }
        // NONBLOCK: a pipe with the name of a tile must not be waited for.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match openat2(&self.handle, name, flags, Mode::empty(), stay) {
            Ok(file) => Ok(file.into()),
            Err(Errno::XDEV) => Err(io::Error::other("a symbolic link leads out of the folder")),
            Err(Errno::NOSYS | Errno::INVAL | Errno::PERM) if wait == Wait::Never => Err(ErrorKind::WouldBlock.into()),
            Err(Errno::NOSYS | Errno::INVAL | Errno::PERM) => self.checked(name),
            Err(e) => Err(e.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn file(&self, name: &str, wait: Wait) -> io::Result<File> {
        if wait == Wait::Never { Err(ErrorKind::WouldBlock.into()) } else { self.checked(name) }
    }

    /// Where the system cannot do it in one step: look where the name leads, then open that.
    fn checked(&self, name: &str) -> io::Result<File> {
        let real = self.path.join(name).canonicalize()?;
        if !real.starts_with(&self.real) {
            return Err(io::Error::other("a symbolic link leads out of the folder"));
        }
        if !real.metadata()?.is_file() {
            return Err(io::Error::other("it is not a plain file"));
        }
        File::open(real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_read_the_same_with_and_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b.png"), b"0123456789").unwrap();
        let root = Root::open(folder.path()).unwrap();
        let waited = root.read("a/b.png", Wait::Allowed).unwrap();
        assert_eq!(waited.as_deref(), Some(&b"0123456789"[..]));
        match root.read("a/b.png", Wait::Never) {
            Ok(read) => assert_eq!(read, waited),
            Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
        }
        for absent in ["b", "a/c.png", "a/b.png/c.png"] {
            assert_eq!(root.read(absent, Wait::Allowed).unwrap(), None, "{absent}");
        }
        let file = File::open(folder.path().join("a/b.png")).unwrap();
        assert_eq!(read_at(&file, 3, 4, Wait::Allowed).unwrap(), b"3456");
        let short = read_at(&file, 8, 4, Wait::Allowed).unwrap_err();
        assert_eq!(short.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(read_at(&file, u64::MAX, 4, Wait::Allowed).map_err(|_| ()), Err(()));
    }

    #[cfg(unix)]
    #[test]
    fn no_link_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("tiles");
        fs::create_dir_all(root.join("0")).unwrap();
        fs::write(folder.path().join("secret"), "secret").unwrap();
        fs::write(root.join("inside"), "inside").unwrap();
        std::os::unix::fs::symlink("../../secret", root.join("0/out")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), root.join("0/absolute")).unwrap();
        std::os::unix::fs::symlink("../inside", root.join("0/in")).unwrap();
        std::os::unix::fs::symlink("..", root.join("up")).unwrap();
        let root = Root::open(&root).unwrap();
        for wait in [Wait::Allowed, Wait::Never] {
            for out in ["0/out", "0/absolute", "up/secret", "../secret"] {
                let read = root.read(out, wait);
                assert!(!matches!(read, Ok(Some(_))), "{out}: {read:?}");
            }
        }
        assert_eq!(root.read("0/in", Wait::Allowed).unwrap().as_deref(), Some(&b"inside"[..]));
        assert!(root.checked("0/out").is_err() && root.checked("0/absolute").is_err());
        assert!(root.checked("0/in").is_ok());
    }
}
