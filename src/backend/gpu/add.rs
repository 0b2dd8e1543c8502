//! Host side of `add.wgsl`: what sparse tiles come to, added to their parents that lie on the device.

use super::device::Gpu;
use super::shader::{Access, Pass, Shader, WORKGROUP, params};
use super::slots::SlotPool;
use super::tally::Handled;
use crate::counts::Lit;
use crate::error::Result;

params! {
    /// How many pairs there are.
    AddParams { pairs }
}

/// The shader.
pub(super) const SHADER: Shader = Shader {
    name: "add",
    params: Shader::params_of::<AddParams>(),
    bindings: &[("pairs", Access::Read, "array<vec2<u32>>"), ("counts", Access::Write, "array<u32>")],
    sources: &[include_str!("../../../shaders/add.wgsl")],
    subgroups: false,
};

/// Pairs of one dispatch.
const MOST: usize = 1 << 20;

/// Counts for the tiles of one slot buffer.
#[derive(Debug, Default)]
struct Addends {
    pairs: Vec<[u32; 2]>,
    tiles: usize,
}

/// Counts for the tiles of a pool, collected before they are sent.
#[derive(Debug)]
pub(super) struct Adding(Vec<Addends>);

impl Adding {
    /// Nothing for `pool` yet.
    pub(super) fn new(pool: &SlotPool) -> Self {
        Self((0..pool.len()).map(|_| Addends::default()).collect())
    }

    /// Adds a tile's counts; each tile once.
    pub(super) fn push(&mut self, pool: &SlotPool, slot: u32, lit: &[Lit]) -> Result<()> {
        let (buffer, place) = pool.locate(slot)?;
        if let Some(to) = self.0.get_mut(buffer) {
            to.pairs.extend(lit.iter().map(|l| [place << 16 | u32::from(l.pixel), l.count]));
            to.tiles += 1;
        }
        Ok(())
    }

    /// Sends the additions, some at a time, so that they need not all be on their way at once.
    pub(super) fn send(self, gpu: &Gpu, pool: &SlotPool) -> Result<()> {
        for (buffer, Addends { pairs, tiles }) in self.0.iter().enumerate() {
            for (nth, pairs) in pairs.chunks(MOST).enumerate() {
                let list = gpu.upload("counts to add", bytemuck::cast_slice(pairs), wgpu::BufferUsages::STORAGE)?;
                let params = AddParams { pairs: pairs.len() as u32 };
                let handled = Handled::tiles(if nth == 0 { *tiles } else { 0 });
                // A pair, and the count it is added to.
                let handled = handled.moving(16 * pairs.len() as u64);
                let size = (params.pairs.div_ceil(WORKGROUP), 1);
                let mut commands = gpu.encoder();
                gpu.dispatch(&mut commands, Pass::Add, &params, &[&list, pool.buffer(buffer)?], size, handled)?;
                gpu.submit(commands)?;
            }
        }
        Ok(())
    }
}
