// The divergence from N(4, 2) to N(mu, sigma), and five metrics on (mu, sigma), all diagonal.
// `steepest.models.GaussianModel` is the same in Python.

import { integrate } from "./flow.js";

export const TARGET = [4, 2];

export function cost([mu, sigma]) {
  const [mean, sd] = TARGET;
  return Math.log(sigma / sd) + (sd ** 2 + (mu - mean) ** 2) / (2 * sigma ** 2) - 0.5;
}

export function differential([mu, sigma]) {
  const [mean, sd] = TARGET;
  return [(mu - mean) / sigma ** 2, 1 / sigma - (sd ** 2 + (mu - mean) ** 2) / sigma ** 3];
}

// The diagonal of each metric's matrix at a sigma.
export const METRICS = {
  "Euclidean in sigma": () => [1, 1],
  "Euclidean in variance": (sigma) => [1, 4 * sigma ** 2],
  "Euclidean in precision": (sigma) => [1, 4 / sigma ** 6],
  "Fisher": (sigma) => [1 / sigma ** 2, 2 / sigma ** 2],
  "Wasserstein": () => [1, 1],
};

// The vector of steepest descent, -G^-1 dC.
export function descent(name, point) {
  const [p, q] = differential(point);
  const [a, b] = METRICS[name](point[1]);
  return [-p / a, -q / b];
}

export function flow(name, start, times, tolerance = 1e-10) {
  return integrate((point) => descent(name, point), start, times, tolerance);
}
