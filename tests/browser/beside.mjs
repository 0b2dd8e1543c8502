// A page beside its PMTiles file on a plain web server: with byte ranges, without them, and from disk, where it cannot read it.
// Usage: node beside.mjs CHROMIUM FOLDER SCREENSHOT-FOLDER; FOLDER has "deep heat.html". Prints one line a check.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { check, end, open, pixels, shot, start } from "./browser.mjs";

const [executablePath, folder, shots] = process.argv.slice(2);
let ranges = true, asked = [];
const files = createServer(async (request, response) => {
  const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
  const bytes = await readFile(join(folder, path)).catch(() => null);
  const range = ranges && /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  if (path.endsWith(".pmtiles")) asked.push(range ? Number(range[2]) - Number(range[1]) + 1 : bytes.length);
  const type = path.endsWith(".html") ? "text/html" : "application/octet-stream";
  response.writeHead(!bytes ? 404 : range ? 206 : 200, { "Content-Type": type });
  response.end(!bytes ? "" : range ? bytes.subarray(Number(range[1]), Number(range[2]) + 1) : bytes);
});
await new Promise(ready => files.listen(0, "127.0.0.1", ready));
const url = `http://127.0.0.1:${files.address().port}/deep%20heat.html`;

const started = await start(executablePath);
try {
  const whole = (await readFile(join(folder, "deep heat.pmtiles"))).length;
  for (const hash of ["", "#12/51.5/-0.12/none/100"]) {
    asked = [];
    const page = await open(started, url + hash);
    const { lit, colours } = await pixels(page);
    check(lit > 50 && colours > 3, `tiles of the file are on the map${hash && " at zoom 12"}: ${lit} pixels in ${colours} colours`);
    const read = asked.reduce((sum, one) => sum + one, 0);
    check(read < whole / 2, `${read} of ${whole} bytes were read in ${asked.length} parts`);
    check(page.complaints.length === 0, "the browser has no complaint: " + page.complaints.join(" | "));
    await shot(page, shots, "beside");
    await page.close();
  }
  ranges = false;
  asked = [];
  const plain = await open(started, url);
  check((await pixels(plain)).lit > 500, "a server without ranges will do");
  check(asked.length <= 3, `and is asked for the file ${asked.length} times`);
  await plain.close();
  const disk = await started.browser.newPage();
  await disk.goto(pathToFileURL(join(folder, "deep heat.html")).href);
  await disk.waitForFunction(() => !document.getElementById("trouble").hidden);
  const says = await disk.locator("#trouble").textContent();
  check(says.includes("tilefire serve deep heat.pmtiles"), "from disk it says what to do: " + says.trim().replace(/\s+/g, " "));
  console.log("done");
} finally {
  await end(started);
  files.close();
}
