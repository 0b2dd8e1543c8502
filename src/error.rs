//! The one error type of the library. Each variant names the thing that failed (path, row, column, tile,
//! adapter) and says in one line what to do; the command line prints it once and turns it into an exit code.

use std::io;
use std::path::{Path, PathBuf};

/// What went wrong, ready to be shown to a person as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be opened, read, written, renamed or removed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "open", "read", "write", "create", "rename".
        action: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The request itself is wrong: a flag, a name, a combination. Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The input cannot be used; the text names file, row or column.
    #[error("{0}")]
    Input(String),
    /// The output cannot be written or must not be replaced; the text names the path.
    #[error("{0}")]
    Output(String),
    /// No adapter fits the request.
    #[error("{0}")]
    NoAdapter(String),
    /// The adapter failed: lost device, out of memory, validation.
    #[error("GPU adapter '{adapter}': {problem}")]
    Device {
        /// The adapter's name as its driver gives it.
        adapter: String,
        /// What happened and what to do.
        problem: String,
    },
    /// The adapter has no memory for one more buffer.
    #[error(
        "GPU adapter '{adapter}' has no memory for {bytes} bytes more; end what else uses it, or use --backend cpu"
    )]
    DeviceFull {
        /// The adapter's name as its driver gives it.
        adapter: String,
        /// Bytes that were asked for.
        bytes: u64,
    },
    /// A coordinate reference system is unknown or cannot be used. Exit code 2.
    #[error("{0}")]
    Crs(String),
    /// A limit of the design was reached (for instance more points than a 32-bit count can hold).
    #[error("{0}")]
    Limit(String),
    /// The person asked to stop.
    #[error("interrupted; nothing was left behind")]
    Interrupted,
    /// A law of the program does not hold: a bug, not the user's fault.
    #[error("internal error: {0}; please report this")]
    Internal(String),
}

impl Error {
    /// An [`Error::Io`] on `path`.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), source }
    }

    /// The process exit code: 2 for wrong usage, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Usage(_) | Self::Crs(_)) { 2 } else { 1 }
    }
}

/// `Result` with the library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
