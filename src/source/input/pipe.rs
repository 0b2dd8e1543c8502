//! Bytes that come once: standard input, pipes, devices. Waiting for them ends when the reading is to.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::source::stop::PATIENCE;

/// Standard input without the buffer of the standard library, which would hide from the system whether there is more.
pub(super) fn standard_input() -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        io::stdin().as_fd().try_clone_to_owned().map(File::from)
    }
    #[cfg(windows)]
    {
        use std::os::windows::io::AsHandle;
        io::stdin().as_handle().try_clone_to_owned().map(File::from)
    }
}

/// Reads what there is, waiting for the first byte; 0 at the end. Fails within a moment once `check` does.
pub(in crate::source) fn read_some(
    mut file: &File,
    name: &Path,
    buffer: &mut [u8],
    check: &dyn Fn() -> Result<()>,
) -> Result<usize> {
    loop {
        check()?;
        if !ready(file).map_err(|e| Error::io("read", name, e))? {
            continue;
        }
        match file.read(buffer) {
            Err(e) if matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => (),
            other => return other.map_err(|e| Error::io("read", name, e)),
        }
    }
}

/// Whether a read would not wait; looks for a moment.
fn ready(file: &File) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut waiting = [PollFd::new(file, PollFlags::IN)];
        let moment = Timespec { tv_sec: 0, tv_nsec: PATIENCE.subsec_nanos().into() };
        match poll(&mut waiting, Some(&moment)) {
            Ok(n) => Ok(n > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, PATIENCE);
        Ok(true)
    }
}
