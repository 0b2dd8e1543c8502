//! How an output comes to be complete or absent: all work happens in a hidden sibling of OUT, `.NAME.tilefire`, which
//! holds `lock`, `new` (being made), and for moments `old` and `trash`. A finished output is moved in by one rename.
//! Where a run was killed, the next one for the same OUT finds the sibling unlocked and finishes or undoes its work.
//! What an output consists of, and how it is recognised and removed, is left to its `Shape`.
//!
//! `working` is the sibling, `place` what lies at OUT, `handle` an open folder, `gate` how a program ends that cannot
//! wait, `whole` outputs that are a single file, `scratch` folders and `nameless` files that are only used meanwhile.

mod entry;
mod files;
mod gate;
#[cfg_attr(not(unix), path = "handle_other.rs")]
mod handle;
mod nameless;
mod place;
mod scratch;
mod whole;
mod working;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

pub(crate) use self::entry::Kind;
use self::entry::Owner;
pub(crate) use self::files::{Flush, explain};
use self::files::{flush, has_folder, unwritable};
pub use self::files::{flush_by, flush_here};
pub(crate) use self::gate::check as check_gate;
pub use self::gate::{Left, abandon, left};
pub(crate) use self::handle::Handle;
pub(crate) use self::nameless::nameless;
pub use self::place::is_same_file;
pub(crate) use self::place::no_address;
use self::place::{State, allowed, exists, state};
pub use self::scratch::Scratch;
pub(crate) use self::whole::{Whole, check_head};
use self::working::{NEW, OLD, Working, hidden_name};
use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// What a person allows for the output.
#[derive(Debug, Clone, Default)]
pub struct OutputOptions {
    /// Replace an output that tilefire made before.
    pub force: bool,
    /// The files being read: an output that is or holds one of them is never replaced.
    pub inputs: Vec<PathBuf>,
}

/// What one kind of output is on disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Whether it is a folder, and what of it is flushed.
    pub(crate) flush: Flush,
    /// Whether the folders on the way to it are made.
    pub(crate) parents: bool,
    /// Ok where everything at the path was written by tilefire; else an error naming what was not.
    pub(crate) check: fn(&Path) -> Result<()>,
    /// Removes from a folder what tilefire writes under a name and nothing else; an error names what stays.
    pub(crate) remove: fn(&Handle, &str) -> Result<()>,
}

impl Shape {
    fn kind(&self) -> Kind {
        match self.flush {
            Flush::File => Kind::File,
            Flush::FileSystem => Kind::Folder,
        }
    }
}

/// Removes an output that is a file; anything else of that name is not ours.
pub(crate) fn remove_file(folder: &Handle, name: &str) -> Result<()> {
    let path = || folder.path().join(name);
    match folder.kind(name).map_err(|e| Error::io("open", &path(), e))? {
        Some(Kind::File) => folder.remove_file(name).map_err(|e| Error::io("remove", &path(), e)),
        Some(_) => Err(not_ours(&path())),
        None => Ok(()),
    }
}

/// The error for something that tilefire would have to remove and did not write.
pub(crate) fn not_ours(path: &Path) -> Error {
    Error::Output(format!(
        "{} was not written by tilefire, so nothing around it is replaced; move it away or choose another output",
        path.display()
    ))
}

/// An output being made.
#[derive(Debug)]
pub(crate) struct Staging {
    out: PathBuf,
    name: OsString,
    shape: Shape,
    options: OutputOptions,
    working: Arc<Working>,
    /// Owner and mode of the output that this one replaces.
    like: Option<Owner>,
    notices: Vec<String>,
}

impl Staging {
    /// Whether OUT may be made or replaced, as far as can be told without touching anything: for whoever has to wait
    /// before [`Staging::begin`].
    pub(crate) fn look(out: &Path, options: &OutputOptions, shape: Shape) -> Result<()> {
        let (out, parent, name) = place::parts(out)?;
        // With leftovers to settle only `begin` can tell.
        if has_working(&out, &parent, &name)? {
            return Ok(());
        }
        allowed(&out, shape.kind() == Kind::Folder, options, shape.check)
    }

