// A Poisson neuron with a proximal and a distal synapse, which learns in somatic or in dendritic
// weights. Units: ms are s, mV, Hz, um. `steepest.spiking` and
// `steepest.papers.kreutzer2022.fig8` are the same in Python.

import { integrate } from "./flow.js";

const [MAXIMUM, STEEPNESS, THRESHOLD] = [100, 0.3, 10];
const [TAU_M, TAU_S] = [0.01, 0.003];
const C_EPS = 2 * (TAU_M + TAU_S);
const LENGTH = 200;
const REACH = 9;

export const RATES = [20, 20];
export const START = [0.05, 0.05];
export const TARGET = [0.2, 0.25];
export const SPEED = { "Euclidean": 5e-5, "natural": 0.02 };

// Somatic over dendritic amplitude of a synapse at some distance.
export function attenuation(distance) {
  return Math.exp(-distance / LENGTH);
}

// EPSP at a weight of 1, in mV, at a time since the spike in s.
export function kernel(time) {
  if (time < 0) return 0;
  return (Math.exp(-time / TAU_M) - Math.exp(-time / TAU_S)) / (TAU_M - TAU_S);
}

function sigmoid(z) {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

export function rate(voltage) {
  return MAXIMUM * sigmoid(STEEPNESS * (voltage - THRESHOLD));
}

// USPs (mV) of Gaussian draws of mean 0 and covariance 1.
export function uspsOf(draws) {
  return draws.map((row) => row.map((z, i) => RATES[i] + Math.sqrt(RATES[i] / C_EPS) * z));
}

function voltage(weights, usps) {
  return weights[0] * usps[0] + weights[1] * usps[1];
}

// Divergence of the teacher's spikes from the neuron's, in nats per second.
export function cost(usps, target, weights) {
  let sum = 0;
  for (const row of usps) {
    const [wanted, own] = [rate(voltage(target, row)), rate(voltage(weights, row))];
    sum += wanted * Math.log(wanted / own) - wanted + own;
  }
  return sum / usps.length;
}

// Its differential in somatic weights.
export function differential(usps, target, weights) {
  const slope = [0, 0];
  for (const row of usps) {
    const V = voltage(weights, row);
    const log = STEEPNESS * sigmoid(STEEPNESS * (THRESHOLD - V));
    const factor = ((rate(V) - rate(voltage(target, row))) * log) / usps.length;
    slope[0] += factor * row[0];
    slope[1] += factor * row[1];
  }
  return slope;
}

export function meanRate(usps, weights) {
  return usps.reduce((sum, row) => sum + rate(voltage(weights, row)), 0) / usps.length;
}

// E[h], E[h'] and E[h''] of the information h = phi'^2/phi of a Gaussian voltage.
export function moments(mean, variance) {
  const sd = Math.sqrt(variance);
  const step = Math.min(0.5, 0.375 / STEEPNESS / (sd > 0 ? sd : 1));
  const last = Math.ceil(REACH / step);
  const total = [0, 0, 0];
  let weight = 0;
  for (let k = -last; k <= last; k += 1) {
    const u = k * step;
    const w = Math.exp((-u * u) / 2);
    const s = sigmoid(STEEPNESS * (mean + sd * u - THRESHOLD));
    const rest = 1 - s;
    const h = MAXIMUM * STEEPNESS ** 2 * s * rest ** 2;
    const bend = 1 - 3 * s;
    total[0] += w * h;
    total[1] += w * STEEPNESS * h * bend;
    total[2] += w * STEEPNESS ** 2 * h * (bend ** 2 - 3 * s * rest);
    weight += w;
  }
  return total.map((value) => value / weight);
}

// Fisher's metric of somatic weights turns a covector into a vector: diagonal plus rank 2.
export function sharp(weights, covector) {
  const variances = RATES.map((r) => r / C_EPS);
  const mean = weights[0] * RATES[0] + weights[1] * RATES[1];
  const variance = weights[0] ** 2 * variances[0] + weights[1] ** 2 * variances[1];
  const q = C_EPS * (RATES[0] + RATES[1]);
  const [c1, c2, c3] = moments(mean, variance);
  const [k2, k3] = [c2 / c1, c3 / c1];
  const minor = k3 - k2 ** 2;
  const D = 1 + q + 2 * k2 * mean + k3 * variance + minor * (q * variance - mean ** 2);
  const g1 = -(1 + minor * variance) / D;
  const g2 = -(k2 - minor * mean) / D;
  const g4 = -(k3 + q * minor) / D;
  const a = C_EPS * (covector[0] + covector[1]);
  const b = weights[0] * covector[0] + weights[1] * covector[1];
  return covector.map(
    (p, i) => (p / variances[i] + (g1 * a + g2 * b) * C_EPS + (g2 * a + g4 * b) * weights[i]) / c1,
  );
}

// The velocity of the weights that learn (dendritic where the factors are not 1), per second.
export function velocity(rule, usps, target, factors, point) {
  const somatic = point.map((value, i) => value * factors[i]);
  const slope = differential(usps, target, somatic);
  if (rule === "Euclidean") return slope.map((value, i) => -SPEED[rule] * factors[i] * value);
  return sharp(somatic, slope).map((value, i) => (-SPEED[rule] * value) / factors[i]);
}

// Somatic weights at some times, of a neuron that learns in weights with these factors.
export function learn(rule, usps, target, factors, times, tolerance = 1e-10) {
  const start = START.map((value, i) => value / factors[i]);
  const path = integrate(
    (point) => velocity(rule, usps, target, factors, point), start, times, tolerance,
  );
  return path.map((point) => point.map((value, i) => value * factors[i]));
}
