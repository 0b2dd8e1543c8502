//! From counts to tiles: halo, spread and shade, on counts that are resident or that the host uploads. Tiles of
//! few pixels whose counts are on the host are coloured there and never become a raster.

use rayon::prelude::*;

use super::device::Gpu;
use super::memory::MemoryPlan;
use super::output::Output;
use super::reduce::find;
use super::resident::{Resident, ResidentZoom};
use super::shade::Thresholds;
use super::shader::NONE;
use super::slots::{SlotPool, TILE_BYTES};
use super::spread::{self, Planes};
use super::stats::REACH;
use super::{halo, shade};
use crate::backend::sparse::Borders;
use crate::backend::{Plan, TileSink, sparse};
use crate::counts::{Lit, row_major};
use crate::error::{Error, Result};
use crate::monitor::Stage;
use crate::shade::{ShadeTable, disc_half_width};
use crate::store::CountStore;
use crate::tile::{TILE_PIXELS, TileCoord, TileIndices};

/// What all zooms are coloured with.
pub(super) struct Painter<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) plan: &'a Plan,
    pub(super) memory: MemoryPlan,
    pub(super) sink: &'a dyn TileSink,
    /// Tiles with fewer lit pixels are coloured by the host if their counts are there.
    pub(super) dense_min: usize,
}

