import { frame, handle, line, number, plot, slider, within } from "./kit.js";
import {
  START, TARGET, attenuation, kernel, learn, meanRate, uspsOf, velocity,
} from "./dendrite_math.js";
import { standardPairs } from "./draws.js";

const USPS = uspsOf(standardPairs(64, 3));
const TIMES = Array.from({ length: 33 }, (_, k) => (200 * (k / 32) ** 1.5));
const DELAYS = Array.from({ length: 121 }, (_, k) => k / 2000);
const STEP = 5;
const FARTHEST = 400;
const NEAR = 45;
const TITLES = { "Euclidean": "Euclidean rule", "natural": "Natural rule" };
const RULES = Object.keys(TITLES);

export const about = {
  title: "The dendrite",
  words: "Move the distal synapse out along the dendrite, where less of its EPSP reaches the soma. " +
    "The Euclidean rule then learns differently in dendritic than in somatic weights, since the " +
    "attenuation enters twice; the natural rule learns the same in both, because its metric " +
    "knows what a change does to the output.",
  source: "Kreutzer et al. 2022, Figs 1 and 8.",
  command: "steepest reproduce kreutzer2022.fig8",
};

export function mount(root, options = {}) {
  const view = frame(root, about, options);
  let distance = options.distance ?? 240;
  const control = slider(view.controls, {
    label: "Distance of the distal synapse", low: 0, high: FARTHEST, step: 1, value: distance,
    told: (value) => `${number(value)} \u00b5m`,
    change: move,
  });

  const tree = plot(view.panels, {
    title: "The dendrite: drag the distal synapse", height: 116, bare: true,
    x: { low: -60, high: FARTHEST + 30, label: "" }, y: { low: -1, high: 1, label: "" },
  }, draw);
  tree.svg.parentNode.classList.add("wide");
  const trunk = tree.path("trunk");
  const soma = tree.path("soma");
  const proximal = tree.path("dots synapse");
  const words = ["soma", "proximal", "distal"].map(() => tree.word("name"));
  const grip = handle(tree, {
    label: "Distal synapse", step: [10, 0], low: 0, high: FARTHEST,
    move: ([x]) => move(Math.round(within(x, 0, FARTHEST))),
  });

  const key = (first) => [["line ink", first], ["line sky", "learnt in somatic weights"],
    ["line navy dash", "learnt in dendritic weights"]];
  const rows = RULES.map((rule) => {
    const epsp = plot(view.panels, {
      title: `${TITLES[rule]}: distal EPSP at the soma after ${STEP} s`, ratio: 0.6, key: key("before"),
      x: { low: 0, high: 60, label: "time since the spike (ms)" },
      y: { low: 0, high: 10, label: "EPSP (mV)" },
    }, draw);
    const output = plot(view.panels, {
      title: `${TITLES[rule]}: firing while it learns`, ratio: 0.6, key: key("the teacher"),
      x: { low: 0, high: 200, label: "time (s)" }, y: { low: 0, high: 50, label: "mean rate (Hz)" },
    }, draw);
    const kinds = ["line ink", "line sky", "line navy dash"];
    return {
      epsp, output, epsps: kinds.map((kind) => epsp.path(kind)), rates: kinds.map((kind) => output.path(kind)),
    };
  });
  const wanted = meanRate(USPS, TARGET);

  function move(next) {
    distance = next;
    control.set(next);
    draw();
  }

  function draw() {
    if (!tree.width || rows.some(({ epsp, output }) => !epsp.width || !output.width)) return;
    const factors = [attenuation(NEAR), attenuation(distance)];
    drawTree();
    const seen = rows.map((row, k) => {
      const rule = RULES[k];
      const changes = [[1, 1], factors].map((chart) => velocity(
        rule, USPS, TARGET, chart, START.map((value, i) => value / chart[i]),
      ).map((value, i) => STEP * value * chart[i]));
      const after = [0, ...changes.map((change) => change[1])].map((change) => START[1] + change);
      after.forEach((weight, i) => row.epsps[i].setAttribute(
        "d", line(row.epsp, DELAYS.map((time) => [1000 * time, weight * kernel(time)])),
      ));
      row.rates[0].setAttribute("d", line(row.output, [[0, wanted], [200, wanted]]));
      const paths = [[1, 1], factors].map((chart) => learn(rule, USPS, TARGET, chart, TIMES, 1e-5));
      paths.forEach((path, i) => row.rates[i + 1].setAttribute(
        "d", line(row.output, path.map((weights, j) => [TIMES[j], meanRate(USPS, weights)])),
      ));
      return changes[1][1] / changes[0][1];
    });
    view.say(`At ${number(distance)} \u00b5m, ${number(100 * factors[1], 0)} % of the distal EPSP reaches ` +
      "the soma. There the change made in dendritic weights is " +
      `${number(seen[0], 2)} times that made in somatic ones under Euclid, ` +
      `and ${number(seen[1], 2)} times under the natural gradient.`);
  }

  function drawTree() {
    const [x, y] = tree.at([0, 0]);
    const [end] = tree.at([FARTHEST + 20, 0]);
    trunk.setAttribute("d", `M${x - 20},${y - 7}L${end},${y - 1.5}V${y + 1.5}L${x - 20},${y + 7}Z`);
    const r = Math.min(24, tree.height * 0.3);
    const at = tree.at([-20, 0])[0];
    soma.setAttribute("d", `M${at - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`);
    proximal.setAttribute("d", `M${tree.at([NEAR, 0])}h.01`);
    grip.place([distance, 0], `${number(distance)} \u00b5m from the soma`);
    [["soma", -20, r + 15], ["proximal", NEAR, -16], ["distal", distance, 28]].forEach(
      ([text, where, down], k) => {
        words[k].textContent = text;
        words[k].setAttribute("x", within(tree.at([where, 0])[0], 24, tree.width - 24));
        words[k].setAttribute("y", y + down);
      },
    );
  }

  return view.section;
}
