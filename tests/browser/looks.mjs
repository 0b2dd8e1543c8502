// Several layers at once: order, opacity, blend modes, a swipe between two, labels above, colours for everybody, the picture and
// the link; backgrounds, windows with twice the pixels, smooth and square enlargement, and no base map at all.
// Usage: node looks.mjs CHROMIUM SERVER-URL SCREENSHOT-FOLDER; the layers are squares (counted pixels, with points far away),
// bells (smoothed) and night (with a background). Prints one line a check.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { check, corner, end, open, ready, settled, shot, start } from "./browser.mjs";

const [executablePath, server, shots] = process.argv.slice(2);
const LONDON = "51.50/-0.12";

// A pixel of what the window shows, decoded by the browser: red, green, blue.
const seen = async (page, places) => page.evaluate(async ({ picture, places }) => {
  const image = new Image();
  image.src = "data:image/png;base64," + picture;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  const paint = canvas.getContext("2d");
  paint.drawImage(image, 0, 0);
  const scale = image.width / innerWidth;
  return places.map(([x, y]) => [...paint.getImageData(Math.floor(x * scale), Math.floor(y * scale), 1, 1).data].slice(0, 3));
}, { picture: (await page.screenshot()).toString("base64"), places });
// Where a layer has pixels of at least that alpha in its own canvas, as places of the window.
const lit = (page, name, least = 200) => page.evaluate(([name, least]) => {
  const { map, layers } = window.tilefire;
  const layer = layers.find(one => one.name === name);
  const canvas = document.querySelector(`#map .ol-layers > .${layer.class} canvas`);
  if (!canvas?.width) return [];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const scale = map.getSize()[0] / canvas.width, places = [];
  for (let i = 3; i < data.length; i += 4) {
    if (data[i] >= least) places.push([((i >> 2) % canvas.width + 0.5) * scale, (Math.floor((i >> 2) / canvas.width) + 0.5) * scale]);
  }
  return places;
}, [name, least]);
const box = (page, name) => page.evaluate(name => {
  const layer = window.tilefire.layers.find(one => one.name === name);
  const { mixBlendMode, clipPath } = document.querySelector(`#map .ol-layers > .${layer.class}`).style;
  return { opacity: layer.drawn.getOpacity(), blend: mixBlendMode, clip: clipPath, z: layer.drawn.getZIndex() };
}, name);

