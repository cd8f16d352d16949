// Prints, as JSON, the greatest difference of each explorer's mathematics from its golden values,
// and what is not alike at all. Arguments: the folder of modules, the folder of golden values.

import { readFileSync, readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, golden] = process.argv.slice(2);

function revived(value) {
  if (Array.isArray(value)) return value.map(revived);
  if (value !== null && typeof value === "object") {
    return { inf: Infinity, "-inf": -Infinity, nan: NaN }[value.number];
  }
  return value;
}

// The difference of two numbers over their size, or over .01 where they are smaller.
function apart(actual, expected) {
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return Infinity;
    return expected.reduce((most, value, i) => Math.max(most, apart(actual[i], value)), 0);
  }
  if (Object.is(actual, expected)) return 0;
  if (typeof expected !== "number" || typeof actual !== "number") return Infinity;
  const difference = Math.abs(actual - expected) / Math.max(0.01, Math.abs(expected));
  return Number.isNaN(difference) ? Infinity : difference;
}

const answers = {};
for (const file of readdirSync(golden)) {
  const name = file.replace(".json", "");
  const math = await import(pathToFileURL(`${modules}/${name}_math.js`));
  const answer = { cases: 0, functions: new Set(), most: 0, wrong: [] };
  for (const each of JSON.parse(readFileSync(`${golden}/${file}`, "utf8"))) {
    const actual = math[each.function](...revived(each.arguments));
    const difference = apart(actual, revived(each.expected));
    answer.cases += 1;
    answer.functions.add(each.function);
    answer.most = Math.max(answer.most, Number.isFinite(difference) ? difference : 0);
    if (!(difference <= 1e-7)) {
      answer.wrong.push([each.function, JSON.stringify(each.arguments).slice(0, 200), actual, each.expected]);
    }
  }
  const functions = Object.keys(math).filter((key) => typeof math[key] === "function");
  const untested = functions.filter((key) => !answer.functions.has(key));
  answers[name] = { ...answer, functions: undefined, untested };
}

// Pairs of draws with mean 0 and covariance 1, and contour lines on which the function is level.
const { standardPairs } = await import(pathToFileURL(`${modules}/draws.js`));
const rows = standardPairs(50, 1);
const moment = (of) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
const moments = [
  moment(([x]) => x), moment(([, y]) => y), moment(([x]) => x * x) - 1, moment(([x, y]) => x * y),
  moment(([, y]) => y * y) - 1,
];
const { contours } = await import(pathToFileURL(`${modules}/contours.js`));
const plane = ([x, y]) => 2 * x - y;
const levels = [-0.7, 0.2];
const off = contours(plane, [-1, 1], [-1, 2], levels, 10).flatMap((segments, k) => (
  segments.length ? segments.flat().map((point) => plane(point) - levels[k]) : [Infinity]));
answers.draws = { most: Math.max(...[...moments, ...off].map(Math.abs)) };
console.log(JSON.stringify(answers));
