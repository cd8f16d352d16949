"""From activity to connectivity: the weights of a rate network from time series of its units.

Galtier & Wainrib 2013: the W of least relative entropy between the recorded flow and that of
v' = -l v + W S(v). Its uncertainty comes from resampling blocks of time; what the recording leaves
undetermined is reported, and the network found is set to play by itself against the data.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from steepest.arrays.entry import readable
from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Numbers
from steepest.data.series import Series, check_series
from steepest.errors import DataError, FlowError, UsageError
from steepest.inference.activity.connectivity import ROUGH, Connectivity
from steepest.recurrent.entropy import Minimum, relative_entropy
from steepest.recurrent.inputs import Inputs, Scheme
from steepest.recurrent.network import AbstractAdditive, RateNetwork, replay, rk4
from steepest.recurrent.nonlinearity import TANH, Nonlinearity

__all__ = ["infer_connectivity"]

_REPLAYED = 5000
_FLAT = 0.1  # of the steepest slope of S: below it, activity hardly shows in the rate
_TOGETHER = 2_000_000  # numbers per table of draws taken at once


@readable
@np.errstate(over="ignore", invalid="ignore")  # what is not finite is refused at the end
def infer_connectivity(
    series: Series | Numbers,
    dt: float | None = None,
    *,
    names: Sequence[str] | None = None,
    decay: float = 1.0,
    nonlinearity: Nonlinearity = TANH,
    derivative: Scheme | None = None,
    ridge: float = 0.0,
    cut: float = 0.0,
    blocks: int = 20,
    draws: int = 500,
    seed: int = 0,
) -> Connectivity:
    """The connectivity of v' = -l v + W S(v) from activity (t, n) sampled every `dt`.

    - `series`: the activity, rows are times; a `Series` that was read from a file brings its own
      `dt` and names.
    - `dt`: the time between rows; `names`: of the units, numbers unless given.
    - `decay`: l, in 1/time; `nonlinearity`: S.
    - `derivative`: "forward", "central" or "fourth"; chosen by the series' roughness unless given:
      differences of fourth order for a smooth one, forward ones for a diffusion, in which
      symmetric ones are biased.
    - `ridge`, `cut`: what is added to the eigenvalues of C, or below which they are left out;
      relative to the largest, and recorded. At most one of them.
    - `blocks`, `draws`: of time, and how often they are resampled for the intervals; `seed`.

    Raises `DataError` for gaps, constant or too short series, and recordings that leave directions
    undetermined (named) without a ridge or a cut; `UsageError` for settings that make no sense.
    Galtier & Wainrib 2013, Eq 4.

    >>> import numpy as np
    >>> from steepest.recurrent import RateNetwork, simulate
    >>> turn = np.array([[1.5, -1.0], [1.0, 1.5]])
    >>> path = simulate(RateNetwork(), turn, [0.1, 0.0], 0.05, 400)
    >>> connectivity = infer_connectivity(path, 0.05)
    >>> connectivity.weights.round(1)
    array([[ 1.5, -1. ],
           [ 1. ,  1.5]])
    """
    if not isinstance(series, Series):
        series = _series(series, dt, names)
    if not (np.isfinite(decay) and decay >= 0):
        raise UsageError(f"decay is {decay}: give l, in 1/time, not negative")
    if blocks < 8 or draws < 40:
        raise UsageError(f"blocks {blocks}, draws {draws}: give at least 8 blocks and 40 draws")
    values, n = series.values, series.values.shape[1]
    if len(values) < 3 * blocks or len(values) < 4 * n:
        raise DataError(
            f"the series has {len(values)} rows, too few for {n} units and {blocks} blocks of time:"
            f" give at least {max(3 * blocks, 4 * n)}"
        )
    roughness = _roughness(values)
    scheme: Scheme = derivative or ("fourth" if roughness > ROUGH else "forward")
    network = RateNetwork(decay, nonlinearity)
    inputs = Inputs.sampled(values, series.dt, scheme)
    beyond = (
        f"with a decay of {decay:g}, a step of {series.dt:g} and a series of up to"
        f" {np.abs(values).max():.3g}"
    )
    with np.errstate(over="ignore", under="ignore"):
        speeds = np.mean(inputs.velocities**2, axis=0)
    if not (np.isfinite(speeds) & (speeds > 0)).all():
        raise UsageError(f"{beyond} the velocities are beyond floats: take other units")
    cost = relative_entropy(inputs, network)
    minimum = cost.minimum(ridge=ridge, cut=cut, names=series.names)
    other: Scheme = "fourth" if scheme == "central" else "central"
    compared = relative_entropy(Inputs.sampled(values, series.dt, other), network)
    step_error = np.abs(compared.minimum(ridge=ridge, cut=cut).weights - minimum.weights).max()
    drive = inputs.velocities - network.intrinsic(inputs.states)
    miss = drive - network.nonlinearity(inputs.states) @ minimum.weights.T
    missed = np.mean(miss**2, axis=0)
    explained = 1 - missed / np.mean(drive**2, axis=0)
    velocity_explained = 1 - missed / speeds
    interval = _bootstrap(inputs, network, minimum, blocks, draws, seed)
    shown = values[:_REPLAYED]
    played = _play(network, minimum.weights, shown, series.dt)
    correlation, follows = _score(played, shown, series.dt)
    _, stays = _score(np.broadcast_to(shown[0], shown.shape), shown, series.dt)
    if not (np.isfinite(minimum.weights).all() and np.isfinite(interval).all()):
        raise UsageError(f"{beyond} the weights are no finite numbers: take other units")
    return Connectivity(
        weights=minimum.weights,
        interval=interval,
        series=series,
        minimum=minimum,
        decay=decay,
        nonlinearity=nonlinearity.name,
        derivative=scheme,
        roughness=roughness,
        step_error=float(step_error),
        explained=explained,
        velocity_explained=velocity_explained,
        saturated=_saturated(nonlinearity, values),
        replayed=played,
        correlation=correlation,
        follows=follows,
        stays=stays,
        blocks=blocks,
        draws=draws,
        seed=seed,
    )


def _series(values: Numbers, dt: float | None, names: Sequence[str] | None) -> Series:
    array = real_numbers(values, "the series", error=DataError)
    if dt is None:
        raise UsageError("give the sampling step dt")
    if array.ndim != 2:
        raise DataError(f"the series has shape {array.shape}: rows are times, columns are units")
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise DataError(
            f"row {row}, column {column} of the series is {array[row, column]}: fill the gap, or"
            " cut the series there"
        )
    columns = getattr(values, "columns", None)
    given = names if names is not None else columns
    labels = [str(k) for k in (range(array.shape[1]) if given is None else given)]
    return check_series(array, dt, labels)


def _saturated(nonlinearity: Nonlinearity, values: np.ndarray) -> float:
    """The share of samples at which S has less than a tenth of its steepest slope, 0 if unknown."""
    if nonlinearity.slope is None:
        return 0.0
    reach = max(1.0, float(np.abs(values).max()))
    steepest = np.abs(nonlinearity.derivative(np.linspace(-reach, reach, 1001))).max()
    return float(np.mean(np.abs(nonlinearity.derivative(values)) < _FLAT * steepest))


def _roughness(values: np.ndarray) -> float:
    """<(u[k+2] - u[k])^2> over 2 <(u[k+1] - u[k])^2>, the mean over units."""
    single = np.mean(np.diff(values, axis=0) ** 2, axis=0)
    double = np.mean((values[2:] - values[:-2]) ** 2, axis=0)
    return float(np.mean(double / (2 * single)))


def _bootstrap(
    inputs: Inputs,
    network: AbstractAdditive,
    minimum: Minimum,
    blocks: int,
    draws: int,
    seed: int,
) -> np.ndarray:
    """95 % intervals of W over resamplings of whole blocks of time, with the same ridge or cut."""
    rates = network.nonlinearity(inputs.states)
    target = inputs.velocities - network.intrinsic(inputs.states)
    parts = np.array_split(np.arange(len(rates)), blocks)
    covariances = np.array([rates[p].T @ rates[p] for p in parts])
    crosses = np.array([target[p].T @ rates[p] for p in parts])
    random, top = np.random.default_rng(seed), minimum.spectrum[0] * len(rates)
    kept = minimum.directions[:, : minimum.rank]
    # In the modes that were used: the same directions count in every draw.
    inner, outer = kept.T @ covariances @ kept, crosses @ kept
    shift = minimum.ridge * top * np.eye(minimum.rank)
    weights, together = [], max(1, _TOGETHER // outer[0].size)
    for first in range(0, draws, together):
        drawn = random.integers(0, blocks, (min(together, draws - first), blocks))
        picks = (drawn[:, :, None] == np.arange(blocks)).sum(axis=1).astype(np.float64)
        gram = np.tensordot(picks, inner, 1) + shift
        # Draws that leave a direction out take the least weights there, as least squares would.
        inverse = np.linalg.pinv(gram, rcond=minimum.rank * np.finfo(float).eps, hermitian=True)
        weights.extend(np.tensordot(picks, outer, 1) @ inverse @ kept.T)
    from scipy.stats import norm
    from scipy.stats import t as student

    # Few blocks make percentiles narrow: widened by Student's quantile and the sd's own bias.
    wider = student.ppf(0.975, blocks - 1) / norm.ppf(0.975) * np.sqrt(blocks / (blocks - 1))
    return minimum.weights + wider * (
        np.quantile(weights, [0.025, 0.975], axis=0) - minimum.weights
    )


def _play(
    network: RateNetwork, weights: np.ndarray, values: np.ndarray, dt: float
) -> Float[np.ndarray, "t n"]:
    played = np.full_like(values, np.nan)
    try:
        played[:] = replay(network, weights, values[0], dt, len(values) - 1, integrator=rk4)
    except (FlowError, DataError):
        played[0] = values[0]
    return played


def _score(played: np.ndarray, values: np.ndarray, dt: float) -> tuple[np.ndarray, float]:
    spread = np.sqrt(values.var(axis=0).sum())
    off = np.linalg.norm(played - values, axis=1)
    gone = ~(off <= spread / 2)
    follows = float(np.argmax(gone) if gone.any() else len(values) - 1) * dt
    correlation = np.full(values.shape[1], np.nan)
    if np.isfinite(played).all():
        for unit, (a, b) in enumerate(zip(played.T, values.T, strict=True)):
            if np.var(a) > 0:  # which may vanish below all floats
                correlation[unit] = np.corrcoef(a, b)[0, 1]
    return correlation, follows
