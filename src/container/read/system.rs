//! The calls that look at and read files without waiting for a disk where the operating system offers it, and that
//! never leave the folder they were told to stay in. Elsewhere the same calls simply wait, or answer that they would.
//! Nothing but plain files is read, and opening what is none (a pipe, a device) is never waited for.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::Wait;

/// Device, number, length and times of a file: equal while nobody replaced or rewrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity(pub(super) [u64; 7]);

/// What lies at a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) identity: Identity,
    pub(super) folder: bool,
    plain: bool,
    length: u64,
}

/// Looks what lies at a path. With [`Wait::Never`] only as far as the system has it in memory: else `WouldBlock`.
pub(super) fn look(path: &Path, wait: Wait) -> io::Result<Seen> {
    #[cfg(target_os = "linux")]
    if wait == Wait::Never {
        use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, openat2};
        // A file system that does not answer is not asked: not for the name, and not for what is behind it.
        let name = openat2(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED);
        return seen(&name.map_err(maybe_waits)?, AtFlags::STATX_DONT_SYNC);
    }
    let _ = wait;
    Ok(Seen::of(&std::fs::metadata(path)?))
}

/// What an open file is, in the same way.
pub(super) fn of_open(file: &File, wait: Wait) -> io::Result<Seen> {
    #[cfg(target_os = "linux")]
    if wait == Wait::Never {
        return seen(file, rustix::fs::AtFlags::STATX_DONT_SYNC);
    }
    let _ = wait;
    Ok(Seen::of(&file.metadata()?))
}

/// Answers that mean: this system cannot say it without waiting.
#[cfg(target_os = "linux")]
fn maybe_waits(answer: rustix::io::Errno) -> io::Error {
    use rustix::io::Errno;
    match answer {
        Errno::NOSYS | Errno::INVAL | Errno::PERM | Errno::OPNOTSUPP => ErrorKind::WouldBlock.into(),
        answer => answer.into(),
    }
}

#[cfg(target_os = "linux")]
fn seen(file: &impl std::os::fd::AsFd, sync: rustix::fs::AtFlags) -> io::Result<Seen> {
    use rustix::fs::{AtFlags, FileType, StatxFlags, makedev, statx};
    let about = statx(file, "", AtFlags::EMPTY_PATH | sync, StatxFlags::BASIC_STATS).map_err(maybe_waits)?;
    let kind = FileType::from_raw_mode(about.stx_mode.into());
    let (modified, changed) = (about.stx_mtime, about.stx_ctime);
    let identity = Identity([
        makedev(about.stx_dev_major, about.stx_dev_minor),
        about.stx_ino,
        about.stx_size,
        modified.tv_sec as u64,
        modified.tv_nsec.into(),
        changed.tv_sec as u64,
        changed.tv_nsec.into(),
    ]);
    let (folder, plain) = (kind == FileType::Directory, kind == FileType::RegularFile);
    Ok(Seen { identity, folder, plain, length: about.stx_size })
}

impl Seen {
    fn of(file: &Metadata) -> Self {
        Self { identity: Identity::of(file), folder: file.is_dir(), plain: file.is_file(), length: file.len() }
    }
}

impl Identity {
    /// Without the time of change: SQLite gives the log that it reads to its owner again, each time.
    pub(super) fn of_content(self) -> Self {
        let Self([device, number, length, seconds, nanoseconds, ..]) = self;
        Self([device, number, length, seconds, nanoseconds, 0, 0])
    }

    #[cfg(unix)]
    fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        // The time of change too: a copy that keeps the time of modification cannot set it.
        let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()].map(|t| t as u64);
        Self([file.dev(), file.ino(), file.len(), times[0], times[1], times[2], times[3]])
    }

    #[cfg(not(unix))]
    fn of(file: &Metadata) -> Self {
        let nanoseconds = |time: io::Result<std::time::SystemTime>| {
            time.ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok()).map_or(0, |d| d.as_nanos() as u64)
        };
        Self([0, 0, file.len(), nanoseconds(file.modified()), 0, nanoseconds(file.created()), 0])
    }
}

