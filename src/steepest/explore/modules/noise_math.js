// What measurement noise makes of a geometry index, and the rule that names one.
// `steepest.inference.synapses` is the same in Python: dual.py, log_root.py, naming.py, signal.py.

export const GEOMETRIES = {
  "3-norm": -1, "euclidean": 0, "1.5-norm": 0.5, "multiplicative": 1, "burg": 2,
};
const SEARCHED = [-4, 6];
const SCAN_STEP = 0.25;
const NO_WIDTH = 3e-4;
export const LEAST_SHARE = 0.25;

// The change of the dual weight w^(1-a)/(1-a), from log sizes.
export function dualChange(logBefore, logAfter, index) {
  const power = 1 - index;
  if (power === 0) return logAfter.map((after, i) => after - logBefore[i]);
  return logAfter.map(
    (after, i) => (Math.expm1(power * (after - logBefore[i])) * Math.exp(power * logBefore[i])) / power,
  );
}

// The change of log size of a synapse whose dual weight changes by `dual`; NaN where that would
// carry its size across zero or to infinity.
export function changeOfLog(logSize, dual, index) {
  const power = 1 - index;
  if (power === 0) return dual;
  return Math.log1p(power * dual * Math.exp(-power * logSize)) / power;
}

export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// Log deviations of the dual change from its median, and log sizes about their mean; synapses
// exactly at the median are left out.
function deviations(logBefore, logAfter, index) {
  const change = dualChange(logBefore, logAfter, index);
  const middle = median(change);
  const logs = [];
  const sizes = [];
  let mean = 0;
  for (let i = 0; i < change.length; i += 1) {
    const deviation = Math.abs(change[i] - middle);
    if (deviation === 0) continue;
    logs.push(Math.log(deviation));
    sizes.push(logBefore[i]);
    mean += logBefore[i];
  }
  mean /= sizes.length;
  return [sizes.map((size) => size - mean), logs];
}

// The slope of log|D - median D| on log size before.
export function logrootSlope(logBefore, logAfter, index) {
  const [sizes, logs] = deviations(logBefore, logAfter, index);
  if (sizes.length < 3) return NaN;
  let products = 0;
  let squares = 0;
  for (let i = 0; i < sizes.length; i += 1) {
    products += sizes[i] * logs[i];
    squares += sizes[i] ** 2;
  }
  return products / squares;
}

// Brent's root of a function between two points at which its signs differ.
function brent(f, a, b, tolerance) {
  let [before, now, contra] = [a, b, a];
  let [fBefore, fNow] = [f(a), f(b)];
  if (fBefore === 0) return before;
  if (fNow === 0) return now;
  let fContra = fBefore;
  let [last, step] = [b - a, b - a];
  for (let k = 0; k < 100; k += 1) {
    if (fBefore !== 0 && fNow !== 0 && Math.sign(fBefore) !== Math.sign(fNow)) {
      [contra, fContra] = [before, fBefore];
      last = step = now - before;
    }
    if (Math.abs(fContra) < Math.abs(fNow)) {
      [before, now, contra] = [now, contra, now];
      [fBefore, fNow, fContra] = [fNow, fContra, fNow];
    }
    const delta = (tolerance + 8.881784197001252e-16 * Math.abs(now)) / 2;
    const half = (contra - now) / 2;
    if (fNow === 0 || Math.abs(half) < delta) return now;
    if (Math.abs(last) > delta && Math.abs(fNow) < Math.abs(fBefore)) {
      let tried;
      if (before === contra) {
        tried = (-fNow * (now - before)) / (fNow - fBefore);
      } else {
        const slopeBefore = (fBefore - fNow) / (before - now);
        const slopeContra = (fContra - fNow) / (contra - now);
        tried = (-fNow * (fContra * slopeContra - fBefore * slopeBefore)) /
          (slopeContra * slopeBefore * (fContra - fBefore));
      }
      if (2 * Math.abs(tried) < Math.min(Math.abs(last), 3 * Math.abs(half) - delta)) {
        [last, step] = [step, tried];
      } else {
        last = step = half;
      }
    } else {
      last = step = half;
    }
    [before, fBefore] = [now, fNow];
    now += Math.abs(step) > delta ? step : half > 0 ? delta : -delta;
    fNow = f(now);
  }
  return now;
}

