"""Who trained this checkpoint? The list of decisions, tried on networks of known trainers

Small networks learn handwritten digits by many trainers: from their start at one rate, with warm-up
and cosine, three times as long, or fine-tuned after pretraining, at three rates each. Their two
checkpoints are judged as `steepest infer-layers` does. From every second training come pairs that
are not before and after one another: with another network, with the units in another order, pruned,
rewound with the mask of a lottery ticket, with noise; and files given in the wrong order, and
networks that were rewound to the middle and trained again, without a mask.

A: what each trainer was called, in shares of its networks. B: what became of the pairs that are not
before and after. C: the index of every training, weight decay taken out.

Thresholds were set on other networks, rates on seeds 0 and 1; a rate at which a step would end at
infinity is halved. All that is claimed and drawn is of odd seeds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.errors import UsageError
from steepest.inference.networks.marks import Marks
from steepest.inference.networks.trainer import name_trainer
from steepest.papers.ours._trainer_claims import ANSWERS, answer_of, claims, confusion, fates
from steepest.papers.ours._trainer_pairs import marks_of_pair, pairs
from steepest.papers.ours._trainers import GEOMETRY_OF, TRAINERS, condition_of, courses
from steepest.pictures import GEOMETRY_COLOURS, INK, OUTCOME_COLOURS, bare, letter
from steepest.progress import track
from steepest.study import parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "dataset_of", "plot", "run"]

_MARKS = [field.name for field in fields(Marks)]


@dataclass(frozen=True)
class Parameters:
    """Networks, trainers, and how long they train."""

    architectures: tuple[str, ...] = parameter(("mlp", "cnn"), "architectures: mlp, cnn")
    trainers: tuple[str, ...] = parameter(tuple(TRAINERS), "trainers")
    seeds: int = parameter(24, "networks of each architecture and trainer")
    width: int = parameter(128, "units of the widest layer (eight times a CNN's first channels)")
    steps: int = parameter(150, "steps of batches of 32; long: 3 times, fine-tuned: .4 times")
    images: int = parameter(800, "digits to learn")


QUICK = Parameters(
    architectures=("mlp",),
    trainers=("SGD", "Adam", "AdamW, strong", "Lion", "EG", "3-norm"),
    seeds=4,
    width=64,
    steps=80,
    images=400,
)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """One row per pair of checkpoints: its truth, what it was called, and its marks."""
    unknown = [name for name in parameters.trainers if name not in TRAINERS]
    if unknown:
        raise UsageError(f"trainer {unknown[0]!r} is not known: choose among {', '.join(TRAINERS)}")
    cells = [(a, seed + s) for s in range(parameters.seeds) for a in parameters.architectures]
    rows = []
    for architecture, at in track(cells, "Networks"):
        for course in courses(
            architecture, parameters.trainers, at,
            width=parameters.width, steps=parameters.steps, images=parameters.images,
        ):  # fmt: skip
            for kind, before, after in pairs(course, at):
                marks = marks_of_pair(before, after)
                rows.append((architecture, at, course.trainer, kind, course.accuracy, marks))
    return stamp(dataset_of(rows), parameters, seed)


def dataset_of(rows: Iterable[tuple[str, int, str, str, float, dict[str, Marks]]]) -> xr.Dataset:
    """The table of pairs: architecture, seed, trainer, kind, accuracy and marks of each, judged."""
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("architecture", "seed", "condition", "trainer", "kind", "accuracy", "outcome",
                     "name", "geometry")
    }  # fmt: skip
    marks = []
    for architecture, seed, trainer, kind, accuracy, layers in rows:
        verdict = name_trainer(layers)
        called = verdict.name if verdict.outcome == "named" else ""
        told = (architecture, seed, condition_of(seed), trainer, kind, accuracy, verdict.outcome,
                verdict.name, GEOMETRY_OF.get(called, ""))  # fmt: skip
        for column, value in zip(columns.values(), told, strict=True):
            column.append(value)
        marks.append([verdict.marks.get(mark, np.nan) for mark in _MARKS])
    return xr.Dataset(
        {name: ("pair", values) for name, values in columns.items()}
        | {"marks": (("pair", "mark"), np.array(marks, float))},
        coords={"mark": _MARKS},
    )


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: confusion matrix; B: what became of pairs that are none; C: index by trainer."""
    trainers, shares, counts = confusion(dataset)
    figure = matplotlib.figure.Figure(
        figsize=(14, 2.6 + 0.32 * len(trainers)), layout="constrained"
    )
    matrix, kinds, index = figure.subplots(1, 3, width_ratios=[1.5, 1, 0.9])
    matrix.imshow(shares, cmap="Greys", vmin=0, vmax=1.2, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        if share:
            shade = "white" if share > 0.6 else INK
            right = answer_of(TRAINERS[trainers[row]].name) == ANSWERS[column]
            matrix.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8,
                        color=shade, fontweight="bold" if right else "normal")  # fmt: skip
    matrix.set_xticks(range(len(ANSWERS)), list(ANSWERS), rotation=45, ha="right", fontsize=8)
    labels = [f"{name} ({count})" for name, count in zip(trainers, counts, strict=True)]
    matrix.set_yticks(range(len(trainers)), labels, fontsize=8)
    letter(matrix, "A", "Called (%, right in bold), by trainer")
    table = fates(dataset)
    bottom = np.zeros(len(table))
    colours = {"refused": "right", "none": "none", "named": "wrong"}
    for outcome, fate in colours.items():
        share = np.array([row[outcome] / max(sum(row.values()), 1) for row in table.values()])
        kinds.barh(
            range(len(table)), share, left=bottom, color=OUTCOME_COLOURS[fate], label=outcome
        )
        bottom += share
    kinds.set_yticks(range(len(table)), [f"{k} ({sum(r.values())})" for k, r in table.items()],
                     fontsize=8)  # fmt: skip
    kinds.invert_yaxis()
    kinds.set(xlim=(0, 1), xlabel="share of pairs")
    kinds.legend(frameon=False, fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1.04))
    letter(kinds, "B")
    trained = dataset.isel(pair=np.flatnonzero(_held_out(dataset)))
    for row, name in enumerate(trainers):
        here = trained.isel(pair=np.flatnonzero(trained["trainer"].values == name))
        values = here["marks"].sel(mark="index_corrected").values
        geometry = {"additive": "euclidean"}.get(GEOMETRY_OF.get(TRAINERS[name].name, ""), "")
        colour = GEOMETRY_COLOURS.get(geometry or GEOMETRY_OF.get(TRAINERS[name].name, ""), INK)
        index.plot(np.clip(values, -2, 2), np.full(len(values), row), "o", color=colour, ms=4,
                   alpha=0.6)  # fmt: skip
    index.set_yticks(range(len(trainers)), [])
    index.set(ylim=(len(trainers) - 0.5, -0.5), xlim=(-2.1, 2.1), xlabel="index without decay")
    letter(index, "C", "Index, by trainer")
    bare(kinds, index)
    return figure


def _held_out(dataset: xr.Dataset) -> np.ndarray:
    return (dataset["kind"].values == "trained") & (dataset["seed"].values % 2 == 1)
