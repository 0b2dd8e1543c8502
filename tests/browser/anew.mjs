// A set that is rendered anew while somebody looks at it shows within two seconds, without a reload and where the view was;
// one that was rendered while nobody looked shows as soon as somebody does.
// Usage: node anew.mjs CHROMIUM SERVER-URL TILEFIRE FOLDER SCREENSHOT-FOLDER; FOLDER has points.csv and its tiles in live.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { check, end, open, pixels, settled, shot, start } from "./browser.mjs";

const [executablePath, server, tilefire, folder, shots] = process.argv.slice(2);
const render = points => {
  writeFileSync(join(folder, "points.csv"), "lon,lat\n" + points.map(point => point.join(",") + "\n").join(""));
  execFileSync(tilefire, ["render", "points.csv", "-o", "live", "-z", "0..8", "--spread", "3", "--backend", "cpu", "-q", "--force"], { cwd: folder });
};
const grid = n => Array.from({ length: n }, (_, i) => [-0.5 + (i % 20) / 20, 51.2 + Math.floor(i / 20) / 40]);

const started = await start(executablePath);
try {
  const page = await open(started, `${server}#8/51.5/-0.1/none/100`);
  const before = await pixels(page);
  check(before.lit > 10 && before.lit < 200, `two points are on the map: ${before.lit} pixels`);
  await page.waitForTimeout(1500);
  render(grid(400));
  const since = Date.now();
  await page.waitForFunction(() => document.getElementById("points").textContent === "400 points", null, { timeout: 5000, polling: 50 });
  const took = Date.now() - since;
  await settled(page);
  const after = await pixels(page);
  check(took < 2000, `400 points are told ${took} ms after they were rendered`);
  check(after.lit > 10 * before.lit, `and are on the map: ${after.lit} pixels`);
  check(new URL(page.url()).hash.startsWith("#8/51.50000/-0.10000/none"), "the view is where it was: " + new URL(page.url()).hash);
  await shot(page, shots, "anew");

  // A page that nobody sees does not ask; when somebody does again, it asks at once.
  const hide = hidden => page.evaluate(hidden => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  let asked = 0;
  page.on("request", request => { asked += request.url().endsWith("/states"); });
  await hide(true);
  await page.waitForTimeout(1500);
  asked = 0;
  render(grid(40));
  await page.waitForTimeout(2500);
  check(asked === 0, "a page that nobody sees does not ask");
  await hide(false);
  await page.waitForFunction(() => document.getElementById("points").textContent === "40 points", null, { timeout: 2000, polling: 50 });
  check(true, "it knows as soon as somebody looks");
  check(page.complaints.length === 0, "the browser has no complaint: " + page.complaints.join(" | "));
  console.log("done");
} finally {
  await end(started);
}
