// Drives a real browser over the pages of a running server: waits until tiles are on the map, reads pixels, zooms,
// switches base map and layer, and keeps screenshots. Libraries come from node_modules, base maps are drawn here, and
// nothing leaves the machine. Usage: node drive.mjs CHROMIUM SERVER-URL TILE-FOLDER SCREENSHOT-FOLDER STYLED-TILE-FOLDER; prints one
// line a check.
import { createServer } from "node:http";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, server, folder, shots, styled] = process.argv.slice(2);
const modules = join(dirname(fileURLToPath(import.meta.url)), "node_modules");

function check(holds, what) {
  if (!holds) throw new Error("does not hold: " + what);
  console.log("ok " + what);
}

// Pages of another origin: the libraries as the package registry has them, and two small maps that use them.
const PAGES = {
  "/maplibre.html": `<!doctype html><title>MapLibre</title><link rel="stylesheet" href="/maplibre-gl/dist/maplibre-gl.css">
    <style>html, body, #map { height: 100%; margin: 0; background: #121212 }</style><div id="map"></div><script type="module">
    import * as maplibre from "/maplibre-gl/dist/maplibre-gl.mjs";
    maplibre.setWorkerUrl?.(new URL("/maplibre-gl/dist/maplibre-gl-worker.mjs", location.href).href);
    const url = new URLSearchParams(location.search).get("url");
    const map = new maplibre.Map({
      container: "map", center: [-2.2, 53.5], zoom: 5, attributionControl: false,
      canvasContextAttributes: { preserveDrawingBuffer: true },
      style: { version: 8, sources: { heat: { type: "raster", url, tileSize: 256 } }, layers: [{ id: "heat", type: "raster", source: "heat" }] },
    });
    map.on("error", event => console.error("maplibre: " + event.error));
    map.on("idle", () => { window.idle = true; });
    </script>`,
  "/pmtiles.html": `<!doctype html><title>ol-pmtiles</title><style>html, body, #map { height: 100%; margin: 0 }</style>
    <div id="map"></div><script src="/ol/dist/ol.js"></script><script src="/ol-pmtiles/dist/olpmtiles.js"></script><script>
    const url = new URLSearchParams(location.search).get("url");
    const source = new olpmtiles.PMTilesRasterSource({ url });
    // ol-pmtiles gives no bytes for an absent tile, and the layer then paints what its memory holds: give it nothing to see.
    const setLoader = source.setLoader.bind(source), nothing = new Uint8Array(256 * 256 * 4);
    source.setLoader = load => setLoader(async (...place) => {
      const tile = await load(...place);
      return tile.length === 0 ? nothing : tile;
    });
    const map = new ol.Map({ target: "map", controls: [], layers: [new ol.layer.WebGLTile({ source })],
      view: new ol.View({ center: ol.proj.fromLonLat([-2.2, 53.5]), zoom: 5 }) });
    // The map is complete for the first time before the header of the file is there.
    const wait = () => {
      if (source.getState() !== "ready") return setTimeout(wait, 50);
      map.once("rendercomplete", () => { window.idle = true; });
      map.render();
    };
    wait();
    </script>`,
};
const KINDS = { js: "text/javascript", mjs: "text/javascript", css: "text/css", html: "text/html" };

const other = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, "http://localhost").pathname);
  const body = PAGES[path] ?? await readFile(join(modules, path)).catch(() => null);
  response.writeHead(body == null ? 404 : 200, { "Content-Type": KINDS[path.split(".").pop()] ?? "application/octet-stream" });
  response.end(body ?? "");
});
await new Promise(ready => other.listen(0, "127.0.0.1", ready));
const elsewhere = `http://127.0.0.1:${other.address().port}`;

const profile = await mkdtemp(join(tmpdir(), "tilefire-browser-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath, headless: true, viewport: { width: 1280, height: 800 }, colorScheme: "dark",
  args: ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
});

