//! Host side of `bin.wgsl`: points to the counts of the highest zoom. The dispatch covers one batch and one group
//! of slot buffers; which tile has which slot is the table's business (`table.rs`).

use super::buffer::Buffer;
use super::device::Gpu;
use super::shader::{Access, GROUP, MORTON, Pass, RUN, Shader, WORKGROUP, params};
use super::slots::SlotPool;
use super::table::TileTable;
use super::tally::Handled;
use super::timing::Commands;
use crate::error::Result;

params! {
    /// What bin is told: the batch, the table's form, and the slots that each bound buffer begins with.
    BinParams { points, zoom, direct, entries, start0, start1, start2, start3, end }
}

const BINDINGS: [(&str, Access, &str); 6] = [
    ("points", Access::Read, "array<vec2<u32>>"),
    ("table", Access::Read, "array<u32>"),
    ("counts0", Access::Write, "array<atomic<u32>>"),
    ("counts1", Access::Write, "array<atomic<u32>>"),
    ("counts2", Access::Write, "array<atomic<u32>>"),
    ("counts3", Access::Write, "array<atomic<u32>>"),
];
const SOURCE: &str = include_str!("../../../shaders/bin.wgsl");
const PORTABLE: [&str; 3] = [MORTON, include_str!("../../../shaders/shared/merge_portable.wgsl"), SOURCE];
const SUBGROUP: [&str; 3] = [MORTON, include_str!("../../../shaders/shared/merge_subgroup.wgsl"), SOURCE];

/// The shader, with or without subgroup operations.
pub(super) const fn shader(subgroups: bool) -> Shader {
    Shader {
        name: "bin",
        params: Shader::params_of::<BinParams>(),
        bindings: &BINDINGS,
        sources: if subgroups { &SUBGROUP } else { &PORTABLE },
        subgroups,
    }
}

/// Bins `points` points of a device buffer into the tiles of `pool`; `new_tiles` are the tiles not seen before.
pub(super) fn encode(
    gpu: &Gpu,
    encoder: &mut Commands,
    (buffer, points): (&Buffer, u32),
    zoom: u8,
    table: &TileTable,
    pool: &SlotPool,
    new_tiles: u64,
) -> Result<()> {
    for (nth, group) in pool.groups().enumerate() {
        let [start0, start1, start2, start3] = group.starts;
        let params = BinParams {
            points,
            zoom: u32::from(zoom),
            direct: u32::from(table.direct()),
            entries: table.entries(),
            start0,
            start1,
            start2,
            start3,
            end: group.end,
        };
        let mut buffers = vec![buffer, table.buffer()];
        buffers.extend(group.buffers);
        debug_assert_eq!(buffers.len(), 2 + GROUP);
        // A batch is handled once, however many groups of buffers it meets.
        let handled = if nth == 0 { Handled::points(points, new_tiles).adding(points.into()) } else { Handled::more() };
        // A point, and its tile's entry in the table.
        let handled = handled.moving(12 * u64::from(points));
        gpu.dispatch(encoder, Pass::Bin, &params, &buffers, (points.div_ceil(RUN * WORKGROUP), 1), handled)?;
    }
    Ok(())
}
