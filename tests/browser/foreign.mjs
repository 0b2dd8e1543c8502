// The server's page on sets of other programs, which say little of themselves: each must show what the set shows that they
// were made from. Usage: node foreign.mjs CHROMIUM SERVER-URL SCREENSHOT-FOLDER; prints one line a check.
import { check, end, open, pixels, settled, shot, start } from "./browser.mjs";

const [executablePath, server, shots] = process.argv.slice(2);
const started = await start(executablePath, { alone: true });
try {
  const layers = JSON.parse((await (await fetch(server)).text()).match(/"layers":(\[.*?\])/)[1]);
  const [first, ...others] = layers;
  const look = async ({ name }, more = "") => {
    const page = await open(started, `${server}#6/54/-2.5/none/100/${encodeURIComponent(name)}${more}`);
    const seen = await pixels(page);
    const title = await page.locator("#name").textContent();
    check(page.complaints.length === 0, `${name} has no complaint: ` + page.complaints.join(" | "));
    check(await page.locator("#trouble").isHidden(), `${name} shows no trouble`);
    await page.close();
    return { ...seen, title };
  };
  const wanted = await look(first);
  check(wanted.lit > 500, `${first.name} shows ${wanted.lit} pixels`);
  for (const layer of others) {
    const seen = await look(layer);
    check(seen.lit === wanted.lit && seen.colours === wanted.colours, `${layer.name} shows the same: ${seen.lit} pixels in ${seen.colours} colours`);
    const { colours } = await look(layer, "/colours=safe");
    check(colours === wanted.colours, `${layer.name} keeps its colours, whose order nobody knows`);
    // Without a view in the address the page begins at the set's box.
    const page = await open(started, `${server}#///none/100/${encodeURIComponent(layer.name)}`);
    const zoom = await page.evaluate(() => window.tilefire.map.getView().getZoom());
    await settled(page);
    check((await pixels(page)).lit > 50 && zoom >= 1, `${layer.name} is in the first view, at zoom ${zoom}`);
    await shot(page, shots, "foreign-" + others.indexOf(layer));
    await page.close();
  }
  const titles = await Promise.all(others.map(async layer => (await look(layer)).title));
  check(titles.includes("東京 2024"), "names are shown as they are: " + titles.join(", "));
  console.log("done");
} finally {
  await end(started);
}