    /// Checks that OUT may be made (or replaced), settles what an earlier run left, and takes the working folder.
    pub(crate) fn begin(out: &Path, options: &OutputOptions, shape: Shape) -> Result<Self> {
        let (out, parent, name) = place::parts(out)?;
        let may = || allowed(&out, shape.kind() == Kind::Folder, options, shape.check);
        // Refused before anything is touched; with leftovers to settle, only after an old output was put back.
        if !has_working(&out, &parent, &name)? {
            may()?;
        }
        let made_parents =
            if shape.parents { make_parents(&parent)? } else { has_folder(&out).map(|()| Vec::new())? };
        let mut notices = Vec::new();
        let taken = open_folder(&out, &parent)
            .and_then(|handle| Working::take(handle, &out, &name, shape, &mut notices))
            .inspect_err(|_| remove_parents(&made_parents));
        let working = Arc::new(taken?);
        *working.made_parents.lock().unwrap_or_else(PoisonError::into_inner) = made_parents;
        gate::enter(working.clone());
        let mut staging = Self { out, name, shape, options: options.clone(), working, like: None, notices };
        staging.recover()?;
        staging.allowed()?;
        staging.like = place::owner(&staging.out);
        Ok(staging)
    }

    /// The working folder, for files without a name.
    pub(crate) fn dir(&self) -> &Path {
        self.working.dir.path()
    }

    /// Where the new output is to be made.
    pub(crate) fn new_path(&self) -> PathBuf {
        self.dir().join(NEW)
    }

    /// Makes the file that is to be the output, with the owner and mode of the one it replaces.
    pub(crate) fn new_file(&mut self) -> Result<File> {
        let file = self.working.dir.new_file(NEW).map_err(|e| self.cannot("write", e))?;
        if let Some(like) = self.like {
            let kept = handle::file_make_like(&file, like).map_err(|e| self.cannot("write", e))?;
            self.tell_lost_group(kept);
        }
        Ok(file)
    }

    /// Makes the folder that is to be the output, likewise; gives it, and the mode for files in it where the umask would
    /// give another one.
    pub(crate) fn new_folder(&mut self) -> Result<(Handle, Option<Modes>)> {
        let making = |e| self.cannot("write", e);
        self.working.dir.make_folder(NEW, false).map_err(making)?;
        let folder = self.working.dir.folder(NEW).map_err(making)?;
        let Some(like) = self.like else { return Ok((folder, None)) };
        let usual = folder.owner().map_err(making)?;
        let kept = folder.make_like(like).map_err(making)?;
        self.tell_lost_group(kept);
        let modes = Modes { folders: like.mode, files: like.mode & 0o666 };
        Ok((folder, (usual.mode != like.mode).then_some(modes)))
    }

    fn tell_lost_group(&mut self, kept: bool) {
        if !kept {
            let out = self.out.display();
            self.notices.push(format!("{out}: its group may not be given by you, so it has yours now"));
        }
    }

    /// The error for a call on the output that failed.
    pub(crate) fn cannot(&self, action: &'static str, answer: std::io::Error) -> Error {
        explain(&self.out, action, answer, Some(&self.working.dir))
    }

    /// The name the finished output will have.
    pub(crate) fn out(&self) -> &Path {
        &self.out
    }

    /// Makes what was made as [`Staging::new_file`] or [`Staging::new_folder`] the output, unless `monitor` is cancelled
    /// before it appears. Returns what a person should know.
    pub(crate) fn commit(mut self, monitor: &Monitor) -> Result<Vec<String>> {
        flush(&self.new_path(), &self.out, self.shape.flush, monitor)?;
        monitor.check()?;
        let out = self.out.clone();
        gate::pass(&out, || self.appear())?;
        self.working.parent.sync();
        // The output is there; what cannot be cleared away now is told, and met again by the next run.
        self.working.made_parents.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if let Err(error) = self.working.clear() {
            self.notices.push(error.to_string());
        }
        Ok(std::mem::take(&mut self.notices))
    }

