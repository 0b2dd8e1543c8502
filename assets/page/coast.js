// The coastline of the world as this page holds it, for where there is no base map: scripts/coastline.py says how it is
// written.

function coastLayer() {
  const text = el("coastline").textContent.trim();
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const values = Object.fromEntries([...DIGITS].map((digit, value) => [digit, value]));
  let at = 0;
  const next = () => {
    for (let number = 0, bit = 1; ; bit *= 32) {
      const digit = values[text[at++]] ?? 0;
      number += (digit & 31) * bit;
      if (digit < 32) return number;
    }
  };
  const signed = () => { const number = next(); return number & 1 ? -(number + 1) / 2 : number / 2; };
  const lines = [];
  while (at < text.length) {
    const line = [];
    let lon = 0, lat = 0;
    for (let points = signed(); points > 0; points--) {
      lon += signed();
      lat += signed();
      line.push(ol.proj.fromLonLat([lon / 50, Math.max(lat / 50, -85.05)]));
    }
    lines.push(line);
  }
  const style = new ol.style.Style({ stroke: new ol.style.Stroke({ width: 1 }) });
  return new ol.layer.Vector({
    className: "coast", zIndex: 1, visible: false, updateWhileAnimating: true, updateWhileInteracting: true,
    source: new ol.source.Vector({
      features: lines.map(line => new ol.Feature(new ol.geom.LineString(line))), attributions: [EARTH],
    }),
    style: () => {
      style.getStroke().setColor(getComputedStyle(document.documentElement).getPropertyValue("--coast").trim());
      return style;
    },
  });
}