// A base map of one colour, so that what is seen can be told apart; whatever else is outside is refused.
const BASE = { dark_all: "#0a1633", light_all: "#e8efe0", osm: "#d0c0f0" };
const asked = new Set();
await browser.route(url => !["", "localhost", "127.0.0.1"].includes(url.hostname), async route => {
  const url = new URL(route.request().url());
  // The library the page names, as the registry has it: the page's integrity hashes are checked against it.
  const library = url.hostname === "cdn.jsdelivr.net" && url.pathname.match(/^\/npm\/ol@[\d.]+\/(ol\.css|dist\/ol\.js)$/);
  if (library) {
    const headers = { "Access-Control-Allow-Origin": "*" };
    return route.fulfill({ contentType: KINDS[library[1].split(".").pop()], headers, body: await readFile(join(modules, "ol", library[1])) });
  }
  asked.add(url.hostname);
  const colour = BASE[url.pathname.split("/")[1]] ?? (url.hostname === "tile.openstreetmap.org" ? BASE.osm : null);
  if (!colour) return route.abort();
  const body = `<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256"><rect width="256" height="256" fill="${colour}"/></svg>`;
  return route.fulfill({ contentType: "image/svg+xml", headers: { "Access-Control-Allow-Origin": "*" }, body });
});

// Opaque pixels of what is painted by the layer of data alone, and their colours, read from the canvas.
const pixels = page => page.evaluate(async () => {
  const { map, data, base } = window.tilefire;
  const visible = base.getVisible();
  base.setVisible(false);
  await new Promise(done => { map.once("rendercomplete", done); map.render(); });
  const colours = new Set();
  let lit = 0;
  for (const canvas of document.querySelectorAll("#map canvas")) {
    if (!canvas.width) continue;
    const { data: bytes } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < bytes.length; i += 4) {
      if (bytes[i + 3] > 0) { lit++; colours.add(bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2]); }
    }
  }
  base.setVisible(visible);
  await new Promise(done => { map.once("rendercomplete", done); map.render(); });
  return { lit, colours: colours.size, opacity: data.getOpacity() };
});
const settled = page => page.evaluate(() => new Promise(done => {
  window.tilefire.map.once("rendercomplete", () => done());
  window.tilefire.map.render();
}));
const shot = (page, name) => page.screenshot({ path: join(shots, name + ".png") });
const corner = page => page.evaluate(() => {
  const canvas = [...document.querySelectorAll("#map canvas")].find(c => c.width);
  return [...canvas.getContext("2d").getImageData(canvas.width - 3, canvas.height >> 1, 1, 1).data].slice(0, 3);
});

// Pixels of a screenshot that are no grey, as the grounds are, and their colours; decoded in the browser, which can.
const vivid = async (page, name) => page.evaluate(async picture => {
  const image = new Image();
  image.src = "data:image/png;base64," + picture;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  const paint = canvas.getContext("2d");
  paint.drawImage(image, 0, 0);
  const { data } = paint.getImageData(0, 0, image.width, image.height);
  const colours = new Set();
  let lit = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b] = data.subarray(i, i + 3);
    if (Math.max(r, g, b) - Math.min(r, g, b) > 60) { lit++; colours.add(r << 16 | g << 8 | b); }
  }
  return { lit, colours: colours.size };
}, (await shot(page, name)).toString("base64"));