    /// The renames.
    fn appear(&self) -> Result<()> {
        let (dir, parent, name, out) = (&self.working.dir, &self.working.parent, &self.name, &self.out);
        let appeared = |e: std::io::Error| match e.kind() {
            ErrorKind::AlreadyExists => {
                Error::Output(format!("{} appeared while tilefire worked; nothing was written", out.display()))
            }
            _ => self.cannot("write", e),
        };
        match state(out)? {
            State::Absent => dir.rename_new(NEW, parent, name).map_err(appeared),
            State::EmptyFolder if self.shape.kind() == Kind::Folder => {
                parent.remove_folder(name).map_err(|e| Error::io("replace", out, e))?;
                dir.rename_new(NEW, parent, name).map_err(appeared)
            }
            _ => {
                self.allowed()?;
                if dir.exchange(NEW, parent, name) {
                    return Ok(());
                }
                parent.rename(name, dir, OLD).map_err(|e| Error::io("rename", out, e))?;
                dir.rename(NEW, parent, name).map_err(|e| match dir.rename(OLD, parent, name) {
                    Ok(()) => self.cannot("write", e),
                    Err(e) => Error::io("put back", out, e),
                })
            }
        }
    }

    /// Whether OUT may become ours: it is absent, an empty folder, or ours to replace.
    fn allowed(&self) -> Result<()> {
        allowed(&self.out, self.shape.kind() == Kind::Folder, &self.options, self.shape.check)
    }

    /// Finishes or undoes what a killed run began.
    fn recover(&mut self) -> Result<()> {
        let working = &self.working;
        if working.has(OLD)? && !exists(&self.out)? {
            let kind = working.dir.kind(OLD).map_err(|e| Error::io("open", &self.dir().join(OLD), e))?;
            if kind != Some(self.shape.kind()) {
                return Err(not_ours(&self.dir().join(OLD)));
            }
            let put_back = working.dir.rename_new(OLD, &working.parent, &self.name);
            put_back.map_err(|e| Error::io("put back", &self.out, e))?;
            let out = self.out.display();
            self.notices.push(format!("{out}: put back the output that an interrupted run had moved aside"));
        }
        self.working.settle()
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Unfinished, by an error or a wish to stop: nothing can be told here, and the next run meets what is left.
        let cleared = self.working.clear();
        gate::leave(&self.working, cleared.is_ok());
    }
}

/// Modes of what is made in a folder, where it replaces one that is not as the umask would have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Modes {
    pub(crate) folders: u32,
    pub(crate) files: u32,
}

fn open_folder(out: &Path, parent: &Path) -> Result<Handle> {
    let folder = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    Handle::open(folder).map_err(|e| unusable(out, folder, e))
}

/// Whether the working folder of the output `out`, whose name is `name`, lies in `parent` already. A folder that does not
/// let look is told by its own name.
fn has_working(out: &Path, parent: &Path, name: &OsStr) -> Result<bool> {
    match fs::symlink_metadata(parent.join(hidden_name(name))) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(unusable(out, parent, e)),
    }
}

/// That `out` cannot be in `folder`.
fn unusable(out: &Path, folder: &Path, answer: std::io::Error) -> Error {
    match answer.kind() {
        ErrorKind::NotADirectory => {
            Error::Output(format!("cannot write {}: {} is no folder", out.display(), folder.display()))
        }
        _ => unwritable(out, folder, answer),
    }
}

fn make_parents(parent: &Path) -> Result<Vec<PathBuf>> {
    let mut made = Vec::new();
    let missing: Vec<_> = parent.ancestors().take_while(|a| !a.as_os_str().is_empty() && !a.exists()).collect();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => made.push(folder.to_path_buf()),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => {
                remove_parents(&made);
                return Err(unwritable(folder, folder.parent().unwrap_or(folder), e));
            }
        }
    }
    Ok(made)
}

fn remove_parents(made: &[PathBuf]) {
    for folder in made.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}
