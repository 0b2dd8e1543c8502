// Drives a real browser over the pages of a running server: waits until tiles are on the map, reads pixels, zooms,
// switches base map and layer, and keeps screenshots. Libraries come from node_modules, base maps are drawn here, and
// nothing leaves the machine. Usage: node drive.mjs CHROMIUM SERVER-URL TILE-FOLDER STYLED-TILE-FOLDER SCREENSHOT-FOLDER; prints one
// line a check.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as driven from "./browser.mjs";
import { check, corner, pixels, serve, settled } from "./browser.mjs";

const [executablePath, server, folder, styled, shots] = process.argv.slice(2);
const shot = (page, name) => driven.shot(page, shots, name);
const vivid = (page, name) => driven.vivid(page, shots, name);

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
const { other, elsewhere } = await serve(PAGES);

const started = await driven.start(executablePath);
const { browser, asked } = started;

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
  check(await page.locator("#layers input[type=checkbox]").count() === 2, "both layers are listed");
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
  check(await disk.locator("#layers input[type=checkbox]").count() === 0, "one layer is not listed");
  check(errors.length === 0, "from disk the page has no error: " + errors.join(" | "));

  // A set made for a light map, with bells and a percentile: the page says so.
  const made = await browser.newPage();
  made.on("pageerror", error => errors.push(String(error)));
  await made.goto(pathToFileURL(join(styled, "index.html")).href);
  await made.waitForFunction(() => window.tilefire?.data.getSource(), null, { timeout: 10000 });
  await settled(made);
  check(await made.locator("#bases [value=light]").isChecked(), "the set's theme is the first base map");
  check(await made.locator("#what").textContent() === "Points nearby, smoothed", "the legend says what is smoothed");
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
  await driven.end(started);
  other.close();
}
