//! Files that bytes wait in while a command runs, and that nobody else shall see: they have no name, so that whatever
//! ends the process ends them too. Not every file system can make such a file (overlays of old kernels, network shares);
//! there it is made under a name that is taken away at once. A process that is killed between the two leaves it, empty,
//! and the next one that makes such a file in that folder removes it.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes a file without a name in `folder`, to be written and read.
pub(crate) fn nameless(folder: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        #[cfg(target_os = "linux")]
        match never_named(folder) {
            Err(e) if cannot(&e) => {}
            made => return made,
        }
        named_for_a_moment(folder)
    }
    // The system removes it when it is closed.
    #[cfg(not(unix))]
    tempfile::tempfile_in(folder)
}

/// Whether a file called `name` is one that lost its process before its name. Versions before this one had other names.
pub(super) fn is_left_over(name: &str) -> bool {
    let [number, word] = [
        name.strip_prefix(AROUND.0).and_then(|rest| rest.strip_suffix(AROUND.1)),
        name.strip_prefix(".tmp").filter(|rest| rest.len() == 6),
    ];
    number.is_some_and(|number| number.len() == 16 && number.bytes().all(|b| b.is_ascii_hexdigit()))
        || word.is_some_and(|word| word.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Beginning and end of the name, around a number that is different every time.
const AROUND: (&str, &str) = (".tilefire-", ".spool");

#[cfg(target_os = "linux")]
fn never_named(folder: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::TMPFILE.bits().cast_signed();
    File::options().read(true).write(true).mode(0o600).custom_flags(flags).open(folder)
}

/// Whether the file system, or the kernel, makes no files without a name. A kernel that has never heard of them takes the
/// folder for what is to be opened.
#[cfg(target_os = "linux")]
fn cannot(answer: &io::Error) -> bool {
    use rustix::io::Errno;
    let known = [Errno::OPNOTSUPP, Errno::ISDIR, Errno::NOENT, Errno::INVAL, Errno::NOSYS];
    Errno::from_io_error(answer).is_some_and(|answer| known.contains(&answer))
}

#[cfg(unix)]
fn named_for_a_moment(folder: &Path) -> io::Result<File> {
    use std::hash::{BuildHasher, Hasher};
    use std::os::unix::fs::OpenOptionsExt;
    clear(folder);
    loop {
        let number = std::hash::RandomState::new().build_hasher().finish();
        let path = folder.join(format!("{}{number:016x}{}", AROUND.0, AROUND.1));
        match File::options().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => {
                // Where an open file keeps its name, the next run takes it away.
                let _ = std::fs::remove_file(&path);
                return Ok(file);
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

/// Removes what killed processes of this user left in `folder`. One that is at work just now loses nothing: it is about
/// to do the same. Nothing depends on it, so what fails is left.
#[cfg(unix)]
fn clear(folder: &Path) {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = folder.read_dir() else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(AROUND.0) && is_left_over(name));
        if !is_ours {
            continue;
        }
        let me = rustix::process::geteuid().as_raw();
        // The metadata of a link are those of the link; the low six bits of the mode let others in.
        if entry
            .metadata()
            .is_ok_and(|m| m.is_file() && m.uid() == me && m.mode().trailing_zeros() >= 6 && m.nlink() == 1)
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::io::{Read, Seek, SeekFrom, Write};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_has_no_name_however_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        for mut file in [nameless(folder.path()).unwrap(), named_for_a_moment(folder.path()).unwrap()] {
            file.write_all(b"waiting").unwrap();
            file.seek(SeekFrom::Start(3)).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, "ting");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
        assert!(nameless(&folder.path().join("none")).is_err());
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, mode: u32| {
            fs::write(folder.path().join(name), "").unwrap();
            fs::set_permissions(folder.path().join(name), Permissions::from_mode(mode)).unwrap();
        };
        let left = ".tilefire-0123456789abcdef.spool";
        put(left, 0o600);
        let others =
            [(".tilefire-0123456789abcdee.spool", 0o644), (".tilefire-thesis.spool", 0o600), (".tmpabcdef", 0o600)];
        others.iter().for_each(|(name, mode)| put(name, *mode));
        std::os::unix::fs::symlink(others[2].0, folder.path().join(".tilefire-0123456789abcded.spool")).unwrap();
        named_for_a_moment(folder.path()).unwrap();
        assert!(!folder.path().join(left).exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), others.len() + 1);
    }
}
