// A page of one explorer, or of several with tabs; each is made when it is first shown.

export function showPage(root, mounts) {
  const tabs = [...root.querySelectorAll("[role=tab]")];
  const panels = [...root.querySelectorAll("[data-explorer]")];
  const made = new Set();

  function show(name) {
    for (const panel of panels) panel.hidden = panel.dataset.explorer !== name;
    for (const tab of tabs) {
      const chosen = tab.dataset.shows === name;
      tab.setAttribute("aria-selected", chosen);
      tab.tabIndex = chosen ? 0 : -1;
    }
    if (!made.has(name)) {
      made.add(name);
      const place = panels.find((panel) => panel.dataset.explorer === name);
      mounts[name](place, { heading: tabs.length ? "h2" : "h1" });
    }
  }

  tabs.forEach((tab, at) => {
    tab.addEventListener("click", () => {
      location.hash = tab.dataset.shows;
    });
    tab.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!way) return;
      const next = tabs[(at + way + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
  });
  const asked = () => {
    const name = location.hash.slice(1);
    show(name in mounts ? name : Object.keys(mounts)[0]);
  };
  addEventListener("hashchange", asked);
  asked();
}
