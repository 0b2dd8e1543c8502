// Everything that a person chose lies in the address: #zoom/lat/lon/base/opacity/layers, then what is not as usual. Layers
// are separated by commas, the uppermost first, each with its opacity and blend mode where they are its own; so is
// swipe=place:left:right.

function readAddress() {
  const [z, lat, lon, base, opacity, list, ...more] = location.hash.slice(1).split("/").map(part => {
    try { return decodeURIComponent(part); } catch { return ""; }
  });
  const known = [z, lat, lon].map(Number);
  const valid = [z, lat, lon].every(v => v) && known.every(Number.isFinite);
  const share = text => text && Number(text) >= 0 && Number(text) <= 100 ? Number(text) : null;
  const all = share(opacity), rest = Object.fromEntries(more.map(part => part.split("=")));
  const find = id => layers.find(layer => layer.id === id);
  const shown = (list || "").split(",").map(part => {
    const [name, own, blend] = part.split(":");
    const layer = find(name);
    return layer && { layer, opacity: share(own) ?? all ?? 90, blend: Object.hasOwn(BLENDS, blend) ? blend : "normal" };
  }).filter(one => one);
  const [at, left, right] = (rest.swipe || "").split(":");
  return {
    view: valid && Math.abs(known[1]) <= 86 ? { zoom: known[0], center: [known[2], known[1]] } : null,
    base: Object.hasOwn(BASES, base) ? base : null,
    opacity: all,
    shown,
    swipe: share(at) != null && find(left) && find(right) ? { at: share(at), left: find(left), right: find(right) } : null,
    labels: rest.labels !== "0",
    safe: rest.colours === "safe",
  };
}

function writeAddress({ zoom, center: [lon, lat], base, shown, swipe, labels, safe }) {
  const first = shown[0]?.opacity ?? 90;
  const parts = [zoom.toFixed(0), lat.toFixed(5), lon.toFixed(5), base, first];
  const one = ({ id, opacity, blend }) =>
    encodeURIComponent(id) + (blend !== "normal" ? `:${opacity}:${blend}` : opacity !== first ? `:${opacity}` : "");
  const telling = layers.length > 1 || shown[0]?.blend !== "normal" || swipe || !labels || safe;
  if (telling) parts.push(shown.map(one).join(","));
  if (swipe) parts.push(`swipe=${swipe.at}:${encodeURIComponent(swipe.left.id)}:${encodeURIComponent(swipe.right.id)}`);
  if (!labels) parts.push("labels=0");
  if (safe) parts.push("colours=safe");
  history.replaceState(null, "", "#" + parts.join("/"));
}
