// Pass spread: each pixel becomes the largest count of the mask around it, or their sum.
// In: planes (level l holds what 2^l pixels to the right come to), the mask (half-width and level of each row).
// Out: row-major tiles of counts.

// The largest of a run is the larger of two runs that overlap; a sum takes each pixel once, by the bits of the length.
fn row_value(plane: u32, column: u32, row: u32, half: u32, level: u32) -> u32 {
    let first = plane + row * params.side + column - half;
    let length = 2u * half + 1u;
    if (params.add == 0u) {
        let longest = params.level_words * level + first;
        return max(planes[longest], planes[longest + length - (1u << level)]);
    }
    var sum = 0u;
    var at = first;
    for (var l = 0u; l <= level; l++) {
        if (((length >> l) & 1u) == 1u) {
            sum += planes[params.level_words * l + at];
            at += 1u << l;
        }
    }
    return sum;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let plane = id.y * params.side * params.side;
    let column = (id.x & 0xffu) + params.radius;
    let row = (id.x >> 8u) + params.radius;
    var value = row_value(plane, column, row, rows[0].x, rows[0].y);
    for (var dy = 1u; dy < params.rows; dy++) {
        let reach = rows[dy];
        let above = row_value(plane, column, row - dy, reach.x, reach.y);
        let below = row_value(plane, column, row + dy, reach.x, reach.y);
        value = select(max(value, max(above, below)), value + above + below, params.add != 0u);
    }
    rasters[id.y * TILE_PIXELS + id.x] = value;
}