const started = await start(executablePath);
try {
  const first = await open(started, server);
  check(await first.evaluate(() => window.tilefire.layers.filter(one => one.shown).length) === 1, "one layer is shown first");
  const told = await first.locator("#far").textContent();
  check(/3 points lie far away \(less than 0\.01 %\), one near 0\.0° N, 0\.0° E/.test(told), `what lies far away is told: ${told.trim()}`);
  const near = await first.evaluate(() => window.tilefire.map.getView().getZoom());
  await first.locator("#far-show").click();
  await first.waitForTimeout(600);
  check(await first.evaluate(() => window.tilefire.map.getView().getZoom()) < near, "and shown when asked for");
  await first.locator("#far-close").click();
  check(await first.locator("#far").isHidden(), "and not told again");
  check(await first.locator("#scale").textContent() !== "", `there is a scale bar: ${await first.locator("#scale").textContent()}`);
  await first.close();

  const page = await open(started, `${server}#9/${LONDON}/dark/100/squares`);
  await page.locator("#stack").click();
  await page.getByRole("checkbox", { name: "bells" }).check();
  await page.waitForFunction(() => window.tilefire.layers.filter(one => one.shown).length === 2);
  await settled(page);
  const both = [(await lit(page, "squares")).length, (await lit(page, "bells")).length];
  check(both.every(pixels => pixels > 40), `two layers are on the map at once: ${both} opaque pixels`);
  const order = async () => [(await box(page, "squares")).z, (await box(page, "bells")).z];
  const [upper, lower] = await order();
  check(upper > lower, "the first of the list lies above");
  await page.getByLabel("Raise bells").click();
  const [now, raised] = await order();
  check(raised > now, "a layer is raised");
  await page.getByLabel("Opacity of bells").fill("40");
  await settled(page);
  check((await box(page, "bells")).opacity === 0.4 && await page.locator("#opacity").inputValue() === "40", "each layer has its own opacity");
  check(await page.locator("#others .ramp").count() === 1, "the legend shows both");

  // What the window shows follows the blend mode: computed from the two canvases and the ground.
  await page.getByLabel("Opacity of bells").fill("100");
  await page.getByLabel("Blend mode of squares").selectOption("normal");
  await page.evaluate(() => { document.querySelectorAll(".panel, #scale, .ol-attribution").forEach(one => { one.style.visibility = "hidden"; }); });
  await page.evaluate(() => window.tilefire.labels.setVisible(false));
  await settled(page);
  const candidates = (await lit(page, "bells", 255)).filter((_, i, all) => i % Math.ceil(all.length / 40) === 0);
  const under = await page.evaluate(async () => {
    window.tilefire.layers.forEach(one => one.drawn.setVisible(one.name === "none of them"));
    await new Promise(done => { window.tilefire.map.once("rendercomplete", done); window.tilefire.map.render(); });
  }).then(() => seen(page, candidates));
  const only = await page.evaluate(async () => {
    window.tilefire.layers.forEach(one => one.drawn.setVisible(one.name === "bells"));
    await new Promise(done => { window.tilefire.map.once("rendercomplete", done); window.tilefire.map.render(); });
  }).then(() => seen(page, candidates));
  const formulas = {
    screen: (a, b) => a + b - a * b / 255, multiply: (a, b) => a * b / 255, "plus-lighter": (a, b) => Math.min(255, a + b),
  };
  for (const [blend, formula] of Object.entries(formulas)) {
    await page.evaluate(blend => {
      const select = [...document.querySelectorAll("#layers select")].find(one => one.getAttribute("aria-label") === "Blend mode of bells");
      select.value = blend;
      select.dispatchEvent(new Event("change"));
    }, blend);
    await settled(page);
    const mixed = await seen(page, candidates);
    const off = mixed.map((colour, i) => Math.max(...colour.map((c, j) => Math.abs(c - formula(only[i][j], under[i][j])))));
    const worst = Math.max(...off);
    check(worst <= 4, `${blend} is as it is defined, to ${worst.toFixed(1)} of 255 at ${candidates.length} places`);
  }
  await page.close();

  const swipe = await open(started, `${server}#9/${LONDON}/dark/100/squares`);
  await swipe.locator("#stack").click();
  await swipe.locator("#swipe").check();
  await swipe.waitForFunction(() => !document.getElementById("divider").hidden);
  await settled(swipe);
  check(/inset\(0px 50% 0px 0px\)/.test((await box(swipe, "squares")).clip) && /inset\(0px 0px 0px 50%\)/.test((await box(swipe, "bells")).clip), "each of two layers has its half");
  await swipe.locator("#stack").click();
  await swipe.mouse.move(640, 300);
  await swipe.mouse.down();
  await swipe.mouse.move(320, 300, { steps: 4 });
  await swipe.mouse.up();
  await settled(swipe);
  check(/inset\(0px 75% 0px 0px\)/.test((await box(swipe, "squares")).clip), "the divider is dragged to a quarter");
  await shot(swipe, shots, "swipe");
  const link = swipe.url();
  check(/\/swipe=25:squares:bells/.test(link), "the swipe is in the address: " + new URL(link).hash);
  await swipe.close();

  // A link brings everything back.
  const back = await open(started, `${server}#8/51.6/-0.2/light/70/bells:70:multiply,squares:30/swipe=40:bells:squares/labels=0/colours=safe`);
  const state = await back.evaluate(() => ({
    shown: window.tilefire.layers.filter(one => one.shown).map(one => [one.name, one.opacity, one.blend]),
    above: window.tilefire.layers[1].drawn.getZIndex() > window.tilefire.layers[0].drawn.getZIndex(),
    at: document.getElementById("divider").getAttribute("aria-valuenow"),
    labels: document.getElementById("labels").checked, colours: document.getElementById("colours").value,
    zoom: window.tilefire.map.getView().getZoom(),
  }));
  const wanted = { shown: [["squares", 30, "normal"], ["bells", 70, "multiply"]], above: true, at: "40", labels: false, colours: "safe", zoom: 8 };
  check(JSON.stringify(state) === JSON.stringify(wanted), "a link brings everything back: " + JSON.stringify(state));
  check(new URL(back.url()).hash === "#8/51.60000/-0.20000/light/70/bells:70:multiply,squares:30/swipe=40:bells:squares/labels=0/colours=safe", "and is written as it was read: " + new URL(back.url()).hash);
  await back.close();

  const safe = await open(started, `${server}#9/${LONDON}/dark/100/squares`);
  const hues = () => safe.evaluate(() => {
    const canvas = document.querySelector(`#map .ol-layers > .${window.tilefire.layers[0].class} canvas`);
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    // cividis goes from blue over grey to yellow: red and green rise together, and are never far apart.
    let lit = 0, far = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) { lit++; far += Math.abs(data[i] - data[i + 1]) > 60; }
    return { lit, far };
  });
  const made = await hues();
  await safe.locator("#stack").click();
  await safe.locator("#colours").selectOption("safe");
  await settled(safe);
  await safe.waitForTimeout(200);
  const chosen = await hues();
  check(made.far > 20 && chosen.far === 0 && Math.abs(chosen.lit - made.lit) < made.lit / 50, `colours for everybody: ${JSON.stringify([made, chosen])}`);
  await shot(safe, shots, "safe");

  // Labels lie above the heat, and one switch puts them below.
  const above = () => safe.evaluate(() => {
    const { labels, data, base } = window.tilefire;
    return { above: !!labels.getSource() && labels.getZIndex() > data.getZIndex(), url: base.getSource().getUrls()[0] };
  });
  const over = await above();
  check(over.above && over.url.includes("dark_nolabels"), "labels lie above the heat");
  await safe.locator("#labels").uncheck();
  const below = await above();
  check(!below.above && below.url.includes("dark_all"), "or below it, in the base map");

  const [download] = await Promise.all([safe.waitForEvent("download"), safe.locator("#picture").click()]);
  const file = join(shots, "picture.png");
  await download.saveAs(file);
  const png = await readFile(file);
  check(png.subarray(1, 4).toString() === "PNG" && png.readUInt32BE(16) === 1280 && png.readUInt32BE(20) === 800, `the view is saved as a picture: ${download.suggestedFilename()}`);
  const inside = await safe.evaluate(async bytes => {
    const image = new Image();
    image.src = "data:image/png;base64," + bytes;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    canvas.getContext("2d").drawImage(image, 0, 0);
    const { data } = canvas.getContext("2d").getImageData(360, 100, 500, 500);
    const ground = data.slice(0, 3).join();
    let other = 0;
    for (let i = 0; i < data.length; i += 4) other += data.subarray(i, i + 3).join() !== ground;
    return { ground, other };
  }, png.toString("base64"));
  check(inside.ground === "10,22,51" && inside.other > 200, `the picture shows base map and heat: ${JSON.stringify(inside)}`);
  await safe.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await safe.locator("#link").click();
  check(await safe.evaluate(() => navigator.clipboard.readText()) === safe.url(), "the link is copied");
  check(safe.complaints.length === 0, "the browser has no complaint: " + safe.complaints.join(" | "));
  await safe.close();

  const night = await open(started, `${server}#9/${LONDON}//100/night`);
  check(await night.locator("#bases [value=none]").isChecked(), "a set with a background opens without a base map");
  const ground = await night.evaluate(() => getComputedStyle(document.getElementById("map")).backgroundColor);
  check(ground === "rgb(23, 25, 30)", "and its background goes on where it has no tiles: " + ground);
  await night.close();

  // Squares stay squares, bells are smooth.
  const enlarged = await open(started, `${server}#12/${LONDON}/none/100/squares`);
  const ways = () => enlarged.evaluate(() => window.tilefire.data.getSource().getInterpolate());
  check(await ways() === false, "counted pixels are enlarged as squares");
  await enlarged.keyboard.press("l");
  await enlarged.waitForFunction(() => window.tilefire.layers[1].shown);
  check(await ways() === true, "smoothed ones are enlarged smoothly");
  await enlarged.close();
} finally {
  await end(started);
}

