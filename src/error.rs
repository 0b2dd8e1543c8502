//! The one error type of the library. Each variant names the thing that failed (path, row, column, tile,
//! adapter) and says in one line what to do; the command line prints it once and turns it into an exit code.

use std::fmt::{self, Write};
use std::io;
use std::path::{Path, PathBuf};

/// What went wrong, ready to be shown to a person as one line: whatever a file is called, there is no control character
/// in it that could move a terminal's cursor or begin another line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be opened, read, written, renamed or removed.
    Io {
        /// What was tried, as a verb: "open", "read", "write", "create", "rename".
        action: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The request itself is wrong: a flag, a name, a combination. Exit code 2.
    Usage(String),
    /// The input cannot be used; the text names file, row or column.
    Input(String),
    /// The output cannot be written or must not be replaced; the text names the path.
    Output(String),
    /// No adapter fits the request.
    NoAdapter(String),
    /// The adapter failed: lost device, out of memory, validation.
    Device {
        /// The adapter's name as its driver gives it.
        adapter: String,
        /// What happened and what to do.
        problem: String,
    },
    /// The adapter has no memory for one more buffer.
    DeviceFull {
        /// The adapter's name as its driver gives it.
        adapter: String,
        /// Bytes that were asked for.
        bytes: u64,
    },
    /// A coordinate reference system is unknown or cannot be used. Exit code 2.
    Crs(String),
    /// A limit of the design was reached (for instance more points than a 32-bit count can hold).
    Limit(String),
    /// Whoever started the run asked it to stop, by [`crate::monitor::Monitor::cancel`]. Exit code 130; the command line
    /// has another one for each signal.
    Interrupted,
    /// A law of the program does not hold: a bug, not the user's fault.
    Internal(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = Visible(f);
        match self {
            Self::Io { action, path, source } => write!(f, "cannot {action} {}: {source}", path.display()),
            Self::Device { adapter, problem } => write!(f, "GPU adapter '{adapter}': {problem}"),
            Self::DeviceFull { adapter, bytes } => write!(
                f,
                "GPU adapter '{adapter}' has no memory for {bytes} bytes more; end what else uses it, or use --backend cpu"
            ),
            Self::Interrupted => f.write_str("interrupted; nothing was left behind"),
            Self::Internal(text) => write!(f, "internal error: {text}; please report this"),
            Self::Usage(text)
            | Self::Input(text)
            | Self::Output(text)
            | Self::NoAdapter(text)
            | Self::Crs(text)
            | Self::Limit(text) => f.write_str(text),
        }
    }
}

/// Passes text on with its control characters written out (`\n`, `\u{1b}`).
pub(crate) struct Visible<W>(pub(crate) W);

impl<W: Write> Write for Visible<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(char::is_control) {
            let (before, from) = rest.split_at(at);
            self.0.write_str(before)?;
            let mut characters = from.chars();
            if let Some(control) = characters.next() {
                write!(self.0, "{}", control.escape_default())?;
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

impl Error {
    /// An [`Error::Io`] on `path`.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), source }
    }

    /// The process exit code: 2 for wrong usage, 130 for a stop, 75 for what may be over when the same is tried again (a
    /// disk that is full or does not answer, a device that was lost), 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Crs(_) => 2,
            Self::Interrupted => 130,
            Self::Device { .. } | Self::DeviceFull { .. } => RETRY,
            Self::Io { source, .. } if is_worth_a_retry(source) => RETRY,
            _ => 1,
        }
    }
}

/// The exit code that asks a scheduler to try again: `EX_TEMPFAIL` of sysexits.h.
const RETRY: u8 = 75;

/// Whether the system may answer otherwise the next time: the same request, wrong as it is, would be answered the same.
fn is_worth_a_retry(answer: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    // Input or output that failed on the way to the device (EIO), which has no kind.
    let lost = cfg!(unix) && answer.raw_os_error() == Some(5);
    lost || matches!(
        answer.kind(),
        Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::NotConnected
            | Kind::TimedOut
            | Kind::StaleNetworkFileHandle
            | Kind::StorageFull
            | Kind::QuotaExceeded
            | Kind::ResourceBusy
            | Kind::OutOfMemory
            | Kind::WouldBlock
    )
}

/// `Result` with the library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_whatever_a_file_is_called() {
        let path = Path::new("a\nb\u{1b}[2Jc\u{9b}d\u{7f}\r");
        let shown = Error::io("open", path, io::ErrorKind::NotFound.into()).to_string();
        assert!(shown.starts_with("cannot open a\\nb\\u{1b}[2Jc\\u{9b}d\\u{7f}\\r: "), "{shown}");
        assert!(!Error::Output(path.display().to_string()).to_string().contains(char::is_control));
        assert_eq!(Error::Input("Zürich \u{1f5fa} is fine".into()).to_string(), "Zürich \u{1f5fa} is fine");
    }
}
