// The tiles of a layer on the map: which of them are asked for at which zoom, in which colours, and how they are enlarged.

const HALF = 20037508.342789244;
// Spread pixels are smooth shapes; counted ones are squares and stay so.
const isSmooth = layer => Object.values(heat(layer).zooms || {}).some(zoom => zoom.spread > 0);
const sizeOf = layer => (layer.meta.tile_size || 256) * (isTwice(layer) ? 2 : 1);
// A tile of zoom z shows the pixels of view zoom z + steps.
const stepsOf = layer => Math.log2(sizeOf(layer) / 256);

// The zoom of the tiles that are drawn at a zoom of the view.
function tilesAt(layer, zoom) {
  const wanted = Math.round(zoom) - stepsOf(layer) + (DENSE - 1);
  const z = Math.min(Math.max(wanted, layer.meta.minzoom), layer.meta.maxzoom);
  // On a dense window the highest zoom's pixels are as large as usual one zoom further on.
  return { z, enlarged: wanted - (DENSE - 1) > z };
}

// The box of the first view in metres, its east beyond its west; that of all points, where that is asked for or nothing
// else is known.
function boxOf(layer, all) {
  const [west, south, east, north] = (!all && heat(layer).view?.bounds) || layer.meta.bounds || [-180, -85, 180, 85];
  const corner = (lon, lat) => ol.proj.fromLonLat([lon, Math.min(Math.max(lat, -85.05), 85.05)]);
  return [...corner(west, south), ...corner(west > east ? east + 360 : east, north)];
}

// Whether there can be a tile: the box around the points, as parts of the world's side, and what spread adds to it.
function covers(layer) {
  const [west, , east] = layer.meta.bounds || [-180, -85, 180, 85];
  const all = boxOf(layer, true);
  const box = [all[0] + HALF, HALF - all[3], all[2] + HALF, HALF - all[1]].map(side => side / (2 * HALF));
  return (z, x, y) => {
    const side = 2 ** z, more = (zoomOf(layer, z)?.spread || 0) / sizeOf(layer) / side;
    const column = west > east || (x + 1) / side >= box[0] - more && x / side <= box[2] + more;
    return column && (y + 1) / side >= box[1] - more && y / side <= box[3] + more;
  };
}

function heatSource(layer, safe) {
  const { meta } = layer, size = sizeOf(layer) / DENSE, covered = covers(layer);
  // Colours that nobody knows the order of stay as they are.
  safe = safe && rampOf(layer, meta.maxzoom).length > 1;
  const background = heat(layer).background && parsed(heat(layer).background);
  const ramps = {};
  // Only beside a page: a server has an address for each tile.
  layer.archive ??= !told.layers && meta.pmtiles && openArchive(encodeURIComponent(meta.pmtiles));
  const address = ([z, x, y]) => {
    if (!covered(z, x, y)) return undefined;
    if (held) return held[`${z}/${x}/${y}`] && `data:image/${meta.format || "png"};base64,` + held[`${z}/${x}/${y}`];
    if (layer.archive) return `${z}/${x}/${y}`;
    const row = (meta.scheme === "tms" ? 2 ** z - 1 - y : y) + (isTwice(layer) ? "@2x" : "");
    const url = meta.tiles[0].replace("{z}", z).replace("{x}", x).replace("{y}", row);
    return layer.state ? url + "?state=" + layer.state : url;
  };
  const show = async (tile, url) => {
    const picture = make("img");
    if (layer.archive) {
      const blob = await layer.archive(...tile.getTileCoord());
      if (!blob) throw new Error("no such tile");
      url = URL.createObjectURL(blob);
    }
    picture.src = url;
    await picture.decode();
    if (layer.archive) URL.revokeObjectURL(url);
    // Colours of categories are no ramp that others could stand for.
    if (!safe || heat(layer).categories) return picture;
    const z = tile.getTileCoord()[0], ramp = ramps[z] ??= rampOf(layer, z).map(parsed);
    return recolour(picture, ramp, background);
  };
  return new ol.source.TileImage({
    projection: "EPSG:3857",
    // A grid whose levels are the zooms of the tiles, at the size they have on the map.
    tileGrid: new ol.tilegrid.TileGrid({
      extent: [-HALF, -HALF, HALF, HALF], origin: [-HALF, HALF], tileSize: size, minZoom: meta.minzoom,
      resolutions: Array.from({ length: meta.maxzoom + 1 }, (_, z) => 2 * HALF / 2 ** z / size),
    }),
    tilePixelRatio: DENSE,
    tileUrlFunction: address,
    // A state of 3 is an error: a tile that is not there.
    tileLoadFunction: safe || layer.archive ?
      (tile, url) => { show(tile, url).then(picture => tile.setImage(picture), () => tile.setState(3)); } : undefined,
    attributions: meta.attribution ? [credit(meta.attribution)] : [],
    // An absent tile is an empty one, not its enlarged parent.
    interpolate: isSmooth(layer), transition: 0, wrapX: true,
  });
}
