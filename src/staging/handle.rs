//! An open folder: everything in it is reached by name through the handle, never through its path again, and no
//! symbolic link is followed. So nobody who can write beside the output can turn work in its working folder to
//! another place, neither before nor while it is done. Systems without such calls have `handle_other`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;

use super::entry::{Kind, Owner};

/// An open folder and the path by which people know it.
#[derive(Debug)]
pub(crate) struct Handle {
    fd: OwnedFd,
    path: PathBuf,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Handle {
    /// Opens the folder that `path` leads to, through symbolic links too.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { fd: rustix::fs::openat(CWD, path, FOLDER, Mode::empty())?, path: path.to_path_buf() })
    }

    /// Opens the folder `name`, if it is one and no link.
    pub(crate) fn folder(&self, name: impl AsRef<Path>) -> io::Result<Self> {
        let name = name.as_ref();
        let fd = rustix::fs::openat(&self.fd, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Self { fd, path: self.path.join(name) })
    }

    /// The path by which people know the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a folder: for its owner only where `private`, else for whom the umask lets in.
    pub(crate) fn make_folder(&self, name: impl AsRef<Path>, private: bool) -> io::Result<()> {
        let mode = if private { 0o700 } else { 0o777 };
        Ok(rustix::fs::mkdirat(&self.fd, name.as_ref(), Mode::from_raw_mode(mode))?)
    }

    /// Makes a file that was not there, to be written and read.
    pub(crate) fn new_file(&self, name: impl AsRef<Path>) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.fd, name.as_ref(), flags, Mode::from_raw_mode(0o666))?.into())
    }

    /// Gives a file another name here; fails where it lies on another file system.
    pub(crate) fn link(&self, file: &Path, name: impl AsRef<Path>) -> io::Result<()> {
        Ok(rustix::fs::linkat(rustix::fs::CWD, file, &self.fd, name.as_ref(), rustix::fs::AtFlags::empty())?)
    }

    /// Opens a file for reading and writing, or makes it; a link, a pipe or a folder of that name is an error.
    pub(crate) fn file(&self, name: impl AsRef<Path>) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name.as_ref(), flags, Mode::from_raw_mode(0o600))?;
        if FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) != FileType::RegularFile {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(fd.into())
    }

    /// What lies under `name`; `None` where nothing does.
    pub(crate) fn kind(&self, name: impl AsRef<Path>) -> io::Result<Option<Kind>> {
        match rustix::fs::statat(&self.fd, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(kind(FileType::from_raw_mode(stat.st_mode)))),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Everything in the folder, by name.
    pub(crate) fn entries(&self) -> io::Result<Vec<(OsString, Kind)>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.fd)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Not every file system tells with the name.
                FileType::Unknown => match self.kind(name)? {
                    Some(kind) => kind,
                    None => continue,
                },
                known => kind(known),
            };
            entries.push((name.to_owned(), kind));
        }
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }

    /// Removes a file, or a link itself.
    pub(crate) fn remove_file(&self, name: impl AsRef<Path>) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.fd, name.as_ref(), AtFlags::empty())?)
    }

    /// Removes an empty folder.
    pub(crate) fn remove_folder(&self, name: impl AsRef<Path>) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.fd, name.as_ref(), AtFlags::REMOVEDIR)?)
    }

    /// Renames `name` to `other` in the folder `to`, over what may be there.
    pub(super) fn rename(&self, name: impl AsRef<Path>, to: &Self, other: impl AsRef<Path>) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.fd, name.as_ref(), &to.fd, other.as_ref())?)
    }

    /// Renames where nothing is there yet; [`io::ErrorKind::AlreadyExists`] where something is.
    pub(super) fn rename_new(&self, name: impl AsRef<Path>, to: &Self, other: impl AsRef<Path>) -> io::Result<()> {
        let (name, other) = (name.as_ref(), other.as_ref());
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        match rustix::fs::renameat_with(&self.fd, name, &to.fd, other, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => {} // Not every file system can: the plain way below tells what is wrong.
        }
        match to.kind(other)? {
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
            None => self.rename(name, to, other),
        }
    }

    /// Swaps two names in one step, so that neither is ever absent; false where the system cannot.
    pub(super) fn exchange(&self, name: impl AsRef<Path>, to: &Self, other: impl AsRef<Path>) -> bool {
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        {
            let flags = RenameFlags::EXCHANGE;
            rustix::fs::renameat_with(&self.fd, name.as_ref(), &to.fd, other.as_ref(), flags).is_ok()
        }
        #[cfg(not(any(target_os = "linux", target_os = "macos")))]
        {
            let _ = (name, to, other);
            false
        }
    }

    /// Whether the open `file` still has the name `name`.
    pub(super) fn still_has(&self, file: &File, name: impl AsRef<Path>) -> bool {
        let id = |stat: Stat| (stat.st_dev, stat.st_ino);
        let there = rustix::fs::statat(&self.fd, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW).ok().map(id);
        there.is_some() && there == rustix::fs::fstat(file).ok().map(id)
    }

    /// Makes the folder one that its owner alone may enter, if it belongs to who runs this; false where it does not.
    pub(super) fn make_private(&self) -> io::Result<bool> {
        let stat = rustix::fs::fstat(&self.fd)?;
        if stat.st_uid != rustix::process::geteuid().as_raw() && Some(stat.st_uid) != self.owner_of_new_files() {
            return Ok(false);
        }
        if stat.st_mode & 0o077 != 0 {
            rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(stat.st_mode & 0o7700))?;
        }
        Ok(true)
    }

    /// Some file systems (squashed network shares, FAT) give all files to somebody else than who makes them.
    fn owner_of_new_files(&self) -> Option<u32> {
        const PROBE: &str = "owner";
        let file = self.new_file(PROBE).ok()?;
        let owner = rustix::fs::fstat(&file).ok().map(|stat| stat.st_uid);
        let _ = self.remove_file(PROBE);
        owner
    }

    /// Who owns the folder and who may enter it.
    pub(crate) fn owner(&self) -> io::Result<Owner> {
        Ok(owner(&rustix::fs::fstat(&self.fd)?))
    }

    /// Gives the folder to the group (and by the superuser to the owner) of `like`, with its mode; false where the
    /// group may not be given.
    pub(crate) fn make_like(&self, like: Owner) -> io::Result<bool> {
        make_like(&self.fd, like)
    }

    /// Sets the folder's permission bits.
    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(mode))?)
    }

    /// Flushes the folder's names. Not every system can; then it is left to it.
    pub(super) fn sync(&self) {
        let _ = rustix::fs::fsync(&self.fd);
    }

    /// Whether the file system has room for files but for no more names; `None` where it does not tell.
    pub(crate) fn has_names_left(&self) -> Option<bool> {
        let about = rustix::fs::fstatvfs(&self.fd).ok()?;
        // Some file systems make inodes as needed and tell of none at all.
        (about.f_files > 0).then_some(about.f_favail > 0 && about.f_ffree > 0)
    }
}

