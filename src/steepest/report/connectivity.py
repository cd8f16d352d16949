"""An inferred connectivity as one self-contained HTML page."""

import numpy as np

from steepest._version import __version__
from steepest.inference.activity.connectivity import Connectivity
from steepest.papers.galtier2013 import CITATION as METHOD
from steepest.report import page

__all__ = ["connectivity_page"]

_SHOWN = 200  # weights in the table; the CSV file has them all


def connectivity_page(result: Connectivity, *, source: str, picture: bytes, command: str) -> str:
    """The connectivity as one HTML page; `source` is the file's name, `picture` its plot as PNG.

    `command` is the command line that repeats it.
    """
    clear, count = int(result.clear.sum()), result.weights.size
    shown = (len(result.replayed) - 1) * result.series.dt
    whole = result.follows >= shown * (1 - 1e-9)
    playing = (
        f"Left alone, the network follows the data for {result.follows:.4g} of {shown:.4g}"
        f" (a network that stays where it starts: {result.stays:.4g})."
    )
    return page.render(
        "connectivity.html",
        source=source,
        question=(
            f"Asked of {source}: {len(result.series.names)} units, {len(result.series.values)}"
            f" rows, one every {result.series.dt:g}. The network is v' = -l v + W S(v), with"
            f" l = {result.decay:g} and S = {result.nonlinearity}."
        ),
        sentence=f"{clear} of {count} weights differ from zero.",
        tone="bad" if result.caution else ("good" if whole else "open"),
        playing=playing,
        caution=result.caution,
        picture=picture,
        weights=_weights(result),
        hidden=max(0, count - _SHOWN),
        units=_units(result),
        numbers=_numbers(result),
        command=command,
        citations=[METHOD, page.SOFTWARE],
        version=__version__,
        seed=result.seed,
    )


def _weights(result: Connectivity) -> list[dict[str, object]]:
    """Rows of the table of weights, the largest first."""
    names, scale = result.series.names, np.abs(result.weights).max()
    places = max(0, 3 - int(np.floor(np.log10(scale)))) if scale > 0 else 3
    order = np.argsort(-np.abs(result.weights), axis=None, kind="stable")[:_SHOWN]
    rows = []
    for i, j in zip(*np.unravel_index(order, result.weights.shape), strict=True):
        low, high = result.interval[:, i, j]
        rows.append(
            {
                "to": names[i],
                "from": names[j],
                "weight": f"{result.weights[i, j]:.{places}f}",
                "interval": f"{low:.{places}f} to {high:.{places}f}",
                "clear": bool(result.clear[i, j]),
            }
        )
    return rows


def _units(result: Connectivity) -> list[dict[str, str]]:
    """Per unit: what W explains of its flow, how its replay correlates, and what is left open."""
    rows = zip(
        result.series.names,
        result.explained,
        result.correlation,
        result.minimum.undetermined,
        strict=True,
    )
    return [
        {
            "name": name,
            "explained": f"{explained:.2%}",
            "correlation": "-" if np.isnan(correlation) else f"{correlation:.3f}",
            "open": f"{share:.1%}",
        }
        for name, explained, correlation, share in rows
    ]


def _numbers(result: Connectivity) -> list[tuple[str, str, str]]:
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
    return rows
