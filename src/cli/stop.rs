//! How a signal ends the program: within a second, whatever it waits for, with nothing left behind. The first signal
//! cancels the monitor, and a run that looks at it ends by itself. One that waits for something that may never come (a
//! pipe that nobody writes to or reads from, a disk, a device) is ended here: no output appears any more, what lies in
//! working folders is cleared away, and the process is gone without asking its other threads. A second signal does
//! not wait for the run. The library installs no handlers; this is the command line's.
//!
//! One thread listens, and it is the only one that signals may go to: the system gives a signal to whichever thread has
//! not blocked it, the main one first, and one that waits for a dead disk never comes to run its handler.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use crate::monitor::Monitor;
use crate::staging::{self, Left};

/// What came from outside, if anything did.
#[derive(Debug, Default)]
pub(super) struct Stop {
    /// The first signal's number, 0 before.
    signal: AtomicI32,
    said: AtomicBool,
}

impl Stop {
    /// The exit code of a program that a signal stopped, as shells know it: 128 and the signal's number.
    pub(super) fn code(&self) -> Option<u8> {
        let signal = self.signal.load(Ordering::Acquire);
        u8::try_from(signal).ok().filter(|&signal| signal > 0).map(|signal| 128 + signal)
    }

    /// Tells a person, once, what the stopped program leaves.
    pub(super) fn say(&self, left: &Left) {
        if !self.said.swap(true, Ordering::AcqRel) {
            let line = line(left);
            // Not by way of standard error's lock, which a thread that cannot write may hold.
            write_to_stderr(&line);
        }
    }
}

/// What is said of a stop.
fn line(left: &Left) -> String {
    use std::fmt::Write;
    let names = |paths: &[PathBuf]| paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
    let mut line = String::new();
    let mut put = |text: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        let _ = crate::error::Visible(&mut line).write_fmt(text);
    };
    if !left.complete.is_empty() {
        put(format_args!("tilefire: interrupted; complete before: {}", names(&left.complete)));
    } else if left.folders.is_empty() {
        put(format_args!("tilefire: interrupted; nothing was left behind"));
    } else {
        put(format_args!("tilefire: interrupted"));
    }
    if !left.folders.is_empty() {
        put(format_args!(
            "; there was no time to clear {}, the next run of the same command does",
            names(&left.folders)
        ));
    }
    line.push('\n');
    line
}

#[cfg(all(unix, feature = "serve"))]
pub(super) use self::signals::as_began;
#[cfg(unix)]
pub(super) use self::signals::write_to_stderr;

#[cfg(unix)]
mod signals {
    use std::io::IsTerminal;
    use std::sync::OnceLock;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use nix::sys::signal::{SigSet, Signal};
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::exit;

    use super::{Arc, AtomicBool, Monitor, Ordering, Stop, staging};

    /// How long a run has to end by itself.
    const GRACE: Duration = Duration::from_millis(300);
    /// How long clearing away after it may take then, and after a second signal. A busy machine may need all of it.
    const CLEARING: Duration = Duration::from_millis(530);
    const CLEARING_AT_ONCE: Duration = Duration::from_millis(100);
    /// How long a last line may take to be written.
    const SAYING: Duration = Duration::from_millis(50);
    /// Least room of a pipe that takes anything at all.
    const AT_ONCE: usize = 512;

    /// The signals that are listened for, once they are.
    static HEARD: OnceLock<SigSet> = OnceLock::new();

    impl Stop {
        /// Listens for signals from now on, but not for those that were ignored when the program began: whoever started
        /// it that way (nohup, a shell's background) means it. Threads that begin later are left alone by signals.
        pub(crate) fn watch(monitor: &Arc<Monitor>) -> Arc<Self> {
            let stop = Arc::new(Self::default());
            // A file that becomes larger than the process may write (ulimit -f) ends it by this one, unless it is handled:
            // then the write fails and says so. What is started gets it as it was, which ignoring it would not do.
            let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
            let ignored = ignored();
            let wanted = || [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
            // Without handlers a signal leaves the working folder to the next run; nothing worse, so it is no error.
            if let Ok(signals) = Signals::new(wanted()) {
                let heard: SigSet = wanted().filter_map(|signal| Signal::try_from(signal).ok()).collect();
                let (monitor, stopping) = (monitor.clone(), stop.clone());
                std::thread::spawn(move || listen(signals, heard, &monitor, &stopping));
                let _ = HEARD.set(heard);
                block();
            }
            stop
        }
    }

