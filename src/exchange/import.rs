//! Cells from files as counts: each is judged, and named with its file and row where it cannot be.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use twox_hash::XxHash3_64;

use super::batch::Found;
use super::form::Form;
use super::gather::{Cell, Column, Gather, Labels, Reader, Says};
use super::{columnar, text};
use crate::account::Account;
use crate::counts::{Step, Value, Weighed, labels, pixel_morton};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::store::{CountStore, Pyramid};
use crate::tile::{Extent, MAX_ZOOM, TileCoord, WorldPoint};

/// What is to be imported.
#[derive(Debug)]
pub struct Import<'a> {
    /// Files of cells of one zoom: CSV, Parquet or Arrow, by their endings. What is in several of them adds up.
    pub files: &'a [PathBuf],
    /// What the column was called that is added up; `None` to take what the files say, or else `sum`.
    pub column: Option<&'a str>,
    /// What a step of sums is worth; `None` to take what the files say. CSV says nothing.
    pub step: Option<Step>,
    /// Where the memory of cells and counts is taken from: a quarter for cells that wait, a quarter for counts.
    pub account: &'a Arc<Account>,
    /// Folder of a temporary file for what does not fit.
    pub folder: &'a Path,
}

/// The counts of cells.
#[derive(Debug)]
pub struct Imported {
    /// Their zoom; there are counts for all zooms from 0 to it.
    pub zoom: u8,
    /// The counts by key, in the order of [`labels::in_order`]; where cells have no key it is one, without a label. All are
    /// counts, or all are sums.
    pub planes: Vec<(Option<String>, Pyramid)>,
    /// What the keys are values of, where the files say so.
    pub by: Option<String>,
    /// The name of the column that was added up and what a step is worth, where there are sums.
    pub sum: Option<(String, Step)>,
    /// Rows that were read.
    pub rows: u64,
    /// Points of all planes.
    pub points: u64,
    /// The box around all cells.
    pub extent: Extent,
    /// The sum of the hashes of all rows, by which the same ones are known again in any order.
    pub hash: u64,
}

/// Reads cells of one zoom, in any order and as often as they come, and adds up those of a pixel; on the threads of the
/// current pool. Columns beside those of a cell are ignored. Fails with [`Error::Input`], naming file and row, at the first
/// cell that cannot be one.
pub fn import(request: &Import<'_>, monitor: &Arc<Monitor>) -> Result<Imported> {
    let mut files = request.files.iter().map(|path| Ok((path.as_path(), open(path, request.account)?)));
    let mut files = files.by_ref().collect::<Result<Vec<_>>>()?;
    let sum = sum(request, &files)?;
    for (_, file) in &mut files {
        file.settle(sum.as_ref().map(|(_, step)| *step));
    }
    match sum {
        None => gather::<u32>(request, files, None, monitor, Pyramid::Counts),
        Some(_) => gather::<Weighed>(request, files, sum, monitor, Pyramid::Sums),
    }
}

fn open(path: &Path, account: &Arc<Account>) -> Result<Box<dyn Reader>> {
    match Form::of(path)? {
        Form::Csv => Ok(Box::new(text::Lines::open(path)?)),
        Form::GeoTiff => Err(Error::Usage(format!(
            "{}: a GeoTIFF is a picture of counts and cannot be imported; name a .parquet, .arrow or .csv file",
            path.display()
        ))),
        form => columnar::open(path, form, account),
    }
}

/// The column that was added up and its step, as all files say or as is asked.
fn sum(request: &Import<'_>, files: &[(&Path, Box<dyn Reader>)]) -> Result<Option<(String, Step)>> {
    let Some((first, says)) = files.first().map(|(path, file)| (path.display(), file.says())) else {
        return Err(Error::Usage("there is no file to import".into()));
    };
    let (mut column, mut step) = (request.column.map(str::to_owned), request.step);
    for (path, file) in files {
        let (path, Says { sums, weight, step: own, .. }) = (path.display(), file.says());
        if sums != says.sums {
            let (with, without) = if sums { (path, &first) } else { (first, &path) };
            return Err(Error::Usage(format!(
                "{with} has a column sum and {without} has none; import them one by one"
            )));
        }
        if let (Some(own), Some(step)) = (own, step)
            && own != step
        {
            return Err(Error::Usage(format!("{path}: its sums are in steps of {own}, not of {step}")));
        }
        if let (Some(own), Some(column), None) = (&weight, &column, request.column)
            && own != column
        {
            return Err(Error::Usage(format!(
                "{path}: its sums are of '{own}', not of '{column}' as in files before it"
            )));
        }
        (step, column) = (step.or(own), column.or(weight));
    }
    match (says.sums, step) {
        (true, Some(step)) => Ok(Some((column.unwrap_or_else(|| "sum".into()), step))),
        (true, None) => Err(Error::Usage(format!(
            "{first}: it does not say what a step of its sums is worth; say so with --weight-step, such as 0.01 for hundredths"
        ))),
        (false, Some(_)) => Err(Error::Usage(format!("{first}: there is no column sum to be taken in steps"))),
        (false, None) => Ok(None),
    }
}