/// Opens a plain file and tells its length; `None` where there lies something else.
pub(super) fn open_plain(path: &Path) -> io::Result<Option<(File, u64)>> {
    let file = open_at_once(path)?;
    let about = file.metadata()?;
    Ok(about.is_file().then_some((file, about.len())))
}

/// Opens without waiting for whoever holds the other end of a pipe.
fn open_at_once(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::{Mode, OFlags, open};
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        Ok(open(path, flags, Mode::empty())?.into())
    }
    #[cfg(not(unix))]
    File::open(path)
}

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
            handle: {
                use rustix::fs::{Mode, OFlags, open};
                // A folder or nothing: what has become a pipe meanwhile is not waited for.
                let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
                open(path, flags, Mode::empty())?.into()
            },
        })
    }

    /// The whole file `name`, `None` where there is none. `name` is a plain relative path. A file of more than `most`
    /// bytes is `FileTooLarge`.
    pub(super) fn read(&self, name: &str, most: u64, wait: Wait) -> io::Result<Option<Vec<u8>>> {
        let file = match self.file(name, wait) {
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            file => file?,
        };
        let about = of_open(&file, wait)?;
        if !about.plain {
            return Err(io::Error::other("it is not a plain file"));
        }
        if about.length > most {
            let problem = format!("it has {} bytes, more than {most}", about.length);
            return Err(io::Error::new(ErrorKind::FileTooLarge, problem));
        }
        read_at(&file, 0, about.length as usize, wait).map(Some)
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
        open_at_once(&real)
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
        let waited = root.read("a/b.png", 10, Wait::Allowed).unwrap();
        assert_eq!(waited.as_deref(), Some(&b"0123456789"[..]));
        match root.read("a/b.png", 10, Wait::Never) {
            Ok(read) => assert_eq!(read, waited),
            Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
        }
        for absent in ["b", "a/c.png", "a/b.png/c.png"] {
            assert_eq!(root.read(absent, 10, Wait::Allowed).unwrap(), None, "{absent}");
        }
        let file = File::open(folder.path().join("a/b.png")).unwrap();
        assert_eq!(read_at(&file, 3, 4, Wait::Allowed).unwrap(), b"3456");
        let short = read_at(&file, 8, 4, Wait::Allowed).unwrap_err();
        assert_eq!(short.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(read_at(&file, u64::MAX, 4, Wait::Allowed).map_err(|_| ()), Err(()));
    }

    #[test]
    fn equal_files_look_equal_with_and_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), b"0123456789").unwrap();
        for path in [folder.path().to_owned(), folder.path().join("a")] {
            let waited = look(&path, Wait::Allowed).unwrap();
            match look(&path, Wait::Never) {
                Ok(seen) => assert_eq!((seen.identity, seen.folder), (waited.identity, waited.folder)),
                Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
            }
        }
        let root = Root::open(folder.path()).unwrap();
        assert_eq!(root.read("a", 9, Wait::Allowed).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_no_plain_file_and_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|made| made.success()));
        assert!(open_plain(&pipe).unwrap().is_none());
        assert!(open_plain(folder.path()).unwrap().is_none());
        let root = Root::open(folder.path()).unwrap();
        assert!(root.read("pipe", 10, Wait::Allowed).unwrap_err().to_string().contains("plain file"));
        assert!(root.checked("pipe").is_ok());
        assert!(Root::open(&pipe).is_err());
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
                let read = root.read(out, 10, wait);
                assert!(!matches!(read, Ok(Some(_))), "{out}: {read:?}");
            }
        }
        assert_eq!(root.read("0/in", 10, Wait::Allowed).unwrap().as_deref(), Some(&b"inside"[..]));
        assert!(root.checked("0/out").is_err() && root.checked("0/absolute").is_err());
        assert!(root.checked("0/in").is_ok());
    }
}
