// Map libraries of others on sets from `tilefire serve`, told nothing but the address of a layer's TileJSON: each must ask
// for the zoom whose pixels are those of the window, and show the tile's own pixels.
// Usage: node clients.mjs CHROMIUM SERVER-URL SCREENSHOT-FOLDER; prints one line a check.
import { check, end, serve, shot, start } from "./browser.mjs";

const [executablePath, server, shots] = process.argv.slice(2);
// A corner of tiles in the middle of an even window: pixels of tiles and window lie on each other.
const Z = 6, X = 31, Y = 20;
const lon = X / 2 ** Z * 360 - 180, lat = Math.atan(Math.sinh(Math.PI * (1 - 2 * Y / 2 ** Z))) * 180 / Math.PI;
const HEAD = "<style>html, body, #map { height: 100%; margin: 0; background: #000 }</style><div id=map></div>";
const PAGES = {
  // Zooms of MapLibre are those of 512-pixel tiles: one less.
  "/maplibre.html": `<!doctype html><link rel="stylesheet" href="/maplibre-gl/dist/maplibre-gl.css">${HEAD}<script type="module">
    import * as maplibre from "/maplibre-gl/dist/maplibre-gl.mjs";
    maplibre.setWorkerUrl?.(new URL("/maplibre-gl/dist/maplibre-gl-worker.mjs", location.href).href);
    const url = new URLSearchParams(location.search).get("url");
    const map = new maplibre.Map({
      container: "map", center: [${lon}, ${lat}], zoom: ${Z - 1}, attributionControl: false, fadeDuration: 0,
      canvasContextAttributes: { preserveDrawingBuffer: true },
      style: { version: 8, sources: { heat: { type: "raster", url } }, layers: [{ id: "heat", type: "raster", source: "heat" }] },
    });
    map.on("error", event => console.error("maplibre: " + event.error));
    map.on("idle", () => { window.idle = true; });
    </script>`,
  "/leaflet.html": `<!doctype html><link rel="stylesheet" href="/leaflet/dist/leaflet.css">${HEAD}<script src="/leaflet/dist/leaflet.js"></script>
    <script type="module">
    const told = await (await fetch(new URLSearchParams(location.search).get("url"))).json();
    const [west, south, east, north] = told.bounds;
    const map = L.map("map", { attributionControl: false, zoomControl: false, fadeAnimation: false }).setView([${lat}, ${lon}], ${Z});
    const tiles = L.tileLayer(told.tiles[0], {
      // Zooms of Leaflet are those of 256-pixel tiles.
      tileSize: told.tileSize, zoomOffset: -Math.log2(told.tileSize / 256), maxNativeZoom: told.maxzoom + Math.log2(told.tileSize / 256),
      minZoom: told.minzoom, tms: told.scheme === "tms", bounds: [[south, west], [north, east]],
    });
    tiles.on("load", () => { window.idle = true; }).addTo(map);
    </script>`,
};
const { other, elsewhere } = await serve(PAGES);

// How many pixels of the place X, Y, which is all of a tile or a quarter of one, the window shows as they are, of those
// that are lit; decoded in the browser.
const same = (page, picture, url, [dx, dy]) => page.evaluate(async ({ picture, url, dx, dy }) => {
  const paint = async (source, width, height, dx, dy) => {
    const image = new Image();
    image.crossOrigin = "anonymous";
    image.src = source;
    await image.decode();
    const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d", { willReadFrequently: true });
    context.fillRect(0, 0, width, height);
    context.drawImage(image, dx, dy);
    return context.getImageData(0, 0, width, height).data;
  };
  const [tile, shown] = [await paint(url, 256, 256, dx, dy), await paint(picture, 256, 256, -innerWidth / 2, -innerHeight / 2)];
  let lit = 0, alike = 0;
  for (let i = 0; i < tile.length; i += 4) {
    if (tile[i] + tile[i + 1] + tile[i + 2] === 0) continue;
    lit++;
    if ([0, 1, 2].every(c => Math.abs(tile[i + c] - shown[i + c]) <= 2)) alike++;
  }
  return { lit, alike };
}, { picture: "data:image/png;base64," + picture.toString("base64"), url, dx, dy });

const started = await start(executablePath, { alone: true });
const { browser } = started;
try {
  const layers = JSON.parse((await (await fetch(server)).text()).match(/"layers":(\[.*?\])/)[1]);
  for (const { url: address } of layers) {
    const told = await (await fetch(server + address)).json();
    check(told.tileSize === (told.name === "three" ? 512 : 256) && told.scheme === "xyz", `${told.name} says how large its tiles are: ${told.tileSize}`);
    const steps = Math.log2(told.tileSize / 256), z = Z - steps, x = X >> steps, y = Y >> steps;
    for (const client of ["maplibre", "leaflet"]) {
      const page = await browser.newPage();
      const troubles = [], asked = new Set();
      page.on("pageerror", error => troubles.push(String(error)));
      page.on("console", message => { if (message.type() === "error") troubles.push(message.text()); });
      page.on("response", answer => {
        const zoom = answer.url().startsWith(server) && answer.url().match(/\/(\d+)\/\d+\/\d+\.\w+$/);
        if (zoom) asked.add(Number(zoom[1]));
        if (answer.url().startsWith(server) && answer.status() >= 400) troubles.push(`${answer.status()} ${answer.url()}`);
      });
      await page.goto(`${elsewhere}/${client}.html?url=${encodeURIComponent(server + address)}`);
      try {
        await page.waitForFunction(() => window.idle, null, { timeout: 30000 });
      } catch (error) {
        throw new Error(`${client}: ${error.message} ${troubles.join(" | ")}`);
      }
      await page.waitForTimeout(200);
      check([...asked].join() === String(z), `${client} asks ${told.name} for tiles of zoom ${[...asked]}`);
      const tile = told.tiles[0].replace("{z}", z).replace("{x}", x).replace("{y}", y);
      const { lit, alike } = await same(page, await shot(page, shots, `${client}-${layers.findIndex(one => one.url === address)}`), tile,
        [256 * ((x << steps) - X), 256 * ((y << steps) - Y)]);
      check(lit > 200 && alike >= 0.99 * lit, `${client} shows ${alike} of ${lit} pixels as they are in the tile`);
      check(troubles.length === 0, `${client} has no complaint: ` + troubles.join(" | "));
      await page.close();
    }
  }
  console.log("done");
} finally {
  other.close();
  await end(started);
}