/// Reads all files.
fn gather<V: Value>(
    request: &Import<'_>,
    files: Vec<(&Path, Box<dyn Reader>)>,
    sum: Option<(String, Step)>,
    monitor: &Arc<Monitor>,
    pyramid: fn(CountStore<V>) -> Pyramid,
) -> Result<Imported> {
    let mut labels = Labels::default();
    let mut judge = Judge::default();
    let mut gather: Option<Gather<V>> = None;
    let (mut rows, mut said, mut by, mut keyed) = (0, None, None, None);
    for (path, mut file) in files {
        (said, by) = (said.or(file.says().zoom), by.or(file.says().by));
        judge.row = 0;
        while let Some(found) = file.next(&mut labels)? {
            monitor.check()?;
            let has_keys = found.key.is_some();
            if *keyed.get_or_insert(has_keys) != has_keys {
                return Err(Error::Input(format!(
                    "{}: its cells {} a key, unlike those before it; import such files one by one",
                    path.display(),
                    if has_keys { "have" } else { "do not have" }
                )));
            }
            rows += found.count.len() as u64;
            for i in 0..found.count.len() {
                judge.row += 1;
                let Some((zoom, cell)) = judge.cell(path, &found, i, &labels)? else { continue };
                let gather = gather.get_or_insert_with(|| Gather::new(zoom, request.account, request.folder, monitor));
                gather.push(cell)?;
            }
        }
    }
    let Some(zoom) = judge.zoom.or(said) else {
        return Err(Error::Input("there are no cells to import, and nothing says of which zoom they would be".into()));
    };
    let gather = gather.unwrap_or_else(|| Gather::new(zoom, request.account, request.folder, monitor));
    let known = labels.into_list();
    let stores = gather.finish(if keyed == Some(true) { known.len() } else { 1 })?;
    let planes = if keyed == Some(true) {
        let mut order = known.clone();
        labels::in_order(&mut order);
        let mut by_label: std::collections::BTreeMap<String, CountStore<V>> = known.into_iter().zip(stores).collect();
        let plane = |label: String| by_label.remove(&label).map(|store| (Some(label), pyramid(store)));
        order.into_iter().filter_map(plane).collect()
    } else {
        stores.into_iter().map(|store| (None, pyramid(store))).collect()
    };
    let Judge { points, extent, hash, .. } = judge;
    Ok(Imported { zoom, planes, by: by.filter(|_| keyed == Some(true)), sum, rows, points, extent, hash })
}

/// Judges cells, and all of them together.
#[derive(Debug, Default)]
struct Judge {
    row: u64,
    zoom: Option<u8>,
    points: u64,
    /// Points by key.
    keys: Vec<u64>,
    /// Sums without their signs, in steps.
    weights: u64,
    extent: Extent,
    hash: u64,
}

impl Judge {
    /// A cell with its zoom; `None` where it has no points and says nothing.
    fn cell(&mut self, path: &Path, found: &Found, i: usize, labels: &Labels) -> Result<Option<(u8, Cell)>> {
        let wrong = |column: Column, why: &str| Err(column.wrong(path, self.row, why));
        let zoom = found.zoom[i];
        let known = u8::try_from(zoom).ok().filter(|&zoom| zoom <= MAX_ZOOM);
        let Some(known) = known else { return wrong(Column::Zoom, &format!("{zoom} is none from 0 to {MAX_ZOOM}")) };
        if let Some(first) = self.zoom.filter(|&first| first != known) {
            let why = format!("{known} stands beside cells of zoom {first}; choose the cells of one zoom");
            return wrong(Column::Zoom, &why);
        }
        let within = |column: Column, value: i64, side: i64| match u32::try_from(value) {
            Ok(place) if value < side => Ok(place),
            _ => Err(column.wrong(path, self.row, &format!("{value} is none from 0 to {}", side - 1))),
        };
        let tile = TileCoord {
            z: known,
            x: within(Column::X, found.x[i], 1 << known)?,
            y: within(Column::Y, found.y[i], 1 << known)?,
        };
        let column = within(Column::PixelX, found.pixel_x[i], 256)?;
        let row = within(Column::PixelY, found.pixel_y[i], 256)?;
        let sum = found.sum.as_ref().map_or(0, |sums| sums[i]);
        let Ok(count) = u32::try_from(found.count[i]) else {
            return wrong(Column::Count, &format!("{} is none from 0 to 4,294,967,295", found.count[i]));
        };
        let key = found.key.as_ref().map_or(0, |keys| keys[i]);
        if count == 0 && sum != 0 {
            return wrong(Column::Count, "is 0, but there is a sum");
        }
        if self.keys.len() <= key as usize {
            self.keys.resize(key as usize + 1, 0);
        }
        let points = &mut self.keys[key as usize];
        *points += u64::from(count);
        if *points > u64::from(u32::MAX) {
            return wrong(Column::Count, "makes more than 4,294,967,295 points in all, the most that counts can hold");
        }
        let weights = self.weights.checked_add(sum.unsigned_abs()).filter(|&weights| i64::try_from(weights).is_ok());
        let Some(weights) = weights else {
            let why = "makes more than 9,223,372,036,854,775,807 steps in all, the most that sums can hold";
            return wrong(Column::Sum, why);
        };
        (self.zoom, self.weights) = (Some(known), weights);
        self.points += u64::from(count);
        let code = tile.morton() << 16 | u64::from(pixel_morton((row << 8 | column) as u16));
        if count == 0 {
            return Ok(None);
        }
        let shift = MAX_ZOOM - known;
        let corner = |tile: u32, pixel: u32| ((tile << 8) | pixel) << shift;
        let (x, y, last) = (corner(tile.x, column), corner(tile.y, row), (1u32 << shift) - 1);
        self.extent.merge(&Extent { min: WorldPoint { x, y }, max: WorldPoint { x: x | last, y: y | last } });
        let parts = [known.into(), code, count.into(), sum.cast_unsigned(), labels.hash(key)];
        self.hash = self.hash.wrapping_add(XxHash3_64::oneshot(&parts.map(u64::to_le_bytes).concat()));
        Ok(Some((known, Cell { code, sum, key, count })))
    }
}
