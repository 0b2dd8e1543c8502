//! Tiles with what lies around them, as palette indices, for whoever makes a tile's colours from those of its neighbours.
//! Made on the host from counts, whatever counted them.

use rayon::prelude::*;

use super::for_each_area;
use crate::backend::{AroundSink, Memory};
use crate::counts::{Lit, Value};
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::shade::Surroundings;
use crate::store::CountStore;
use crate::tile::{TILE_SIDE, TileCoord};

/// Tiles that a thread takes at a time.
const PIECE: usize = 8;

/// Hands every tile of zoom `z` that has a drawn pixel within `radius` to `sink`, with its surroundings; `index` is that of
/// what a pixel holds.
pub(in crate::backend) fn surroundings<V: Value>(
    (counts, z): (&CountStore<V>, u8),
    radius: u32,
    index: impl Fn(V) -> u16 + Sync,
    (memory, monitor): (&Memory, &Monitor),
    sink: &dyn AroundSink,
) -> Result<()> {
    let side = TILE_SIDE as usize;
    let wide = side + 2 * radius as usize;
    for_each_area(counts, z, radius, memory, |borders| {
        let none = || (Vec::<Lit<V>>::new(), vec![0u16; wide * wide]);
        borders.reached().par_chunks(PIECE).try_for_each_init(none, |(lit, indices), codes| {
            monitor.check()?;
            for &code in codes {
                let tile = TileCoord::from_morton(z, code);
                let from = monitor.now();
                indices.fill(0);
                borders.for_each_near(counts, tile, lit, |x, y, count| {
                    let (column, row) = ((x + radius.cast_signed()) as usize, (y + radius.cast_signed()) as usize);
                    indices[row * wide + column] = index(count);
                })?;
                monitor.record(Stage::Shade, from, monitor.now());
                sink.put(tile, Surroundings { side, radius: radius as usize, indices })?;
            }
            Ok(())
        })
    })
}
