// What the explorers are made of: a frame with words, sliders, choices, plots, and handles that are
// dragged or moved by arrow keys. Colours and sizes are those of explore.css.

const SVG = "http://www.w3.org/2000/svg";
let count = 0;

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function drawing(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function ownName() {
  count += 1;
  return `explorer-${count}`;
}

// The frame of an explorer: heading, what to try and what one sees, controls, panels, a text of
// what is seen now, and where it comes from. With `options.small` only what moves, and that text.
export function frame(root, about, options) {
  const title = ownName();
  const level = options.heading ?? "h2";
  const says = element("p", { class: "says", "aria-live": "polite", "aria-atomic": "true" });
  const controls = element("div", { class: "controls" });
  const panels = element("div", { class: "panels" });
  const section = element("section", { class: "explorer", "aria-labelledby": title },
    element(level, { id: title, class: options.small ? "unseen" : null }, about.title));
  if (!options.small) section.append(element("p", { class: "intro" }, about.words));
  section.append(controls, panels, says);
  if (!options.small) {
    section.append(
      element("p", { class: "source" }, about.source, element("br"), "For real: ",
        element("code", {}, about.command)),
    );
  }
  root.append(section);
  return {
    section,
    controls,
    panels,
    say(text) {
      if (says.textContent !== text) says.textContent = text;
    },
  };
}

// A slider with its name and its value in words.
export function slider(parent, { label, low, high, step, value, told, change }) {
  const id = ownName();
  const input = element("input", { id, type: "range", min: low, max: high, step, value });
  // The slider tells its value itself: what is shown beside it is not to be read once more.
  const output = element("output", { for: id, "aria-live": "off" });
  const show = () => {
    const text = told(input.valueAsNumber);
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  input.addEventListener("input", () => {
    show();
    change(input.valueAsNumber);
  });
  show();
  parent.append(element("div", { class: "slider" },
    element("label", { for: id }, label), output, input));
  return {
    set(next) {
      input.value = next;
      show();
    },
  };
}

// One of a few names, as buttons side by side.
export function choice(parent, { label, names, value, change }) {
  const group = ownName();
  const set = element("fieldset", { class: "choice" }, element("legend", {}, label));
  for (const name of names) {
    const input = element("input", { type: "radio", name: group, value: name,
      checked: name === value });
    input.addEventListener("change", () => change(name));
    set.append(element("label", {}, input, element("span", {}, name)));
  }
  parent.append(set);
}

export function button(parent, label, press) {
  const node = element("button", { type: "button" }, label);
  node.addEventListener("click", press);
  parent.append(node);
  return node;
}

// A scale from values to pixels and back.
function scale({ low, high, log }, from, to) {
  const of = log ? Math.log : (value) => value;
  const back = log ? Math.exp : (value) => value;
  const [a, b] = [of(low), of(high)];
  return {
    of: (value) => from + ((of(value) - a) / (b - a)) * (to - from),
    back: (pixel) => back(a + ((pixel - from) / (to - from)) * (b - a)),
  };
}

function ticks({ low, high, log, at }, pixels) {
  if (at) return at;
  if (log) {
    const powers = [];
    for (let k = Math.ceil(Math.log10(low) - 1e-9); k <= Math.log10(high) + 1e-9; k += 1) {
      powers.push(Number(`1e${k}`));
    }
    return powers;
  }
  const raw = (high - low) / Math.max(2, pixels / 70);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw);
  const values = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) {
    values.push(Number((k * step).toPrecision(12)));
  }
  return values;
}

function swatch(kind) {
  if (kind.startsWith("dots")) return "M12,6h.01";
  return kind === "bar" ? "M1,1H23V11H1Z" : "M1,6H23";
}

// A minus sign is one, and no hyphen.
export function number(value, digits) {
  const text = digits === undefined ? String(value) : value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "\u2212");
}