// Twice the pixels: tiles of the next zoom, as long as there are any.
const dense = await start(executablePath, { deviceScaleFactor: 2 });
try {
  const page = await dense.browser.newPage();
  const zooms = new Set();
  page.on("request", request => { const tile = request.url().match(/\/squares\/(\d+)\/\d+\/\d+\.png/); if (tile) zooms.add(Number(tile[1])); });
  await page.goto(`${server}#6/${LONDON}/none/100/squares`);
  await ready(page);
  check([...zooms].join() === "7", "at twice the pixels zoom 6 shows the tiles of zoom " + [...zooms]);
  check(await page.locator("#level").textContent() === "zoom 7", "and the legend is that of zoom 7");
  zooms.clear();
  await page.evaluate(() => { location.hash = "#8/51.5/-0.12/none/100/squares"; });
  await page.waitForTimeout(300);
  await settled(page);
  check([...zooms].join() === "8", "the highest zoom shows its own tiles: " + [...zooms]);
  await shot(page, shots, "dense");
  await page.close();
} finally {
  await end(dense);
}

// Without any network: a coastline stands in for the base map.
const alone = await start(executablePath, { alone: true });
try {
  const page = await open(alone, `${server}#5/54/-2/dark/100/squares`);
  await page.waitForFunction(() => window.tilefire.coast.getVisible(), null, { timeout: 10000 });
  await settled(page);
  const drawn = await page.evaluate(() => {
    const canvas = document.querySelector("#map .ol-layers > .coast canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let lit = 0;
    for (let i = 3; i < data.length; i += 4) lit += data[i] > 0;
    return lit;
  });
  check(drawn > 1500, `where no base map can be reached a coastline is drawn: ${drawn} pixels`);
  check(/coastline/.test(await page.locator("#said").textContent()), "and that is said");
  await shot(page, shots, "coast");
  console.log("done");
} finally {
  await end(alone);
}
