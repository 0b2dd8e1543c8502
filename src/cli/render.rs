//! `tilefire render`: point files to tiles.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::progress::Progress;
use super::summary::summary;
use super::values;
use crate::backend::MAX_SPREAD;
use crate::backend::gpu::{ForcedLimits, GpuOptions};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::project::Crs;
use crate::render::{self, Device, Report, Request};
use crate::shade::{Colormap, DEFAULT_COLORMAP, Function, SpanRule};
use crate::source::{ColumnRef, Header, Input, ReadOptions};
use crate::tile::ZoomRange;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BackendName {
    /// A real GPU if there is one, else the CPU
    Auto,
    /// A GPU, or an error
    Gpu,
    /// The CPU
    Cpu,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum HeaderName {
    /// Look at the first record
    Auto,
    /// The first record names the columns
    Yes,
    /// The first record is a point
    No,
}

#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// CSV files with one point a row; - for standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Folder of tiles to write, or a file ending in .pmtiles
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Zooms to make, both ends included: 0..10, 0-10 or one number, at most 24
    #[arg(short, long, default_value = "0..10", value_name = "ZOOMS")]
    zooms: ZoomRange,
    /// Column of longitudes: its name, or # and its number from 1
    #[arg(long, value_name = "COLUMN", conflicts_with = "x")]
    lon: Option<ColumnRef>,
    /// Column of latitudes
    #[arg(long, value_name = "COLUMN", conflicts_with = "y")]
    lat: Option<ColumnRef>,
    /// Column of projected x or eastings (with --crs)
    #[arg(long, value_name = "COLUMN")]
    x: Option<ColumnRef>,
    /// Column of projected y or northings (with --crs)
    #[arg(long, value_name = "COLUMN")]
    y: Option<ColumnRef>,
    /// Whether the first record names the columns
    #[arg(long, value_enum, default_value = "auto")]
    header: HeaderName,
    /// Reference system of the coordinates: an EPSG code, WKT or a PROJ string
    #[arg(long, default_value = "EPSG:4326")]
    crs: String,
    /// How a count becomes a position along the colormap: log, linear, cbrt, sqrt or gamma=EXPONENT
    #[arg(long, default_value_t, value_name = "FUNCTION")]
    how: Function,
    /// Counts the colormap begins and ends at: of each zoom, of all zooms together, a smooth fit over the zooms, or
    /// the same two counts everywhere [zoom, all, smooth, MIN,MAX]
    #[arg(long, default_value_t, value_name = "SPAN")]
    span: SpanRule,
    /// Colours: a name (tilefire colormaps lists them; _r at the end reverses), a list such as
    /// '#00000000, orange 30%, white', or one colour, which rises in alpha
    #[arg(long, default_value = DEFAULT_COLORMAP, value_name = "COLOURS")]
    colormap: String,
    /// Opacity of all colours, 0 to 1
    #[arg(long, default_value_t = 1.0, value_name = "OPACITY", value_parser = values::share)]
    alpha: f64,
    /// Grow each lit pixel to a disc of this radius, so that lone points show
    #[arg(long, default_value_t = 0, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_SPREAD)))]
    spread: u32,
    /// Where the work is done
    #[arg(long, value_enum, default_value = "auto")]
    backend: BackendName,
    /// Part of the name of the GPU adapter to use (tilefire info lists them)
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Host memory for points and counts (512M, 4G, ...) [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    memory: Option<u64>,
    /// Read and count only: tiles per zoom, and the bytes, memory and time to expect
    #[arg(long)]
    dry_run: bool,
    /// Replace an output that tilefire made
    #[arg(long)]
    force: bool,
    /// Leave out the map page
    #[arg(long)]
    no_page: bool,
    /// Address the tiles will be served from, for absolute URLs in metadata.json
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: RenderArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let (quiet, report_path) = (args.quiet, args.report.clone());
    let request = request(args)?;
    if let Some(path) = &report_path {
        check_report_place(path, &request)?;
    }
    let report = {
        let _progress = Progress::start(monitor, quiet);
        render::run(&request, monitor)?
    };
    if !quiet {
        let text = summary(&report, &request.out.display().to_string());
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    report_path.map_or(Ok(()), |path| write_report(&report, &path, &request))
}

/// What was typed, checked and ready.
fn request(args: RenderArgs) -> Result<Request> {
    let Ok(crs) = args.crs.parse::<Crs>();
    let inputs = args
        .inputs
        .into_iter()
        .map(|path| if path.as_os_str() == "-" { Input::Stdin } else { Input::File(path) })
        .collect();
    if args.lon.is_some() != args.lat.is_some() {
        return Err(Error::Usage("--lon and --lat go together; name both columns".into()));
    }
    if args.x.is_some() != args.y.is_some() {
        return Err(Error::Usage("--x and --y go together; name both columns".into()));
    }
    let device = match (args.backend, &args.adapter) {
        (BackendName::Cpu, Some(_)) => {
            return Err(Error::Usage("--adapter names a GPU and --backend cpu uses none; leave one out".into()));
        }
        (BackendName::Cpu, None) => Device::Cpu,
        (BackendName::Gpu, _) => Device::Gpu,
        (BackendName::Auto, _) => Device::Auto,
    };
    Ok(Request {
        inputs,
        read: ReadOptions {
            x: args.lon.or(args.x),
            y: args.lat.or(args.y),
            header: match args.header {
                HeaderName::Auto => Header::Auto,
                HeaderName::Yes => Header::Yes,
                HeaderName::No => Header::No,
            },
            projected: crs.is_projected()?,
        },
        crs,
        zooms: args.zooms,
        spread: args.spread,
        function: args.how,
        span: args.span,
        colormap: Colormap::parse(&args.colormap)?.with_opacity(args.alpha),
        device,
        gpu: GpuOptions { adapter: args.adapter, limits: ForcedLimits::default() },
        out: args.output,
        force: args.force,
        page: !args.no_page,
        base_url: args.base_url,
        threads: args.threads.map(usize::from),
        memory: args.memory,
        dry_run: args.dry_run,
    })
}

/// Refuses a report that would write over an input or into the output, or that has no folder to lie in: before the
/// work, not after it.
fn check_report_place(path: &Path, request: &Request) -> Result<()> {
    let shown = path.display();
    let is_input = |input: &Input| matches!(input, Input::File(file) if same_place(file, path));
    if request.inputs.iter().any(is_input) {
        return Err(Error::Usage(format!(
            "--report {shown} is an input, which it would write over; name another file"
        )));
    }
    let (place, out) = (place(path), place(&request.out));
    if place.starts_with(&out) {
        return Err(Error::Usage(format!(
            "--report {shown} lies in the output {}, which holds tiles only; name a file beside it",
            request.out.display()
        )));
    }
    if path.is_dir() {
        return Err(Error::Usage(format!("--report {shown} is a folder; name a file")));
    }
    // A folder on the way to the output is made with it.
    match place.parent() {
        Some(folder) if !folder.is_dir() && !out.starts_with(folder) => {
            Err(Error::Usage(format!("--report {shown}: there is no folder {}; make it first", folder.display())))
        }
        _ => Ok(()),
    }
}

fn same_place(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The absolute path of what may not exist yet, without symbolic links on the way to it where its folder exists.
fn place(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    }
}

fn write_report(report: &Report, path: &Path, request: &Request) -> Result<()> {
    let mut text = serde_json::to_string_pretty(report).map_err(|e| Error::Internal(e.to_string()))?;
    text.push('\n');
    std::fs::write(path, text).map_err(|e| {
        let out = request.out.display();
        let tiles = if request.dry_run { String::new() } else { format!("; the tiles in {out} are complete") };
        Error::Output(format!("cannot write the report to {}: {e}{tiles}", path.display()))
    })
}
