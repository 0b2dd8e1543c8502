// Morton order within a tile: column in the even bits, row in the odd; the same order as on the host.

fn spread_bits(v: u32) -> u32 {
    var b = v & 0xffffu;
    b = (b | (b << 8u)) & 0x00ff00ffu;
    b = (b | (b << 4u)) & 0x0f0f0f0fu;
    b = (b | (b << 2u)) & 0x33333333u;
    return (b | (b << 1u)) & 0x55555555u;
}

fn gather_bits(v: u32) -> u32 {
    var b = v & 0x55555555u;
    b = (b | (b >> 1u)) & 0x33333333u;
    b = (b | (b >> 2u)) & 0x0f0f0f0fu;
    b = (b | (b >> 4u)) & 0x00ff00ffu;
    return (b | (b >> 8u)) & 0x0000ffffu;
}

// Morton code of a column and row below 2^16.
fn morton(column: u32, row: u32) -> u32 {
    return spread_bits(column) | (spread_bits(row) << 1u);
}
