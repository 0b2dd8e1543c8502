//! What a person typed, and what they see. One file a command; each turns its arguments into a valid request,
//! runs it and prints. Errors are printed here, once.

mod arguments;
mod bench;
mod colormaps;
mod image;
mod info;
mod progress;
mod render;
mod serve;
mod summary;
mod synth;
mod values;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// Exact, seamless heat-map tiles from millions to billions of points.
#[derive(Debug, Parser)]
#[command(name = "tilefire", version, max_term_width = 100, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed (the message says what and what to do), 2 wrong usage.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Turn point files into heat-map tiles
    Render(Box<render::RenderArgs>),
    /// Turn point files into one picture
    Image(Box<image::ImageArgs>),
    /// Measure the CPU and GPU adapters on the same work, stage by stage, and compare their tiles
    Bench(bench::BenchArgs),
    /// Show tile sets on a map in the browser, and serve their tiles over HTTP
    Serve(serve::ServeArgs),
    /// Write synthetic points of national scale, the same for the same seed on every machine
    Synth(synth::SynthArgs),
    /// List the colormaps, with their colours where the terminal shows them
    Colormaps(colormaps::ColormapsArgs),
    /// List the GPU adapters with their kind and the limits that matter
    Info(info::InfoArgs),
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    hush_device_layer();
    let monitor = Arc::new(Monitor::default());
    let on_interrupt = monitor.clone();
    // Without a handler Ctrl-C would leave the work folder to the next run; nothing worse, so a failure is no error.
    let _ = ctrlc::set_handler(move || on_interrupt.cancel());
    let result = match cli.command {
        Command::Render(args) => render::run(*args, &monitor),
        Command::Image(args) => image::run(*args, &monitor),
        Command::Bench(args) => bench::run(&args, &monitor),
        Command::Serve(args) => serve::run(args, &monitor),
        Command::Synth(args) => synth::run(&args, &monitor),
        Command::Colormaps(args) => colormaps::run(&args),
        Command::Info(args) => info::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "tilefire: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Mesa's Vulkan layer that orders devices by the user's wish asks for a display, and complains on standard error where
/// there is none: on servers, beside the lines this program prints. It is left out there, unless its wish is set.
fn hush_device_layer() {
    let set = |name| std::env::var_os(name).is_some();
    if cfg!(target_os = "linux") && !["XDG_RUNTIME_DIR", "MESA_VK_DEVICE_SELECT", "DRI_PRIME"].into_iter().any(set) {
        #[expect(unsafe_code, reason = "the layer takes this wish from the environment only")]
        // SAFETY: the program has a single thread at this point, so nobody reads the environment meanwhile.
        unsafe {
            std::env::set_var("NODEVICE_SELECT", "1");
        }
    }
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
