//! Host side of `widen.wgsl`: from the largest (or the sum) of 2^l pixels to that of 2^(l+1), for every level that the
//! mask's widest row needs.

use super::device::Gpu;
use super::planes::Planes;
use super::shader::{Access, Pass, Shader, WORKGROUP, params};
use super::tally::Handled;
use super::timing::Commands;
use crate::error::Result;

params! {
    /// Side of the planes, the step between the two reads, first words of the levels read and written, and whether to
    /// sum.
    WidenParams { side, step, source, target_level, add }
}

/// The shader.
pub(super) const SHADER: Shader = Shader {
    name: "widen",
    params: Shader::params_of::<WidenParams>(),
    bindings: &[("planes", Access::Write, "array<u32>")],
    sources: &[include_str!("../../../shaders/widen.wgsl")],
    subgroups: false,
};

/// Fills all levels of the first `tiles` planes from level 0.
pub(super) fn encode(gpu: &Gpu, encoder: &mut Commands, planes: &Planes, tiles: usize) -> Result<()> {
    for level in 0..planes.levels - 1 {
        let source = level * planes.level_words();
        let target_level = source + planes.level_words();
        let params = WidenParams { side: planes.side, step: 1 << level, source, target_level, add: planes.add };
        let size = ((planes.side * planes.side).div_ceil(WORKGROUP), tiles as u32);
        let handled = if level == 0 { Handled::tiles(tiles) } else { Handled::more() };
        let handled = handled.moving(8 * u64::from(planes.side * planes.side) * tiles as u64);
        gpu.dispatch(encoder, Pass::Widen, &params, &[&planes.buffer], size, handled)?;
    }
    Ok(())
}
