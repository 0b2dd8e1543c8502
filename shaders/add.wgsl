// Pass add: counts that the host made to the tiles of one slot buffer.
// In: pairs (slot in the buffer << 16 | pixel, count), no pixel twice. Out: tiles.

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < params.pairs) {
        let pair = pairs[id.x];
        counts[pair.x] += pair.y;
    }
}
