// Pass stats: what a zoom's counts amount to. One workgroup a tile.
// In: tiles, jobs (slot, place in infos). Out: per tile its lit pixels and which neighbours its spread reaches;
// per zoom, from totals[params.base] on: lit, largest, sum, different counts, then the hash set of these.

var<workgroup> tile_lit: atomic<u32>;
var<workgroup> tile_max: atomic<u32>;
var<workgroup> tile_sum: atomic<u32>;
var<workgroup> tile_reach: atomic<u32>;

// Neighbours within the radius of a pixel, a bit each: W E N S NW NE SW SE.
fn reach(pixel: u32) -> u32 {
    let column = gather_bits(pixel);
    let row = gather_bits(pixel >> 1u);
    let far = TILE_SIDE - params.radius;
    let sides = select(0u, 1u, column < params.radius) | select(0u, 2u, column >= far)
        | select(0u, 4u, row < params.radius) | select(0u, 8u, row >= far);
    return sides
        | select(0u, 16u, (sides & 5u) == 5u) | select(0u, 32u, (sides & 6u) == 6u)
        | select(0u, 64u, (sides & 9u) == 9u) | select(0u, 128u, (sides & 10u) == 10u);
}

// Adds a count to the zoom's set, unless there are many already: then nobody asks which.
fn insert(value: u32) {
    if (atomicLoad(&totals[params.base + 3u]) > DISTINCT_LIMIT) {
        return;
    }
    let places = params.base + TOTALS_HEAD;
    var at = (value * 2654435769u) >> 22u;
    for (var step = 0u; step < HASH_WORDS;) {
        let seen = atomicLoad(&totals[places + at]);
        if (seen == value) {
            return;
        }
        if (seen == 0u) {
            let put = atomicCompareExchangeWeak(&totals[places + at], 0u, value);
            if (put.exchanged) {
                atomicAdd(&totals[params.base + 3u], 1u);
                return;
            }
            // Taken meanwhile, perhaps by the same value, or a spurious failure: look at this place again.
            continue;
        }
        at = (at + 1u) & (HASH_WORDS - 1u);
        step++;
    }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let job = jobs[group.x];
    var lit = 0u;
    var largest = 0u;
    var sum = 0u;
    var around = 0u;
    var last = 0u;
    for (var i = lane; i < TILE_PIXELS / 4u; i += WORKGROUP) {
        let four = counts[job.x * (TILE_PIXELS / 4u) + i];
        if (all(four == vec4<u32>(0u))) {
            continue;
        }
        for (var k = 0u; k < 4u; k++) {
            let value = four[k];
            if (value == 0u) {
                continue;
            }
            lit += 1u;
            sum += value;
            largest = max(largest, value);
            around |= reach(4u * i + k);
            if (value != last) {
                insert(value);
                last = value;
            }
        }
    }
    atomicAdd(&tile_lit, lit);
    atomicMax(&tile_max, largest);
    atomicAdd(&tile_sum, sum);
    atomicOr(&tile_reach, around);
    workgroupBarrier();
    if (lane == 0u) {
        infos[job.y] = vec2<u32>(atomicLoad(&tile_lit), atomicLoad(&tile_reach));
        // No sum can overflow: a run has at most 2^32 - 1 points, and lit pixels are no more than points.
        atomicAdd(&totals[params.base], atomicLoad(&tile_lit));
        atomicMax(&totals[params.base + 1u], atomicLoad(&tile_max));
        atomicAdd(&totals[params.base + 2u], atomicLoad(&tile_sum));
    }
}
