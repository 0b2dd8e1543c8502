//! From counts that were kept to what paints them, in the place of reading and counting points.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::opening::Opening;
use super::points::Rows;
use super::{Combined, Counted, Drawing, Kept, plan_for};
use crate::backend::{Memory, Paint};
use crate::countfile::{self, Layer, Origin};
use crate::counts::{Lit, Value, Weighed, row_major};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::source::Notice;
use crate::store::{CountStore, Runs};
use crate::tile::{Grid, MAX_ZOOM, TileCoord, WorldPoint};

/// What is said where planes that were chosen have no points.
pub(super) const NOTHING: &str = "no points are there to be drawn";

/// What there is to tell of the rows that counts come from. Fails where they are told of by a later program.
fn rows(kept: &Kept) -> Result<Rows> {
    let (about, name) = (kept.file.about(), kept.file.path().display());
    let mut origin = kept.file.details()?.1;
    if let Combined::Less(other) = &kept.combined {
        origin = Origin::new(origin.sources.into_iter().chain(other.details()?.1.sources));
    }
    let left_out =
        origin.left_out().map_err(|problem| Error::Input(format!("{name}: {problem}; take a later tilefire")))?;
    let share = origin.sources.iter().find_map(|source| source.share.as_ref());
    let unfinished = share.map(|share| {
        let text = format!(
            "{name} has {} of {} shares of its points; tilefire merge adds the others",
            share.shares.len(),
            share.of
        );
        Notice::new("shares", text)
    });
    Ok(Rows {
        notices: unfinished.into_iter().collect(),
        read: origin.rows(),
        used: origin.used(),
        left_out,
        not_selected: origin.not_selected(),
        extent: origin.extent(),
        weight_column: about.weight.as_ref().map(|weight| weight.column.clone()),
        ..Rows::default()
    })
}

/// The rows of planes that come to `sum` points: those of other planes are not selected.
fn chosen(kept: &Kept, rows: &mut Rows, sum: u64) -> Result<()> {
    let others = rows.used.checked_sub(sum).filter(|others| *others == 0 || kept.chosen.is_some());
    let others = others.ok_or_else(|| {
        Error::Input(format!(
            "{} is damaged: its pixels hold {sum} points, and its sources brought {}",
            kept.file.path().display(),
            rows.used
        ))
    })?;
    rows.not_selected.extend(kept.chosen.as_ref().map(|by| (by.clone(), others)));
    rows.used = sum;
    if sum == 0 {
        return Err(Error::Input(format!("{}: {NOTHING}", kept.file.path().display())));
    }
    Ok(())
}

/// What pixels hold of counts, with `sum` for what they weigh.
fn counts_as(pixel: Weighed, sum: i64) -> Weighed {
    Weighed { sum, count: pixel.count }
}

/// The planes that are drawn, so that sums are the points of one of them.
pub(super) fn layers_of_share(kept: &Kept, one: u16) -> Vec<Layer<'_, Weighed>> {
    let becomes = |is_one: bool| -> fn(Weighed) -> Weighed {
        if is_one { |p| counts_as(p, p.count.into()) } else { |p| counts_as(p, 0) }
    };
    let planes = kept.planes.iter().copied();
    planes.map(|plane| Layer { file: &kept.file, plane, becomes: Some(becomes(plane == one)) }).collect()
}

/// The planes that are drawn, each with what becomes of its pixels.
fn layers(kept: &Kept) -> Vec<Layer<'_, Weighed>> {
    let file = &*kept.file;
    let of = |file, plane, becomes| Layer { file, plane, becomes: Some(becomes) };
    let all = kept.planes.iter().copied();
    match &kept.combined {
        Combined::Sum | Combined::Categories(_) => all.map(|plane| Layer { file, plane, becomes: None }).collect(),
        Combined::Share(one) => layers_of_share(kept, *one),
        Combined::Less(other) => {
            let weighs = file.about().weight.is_some();
            let own: fn(Weighed) -> Weighed = if weighs { |p| p } else { |p| counts_as(p, p.count.into()) };
            let less: fn(Weighed) -> Weighed =
                if weighs { |p| counts_as(p, p.sum.saturating_neg()) } else { |p| counts_as(p, -i64::from(p.count)) };
            let others = (0..=u16::MAX).take(other.about().planes.len()).map(|plane| of(&**other, plane, less));
            all.map(|plane| of(file, plane, own)).chain(others).collect()
        }
    }
}

