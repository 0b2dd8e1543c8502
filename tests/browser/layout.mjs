// Panels at the sizes of phones, tablets and desktops: none covers another, and three quarters of the window are left to the
// map; and whether everything can be used without seeing or pointing: by axe-core's rules, and by the keyboard alone.
// Usage: node layout.mjs CHROMIUM SERVER-URL SCREENSHOT-FOLDER; the first layer has points far away. Prints one line a check.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { check, end, modules, open, settled, shot, start } from "./browser.mjs";

const [executablePath, server, shots] = process.argv.slice(2);
const started = await start(executablePath, { hasTouch: true });

const SIZES = [
  [390, 844], [360, 640], [320, 568], [412, 915], [844, 390], [667, 375], [568, 320], [768, 1024], [1024, 768], [1280, 800], [1920, 1080],
];
// What lies above the map, as rectangles.
const boxes = page => page.evaluate(() => [...document.querySelectorAll(".panel, #scale, .ol-attribution")]
  .filter(one => one.checkVisibility() && !one.parentElement.closest(".panel"))
  .map(one => {
    const { left, top, right, bottom } = one.getBoundingClientRect();
    return { name: one.id || "thanks", left, top, right, bottom };
  }));
const area = ({ left, top, right, bottom }) => (right - left) * (bottom - top);
function judge(all, [width, height], what) {
  for (const [i, a] of all.entries()) {
    check(a.left >= 0 && a.top >= 0 && a.right <= width + 0.5 && a.bottom <= height + 0.5, `${what}: ${a.name} lies within the window`);
    for (const b of all.slice(i + 1)) {
      const apart = a.right <= b.left + 0.5 || b.right <= a.left + 0.5 || a.bottom <= b.top + 0.5 || b.bottom <= a.top + 0.5;
      check(apart, `${what}: ${a.name} and ${b.name} do not meet`);
    }
  }
  const share = all.reduce((sum, one) => sum + area(one), 0) / (width * height);
  check(share <= 0.25, `${what}: ${(100 * share).toFixed(1)} % of the map are covered`);
}
// Says only what a whole size comes to, instead of a line for each pair.
const quietly = async work => {
  const { log } = console;
  console.log = () => {};
  try { await work(); } finally { console.log = log; }
};

