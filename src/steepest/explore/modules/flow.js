// Flows dy/dt = field(y): Dormand and Prince's fifth order with steps chosen by the error.

const STAGES = [
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
// Weights of the fifth order less those of the fourth.
const ERROR = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];
const MOST_STEPS = 20000;

// Points of the flow at rising times, the first of which is that of the start. Where it cannot be
// followed (it leaves the domain of the field) the last point that was reached is repeated.
export function integrate(field, start, times, tolerance = 1e-10) {
  const points = [start.slice()];
  let y = start.slice();
  let slope = field(y);
  let step = (times[times.length - 1] - times[0]) / 1000;
  let time = times[0];
  let left = MOST_STEPS;
  for (const target of times.slice(1)) {
    while (time < target && left > 0) {
      left -= 1;
      const last = time + step >= target;
      const h = last ? target - time : step;
      const slopes = [slope];
      let next = y;
      for (const weights of STAGES) {
        next = y.map((value, i) => {
          let sum = 0;
          for (let k = 0; k < weights.length; k += 1) sum += weights[k] * slopes[k][i];
          return value + h * sum;
        });
        slopes.push(field(next));
      }
      let squares = 0;
      for (let i = 0; i < y.length; i += 1) {
        let sum = 0;
        for (let k = 0; k < 7; k += 1) sum += ERROR[k] * slopes[k][i];
        const size = Math.max(Math.abs(y[i]), Math.abs(next[i]));
        squares += ((h * sum) / (tolerance * (1 + size))) ** 2;
      }
      const error = Math.sqrt(squares / y.length);
      if (!(error <= 1)) {
        step = h * (Number.isFinite(error) ? Math.max(0.2, 0.9 * error ** -0.2) : 0.2);
        continue;
      }
      y = next;
      slope = slopes[6];
      time = last ? target : time + h;
      const grown = h * Math.min(5, error > 0 ? 0.9 * error ** -0.2 : 5);
      step = last ? Math.max(step, grown) : grown;
    }
    points.push(y.slice());
  }
  return points;
}

// From 0 and then as a geometric series to the end, so that a flow is drawn well where it is fast.
export function geometricTimes(first, last, number) {
  const times = [0];
  for (let k = 0; k < number; k += 1) times.push(first * (last / first) ** (k / (number - 1)));
  return times;
}