// The index at which the spread of the dual change does not depend on size: the naive one, which
// takes the sizes for exact.
export function logroot(logBefore, logAfter) {
  const mean = logBefore.reduce((sum, value) => sum + value, 0) / logBefore.length;
  const before = logBefore.map((value) => value - mean);
  const after = logAfter.map((value) => value - mean);
  const slope = (index) => logrootSlope(before, after, index);
  const number = Math.round((SEARCHED[1] - SEARCHED[0]) / SCAN_STEP);
  const scanned = Array.from({ length: number + 1 }, (_, k) => SEARCHED[0] + k * SCAN_STEP);
  const slopes = scanned.map(slope);
  const crossings = scanned.flatMap((_, k) => (slopes[k] > 0 && slopes[k + 1] <= 0 ? [k] : []));
  if (!crossings.length) return slopes[number] > 0 ? Infinity : -Infinity;
  const first = crossings[crossings.length >> 1];
  return brent(slope, scanned[first], scanned[first + 1], 1e-9);
}

// Its 95 % interval from the standard error of the slope, which does not take scatter to be equal
// at all sizes. Python resamples synapses instead.
export function slopeInterval(logBefore, logAfter, index) {
  const [sizes, logs] = deviations(logBefore, logAfter, index);
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  let squares = 0;
  let scatter = 0;
  for (let i = 0; i < sizes.length; i += 1) {
    squares += sizes[i] ** 2;
    scatter += (sizes[i] * (logs[i] - mean)) ** 2;
  }
  const fall = (logrootSlope(logBefore, logAfter, index + 0.25) -
    logrootSlope(logBefore, logAfter, index - 0.25)) / 0.5;
  const half = (1.959964 * Math.sqrt(scatter)) / squares / Math.abs(fall);
  return [index - half, index + half];
}

// By how much an interval is widened before it is asked which names it holds.
export function margin(index) {
  return 0.05 * (1 + Math.abs(1 - index));
}

export function candidates(index, [low, high]) {
  if (!Number.isFinite(index) || Number.isNaN(low) || Number.isNaN(high)) {
    return Object.keys(GEOMETRIES);
  }
  const wide = margin(index);
  return Object.keys(GEOMETRIES).filter(
    (name) => low - wide <= GEOMETRIES[name] && GEOMETRIES[name] <= high + wide,
  );
}

// Outcome and verdict on one pair of sessions whose noise is "none", "unknown" or "stated".
export function decide(index, interval, noise) {
  const [low, high] = interval;
  if (Number.isNaN(index)) return ["refused", "The stated noise alone explains these changes."];
  if (!Number.isFinite(index)) {
    return ["refused", "These sizes do not determine a geometry index."];
  }
  if (noise === "unknown") {
    return ["undecided", "No geometry is named while the measurement noise is unknown."];
  }
  if (noise === "stated") {
    return ["undecided", "No geometry is named from a stated noise alone."];
  }
  if (high - low <= NO_WIDTH) {
    return ["undecided", "These sizes do not say how sure the index is."];
  }
  const left = candidates(index, interval);
  if (!Number.isFinite(high - low) && left.length <= 1) {
    return ["undecided", "These sizes do not bound the geometry index."];
  }
  if (!left.length) return ["none", "None of the named geometries fits."];
  if (left.length > 1) return ["undecided", `Undecided between ${left.join(" and ")}.`];
  const [name] = left;
  if (Math.abs(index - GEOMETRIES[name]) > (GEOMETRIES[name] <= 0 ? 0.3 : 0.15)) {
    return [
      "undecided", `Undecided: ${name} is not excluded, and not close enough to be named.`,
    ];
  }
  if (name === "1.5-norm") {
    return ["mixture", "The 1.5-norm, or a mixture of additive and multiplicative change."];
  }
  return ["named", name];
}

// Variance of log size that change adds, at a log size.
export function signalAt(index, logSignal, logSize) {
  return Math.exp(logSignal + 2 * (index - 1) * logSize);
}

// Variance of log size of one measurement: a multiplicative, a shot and an additive part (their
// standard deviations at size 1).
export function noiseAt([multiplicative, shot, additive], logSize) {
  return multiplicative ** 2 + shot ** 2 * Math.exp(-logSize) +
    additive ** 2 * Math.exp(-2 * logSize);
}

// The share of the signal in the variance of the change between two measurements.
export function signalShare(index, logSignal, noise, logSizes) {
  let signal = 0;
  let errors = 0;
  for (const size of logSizes) {
    signal += signalAt(index, logSignal, size);
    errors += 2 * noiseAt(noise, size);
  }
  return signal / (signal + errors);
}

// The standard deviation of the dual change that gives a root mean square relative change, for
// log-normal sizes of median 1.
export function dualScale(index, change, spread) {
  return change * Math.exp(-(((index - 1) * spread) ** 2));
}
