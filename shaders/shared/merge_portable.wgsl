// Holds back up to four pixels of an invocation's run, so that points on one pixel, or on a few taking turns,
// become one atomicAdd each instead of queueing at the same address. An invocation takes consecutive points, which
// are often neighbours. Serves `bin` of bin.wgsl.

var<private> held: vec4<u32> = vec4<u32>(NONE);
var<private> held_points: vec4<u32>;
var<private> oldest: u32;

fn count(key: u32) {
    if (key == NONE) {
        return;
    }
    let hit = held == vec4<u32>(key);
    if (any(hit)) {
        held_points += select(vec4<u32>(0u), vec4<u32>(1u), hit);
        return;
    }
    if (held[oldest] != NONE) {
        add(held[oldest], held_points[oldest]);
    }
    held[oldest] = key;
    held_points[oldest] = 1u;
    oldest = (oldest + 1u) & 3u;
}

fn count_rest() {
    for (var i = 0u; i < 4u; i++) {
        if (held[i] != NONE) {
            add(held[i], held_points[i]);
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    bin(id.x * RUN, 1u);
}
