// A real browser for the tests of the page: starts it, gives it base maps and libraries without any network, and looks at
// what a page shows. What is to be seen where is said by the tests that use it.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { createServer } from "node:http";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const modules = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const KINDS = { js: "text/javascript", mjs: "text/javascript", css: "text/css", html: "text/html" };

export function check(holds, what) {
  if (!holds) throw new Error("does not hold: " + what);
  console.log("ok " + what);
}

// A base map of one colour, so that what is seen can be told apart; whatever else is outside is refused.
const BASE = { dark_all: "#0a1633", dark_nolabels: "#0a1633", light_all: "#e8efe0", light_nolabels: "#e8efe0", osm: "#d0c0f0" };
const LABEL = '<text x="40" y="60" font-size="14" fill="#ff00ff">Label</text>';
const profiles = [];

// Chromium without a window; `asked` are the hosts that pages turned to. With `alone` nothing but libraries can be reached.
export async function start(executablePath, options = {}) {
  const { alone, ...usual } = options;
  const profile = await mkdtemp(join(tmpdir(), "tilefire-browser-"));
  profiles.push(profile);
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath, headless: true, viewport: { width: 1280, height: 800 }, colorScheme: "dark", ...usual,
    args: ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  });
  const asked = new Set();
  await browser.route(url => !["", "localhost", "127.0.0.1"].includes(url.hostname), async route => {
    const url = new URL(route.request().url());
    // The library the page names, as the registry has it: the page's integrity hashes are checked against it.
    const library = url.hostname === "cdn.jsdelivr.net" && url.pathname.match(/^\/npm\/ol@[\d.]+\/(ol\.css|dist\/ol\.js)$/);
    const headers = { "Access-Control-Allow-Origin": "*" };
    if (library) {
      return route.fulfill({ contentType: KINDS[library[1].split(".").pop()], headers, body: await readFile(join(modules, "ol", library[1])) });
    }
    asked.add(url.hostname);
    const kind = url.pathname.split("/")[1];
    const colour = BASE[kind] ?? (url.hostname === "tile.openstreetmap.org" ? BASE.osm : null);
    const drawn = kind.endsWith("_only_labels") ? LABEL : colour && `<rect width="256" height="256" fill="${colour}"/>`;
    if (!drawn || alone) return route.abort();
    const body = `<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256">${drawn}</svg>`;
    return route.fulfill({ contentType: "image/svg+xml", headers, body });
  });
  return { browser, asked };
}

// Pages of another origin by their paths, and the libraries as the package registry has them: the server and its address.
export async function serve(pages) {
  const other = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const body = pages[path] ?? await readFile(join(modules, path)).catch(() => null);
    response.writeHead(body == null ? 404 : 200, { "Content-Type": KINDS[path.split(".").pop()] ?? "application/octet-stream" });
    response.end(body ?? "");
  });
  await new Promise(ready => other.listen(0, "127.0.0.1", ready));
  return { other, elsewhere: `http://127.0.0.1:${other.address().port}` };
}

// Ends a browser and what it kept.
export async function end({ browser }) {
  await browser.close();
  for (const profile of profiles.splice(0)) await rm(profile, { recursive: true, force: true });
}

// A page of the browser that has drawn its first tiles; `complaints` is what went wrong in it.
export async function open({ browser }, url, size) {
  const page = await browser.newPage();
  page.complaints = [];
  page.on("console", message => { if (message.type() === "error") page.complaints.push(message.text()); });
  page.on("pageerror", error => page.complaints.push(String(error)));
  if (size) await page.setViewportSize(size);
  await page.goto(url);
  await ready(page);
  return page;
}

export async function ready(page) {
  await page.waitForFunction(() => window.tilefire?.data.getSource(), null, { timeout: 10000 });
  await settled(page);
}

// Opaque pixels of what is painted by the layer of data alone, and their colours, read from the canvas.
export const pixels = page => page.evaluate(async () => {
  const { map, data, base, labels } = window.tilefire;
  const visible = base.getVisible();
  for (const one of [base, labels]) one.setVisible(false);
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
  for (const one of [base, labels]) one.setVisible(visible);
  await new Promise(done => { map.once("rendercomplete", done); map.render(); });
  return { lit, colours: colours.size, opacity: data.getOpacity() };
});
export const settled = page => page.evaluate(() => new Promise(done => {
  window.tilefire.map.once("rendercomplete", () => done());
  window.tilefire.map.render();
}));
export const shot = (page, shots, name) => page.screenshot({ path: join(shots, name + ".png") });
export const corner = page => page.evaluate(() => {
  const canvas = [...document.querySelectorAll("#map canvas")].find(c => c.width);
  return [...canvas.getContext("2d").getImageData(canvas.width - 3, canvas.height >> 1, 1, 1).data].slice(0, 3);
});

// Pixels of a screenshot that are no grey, as the grounds are, and their colours; decoded in the browser, which can.
export const vivid = async (page, shots, name) => page.evaluate(async picture => {
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
}, (await shot(page, shots, name)).toString("base64"));
