"""An inferred connectivity as an answer."""

import numpy as np

from steepest._version import __version__
from steepest.inference.activity.connectivity import Connectivity
from steepest.inference.activity.picture import connectivity_picture
from steepest.markup import visible
from steepest.papers.galtier2013 import CITATION
from steepest.report.answer import Answer
from steepest.report.page import Page, Section
from steepest.report.words import capital

__all__ = ["connectivity_answer"]

_SHOWN = 200  # weights in the table; the CSV file has them all
_MEANING = (
    "These are the weights with which the recorded units, and no others, would play what was"
    " recorded.",
    "They describe the recording, not the anatomy: units that were not recorded, and directions"
    " that the activity never took, are not in them.",
)
_CAPTION = (
    "A: the weights, from each unit (columns) to each (rows); a cross marks weights not told from"
    " zero. B: the eigenvalues of C, the covariance of the activities; directions whose eigenvalue"
    " is small are hardly covered by the recording. C: the data (dashed), and what the network"
    " plays when it is set to the first row and left alone."
)
_UNITS = (
    "All units share C, so what a recording leaves open is the outgoing weights of units, and"
    " combinations of them. A flow that is explained well does not promise a replay that lasts: the"
    " fit is on the recorded path only."
)


def connectivity_answer(result: Connectivity, *, source: str) -> Answer:
    """The connectivity for terminal, JSON, page, and as a table of all weights (CSV).

    `source` is the file's name.

    >>> import numpy as np
    >>> from steepest.inference import infer_connectivity
    >>> time = np.linspace(0, 20, 200)
    >>> waves = np.column_stack([np.sin(time), np.cos(time)])
    >>> result = infer_connectivity(waves, time[1], names=["a", "b"], draws=40)
    >>> answer = connectivity_answer(result, source="activity.csv")
    >>> answer.page().statement, list(answer.others)
    ('4 of 4 weights differ from zero.', ['connectivity.csv'])
    """
    return Answer(
        name="connectivity",
        heading=source,
        content=result.to_dict(),
        table=lambda: "\n".join(map(visible, result.lines())),
        page=lambda: _page(result, source),
        draw=lambda: connectivity_picture(result),
        others={"connectivity.csv": result.csv},
    )


def _page(result: Connectivity, source: str) -> Page:
    clear, count = int(result.clear.sum()), result.weights.size
    shown = (len(result.replayed) - 1) * result.series.dt
    whole = result.follows >= shown * (1 - 1e-9)
    return Page(
        title=f"Connectivity of {source}",
        question="Which connectivity makes a network do what was recorded?",
        asked=(
            f"Asked of {source}: {len(result.series.names)} units, {len(result.series.values)}"
            f" rows, one every {result.series.dt:g}. The network is v' = -l v + W S(v), with"
            f" l = {result.decay:g} and S = {result.nonlinearity}."
        ),
        statement=f"{clear} of {count} weights differ from zero.",
        tone="bad" if result.caution else ("good" if whole else "open"),
        reason=(
            f"Left alone, the network follows the data for {result.follows:.4g} of {shown:.4g}"
            f" (a network that stays where it starts: {result.stays:.4g})."
        ),
        meaning=_MEANING,
        paper=[("Results", capital(result.sentence())), ("Methods", _methods(result))],
        notes=[("Beware:", f"{result.caution}.")] if result.caution else [],
        alt="The weights, the directions covered, and data against replay",
        caption=_CAPTION,
        sections=[_weights(result), _units(result), _numbers(result)],
        citations=[CITATION],
        seed=result.seed,
    )


def _methods(result: Connectivity) -> str:
    return (
        f"The connectivity W of a rate network v' = -l v + W S(v) (l = {result.decay:g}, S ="
        f" {result.nonlinearity}) was inferred with steepest {__version__} from"
        f" {len(result.series.values)} samples of {len(result.series.names)} units, one every"
        f" {result.series.dt:g}, as the W of least relative entropy between recording and network;"
        f" derivatives are {result.derivative} differences. The 95 % intervals are percentiles over"
        f" {result.draws} resamplings of {result.blocks} blocks of time, widened for the number of"
        f" blocks. Random seed {result.seed}."
    )


def _weights(result: Connectivity) -> Section:
    """The weights, the largest first."""
    names, scale = result.series.names, np.abs(result.weights).max()
    places = max(0, 3 - int(np.floor(np.log10(scale)))) if scale > 0 else 3
    order = np.argsort(-np.abs(result.weights), axis=None, kind="stable")[:_SHOWN]
    rows = []
    for i, j in zip(*np.unravel_index(order, result.weights.shape), strict=True):
        low, high = result.interval[:, i, j]
        rows.append(
            (
                names[j],
                names[i],
                f"{result.weights[i, j]:.{places}f}",
                f"{low:.{places}f} to {high:.{places}f}",
                "yes" if result.clear[i, j] else "not shown",
            )
        )
    hidden = result.weights.size - len(rows)
    return Section(
        "The weights, the largest first",
        ("From", "To", "Weight, 1/time", "95 % interval", "Differs from zero"),
        rows,
        numbers=(2, 3),
        note=f"{hidden} smaller weights are in connectivity.csv only." if hidden else "",
    )


def _units(result: Connectivity) -> Section:
    """Per unit: what W explains of its flow, how its replay correlates, and what is left open."""
    rows = zip(
        result.series.names,
        result.velocity_explained,
        result.correlation,
        result.minimum.undetermined,
        strict=True,
    )
    return Section(
        "The units",
        ("Unit", "Velocity explained", "Correlation of replay", "Outgoing weights left open"),
        [
            (
                name,
                f"{explained:.2%}",
                "-" if np.isnan(correlation) else f"{correlation:.3f}",
                f"{share:.1%}",
            )
            for name, explained, correlation, share in rows
        ],
        numbers=(1, 2, 3),
        note=_UNITS,
    )


def _numbers(result: Connectivity) -> Section:
    spectrum, n = result.minimum.spectrum, len(result.weights)
    rows = [
        (
            "derivative",
            f"{result.derivative} differences",
            f"roughness {result.roughness:.2f}; a smooth series has 2, a diffusion 1",
        ),
        (
            "step error",
            f"{result.step_error:.2g}",
            "largest change of a weight with another difference formula; weights below it"
            " are not told from zero (unless the series is a diffusion)",
        ),
        ("directions covered", f"{result.minimum.rank} of {n}", "of the activities S(v)"),
        (
            "eigenvalues of C",
            f"{spectrum[0]:.3g} to {spectrum[-1]:.3g}",
            f"condition {result.condition:.3g}",
        ),
        ("covered least", result.weakest, "weights along it are the least certain"),
        (
            "intervals",
            f"{result.draws} resamplings of {result.blocks} blocks of time",
            "95 %, percentiles, widened for the number of blocks",
        ),
    ]
    for name, value in (("ridge", result.minimum.ridge), ("cut", result.minimum.cut)):
        if value:
            rows.append((name, f"{value:g}", "as asked for, relative to the largest eigenvalue"))
    return Section("The numbers", ("Quantity", "Value", "How"), rows)
