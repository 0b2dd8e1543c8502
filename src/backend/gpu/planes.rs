//! Planes: the pixels of some tiles with what their neighbours hold within the radius, at every run length that a mask
//! needs, or at both steps of a weighted kernel. `halo` or the host fills them, `widen`, `spread` and `blur` work on them.

use super::buffer::Buffer;
use super::device::Gpu;
use super::timing::Commands;
use crate::error::Result;
use crate::shade::{Form, Kernel, SpreadOp};
use crate::tile::TILE_SIDE;

/// The pixels of some tiles with their surroundings, at every run length, and the mask; or the same at both steps of a
/// weighted kernel, and its weights.
#[derive(Debug)]
pub(super) struct Planes {
    pub(super) buffer: Buffer,
    pub(super) side: u32,
    pub(super) radius: u32,
    pub(super) levels: u32,
    /// 1 where counts are summed, else 0.
    pub(super) add: u32,
    /// Tiles there is room for.
    pub(super) tiles: u32,
    /// Rows of the mask, or the weights.
    pub(super) shape: Buffer,
    pub(super) rows: u32,
    pub(super) weighted: bool,
}

/// Pixels along a tile with its surroundings.
pub(super) fn side(radius: u32) -> u32 {
    TILE_SIDE + 2 * radius
}

/// Run lengths 1, 2, 4 ... up to the mask's widest row; or the planes before and after the first step.
fn levels(kernel: &Kernel) -> u32 {
    match kernel.form {
        Form::Rows(_) => (2 * kernel.radius + 1).ilog2() + 1,
        Form::Weights { .. } => 2,
    }
}

/// Bytes of planes that one tile takes.
pub(super) fn plane_bytes(kernel: &Kernel) -> u64 {
    4 * u64::from(side(kernel.radius)).pow(2) * u64::from(levels(kernel))
}

impl Planes {
    /// Planes for up to `tiles` tiles.
    pub(super) fn new(gpu: &Gpu, kernel: &Kernel, tiles: u32) -> Result<Self> {
        use wgpu::BufferUsages as Usage;
        let bytes = plane_bytes(kernel) * u64::from(tiles);
        let (shape, rows) = match &kernel.form {
            Form::Rows(rows) => {
                let rows: Vec<[u32; 2]> = rows.iter().map(|&half| [half, (2 * half + 1).ilog2()]).collect();
                (gpu.upload("rows", bytemuck::cast_slice(&rows), Usage::STORAGE)?, rows.len() as u32)
            }
            Form::Weights { weights, .. } => {
                (gpu.upload("weights", bytemuck::cast_slice(weights), Usage::STORAGE)?, weights.len() as u32)
            }
        };
        Ok(Self {
            buffer: gpu.buffer("planes", bytes, Usage::STORAGE | Usage::COPY_DST)?,
            side: side(kernel.radius),
            radius: kernel.radius,
            levels: levels(kernel),
            add: u32::from(kernel.op == SpreadOp::Add),
            tiles,
            shape,
            rows,
            weighted: matches!(kernel.form, Form::Weights { .. }),
        })
    }

    /// Words of one level of all tiles.
    pub(super) fn level_words(&self) -> u32 {
        self.side * self.side * self.tiles
    }

    /// Sets level 0 to zero.
    pub(super) fn clear(&self, gpu: &Gpu, encoder: &mut Commands) {
        gpu.clear(encoder, &self.buffer, 4 * u64::from(self.level_words()));
    }
}
