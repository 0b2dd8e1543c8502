// Stage spread: each pixel becomes the largest count of the disc around it.
// In: planes (level l holds the largest of 2^l pixels to the right), the disc (half-width and level of each row).
// Out: row-major tiles of counts.

fn row_largest(plane: u32, column: u32, row: u32, half: u32, level: u32) -> u32 {
    let first = params.level_words * level + plane + row * params.side + column - half;
    return max(planes[first], planes[first + 2u * half + 1u - (1u << level)]);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let plane = id.y * params.side * params.side;
    let column = (id.x & 0xffu) + params.radius;
    let row = (id.x >> 8u) + params.radius;
    var largest = row_largest(plane, column, row, disc[0].x, disc[0].y);
    for (var dy = 1u; dy < params.rows; dy++) {
        let reach = disc[dy];
        largest = max(largest, row_largest(plane, column, row - dy, reach.x, reach.y));
        largest = max(largest, row_largest(plane, column, row + dy, reach.x, reach.y));
    }
    rasters[id.y * TILE_PIXELS + id.x] = largest;
}