/// Counts of a file down from the highest zoom that is drawn.
pub(super) fn counted(
    kept: &Kept,
    drawing: Drawing<'_>,
    (opening, memory): (Opening, Memory),
    monitor: &Arc<Monitor>,
) -> Result<Counted> {
    let (z, about) = (drawing.zooms.max, kept.file.about());
    if z > about.zoom {
        return Err(Error::Usage(format!(
            "{} has counts up to zoom {}, and zoom {} was asked for; count again with a higher -z, or name zooms up to {}",
            kept.file.path().display(),
            about.zoom,
            z - drawing.steps,
            about.zoom.saturating_sub(drawing.steps)
        )));
    }
    let mut rows = rows(kept)?;
    let vault = Arc::new(memory.vault());
    let (paint, notice) = if drawing.style.weighing.is_some() {
        let counts = countfile::load(&layers(kept), z, vault, monitor)?;
        opening.measure(counts, plan_for(drawing, memory.clone(), monitor))?
    } else {
        let counts = kept.file.load::<u32>(&kept.planes, z, vault, monitor)?;
        opening.paint(counts, memory.clone(), monitor)?
    };
    chosen(kept, &mut rows, paint.stats().first().map_or(0, |stats| stats.sum))?;
    Ok(Counted { paint, memory, notice, rows })
}

/// Counts on the grid of a picture.
pub(super) struct Painted {
    pub(super) paint: Box<dyn Paint>,
    pub(super) memory: Memory,
    pub(super) notice: Option<String>,
    pub(super) rows: Rows,
    /// Points that lie in the picture.
    pub(super) inside: u64,
}

/// Counts of zoom `z` of a file on the grid of a picture whose pixels are those of that zoom.
pub(super) fn pictured(
    kept: &Kept,
    (z, grid): (u8, &Grid),
    drawing: Drawing<'_>,
    (opening, memory): (Opening, Memory),
    monitor: &Arc<Monitor>,
) -> Result<Painted> {
    let mut rows = rows(kept)?;
    let vault = Arc::new(memory.vault());
    let sum;
    let (paint, notice) = if drawing.style.weighing.is_some() {
        let counts = countfile::load(&layers(kept), z, vault, monitor)?;
        sum = counts.stats(0)?.sum;
        let counts = placed(&counts, z, grid, &memory, monitor)?;
        opening.measure(counts, plan_for(drawing, memory.clone(), monitor))?
    } else {
        let counts = kept.file.load::<u32>(&kept.planes, z, vault, monitor)?;
        sum = counts.stats(0)?.sum;
        opening.paint(placed(&counts, z, grid, &memory, monitor)?, memory.clone(), monitor)?
    };
    chosen(kept, &mut rows, sum)?;
    let inside = paint.stats().first().map_or(0, |stats| stats.sum);
    Ok(Painted { paint, memory, notice, rows, inside })
}

/// The counts of zoom `z` at their places of the grid.
fn placed<V: Value>(
    counts: &CountStore<V>,
    z: u8,
    grid: &Grid,
    memory: &Memory,
    monitor: &Arc<Monitor>,
) -> Result<CountStore<V>> {
    let zoom = grid.zooms().max;
    let mut placed = CountStore::in_vault(zoom, counts.vault().clone());
    let runs = Runs::new(zoom, memory.work(rayon::current_num_threads()), monitor.clone());
    let shift = MAX_ZOOM - z;
    (0..counts.chunks(z)?).into_par_iter().try_for_each_init(Vec::new, |lit: &mut Vec<Lit<V>>, chunk| {
        monitor.check()?;
        counts.read_chunk(z, chunk, lit, |code, lit| {
            let from = monitor.now();
            let tile = TileCoord::from_morton(z, code);
            let mut tiles: BTreeMap<u64, Vec<Lit<V>>> = BTreeMap::new();
            for l in lit {
                let place = u32::from(row_major(l.pixel));
                let (x, y) = ((tile.x << 8) + (place & 255), (tile.y << 8) + (place >> 8));
                if let Some(point) = grid.place(WorldPoint { x: x << shift, y: y << shift }) {
                    let code = crate::tile::morton(point) >> (2 * u32::from(MAX_ZOOM - zoom));
                    tiles.entry(code >> 16).or_default().push(Lit { pixel: code as u16, count: l.count });
                }
            }
            let mut part = placed.part();
            for (code, mut lit) in tiles {
                lit.sort_unstable_by_key(|l| l.pixel);
                part.push(code, &lit)?;
            }
            runs.add(part)?;
            monitor.record(Stage::Bin, from, monitor.now());
            Ok(())
        })
    })?;
    let parts = runs.settle()?;
    placed.set_zoom(zoom, parts)?;
    for z in (0..zoom).rev() {
        monitor.time(Stage::Reduce, || placed.reduce(z))?;
    }
    Ok(placed)
}