try {
  const page = await open(started, server);
  for (const size of SIZES) {
    const [width, height] = size;
    await page.setViewportSize({ width, height });
    await page.waitForTimeout(150);
    const covered = [];
    await quietly(async () => {
      const state = async what => {
        await page.waitForTimeout(60);
        const all = await boxes(page);
        judge(all, size, `${width} by ${height}, ${what}`);
        covered.push((100 * all.reduce((sum, one) => sum + area(one), 0) / (width * height)).toFixed(0));
      };
      await state("at first");
      if (width === 390 || height === 390) await shot(page, shots, `layout-${width}`);
      await page.locator("#title").click();
      await state("figures");
      await page.keyboard.press("Escape");
      await page.locator("#stack").click();
      await state("looks");
      if (width === 390 || height === 390) await shot(page, shots, `layout-${width}-looks`);
      await page.locator("#stack").click();
      await state("closed again");
      for (const what of ["legend folded", "legend unfolded"]) {
        const open = what.endsWith("unfolded");
        if ((await page.locator("#fold").getAttribute("aria-expanded") === "true") !== open) await page.locator("#fold").click();
        await state(what);
      }
      // As it was at first.
      if (await page.locator("#stack").isVisible() && await page.evaluate(() => matchMedia("(max-width: 820px), (max-height: 560px)").matches)) await page.locator("#fold").click();
    });
    check(true, `${width} by ${height}: panels meet nowhere and cover ${covered.join(", ")} % of the map`);
    const wide = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
    check(wide[0] <= width && wide[1] <= height, `${width} by ${height}: nothing is wider or higher than the window`);
  }

  // Fingers need room: what can be pressed on a phone has at least 36 pixels or is in a row of its own.
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForTimeout(150);
  const least = await page.evaluate(() => Math.min(...[...document.querySelectorAll("#zooming button, #tools button, #title")]
    .filter(one => one.checkVisibility()).map(one => Math.min(one.offsetWidth, one.offsetHeight))));
  check(least >= 36, `the smallest button of a phone has ${least} pixels`);

  const rules = await readFile(join(modules, "axe-core/axe.min.js"), "utf8");
  for (const [scheme, size] of [["dark", [1280, 800]], ["light", [1280, 800]], ["dark", [390, 844]], ["light", [844, 390]]]) {
    await page.setViewportSize({ width: size[0], height: size[1] });
    await page.waitForTimeout(150);
    const base = page.locator(`#bases [value=${scheme}]`);
    if (!await base.isVisible()) await page.locator("#stack").click();
    await base.check({ force: true });
    if (await page.locator("#looks").isHidden()) await page.locator("#stack").click();
    await settled(page);
    if (!await page.evaluate(() => window.axe)) await page.evaluate(rules);
    for (const drawer of ["looks", "facts"]) {
      if (drawer === "facts") await page.keyboard.press("i");
      const { violations, passes } = await page.evaluate(() => window.axe.run());
      const said = violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join(" ")}`).join("\n");
      check(violations.length === 0 && passes.length > 15, `axe-core, ${scheme}, ${size.join(" by ")}, ${drawer} open: ${passes.length} rules hold ${said}`);
    }
    await page.keyboard.press("Escape");
  }
  await page.close();

  // By the keyboard alone, from the first Tab on.
  const keys = await open(started, server);
  const focused = () => keys.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("aria-label") || document.activeElement.tagName);
  const until = async wanted => {
    for (let press = 0; press < 60; press++) {
      if (await focused() === wanted) return;
      await keys.keyboard.press("Tab");
    }
    throw new Error(`the keyboard does not reach ${wanted}, only ${await focused()}`);
  };
  await until("stack");
  await keys.keyboard.press("Enter");
  check(await keys.locator("#looks").isVisible(), "the drawer of looks opens by a key");
  const second = await keys.evaluate(() => window.tilefire.layers[1].name);
  await until("show-1");
  await keys.keyboard.press("Space");
  await keys.waitForFunction(() => window.tilefire.layers[1].shown);
  check(await focused() === "show-1", "the focus stays where a layer was switched on");
  check((await keys.locator("#said").textContent()).includes(second + " is shown"), "those who listen are told");
  await until("Raise " + second);
  await keys.keyboard.press("Enter");
  check(await keys.evaluate(() => window.tilefire.data === window.tilefire.layers[1].drawn), "a layer is raised by a key");
  await until("Opacity of " + second);
  for (let press = 0; press < 10; press++) await keys.keyboard.press("ArrowLeft");
  check(await keys.evaluate(() => window.tilefire.layers[1].drawn.getOpacity()) === 0.8, "its opacity goes by keys");
  await until("blend-1");
  await keys.keyboard.press("ArrowDown");
  check(await keys.evaluate(() => window.tilefire.layers[1].blend) === "screen", "its blend mode goes by keys");
  await until("swipe");
  await keys.keyboard.press("Space");
  await keys.waitForFunction(() => !document.getElementById("divider").hidden);
  await until("divider");
  const place = () => keys.locator("#divider").getAttribute("aria-valuenow");
  await keys.keyboard.press("ArrowRight");
  check(await place() === "52", "the divider goes by keys");
  await keys.keyboard.press("m");
  await keys.keyboard.press("m");
  await keys.keyboard.press("Escape");
  check(await keys.locator("#looks").isHidden() && await focused() === "stack", "Escape closes the drawer and goes back to its button");
  check(keys.complaints.length === 0, "the browser has no complaint: " + keys.complaints.join(" | "));
  console.log("done");
} finally {
  await end(started);
}
