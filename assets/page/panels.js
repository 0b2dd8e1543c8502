// The panels: figures of the set, and which drawer is open. One at a time, so that there is always room for the map.

function describe(layer) {
  const { meta = {} } = layer, of = heat(layer);
  const name = meta.name || layer.name || "Heat map";
  document.title = name + " · heat map";
  el("name").textContent = name;
  const count = of.used;
  el("points").textContent = count == null ? "" : number(count) + (count === 1 ? " point" : " points");
  const list = make("dl");
  const row = (term, value) => list.append(make("dt", { textContent: term }), make("dd", { textContent: value }));
  const rule = () => list.append(make("div", { class: "rule" }));
  if (of.rows != null) row("Rows read", number(of.rows));
  if (count != null) row("Points used", number(count));
  if (of.not_selected > 0) row("Not selected", number(of.not_selected));
  for (const by of of.selected_by || []) row("Selected by", by);
  for (const [reason, rows] of Object.entries(of.left_out || {})) {
    if (rows > 0) row("Left out: " + (REASONS[reason] || reason.replaceAll("_", " ")), number(rows));
  }
  if (list.children.length) rule();
  row("Zooms", meta.minzoom + " to " + meta.maxzoom);
  if (of.function) row("Colours by", of.function);
  if (of.colormap) row("Colormap", of.colormap);
  if (of.span) row("Span", of.span.replace(",", " to "));
  if (of.spread) row("Spread", of.spread + (isFinite(of.spread) ? " px, " : ", ") + (of.spread_shape || "disc") + ", " + (of.spread_op || "max"));
  if (of.spread_on) row("Spread on", of.spread_on);
  if (of.min_count > 1) row("Least points drawn", number(of.min_count));
  if (of.colour_error != null) row("Largest colour error", of.colour_error + " of 255");
  if (meta.generator) row("Made with", meta.generator);
  const keys = make("p", { id: "keys" });
  keys.innerHTML = "Keys: <kbd>arrows</kbd> <kbd>+</kbd> <kbd>−</kbd> move and zoom, <kbd>0</kbd> first view, " +
    "<kbd>B</kbd> base map, " + (layers.length > 1 ? "<kbd>L</kbd> next layer, " : "") +
    "<kbd>M</kbd> layers and looks, <kbd>I</kbd> figures, <kbd>F</kbd> full screen";
  // The name is cut where it is long; here it is whole.
  const about = meta.description ? [make("p", { id: "about", textContent: meta.description })] : [];
  el("facts").replaceChildren(...about, list, ...(name.length > 24 ? [make("p", { textContent: name })] : []), keys);
  farAway(layer);
}

// What lies far from the first view is told until somebody has read it.
function farAway(layer) {
  const { used, view: { far } = {} } = heat(layer);
  el("far").hidden = !far || layer.read;
  if (!far) return;
  const share = 100 * far.points / used, [lon, lat] = far.place;
  const digits = share >= 1 ? 0 : share >= 0.1 ? 1 : 2;
  const degrees = (value, [plus, minus]) => Math.abs(value).toFixed(1) + "° " + (value < 0 ? minus : plus);
  el("far-text").textContent = `${number(far.points)} ${far.points === 1 ? "point lies" : "points lie"} far away`;
  // On a phone this is for those who listen.
  el("far-where").textContent = ` (${share < 0.01 ? "less than 0.01" : share.toFixed(digits)} %), ${far.points === 1 ? "" : "one "}near ${degrees(lat, "NS")}, ${degrees(lon, "EW")}.`;
}

const DRAWERS = { facts: "title", looks: "stack" };
function drawer(name) {
  for (const [one, button] of Object.entries(DRAWERS)) {
    const open = one === name && el(one).hidden;
    el(one).hidden = !open;
    el(button).setAttribute("aria-expanded", open);
  }
  document.body.toggleAttribute("data-open", Object.keys(DRAWERS).some(one => !el(one).hidden));
}
const isOpen = () => Object.keys(DRAWERS).find(one => !el(one).hidden);

const small = matchMedia("(max-width: 820px), (max-height: 560px)");
function room() {
  // On a phone the base maps are chosen where the layers are.
  if (small.matches) el("bases-here").append(el("bases"));
  else el("tools").prepend(el("bases"));
  unfold(!small.matches);
}
function unfold(open) {
  el("more").hidden = !open;
  el("fold").setAttribute("aria-expanded", open);
  document.body.toggleAttribute("data-unfolded", open);
}
