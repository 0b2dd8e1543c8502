//! Counts of one zoom to a file: what is asked for, whether that can be, and who writes it.

use std::path::Path;
use std::sync::Arc;

use super::batch::{Filler, Writer};
use super::form::Form;
use super::select::{Few, Selection};
use super::tables::{Kind, Table};
use super::{columnar, geotiff, pixels, text};
use crate::account::Account;
use crate::counts::{Step, Weighed};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::staging::{OutputOptions, Whole};
use crate::store::CountStore;
use crate::tile::Frame;

/// Bytes that a writer has in use, whatever the cells: batches, and the encoded columns of a row group.
const WRITING: u64 = 48 << 20;

/// The counts of a plane.
#[derive(Debug, Clone, Copy)]
pub enum Held<'a> {
    /// Points.
    Counts(&'a CountStore),
    /// Points and their weights: the name of the column that was added up, and what a step is worth.
    Sums(&'a CountStore<Weighed>, &'a str, Step),
}

/// A plane to be exported.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    /// The key its points have in common; `None` where points have no keys, and there is one plane.
    pub label: Option<&'a str>,
    /// Its counts.
    pub held: Held<'a>,
}

/// What points are told together in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cells {
    /// Pixels of the zoom.
    #[default]
    Pixels,
    /// Hexagons of H3 of that resolution, 0 to 15. Each pixel goes whole to the hexagon that its centre lies in.
    Hexagons(u8),
}

/// What is to be exported, and where to.
#[derive(Debug)]
pub struct Export<'a> {
    /// All counts, or all sums of one column. They are written in this order.
    pub planes: &'a [Plane<'a>],
    /// What the keys of planes are values of: a column, or a part of a time.
    pub by: Option<&'a str>,
    /// The zoom whose pixels are written.
    pub zoom: u8,
    /// Cells of fewer points are left out.
    pub least: u32,
    /// Only pixels whose centre lies in it; `None` for all.
    pub frame: Option<Frame>,
    /// What a row stands for.
    pub cells: Cells,
    /// The file; its ending says its format ([`Form::of`]).
    pub out: &'a Path,
    /// What may be replaced.
    pub options: &'a OutputOptions,
    /// Where the memory of the work is taken from.
    pub account: &'a Arc<Account>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Cells in the file; of a GeoTIFF, lit pixels of the zoom.
    pub cells: u64,
    /// Their points.
    pub points: u64,
    /// Cells that were left out for having too few points.
    pub few_cells: u64,
    /// The points of these.
    pub few_points: u64,
    /// Columns and rows of a GeoTIFF.
    pub size: Option<(u32, u32)>,
    /// Bytes of the file.
    pub bytes: u64,
    /// What a person should know.
    pub notices: Vec<String>,
}

