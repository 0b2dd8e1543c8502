//! How an output comes to be complete or absent: all work happens in a hidden sibling of OUT, `.NAME.tilefire`, which
//! holds `lock`, `new` (being made), and for moments `old` and `trash`. A finished output is moved in by one rename.
//! Where a run was killed, the next one for the same OUT finds the sibling unlocked and finishes or undoes its work.
//! What a container consists of, and how it is recognised and removed, is left to its [`Shape`].

mod files;

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

pub(crate) use self::files::has_folder;
pub use self::files::write_whole;
use self::files::{exchange, rename, rename_new, same_file, sync_filesystem, sync_folder, unwritable};
use crate::error::{Error, Result};

/// What a person allows for the output.
#[derive(Debug, Clone, Default)]
pub struct OutputOptions {
    /// Replace an output that tilefire made before.
    pub force: bool,
    /// The files being read: an output that is or holds one of them is never replaced.
    pub inputs: Vec<PathBuf>,
}

/// First line of the lock file, by which a working folder is known as ours.
const MARK: &str = "tilefire working folder; safe to delete while no tilefire runs\n";

/// What one kind of container is on disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Ok where everything at the path was written by tilefire; else an error naming what was not.
    pub(crate) check: fn(&Path) -> Result<()>,
    /// Removes what tilefire writes and nothing else; an error names what stays.
    pub(crate) remove: fn(&Path) -> Result<()>,
}

/// An output being made.
#[derive(Debug)]
pub(crate) struct Staging {
    out: PathBuf,
    dir: PathBuf,
    lock: Option<File>,
    shape: Shape,
    options: OutputOptions,
    made_parents: Vec<PathBuf>,
    notices: Vec<String>,
}

