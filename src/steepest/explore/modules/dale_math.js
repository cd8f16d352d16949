// Weights under mirror descent in the power family of potentials, of geometry index a <= 1.
// `steepest.geometry.Power` and `steepest.descent.mirror_step` are the same in Python.

// The dual of a weight of some sign; at an index of 1 its logarithm, with the sign.
export function toDual(index, weight, sign) {
  const size = Math.abs(weight);
  if (index === 1) return sign * Math.log(size);
  return (Math.sign(weight) * size ** (1 - index)) / (1 - index);
}

// The weight of a dual. Below an index of 1 its sign is that of the dual, whatever it was before.
export function toPrimal(index, dual, sign) {
  if (index === 1) return sign * Math.exp(sign * dual);
  return Math.sign(dual) * ((1 - index) * Math.abs(dual)) ** (1 / (1 - index));
}

// One step of mirror descent: the dual moves against the covector.
export function mirrorStep(index, weight, sign, covector, rate) {
  return toPrimal(index, toDual(index, weight, sign) - rate * covector, sign);
}

export function meanAndSd(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return [mean, Math.sqrt(variance)];
}

// Third central moment over the cube of the standard deviation.
export function skewness(values) {
  const [mean, sd] = meanAndSd(values);
  return values.reduce((sum, value) => sum + ((value - mean) / sd) ** 3, 0) / values.length;
}

export function normalDensity(value, mean, sd) {
  return Math.exp(-(((value - mean) / sd) ** 2) / 2) / (sd * Math.sqrt(2 * Math.PI));
}

// The density of values in classes of equal width, as [left, right, density].
export function histogram(values, low, high, classes) {
  const width = (high - low) / classes;
  const counts = new Array(classes).fill(0);
  for (const value of values) {
    const at = Math.floor((value - low) / width);
    if (at >= 0 && at < classes) counts[at] += 1;
  }
  return counts.map((count, k) => [
    low + k * width, low + (k + 1) * width, count / (values.length * width),
  ]);
}
