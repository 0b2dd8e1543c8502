//! From counts to tiles: halo, spread and shade, on counts that are resident or that the host uploads. Tiles of
//! few pixels whose counts are on the host are coloured there and never become a raster. Kernels that make new counts
//! were applied before (`new_counts`).

use rayon::prelude::*;

use super::buffer::Buffer;
use super::new_counts::{self, Work};
use super::output::Output;
use super::planes::Planes;
use super::reduce::find;
use super::resident::DeviceCounts;
use super::shade::Thresholds;
use super::shader::NONE;
use super::spread;
use super::stats::REACH;
use super::tally::Move;
use super::timing::Commands;
use super::{halo, shade};
use crate::backend::host::for_each_area;
use crate::backend::{TileSink, host};
use crate::counts::{Lit, row_major};
use crate::error::{Error, Result};
use crate::monitor::Stage;
use crate::shade::{Form, Kernel, ShadeTable};
use crate::store::CountStore;
use crate::tile::{PixelIndex, TILE_PIXELS, TileCoord};

/// Bytes of the rasters that one chunk of counts may become: 64 tiles.
const CHUNK_RASTERS: u64 = 64 * TILE_PIXELS as u64 * 4;

/// What tiles are coloured with.
pub(super) struct Painter<'a> {
    pub(super) work: Work<'a>,
    pub(super) sink: &'a dyn TileSink,
}

