"""Learning how to write the letter A (Fig 3): 400 neurons replay a movie they were shown

a: a movie of a pen writing the letter A (top), one neuron per pixel, and what the network plays by
itself after learning, primed with the first frame at the bottom left of the letter (bottom). b:
the connectivity at several times of learning under rule (4), and its eigenvalues: those that
matter are slightly fewer than the frames.

Two warnings that the paper does not give. The movie's exact minimum of relative entropy does not
replay it: a ridge, a cut of weak modes or early stopping must keep the weights small, and "until W
stabilises" is the wrong time to stop. And correlation with the frame that is due is a weak score,
since the mean image alone reaches .85: the frame that is decoded, and the correlation after the
mean is taken out, are given beside it, with both null baselines.
"""

import io
import json
from dataclasses import asdict, dataclass
from typing import Any

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.papers.galtier2013._letter import scores, write_a
from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.recurrent import Inputs, RateNetwork, fit_dual, relative_entropy, replay
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "animate", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The movie and the learning; S = tanh as in the paper."""

    frames: int = parameter(20, "frames of the movie")
    side: int = parameter(20, "pixels on a side: n = side^2 neurons")
    ramp: float = parameter(0.06, "width of the pen's switching on, in length of the stroke")
    decay: float = parameter(1.0, "l", "1/time")
    step: float = parameter(1.0, "time between frames", "time")
    ridge: float = parameter(1e-4, "ridge, relative to the largest eigenvalue")
    cut: float = parameter(1e-5, "cut of modes, relative to the largest eigenvalue")
    wide_ramp: float = parameter(0.25, "a softer pen, whose movie is played for longer")
    wide_step: float = parameter(0.5, "time between its frames", "time")
    times: tuple[float, ...] = parameter(
        (1e2, 1e3, 1e4, 1e5, 1e6, 1e7), "learning times shown", "time / eps"
    )
    noise: float = parameter(0.2, "sd of pixel noise on the priming frame")


QUICK = Parameters()
_MATTERS = 0.01
_SHOWN = (0, 3, 6, 9, 12, 15, 17, 19)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The movie, its replays, their scores, and the weights at the learning times."""
    p, random = parameters, np.random.default_rng(seed)
    network = RateNetwork(p.decay)
    movie = write_a(p.frames, p.side, p.ramp)
    inputs = Inputs.cycle(movie, dt=p.step, xi="forward")
    learned = fit_dual(inputs, network, ridge=p.ridge)
    cut = fit_dual(inputs, network, cut=p.cut)
    exact = fit_dual(inputs, network)
    cost = relative_entropy(inputs, network)
    # The mean over frames, as in `relative_entropy`; the paper's Eq 4 sums over the movie.
    descent = cost.flow(p.times)

    soft = write_a(p.frames, p.side, p.wide_ramp)
    soft_weights = fit_dual(
        Inputs.cycle(soft, dt=p.wide_step, xi="forward"), network, ridge=p.ridge
    )

    def play_soft(showings: int) -> np.ndarray:
        steps = showings * p.frames - 1
        return replay(network, soft_weights, soft[0], p.wide_step, steps)[-p.frames :]

    def play(weights, prime=movie[0], showings=1):
        return replay(network, weights, prime, p.step, showings * p.frames - 1)[-p.frames :]

    crude = (movie[0] > 0.5).astype(np.float64)
    noisy = movie[0] + p.noise * random.standard_normal(movie.shape[1])
    finished = movie[p.frames - round(0.2 * p.frames) - 1]
    replays = {
        "ridge": play(learned),
        "ridge, 5th showing": play(learned, showings=5),
        "ridge, crude prime": play(learned, crude),
        "ridge, noisy prime": play(learned, noisy),
        "cut": play(cut),
        "exact": play(exact),
        "null: mean image": np.repeat(movie.mean(axis=0)[None], p.frames, axis=0),
        "null: finished letter": np.repeat(finished[None], p.frames, axis=0),
    }
    eigenvalues, modes = learned.modes()
    shape = (p.frames, p.side, p.side)
    dataset = xr.Dataset(
        {
            "movie": (("frame", "y", "x"), movie.reshape(shape)),
            "replay": (("frame", "y", "x"), replays["ridge"].reshape(shape)),
            "replay_exact": (("frame", "y", "x"), replays["exact"].reshape(shape)),
            "score": (
                ("how", "measure"),
                np.array([scores(r, movie) for r in replays.values()]),
            ),
            "score_soft": (
                ("showing", "measure"),
                np.array([scores(play_soft(k), soft) for k in (1, 5)]),
            ),
            "score_in_time": (
                ("time", "measure"),
                np.array([scores(play(w), movie) for w in descent]),
            ),
            "weights": (("time", "post", "pre"), descent[: len(p.times)].astype(np.float32)),
            "eigenvalue_modulus": (("mode",), np.abs(eigenvalues)),
            "eigenvector": (
                ("shown", "y", "x"),
                np.abs(modes[:, :4]).T.reshape(4, p.side, p.side),
                {"long_name": "modulus"},
            ),
            "used": ((), cut.rank),
            "entropy": (("time",), [cost.value(w) for w in descent], {"units": "1/time^2"}),
        },
        coords={
            "how": list(replays),
            "measure": ["correlation", "index", "mean removed"],
            "showing": ("showing", np.array([1, 5])),
            "time": ("time", np.array(p.times), {"units": "time / eps"}),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a movie over replay, b weights in time, and eigenvalues, eigenvectors and scores."""
    figure = matplotlib.figure.Figure(figsize=(10, 8.8), layout="constrained")
    parts: Any = figure.subfigures(3, 1, height_ratios=(1.75, 1.5, 1.7))
    top, middle, bottom = parts
    shown = [k for k in _SHOWN if k < dataset.sizes["frame"]]
    for row, (name, label) in enumerate((("movie", "input"), ("replay", "replay"))):
        for place, frame in enumerate(shown):
            axes = top.add_subplot(2, len(shown), row * len(shown) + place + 1)
            axes.imshow(dataset[name][frame], cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            if place == 0:
                axes.set_ylabel(label, fontsize=10)
            if row == 0:
                axes.set_title(f"frame {frame}", fontsize=8)
    top.suptitle(
        "a   The movie, and what the network plays by itself", fontsize=10, x=0.01, ha="left"
    )
    times = [k for k in range(dataset.sizes["time"]) if k != 5]
    order = _in_order_of_the_pen(dataset["movie"].values)
    panels = middle.subplots(1, len(times))
    for axes, k in zip(panels, times, strict=True):
        weights = dataset["weights"][k].values[np.ix_(order, order)]
        scale = float(np.quantile(np.abs(weights), 0.99))
        axes.imshow(weights, cmap="RdBu_r", vmin=-scale, vmax=scale, interpolation="nearest")
        time = float(dataset["time"][k])
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"time 10$^{{{np.log10(time):.0f}}}$\n±{scale:.2g}", fontsize=8)
    middle.suptitle(
        "b   Connectivity during learning, neurons in the order in which the pen reaches them"
        " (the others left out; each to its own scale)",
        fontsize=10,
        x=0.01,
        ha="left",
    )
    panels[0].set(xlabel="from", ylabel="to")
    left, right, last = bottom.subplots(1, 3, width_ratios=(1, 0.85, 1.25))
    modulus = dataset["eigenvalue_modulus"].values
    left.semilogy(np.arange(1, len(modulus) + 1), modulus, "o", ms=4, color=INK)
    left.axhline(_MATTERS * modulus[0], color="0.6", lw=0.8, ls=":")
    left.text(1, _MATTERS * modulus[0] / 2, "1 % of the largest", fontsize=7, color="0.4", va="top")
    left.set(xlabel="mode", ylabel="|eigenvalue| of W", xticks=range(0, len(modulus) + 1, 5))
    letter(left, "c", "eigenvalues")
    first, second, third, fourth = dataset["eigenvector"].values
    right.imshow(np.block([[first, second], [third, fourth]]), cmap="viridis")
    side = len(first)
    right.axhline(side - 0.5, color="white", lw=0.8)
    right.axvline(side - 0.5, color="white", lw=0.8)
    right.set(xticks=[], yticks=[])
    letter(right, "d", "four eigenvectors (modulus)")
    styles = (("correlation", "o-"), ("index", "s--"), ("mean removed", "^:"))
    for (measure, style), colour in zip(styles, LINE_COLOURS, strict=False):
        last.semilogx(
            dataset["time"],
            dataset["score_in_time"].sel(measure=measure),
            style,
            ms=4,
            color=colour,
            label=measure,
        )
    last.axhline(
        float(dataset["score"].sel(how="null: mean image", measure="correlation")),
        color="0.6",
        lw=0.8,
        label="mean image alone (correlation)",
    )
    letter(last, "e", "replay against learning time")
    last.set(xlabel="learning time, 1 / eps", ylabel="score", ylim=(-0.05, 1.05))
    last.legend(frameon=False, fontsize=7, loc="lower left")
    bare(left, last)
    return figure


def _in_order_of_the_pen(movie: np.ndarray) -> np.ndarray:
    """The pixels that get ink, by the frame in which they have half of it, then from bottom up."""
    ink = movie.reshape(len(movie), -1)
    most = ink.max(axis=0)
    reached = np.argmax(ink >= most / 2, axis=0)
    height = -np.arange(ink.shape[1])
    order = np.lexsort((height, reached))
    return order[most[order] > 0.2]


def animate(dataset: xr.Dataset) -> bytes:
    """The movie (left) and the replay (right) side by side, as an animated GIF."""
    from PIL import Image

    pages = np.concatenate(
        [
            dataset["movie"].values,
            np.full((*dataset["movie"].shape[:2], 1), 0.3),
            dataset["replay"].values,
        ],
        axis=2,
    )
    frames = [
        Image.fromarray((255 * (1 - np.clip(page, 0, 1))).astype(np.uint8)).resize(
            (8 * page.shape[1], 8 * page.shape[0]), Image.Resampling.NEAREST
        )
        for page in pages
    ]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, format="GIF", save_all=True, append_images=frames[1:], duration=150, loop=0
    )
    return buffer.getvalue()


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The replay with its null baselines, what fails, and the modes of the connectivity."""
    paper = dataset.attrs["parameters"] == json.dumps(asdict(Parameters()))
    score = dataset["score"]

    frames = dataset.sizes["frame"]

    def values(how: str) -> tuple[float, ...]:
        return tuple(float(x) for x in score.sel(how=how))

    modulus = dataset["eigenvalue_modulus"].values
    matter = int(np.sum(modulus > _MATTERS * modulus[0]))
    in_time = dataset["score_in_time"].sel(measure="index")
    early, late = float(in_time.sel(time=1e4)), float(in_time[-1])
    return [
        Claim.close(
            "The replay writes the letter: correlation with the frame due, share of frames"
            " decoded within one, correlation with the mean removed (to .01)",
            (0.99, 1.0, 0.97),
            values("ridge"),
            0.01,
            tested=paper,
        ),
        Claim.close(
            "Null baseline, the mean image all the time: its correlation is high too (to .01)",
            0.85,
            values("null: mean image")[0],
            0.01,
            tested=paper,
        ),
        Claim.close(
            "Null baseline, the finished letter all the time (to .02: it depends on the drawing)",
            0.74,
            values("null: finished letter")[0],
            0.02,
            tested=paper,
        ),
        Claim.close(
            "A softer pen, shown in smaller steps, is replayed better: the three scores (to .01)",
            (0.997, 1.0, 0.989),
            dataset["score_soft"].sel(showing=1).values,
            0.01,
            tested=paper,
        ),
        Claim.close(
            "and still in the fifth showing in a row (correlation, to .03)",
            0.967,
            dataset["score_soft"].sel(showing=5, measure="correlation"),
            0.03,
            tested=paper,
        ),
        Claim.above(
            "A crude binary image and a noisy one prime the network as well"
            " (share decoded within one)",
            (values("ridge, crude prime")[1], values("ridge, noisy prime")[1]),
            0.95,
            inclusive=True,
            tested=paper,
        ),
        Claim.above(
            f"A cut of the weak modes, {int(dataset['used'])} of {frames} kept,"
            " serves as well as a ridge (scores)",
            values("cut")[0],
            0.98,
            tested=paper,
        ).showing("correlation", *values("cut")),
        Claim.below(
            "Corrected: the exact minimum (ridge 0) does not replay the movie",
            values("exact")[1],
            0.5,
            tested=paper,
        ).showing("index", *values("exact")),
        # Two limits, one on each number.
        Claim(
            statement='Corrected: "until W stabilises" is too late. Share decoded within one at'
            " learning time 1e4, and at the last one",
            expected="1, then below .6",
            measured=(early, late),
            holds=early > 0.99 and late < 0.6 if paper else None,
        ),
        Claim.close(
            "The relevant eigenvalues (above 1 % of the largest) are slightly fewer than"
            " the frames",
            frames - 3,
            matter,
            2,
        ),
        Claim.below(
            "Relative entropy falls all along learning",
            float(np.diff(dataset["entropy"]).max()),
            0,
        ),
    ]
