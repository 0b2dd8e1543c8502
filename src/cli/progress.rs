//! The progress bar: on standard error, on a terminal only. It looks at the monitor ten times a second and
//! disturbs nothing. Above it stands how the points are read, so that a wrong column is seen early. A line has room in 40
//! columns; how long it will take is told only of what takes its time evenly. In a log nothing moves: there how the points
//! are read is one line, of runs that take a while.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::error::Visible;
use crate::monitor::Monitor;

/// A running progress bar; gone when dropped.
pub(super) struct Progress {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows progress unless `quiet`; one line where standard error is no terminal, or one that cannot go back in a line.
    pub(super) fn start(monitor: &Arc<Monitor>, quiet: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        if quiet {
            return Self { stop, thread: None };
        }
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let show = if dumb || !std::io::stderr().is_terminal() { log } else { show };
        let (monitor, stopped) = (monitor.clone(), stop.clone());
        let thread = std::thread::spawn(move || show(&monitor, &stopped));
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// After so long a run is one that takes a while.
const WHILE: Duration = Duration::from_secs(2);

/// Says how the points are read, once that is known and a while has passed.
fn log(monitor: &Monitor, stopped: &AtomicBool) {
    let start = Instant::now();
    while !stopped.load(Ordering::Relaxed) {
        if let Some(reading) = monitor.reading.get().filter(|_| start.elapsed() >= WHILE) {
            let mut line = String::new();
            let _ = write!(Visible(&mut line), "reading {reading}");
            let _ = std::io::stderr().write_all((line + "\n").as_bytes());
            return;
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

/// What the run is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Reads, of so many bytes; 0 where nobody knows.
    Reading,
    /// Has read all, and counts.
    Counting,
    /// Makes tiles.
    Painting,
    /// Has made all, and writes.
    Finishing,
}

impl Phase {
    fn of(monitor: &Monitor) -> Self {
        let at = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        let (read, bytes) = (at(&monitor.bytes_read), at(&monitor.bytes_total));
        match (at(&monitor.tiles), at(&monitor.tiles_total)) {
            (done, tiles) if tiles > 0 && done >= tiles => Self::Finishing,
            (_, tiles) if tiles > 0 => Self::Painting,
            _ if bytes > 0 && read >= bytes => Self::Counting,
            _ => Self::Reading,
        }
    }

    /// How it is shown.
    fn template(self, bounded: bool) -> &'static str {
        match self {
            Self::Reading if bounded => "points {wide_bar} {prefix}",
            Self::Painting => "tiles {wide_bar} {prefix}",
            Self::Reading | Self::Counting | Self::Finishing => "{spinner} {prefix}",
        }
    }
}

fn show(monitor: &Monitor, stopped: &AtomicBool) {
    let bar = ProgressBar::no_length();
    let (mut shown, mut since) = (None, Instant::now());
    while !stopped.load(Ordering::Relaxed) {
        let phase = Phase::of(monitor);
        let bytes = monitor.bytes_total.load(Ordering::Relaxed);
        let reading = monitor.reading.get();
        if shown != Some((phase, bytes > 0, reading.is_some())) {
            if shown.is_none_or(|(before, ..)| before != phase) {
                since = Instant::now();
            }
            shown = Some((phase, bytes > 0, reading.is_some()));
            let above = if reading.is_some() { "{wide_msg}\n" } else { "" };
            let style = ProgressStyle::with_template(&format!("{above}{}", phase.template(bytes > 0)));
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(reading.cloned().unwrap_or_default());
        }
        let (tiles, all) = (monitor.tiles.load(Ordering::Relaxed), monitor.tiles_total.load(Ordering::Relaxed));
        let (points, read) = (monitor.points.load(Ordering::Relaxed), monitor.bytes_read.load(Ordering::Relaxed));
        let seconds = since.elapsed().as_secs_f64();
        let rate = |done: u64| format!("{}/s", short(done as f64 / seconds.max(0.1)));
        let done = match phase {
            Phase::Reading => {
                bar.set_length(bytes);
                bar.set_position(read);
                format!("{} {}{}", short(points as f64), rate(points), left(read, bytes, seconds))
            }
            Phase::Counting => format!("counting {} points", short(points as f64)),
            Phase::Painting => {
                bar.set_length(all);
                bar.set_position(tiles);
                // Several of these become one, so that their number is that of no tiles.
                if monitor.joined.load(Ordering::Relaxed) {
                    format!("{} %{}", 100 * tiles / all.max(1), left(tiles, all, seconds))
                } else {
                    format!("{} {}{}", short(all as f64), rate(tiles), left(tiles, all, seconds))
                }
            }
            Phase::Finishing if monitor.joined.load(Ordering::Relaxed) => "finishing".to_owned(),
            Phase::Finishing => format!("finishing {} tiles", short(tiles as f64)),
        };
        bar.set_prefix(done);
        bar.tick();
        std::thread::park_timeout(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}

/// A number in a few characters: 999, 20.3 M.
fn short(number: f64) -> String {
    match number {
        1e9.. => format!("{:.1} G", number / 1e9),
        1e6.. => format!("{:.1} M", number / 1e6),
        1e4.. => format!("{:.0} k", number / 1e3),
        _ => format!("{number:.0}"),
    }
}

/// The time that is left at the pace so far, with a blank before it; nothing where it is not known yet, or less than a
/// second.
fn left(done: u64, all: u64, seconds: f64) -> String {
    let rest = if done == 0 { 0.0 } else { seconds * all.saturating_sub(done) as f64 / done as f64 };
    match rest {
        3600.0.. => format!("  {:.0} h {:.0} m left", (rest / 3600.0).floor(), rest % 3600.0 / 60.0),
        60.0.. => format!("  {:.0} m left", rest / 60.0),
        1.0.. if seconds >= 0.5 => format!("  {rest:.0} s left"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, says) in
            [(0.0, "0"), (9_999.0, "9999"), (25_300.0, "25 k"), (20.31e6, "20.3 M"), (1.25e9, "1.2 G")]
        {
            assert_eq!(short(number), says);
        }
    }

    #[test]
    fn no_time_is_told_that_nobody_knows() {
        assert_eq!(left(0, 100, 5.0), "");
        assert_eq!(left(100, 100, 5.0), "");
        assert_eq!(left(99, 100, 5.0), "");
        assert_eq!(left(50, 100, 7.0), "  7 s left");
        assert_eq!(left(1, 100, 5.0), "  8 m left");
        assert_eq!(left(1, 2000, 5.0), "  2 h 47 m left");
    }

    #[test]
    fn phases_follow_what_is_done() {
        let monitor = Monitor::default();
        assert_eq!(Phase::of(&monitor), Phase::Reading);
        monitor.bytes_total.store(10, Ordering::Relaxed);
        monitor.bytes_read.store(9, Ordering::Relaxed);
        assert_eq!(Phase::of(&monitor), Phase::Reading);
        monitor.bytes_read.store(10, Ordering::Relaxed);
        assert_eq!(Phase::of(&monitor), Phase::Counting);
        monitor.tiles_total.store(3, Ordering::Relaxed);
        monitor.tiles.store(2, Ordering::Relaxed);
        assert_eq!(Phase::of(&monitor), Phase::Painting);
        monitor.tiles.store(3, Ordering::Relaxed);
        assert_eq!(Phase::of(&monitor), Phase::Finishing);
    }
}
