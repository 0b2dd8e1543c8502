// Pass bin: points to the counts of the highest zoom.
// In: points (u32 pairs), the table tile -> slot. Out: atomicAdd into the dense tiles of up to four slot buffers.
// Points whose tile has no slot in the bound buffers are left to another dispatch.
// Each invocation takes RUN points; neighbours in a file are often neighbours on the map, so which ones is up to the
// way of merging.

// Slot of the tile at (x, y) of params.zoom, or NONE.
fn slot_of(x: u32, y: u32) -> u32 {
    if (params.direct != 0u) {
        return table[morton(x, y)];
    }
    // Sorted triples: high and low word of the tile's Morton code, slot.
    let high = morton(x >> 16u, y >> 16u);
    let low = morton(x & 0xffffu, y & 0xffffu);
    var low_end = 0u;
    var high_end = params.entries;
    while (low_end < high_end) {
        let middle = (low_end + high_end) >> 1u;
        let at = 3u * middle;
        if (table[at] < high || (table[at] == high && table[at + 1u] < low)) {
            low_end = middle + 1u;
        } else {
            high_end = middle;
        }
    }
    if (low_end < params.entries && table[3u * low_end] == high && table[3u * low_end + 1u] == low) {
        return table[3u * low_end + 2u];
    }
    return NONE;
}

// A key is slot << 16 | pixel; the host keeps slots below 65,535.
fn add(key: u32, points: u32) {
    let slot = key >> 16u;
    if (slot < params.start1) {
        atomicAdd(&counts0[key - (params.start0 << 16u)], points);
    } else if (slot < params.start2) {
        atomicAdd(&counts1[key - (params.start1 << 16u)], points);
    } else if (slot < params.start3) {
        atomicAdd(&counts2[key - (params.start2 << 16u)], points);
    } else {
        atomicAdd(&counts3[key - (params.start3 << 16u)], points);
    }
}

// The entry point is in merge_portable or merge_subgroup, which differ in what they ask of the device. Takes every
// stride-th point from the first on.
fn bin(first: u32, stride: u32) {
    // Shifting by 32 is not defined, so zoom 0 takes the shift in two steps.
    let tile_shift = 31u - params.zoom;
    let pixel_shift = 24u - params.zoom;
    var tile = vec2<u32>(NONE);
    var slot = NONE;
    for (var i = 0u; i < RUN; i++) {
        var key = NONE;
        let at = first + i * stride;
        if (at < params.points) {
            let p = points[at];
            let here = (p >> vec2<u32>(1u)) >> vec2<u32>(tile_shift);
            if (any(here != tile)) {
                tile = here;
                slot = slot_of(here.x, here.y);
            }
            if (slot >= params.start0 && slot < params.end) {
                let pixel = (p >> vec2<u32>(pixel_shift)) & vec2<u32>(0xffu);
                key = (slot << 16u) | morton(pixel.x, pixel.y);
            }
        }
        count(key);
    }
    count_rest();
}
