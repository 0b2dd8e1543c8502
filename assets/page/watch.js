// A set that is made anew shows without a reload: the server names the state of each layer, and the page asks for these
// names every second while somebody can see it, and at once when somebody can again.

function watch(changed) {
  let known = null, asking = false, timer = 0, failed = 0;
  const ask = async () => {
    clearTimeout(timer);
    if (asking || document.hidden) return;
    asking = true;
    try {
      const answer = await fetch("states", { cache: "no-store" });
      // An older server knows of no states.
      if (answer.status === 404) return;
      const states = await answer.json();
      const before = known;
      known = { ...before, ...Object.fromEntries(Object.entries(states).filter(([, state]) => state)) };
      failed = 0;
      for (const layer of before ? layers : []) {
        if (known[layer.id] && known[layer.id] !== before[layer.id]) changed(layer, known[layer.id]);
      }
    } catch {
      failed++;
    } finally {
      asking = false;
    }
    timer = setTimeout(ask, Math.min(1000 * 2 ** failed, 8000));
  };
  for (const event of ["visibilitychange", "pageshow", "online", "focus"]) {
    (event === "visibilitychange" ? document : window).addEventListener(event, ask);
  }
  return ask();
}
