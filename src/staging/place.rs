//! What lies at the place of an output, and whether it may become ours: looked at before the work and again before the
//! renames, by the name that a person typed.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::OutputOptions;
use super::entry::Owner;
use crate::error::{Error, Result};

/// What lies at the path of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Absent,
    EmptyFolder,
    Something,
}

pub(super) fn state(path: &Path) -> Result<State> {
    match fs::symlink_metadata(path) {
        Ok(m) if m.is_dir() => {
            let mut entries = fs::read_dir(path).map_err(|e| Error::io("read", path, e))?;
            Ok(if entries.next().is_none() { State::EmptyFolder } else { State::Something })
        }
        Ok(_) => Ok(State::Something),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(State::Absent),
        Err(e) => Err(Error::io("open", path, e)),
    }
}

pub(super) fn exists(path: &Path) -> Result<bool> {
    Ok(!matches!(state(path)?, State::Absent))
}

/// The output's path without the parts that mean nothing (`tiles/.`), its folder, and its name.
pub(super) fn parts(out: &Path) -> Result<(PathBuf, PathBuf, OsString)> {
    no_address(out)?;
    let (Some(name), Some(parent)) = (out.file_name(), out.parent()) else {
        return Err(Error::Usage(format!("{}: the output needs a name of its own", out.display())));
    };
    Ok((parent.join(name), parent.to_path_buf(), name.to_owned()))
}

/// Refuses addresses of the web and of object stores, which would become folders of strange names.
pub(crate) fn no_address(out: &Path) -> Result<()> {
    let text = out.to_string_lossy();
    let Some((scheme, _)) = text.split_once(":/") else { return Ok(()) };
    let is_scheme = scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !is_scheme {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{text} is an address, and tilefire writes files only; name a file or folder on this machine and copy it there"
    )))
}

/// Ok where OUT may become ours: it is absent, an empty folder where `folder` is made, or something to replace that
/// `check` lets pass.
pub(super) fn allowed(
    out: &Path,
    folder: bool,
    options: &OutputOptions,
    check: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let refuse = |why: &str| Err(Error::Output(format!("{} {why}", out.display())));
    let state = state(out)?;
    if state == State::Absent {
        return Ok(());
    }
    if fs::symlink_metadata(out).is_ok_and(|m| m.is_symlink()) {
        return refuse(
            "is a symbolic link, which is not replaced, not with --force either; name the place it points to",
        );
    }
    if is_mount_point(out) {
        return refuse("is a mount point, which cannot be replaced; name a folder in it");
    }
    if state == State::EmptyFolder && folder {
        return Ok(());
    }
    if !options.force {
        return refuse("already exists; choose another name, or --force to replace what tilefire wrote there");
    }
    let whole = fs::canonicalize(out).map_err(|e| Error::io("open", out, e))?;
    let holds = |input: &&PathBuf| {
        fs::canonicalize(input).is_ok_and(|input| input.starts_with(&whole)) || is_same_file(input, out)
    };
    if let Some(input) = options.inputs.iter().find(holds) {
        let input = input.display();
        return refuse(&format!("is or holds the input {input}; --force does not replace it"));
    }
    check(out)
}

/// Whether two paths lead to one file, under whatever names.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |path: &Path| fs::metadata(path).ok().map(|m| (m.dev(), m.ino()));
        id(a).is_some() && id(a) == id(b)
    }
    #[cfg(not(unix))]
    {
        matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
    }
}

fn is_mount_point(out: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
        if let Ok(about) = statx(CWD, out, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty())
            && about.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT)
        {
            return about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let device = |path: &Path| fs::metadata(path).ok().map(|m| m.dev());
        let parent = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        device(out).is_some() && device(out) != device(parent)
    }
    #[cfg(not(unix))]
    {
        let _ = out;
        false
    }
}

/// Owner and mode of what is replaced; `None` where nothing is.
pub(super) fn owner(path: &Path) -> Option<Owner> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let about = fs::symlink_metadata(path).ok()?;
        Some(Owner { user: about.uid(), group: about.gid(), mode: about.mode() & 0o7777 })
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}
