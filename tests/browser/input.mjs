// Wheel, drag, swipe, clicks and keys on a page that nobody has touched before: no click and no focus comes to its help.
// Usage: node input.mjs CHROMIUM SERVER-URL SCREENSHOT-FOLDER; prints one line a check.
import { check, end, open, settled, shot, start } from "./browser.mjs";

const [executablePath, server, shots] = process.argv.slice(2);
const started = await start(executablePath);
const view = page => page.evaluate(() => {
  const { map } = window.tilefire, view = map.getView();
  return { zoom: view.getZoom(), center: view.getCenter(), resolution: view.getResolution(), size: map.getSize() };
});
// The view once it moves no more.
const still = async page => {
  await page.waitForTimeout(120);
  await page.waitForFunction(() => !window.tilefire.map.getView().getAnimating() && !window.tilefire.map.getView().getInteracting());
  await settled(page);
  return view(page);
};
const across = (a, b) => Math.hypot(a.center[0] - b.center[0], a.center[1] - b.center[1]) / a.resolution;

try {
  const wheel = await open(started, server);
  const first = await view(wheel);
  check(await wheel.evaluate(() => document.activeElement === document.body), "nothing has the focus");
  await wheel.mouse.move(500, 420);
  await wheel.mouse.wheel(0, -300);
  await wheel.waitForTimeout(400);
  const nearer = await still(wheel);
  check(nearer.zoom > first.zoom, `the first turn of the wheel zooms, from ${first.zoom} to ${nearer.zoom}`);
  await wheel.close();

  const drag = await open(started, server);
  const before = await view(drag);
  await drag.mouse.move(700, 420);
  await drag.mouse.down();
  await drag.mouse.move(600, 380, { steps: 25 });
  await drag.waitForTimeout(200);
  await drag.mouse.up();
  const dragged = across(before, await still(drag));
  // A few pixels go by before it is taken for a drag.
  check(Math.abs(dragged - Math.hypot(100, 40)) < 15, `the first drag moves the map by ${dragged.toFixed(0)} pixels`);
  await drag.close();

  const touch = await open(started, server);
  const fingers = await touch.context().newCDPSession(touch);
  const finger = (type, x, y) =>
    fingers.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x, y }] });
  const untouched = await view(touch);
  await finger("touchStart", 640, 500);
  for (let step = 1; step <= 6; step++) await finger("touchMove", 640 - 20 * step, 500 - 10 * step);
  await touch.waitForTimeout(200);
  await finger("touchEnd");
  const swiped = across(untouched, await still(touch));
  check(swiped > 100, `the first swipe moves the map by ${swiped.toFixed(0)} pixels`);
  await touch.close();

  const keys = await open(started, server);
  const far = await view(keys);
  for (let press = 0; press < 3; press++) await keys.keyboard.press("+");
  const pressed = await still(keys);
  check(pressed.zoom === far.zoom + 3, `three quick presses add up, from ${far.zoom} to ${pressed.zoom}`);
  for (let press = 0; press < 3; press++) await keys.locator("#out").click({ noWaitAfter: true });
  check((await still(keys)).zoom === far.zoom, "three quick clicks add up, too");
  for (const key of ["+", "+", "-"]) await keys.keyboard.press(key);
  check((await still(keys)).zoom === far.zoom + 1, "one goes back where two went on");
  const center = (await view(keys)).center;
  await keys.locator("#map").focus();
  await keys.keyboard.press("ArrowLeft");
  check((await still(keys)).center[0] < center[0], "arrows move the map that has the focus");
  await keys.keyboard.press("Tab");
  await keys.keyboard.press("Shift+Tab");
  // The ring lies within the window on all sides, above what the map is drawn on.
  const ring = await keys.evaluate(() => {
    const style = getComputedStyle(document.getElementById("map"), "::after");
    const inset = ["top", "right", "bottom", "left"].map(side => style[side]);
    return { inset, width: style.borderTopWidth, colour: style.borderTopColor };
  });
  check(ring.inset.every(side => side === "0px") && parseFloat(ring.width) >= 2, `the ring of the focus is whole: ${JSON.stringify(ring)}`);
  await shot(keys, shots, "focus");
  await keys.close();

  for (const size of [{ width: 1280, height: 800 }, { width: 2560, height: 900 }, { width: 390, height: 844 }]) {
    const page = await open(started, server, size);
    await page.keyboard.press("0");
    await still(page);
    for (let press = 0; press < 30; press++) await page.keyboard.press("-");
    const out = await still(page);
    // What is painted of each row of pixels is no wider than one world.
    const widest = await page.evaluate(async () => {
      const { map } = window.tilefire;
      await new Promise(done => { map.once("rendercomplete", done); map.render(); });
      const [left, right] = [...document.querySelectorAll("#map canvas")].filter(c => c.width).reduce(([left, right], canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 3; i < data.length; i += 4) {
          const x = (i >> 2) % canvas.width;
          if (data[i] > 0) { left = Math.min(left, x); right = Math.max(right, x); }
        }
        return [left, right];
      }, [Infinity, -Infinity]);
      return right - left + 1;
    });
    const world = 256 * 2 ** out.zoom;
    check(widest > 0 && widest <= world + 1, `${size.width} by ${size.height}: ${widest} of ${world} pixels of one world are painted`);
    await shot(page, shots, `far-${size.width}`);
    await page.close();
  }
  const whole = await open(started, server);
  check(whole.complaints.length === 0, "the browser has no complaint: " + whole.complaints.join(" | "));
  console.log("done");
} finally {
  await end(started);
}
