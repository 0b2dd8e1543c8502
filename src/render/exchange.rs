//! From a file of counts to cells for other programs, and from cells to a file of counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Kept, Resources, memory, pool};
use crate::countfile::{self, About, CountWriter, Key, Origin, Part, Source, Weight};
use crate::counts::{Holds, Step, Weighed};
use crate::error::{Error, Result};
use crate::exchange::{self, Cells, Export, Exported, Form, Held, Import, Imported, Plane};
use crate::monitor::Monitor;
use crate::project;
use crate::shade::Style;
use crate::staging::{OutputOptions, Whole};
use crate::store::Pyramid;
use crate::tile::LonLatBounds;

/// Cells that are valid and ready to be exported.
#[derive(Debug)]
pub struct ExportRequest {
    /// Their counts, and the planes that are wanted; how these are combined does not matter.
    pub kept: Kept,
    /// The zoom whose pixels they are; that of the file where nothing is said.
    pub zoom: Option<u8>,
    /// Cells of fewer points are left out.
    pub least: u32,
    /// Only cells whose centre lies in this box.
    pub bbox: Option<LonLatBounds>,
    /// What a row stands for.
    pub cells: Cells,
    /// What the work may use; its device is not.
    pub resources: Resources,
    /// File to write; its ending says its format.
    pub out: PathBuf,
    /// Whether a file that tilefire made earlier may be replaced.
    pub force: bool,
}

/// Cells that are valid and ready to be imported.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// Files of cells.
    pub files: Vec<PathBuf>,
    /// The column whose sums they have, where they do not say so.
    pub column: Option<String>,
    /// What a step of sums is worth, where they do not say so.
    pub step: Option<Step>,
    /// What the work may use; its device is not.
    pub resources: Resources,
    /// File of counts to write.
    pub out: PathBuf,
    /// Whether a file of counts that tilefire made earlier may be replaced.
    pub force: bool,
}

/// What an import came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows that were read.
    pub rows: u64,
    /// Points of all cells.
    pub points: u64,
    /// Their zoom.
    pub zoom: u8,
    /// Keys; 0 where cells have none.
    pub keys: usize,
    /// Bytes of the file of counts.
    pub bytes: u64,
    /// What a person should know.
    pub notices: Vec<String>,
}

/// Exports cells. On an error nothing is left behind and an older file is untouched.
pub fn export_from(request: &ExportRequest, monitor: &Arc<Monitor>) -> Result<Exported> {
    let (file, about) = (&request.kept.file, request.kept.file.about());
    let zoom = request.zoom.unwrap_or(about.zoom);
    if zoom > about.zoom {
        return Err(Error::Usage(format!("{} has zooms up to {} only", file.path().display(), about.zoom)));
    }
    let planes = request.kept.planes.clone();
    // A picture is of one plane: of all points of the keys that are wanted.
    let together = about.key.is_none() || Form::of(&request.out)? == Form::GeoTiff;
    let groups: Vec<Vec<u16>> =
        if together { vec![planes] } else { planes.into_iter().map(|plane| vec![plane]).collect() };
    let label = |group: &[u16]| match group {
        [plane] if !together => about.planes.get(usize::from(*plane)).map(|part| part.name.as_str()),
        _ => None,
    };
    pool(&request.resources, &Style::default())?.install(|| {
        let memory = memory(&request.resources, &request.out);
        let vault = Arc::new(memory.vault());
        let (mut counts, mut sums) = (Vec::new(), Vec::new());
        for group in &groups {
            match about.holds() {
                Holds::Counts => counts.push(file.load::<u32>(group, zoom, vault.clone(), monitor)?),
                Holds::Sums => sums.push(file.load::<Weighed>(group, zoom, vault.clone(), monitor)?),
            }
        }
        let weight = about.weight.as_ref().and_then(|weight| Some((weight.column.as_str(), weight.step()?)));
        let held: Vec<Held<'_>> = match weight {
            None => counts.iter().map(Held::Counts).collect(),
            Some((column, step)) => sums.iter().map(|store| Held::Sums(store, column, step)).collect(),
        };
        let planes: Vec<Plane<'_>> =
            groups.iter().zip(held).map(|(group, held)| Plane { label: label(group), held }).collect();
        let inputs = vec![file.path().to_path_buf()];
        let export = Export {
            planes: &planes,
            by: about.key.as_ref().map(|key| key.by.as_str()),
            zoom,
            least: request.least,
            frame: request.bbox.as_ref().map(project::frame),
            cells: request.cells,
            out: &request.out,
            options: &OutputOptions { force: request.force, inputs },
            account: &memory.account,
        };
        exchange::export(&export, monitor)
    })
}

/// Imports cells. On an error nothing is left behind and an older file is untouched.
pub fn import_into(request: &ImportRequest, monitor: &Arc<Monitor>) -> Result<ImportReport> {
    let options = OutputOptions { force: request.force, inputs: request.files.clone() };
    pool(&request.resources, &Style::default())?.install(|| {
        let whole = Whole::begin(&request.out, &options, countfile::check)?;
        let memory = memory(&request.resources, &request.out);
        let import = Import {
            files: &request.files,
            column: request.column.as_deref(),
            step: request.step,
            account: &memory.account,
            folder: &memory.folder,
        };
        let found = exchange::import(&import, monitor)?;
        if found.points == 0 {
            return Err(Error::Input("the cells have no points, and a file of counts has some".into()));
        }
        let about = about(&found);
        let source = Source {
            rows_hash: format!("{:016x}", found.hash),
            rows: found.points,
            used: found.points,
            ..Source::default()
        };
        let origin = Origin::new([source.within(&found.extent)]);
        let (bytes, notices) =
            whole.write(monitor, |out| write(out, &request.out, &found, (&about, &origin), monitor))?;
        let keys = if found.planes.iter().any(|plane| plane.0.is_some()) { found.planes.len() } else { 0 };
        Ok(ImportReport { rows: found.rows, points: found.points, zoom: found.zoom, keys, bytes, notices })
    })
}

/// What the counts are of.
fn about(found: &Imported) -> About {
    let weight = found.sum.as_ref().map(|(column, step)| Weight { column: column.clone(), step: step.to_string() });
    let plain = About::plain(found.zoom, weight);
    let labels: Option<Vec<&String>> = found.planes.iter().map(|plane| plane.0.as_ref()).collect();
    let Some(labels) = labels else { return plain };
    let planes = labels.into_iter().map(|label| Part::new(label.clone(), plain.holds())).collect();
    let by = found.by.clone().unwrap_or_else(|| "key".into());
    About { key: Some(Key { by, named: false }), planes, ..plain }
}

fn write(
    out: &mut dyn std::io::Write,
    path: &Path,
    found: &Imported,
    (about, origin): (&About, &Origin),
    monitor: &Monitor,
) -> Result<()> {
    let mut writer = CountWriter::begin(out, path, monitor)?;
    for (plane, (_, pyramid)) in (0..=u16::MAX).zip(&found.planes) {
        match pyramid {
            Pyramid::Counts(counts) => writer.pyramid(plane, counts)?,
            Pyramid::Sums(sums) => writer.pyramid(plane, sums)?,
        }
    }
    writer.finish(about, origin)
}
