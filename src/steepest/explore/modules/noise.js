import { choice, dots, element, frame, line, number, plot, slider } from "./kit.js";
import {
  GEOMETRIES, LEAST_SHARE, candidates, changeOfLog, decide, dualScale, logroot, margin,
  signalShare, slopeInterval,
} from "./noise_math.js";
import { normal } from "./draws.js";

const NUMBER = 300;
const SPREAD = 0.8;
const [LOW, HIGH] = [-2.2, 3.2];

export const about = {
  title: "Noise looks like geometry",
  words: "Add measurement noise to synapses whose geometry is known: the index read from the sizes " +
    "as they are walks away from the truth, towards 0 for additive errors and towards 1 for " +
    "multiplicative ones. A rule that takes such sizes for exact names the noise; one that " +
    "does not know the noise says so, and one that measures it refuses where little else is left.",
  source: "The index tells the potentials of Pogodin et al. 2024, Fig 5, apart; the rule is this " +
    "package's.",
  command: "steepest infer sizes.csv --sessions day0 day1 day2 day3",
};

// The same synapses and the same errors, whatever is chosen: only how large they are changes.
const next = normal(7);
const SYNAPSES = Array.from({ length: NUMBER }, () => Array.from({ length: 6 }, next));

function measured(index, change, cv, sd) {
  const scale = dualScale(index, change, SPREAD);
  const relative = Math.sqrt(Math.log1p(cv ** 2));
  const [before, after, sizes] = [[], [], []];
  for (const [size, step, ...errors] of SYNAPSES) {
    const first = SPREAD * size;
    const second = first + changeOfLog(first, scale * step, index);
    const w0 = Math.exp(first + relative * errors[0]) + sd * errors[1];
    const w1 = Math.exp(second + relative * errors[2]) + sd * errors[3];
    if (!(w0 > 0 && w1 > 0)) continue;
    before.push(Math.log(w0));
    after.push(Math.log(w1));
    sizes.push(first);
  }
  const logSignal = 2 * Math.log(scale);
  return { before, after, share: signalShare(index, logSignal, [relative, 0, sd], sizes) };
}

