// A PMTiles file that lies beside the page, read tile by tile with byte ranges: the header, directories, and the tile's bytes.

function openArchive(url) {
  let whole = null;
  const bytes = async (offset, length) => {
    if (whole) return whole.slice(offset, offset + length);
    const answer = await fetch(url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` } });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    const got = await answer.arrayBuffer();
    if (answer.status === 206) return got;
    // A server without ranges sends everything; once is enough.
    whole = got;
    return whole.slice(offset, offset + length);
  };
  const unpack = async (packed, packing) => {
    if (packing < 2) return new Uint8Array(packed);
    return new Uint8Array(await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
  };
  const directory = all => {
    let at = 0;
    const next = () => {
      for (let number = 0, bit = 1; ; bit *= 128) {
        const byte = all[at++];
        number += (byte & 127) * bit;
        if (!(byte >= 128)) return number;
      }
    };
    const entries = Array.from({ length: Math.min(next(), all.length) }, () => ({}));
    let tile = 0;
    for (const entry of entries) entry.tile = tile += next();
    for (const entry of entries) entry.run = next();
    for (const entry of entries) entry.length = next();
    entries.forEach((entry, i) => {
      const place = next(), before = entries[i - 1];
      entry.offset = place > 0 ? place - 1 : before ? before.offset + before.length : 0;
    });
    return entries;
  };
  // The place of a tile along the Hilbert curve, behind all tiles of the zooms above.
  const place = (z, x, y) => {
    const side = 2 ** z;
    let number = (4 ** z - 1) / 3;
    for (let s = side / 2; s >= 1; s /= 2) {
      const right = (x & s) > 0 ? 1 : 0, below = (y & s) > 0 ? 1 : 0;
      number += s * s * ((3 * right) ^ below);
      if (!below) {
        if (right) [x, y] = [side - 1 - x, side - 1 - y];
        [x, y] = [y, x];
      }
    }
    return number;
  };
  const open = async () => {
    const head = new DataView(await bytes(0, 127));
    const word = at => Number(head.getBigUint64(at, true)), packing = head.getUint8(97);
    const leaves = new Map(), root = directory(await unpack(await bytes(word(8), word(16)), packing));
    const leaf = ({ offset, length }) => {
      if (!leaves.has(offset)) leaves.set(offset, bytes(word(40) + offset, length).then(packed => unpack(packed, packing)).then(directory));
      return leaves.get(offset);
    };
    return async (z, x, y) => {
      const wanted = place(z, x, y);
      let entries = root;
      for (let depth = 0; depth < 4; depth++) {
        const entry = entries.findLast(one => one.tile <= wanted);
        if (!entry) return null;
        if (entry.run > 0) return wanted < entry.tile + entry.run ? bytes(word(56) + entry.offset, entry.length) : null;
        entries = await leaf(entry);
      }
      return null;
    };
  };
  const opened = open();
  return async (z, x, y) => {
    const picture = await (await opened)(z, x, y);
    // What kind it is the browser sees from its first bytes.
    return picture && new Blob([picture]);
  };
}
