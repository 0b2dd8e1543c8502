// What the page was told, words for people, and small helps that everything below uses.

// Beside a folder: the metadata of its tiles. From the server: the layers it has, and where their metadata is.
const told = JSON.parse(document.getElementById("metadata").textContent);
// In a page that holds its tiles: these, by "z/x/y".
const held = JSON.parse(document.getElementById("tiles").textContent);
const el = id => document.getElementById(id);
const number = n => Number(n).toLocaleString("en");
const make = (tag, what = {}, ...children) => {
  const { class: name, ...rest } = what, node = document.createElement(tag);
  if (name) node.className = name;
  for (const [key, value] of Object.entries(rest)) {
    if (key.includes("-") || key === "role" || key === "for") node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children);
  return node;
};
const trouble = reason => { el("reason").textContent = reason; el("trouble").hidden = false; };
// Tells those who listen rather than look, and those who wonder what a button did.
const say = text => { el("said").textContent = text; };

// What people know the reasons as; a reason that is not here is shown by its own name.
const REASONS = {
  invalid: "missing or not a number", missing: "no coordinates", malformed: "malformed rows", not_a_number: "not a number",
  out_of_range: "out of range", outside_mercator: "beyond the map",
};
const OSM = '© <a href="https://www.openstreetmap.org/copyright">OpenStreetMap</a> contributors';
const CARTO = OSM + ' © <a href="https://carto.com/attributions">CARTO</a>';
const EARTH = '<a href="https://www.naturalearthdata.com">Natural Earth</a>';
const carto = kind => `https://{a-d}.basemaps.cartocdn.com/${kind}/{z}/{x}/{y}`;
// Where there are two pictures, labels can lie above the heat. The sea goes on beside the one world.
const BASES = {
  dark: { label: "Dark", theme: "dark", sea: "#262626", url: carto("dark_all"), below: carto("dark_nolabels"), above: carto("dark_only_labels"), by: CARTO },
  light: { label: "Light", theme: "light", sea: "#d4dadc", url: carto("light_all"), below: carto("light_nolabels"), above: carto("light_only_labels"), by: CARTO },
  osm: { label: "Streets", theme: "light", sea: "#aad3df", url: "https://tile.openstreetmap.org/{z}/{x}/{y}", by: OSM },
  coast: { label: "Coast" },
  none: { label: "None" },
};
const BLENDS = { normal: "Normal", screen: "Screen", multiply: "Multiply", "plus-lighter": "Add light" };

// Whom a set thanks is anyone's HTML: text and plain links of it are shown. A parsed document loads and runs nothing.
const credit = html => {
  const escape = text => text.replace(/[&<>"']/g, c => "&#" + c.charCodeAt(0) + ";");
  const show = node => node.nodeType === Node.TEXT_NODE ? escape(node.data) :
    node.nodeName === "A" && /^https?:$/.test(node.protocol) ?
      `<a href="${escape(node.href)}">${escape(node.textContent)}</a>` : [...node.childNodes].map(show).join("");
  return show(new DOMParser().parseFromString(html, "text/html").body);
};

// What layers there are: with their metadata, or with the place where it is.
const layers = (told.layers || [{ name: told.name || "tiles", meta: told }]).map(layer =>
  ({ ...layer, id: layer.name, name: layer.title || layer.name, shown: false, opacity: 90, blend: "normal" }));
const heat = layer => layer?.meta?.heat || {};
// Twice the pixels for windows that have them.
const DENSE = devicePixelRatio >= 1.5 ? 2 : 1;
// Tiles made for such windows lie beside the others; their pixels are those of the next zoom.
const isTwice = layer => DENSE > 1 && layer.meta?.retina === true;
// What is said of the pixels of a tile of zoom z.
const zoomOf = (layer, z) => {
  const { zooms, retina } = heat(layer);
  return isTwice(layer) ? zooms?.[z + 1] || retina : zooms?.[z];
};