impl Painter<'_> {
    /// Colours the tiles of zoom `z`, those that `device` has and those of `counts`; both have some only where `kernel`
    /// reaches no neighbour. It makes no new counts.
    pub(super) fn zoom(
        &self,
        z: u8,
        device: Option<&DeviceCounts>,
        counts: &CountStore,
        kernel: &Kernel,
        table: &ShadeTable,
    ) -> Result<()> {
        if table.is_wide() {
            self.coloured::<u16>(z, device, counts, kernel, table)
        } else {
            self.coloured::<u8>(z, device, counts, kernel, table)
        }
    }

    fn coloured<I: PixelIndex + bytemuck::Pod>(
        &self,
        z: u8,
        device: Option<&DeviceCounts>,
        counts: &CountStore,
        kernel: &Kernel,
        table: &ShadeTable,
    ) -> Result<()> {
        let thresholds = Thresholds::new(self.work.gpu, table)?;
        let mut output = Output::<I>::new(self.work.gpu, self.work.chunk(kernel), &self.work.plan.monitor, self.sink)?;
        if let Some(device) = device {
            if kernel.radius == 0 {
                self.resident_plain(z, device, &thresholds, &mut output)?;
            } else {
                self.resident_spread(z, device, kernel, &thresholds, &mut output)?;
            }
        }
        if counts.chunks(z)? > 0 {
            if kernel.radius == 0 {
                self.stored_plain(z, counts, table, &thresholds, &mut output)?;
            } else {
                self.stored_spread(z, counts, kernel, table, &thresholds, &mut output)?;
            }
        }
        output.finish()
    }

    fn resident_plain<I: PixelIndex + bytemuck::Pod>(
        &self,
        z: u8,
        device: &DeviceCounts,
        thresholds: &Thresholds,
        output: &mut Output<'_, I>,
    ) -> Result<()> {
        let (slots, pool) = (device.slots(z), device.pool(z));
        let mut part = |chunk: &[(u64, u32)], output: &mut Output<'_, I>| {
            let mut encoder = self.work.gpu.encoder();
            let mut jobs = vec![Vec::new(); pool.len()];
            for (&(_, slot), place) in chunk.iter().zip(0..) {
                let (buffer, local) = pool.locate(slot)?;
                jobs[buffer].push([local, place]);
            }
            for (buffer, jobs) in jobs.iter().enumerate().filter(|(_, jobs)| !jobs.is_empty()) {
                let counts = pool.buffer(buffer)?;
                shade::encode(self.work.gpu, &mut encoder, thresholds, true, jobs, counts, &output.indices)?;
            }
            output.submit(encoder, chunk.iter().map(|s| TileCoord::from_morton(z, s.0)).collect())
        };
        slots.chunks(output.tiles).try_for_each(|chunk| output.in_parts(chunk, &mut part))
    }

    fn resident_spread<I: PixelIndex + bytemuck::Pod>(
        &self,
        z: u8,
        device: &DeviceCounts,
        kernel: &Kernel,
        thresholds: &Thresholds,
        output: &mut Output<'_, I>,
    ) -> Result<()> {
        let (slots, pool) = (device.slots(z), device.pool(z));
        let infos = device.infos(self.work.gpu, z, kernel.radius)?;
        let mut tiles: Vec<u64> = slots.iter().map(|s| s.0).collect();
        for (&(code, _), info) in slots.iter().zip(infos.iter()) {
            let tile = TileCoord::from_morton(z, code);
            let reached = REACH.iter().enumerate().filter(|(bit, _)| info.reach >> bit & 1 == 1);
            tiles.extend(reached.filter_map(|(_, d)| tile.neighbour(d.0, d.1)).map(TileCoord::morton));
        }
        tiles.sort_unstable();
        tiles.dedup();
        let (planes, rasters) = self.work.planes(kernel)?;
        let mut part = |chunk: &[u64], output: &mut Output<'_, I>| {
            let tiles: Vec<TileCoord> = chunk.iter().map(|&code| TileCoord::from_morton(z, code)).collect();
            let around: Vec<[u32; 9]> = tiles
                .iter()
                .map(|tile| {
                    std::array::from_fn(|at| {
                        let (dx, dy) = (at as i32 % 3 - 1, at as i32 / 3 - 1);
                        tile.neighbour(dx, dy).and_then(|n| find(slots, n.morton())).unwrap_or(NONE)
                    })
                })
                .collect();
            let mut encoder = self.work.gpu.encoder();
            halo::encode(self.work.gpu, &mut encoder, &around, pool, &planes)?;
            self.spread_and_shade(encoder, &planes, &rasters, thresholds, tiles, output)
        };
        let most = output.tiles.min(planes.tiles as usize);
        tiles.chunks(most).try_for_each(|chunk| output.in_parts(chunk, &mut part))
    }

    fn spread_and_shade<I: PixelIndex + bytemuck::Pod>(
        &self,
        mut encoder: Commands,
        planes: &Planes,
        rasters: &Buffer,
        thresholds: &Thresholds,
        tiles: Vec<TileCoord>,
        output: &mut Output<'_, I>,
    ) -> Result<()> {
        spread::encode(self.work.gpu, &mut encoder, planes, tiles.len(), rasters)?;
        let jobs: Vec<[u32; 2]> = (0..tiles.len() as u32).map(|at| [at, at]).collect();
        shade::encode(self.work.gpu, &mut encoder, thresholds, false, &jobs, rasters, &output.indices)?;
        output.submit(encoder, tiles)
    }

    /// Colours the tiles of a zoom that the host has.
    fn stored_plain<I: PixelIndex + bytemuck::Pod>(
        &self,
        z: u8,
        counts: &CountStore,
        table: &ShadeTable,
        thresholds: &Thresholds,
        output: &mut Output<'_, I>,
    ) -> Result<()> {
        let mut waiting = Waiting { tiles: Vec::new(), planes: None, chunk: output.tiles };
        let chunks: Vec<usize> = (0..counts.chunks(z)?).collect();
        let lanes = counts.account().lanes(2 * rayon::current_num_threads(), CHUNK_RASTERS);
        for some in chunks.chunks(lanes) {
            let dense: Vec<Vec<(TileCoord, Vec<u32>)>> = some
                .par_iter()
                .map_init(Lists::<I>::default, |lists, &chunk| {
                    let Lists { lit, indices, .. } = lists;
                    let mut dense = Vec::new();
                    counts.read_chunk(z, chunk, lit, |code, lit| {
                        self.work.plan.monitor.check()?;
                        let tile = TileCoord::from_morton(z, code);
                        dense.extend(self.list_or_raster(tile, lit, table, indices)?.map(|raster| (tile, raster)));
                        Ok(())
                    })?;
                    Ok(dense)
                })
                .collect::<Result<_>>()?;
            waiting.tiles.extend(dense.into_iter().flatten());
            self.upload_full(&mut waiting, thresholds, output)?;
        }
        self.upload(waiting.tiles, waiting.planes, thresholds, output)
    }

    /// Colours the tiles of a zoom all of which the host has, and those that spread lights.
    fn stored_spread<I: PixelIndex + bytemuck::Pod>(
        &self,
        z: u8,
        counts: &CountStore,
        kernel: &Kernel,
        table: &ShadeTable,
        thresholds: &Thresholds,
        output: &mut Output<'_, I>,
    ) -> Result<()> {
        let Form::Rows(rows) = &kernel.form else {
            return Err(Error::Internal("a weighted kernel was left for the tiles".into()));
        };
        let planes = self.work.planes(kernel)?;
        let chunk = output.tiles.min(planes.0.tiles as usize);
        let mut waiting = Waiting { tiles: Vec::new(), planes: Some(&planes), chunk };
        for_each_area(counts, z, kernel.radius, &self.work.plan.memory, |borders| {
            for codes in borders.reached().chunks(chunk) {
                let dense: Vec<(TileCoord, Vec<u32>)> = codes
                    .par_iter()
                    .map_init(Lists::<I>::default, |lists, &code| {
                        self.work.plan.monitor.check()?;
                        let tile = TileCoord::from_morton(z, code);
                        borders.gather(counts, tile, &mut lists.lit, &mut lists.near, |count| count)?;
                        Ok(self.list_or_plane(tile, kernel, rows, table, lists)?.map(|plane| (tile, plane)))
                    })
                    .filter_map(Result::transpose)
                    .collect::<Result<_>>()?;
                waiting.tiles.extend(dense);
                self.upload_full(&mut waiting, thresholds, output)?;
            }
            Ok(())
        })?;
        self.upload(waiting.tiles, waiting.planes, thresholds, output)
    }

    /// Sends what fills submissions.
    fn upload_full<I: PixelIndex + bytemuck::Pod>(
        &self,
        waiting: &mut Waiting<'_>,
        thresholds: &Thresholds,
        output: &mut Output<'_, I>,
    ) -> Result<()> {
        while waiting.tiles.len() >= waiting.chunk {
            let rest = waiting.tiles.split_off(waiting.chunk);
            self.upload(std::mem::replace(&mut waiting.tiles, rest), waiting.planes, thresholds, output)?;
        }
        Ok(())
    }

    /// Hands a tile of few pixels to the sink, or gives its counts in Morton order.
    fn list_or_raster<I: PixelIndex>(
        &self,
        tile: TileCoord,
        lit: &[Lit],
        table: &ShadeTable,
        indices: &mut Vec<(u16, I)>,
    ) -> Result<Option<Vec<u32>>> {
        let from = self.work.plan.monitor.now();
        if lit.len() >= self.work.dense_min {
            let mut raster = vec![0; TILE_PIXELS];
            for l in lit {
                raster[usize::from(l.pixel)] = l.count;
            }
            return Ok(Some(raster));
        }
        indices.clear();
        indices.extend(lit.iter().map(|l| (row_major(l.pixel), I::from_wide(table.index(l.count)))));
        if table.hides_some() {
            indices.retain(|entry| entry.1.is_lit());
        }
        indices.sort_unstable();
        self.work.plan.monitor.record(Stage::Shade, from, self.work.plan.monitor.now());
        if !indices.is_empty() {
            self.sink.put(tile, I::lit(indices))?;
        }
        Ok(None)
    }

    /// Hands a tile of few masks to the sink, or gives its counts with their surroundings.
    fn list_or_plane<I: PixelIndex>(
        &self,
        tile: TileCoord,
        kernel: &Kernel,
        rows: &[u32],
        table: &ShadeTable,
        lists: &mut Lists<I>,
    ) -> Result<Option<Vec<u32>>> {
        if !self.work.goes_by_list(lists.near.len(), kernel) {
            return Ok(Some(new_counts::plane_of(&lists.near, kernel)));
        }
        let from = self.work.plan.monitor.now();
        let coloured = lists.near.iter().map(|&(x, y, count)| (x, y, I::from_wide(table.index(count))));
        let near: Vec<_> = coloured.filter(|n| n.2.is_lit()).collect();
        host::stamp(&near, rows, &mut lists.indices);
        self.work.plan.monitor.record(Stage::Shade, from, self.work.plan.monitor.now());
        let raster = lists.raster.get_or_insert_with(|| Box::new([I::default(); TILE_PIXELS]));
        if let Some(indices) = host::leave_list(&lists.indices, raster) {
            self.sink.put(tile, indices)?;
        }
        Ok(None)
    }

    /// Sends counts to the device and colours them there.
    #[expect(clippy::needless_pass_by_value, reason = "tiles go as soon as they are coloured")]
    fn upload<I: PixelIndex + bytemuck::Pod>(
        &self,
        tiles: Vec<(TileCoord, Vec<u32>)>,
        planes: Option<&(Planes, Buffer)>,
        thresholds: &Thresholds,
        output: &mut Output<'_, I>,
    ) -> Result<()> {
        if tiles.is_empty() {
            return Ok(());
        }
        output.in_parts(&tiles, &mut |tiles, output| self.upload_at_once(tiles, planes, thresholds, output))
    }

    fn upload_at_once<I: PixelIndex + bytemuck::Pod>(
        &self,
        tiles: &[(TileCoord, Vec<u32>)],
        planes: Option<&(Planes, Buffer)>,
        thresholds: &Thresholds,
        output: &mut Output<'_, I>,
    ) -> Result<()> {
        use wgpu::BufferUsages as Usage;
        let words: Vec<&[u32]> = tiles.iter().map(|t| t.1.as_slice()).collect();
        let mut encoder = self.work.gpu.encoder();
        let coords: Vec<TileCoord> = tiles.iter().map(|t| t.0).collect();
        match planes {
            Some((planes, rasters)) => {
                let staging = self.work.gpu.upload_parts("counts", &words, Usage::COPY_SRC)?;
                self.work.gpu.copy(&mut encoder, &staging, &planes.buffer, staging.size(), Move::Copied);
                self.spread_and_shade(encoder, planes, rasters, thresholds, coords, output)
            }
            None => {
                let counts = self.work.gpu.upload_parts("counts", &words, Usage::STORAGE)?;
                let jobs: Vec<[u32; 2]> = (0..coords.len() as u32).map(|at| [at, at]).collect();
                shade::encode(self.work.gpu, &mut encoder, thresholds, true, &jobs, &counts, &output.indices)?;
                output.submit(encoder, coords)
            }
        }
    }
}

/// Tiles that wait for a submission of `chunk` of them.
struct Waiting<'a> {
    tiles: Vec<(TileCoord, Vec<u32>)>,
    planes: Option<&'a (Planes, Buffer)>,
    chunk: usize,
}

/// Buffers of one thread.
struct Lists<I> {
    lit: Vec<Lit>,
    near: Vec<(i32, i32, u32)>,
    indices: Vec<(u16, I)>,
    raster: Option<Box<[I; TILE_PIXELS]>>,
}

impl<I> Default for Lists<I> {
    fn default() -> Self {
        Self { lit: Vec::new(), near: Vec::new(), indices: Vec::new(), raster: None }
    }
}
