// The colours of a zoom and round counts at their places below them, all from the metadata; and the colours that everybody
// can tell apart.

// cividis, whose lightness rises evenly for people with and without colour blindness.
const CIVIDIS = ["#00224e", "#083370", "#35456c", "#4f576c", "#666970", "#7d7c78", "#948e77", "#aea371", "#c8b866", "#e5cf52", "#fee838"]
  .map(hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16)));
// Where the ground is dark few points are dark and many are light; on a light one it is the other way round.
function safeColour(place) {
  const dark = document.documentElement.dataset.theme !== "light";
  const at = (dark ? 0.18 + 0.82 * place : 0.94 - 0.94 * place) * (CIVIDIS.length - 1);
  const from = CIVIDIS[Math.floor(at)], to = CIVIDIS[Math.ceil(at)];
  return from.map((channel, i) => Math.round(channel + (to[i] - channel) * (at % 1)));
}
const parsed = hex => [1, 3, 5, 7].map(at => at < hex.length ? parseInt(hex.slice(at, at + 2), 16) : 255);
const rampOf = (layer, z) => zoomOf(layer, z)?.ramp || heat(layer).ramp || [];

// Where along a ramp a colour lies that was made from it: the nearest place of the line through its colours.
function placeOn(ramp, colour) {
  let best = Infinity, place = 0;
  for (let i = 0; i + 1 < ramp.length; i++) {
    let along = 0, length = 0;
    for (let c = 0; c < 3; c++) {
      const way = ramp[i + 1][c] - ramp[i][c];
      along += way * (colour[c] - ramp[i][c]);
      length += way * way;
    }
    const t = length ? Math.min(Math.max(along / length, 0), 1) : 0;
    let away = 0;
    for (let c = 0; c < 3; c++) away += (ramp[i][c] + t * (ramp[i + 1][c] - ramp[i][c]) - colour[c]) ** 2;
    if (away < best - 1e-9) [best, place] = [away, (i + t) / (ramp.length - 1)];
  }
  return place;
}

// The pixels of a tile in the colours that are safe; its own background and its alpha stay.
function recolour(picture, ramp, background) {
  const canvas = make("canvas", { width: picture.naturalWidth, height: picture.naturalHeight });
  const paint = canvas.getContext("2d", { willReadFrequently: true });
  paint.drawImage(picture, 0, 0);
  const image = paint.getImageData(0, 0, canvas.width, canvas.height), { data } = image;
  const seen = new Map();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] === 0) continue;
    const key = data[i] << 16 | data[i + 1] << 8 | data[i + 2];
    let safe = seen.get(key);
    if (!safe) {
      const own = [data[i], data[i + 1], data[i + 2]];
      safe = background && own.every((channel, c) => channel === background[c]) ? own : safeColour(placeOn(ramp, own));
      seen.set(key, safe);
    }
    [data[i], data[i + 1], data[i + 2]] = safe;
  }
  paint.putImageData(image, 0, 0);
  return canvas;
}

// Paints a ramp and its ticks; gives whether there is anything to show.
function drawLegend(layer, z, safe, ramp, ticks) {
  const { ticks: marks = [] } = zoomOf(layer, z) || {};
  const colours = rampOf(layer, z);
  // One tick: all counts are alike and have the middle colour.
  const alike = marks.length < 2;
  const shown = at => {
    const hex = colours[Math.round(at * (colours.length - 1))];
    if (!safe) return hex;
    return `rgb(${safeColour(at).join(" ")} / ${parsed(hex)[3] / 255})`;
  };
  const paint = ramp.getContext("2d"), gradient = paint.createLinearGradient(0, 0, ramp.width, 0);
  const steps = Math.max(colours.length - 1, 1);
  colours.forEach((_, i) => gradient.addColorStop(i / steps, shown(alike ? 0.5 : i / steps)));
  paint.clearRect(0, 0, ramp.width, 1);
  paint.fillStyle = gradient;
  paint.fillRect(0, 0, ramp.width, 1);
  ticks.replaceChildren(...marks.map(([, at, label], i) => {
    const tick = make("span", { textContent: label });
    tick.style.left = at * 100 + "%";
    if (i === 0 && !alike) tick.className = "first";
    if (i === marks.length - 1 && !alike) tick.className = "last";
    return tick;
  }));
  return marks.length > 0 && colours.length > 0;
}

// The legend of the layers that are shown, each at the zoom whose tiles are drawn of it.
function legend(shown, tilesOf, safe) {
  const [first, ...others] = shown;
  if (!first?.meta) { el("legend").hidden = true; return; }
  const of = heat(first), { z, enlarged } = tilesOf(first);
  el("legend").hidden = !drawLegend(first, z, safe, el("ramp"), el("ticks"));
  el("level").textContent = "zoom " + z + (enlarged ? ", enlarged" : "");
  el("what").textContent = (others.length ? first.name + ": " : "") + (of.legend?.title || "Points per pixel");
  const { clipped = {} } = zoomOf(first, z) || {}, notes = [];
  if (of.min_count > 1) notes.push("fewer than " + number(of.min_count) + " points are not drawn");
  if (clipped.above > 0) notes.push(number(clipped.above) + (clipped.above === 1 ? " pixel has" : " pixels have") + " more");
  el("aside").textContent = notes.join("; ");
  el("aside").hidden = notes.length === 0;
  // Names of categories beside their colours; the ramp above them is how their alpha rises.
  const categories = (of.categories || []).map(([name, colour]) => {
    const swatch = make("i", {});
    swatch.style.background = colour;
    return make("span", { class: "category" }, swatch, name);
  });
  el("others").replaceChildren(...(categories.length ? [make("div", { class: "categories" }, ...categories)] : []), ...others.filter(layer => layer.meta).slice(0, 2).map(layer => {
    const ramp = make("canvas", { class: "ramp", width: 512, height: 1, role: "img", "aria-label": "Colours of " + layer.name });
    const ticks = make("div", { class: "ticks" });
    drawLegend(layer, tilesOf(layer).z, safe, ramp, ticks);
    return make("div", {}, make("b", { textContent: layer.name }), ramp, ticks);
  }));
}
