"""Which geometry trained this network? From its weights before and after, layer by layer."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from steepest.arrays.given import same_axes, same_labels
from steepest.data.checkpoints import match_checkpoints
from steepest.data.parameter_names import align_names
from steepest.data.stored import StoredWeights
from steepest.errors import DataError
from steepest.files import plain
from steepest.inference.networks.independence import Panel, independence_interval
from steepest.inference.networks.layer_pair import LayerPair
from steepest.inference.networks.marks import Marks, marks_of
from steepest.inference.networks.trainer import Trainer, name_trainer
from steepest.inference.synapses.deltacdf import delta_cdf, delta_cdf_floor
from steepest.inference.synapses.geometries import GEOMETRIES, nearest
from steepest.inference.synapses.likelihood import ExactLikelihood, fit_likelihood
from steepest.inference.synapses.log_root import root_of
from steepest.inference.synapses.noise import Noise
from steepest.inference.synapses.pair_rules import decide
from steepest.inference.synapses.sizes import weights_of
from steepest.markup import brief, fragment, table, visible
from steepest.progress import progress_bar

if TYPE_CHECKING:
    import matplotlib.figure

__all__ = ["LayerFit", "LayersVerdict", "infer_layers"]

_FEWEST_UNITS = 4
_FEWEST_WEIGHTS = 64
_POOLED = 200_000
_NEAR = 0.25  # of an index to that of a geometry: beyond, the layer lies near none

Status = Literal["fitted", "frozen", "left out"]


@dataclass(frozen=True)
class LayerFit:
    """One array of weights: what was found, or why it was left out.

    `index` is the two-way independence estimate with its bootstrap `interval`, and `corrected`
    that with weight decay taken out; `nearest` the named geometry nearest to the latter ("none"
    beyond .25), `verdict` that name if `decide` dares to give it, else a sentence.
    Beside it the pooled estimators, which ignore that weights share units: `logroot`, `likelihood`
    and `delta_cdf` (uncentred, one per named geometry) with its noise floor.

    >>> LayerFit("bias", (10,), 10, "left out", reason="one axis").to_dict()["status"]
    'left out'
    """

    name: str
    shape: tuple[int, ...]
    weights: int
    status: Status
    reason: str = ""
    changed: int = 0
    moved_signs: int = 0
    zeros: int = 0
    index: float = math.nan
    interval: tuple[float, float] = (math.nan, math.nan)
    corrected: float = math.nan
    nearest: str = ""
    outcome: str = ""
    verdict: str = ""
    logroot: float = math.nan
    likelihood: float = math.nan
    delta_cdf: dict[str, float] = field(default_factory=dict)
    delta_cdf_floor: float = math.nan
    marks: Marks | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fit as plain JSON values; a number that does not exist is None."""
        marks = None if self.marks is None else vars(self.marks)
        return plain(vars(self) | {"marks": marks})


