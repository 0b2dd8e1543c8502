//! What a person typed, and what they see. One file a command; each turns its arguments into a valid request,
//! runs it and prints. Errors are printed here, once.

mod arguments;
mod bench;
mod choose;
mod colormaps;
mod count;
mod diff;
mod export;
mod flush;
mod image;
mod import;
mod info;
mod kept;
mod key;
mod library;
mod merge;
mod plan;
mod progress;
mod render;
mod report;
#[cfg(feature = "serve")]
mod serve;
#[cfg(not(feature = "serve"))]
#[path = "serve_absent.rs"]
mod serve;
mod set;
mod shade;
mod shell;
mod span;
mod stop;
mod summary;
mod synth;
mod tiles;
mod values;
mod weigh;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand};

use self::stop::Stop;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::staging;

/// Exact, seamless heat-map tiles from millions to billions of points.
#[derive(Debug, Parser)]
#[command(name = "tilefire", version, max_term_width = 100, propagate_version = true)]
#[command(long_version = long_version())]
#[command(after_help = "Examples:\n  \
                        tilefire render accidents.csv -o tiles          zooms 0 to 10, a folder with a map page\n  \
                        tilefire render trips.csv -o trips.pmtiles -z 0..14\n  \
                        tilefire serve trips.pmtiles                    look at it\n  \
                        tilefire info strange.txt                       what is it, and how would it be read?\n\n\
                        Exit codes: 0 done, 1 failed (the message says what and what to do), 2 wrong usage, \
                        75 failed and worth another try (a full disk, a lost device), 130, 143 or 129 stopped by Ctrl-C, SIGTERM or SIGHUP.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Turn point files into heat-map tiles
    Render(Box<render::RenderArgs>),
    /// Count points once, into a file of counts: to colour many times, to add to, to share
    Count(Box<count::CountArgs>),
    /// Turn counts into heat-map tiles
    Shade(Box<shade::ShadeArgs>),
    /// Turn the difference of two files of counts into tiles
    Diff(Box<diff::DiffArgs>),
    /// Tell how rows are shared out between machines that count
    Plan(Box<plan::PlanArgs>),
    /// Add files of counts up, or take some out of others
    Merge(Box<merge::MergeArgs>),
    /// Write counts as cells for other programs: Parquet, Arrow, CSV, hexagons of H3, or a GeoTIFF
    Export(Box<export::ExportArgs>),
    /// Turn cells that other programs wrote into counts
    Import(Box<import::ImportArgs>),
    /// Turn point files, or counts, into one picture
    Image(Box<image::ImageArgs>),
    /// Measure the CPU and GPU adapters on the same work, stage by stage, and compare their tiles
    Bench(Box<bench::BenchArgs>),
    /// Show tile sets on a map in the browser, and serve their tiles over HTTP
    Serve(serve::ServeArgs),
    /// Write synthetic points of national scale, the same for the same seed on every machine
    Synth(synth::SynthArgs),
    /// List the colormaps, with their colours where the terminal shows them
    Colormaps(colormaps::ColormapsArgs),
    /// Tell what inputs are and how they would be read; without any, list the GPU adapters
    Info(Box<info::InfoArgs>),
    /// Print a script that lets a shell complete commands and options
    Completions(shell::CompletionsArgs),
    /// Print the manual page, or write those of all commands
    Man(shell::ManArgs),
    /// Flush a file or file system to the disk (another tilefire waits for it)
    #[command(hide = true)]
    Flush(flush::FlushArgs),
}

/// The version with what this build can do: its features, and the PROJ in it.
fn long_version() -> &'static str {
    let all = [
        ("gpu", cfg!(feature = "gpu")),
        ("serve", cfg!(feature = "serve")),
        ("proj", cfg!(feature = "proj")),
        ("mbtiles", cfg!(feature = "mbtiles")),
        ("columnar", cfg!(feature = "columnar")),
    ];
    let with = |wanted: bool| -> Vec<&str> { all.iter().filter(|part| part.1 == wanted).map(|part| part.0).collect() };
    let (has, lacks) = (with(true).join(", "), with(false).join(", "));
    let mut text = env!("CARGO_PKG_VERSION").to_owned();
    for (what, parts) in [("features", has), ("left out", lacks)] {
        if !parts.is_empty() {
            text.push_str(&format!("\n{what}: {parts}"));
        }
    }
    if let Some(version) = crate::project::library() {
        text.push_str(&format!("\nPROJ {version}"));
    }
    // Asked once or twice in a process.
    text.leak()
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let monitor = Arc::new(Monitor::default());
    let stop = Stop::watch(&monitor);
    #[cfg(target_os = "linux")]
    staging::flush_by("/proc/self/exe".into());
    let result = match cli.command {
        Command::Render(args) => render::run(*args, &monitor),
        Command::Count(args) => count::run(*args, &monitor),
        Command::Diff(args) => diff::run(*args, &monitor),
        Command::Plan(args) => plan::run(*args, &monitor),
        Command::Shade(args) => shade::run(*args, &monitor),
        Command::Merge(args) => merge::run(*args, &monitor),
        Command::Export(args) => export::run(*args, &monitor),
        Command::Import(args) => import::run(*args, &monitor),
        Command::Image(args) => image::run(*args, &monitor),
        // Who stops what only tells something is told so, however far it came.
        Command::Bench(args) => bench::run(&args, &monitor).and_then(|()| monitor.check()),
        // It serves until it is stopped, so a stop is no error there and nothing to tell; it has its exit code.
        Command::Serve(args) => {
            let served = serve::run(args, &monitor);
            return served
                .map_or_else(|error| told(&error, &stop), |()| stop.code().map_or(ExitCode::SUCCESS, Into::into));
        }
        Command::Synth(args) => synth::run(&args, &monitor),
        Command::Colormaps(args) => colormaps::run(&args, &monitor),
        Command::Info(args) => info::run(*args, &monitor).and_then(|()| monitor.check()),
        Command::Completions(args) => shell::completions(&args, Cli::command()),
        Command::Man(args) => shell::man(&args, Cli::command()),
        Command::Flush(args) => return flush::run(&args),
    };
    result.map_or_else(|error| told(&error, &stop), |()| ExitCode::SUCCESS)
}

/// Prints an error and gives its exit code. What fails after a signal fails by it, most likely.
fn told(error: &Error, stop: &Stop) -> ExitCode {
    if matches!(error, Error::Interrupted) {
        stop.say(&staging::left());
    } else {
        let _ = writeln!(std::io::stderr(), "tilefire: {error}");
    }
    stop.code().unwrap_or(error.exit_code()).into()
}

/// Prints to standard output; a closed pipe is the reader's choice, not an error.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::Output(format!("cannot write to standard output: {e}")))
        }
        _ => Ok(()),
    }
}