impl Staging {
    /// Checks that OUT may be made (or replaced), settles what an earlier run left, and takes the working folder.
    pub(crate) fn begin(out: &Path, options: &OutputOptions, shape: Shape) -> Result<Self> {
        let (Some(name), Some(parent)) = (out.file_name(), out.parent()) else {
            return Err(Error::Usage(format!("{}: the output needs a name of its own", out.display())));
        };
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".tilefire");
        let mut staging = Self {
            out: out.to_path_buf(),
            dir: parent.join(hidden),
            lock: None,
            shape,
            options: options.clone(),
            made_parents: Vec::new(),
            notices: Vec::new(),
        };
        // Refused before anything is touched; with leftovers to settle, only after an old output was put back.
        if !exists(&staging.dir)? {
            staging.allowed()?;
        }
        staging.make_parents(parent)?;
        staging.take_lock()?;
        staging.recover()?;
        staging.allowed()?;
        Ok(staging)
    }

    /// The working folder, for files without a name.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the new output is to be made.
    pub(crate) fn new_path(&self) -> PathBuf {
        self.dir.join("new")
    }

    /// The name the finished output will have.
    pub(crate) fn out(&self) -> &Path {
        &self.out
    }

    /// Makes what lies at [`Staging::new_path`] the output. Returns what a person should know.
    pub(crate) fn commit(mut self) -> Result<Vec<String>> {
        let (new, old, out) = (self.new_path(), self.dir.join("old"), self.out.clone());
        // One flush of the whole file system: per tile, fsync manages a few hundred a second.
        sync_filesystem(&self.dir)?;
        match state(&out)? {
            State::Absent => rename_new(&new, &out)?,
            State::EmptyFolder => {
                fs::remove_dir(&out).map_err(|e| Error::io("replace", &out, e))?;
                rename_new(&new, &out)?;
            }
            State::Something => {
                self.allowed()?;
                if !exchange(&new, &out)? {
                    rename(&out, &old)?;
                    if let Err(error) = rename(&new, &out) {
                        rename(&old, &out)?;
                        return Err(error);
                    }
                }
            }
        }
        sync_folder(out.parent())?;
        // The output is there; what cannot be cleared away now is told, and met again by the next run.
        if let Err(error) = self.clear() {
            self.notices.push(error.to_string());
        }
        self.made_parents.clear();
        Ok(std::mem::take(&mut self.notices))
    }

    /// Whether OUT may become ours: it is absent, an empty folder, or ours to replace.
    fn allowed(&self) -> Result<()> {
        let out = &self.out;
        let refuse = |why: &str| Err(Error::Output(format!("{} {why}", out.display())));
        if !matches!(state(out)?, State::Something) {
            return Ok(());
        }
        if !self.options.force {
            return refuse("already exists; choose another output, or --force to replace what tilefire wrote there");
        }
        if fs::symlink_metadata(out).is_ok_and(|m| m.is_symlink()) {
            return refuse("is a symbolic link, which --force does not replace; name the place it points to");
        }
        let whole = fs::canonicalize(out).map_err(|e| Error::io("open", out, e))?;
        let input = self.options.inputs.iter().find(|i| fs::canonicalize(i).is_ok_and(|i| i.starts_with(&whole)));
        if let Some(input) = input {
            let input = input.display();
            return refuse(&format!("is or holds the input {input}; --force does not replace it"));
        }
        (self.shape.check)(out)
    }

    fn make_parents(&mut self, parent: &Path) -> Result<()> {
        let missing: Vec<_> = parent.ancestors().take_while(|a| !a.as_os_str().is_empty() && !a.exists()).collect();
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Ok(()) => self.made_parents.push(folder.to_path_buf()),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(unwritable(folder, &e)),
            }
        }
        Ok(())
    }

    /// Makes the working folder or takes over a dead run's. The lock belongs to the open file, so it ends with the
    /// process however that ends.
    fn take_lock(&mut self) -> Result<()> {
        let path = self.dir.join("lock");
        let foreign = || {
            Err(Error::Output(format!(
                "{} is in the way: tilefire works there, but did not make it; move it away",
                self.dir.display()
            )))
        };
        // A run that ends between our opening and our locking takes the file away: then once more.
        for _ in 0..100 {
            match fs::create_dir(&self.dir) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                    let real = fs::symlink_metadata(&self.dir).is_ok_and(|m| m.is_dir());
                    if !real || (!path.exists() && !is_empty(&self.dir).unwrap_or(true)) {
                        return foreign();
                    }
                }
                Err(e) => return Err(unwritable(&self.out, &e)),
            }
            let mut file = match File::options().read(true).write(true).create(true).truncate(false).open(&path) {
                Ok(file) => file,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => {
                    let _ = fs::remove_dir(&self.dir);
                    return Err(unwritable(&self.out, &e));
                }
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Output(format!(
                        "{} is being written by another tilefire; wait for it or choose another output",
                        self.out.display()
                    )));
                }
                Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path, e)),
            }
            if !same_file(&file, &path) {
                continue;
            }
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(|e| Error::io("read", &path, e))?;
            if !MARK.starts_with(&text) {
                return foreign();
            }
            // New, or cut short by a kill.
            let marked = file.write_all(&MARK.as_bytes()[text.len()..]);
            self.lock = Some(file);
            return marked.map_err(|e| Error::io("write", &path, e));
        }
        Err(Error::Output(format!("{} changes hands all the time; choose another output", self.dir.display())))
    }

    /// Finishes or undoes what a killed run began.
    fn recover(&mut self) -> Result<()> {
        let old = self.dir.join("old");
        if exists(&old)? && !exists(&self.out)? {
            rename(&old, &self.out)?;
            let out = self.out.display();
            self.notices.push(format!("{out}: put back the output that an interrupted run had moved aside"));
        }
        self.clear_contents()
    }

    /// Removes everything in the working folder but the lock.
    fn clear_contents(&self) -> Result<()> {
        let (new, old, trash) = (self.new_path(), self.dir.join("old"), self.dir.join("trash"));
        if exists(&trash)? {
            (self.shape.remove)(&trash)?;
        }
        if exists(&old)? {
            // Renamed first: whatever is called `old` is whole and could be put back.
            rename(&old, &trash)?;
            (self.shape.remove)(&trash)?;
        }
        if exists(&new)? {
            (self.shape.remove)(&new)?;
        }
        Ok(())
    }

    /// Removes the working folder.
    fn clear(&mut self) -> Result<()> {
        let Some(lock) = self.lock.take() else { return Ok(()) };
        self.clear_contents()?;
        let path = self.dir.join("lock");
        fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
        let removed = fs::remove_dir(&self.dir);
        drop(lock);
        match removed {
            // The next run may be at its door already.
            Err(e) if !matches!(e.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
                Err(Error::io("remove", &self.dir, e))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Unfinished, by an error or a wish to stop: nothing can be told here, and the next run meets what is left.
        let _ = self.clear();
        for folder in self.made_parents.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// What lies at the path of an output.
enum State {
    Absent,
    EmptyFolder,
    Something,
}

fn state(path: &Path) -> Result<State> {
    match fs::symlink_metadata(path) {
        Ok(m) if m.is_dir() && is_empty(path)? => Ok(State::EmptyFolder),
        Ok(_) => Ok(State::Something),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(State::Absent),
        Err(e) => Err(Error::io("open", path, e)),
    }
}

fn exists(path: &Path) -> Result<bool> {
    Ok(!matches!(state(path)?, State::Absent))
}

fn is_empty(folder: &Path) -> Result<bool> {
    let mut entries = fs::read_dir(folder).map_err(|e| Error::io("read", folder, e))?;
    Ok(entries.next().is_none())
}