@dataclass(frozen=True, repr=False)
class LayersVerdict:
    """All arrays of two checkpoints, in order, what the fitted ones agree on, and their trainer.

    `notes` say what was done to the names and arrays of the files before they were compared.

    >>> LayersVerdict((), seed=0).verdict
    'No layer can be used.'
    """

    layers: tuple[LayerFit, ...]
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def fitted(self) -> tuple[LayerFit, ...]:
        """The layers that an index was found for."""
        return tuple(layer for layer in self.layers if layer.status == "fitted")

    @cached_property
    def trainer(self) -> Trainer:
        """Who trained the network, by the marks of all fitted layers."""
        return name_trainer({x.name: x.marks for x in self.fitted if x.marks is not None})

    @property
    def verdict(self) -> str:
        """One sentence: what the layers say together."""
        names = sorted({layer.nearest for layer in self.fitted})
        if not names:
            return "No layer can be used."
        if self.trainer.outcome == "refused":
            return self.trainer.sentence
        middle = float(np.median([layer.corrected for layer in self.fitted]))
        if names == ["none"]:
            count = len(self.fitted)
            return f"None of the {count} layers lies near a named geometry (median {middle:.2f})."
        if len(names) == 1:
            return f"All {len(self.fitted)} layers lie nearest to {names[0]} (median {middle:.2f})."
        counts = ", ".join(f"{n} {sum(x.nearest == n for x in self.fitted)}" for n in names)
        return f"The layers differ: {counts} (median index {middle:.2f})."

    def sentence(self) -> str:
        """The verdict as a sentence of a paper: near which geometries the layers lay."""
        counts = Counter(layer.nearest for layer in self.fitted)
        if not counts or self.trainer.outcome == "refused":
            return self.verdict
        said = [
            f"{number} lay near none of the named geometries"
            if name == "none"
            else f"{number} lay nearest to the {name} geometry"
            for name, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ]
        middle = float(np.median([layer.corrected for layer in self.fitted]))
        together = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
        return (
            f"Of {len(self.fitted)} layers of the network, {together} (median geometry index"
            f" {middle:.2f})."
        )

    def __str__(self) -> str:
        left_out = len(self.layers) - len(self.fitted)
        lines = [self.verdict, *(f"  {said}" for said in map(_said, self.fitted))]
        if self.fitted and self.trainer.outcome != "refused":
            lines.insert(1, self.trainer.sentence)
        lines += [f"  {left_out} arrays frozen or left out"] if left_out else []
        return "\n".join(map(visible, lines))

    def __repr__(self) -> str:
        return brief(str(self))

    def to_dataset(self) -> "xarray.Dataset":
        """Index and interval of every array by name, NaN where it was not fitted."""
        import xarray as xr

        columns = {
            "index": [layer.index for layer in self.layers],
            "interval_low": [layer.interval[0] for layer in self.layers],
            "interval_high": [layer.interval[1] for layer in self.layers],
            "weights": [layer.weights for layer in self.layers],
            "status": [layer.status for layer in self.layers],
            "verdict": [layer.verdict for layer in self.layers],
        }
        return xr.Dataset(
            {name: ("layer", values) for name, values in columns.items()},
            coords={"layer": [layer.name for layer in self.layers]},
            attrs={"verdict": self.verdict, "seed": self.seed},
        )

    def _repr_html_(self) -> str:
        rows = [
            (layer.name, layer.weights, layer.status, f"{layer.index:.2f}", layer.nearest)
            for layer in self.layers
        ]
        return fragment(
            self.verdict, [], [table(("layer", "weights", "status", "index", "nearest"), rows)]
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "verdict": self.verdict,
            "trainer": self.trainer.to_dict(),
            "layers": [layer.to_dict() for layer in self.layers],
            "notes": list(self.notes),
            "seed": self.seed,
        }

    def plot(self) -> "matplotlib.figure.Figure":
        """Draw the index of every fitted layer beside the named geometries."""
        from steepest.inference.networks.picture import draw_layers

        return draw_layers(self)


def _said(layer: LayerFit) -> str:
    low, high = layer.interval
    said = f"{layer.name}: index {layer.index:.2f} (95 % {low:.2f} to {high:.2f})"
    if abs(layer.corrected - layer.index) >= 0.005:  # what names is not what was printed first
        said += f", {layer.corrected:.2f} with the shrinking taken out"
    return f"{said}, {layer.nearest}"


def infer_layers(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    draws: int = 200,
    seed: int = 0,
) -> LayersVerdict:
    """In which geometry did each layer of a network learn, judging from two checkpoints?

    `before` and `after` map names to weights, arrays of at least two axes, the first of which is
    the postsynaptic unit (as torch has it). Those of `open_checkpoint` are read layer by layer, and
    no more than one is in memory; of a layer of more than a million weights, evenly spaced rows and
    columns stand for all. Biases and the like (one axis)
    are left out, layers that did not change are reported as frozen, and weights that crossed 0 are
    counted (no geometry of index 1 or above lets them). `draws` resamples of rows and columns give
    the interval.

    Weights are taken as exact, so train for the lazy regime: stop when the task is learned.
    Raises `DataError` where the checkpoints differ in names or shapes (all listed), or hold
    numbers that are not finite (layer named).

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> before = np.exp(rng.standard_normal((12, 12)))
    >>> after = before * np.exp(0.05 * rng.standard_normal((12, 12)))
    >>> infer_layers({"w": before}, {"w": after}, draws=20).verdict
    'All 1 layers lie nearest to multiplicative (median 0.80).'
    """
    stored = isinstance(before, StoredWeights) and isinstance(after, StoredWeights)
    first, second = (before, after) if stored else _in_memory(before, after)
    first, second, notes = align_names(first, second)
    names = match_checkpoints(first, second)
    if not names:
        raise DataError("the checkpoints hold no arrays")
    matrices = [name for name in names if len(first.shapes[name]) > 1]
    if matrices and all(name in first.integers | second.integers for name in matrices):
        raise DataError(
            f"the checkpoints hold whole numbers only ({matrices[0]!r} and {len(matrices) - 1}"
            " more), as quantisation leaves: how a weight moved within a step of the grid is lost;"
            " give the weights that were trained, before they were quantised"
        )
    pairs = [LayerPair(name, first, second) for name in names]
    sizes = float(sum(pair.size for pair in pairs))
    with progress_bar("Reading layers", sizes) as advance:
        for name in names:
            LayerPair(name, first, second).check()
            advance(math.prod(first.shapes[name]))
    from threadpoolctl import threadpool_limits

    layers = []
    # BLAS's threads wait for one another many times in the eigenvalues of one layer: on a machine
    # that has other work, that takes fifty times as long as to do without.
    with threadpool_limits(1, "blas"), progress_bar("Layers", sizes) as advance:
        while pairs:  # a pair keeps what it has read, and goes with its turn
            advance(0, f"Layers: {pairs[0].name}")
            layers.append(_layer(pairs[0], draws, seed))
            advance(pairs.pop(0).size)
    return LayersVerdict(tuple(layers), seed, tuple(notes))


