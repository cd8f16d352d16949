import { contours } from "./contours.js";
import { arrows, choice, frame, handle, line, lines, number, plot, within } from "./kit.js";
import { METRICS, TARGET, cost, descent, flow } from "./metrics_math.js";
import { geometricTimes } from "./flow.js";

const NAMES = Object.keys(METRICS);
const KINDS = ["line blue", "line orange dot", "line purple dashdot", "line red", "line green dash"];
const TIMES = geometricTimes(0.005, 20, 70);
const LEVELS = [0.02, 0.1, 0.25, 0.5, 1, 2, 4, 8];
const [MU, SIGMA] = [[1, 7], [0.25, 3.5]];

// Where the field is drawn: at fewer places on a narrow page.
function places(columns, rows) {
  return Array.from({ length: columns * rows }, (_, k) => [
    MU[0] + ((k % columns) + 0.5) * (MU[1] - MU[0]) / columns,
    (Math.floor(k / columns) + 0.9) * SIGMA[1] / (rows + 0.3),
  ]);
}

export const about = {
  title: "One cost, five metrics",
  words: "Drag the start, and switch the metric: each takes its own way to the same target, at its " +
    "own pace. Naive descent in \u03c3, in \u03c3\u00b2 and in 1/\u03c3\u00b2 are three metrics that nobody chose; " +
    "Fisher's and Wasserstein's belong to the distribution, and the last turns out to be the first.",
  source: "Surace et al. 2020, Fig 3.",
  command: "steepest reproduce surace2020.fig3",
};

export function mount(root, options = {}) {
  const view = frame(root, about, options);
  let start = options.start ?? [6, 1];
  let chosen = options.metric ?? "Fisher";

  choice(view.controls, {
    label: "Metric", names: NAMES, value: chosen,
    change(name) {
      chosen = name;
      draw();
    },
  });
  const key = NAMES.map((name, k) => [KINDS[k], name]);
  const plane = plot(view.panels, {
    title: "The way down, and the field of the chosen metric", ratio: 0.8, key,
    x: { low: MU[0], high: MU[1], label: "mean \u03bc" },
    y: { low: 0, high: SIGMA[1], label: "standard deviation \u03c3" },
  }, draw);
  const fall = plot(view.panels, {
    title: "The cost on the way", ratio: 0.8,
    x: { low: 0.01, high: 20, log: true, label: "time" },
    y: { low: 0, high: 1, label: "cost (nats)" },
  }, draw);
  const levels = plane.path("contour");
  const field = plane.path("field");
  const ways = NAMES.map((_, k) => plane.path(KINDS[k]));
  const goal = plane.path("dots top");
  const falls = NAMES.map((_, k) => fall.path(KINDS[k]));
  const grip = handle(plane, {
    label: "Start of the flow, mean and standard deviation", step: [0.1, 0.05],
    low: MU[0], high: MU[1],
    move([mu, sigma]) {
      start = [within(mu, ...MU), within(sigma, ...SIGMA)];
      draw();
    },
  });
  // The cost stays, so its contour lines are computed once.
  const segments = contours(cost, MU, [0.2, SIGMA[1]], LEVELS).flat();

  function draw() {
    if (!plane.width || !fall.width) return;
    const flows = NAMES.map((name) => flow(name, start, TIMES, 1e-6));
    fall.y.high = cost(start) * 1.08 + 1e-3;
    fall.axes();
    levels.setAttribute("d", lines(plane, segments));
    field.setAttribute("d", arrows(plane, places(...(plane.width < 480 ? [6, 5] : [9, 7])), (point) => descent(chosen, point), 6));
    goal.setAttribute("d", `M${plane.at(TARGET)}h.01`);
    NAMES.forEach((name, k) => {
      const kind = `${KINDS[k]}${name === chosen ? " chosen" : ""}`;
      ways[k].setAttribute("class", kind);
      falls[k].setAttribute("class", kind);
      ways[k].setAttribute("d", line(plane, flows[k]));
      falls[k].setAttribute("d", line(fall, flows[k].map((point, i) => [TIMES[i], cost(point)]).slice(1)));
    });
    const told = `\u03bc = ${number(start[0], 1)}, \u03c3 = ${number(start[1], 2)}`;
    grip.place(start, told);
    if (cost(start) < 1e-6) {
      view.say("The start is the target: the cost is 0, and no metric moves from there.");
      return;
    }
    const path = flows[NAMES.indexOf(chosen)];
    const half = path.findIndex((point) => cost(point) <= cost(start) / 2);
    view.say(`From ${told} the cost is ${number(cost(start), 2)} nats. ${chosen}: ` +
      (half < 0 ? "half of it is still there at time 20." : `half of it is gone at time ${
        number(TIMES[half], TIMES[half] < 0.1 ? 3 : 2)}.`));
  }

  return view.section;
}