try {
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", message => { if (message.type() === "error") complaints.push(message.text()); });
  page.on("pageerror", error => complaints.push(String(error)));
  const answers = [];
  page.on("response", answer => { if (answer.url().startsWith(server)) answers.push(answer); });
  await page.goto(server);
  await page.waitForFunction(() => window.tilefire?.data.getSource());
  await settled(page);

  const first = await pixels(page);
  check(first.lit > 500 && first.colours > 10, `tiles are on the map: ${first.lit} pixels in ${first.colours} colours`);
  check(answers.some(a => a.url().endsWith(".png") && a.status() === 200), "they came from the server");
  check(await page.locator("#ticks span").count() >= 2, "the legend has numbers");
  check(/points/.test(await page.locator("#points").textContent()), "the page tells how many points");
  check(await page.locator("#layers input").count() === 2, "both layers are listed");
  await shot(page, "desktop-dark");

  const level = () => page.locator("#level").textContent();
  const before = await level();
  const ticks = await page.locator("#ticks").textContent();
  await page.locator("#in").click();
  await page.waitForTimeout(500);
  await settled(page);
  const nearer = await pixels(page);
  check(await level() !== before && nearer.lit > 0, `zooming in went from '${before}' to '${await level()}'`);
  check(await page.locator("#ticks").textContent() !== ticks, "the legend follows the zoom");
  await page.locator("#map").focus();
  await page.keyboard.press("+");
  await page.waitForTimeout(500);
  await page.keyboard.press("ArrowLeft");
  await page.waitForTimeout(500);
  await settled(page);
  check(new URL(page.url()).hash.split("/").length === 6, `the view is in the address: ${new URL(page.url()).hash}`);
  await shot(page, "desktop-near");

  const dark = await corner(page);
  await page.keyboard.press("b");
  await settled(page);
  const light = await corner(page);
  check(dark[0] < 60 && light[0] > 200, `the base map changed from ${dark} to ${light}`);
  check(await page.evaluate(() => document.documentElement.dataset.theme) === "light", "the page changed with it");
  await page.locator("#home").click();
  await page.waitForTimeout(600);
  await settled(page);
  await page.locator("#title").click();
  check(/Rows read/.test(await page.locator("#facts").textContent()), "the panel tells of the rows");
  await shot(page, "desktop-light-panel");
  await page.keyboard.press("l");
  await page.waitForFunction(() => location.hash.endsWith("/small"));
  await settled(page);
  check(page.url().endsWith("/small"), "the other layer is in the address: " + new URL(page.url()).hash);
  check((await pixels(page)).lit > 0, "the other layer is on the map");
  await page.locator("#opacity").fill("30");
  check((await pixels(page)).opacity === 0.3, "opacity follows its slider");
  const kept = page.url();
  await page.goto("about:blank");
  await page.goto(kept);
  await page.waitForFunction(() => window.tilefire?.data.getSource());
  await settled(page);
  check(await page.locator("#opacity").inputValue() === "30" && page.url() === kept, "an address brings the view back");
  check(complaints.length === 0, "the browser has no complaint: " + complaints.join(" | "));
  check([...asked].every(h => /cartocdn|openstreetmap/.test(h)), "only base maps were asked of others: " + [...asked]);
  await page.close();

  for (const [name, colorScheme] of [["phone-dark", "dark"], ["phone-light", "light"]]) {
    const phone = await browser.newPage();
    await phone.setViewportSize({ width: 390, height: 844 });
    await phone.emulateMedia({ colorScheme });
    await phone.goto(server);
    await phone.waitForFunction(() => window.tilefire?.data.getSource());
    await settled(phone);
    check((await pixels(phone)).lit > 200, name + " shows tiles");
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth);
    check(wide <= 390, name + " fits its width");
    await shot(phone, name);
    await phone.close();
  }

  const layer = (await (await fetch(server)).text()).match(/"url":"([^"]+)\.json"/)[1];
  for (const [name, url] of [["maplibre", `${server}${layer}.json`], ["pmtiles", `${server}${layer}.pmtiles`]]) {
    const page = await browser.newPage();
    const troubles = [], statuses = new Map();
    page.on("pageerror", error => troubles.push(String(error)));
    page.on("console", message => { if (message.type() === "error") troubles.push(message.text()); });
    page.on("response", answer => {
      if (answer.url().startsWith(server)) statuses.set(answer.status(), (statuses.get(answer.status()) ?? 0) + 1);
    });
    await page.goto(`${elsewhere}/${name}.html?url=${encodeURIComponent(url)}`);
    try {
      await page.waitForFunction(() => window.idle, null, { timeout: 30000 });
    } catch (error) {
      throw new Error(`${name}: ${error.message} ${troubles.join(" | ")}`);
    }
    const { lit, colours } = await vivid(page, name);
    const told = [...statuses].map(([status, n]) => `${n} times ${status}`).join(", ");
    check(lit > 500 && colours > 20, `${name} shows ${lit} pixels in ${colours} colours after ${told}`);
    check(name === "pmtiles" ? statuses.get(206) > 1 && !statuses.has(200) : statuses.has(200), `${name} asked as it should`);
    check(troubles.length === 0, `${name} has no complaint: ` + troubles.join(" | "));
    await page.close();
  }

  // The page beside the tiles, opened from disk.
  const disk = await browser.newPage();
  const errors = [];
  disk.on("pageerror", error => errors.push(String(error)));
  await disk.goto(pathToFileURL(join(folder, "index.html")) + "#5/54.9/-2.9/none/100");
  await disk.waitForFunction(() => window.tilefire?.data.getSource(), null, { timeout: 10000 });
  await settled(disk);
  // Without the legend, which has colours of its own.
  await disk.addStyleTag({ content: ".panel { display: none }" });
  const { lit, colours } = await vivid(disk, "from-disk");
  check(lit > 2000 && colours > 20, `the page works from disk: ${lit} pixels in ${colours} colours`);
  check(await disk.locator("#layers").isHidden(), "one layer is not listed");
  check(errors.length === 0, "from disk the page has no error: " + errors.join(" | "));

  // A set made for a light map, with bells and a percentile: the page says so.
  const made = await browser.newPage();
  made.on("pageerror", error => errors.push(String(error)));
  await made.goto(pathToFileURL(join(styled, "index.html")).href);
  await made.waitForFunction(() => window.tilefire?.data.getSource(), null, { timeout: 10000 });
  await settled(made);
  check(await made.locator("#bases [value=light]").isChecked(), "the set's theme is the first base map");
  check(await made.locator("#what").textContent() === "Points per pixel, smoothed", "the legend says what is smoothed");
  const aside = await made.locator("#aside").textContent();
  check(/have more/.test(aside), `the legend has notes: ${aside}`);
  check(/\+$/.test(await made.locator("#ticks .last").textContent()), "its last number says that there is more");
  const thanks = await made.evaluate(() => {
    const shown = [...document.querySelectorAll(".ol-attribution li")].find(one => one.textContent.includes("A"));
    const links = [...document.querySelectorAll(".ol-attribution a")].map(a => a.href + " " + a.getAttributeNames().join(" "));
    return { text: shown?.textContent, links, others: document.querySelectorAll(".ol-attribution img, .ol-attribution script").length, hurt: window.hurt };
  });
  const link = thanks.links.includes("https://a.test/?b href") && !thanks.links.some(one => one.startsWith("javascript:"));
  check(link && thanks.others === 0 && thanks.hurt === undefined, `thanks are text with plain links: ${JSON.stringify(thanks)}`);
  const alphas = await made.evaluate(() => {
    const { data } = document.getElementById("ramp").getContext("2d").getImageData(0, 0, 512, 1);
    return [data[3], data[511 * 4 + 3]];
  });
  check(alphas[0] < 255 && alphas[1] === 255, `the legend's colours fade in: ${alphas}`);
  const shown = await vivid(made, "styled");
  check(shown.lit > 2000, `the styled set is on the map: ${shown.lit} pixels`);
  check(errors.length === 0, "the styled page has no error: " + errors.join(" | "));
  console.log("done");
} finally {
  await browser.close();
  other.close();
  await rm(profile, { recursive: true, force: true });
}