def _in_memory(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[StoredWeights, StoredWeights]:
    """Arrays of any kind, checked; what both hold must have one labelling."""
    sides = []
    for arrays in (before, after):
        whole = frozenset(n for n, a in arrays.items() if np.asarray(a).dtype.kind in "iu")
        weights = StoredWeights.of({n: weights_of(a, n) for n, a in arrays.items()})
        sides.append(replace(weights, integers=whole))
    for name in before.keys() & after.keys():
        both = {f"{name} before": before[name], f"{name} after": after[name]}
        same_labels(both, rows="weights")
        same_axes({side: (weights, 1) for side, weights in both.items()})
    return sides[0], sides[1]


def _layer(pair: LayerPair, draws: int, seed: int) -> LayerFit:
    common: dict[str, Any] = {
        "name": pair.name,
        "shape": pair.shape,
        "weights": pair.size,
        "changed": pair.changed,
        "moved_signs": pair.moved_signs,
        "zeros": pair.zeros,
    }
    if len(pair.shape) < 2:
        return LayerFit(**common, status="left out", reason="one axis: a bias, scale or statistic")
    if common["changed"] == 0:
        return LayerFit(**common, status="frozen", reason="no weight changed")
    if pair.name in pair.before.integers | pair.after.integers:
        reason = "whole numbers: a table of positions, or weights that were quantised"
        return LayerFit(**common, status="left out", reason=reason)
    w0, w1 = pair.panel
    panel = Panel.of(w0, w1)
    used = int(panel.used.sum())
    if min(panel.used.shape) < _FEWEST_UNITS or used < _FEWEST_WEIGHTS:
        reason = (
            f"{used} weights changed in {panel.used.shape[0]} rows and {panel.used.shape[1]}"
            f" columns: at least {_FEWEST_WEIGHTS} and {_FEWEST_UNITS} are needed"
        )
        return LayerFit(**common, status="left out", reason=reason)
    marks = marks_of(w0, w1, panel=panel)
    index, corrected = marks.index, marks.index_corrected
    interval = (math.nan, math.nan)
    if math.isfinite(index):
        interval = independence_interval(panel, index, draws=draws, seed=seed)
    decision = decide(index, interval, Noise("none", 0.0))
    return LayerFit(
        **common,
        status="fitted",
        reason=decision.reason,
        index=index,
        interval=interval,
        corrected=corrected,
        nearest=nearest(corrected) if _is_near(corrected) else "none",
        marks=marks,
        outcome=decision.outcome,
        verdict=decision.verdict,
        **_pooled(*pair.sample(_POOLED, seed)),
    )


def _is_near(index: float) -> bool:
    return any(abs(index - named) <= _NEAR for named in GEOMETRIES.values())


def _pooled(flat0: np.ndarray, flat1: np.ndarray) -> dict[str, Any]:
    """The estimators for synapses that share nothing, on weights that kept their sign."""
    log0, log1 = np.log(np.abs(flat0)), np.log(np.abs(flat1))
    centre = log0.mean()
    distances = {}
    for name, index in GEOMETRIES.items():
        power = 1 - index
        step = log1 - log0
        size = np.exp(power * (log0 - centre))
        change = size * np.expm1(power * step) / power if power else step
        distances[name] = delta_cdf(np.sign(flat0) * change)
    return {
        "logroot": root_of(log0, log1),
        "likelihood": fit_likelihood(ExactLikelihood(log0, log1)).index,
        "delta_cdf": distances,
        "delta_cdf_floor": delta_cdf_floor(flat0.size).uncentred_mean,
    }
