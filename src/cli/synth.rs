//! `tilefire synth`: synthetic points to a file or to standard output.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::values;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::source::{self, Shape};
use crate::staging::{OutputOptions, Whole, check_head};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tilefire synth -n 10M -o points.csv\n  tilefire synth -n 1B -o - | tilefire render - -o big.pmtiles -z 0..12 --memory 2G"
)]
pub(super) struct SynthArgs {
    /// How many points (10M, 1.5k, ...)
    #[arg(short = 'n', long, value_name = "N", default_value = "1M", value_parser = values::number)]
    number: u64,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How the points lie and in which order they come
    #[arg(long, value_enum, default_value = "towns")]
    shape: ShapeName,
    /// CSV file to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace a file that tilefire synth made
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ShapeName {
    /// Towns, roads, countryside and hot spots, in a random order
    Towns,
    /// The same, in order of position
    Sorted,
    /// Nine of ten points on four places
    Hot,
    /// Evenly over the country's box
    Uniform,
}

impl From<ShapeName> for Shape {
    fn from(name: ShapeName) -> Self {
        match name {
            ShapeName::Towns => Self::Towns,
            ShapeName::Sorted => Self::Sorted,
            ShapeName::Hot => Self::Hot,
            ShapeName::Uniform => Self::Uniform,
        }
    }
}

pub(super) fn run(args: &SynthArgs, monitor: &Arc<Monitor>) -> Result<()> {
    if args.output.as_os_str() == "-" {
        let mut out = Pipe { inner: BufWriter::with_capacity(1 << 20, io::stdout().lock()), closed: false };
        let done = source::synth_shaped(args.shape.into(), args.number, args.seed, &mut out, monitor);
        // A closed pipe (`synth -o - | head`) is the reader's choice, not an error.
        return if out.closed && monitor.check().is_ok() { Ok(()) } else { done };
    }
    let options = OutputOptions { force: args.force, inputs: Vec::new() };
    let place =
        Whole::begin(&args.output, &options, |out| check_head(out, "file of synthetic points", source::is_synth))?;
    let (shape, number, seed) = (args.shape.into(), args.number, args.seed);
    let named = |error| match error {
        Error::Output(why) => Error::Output(format!("{}: {why}", args.output.display())),
        other => other,
    };
    let (_, notices) = place
        .write(monitor, |mut file| source::synth_shaped(shape, number, seed, &mut file, monitor).map_err(named))?;
    for notice in notices {
        let _ = writeln!(io::stderr(), "{}", values::visible(&notice));
    }
    Ok(())
}

/// Standard output, remembering that its reader went away.
struct Pipe<W> {
    inner: W,
    closed: bool,
}

impl<W: Write> Pipe<W> {
    fn watch<T>(&mut self, work: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        work(&mut self.inner).inspect_err(|e| self.closed |= e.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.watch(|out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.watch(W::flush)
    }
}
