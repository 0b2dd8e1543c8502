// Pass pack: the lit pixels of a tile as (pixel, count) in ascending order. One workgroup a tile.
// In: tiles, jobs (slot, first place in pairs). Out: pairs.
// Places come from a prefix sum over the workgroup's stretches of pixels, so the order is fixed.

var<workgroup> before: array<u32, WORKGROUP>;

const STRETCH: u32 = TILE_PIXELS / WORKGROUP / 4u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let job = jobs[min(group.x, params.jobs - 1u)];
    let first = job.x * (TILE_PIXELS / 4u) + lane * STRETCH;
    var lit = 0u;
    for (var i = 0u; i < STRETCH; i++) {
        let four = counts[first + i];
        lit += dot(select(vec4<u32>(0u), vec4<u32>(1u), four != vec4<u32>(0u)), vec4<u32>(1u));
    }
    before[lane] = lit;
    workgroupBarrier();
    for (var step = 1u; step < WORKGROUP; step <<= 1u) {
        var more = 0u;
        if (lane >= step) {
            more = before[lane - step];
        }
        workgroupBarrier();
        before[lane] += more;
        workgroupBarrier();
    }
    var at = job.y + before[lane] - lit;
    if (lit == 0u) {
        return;
    }
    for (var i = 0u; i < STRETCH; i++) {
        let four = counts[first + i];
        for (var k = 0u; k < 4u; k++) {
            if (four[k] != 0u) {
                pairs[at] = vec2<u32>(4u * (lane * STRETCH + i) + k, four[k]);
                at += 1u;
            }
        }
    }
}
