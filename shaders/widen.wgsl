// Pass widen: what 2 * step pixels to the right come to, from what step pixels come to: their largest count or sum.
// In: level l of planes. Out: level l + 1. Spread then takes any row of a mask with a few reads.

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let plane = params.side * params.side;
    if (id.x >= plane) {
        return;
    }
    let at = params.source + id.y * plane + id.x;
    var value = planes[at];
    // Past the end of the row lies nothing that a mask may reach.
    if (id.x % params.side + params.step < params.side) {
        let other = planes[at + params.step];
        value = select(max(value, other), value + other, params.add != 0u);
    }
    planes[params.target_level + id.y * plane + id.x] = value;
}