    /// Keeps signals from this thread and those that it starts. Where that fails, one may be lost behind a dead disk.
    fn block() {
        let _ = HEARD.get().map(SigSet::thread_block);
    }

    /// Starts another program with signals as they were for this one: what is blocked is handed down.
    #[cfg(feature = "serve")]
    pub(crate) fn as_began<T>(start: impl FnOnce() -> T) -> T {
        let Some(heard) = HEARD.get() else { return start() };
        let _ = heard.thread_unblock();
        let started = start();
        block();
        started
    }

    fn listen(mut signals: Signals, heard: SigSet, monitor: &Monitor, stop: &Arc<Stop>) {
        // The program may have been started by one that blocks them.
        let _ = heard.thread_unblock();
        let mut hurry = None;
        for signal in &mut signals {
            match &hurry {
                None => {
                    stop.signal.store(signal, Ordering::Release);
                    monitor.cancel();
                    let (send, again) = channel();
                    let stopping = stop.clone();
                    std::thread::spawn(move || end(&again, &stopping));
                    hurry = Some(send);
                }
                // Nobody listens where the end is near anyway.
                Some(hurry) => drop(hurry.send(())),
            }
        }
    }

    /// Ends the process when it does not end by itself.
    fn end(again: &Receiver<()>, stop: &Stop) -> ! {
        // What clears away may hang as well, and a second signal is not for it.
        block();
        let hurry = again.recv_timeout(GRACE).is_ok();
        let patience = if hurry { CLEARING_AT_ONCE } else { CLEARING };
        // Neither clearing nor writing may hold the process, should the disk or the terminal hang.
        let (send, done) = channel();
        std::thread::spawn(move || {
            let _ = send.send(staging::abandon(patience));
        });
        if let Ok(left) = done.recv_timeout(patience + Duration::from_millis(50)) {
            stop.say(&left);
        }
        exit(stop.code().unwrap_or(130).into());
    }

    /// Signals that are ignored, a bit each, where the system tells.
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    }

    pub(crate) fn write_to_stderr(line: &str) {
        let mut text = line.to_owned();
        if std::io::stderr().is_terminal() {
            // A progress bar may stand there.
            text.insert_str(0, "\r\x1b[2K");
        }
        let stderr = std::io::stderr();
        let mut waiting = [PollFd::new(&stderr, PollFlags::OUT)];
        let moment = Timespec { tv_sec: 0, tv_nsec: SAYING.subsec_nanos().into() };
        // A pipe that is ready takes so much at once.
        if text.len() <= AT_ONCE && matches!(poll(&mut waiting, Some(&moment)), Ok(1)) {
            let _ = rustix::io::write(&stderr, text.as_bytes());
            return;
        }
        let (send, written) = channel();
        std::thread::spawn(move || {
            let _ = rustix::io::write(std::io::stderr(), text.as_bytes());
            let _ = send.send(());
        });
        let _ = written.recv_timeout(SAYING);
    }
}

#[cfg(not(unix))]
impl Stop {
    /// Listens for Ctrl-C and its like; only then does the run end by itself.
    pub(super) fn watch(monitor: &Arc<Monitor>) -> Arc<Self> {
        let stop = Arc::new(Self::default());
        let (monitor, stopping) = (monitor.clone(), stop.clone());
        // Without a handler Ctrl-C leaves the working folder to the next run; nothing worse, so it is no error.
        let _ = ctrlc::set_handler(move || {
            if stopping.signal.swap(2, Ordering::AcqRel) != 0 {
                std::process::exit(130);
            }
            monitor.cancel();
        });
        stop
    }
}

#[cfg(all(not(unix), feature = "serve"))]
pub(super) fn as_began<T>(start: impl FnOnce() -> T) -> T {
    start()
}

#[cfg(not(unix))]
fn write_to_stderr(line: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(line.as_bytes());
}