/// Who owns a file and who may use it.
pub(super) fn owner(stat: &Stat) -> Owner {
    Owner { user: stat.st_uid, group: stat.st_gid, mode: stat.st_mode & 0o7777 }
}

/// As [`Handle::make_like`], for an open file.
pub(super) fn file_make_like(file: &File, like: Owner) -> io::Result<bool> {
    make_like(file, like)
}

fn make_like(fd: impl std::os::fd::AsFd, like: Owner) -> io::Result<bool> {
    let now = owner(&rustix::fs::fstat(&fd)?);
    let mut mode = like.mode;
    let mut given = true;
    if (now.user, now.group) != (like.user, like.group) {
        let (user, group) = (Some(Uid::from_raw(like.user)), Some(Gid::from_raw(like.group)));
        // Who may not give files away keeps them and gives the group alone.
        given = rustix::fs::fchown(&fd, user, group).is_ok() || rustix::fs::fchown(&fd, None, group).is_ok();
        if !given && now.group != like.group {
            // The bits meant that other group.
            mode &= !0o6000;
        }
    }
    // Giving a file away clears bits, so its mode comes last.
    if owner(&rustix::fs::fstat(&fd)?).mode != mode {
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode))?;
    }
    Ok(given || now.group == like.group)
}

fn kind(of: FileType) -> Kind {
    match of {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        _ => Kind::Other,
    }
}