impl Painter<'_> {
    /// Tiles of one submission.
    fn chunk(&self) -> u32 {
        let spread = if self.plan.spread > 0 { spread::plane_bytes(self.plan.spread) } else { 0 };
        let fitting = self.memory.shade_bytes / (spread + TILE_BYTES + TILE_BYTES / 4);
        let bound = self.memory.binding / spread.max(TILE_BYTES);
        fitting.min(bound).clamp(1, 256) as u32
    }

    /// Colours the tiles of all planned zooms, wherever their counts are.
    pub(super) fn zooms(&self, device: &Resident, counts: &CountStore, tables: &[ShadeTable]) -> Result<()> {
        for z in self.plan.zooms.iter() {
            let table = table_of(tables, z)?;
            let thresholds = Thresholds::new(self.gpu, table)?;
            let mut output = Output::new(self.gpu, self.chunk(), &self.plan.monitor, self.sink)?;
            if let Some(zoom) = device.zooms.get(usize::from(z)).filter(|zoom| !zoom.slots.is_empty()) {
                if self.plan.spread == 0 {
                    self.resident_plain(z, zoom, device.pool(z), &thresholds, &mut output)?;
                } else {
                    self.resident_spread(z, zoom, device.pool(z), &thresholds, &mut output)?;
                }
            }
            if counts.chunks(z)? > 0 {
                if self.plan.spread == 0 {
                    self.stored_plain(z, counts, table, &thresholds, &mut output)?;
                } else {
                    self.stored_spread(z, counts, table, &thresholds, &mut output)?;
                }
            }
            output.finish()?;
        }
        Ok(())
    }

    fn resident_plain(
        &self,
        z: u8,
        zoom: &ResidentZoom,
        pool: &SlotPool,
        thresholds: &Thresholds,
        output: &mut Output<'_>,
    ) -> Result<()> {
        for chunk in zoom.slots.chunks(self.chunk() as usize) {
            let mut encoder = self.gpu.encoder();
            let mut jobs = vec![Vec::new(); pool.len()];
            for (&(_, slot), place) in chunk.iter().zip(0..) {
                let (buffer, local) = pool.locate(slot)?;
                jobs[buffer].push([local, place]);
            }
            for (buffer, jobs) in jobs.iter().enumerate().filter(|(_, jobs)| !jobs.is_empty()) {
                let counts = pool.buffer(buffer)?;
                shade::encode(self.gpu, &mut encoder, thresholds, true, jobs, counts, &output.indices)?;
            }
            output.submit(encoder, chunk.iter().map(|s| TileCoord::from_morton(z, s.0)).collect())?;
        }
        Ok(())
    }

    fn resident_spread(
        &self,
        z: u8,
        zoom: &ResidentZoom,
        pool: &SlotPool,
        thresholds: &Thresholds,
        output: &mut Output<'_>,
    ) -> Result<()> {
        let mut tiles: Vec<u64> = zoom.slots.iter().map(|s| s.0).collect();
        for (&(code, _), info) in zoom.slots.iter().zip(&zoom.infos) {
            let tile = TileCoord::from_morton(z, code);
            let reached = REACH.iter().enumerate().filter(|(bit, _)| info.reach >> bit & 1 == 1);
            tiles.extend(reached.filter_map(|(_, d)| tile.neighbour(d.0, d.1)).map(TileCoord::morton));
        }
        tiles.sort_unstable();
        tiles.dedup();
        let (planes, rasters) = self.planes()?;
        for chunk in tiles.chunks(self.chunk() as usize) {
            let tiles: Vec<TileCoord> = chunk.iter().map(|&code| TileCoord::from_morton(z, code)).collect();
            let around: Vec<[u32; 9]> = tiles
                .iter()
                .map(|tile| {
                    std::array::from_fn(|at| {
                        let (dx, dy) = (at as i32 % 3 - 1, at as i32 / 3 - 1);
                        tile.neighbour(dx, dy).and_then(|n| find(&zoom.slots, n.morton())).unwrap_or(NONE)
                    })
                })
                .collect();
            let mut encoder = self.gpu.encoder();
            halo::encode(self.gpu, &mut encoder, &around, pool, &planes)?;
            self.spread_and_shade(encoder, &planes, &rasters, thresholds, tiles, output)?;
        }
        Ok(())
    }

    fn planes(&self) -> Result<(Planes, wgpu::Buffer)> {
        let tiles = self.chunk();
        let planes = Planes::new(self.gpu, self.plan.spread, tiles)?;
        let bytes = u64::from(tiles) * TILE_BYTES;
        Ok((planes, self.gpu.buffer("spread counts", bytes, wgpu::BufferUsages::STORAGE)?))
    }

    fn spread_and_shade(
        &self,
        mut encoder: wgpu::CommandEncoder,
        planes: &Planes,
        rasters: &wgpu::Buffer,
        thresholds: &Thresholds,
        tiles: Vec<TileCoord>,
        output: &mut Output<'_>,
    ) -> Result<()> {
        spread::encode(self.gpu, &mut encoder, planes, tiles.len(), rasters)?;
        let jobs: Vec<[u32; 2]> = (0..tiles.len() as u32).map(|at| [at, at]).collect();
        shade::encode(self.gpu, &mut encoder, thresholds, false, &jobs, rasters, &output.indices)?;
        output.submit(encoder, tiles)
    }

    /// Colours the tiles of a zoom that the host has.
    fn stored_plain(
        &self,
        z: u8,
        counts: &CountStore,
        table: &ShadeTable,
        thresholds: &Thresholds,
        output: &mut Output<'_>,
    ) -> Result<()> {
        let mut waiting = Vec::new();
        let chunks: Vec<usize> = (0..counts.chunks(z)?).collect();
        for some in chunks.chunks(2 * rayon::current_num_threads()) {
            let dense: Vec<Vec<(TileCoord, Vec<u32>)>> = some
                .par_iter()
                .map_init(Lists::default, |lists, &chunk| {
                    let Lists { lit, indices, .. } = lists;
                    let mut dense = Vec::new();
                    counts.read_chunk(z, chunk, lit, |code, lit| {
                        self.plan.monitor.check()?;
                        let tile = TileCoord::from_morton(z, code);
                        dense.extend(self.list_or_raster(tile, lit, table, indices)?.map(|raster| (tile, raster)));
                        Ok(())
                    })?;
                    Ok(dense)
                })
                .collect::<Result<_>>()?;
            waiting.extend(dense.into_iter().flatten());
            self.upload_full(&mut waiting, None, thresholds, output)?;
        }
        self.upload_rest(waiting, None, thresholds, output)
    }

    /// Colours the tiles of a zoom all of which the host has, and those that spread lights.
    fn stored_spread(
        &self,
        z: u8,
        counts: &CountStore,
        table: &ShadeTable,
        thresholds: &Thresholds,
        output: &mut Output<'_>,
    ) -> Result<()> {
        let mut waiting = Vec::new();
        let planes = self.planes()?;
        let borders = Borders::new(counts, z, self.plan.spread)?;
        for codes in borders.reached().chunks(self.chunk() as usize) {
            let dense: Vec<(TileCoord, Vec<u32>)> = codes
                .par_iter()
                .map_init(Lists::default, |lists, &code| {
                    self.plan.monitor.check()?;
                    let tile = TileCoord::from_morton(z, code);
                    Ok(self.list_or_plane(counts, &borders, tile, table, lists)?.map(|plane| (tile, plane)))
                })
                .filter_map(Result::transpose)
                .collect::<Result<_>>()?;
            waiting.extend(dense);
            self.upload_full(&mut waiting, Some(&planes), thresholds, output)?;
        }
        self.upload_rest(waiting, Some(&planes), thresholds, output)
    }

    /// Sends what fills submissions.
    fn upload_full(
        &self,
        waiting: &mut Vec<(TileCoord, Vec<u32>)>,
        planes: Option<&(Planes, wgpu::Buffer)>,
        thresholds: &Thresholds,
        output: &mut Output<'_>,
    ) -> Result<()> {
        let chunk = self.chunk() as usize;
        while waiting.len() >= chunk {
            let rest = waiting.split_off(chunk);
            self.upload(std::mem::replace(waiting, rest), planes, thresholds, output)?;
        }
        Ok(())
    }

    fn upload_rest(
        &self,
        waiting: Vec<(TileCoord, Vec<u32>)>,
        planes: Option<&(Planes, wgpu::Buffer)>,
        thresholds: &Thresholds,
        output: &mut Output<'_>,
    ) -> Result<()> {
        if waiting.is_empty() { Ok(()) } else { self.upload(waiting, planes, thresholds, output) }
    }

    /// Hands a tile of few pixels to the sink, or gives its counts in Morton order.
    fn list_or_raster(
        &self,
        tile: TileCoord,
        lit: &[Lit],
        table: &ShadeTable,
        indices: &mut Vec<(u16, u8)>,
    ) -> Result<Option<Vec<u32>>> {
        let from = self.plan.monitor.now();
        if lit.len() >= self.dense_min {
            let mut raster = vec![0; TILE_PIXELS];
            for l in lit {
                raster[usize::from(l.pixel)] = l.count;
            }
            return Ok(Some(raster));
        }
        indices.clear();
        indices.extend(lit.iter().map(|l| (row_major(l.pixel), table.index(l.count))));
        indices.sort_unstable();
        self.plan.monitor.record(Stage::Shade, from, self.plan.monitor.now());
        self.sink.put(tile, TileIndices::Lit(indices))?;
        Ok(None)
    }

    /// Hands a tile of few discs to the sink, or gives its counts with their surroundings.
    fn list_or_plane(
        &self,
        counts: &CountStore,
        borders: &Borders,
        tile: TileCoord,
        table: &ShadeTable,
        lists: &mut Lists,
    ) -> Result<Option<Vec<u32>>> {
        let radius = self.plan.spread as i32;
        let disc: Vec<u32> = (0..).map_while(|dy| disc_half_width(self.plan.spread, dy)).collect();
        let from = self.plan.monitor.now();
        borders.gather(counts, tile, &mut lists.lit, &mut lists.near, |count| count)?;
        if self.dense_min == 0 || !sparse::few(lists.near.len(), &disc) {
            let side = spread::side(self.plan.spread) as usize;
            let mut plane = vec![0; side * side];
            for &(x, y, count) in &lists.near {
                plane[(y + radius) as usize * side + (x + radius) as usize] = count;
            }
            return Ok(Some(plane));
        }
        let near: Vec<_> = lists.near.iter().map(|&(x, y, count)| (x, y, table.index(count))).collect();
        sparse::stamp(&near, &disc, &mut lists.indices);
        self.plan.monitor.record(Stage::Shade, from, self.plan.monitor.now());
        let raster = lists.raster.get_or_insert_with(|| Box::new([0; TILE_PIXELS]));
        if let Some(indices) = sparse::leave_list(&lists.indices, raster) {
            self.sink.put(tile, indices)?;
        }
        Ok(None)
    }

    /// Sends counts to the device and colours them there.
    fn upload(
        &self,
        tiles: Vec<(TileCoord, Vec<u32>)>,
        planes: Option<&(Planes, wgpu::Buffer)>,
        thresholds: &Thresholds,
        output: &mut Output<'_>,
    ) -> Result<()> {
        use wgpu::BufferUsages as Usage;
        let words: Vec<&[u32]> = tiles.iter().map(|t| t.1.as_slice()).collect();
        let mut encoder = self.gpu.encoder();
        let coords: Vec<TileCoord> = tiles.iter().map(|t| t.0).collect();
        match planes {
            Some((planes, rasters)) => {
                let staging = self.gpu.upload_parts("counts", &words, Usage::COPY_SRC)?;
                encoder.copy_buffer_to_buffer(&staging, 0, &planes.buffer, 0, staging.size());
                self.spread_and_shade(encoder, planes, rasters, thresholds, coords, output)
            }
            None => {
                let counts = self.gpu.upload_parts("counts", &words, Usage::STORAGE)?;
                let jobs: Vec<[u32; 2]> = (0..coords.len() as u32).map(|at| [at, at]).collect();
                shade::encode(self.gpu, &mut encoder, thresholds, true, &jobs, &counts, &output.indices)?;
                output.submit(encoder, coords)
            }
        }
    }
}

/// Buffers of one thread.
#[derive(Default)]
struct Lists {
    lit: Vec<Lit>,
    near: Vec<(i32, i32, u32)>,
    indices: Vec<(u16, u8)>,
    raster: Option<Box<[u8; TILE_PIXELS]>>,
}

fn table_of(tables: &[ShadeTable], z: u8) -> Result<&ShadeTable> {
    tables.get(usize::from(z)).ok_or_else(|| Error::Internal(format!("no colours for zoom {z}")))
}
