// The view as a picture: what is drawn on the map, with the legend and with thanks, as one PNG.

async function pictureOf(map, ground, swipe, name) {
  const [width, height] = map.getSize(), dense = devicePixelRatio || 1;
  const canvas = make("canvas", { width: Math.round(width * dense), height: Math.round(height * dense) });
  const paint = canvas.getContext("2d");
  paint.fillStyle = ground;
  paint.fillRect(0, 0, canvas.width, canvas.height);
  for (const box of map.getViewport().querySelectorAll(".ol-layers > *")) {
    const drawn = box.querySelector("canvas");
    if (!drawn?.width || box.style.display === "none") continue;
    paint.save();
    paint.globalAlpha = box.style.opacity === "" ? 1 : Number(box.style.opacity);
    const blend = box.style.mixBlendMode || "normal";
    paint.globalCompositeOperation = { normal: "source-over", "plus-lighter": "lighter" }[blend] || blend;
    const side = swipe && box.dataset.side, at = swipe ? canvas.width * swipe.at / 100 : 0;
    if (side) {
      paint.beginPath();
      paint.rect(side === "left" ? 0 : at, 0, side === "left" ? at : canvas.width - at, canvas.height);
      paint.clip();
    }
    const [a, b, c, d, e, f] = (drawn.style.transform.match(/^matrix\(([^)]*)\)$/)?.[1].split(",") ?? [1 / dense, 0, 0, 1 / dense, 0, 0]).map(Number);
    paint.setTransform(dense * a, dense * b, dense * c, dense * d, dense * e, dense * f);
    paint.drawImage(drawn, 0, 0);
    paint.restore();
  }
  paint.scale(dense, dense);
  const style = getComputedStyle(document.documentElement), colour = of => style.getPropertyValue(of).trim();
  const font = size => `${size}px system-ui, sans-serif`;
  const thanks = [...map.getViewport().querySelectorAll(".ol-attribution li")].map(li => li.textContent).join(" ").trim();
  const plate = (x, y, w, h) => { paint.fillStyle = colour("--panel"); paint.fillRect(x, y, w, h); paint.fillStyle = colour("--ink"); };
  paint.textBaseline = "middle";
  if (thanks) {
    paint.font = font(11);
    const wide = paint.measureText(thanks).width;
    plate(width - wide - 16, height - 22, wide + 16, 22);
    paint.fillText(thanks, width - wide - 8, height - 11);
  }
  const marks = [...el("ticks").children];
  if (!el("legend").hidden && marks.length) {
    const wide = Math.min(300, width - 24), x = 12, y = height - 92;
    plate(x, y, wide, 64);
    paint.font = "600 " + font(12);
    paint.fillText(name + " · " + el("what").textContent, x + 12, y + 15, wide - 24);
    paint.drawImage(el("ramp"), x + 12, y + 27, wide - 24, 10);
    paint.font = font(11);
    for (const mark of marks) {
      paint.textAlign = mark.className === "first" ? "left" : mark.className === "last" ? "right" : "center";
      paint.fillText(mark.textContent, x + 12 + (wide - 24) * parseFloat(mark.style.left) / 100, y + 50);
    }
  }
  // A page from disk may not look at what it painted with files of the disk: then there is no picture.
  return new Promise((done, fail) => {
    try { canvas.toBlob(blob => blob ? done(blob) : fail(new Error("no picture"))); } catch (error) { fail(error); }
  });
}
