// Pass reduce: tiles of one zoom to their quadrants of the parent tiles.
// In: child tiles, jobs (child slot, 4 * parent slot + quadrant). Out: parent tiles.
// In Morton order the four children of a pixel are one vec4, and no two jobs write the same pixel.

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.y >= params.jobs) {
        return;
    }
    let job = jobs[id.y];
    let four = children[job.x * (TILE_PIXELS / 4u) + id.x];
    parents[job.y * (TILE_PIXELS / 4u) + id.x] = four.x + four.y + four.z + four.w;
}
