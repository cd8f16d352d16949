import { frame, handle, line, lines, number, plot, slider, within } from "./kit.js";
import {
  HILL, apply, contour, crossing, differential, metricOfShear, route, shearMatrix, shearedForm,
} from "./wicked_math.js";
import { geometricTimes } from "./flow.js";

const LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97];
const TIMES = geometricTimes(0.02, 60, 60);
const EUCLID = [[1, 0], [0, 1]];
const [X, Y] = [{ low: -2.2, high: 2.2, label: "east" }, { low: -1.6, high: 1.6, label: "north" }];

export const about = {
  title: "The wicked map",
  words: "Shear the map, or drag the start: both routes leave it uphill, each at right angles to " +
    "the contour lines of one of the maps. The hill has not changed and neither has its height; " +
    "only the ruler has, and with it the direction that is steepest.",
  source: "Surace et al. 2020, Fig 2; Fig 1 says it of any cost and metric.",
  command: "steepest reproduce surace2020.fig2",
};

export function mount(root, options = {}) {
  const view = frame(root, about, options);
  let shear = options.shear ?? 0.8;
  let start = options.start ?? [-0.8, 1.2];
  const sheared = (point) => apply(shearMatrix(shear), point);
  const unsheared = (point) => apply(shearMatrix(-shear), point);

  // The nearest start to the left or right that both maps show.
  function onBoth([x, y]) {
    const up = within(y, -1.5, 1.5);
    const east = within(within(x, -2.1, 2.1) + shear * up, -2.1, 2.1) - shear * up;
    return [east, up];
  }

  slider(view.controls, {
    label: "Shear of the wicked map", low: -1.5, high: 1.5, step: 0.01, value: shear,
    told: (value) => number(value, 2),
    change(value) {
      shear = value;
      draw();
    },
  });
  const key = [["line red", "steepest on the true map"], ["line blue dash", "steepest on the wicked map"]];
  const maps = ["The true map", "The wicked map"].map((title, k) => {
    const panel = plot(view.panels, { title, x: { ...X }, y: { ...Y }, ratio: 0.8, equal: true, grid: false, key }, draw);
    const parts = {
      panel,
      grid: panel.path("paper"),
      levels: panel.path("contour"),
      blue: panel.path("line blue dash"),
      red: panel.path("line red"),
      corner: panel.path("corner"),
      top: panel.path("dots top"),
    };
    parts.handle = handle(panel, {
      label: `Start of the walk, ${k ? "wicked" : "true"} map`, step: [0.05, 0.05],
      low: X.low, high: X.high,
      move(point) {
        start = k ? unsheared(point) : point;
        draw();
      },
    });
    return parts;
  });

  // A right angle where the route leaves a contour line on the map on which it is steepest.
  function corner(panel, form, point) {
    const [a, b] = panel.at(point);
    const [p, q] = differential(form, point);
    const [c, d] = panel.at([point[0] + p / 100, point[1] + q / 100]);
    const size = 22 / Math.hypot(c - a, d - b);
    const [ux, uy] = [(c - a) * size, (d - b) * size];
    if (!Number.isFinite(ux)) return "";
    return `M${a + ux},${b + uy}l${-uy},${ux}l${-ux},${-uy}`;
  }

  function draw() {
    if (maps.some(({ panel }) => !panel.width)) return;
    start = onBoth(start);
    const routes = [EUCLID, metricOfShear(shear)].map((metric) => route(HILL, metric, start, TIMES, 1e-6));
    maps.forEach((map, k) => {
      const put = k ? sheared : (point) => point;
      const form = k ? shearedForm(HILL, shear) : HILL;
      const { panel } = map;
      map.levels.setAttribute("d", lines(panel, LEVELS.map((level) => contour(form, level))));
      const far = [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6];
      map.grid.setAttribute("d", lines(panel, [
        ...far.map((x) => [put([x, -3]), put([x, 3])]), ...far.map((y) => [put([-9, y]), put([9, y])]),
      ]));
      map.top.setAttribute("d", `M${panel.at([0, 0])}h.01`);
      map.red.setAttribute("d", line(panel, routes[0].map(put)));
      map.blue.setAttribute("d", line(panel, routes[1].map(put)));
      map.corner.setAttribute("d", corner(panel, form, put(start)));
      map.corner.setAttribute("class", `corner ${k ? "blue" : "red"}`);
      map.handle.place(put(start), `${number(start[0], 2)} east, ${number(start[1], 2)} north`);
    });
    if (Math.hypot(...start) < 1e-6) {
      view.say("The start is the top of the hill: no way from there leads up, on either map.");
      return;
    }
    const angles = [
      crossing(HILL, metricOfShear(shear), start), crossing(HILL, EUCLID, start, shear),
    ];
    view.say(Math.abs(shear) < 0.005
      ? "Without shear the maps are one, and so are the routes: both leave at 90°."
      : "At the start red crosses the contour line of the true map at 90° and blue at " +
        `${number(angles[0], 0)}°; on the wicked map blue crosses at 90° and red at ${number(angles[1], 0)}°.`);
  }

  return view.section;
}
