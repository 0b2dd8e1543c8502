// Stage widen: largest count of 2 * step pixels to the right from the largest of step pixels.
// In: level l of planes. Out: level l + 1. Spread then finds the largest of any row of a disc with two reads.

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let plane = params.side * params.side;
    if (id.x >= plane) {
        return;
    }
    let at = params.source + id.y * plane + id.x;
    var largest = planes[at];
    // Past the end of the row lies nothing that a disc may reach.
    if (id.x % params.side + params.step < params.side) {
        largest = max(largest, planes[at + params.step]);
    }
    planes[params.target_level + id.y * plane + id.x] = largest;
}
