// Consecutive points lie in consecutive lanes, so that they are read together and meet when they are neighbours:
// what leaves an invocation is merged with equal pixels of the other lanes before it becomes an atomicAdd. A pixel
// that stays with a lane from step to step collapses within it, so one spot costs one atomicAdd a subgroup, and so
// does each of four pixels that take turns. Lanes that make a call together merge together. Serves `bin` of bin.wgsl.

var<private> held: u32 = NONE;
var<private> held_points: u32;
var<private> lane: u32;

// A round costs two subgroup operations; after a round that merged nothing more of them do not pay.
const ROUNDS: u32 = 4u;

fn merge(key: u32, points: u32) {
    var left = select(points, 0u, key == NONE);
    for (var round = 0u; round < ROUNDS; round++) {
        let lead = subgroupMin(select(NONE, key, left > 0u));
        if (lead == NONE) {
            break;
        }
        let same = left > 0u && key == lead;
        // Lanes in the upper half, points in the lower: a run is short enough for both.
        let found = subgroupAdd(select(0u, 0x10000u | left, same));
        // Whoever is first of those that are here: a device may run lanes apart after they went different ways, and
        // then lane 0 is not among all of them.
        if (subgroupBroadcastFirst(lane) == lane) {
            add(lead, found & 0xffffu);
        }
        left = select(left, 0u, same);
        if ((found >> 16u) < 2u) {
            break;
        }
    }
    if (left > 0u) {
        add(key, left);
    }
}

fn count(key: u32) {
    let leaving = held;
    var points = 0u;
    if (key == held) {
        held_points += 1u;
    } else {
        points = held_points;
        held = key;
        held_points = 1u;
    }
    merge(leaving, points);
}

fn count_rest() {
    merge(held, held_points);
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) place: u32,
    @builtin(subgroup_invocation_id) own_lane: u32,
) {
    lane = own_lane;
    bin(group.x * RUN * WORKGROUP + place, WORKGROUP);
}
