// The map itself: what is shown in which order, where, and what keys and buttons do.

function start() {
  const from = readAddress();
  const project = ol.proj.fromLonLat;
  const base = new ol.layer.Tile({ className: "base", zIndex: 0 });
  const labels = new ol.layer.Tile({ className: "labels", zIndex: 1000 });
  const coast = coastLayer();
  layers.forEach((layer, i) => {
    layer.class = "heat-" + i;
    layer.drawn = new ol.layer.Tile({ className: layer.class, visible: false, useInterimTilesOnError: false });
  });
  const view = new ol.View({
    center: project(from.view ? from.view.center : [0, 0]), zoom: from.view ? from.view.zoom : 2,
    minZoom: 0, maxZoom: 26, constrainResolution: true, multiWorld: true, enableRotation: false,
  });
  const map = new ol.Map({
    target: "map", layers: [base, coast, ...layers.map(layer => layer.drawn), labels], view,
    controls: [new ol.control.Attribution({ collapsible: false }), new ol.control.ScaleLine({ target: "scale", minWidth: 58, maxWidth: 116 })],
    // Wheel and drag work at once, not only once the map has the focus; zooming by keys is below.
    interactions: ol.interaction.defaults.defaults({ onFocusOnly: false, keyboard: false, doubleClickZoom: false })
      .extend([new ol.interaction.KeyboardPan()]),
  });
  // The uppermost first.
  let order = [...layers], swipe = null, safe = from.safe, chosen = null, lost = false;
  const shown = () => order.filter(layer => layer.shown);
  const top = () => shown()[0] || order[0];
  window.tilefire = { map, base, labels, coast, layers, get data() { return top().drawn; } };

  // However far out, there is one world, turned so that the view's middle is its middle.
  const turned = () => {
    const [x] = view.getCenter();
    for (const one of map.getLayers().getArray()) one.setExtent([x - HALF, -HALF, x + HALF, HALF]);
  };
  view.on("change:center", turned);
  turned();

  const remember = () => {
    if (!view.getCenter() || !chosen) return;
    writeAddress({
      zoom: view.getZoom(), center: ol.proj.toLonLat(view.getCenter()), base: chosen, shown: shown(), swipe,
      labels: el("labels").checked, safe,
    });
  };
  const level = () => legend(shown(), layer => tilesAt(layer, view.getZoom()), safe);
  const zooms = () => {
    const ready = shown().filter(layer => layer.meta);
    if (!ready.length) return;
    view.setMinZoom(Math.max(0, Math.min(...ready.map(layer => layer.meta.minzoom + stepsOf(layer))) - 2));
    view.setMaxZoom(Math.min(Math.max(...ready.map(layer => layer.meta.maxzoom + stepsOf(layer))) + 5, 26));
  };

  // Asks for what is not known of a layer yet, or no longer holds.
  const learn = async (layer, anew) => {
    if (layer.meta && !anew) return true;
    const answer = await fetch(layer.url, { cache: "no-cache" }).catch(() => null);
    if (!answer?.ok) {
      if (!anew) trouble("The layer " + layer.name + " did not arrive: " + (answer ? await answer.text() : "no answer"));
      return false;
    }
    layer.meta = await answer.json();
    return true;
  };
  const draw = layer => layer.drawn.setSource(heatSource(layer, safe));

  // Sets what is shown; the view stays where it is.
  const show = async which => {
    const known = await Promise.all(which.map(learn));
    if (known.includes(false)) return;
    if (told.layers) el("trouble").hidden = true;
    for (const layer of layers) {
      layer.shown = which.includes(layer);
      layer.drawn.setVisible(layer.shown);
      if (layer.shown && !layer.drawn.getSource()) draw(layer);
    }
    refresh();
  };
  const refresh = () => {
    order.forEach((layer, i) => {
      layer.drawn.setZIndex(900 - i);
      layer.drawn.setOpacity(layer.opacity / 100);
    });
    el("opacity").value = top().opacity;
    el("percent").textContent = top().opacity + " %";
    if (top().meta) describe(top());
    zooms();
    level();
    ground();
    listed();
    sides();
    map.render();
    remember();
  };

  // Blending and swiping are the work of the page, on what the library draws each layer into.
  map.on("postrender", () => {
    for (const layer of layers) {
      const box = el("map").querySelector(".ol-layers > ." + layer.class);
      if (!box) continue;
      const side = swipe && layer.shown ? (layer === swipe.left ? "left" : layer === swipe.right ? "right" : "") : "";
      const cut = { left: `inset(0 ${100 - swipe?.at}% 0 0)`, right: `inset(0 0 0 ${swipe?.at}%)` }[side] || "";
      box.style.mixBlendMode = layer.blend === "normal" ? "" : layer.blend;
      box.style.clipPath = cut;
      box.dataset.side = side;
    }
  });

  const fade = (layer, percent) => {
    layer.opacity = Number(percent);
    layer.drawn.setOpacity(layer.opacity / 100);
    if (layer === top()) {
      el("opacity").value = layer.opacity;
      el("percent").textContent = layer.opacity + " %";
    }
    const own = el("layers").querySelector(`[data-opacity="${layers.indexOf(layer)}"]`);
    if (own) {
      own.value = layer.opacity;
      own.nextElementSibling.textContent = layer.opacity + " %";
    }
  };
  const move = (layer, by) => {
    const at = order.indexOf(layer);
    order.splice(at, 1);
    order.splice(at + by, 0, layer);
    refresh();
    say(layer.name + " is " + (order.indexOf(layer) + 1) + " of " + order.length + " from above");
    // The list is new: what was pressed is found again, or what takes it back.
    const pressed = el("layers").querySelectorAll(`[data-layer="${layers.indexOf(layer)}"] header .icon`);
    [...pressed].sort((a, b) => Number(b.dataset.by) * by - Number(a.dataset.by) * by).find(one => !one.disabled)?.focus();
  };
  // The list of layers with what can be done to each.
  const arrow = up => {
    const hold = make("span");
    hold.innerHTML = `<svg width="12" height="12" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="${up ? "M6 10.5v-9M2 5.5l4-4 4 4" : "M6 1.5v9M2 6.5l4 4 4-4"}"/></svg>`;
    return hold.firstChild;
  };
  const row = (layer, i) => {
    const at = layers.indexOf(layer), several = layers.length > 1;
    const header = make("header");
    if (several) {
      const box = make("input", { type: "checkbox", id: "show-" + at, checked: layer.shown, value: layer.name });
      box.addEventListener("change", async () => {
        const which = order.filter(one => one === layer ? box.checked : one.shown);
        await show(which.length ? which : [layer]);
        say(layer.name + (layer.shown ? " is shown" : " is hidden"));
        el("show-" + at)?.focus();
      });
      header.append(box);
    }
    header.append(several ? make("label", { for: "show-" + at, textContent: layer.name, title: layer.name }) : make("label", { for: "blend-" + at, textContent: "Heat" }));
    for (const by of several ? [-1, 1] : []) {
      const button = make("button", { class: "icon", "aria-label": (by < 0 ? "Raise " : "Lower ") + layer.name, disabled: by < 0 ? i === 0 : i === order.length - 1 }, arrow(by < 0));
      button.dataset.by = by;
      button.addEventListener("click", () => move(layer, by));
      header.append(button);
    }
    const node = make("div", { class: "layer", role: "group", "aria-label": layer.name }, header);
    node.dataset.layer = at;
    if (layer.shown) {
      const range = make("input", { type: "range", min: 0, max: 100, value: layer.opacity, "aria-label": "Opacity of " + layer.name });
      range.dataset.opacity = at;
      range.addEventListener("input", () => fade(layer, range.value));
      range.addEventListener("change", remember);
      const blend = make("select", { id: "blend-" + at, "aria-label": "Blend mode of " + layer.name },
        ...Object.entries(BLENDS).map(([value, label]) => make("option", { value, textContent: label })));
      blend.value = layer.blend;
      blend.addEventListener("change", () => {
        layer.blend = blend.value;
        map.render();
        remember();
      });
      node.append(make("div", { class: "how" }, range, make("output", { textContent: layer.opacity + " %" }), blend));
    }
    return node;
  };
  const listed = () => el("layers").replaceChildren(...order.map(row));

  // Swipe: two layers, each on its side of a divider.
  const sides = () => {
    el("comparing").hidden = layers.length < 2;
    el("swipe").checked = !!swipe;
    el("sides").hidden = el("divider").hidden = !swipe;
    for (const side of ["left", "right"]) {
      el(side).replaceChildren(...layers.map(({ name }, i) => make("option", { value: i, textContent: name })));
      if (swipe) el(side).value = layers.indexOf(swipe[side]);
    }
    if (swipe) divide(swipe.at);
  };
  const divide = at => {
    swipe.at = Math.round(Math.min(Math.max(at, 0), 100) * 10) / 10;
    el("divider").style.left = swipe.at + "%";
    el("divider").setAttribute("aria-valuenow", Math.round(swipe.at));
    el("divider").setAttribute("aria-valuetext", `${swipe.left.name} on ${Math.round(swipe.at)} percent, ${swipe.right.name} on the rest`);
    map.render();
  };
  const compare = async now => {
    swipe = now;
    if (swipe) await show(order.filter(layer => layer === swipe.left || layer === swipe.right));
    else refresh();
  };
  el("swipe").addEventListener("change", () => {
    if (!el("swipe").checked) return compare(null);
    const left = top(), right = shown()[1] || order.find(layer => layer !== left);
    return compare({ at: 50, left, right });
  });
  for (const side of ["left", "right"]) {
    el(side).addEventListener("change", async () => {
      const other = side === "left" ? "right" : "left", layer = layers[el(side).value];
      // The same on both sides would compare nothing: they change places.
      if (swipe[other] === layer) swipe[other] = swipe[side];
      swipe[side] = layer;
      await compare(swipe);
    });
  }
  el("divider").addEventListener("pointerdown", event => {
    el("divider").setPointerCapture(event.pointerId);
    const drag = event => divide(100 * event.clientX / innerWidth);
    const done = () => { el("divider").removeEventListener("pointermove", drag); remember(); };
    el("divider").addEventListener("pointermove", drag);
    el("divider").addEventListener("lostpointercapture", done, { once: true });
  });
  el("divider").addEventListener("keydown", event => {
    const to = { ArrowLeft: swipe.at - 2, ArrowRight: swipe.at + 2, PageDown: swipe.at - 10, PageUp: swipe.at + 10, Home: 0, End: 100 }[event.key];
    if (to == null) return;
    event.preventDefault();
    divide(to);
    remember();
  });

  // Base maps. Tiles with a background of their own go on where there are none.
  const ground = () => {
    const own = chosen === "none" ? heat(top()).background : BASES[chosen]?.sea;
    el("map").style.setProperty("--behind", !lost && own || "var(--ground)");
  };
  const theme = () => {
    const { background, theme } = heat(top()), of = background && parsed(background);
    const lightness = of && (0.299 * of[0] + 0.587 * of[1] + 0.114 * of[2]);
    return chosen !== null && BASES[chosen].theme || (of ? (lightness < 127.5 ? "dark" : "light") : theme) ||
      (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
  };
  const tiled = (url, by) => {
    const source = new ol.source.XYZ({
      url: url + (DENSE > 1 && by === CARTO ? "@2x.png" : ".png"), tilePixelRatio: by === CARTO ? DENSE : 1,
      attributions: [by], maxZoom: 19, crossOrigin: "anonymous",
    });
    let arrived = 0, missed = 0;
    source.on("tileloadend", () => { arrived++; if (lost) { lost = false; shore(); } });
    source.on("tileloaderror", () => {
      if (++missed < 3 || arrived || lost) return;
      lost = true;
      shore();
      say("The base map cannot be reached; a coastline stands in for it");
    });
    return source;
  };
  const shore = () => {
    coast.setVisible(chosen === "coast" || lost && !!BASES[chosen].url);
    ground();
  };
  const lay = name => {
    chosen = name;
    lost = false;
    const { url, below, above, by } = BASES[name], parts = el("labels").checked && above;
    el("labels").disabled = !above;
    base.setSource(url ? tiled(parts ? below : url, by) : null);
    labels.setSource(parts ? tiled(above, by) : null);
    const before = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = theme();
    // Safe colours are others on another ground.
    if (safe && document.documentElement.dataset.theme !== before) shown().forEach(draw);
    shore();
    coast.changed();
    ground();
    level();
    el("bases").querySelector(`[value=${name}]`).checked = true;
  };
  for (const [name, { label }] of Object.entries(BASES)) {
    const input = make("input", { type: "radio", name: "base", value: name });
    input.addEventListener("change", () => { lay(name); remember(); });
    el("bases").append(make("label", {}, input, make("span", { textContent: label })));
  }
  el("labels").checked = from.labels;
  el("labels").addEventListener("change", () => { lay(chosen); remember(); });
  el("colours").value = safe ? "safe" : "made";
  el("colours").addEventListener("change", () => {
    safe = el("colours").value === "safe";
    layers.filter(layer => layer.drawn.getSource()).forEach(draw);
    level();
    remember();
  });
  // A page from disk may not look at the files of its tiles.
  const closed = location.protocol === "file:" && !held;
  for (const one of closed ? ["colours", "picture"] : []) {
    el(one).disabled = true;
    el(one).title = "Not for a page opened from disk: its browser hides the tiles' pixels from it; tilefire serve shows it whole";
  }
  el("opacity").addEventListener("input", () => fade(top(), el("opacity").value));
  el("opacity").addEventListener("change", remember);

  el("link").addEventListener("click", async () => {
    remember();
    try {
      await navigator.clipboard.writeText(location.href);
      say("The link is copied");
      el("link").textContent = "Copied";
    } catch {
      // Where a page may not copy, its address bar holds the link.
      say("The link is in the address bar");
      el("link").textContent = "See address bar";
    }
    setTimeout(() => { el("link").textContent = "Copy link"; }, 2000);
  });
  el("picture").addEventListener("click", async () => {
    const settled = new Promise(done => map.once("rendercomplete", done));
    map.render();
    await settled;
    try {
      const blob = await pictureOf(map, getComputedStyle(el("map")).backgroundColor, swipe, el("name").textContent);
      const name = el("name").textContent.replace(/[^\p{L}\p{N}_-]+/gu, "-") + "-z" + view.getZoom().toFixed(0) + ".png";
      const url = URL.createObjectURL(blob);
      make("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
      say("The picture is saved as " + name);
    } catch {
      say("This browser gives no picture of the map");
    }
  });

  const brief = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 1;
  // Presses add up: each goes on from where the last one is to end, not from where the view is on its way.
  let goal = null;
  const zoom = (by, anchor) => {
    const aim = view.getConstrainedZoom((goal ?? view.getZoom()) + by, by);
    view.cancelAnimations();
    goal = aim;
    view.animate({ zoom: aim, anchor, duration: 180 * brief }, whole => { if (whole && goal === aim) goal = null; });
  };
  map.on("dblclick", event => zoom(event.originalEvent.shiftKey ? -1 : 1, event.coordinate));
  for (const event of ["wheel", "pointerdrag"]) map.on(event, () => { goal = null; });
  const padding = () => {
    const [width, height] = map.getSize();
    return height <= 560 ? [12, 60, 40, 12] : small.matches ? [64, 30, 104, 30] : [74, Math.min(70, width / 12), 116, Math.min(70, width / 12)];
  };
  const fit = (all, duration) => {
    goal = null;
    const { meta } = top();
    if (meta) view.fit(boxOf(top(), all), { padding: padding(), maxZoom: meta.maxzoom + stepsOf(top()), duration: duration && duration * brief });
  };
  const home = () => fit(false, 350);
  const full = () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
  el("in").onclick = () => zoom(1);
  el("out").onclick = () => zoom(-1);
  el("home").onclick = home;
  el("title").onclick = () => drawer("facts");
  el("stack").onclick = () => drawer("looks");
  el("fold").onclick = () => unfold(el("more").hidden);
  el("full").onclick = full;
  el("full").hidden = !document.fullscreenEnabled;
  el("far-show").onclick = () => fit(true, 350);
  el("far-close").onclick = () => { top().read = true; farAway(top()); el("title").focus(); };
  small.addEventListener("change", room);
  room();

  const next = () => {
    if (layers.length < 2) return;
    const to = layers[(layers.indexOf(top()) + 1) % layers.length];
    swipe = null;
    show([to]);
    say(to.name + " is shown");
  };
  addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && isOpen()) {
      const button = DRAWERS[isOpen()];
      drawer(null);
      return el(button).focus();
    }
    if (event.target.matches("select, input[type=range]")) return;
    const names = Object.keys(BASES);
    const keys = {
      b: () => { lay(names[(names.indexOf(chosen) + 1) % names.length]); remember(); say("Base map: " + BASES[chosen].label); },
      l: next, i: () => drawer("facts"), m: () => drawer("looks"), f: full, 0: home,
      "+": () => zoom(1), "=": () => zoom(1), "-": () => zoom(-1),
    };
    keys[event.key.toLowerCase()]?.();
  });

  const tell = place => {
    const [lon, lat] = ol.proj.toLonLat(place);
    const wrapped = ((lon + 180) % 360 + 360) % 360 - 180;
    el("where").textContent = `${lat.toFixed(5)}, ${wrapped.toFixed(5)}  ·  zoom ${view.getZoom().toFixed(0)}`;
  };
  map.on("pointermove", event => tell(event.coordinate));
  map.on("moveend", () => { remember(); tell(view.getCenter()); });
  view.on("change:resolution", level);

  // Takes what an address says of layers; gives what to show.
  const obey = to => {
    for (const { layer, opacity, blend } of to.shown) Object.assign(layer, { opacity, blend });
    const named = to.shown.map(one => one.layer);
    order = [...named, ...order.filter(layer => !named.includes(layer))];
    swipe = to.swipe;
    const which = swipe ? order.filter(layer => named.includes(layer) || layer === swipe.left || layer === swipe.right) : named;
    if (!which.length && to.opacity != null) (shown()[0] || order[0]).opacity = to.opacity;
    return which.length ? which : [shown()[0] || order[0]];
  };
  addEventListener("hashchange", async () => {
    const to = readAddress();
    if (to.view) { view.setCenter(project(to.view.center)); view.setZoom(to.view.zoom); }
    safe = to.safe;
    el("colours").value = safe ? "safe" : "made";
    el("labels").checked = to.labels;
    if (to.base) lay(to.base);
    await show(obey(to));
  });

  const begin = async () => {
    if (location.protocol === "file:" && !told.layers && told.pmtiles) {
      trouble(`A browser lets no page from disk read a file beside it. Please run: tilefire serve ${told.pmtiles}, or put both on a web server.`);
    }
    if (told.layers) {
      await watch(async (layer, state) => {
        layer.state = state;
        // What could not be shown at first may be there now.
        if (!layer.meta && !shown().length) return show([layer]);
        if (!layer.meta || !await learn(layer, true)) return;
        if (layer.drawn.getSource()) draw(layer);
        if (layer.shown) refresh();
        say(layer.name + " was made anew");
      });
    }
    const which = obey(from);
    await show(which);
    const { background, theme: made } = heat(top());
    // The tiles' own ground comes first: they were made for it.
    const wanted = background ? "none" : Object.hasOwn(BASES, made) ? made : theme();
    if (!from.view && top().meta) fit(false);
    lay(from.base || wanted);
    refresh();
  };
  begin();
}

if (told.layers == null) describe(layers[0]);
if (window.ol) start();
else trouble("OpenLayers, which draws it, is loaded from " + new URL(document.querySelector("script[src]")?.src || location.href).host +
  " and did not arrive. Please check the connection and load the page again.");
