//! The progress bar: on standard error, on a terminal only. It looks at the monitor ten times a second and
//! disturbs nothing.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::monitor::Monitor;

/// A running progress bar; gone when dropped.
pub(super) struct Progress {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows progress unless `quiet` or standard error is no terminal.
    pub(super) fn start(monitor: &Arc<Monitor>, quiet: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        if quiet || !std::io::stderr().is_terminal() {
            return Self { stop, thread: None };
        }
        let (monitor, stopped) = (monitor.clone(), stop.clone());
        let thread = std::thread::spawn(move || show(&monitor, &stopped));
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn show(monitor: &Monitor, stopped: &AtomicBool) {
    let bar = ProgressBar::no_length();
    let mut writing = false;
    while !stopped.load(Ordering::Relaxed) {
        let tiles = monitor.tiles_total.load(Ordering::Relaxed);
        if tiles > 0 {
            if !writing {
                writing = true;
                bar.reset();
                bar.set_style(style("tiles  {bar:40} {human_pos}/{human_len}  {per_sec}  {eta} left"));
            }
            let done = monitor.tiles.load(Ordering::Relaxed);
            bar.set_length(tiles.max(done));
            bar.set_position(done);
        } else {
            let points = monitor.points.load(Ordering::Relaxed) as f64 * 1e-6;
            let total = monitor.bytes_total.load(Ordering::Relaxed);
            if total > 0 {
                bar.set_length(total);
                bar.set_style(style("points {bar:40} {msg}  {bytes_per_sec}  {eta} left"));
            } else {
                bar.set_style(style("points {spinner} {msg}  {bytes_per_sec}"));
            }
            bar.set_position(monitor.bytes_read.load(Ordering::Relaxed));
            bar.set_message(format!("{points:.1} M"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}
