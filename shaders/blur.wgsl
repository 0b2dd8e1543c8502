// Pass blur: one step of a separable kernel, over columns (level 0 of planes to level 1) or over rows (level 1 to
// row-major tiles of counts). Each step ends with the nearest integer, halves up.
// In: planes, the weight at each distance in 2^-16. Out: level 1 of planes, or rasters.
// A count times a weight needs more than 32 bits, so its halves are weighed apart. Sums of either fit, because weights
// that are summed come to 2^16 at most.

var<private> high: u32;
var<private> low: u32;

fn weigh(count: u32, weight: u32) {
    let above = (count >> 16u) * weight;
    let below = (count & 0xffffu) * weight;
    if (params.add != 0u) {
        high += above;
        low += below;
    } else {
        high = max(high, above + ((below + 0x8000u) >> 16u));
    }
}

fn settle() -> u32 {
    return high + ((low + select(0u, 0x8000u, params.add != 0u)) >> 16u);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let plane = id.y * params.side * params.side;
    let column = (id.x & 0xffu) + params.radius;
    let over_rows = params.over_rows != 0u;
    let row = (id.x >> 8u) + select(0u, params.radius, over_rows);
    let middle = plane + row * params.side + column + select(0u, params.level_words, over_rows);
    let step = select(1u, params.side, over_rows);
    weigh(planes[middle], weights[0]);
    for (var d = 1u; d <= params.radius; d++) {
        weigh(planes[middle - d * step], weights[d]);
        weigh(planes[middle + d * step], weights[d]);
    }
    if (over_rows) {
        rasters[id.y * TILE_PIXELS + id.x] = settle();
    } else {
        planes[middle + params.level_words] = settle();
    }
}
