// Draws that are the same in every browser, and on every visit.

// Uniform numbers in [0, 1), by the generator "mulberry32".
export function uniform(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// Standard normal numbers, by the method of Box and Muller.
export function normal(seed) {
  const next = uniform(seed);
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

// Rows of two numbers with mean 0 and covariance 1, exactly.
export function standardPairs(number, seed) {
  const next = normal(seed);
  const rows = Array.from({ length: number }, () => [next(), next()]);
  const mean = [0, 1].map((i) => rows.reduce((sum, row) => sum + row[i], 0) / number);
  const centred = rows.map((row) => row.map((value, i) => value - mean[i]));
  const of = (i, j) => centred.reduce((sum, row) => sum + row[i] * row[j], 0) / number;
  const a = Math.sqrt(of(0, 0));
  const b = of(0, 1) / a;
  const c = Math.sqrt(of(1, 1) - b * b);
  return centred.map(([x, y]) => [x / a, (y - (b * x) / a) / c]);
}
