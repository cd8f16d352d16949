// Contour lines of a function on a rectangle, by marching squares: for each level a list of
// segments [[x, y], [x, y]].

export function contours(of, [x0, x1], [y0, y1], levels, number = 60) {
  const xs = Array.from({ length: number + 1 }, (_, k) => x0 + ((x1 - x0) * k) / number);
  const ys = Array.from({ length: number + 1 }, (_, k) => y0 + ((y1 - y0) * k) / number);
  const values = ys.map((y) => xs.map((x) => of([x, y])));
  return levels.map((level) => {
    const segments = [];
    for (let j = 0; j < number; j += 1) {
      for (let i = 0; i < number; i += 1) {
        const corners = [
          [xs[i], ys[j], values[j][i]], [xs[i + 1], ys[j], values[j][i + 1]],
          [xs[i + 1], ys[j + 1], values[j + 1][i + 1]], [xs[i], ys[j + 1], values[j + 1][i]],
        ];
        const crossed = [];
        for (let k = 0; k < 4; k += 1) {
          const [a, b] = [corners[k], corners[(k + 1) % 4]];
          if (a[2] < level !== b[2] < level) {
            const share = (level - a[2]) / (b[2] - a[2]);
            crossed.push([a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])]);
          }
        }
        for (let k = 0; k + 1 < crossed.length; k += 2) {
          segments.push([crossed[k], crossed[k + 1]]);
        }
      }
    }
    return segments;
  });
}