export function mount(root, options = {}) {
  const view = frame(root, about, options);
  const asked = { truth: "euclidean", change: 0.1, cv: 0.2, sd: 0, ...options.values };
  const percent = (value) => `${number(100 * value, 0)} %`;

  choice(view.controls, {
    label: "The truth", names: Object.keys(GEOMETRIES), value: asked.truth,
    change: (name) => change("truth", name),
  });
  const sliders = [
    ["change", "Change, relative to size", 0.02, 0.4, percent],
    ["sd", "Additive noise (median size is 1)", 0, 0.3, (value) => number(value, 2)],
    ["cv", "Multiplicative noise", 0, 0.4, percent],
  ];
  for (const [name, label, low, high, told] of sliders) {
    slider(view.controls, { label, low, high, step: 0.01, value: asked[name], told,
      change: (value) => change(name, value) });
  }
  const cloud = plot(view.panels, {
    title: "How much each synapse seems to change", ratio: 0.8,
    x: { low: 0.1, high: 10, log: true, label: "size before, as measured" },
    y: { low: 0.001, high: 10, log: true, label: "change of size" },
    key: [["dots grey", "synapses"], ["line green", "the truth"], ["line red dash", "naive index"]],
  }, draw);
  const rule = plot(view.panels, {
    title: "What the rule sees", ratio: 0.8,
    x: { low: LOW, high: HIGH, label: "geometry index", at: [-2, -1, 0, 1, 2, 3] },
    y: { low: 0, high: 4, label: "", at: [] },
    key: [["line red thick", "95 % of the naive index"], ["line red faint", "and its margin"],
      ["line green", "the truth"]],
  }, draw);
  const points = cloud.path("dots grey");
  const slopes = [cloud.path("line green"), cloud.path("line red dash")];
  const names = Object.keys(GEOMETRIES);
  const posts = names.map(() => [rule.path("post", rule.over), rule.word("name")]);
  const truth = rule.path("line green", rule.over);
  const wide = rule.path("line red faint", rule.over);
  const bar = rule.path("line red thick", rule.over);
  const naive = rule.path("dots red", rule.over);
  const answers = ["Sizes taken for exact", "Noise unknown", "Noise measured"].map((words) => [
    words, element("strong")]);
  view.panels.after(element("dl", { class: "answers" }, ...answers.map(([words, node]) =>
    element("div", {}, element("dt", {}, words), element("dd", {}, node)))));

  function change(name, value) {
    asked[name] = value;
    draw();
  }

  function draw() {
    if (!cloud.width || !rule.width) return;
    const known = GEOMETRIES[asked.truth];
    const { before, after, share } = measured(known, asked.change, asked.cv, asked.sd);
    const index = logroot(before, after);
    const interval = Number.isFinite(index) ? slopeInterval(before, after, index) : [NaN, NaN];
    const seen = before.map((log, i) => [Math.exp(log), Math.abs(Math.exp(after[i]) - Math.exp(log))]);
    points.setAttribute("d", dots(cloud, seen));
    // Lines of slope a through the middle of the cloud.
    const centre = (values) => Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
    const x0 = centre(seen.map(([x]) => x));
    const y0 = centre(seen.map(([, y]) => Math.max(y, 1e-6)));
    [known, index].forEach((power, k) => {
      slopes[k].setAttribute("d", Number.isFinite(power)
        ? line(cloud, [0.02, 50].map((x) => [x, y0 * (x / x0) ** power])) : "");
    });
    const left = candidates(index, interval);
    names.forEach((name, k) => {
      const [post, word] = posts[k];
      const [x, y] = rule.at([GEOMETRIES[name], 0.2 + 0.34 * (k % 3)]);
      post.setAttribute("d", line(rule, [[GEOMETRIES[name], 1.25], [GEOMETRIES[name], 4]]));
      post.setAttribute("class", left.includes(name) ? "post left" : "post");
      word.textContent = name;
      word.setAttribute("x", x);
      word.setAttribute("y", y);
      word.setAttribute("class", left.includes(name) ? "name left" : "name");
    });
    truth.setAttribute("d", line(rule, [[known, 3.3], [known, 4]]));
    const [low, high] = interval;
    const more = margin(index);
    const shown = Number.isFinite(low) && Number.isFinite(high);
    const cut = (value) => Math.min(HIGH, Math.max(LOW, value));
    wide.setAttribute("d", shown ? line(rule, [[cut(low - more), 2.4], [cut(high + more), 2.4]]) : "");
    bar.setAttribute("d", shown ? line(rule, [[cut(low), 2.4], [cut(high), 2.4]]) : "");
    naive.setAttribute("d", shown ? dots(rule, [[cut(index), 2.4]]) : "");

    const exact = decide(index, interval, "none");
    const wrong = exact[0] === "named" && exact[1] !== asked.truth;
    answers[0][1].textContent = exact[0] === "named" ? `Named: ${exact[1]}${wrong ? " (wrong)" : ""}` : exact[1];
    answers[0][1].className = wrong ? "bad" : exact[0] === "named" ? "good" : "open";
    answers[1][1].textContent = decide(index, interval, "unknown")[1];
    answers[1][1].className = "open";
    const enough = share >= LEAST_SHARE;
    answers[2][1].textContent = enough
      ? `${percent(share)} of the change is signal: the noise is taken out, and what is left is judged.`
      : `${percent(share)} of the change is signal, and ${percent(LEAST_SHARE)} are needed: refused.`;
    answers[2][1].className = enough ? "good" : "open";
    view.say(Number.isFinite(index)
      ? `The truth is ${number(known)} (${asked.truth}); the naive index is ${number(index, 2)} (95 % ${
        number(low, 2)} to ${number(high, 2)}). ${percent(share)} of the measured variance is change, the rest is noise.`
      : `The truth is ${number(known)} (${asked.truth}); the naive index runs out of the searched range.`);
  }

  return view.section;
}
