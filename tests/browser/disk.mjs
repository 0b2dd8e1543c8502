// Pages opened from disk by a double click, without any network: one file with everything in it, a folder whose page holds the
// library, and a page that would have to load it.
// Usage: node disk.mjs CHROMIUM WHOLE-PAGE FOLDER-PAGE PAGE-WITHOUT-LIBRARY SCREENSHOT-FOLDER; prints one line a check.
import { pathToFileURL } from "node:url";
import { check, end, open, pixels, settled, shot, start, vivid } from "./browser.mjs";

const [executablePath, whole, folder, plain, shots] = process.argv.slice(2);
const started = await start(executablePath, { alone: true });
const { browser } = started;
try {
  const wanted = [];
  browser.on("request", request => wanted.push(request.url()));
  const page = await open(started, pathToFileURL(whole).href);
  await page.waitForFunction(() => window.tilefire.coast.getVisible(), null, { timeout: 10000 });
  await settled(page);
  const here = await pixels(page);
  check(here.lit > 500 && here.colours > 10, `a page that holds its tiles shows them from disk: ${here.lit} pixels in ${here.colours} colours`);
  const others = wanted.filter(url => !/^(data:|blob:)/.test(url) && url !== pathToFileURL(whole).href && !/basemaps\.cartocdn\.com/.test(url));
  check(others.length === 0, "it asks for nothing but base maps: " + others.join(" "));
  await shot(page, shots, "whole");
  await page.locator("#stack").click();
  await page.locator("#colours").selectOption("safe");
  await settled(page);
  await page.waitForTimeout(200);
  check((await pixels(page)).lit > 500, "its colours can be changed");
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#picture").click()]);
  check(/\.png$/.test(download.suggestedFilename()), "and it gives its picture");
  check(page.complaints.filter(one => !/ERR_FAILED/.test(one)).length === 0, "it has no complaint: " + page.complaints.join(" | "));
  await page.close();

  const beside = await open(started, pathToFileURL(folder) + "#5/54.9/-2.9/none/100");
  await beside.addStyleTag({ content: ".panel { display: none }" });
  const { lit, colours } = await vivid(beside, shots, "folder-from-disk");
  check(lit > 1000 && colours > 20, `a page beside its tiles holds the library: ${lit} pixels in ${colours} colours`);
  await beside.close();

  await browser.route(/jsdelivr/, route => route.abort());
  const without = await browser.newPage();
  await without.goto(pathToFileURL(plain).href);
  const says = await without.locator("#trouble").textContent();
  check(/cdn\.jsdelivr\.net/.test(says) && await without.locator("#trouble").isVisible(), `a page without its library says so: ${says.trim().replace(/\s+/g, " ")}`);
  console.log("done");
} finally {
  await end(started);
}
