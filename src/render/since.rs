//! Which tiles of a folder that is there are what they would be made anew: those of zooms whose colours are the same, and
//! whose counts are, as far as spread reaches. They are taken over as they are, and every other tile is written.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::colours;
use super::opening::Opening;
use super::report::Report;
use super::{Device, Kept, Request, Resources, kept};
use crate::backend::{Memory, Paint};
use crate::container::TileSize;
use crate::container::write::Container;
use crate::countfile::CountFile;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::shade::{Function, Look};
use crate::source::Notice;
use crate::store::CountStore;
use crate::tile::TileCoord;

/// The tiles that changed, of zooms of which others may stay.
#[derive(Debug, Default)]
pub(super) struct Unchanged(BTreeMap<u8, HashSet<u64>>);

impl Unchanged {
    /// Whether a tile that is drawn is the one that is there.
    pub(super) fn holds(&self, tile: TileCoord) -> bool {
        self.0.get(&tile.z).is_some_and(|changed| !changed.contains(&tile.morton()))
    }
}

/// Fails where tiles of `request` cannot be taken over.
pub(super) fn check(request: &Request) -> Result<()> {
    let out = request.out.display();
    if Container::of(&request.out)? != Container::Folder {
        return Err(Error::Usage(format!(
            "{out}: --changed-since leaves files of a folder as they are, and this output is one file; leave it out"
        )));
    }
    if request.form.retina || request.form.size != TileSize::Usual {
        return Err(Error::Usage(
            "--changed-since is of tiles of 256 pixels; leave it out, or --tile-size and --retina".into(),
        ));
    }
    if !request.out.join(METADATA).is_file() {
        return Err(Error::Usage(format!(
            "{out}: there is no set of tiles whose unchanged ones could stay; make it first without --changed-since"
        )));
    }
    Ok(())
}

const METADATA: &str = "metadata.json";

/// What of the folder that `old` was drawn into can stay now that `paint` is drawn. Fails where the folder is another one's.
pub(super) fn unchanged(
    request: &Request,
    (old, paint): (&Arc<CountFile>, &dyn Paint),
    memory: Memory,
    monitor: &Arc<Monitor>,
) -> Result<(Unchanged, Option<Notice>)> {
    let (drawing, style) = (request.drawing(), &request.style);
    let before = Kept::of(old.clone());
    let cpu = Resources { device: Device::Cpu, ..Resources::default() };
    let opening = Opening::start(&cpu, style.weighing.is_some(), monitor)?;
    let before = kept::counted(&before, drawing, (opening, memory.rest()), monitor)?;
    let coloured = colours::colour(before.paint.as_ref(), style, drawing.zooms)?;
    let report = Report::new(drawing, &before.rows, before.paint.as_ref(), &coloured);
    let expected = report.metadata(request, &before.rows.extent, None, &coloured)?;
    let expected = serde_json::to_value(expected).map_err(|e| Error::Internal(e.to_string()))?;
    let path = request.out.join(METADATA);
    let there = std::fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
    let there: serde_json::Value = serde_json::from_slice(&there).unwrap_or_default();
    if comparable(expected) != comparable(there) {
        return Err(Error::Input(format!(
            "{} is not what {} looks like with these options, so none of its tiles can stay; make it anew without --changed-since",
            request.out.display(),
            old.path().display()
        )));
    }
    let now = colours::colour(paint, style, drawing.zooms)?;
    let (mut unchanged, mut anew) = (Unchanged::default(), Vec::new());
    for z in drawing.zooms.iter() {
        let at = usize::from(z);
        let same = |a: &colours::Coloured<'_>, b: &colours::Coloured<'_>| {
            // Tables of few counts hold those alone, and may differ in what is not there; exact ones of one scale have the same
            // colours for all that is.
            let exact = |look: &Look<'_>| look.table.error == 0 && !look.table.smooth;
            let alike = |a: &Look<'_>, b: &Look<'_>| {
                let scales = a.shading.scale.span() == b.shading.scale.span() && a.unit == b.unit;
                a.table == b.table || (exact(a) && exact(b) && scales && style.function != Function::EqHist)
            };
            let tables = a.looks.get(at).zip(b.looks.get(at)).is_some_and(|(a, b)| alike(a, b));
            tables && a.radii.get(at) == b.radii.get(at)
        };
        if !same(&now, &coloured) {
            anew.push(z.to_string());
            continue;
        }
        let reaches = now.radii.get(at).is_some_and(|radius| *radius > 0);
        let changed = match (paint.sums(), before.paint.sums()) {
            (Some(a), Some(b)) => changed(a, b, z, reaches)?,
            _ => changed(&*paint.counts(z)?, &*before.paint.counts(z)?, z, reaches)?,
        };
        unchanged.0.insert(z, changed);
    }
    let notice = (!anew.is_empty()).then(|| {
        Notice::new(
            "changed",
            format!(
                "all tiles of {} {} are new, because its colours are others: they follow from the largest count, or how far pixels \
                 are spread; fixed ones, such as --span 0,500 --spread 1, let unchanged tiles stay",
                if anew.len() == 1 { "zoom" } else { "zooms" },
                anew.join(", ")
            ),
        )
    });
    Ok((unchanged, notice))
}

/// What sets have in common that differ in where their points lie.
fn comparable(mut metadata: serde_json::Value) -> serde_json::Value {
    for name in ["bounds", "center"] {
        metadata.as_object_mut().map(|all| all.remove(name));
    }
    metadata.get_mut("heat").and_then(|heat| heat.as_object_mut()).map(|heat| heat.remove("view"));
    metadata
}

/// Tiles of zoom `z` that are not the same in both, and with `reaches` those around them.
fn changed<V: crate::counts::Value>(
    a: &CountStore<V>,
    b: &CountStore<V>,
    z: u8,
    reaches: bool,
) -> Result<HashSet<u64>> {
    let mut changed = HashSet::new();
    let blocks = |store: &CountStore<V>| -> Result<BTreeMap<u64, u64>> {
        let mut all = BTreeMap::new();
        store.read_blocks(z, |code, block| {
            all.insert(code, crate::source::hash_of(block));
            Ok(())
        })?;
        Ok(all)
    };
    let (a, b) = (blocks(a)?, blocks(b)?);
    changed.extend(a.iter().filter(|(code, hash)| b.get(code) != Some(hash)).map(|(code, _)| *code));
    changed.extend(b.keys().filter(|code| !a.contains_key(code)));
    if reaches {
        let side = 1i64 << z;
        let around: Vec<u64> = changed
            .iter()
            .flat_map(|&code| {
                let tile = TileCoord::from_morton(z, code);
                let near = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy)));
                near.filter_map(move |(dx, dy)| {
                    let (x, y) = ((i64::from(tile.x) + dx).rem_euclid(side), i64::from(tile.y) + dy);
                    (0..side).contains(&y).then(|| TileCoord { z, x: x as u32, y: y as u32 }.morton())
                })
            })
            .collect();
        changed.extend(around);
    }
    Ok(changed)
}