// A panel with axes, drawn in the pixels of its width; `draw` is called when these change.
// x and y are { low, high, label, log, at }; `ratio` is height over width, or there is a `height`.
// `equal`: both axes have one unit, that of x; `bare`: there are none; `grid`: whether it is drawn.
export function plot(parent, { title, x, y, ratio = 0.8, ...more }, draw) {
  const { height: fixed, equal = false, bare = false, grid = true, key = [] } = more;
  const clip = ownName();
  const axes = drawing("g", { class: "axes", "aria-hidden": "true" });
  const marks = drawing("g", { "clip-path": `url(#${clip})` });
  const over = drawing("g");
  const rect = drawing("rect");
  const svg = drawing("svg", { role: "group", "aria-label": title },
    drawing("clipPath", { id: clip }, rect), axes, marks, over);
  const names = element("ul", { class: "key" });
  for (const [kind, words] of key) {
    names.append(element("li", {}, drawing("svg", { class: "swatch", "aria-hidden": "true" },
      drawing("path", { class: kind, d: swatch(kind) })),
    words));
  }
  const figure = element("figure", {}, element("figcaption", {}, title), svg, names);
  parent.append(figure);
  const panel = {
    svg, marks, over, x, y, sx: null, sy: null, width: 0, height: 0,
    at: ([a, b]) => [panel.sx.of(a), panel.sy.of(b)],
    path(kind, layer = marks) {
      const node = drawing("path", { class: kind });
      layer.append(node);
      return node;
    },
    word(kind, layer = over) {
      const node = drawing("text", { class: kind });
      layer.append(node);
      return node;
    },
    axes: drawAxes,
  };

  function drawAxes() {
    const { width, height } = panel;
    const [left, right, top, bottom] = bare ? [4, 4, 4, 4] : [46, 10, 8, 38];
    if (equal) {
      const tall = (panel.x.high - panel.x.low) * (height - top - bottom) / (width - left - right);
      [panel.y.low, panel.y.high] = [-tall / 2, tall / 2];
    }
    panel.sx = scale(panel.x, left, width - right);
    panel.sy = scale(panel.y, height - bottom, top);
    const box = [left, top, width - right - left, height - bottom - top];
    ["x", "y", "width", "height"].forEach((name, k) => rect.setAttribute(name, Math.max(0, box[k])));
    axes.replaceChildren();
    if (bare) return;
    const put = (name, attributes, ...children) => axes.append(drawing(name, attributes, ...children));
    put("path", { class: "frame",
      d: `M${left},${top}V${height - bottom}H${width - right}` });
    for (const value of ticks(panel.x, box[2])) {
      const at = panel.sx.of(value);
      if (grid) put("path", { class: "grid", d: `M${at},${top}V${height - bottom}` });
      put("text", { x: at, y: height - bottom + 16, "text-anchor": "middle" }, number(value));
    }
    for (const value of ticks(panel.y, box[3])) {
      const at = panel.sy.of(value);
      if (grid) put("path", { class: "grid", d: `M${left},${at}H${width - right}` });
      put("text", { x: left - 7, y: at + 4, "text-anchor": "end" }, number(value));
    }
    put("text", { class: "label", x: left + box[2] / 2, y: height - 5, "text-anchor": "middle" },
      panel.x.label);
    put("text", { class: "label", "text-anchor": "middle",
      transform: `translate(12,${top + box[3] / 2})rotate(-90)` }, panel.y.label);
  }

  new ResizeObserver(() => {
    const width = Math.floor(figure.clientWidth);
    if (width < 40 || width === panel.width) return;
    panel.width = width;
    panel.height = fixed ?? Math.round(width * ratio);
    svg.setAttribute("width", width);
    svg.setAttribute("height", panel.height);
    drawAxes();
    draw();
  }).observe(figure);
  return panel;
}

// Lines of points, as the data of a path; points that are no numbers part a line.
export function line(panel, points) {
  let text = "";
  let move = true;
  for (const point of points) {
    const [a, b] = panel.at(point);
    if (!Number.isFinite(a) || !Number.isFinite(b)) {
      move = true;
      continue;
    }
    text += `${move ? "M" : "L"}${a.toFixed(1)},${b.toFixed(1)}`;
    move = false;
  }
  return text;
}

export function lines(panel, many) {
  return many.map((points) => line(panel, points)).join("");
}

// Dots, as a path of lines without length whose ends are round.
export function dots(panel, points) {
  let text = "";
  for (const point of points) {
    const [a, b] = panel.at(point);
    if (Number.isFinite(a) && Number.isFinite(b)) text += `M${a.toFixed(1)},${b.toFixed(1)}h.01`;
  }
  return text;
}

// Arrows of one length in pixels along a field of vectors.
export function arrows(panel, points, field, length = 9) {
  let text = "";
  for (const point of points) {
    const [vx, vy] = field(point);
    const small = 1e-4 / Math.hypot(vx, vy);
    const [a, b] = panel.at(point);
    const [c, d] = panel.at([point[0] + small * vx, point[1] + small * vy]);
    const size = Math.hypot(c - a, d - b);
    if (!(size > 0)) continue;
    const [ux, uy] = [((c - a) / size) * length, ((d - b) / size) * length];
    const [tipX, tipY] = [a + ux, b + uy];
    text += `M${(a - ux).toFixed(1)},${(b - uy).toFixed(1)}L${tipX.toFixed(1)},${tipY.toFixed(1)}` +
      `M${(tipX - 0.6 * ux - 0.4 * uy).toFixed(1)},${(tipY - 0.6 * uy + 0.4 * ux).toFixed(1)}` +
      `L${tipX.toFixed(1)},${tipY.toFixed(1)}` +
      `L${(tipX - 0.6 * ux + 0.4 * uy).toFixed(1)},${(tipY - 0.6 * uy - 0.4 * ux).toFixed(1)}`;
  }
  return text;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// A point that is dragged by mouse, pen or finger, or moved by arrow keys (with shift by ten
// steps). `move` is asked to put it somewhere, and calls `place` with where it is then; its x lies
// between `low` and `high`.
export function handle(panel, { label, step, low, high, move }) {
  const node = drawing("g", { class: "handle", tabindex: 0, role: "slider", "aria-label": label,
    "aria-valuemin": low, "aria-valuemax": high },
    drawing("circle", { class: "reach", r: 22 }), drawing("circle", { class: "grip", r: 8 }));
  let held = false;
  let now = [0, 0];
  node.addEventListener("pointerdown", (event) => {
    held = true;
    node.setPointerCapture(event.pointerId);
    node.focus({ preventScroll: true });
    event.preventDefault();
  });
  node.addEventListener("pointermove", (event) => {
    if (!held) return;
    const box = panel.svg.getBoundingClientRect();
    move([panel.sx.back(event.clientX - box.left), panel.sy.back(event.clientY - box.top)]);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    node.addEventListener(end, () => {
      held = false;
    });
  }
  node.addEventListener("keydown", (event) => {
    const way = ARROWS[event.key];
    if (!way) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    move(now.map((value, i) => value + far * way[i] * step[i]));
  });
  panel.over.append(node);
  return {
    node,
    place(point, told) {
      now = point;
      const [a, b] = panel.at(point);
      node.setAttribute("transform", `translate(${a.toFixed(1)},${b.toFixed(1)})`);
      node.setAttribute("aria-valuenow", point[0].toFixed(2));
      node.setAttribute("aria-valuetext", told);
    },
  };
}

export function within(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

// Whether its reader asked for less motion.
export function still() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
