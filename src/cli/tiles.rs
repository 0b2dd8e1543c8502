//! The tiles that `render` makes of points and `shade` of counts: where they go, what is written beside them, and the
//! run that makes them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::library::LibraryArgs;
use super::progress::Progress;
use super::report::{self, Pending, Rejects};
use super::set::SetArgs;
use super::span::Other;
use super::summary::summary;
use crate::container::Form;
use crate::container::write::Container;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::{self, Request, Resources, Sources};
use crate::shade::Style;
use crate::source::Notice;
use crate::tile::ZoomRange;

#[derive(Debug, Clone, Args)]
pub(super) struct TilesArgs {
    /// Folder of tiles to write; or a file ending in .pmtiles or .mbtiles, or in .html: one page with everything in it
    #[arg(short, long, value_name = "OUT", help_heading = "Output")]
    output: PathBuf,
    /// Read and count only: the tiles, bytes, memory and time to expect
    #[arg(long, help_heading = "Output")]
    dry_run: bool,
    /// Replace an output that tilefire made
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Write a map page beside a .pmtiles file too, OUT.html, for a web server that has both
    #[arg(long, conflicts_with = "no_page", help_heading = "Page", hide_short_help = true)]
    page: bool,
    /// Leave out the map page
    #[arg(long, help_heading = "Page")]
    no_page: bool,
    #[command(flatten)]
    set: SetArgs,
    #[command(flatten)]
    library: LibraryArgs,
    /// Address the tiles will be served from: with it MapLibre and QGIS can take metadata.json as their TileJSON
    #[arg(long, value_name = "URL", help_heading = "Output", hide_short_help = true)]
    base_url: Option<String>,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE", help_heading = "Output", hide_short_help = true)]
    report: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
    /// Tell of the work too: what did it, and the seconds of each stage
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
}

/// What tiles are made of, and how.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) sources: Sources,
    pub(super) zooms: ZoomRange,
    /// Whether the highest of them is found from the points.
    pub(super) auto_zoom: bool,
    pub(super) style: Style,
    pub(super) resources: Resources,
}

impl TilesArgs {
    /// What the tiles are as files.
    pub(super) fn form(&self) -> Form {
        self.set.form()
    }

    /// The output is there, and to be replaced.
    pub(super) fn replace(&mut self) {
        self.force = true;
    }

    /// Makes the tiles, and what was asked for beside them; `other` is the set whose spans they take.
    pub(super) fn make(
        self,
        made: Made,
        rejects: Option<&Path>,
        other: Option<Other>,
        monitor: &Arc<Monitor>,
    ) -> Result<()> {
        let (quiet, verbose, report_path) = (self.quiet, self.verbose, self.report.clone());
        let mut request = self.request(made);
        // Who asks for a report wants the times of the device, too.
        request.resources.gpu.timestamps = report_path.is_some();
        let report = report_path.as_deref();
        let rejects = Rejects::begin(rejects, report, &mut request.sources, &request.out, request.force)?;
        let pending = Pending::begin(report, &request.sources, &request.out, request.force)?;
        let ran = {
            let _progress = Progress::start(monitor, quiet);
            render::run(&request, monitor)
        };
        let mut ran = report::with_rejects(ran, rejects, &request.sources)?;
        let unlike = other.and_then(|other| other.unlike(&request.style, &ran.colormap));
        ran.notices.extend(unlike.map(|text| Notice::new("span", text)));
        if !quiet {
            let mut text = summary(&ran, &request.out.display().to_string(), verbose);
            if request.base_url.is_none() && !request.dry_run && Container::of(&request.out)? == Container::Folder {
                text += "the addresses in metadata.json are relative: for MapLibre or QGIS name where the tiles will be, such \
                         as --base-url https://example.com/tiles, or use tilefire serve\n";
            }
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        let done = if request.dry_run {
            String::new()
        } else {
            format!("the tiles in {} are complete", request.out.display())
        };
        pending.map_or(Ok(()), |pending| pending.write(&ran, &request.sources, &done))
    }

    /// The same for a set of its own beside others: the output's name ends in that of the set, before its ending.
    pub(super) fn named(mut self, name: &str) -> Self {
        let stem = self.output.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let ending = self.output.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
        self.output.set_file_name(format!("{stem}-{name}{}", ending.unwrap_or_default()));
        self.report = None;
        self
    }

    /// Fails where one of several sets is there already, before any is made.
    pub(super) fn check_free(&self, names: &[String]) -> Result<()> {
        let there = |name: &String| Some(self.clone().named(name).output).filter(|out| out.exists());
        match names.iter().find_map(there).filter(|_| !self.force) {
            Some(out) => Err(Error::Output(format!(
                "{} already exists; name another output, or --force to replace sets that tilefire made",
                out.display()
            ))),
            None => Ok(()),
        }
    }

    /// What would be made, of a set of its own.
    pub(super) fn request_of(&self, made: Made, name: Option<&str>) -> Request {
        let own = self.clone();
        name.map_or_else(|| own.clone(), |name| own.clone().named(name)).request(made)
    }

    /// What was typed, checked and ready.
    fn request(self, made: Made) -> Request {
        let (labels, form) = self.set.set();
        Request {
            sources: made.sources,
            zooms: made.zooms,
            auto_zoom: made.auto_zoom,
            style: made.style,
            resources: made.resources,
            out: self.output,
            force: self.force,
            page: !self.no_page,
            page_beside: self.page,
            library: self.library.library(),
            base_url: self.base_url,
            labels,
            form,
            dry_run: self.dry_run,
        }
    }
}
