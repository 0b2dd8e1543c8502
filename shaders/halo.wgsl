// Pass halo: a tile with what its eight neighbours hold within the radius, row-major, params.side pixels a side.
// In: tiles of up to four slot buffers, jobs (nine slots each, from north-west to south-east, NONE where nothing is).
// Out: level 0 of planes, zero before. Neighbours in other buffers are left to another dispatch.

fn value(slot: u32, pixel: u32) -> u32 {
    if (slot < params.start1) {
        return counts0[((slot - params.start0) << 16u) | pixel];
    } else if (slot < params.start2) {
        return counts1[((slot - params.start1) << 16u) | pixel];
    } else if (slot < params.start3) {
        return counts2[((slot - params.start2) << 16u) | pixel];
    }
    return counts3[((slot - params.start3) << 16u) | pixel];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.side * params.side) {
        return;
    }
    // One tile further north-west, so that places are not negative: 0..255 is the neighbour, 256..511 the tile.
    let column = id.x % params.side + TILE_SIDE - params.radius;
    let row = id.x / params.side + TILE_SIDE - params.radius;
    let slot = jobs[9u * id.y + 3u * (row >> 8u) + (column >> 8u)];
    if (slot < params.start0 || slot >= params.end) {
        return;
    }
    planes[id.y * params.side * params.side + id.x] = value(slot, morton(column & 0xffu, row & 0xffu));
}
