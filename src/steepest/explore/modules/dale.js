import { button, frame, line, lines, number, plot, slider, still } from "./kit.js";
import { histogram, meanAndSd, normalDensity, skewness, toDual, toPrimal } from "./dale_math.js";
import { normal } from "./draws.js";

const WEIGHTS = 400;
const UPDATES = 200;
const SHOWN = 24;
const CHANGE = 0.05;
const CLASSES = 40;
const NAMES = [[-1, "3-norm"], [0, "Euclid"], [0.5, "1.5-norm"], [1, "entropy"]];

export const about = {
  title: "Dale and the log-normal",
  words: "Slide the potential from Euclid to the entropy, and let many updates pass: the same " +
    "random updates, added to the dual weights. Under Euclid weights cross zero, against " +
    "Dale's law, and their sizes have a long lower tail; under the entropy no weight ever changes " +
    "its sign, and sizes become log-normal.",
  source: "Pogodin et al. 2024, Fig 1 and Eq 5: what is learned adds up in the dual weights. " +
    "Cornford et al. 2024: so Dale's law holds.",
  command: "steepest reproduce ours.dale",
};

// Weights at the start, four excitatory for each inhibitory one, and the sums of all updates.
const next = normal(11);
const SIGNS = Array.from({ length: WEIGHTS }, (_, k) => (k % 5 === 4 ? -1 : 1));
const FIRST = SIGNS.map((sign) => sign * Math.exp(0.1 * next()));
const SUMS = FIRST.map(() => {
  let sum = 0;
  return Float64Array.from({ length: UPDATES + 1 }, (_, k) => {
    if (k) sum += CHANGE * next();
    return sum;
  });
});

function weightAfter(index, which, updates) {
  const dual = toDual(index, FIRST[which], SIGNS[which]);
  return toPrimal(index, dual + SUMS[which][updates], SIGNS[which]);
}

export function mount(root, options = {}) {
  const view = frame(root, about, options);
  let index = options.index ?? 1;
  let updates = options.updates ?? UPDATES;
  let running = null;
  const named = (value) => NAMES.find(([known]) => Math.abs(known - value) < 1e-9)?.[1];

  slider(view.controls, {
    label: "Potential (geometry index)", low: -1, high: 1, step: 0.05, value: index,
    told: (value) => number(value, 2) + (named(value) ? `, ${named(value)}` : ""),
    change(value) {
      index = Math.round(value * 100) / 100;
      draw();
    },
  });
  const passed = slider(view.controls, {
    label: "Updates", low: 0, high: UPDATES, step: 1, value: updates, told: (value) => number(value),
    change(value) {
      stop();
      updates = value;
      draw();
    },
  });
  const player = button(view.controls, "Play", () => (running === null ? play() : stop()));

  const key = [["line red", "excitatory"], ["line blue", "inhibitory"]];
  const paths = plot(view.panels, {
    title: `Weights, ${SHOWN} of ${WEIGHTS}`, ratio: 0.8, key,
    x: { low: 0, high: UPDATES, label: "updates" }, y: { low: -4, high: 5, label: "weight" },
  }, draw);
  const sizes = plot(view.panels, {
    title: `Sizes of all ${WEIGHTS}`, ratio: 0.8,
    x: { low: 0.01, high: 100, log: true, label: "size |w|" }, y: { low: 0, high: 1, label: "density of ln |w|" },
    key: [["bar", "weights"], ["line ink dash", "log-normal of the same mean and spread"]],
  }, draw);
  const zero = paths.path("zero");
  const lots = [paths.path("line red thin"), paths.path("line blue thin")];
  const bars = sizes.path("bar");
  const bell = sizes.path("line ink dash");

  function draw() {
    if (!paths.width || !sizes.width) return;
    zero.setAttribute("d", line(paths, [[0, 0], [UPDATES, 0]]));
    const shown = Array.from({ length: SHOWN }, (_, k) =>
      Array.from({ length: updates + 1 }, (_, time) => [time, weightAfter(index, k, time)]));
    [1, -1].forEach((sign, k) => {
      lots[k].setAttribute("d", lines(paths, shown.filter((_, i) => SIGNS[i] === sign)));
    });
    const weights = FIRST.map((_, k) => weightAfter(index, k, updates));
    const logs = weights.map((weight) => Math.log(Math.abs(weight)));
    const [mean, sd] = meanAndSd(logs);
    const columns = histogram(logs, Math.log(0.01), Math.log(100), CLASSES);
    const highest = Math.max(normalDensity(mean, mean, sd), ...columns.map(([, , height]) => height));
    sizes.y.high = highest * 1.08;
    sizes.axes();
    bars.setAttribute("d", columns.filter(([, , height]) => height > 0).map(([left, right, height]) =>
      `${line(sizes, [[left, 0], [left, height], [right, height], [right, 0]].map(
        ([log, value]) => [Math.exp(log), value]))}Z`).join(""));
    bell.setAttribute("d", line(sizes, Array.from({ length: 81 }, (_, k) => {
      const log = mean + sd * (k / 10 - 4);
      return [Math.exp(log), normalDensity(log, mean, sd)];
    })));
    const flips = weights.filter((weight, k) => weight * SIGNS[k] < 0).length;
    view.say(`After ${number(updates)} updates in a potential of index ${number(index, 2)}: ${flips} of ${
      WEIGHTS} weights changed sign; ln |w| has a standard deviation of ${number(sd, 2)} and a skewness of ${
      number(skewness(logs), 2)} (a log-normal has 0).`);
  }

  function stop() {
    if (running !== null) cancelAnimationFrame(running);
    running = null;
    player.textContent = "Play";
  }

  function play() {
    if (still()) {
      updates = UPDATES;
      passed.set(updates);
      draw();
      return;
    }
    player.textContent = "Pause";
    if (updates === UPDATES) updates = 0;
    const step = () => {
      updates = Math.min(UPDATES, updates + 1);
      passed.set(updates);
      draw();
      if (updates === UPDATES) stop();
      else running = requestAnimationFrame(step);
    };
    running = requestAnimationFrame(step);
  }

  return view.section;
}