/// Writes cells to a file, which appears once it is complete; on the threads of the current pool. The same counts give the
/// same bytes. Fails with [`Error::Usage`] where the format, the cells and the planes do not go together.
pub fn export(request: &Export<'_>, monitor: &Monitor) -> Result<Exported> {
    let form = Form::of(request.out)?;
    let table = table(request)?;
    check(request, form)?;
    let whole = Whole::begin(request.out, request.options, Form::check)?;
    let folder = whole.dir().to_path_buf();
    let held = request.account.force(WRITING.min(request.account.limit() / 4));
    let (mut few, mut written, mut size) = (Few::default(), (0, 0), None);
    let (bytes, notices) = monitor.time(Stage::Write, || {
        whole.write_sent(monitor, |out| {
            let selection = Selection { zoom: request.zoom, least: request.least, frame: request.frame };
            if form == Form::GeoTiff {
                let Some(plane) = request.planes.first() else { return Ok(()) };
                let made = match plane.held {
                    Held::Counts(store) => geotiff::write(out, store, &selection, &table, &folder, monitor),
                    Held::Sums(store, ..) => geotiff::write(out, store, &selection, &table, &folder, monitor),
                }?;
                (few, written, size) = (made.few, (made.cells, made.points), Some((made.width, made.height)));
                return Ok(());
            }
            let writer: Box<dyn Writer + '_> = match form {
                Form::Csv | Form::GeoTiff => Box::new(text::Text::new(&table, out)?),
                Form::Parquet => columnar::parquet(&table, out)?,
                Form::Arrow => columnar::arrow(&table, out)?,
            };
            let mut filler = Filler::new(&table, writer);
            for (key, plane) in (0..).zip(request.planes) {
                filler.key = key;
                let (few, filler) = (&mut few, &mut filler);
                match (plane.held, request.cells) {
                    (Held::Counts(store), Cells::Pixels) => pixels::push(store, &selection, few, filler, monitor),
                    (Held::Sums(store, ..), Cells::Pixels) => pixels::push(store, &selection, few, filler, monitor),
                    (held, Cells::Hexagons(resolution)) => {
                        let work =
                            columnar::Hexagons { selection, resolution, folder: &folder, account: request.account };
                        match held {
                            Held::Counts(store) => work.push(store, few, filler, monitor),
                            Held::Sums(store, ..) => work.push(store, few, filler, monitor),
                        }
                    }
                }?;
            }
            written = filler.finish()?;
            Ok(())
        })
    })?;
    drop(held);
    let ((cells, points), Few { cells: few_cells, points: few_points }) = (written, few);
    Ok(Exported { cells, points, few_cells, few_points, size, bytes, notices })
}

/// The table that is asked for.
fn table(request: &Export<'_>) -> Result<Table> {
    let sum = |plane: &Plane<'_>| match plane.held {
        Held::Counts(_) => None,
        Held::Sums(_, column, step) => Some((column.to_owned(), step)),
    };
    let first = request.planes.first().ok_or_else(|| Error::Usage("there are no counts to export".into()))?;
    if request.planes.iter().any(|plane| sum(plane) != sum(first)) {
        return Err(Error::Usage(
            "counts and sums, or sums of two columns, do not go into one file; export them one by one".into(),
        ));
    }
    let labels: Option<Vec<String>> = request.planes.iter().map(|plane| plane.label.map(str::to_owned)).collect();
    if labels.is_none() && request.planes.len() > 1 {
        return Err(Error::Internal("a plane without a key was to be exported beside others".into()));
    }
    let kind = if request.cells == Cells::Pixels { Kind::Pixels } else { Kind::Hexagons };
    Ok(Table {
        kind,
        zoom: request.zoom,
        labels: labels.unwrap_or_default(),
        by: request.by.map(str::to_owned),
        sum: sum(first),
        least: request.least,
    })
}

/// Whether the format has room for what is asked for, and counts are there.
fn check(request: &Export<'_>, form: Form) -> Result<()> {
    let wrong = |problem: String| Err(Error::Usage(problem));
    let highest = request.planes.iter().map(|plane| match plane.held {
        Held::Counts(store) => store.max_zoom(),
        Held::Sums(store, ..) => store.max_zoom(),
    });
    if let Some(highest) = highest.min().filter(|&highest| request.zoom > highest) {
        return wrong(format!("there are no counts of zoom {}; the highest is {highest}", request.zoom));
    }
    if let Cells::Hexagons(resolution) = request.cells {
        if resolution > 15 {
            return wrong(format!("H3 has no resolution {resolution}; the finest is 15"));
        }
        if form == Form::GeoTiff {
            return wrong("a GeoTIFF has pixels and no hexagons; name a .parquet, .arrow or .csv file for --h3".into());
        }
    }
    if form == Form::GeoTiff && request.planes.len() > 1 {
        return wrong(format!(
            "a GeoTIFF shows one plane, and there are {} keys; choose one, or name a .parquet, .arrow or .csv file",
            request.planes.len()
        ));
    }
    let needs_columnar = matches!(form, Form::Parquet | Form::Arrow) || request.cells != Cells::Pixels;
    if needs_columnar { columnar::there(request.out) } else { Ok(()) }
}
