// Pass shade: counts to palette indices, four to a word, or two where there are more than 255 colours; row-major.
// In: tiles in Morton order or rasters, jobs (tile, place of the result), thresholds. Out: indices.
// Integers only. The logarithm is the host's, once per threshold: a device's own may be off by a bit, and then
// two devices would paint two pictures.

// How many thresholds the count reaches: eight steps for at most 255 of them.
fn index_of(value: u32) -> u32 {
    var reached = 0u;
    for (var step = params.first_step; step > 0u; step >>= 1u) {
        let next = reached + step;
        if (next <= params.thresholds && thresholds[next - 1u] <= value) {
            reached = next;
        }
    }
    return reached;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let job = jobs[id.y];
    let base = job.x * TILE_PIXELS;
    let pixel = 4u * id.x;
    var at = vec4<u32>(pixel, pixel + 1u, pixel + 2u, pixel + 3u);
    if (params.morton_order != 0u) {
        let first = morton(pixel & 0xffu, pixel >> 8u);
        at = vec4<u32>(first, first + 1u, first + 4u, first + 5u);
    }
    let values = vec4<u32>(counts[base + at.x], counts[base + at.y], counts[base + at.z], counts[base + at.w]);
    var reached = vec4<u32>(0u);
    // Most pixels of most tiles are empty.
    if (any(values != vec4<u32>(0u))) {
        reached = vec4<u32>(index_of(values.x), index_of(values.y), index_of(values.z), index_of(values.w));
    }
    if (params.wide == 0u) {
        indices[job.y * (TILE_PIXELS / 4u) + id.x] = reached.x | (reached.y << 8u) | (reached.z << 16u)
            | (reached.w << 24u);
    } else {
        let place = job.y * (TILE_PIXELS / 2u) + 2u * id.x;
        indices[place] = reached.x | (reached.y << 16u);
        indices[place + 1u] = reached.z | (reached.w << 16u);
    }
}
