// The wicked map: a hill of height exp(-x'Ax/2), and its map sheared by (x, y) -> (x + s y, y).
// Matrices are [[a, b], [c, d]]. `steepest.papers.surace2020.fig2` is the same in Python.

import { integrate } from "./flow.js";

export const HILL = [[1, 0.3], [0.3, 2]];

export function apply(matrix, [x, y]) {
  return [matrix[0][0] * x + matrix[0][1] * y, matrix[1][0] * x + matrix[1][1] * y];
}

export function height(form, [x, y]) {
  const square = form[0][0] * x * x + (form[0][1] + form[1][0]) * x * y + form[1][1] * y * y;
  return Math.exp(-square / 2);
}

// The differential of the height: a covector, the same hill's slope in the map of the form.
export function differential(form, point) {
  const h = height(form, point);
  return apply(form, point).map((value) => -h * value);
}

export function shearMatrix(shear) {
  return [[1, shear], [0, 1]];
}

// The hill's form on the sheared map, S^-1' A S^-1.
export function shearedForm(form, shear) {
  const [[a, b], [c, d]] = form;
  return [[a, b - shear * a], [c - shear * a, d - shear * (b + c) + shear * shear * a]];
}

// The metric in which the sheared map's steepest route is steepest on the true map: G = S'S.
export function metricOfShear(shear) {
  return [[1, shear], [shear, 1 + shear * shear]];
}

// The vector of steepest ascent, G^-1 dh.
export function ascent(form, metric, point) {
  const [p, q] = differential(form, point);
  const [[a, b], [c, d]] = metric;
  const determinant = a * d - b * c;
  return [(d * p - b * q) / determinant, (a * q - c * p) / determinant];
}

export function route(form, metric, start, times, tolerance = 1e-10) {
  return integrate((point) => ascent(form, metric, point), start, times, tolerance);
}

// The angle in degrees, 0 to 90, at which steepest ascent in a metric crosses the contour line of
// a map on which lengths are measured with a ruler; the map's shear is that of the map.
export function crossing(form, metric, point, shear = 0) {
  const drawn = apply(shearMatrix(shear), ascent(form, metric, point));
  const uphill = differential(shearedForm(form, shear), apply(shearMatrix(shear), point));
  const sine = (drawn[0] * uphill[0] + drawn[1] * uphill[1]) /
    (Math.hypot(...drawn) * Math.hypot(...uphill));
  return (Math.asin(Math.min(1, Math.max(-1, sine))) * 180) / Math.PI;
}

// Points of the contour line of a height, an ellipse: x'Ax = -2 ln height.
export function contour(form, level, number = 72) {
  const radius = Math.sqrt(-2 * Math.log(level));
  const [[a, b], [, d]] = form;
  // With the Cholesky factor A = L L', x = L'^-1 u runs around as u runs around the circle.
  const l = Math.sqrt(a);
  const m = b / l;
  const n = Math.sqrt(d - m * m);
  return Array.from({ length: number + 1 }, (_, k) => {
    const turn = (2 * Math.PI * k) / number;
    const y = (radius * Math.sin(turn)) / n;
    return [(radius * Math.cos(turn) - m * y) / l, y];
  });
}
