// The server's page on sets of tiles with 512 pixels, alone and beside those of 256, on usual and on dense windows: each
// must show the pixels of the set of usual tiles, by the tiles that are meant for the window.
// Usage: node large.mjs CHROMIUM SERVER-URL SCREENSHOT-FOLDER; prints one line a check. Layers: usual, large, both.
import { check, end, open, pixels, start, shot } from "./browser.mjs";

const [executablePath, server, shots] = process.argv.slice(2);
const seen = async (started, layer, zoom) => {
  const asked = new Set();
  const note = request => {
    const tile = request.url().match(new RegExp(`/${layer}/(\\d+)/\\d+/\\d+(@2x)?\\.png`));
    if (tile) asked.add(tile[1] + (tile[2] ?? ""));
  };
  started.browser.on("request", note);
  const page = await open(started, `${server}#${zoom}/51.5/-0.12/none/100/${layer}`);
  const { lit, colours } = await pixels(page);
  const [level, ticks] = await Promise.all(["#level", "#ticks"].map(what => page.locator(what).textContent()));
  check(page.complaints.length === 0, `${layer} has no complaint: ` + page.complaints.join(" | "));
  await shot(page, shots, `large-${layer}-${zoom}`);
  await page.close();
  started.browser.off("request", note);
  return { lit, colours, level, ticks, asked: [...asked].join() };
};
const alike = (what, one, other) =>
  check(one.lit > 300 && one.lit === other.lit && one.colours === other.colours && one.ticks === other.ticks,
    `${what}: ${one.lit} pixels in ${one.colours} colours, ${other.lit} in ${other.colours}; ${one.ticks} and ${other.ticks}`);

const usually = await start(executablePath, { alone: true });
try {
  for (const zoom of [4, 7]) {
    const usual = await seen(usually, "usual", zoom), large = await seen(usually, "large", zoom), both = await seen(usually, "both", zoom);
    alike(`zoom ${zoom} of large tiles is that of usual ones`, large, usual);
    alike(`zoom ${zoom} of both is that of usual ones`, both, usual);
    check(large.asked === String(zoom - 1) && both.asked === String(zoom), `large ones of zoom ${large.asked}, and ${both.asked}`);
    check(large.level === `zoom ${zoom - 1}` && both.level === `zoom ${zoom}`, `they are told as ${large.level} and ${both.level}`);
  }
} finally {
  await end(usually);
}

const dense = await start(executablePath, { alone: true, deviceScaleFactor: 2 });
try {
  for (const zoom of [5, 7, 8]) {
    const usual = await seen(dense, "usual", zoom), large = await seen(dense, "large", zoom), both = await seen(dense, "both", zoom);
    check(usual.asked === String(zoom + 1), `a dense window takes usual tiles of the next zoom: ${usual.asked}`);
    alike(`at twice the pixels zoom ${zoom} of large tiles is that of usual ones`, large, usual);
    alike(`at twice the pixels zoom ${zoom} of both is that of usual ones`, both, usual);
    check(large.asked === String(zoom) && both.asked === zoom + "@2x", `they are ${large.asked} and ${both.asked}`);
  }
  console.log("done");
} finally {
  await end(dense);
}
