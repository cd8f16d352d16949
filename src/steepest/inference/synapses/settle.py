"""The fit that drift is removed with, and what that fit calls unfit; the share of the signal."""

import numpy as np
from jaxtyping import Float

from steepest.errors import DataError
from steepest.inference.synapses.changes import Moments, Pairs, size_resolved
from steepest.inference.synapses.geometries import SEARCHED, WEIGHING, within
from steepest.inference.synapses.measurements import (
    FEWEST_CHANGES,
    Dropped,
    Measurements,
)
from steepest.inference.synapses.products import product_share
from steepest.inference.synapses.signal import (
    Fit,
    fit_noise_and_index,
    noise_at,
    resampled,
    signal_at,
)

__all__ = ["about_drift", "expected_variance", "settled_fit", "share_of", "unfit"]

_ROUNDS = 4
_ROBUST_ROUNDS = 6
_PART = 2**15  # changes
_NEAR_NOISE = 2.5  # sizes must lie this many noise sd above the detection threshold
_LARGE = 0.4  # sd of log size gained per session, beyond which the change is not small


def settled_fit(
    measured: Measurements,
    found: Pairs,
    cluster: np.ndarray,
    known: np.ndarray | None,
    *,
    robust: bool = False,
) -> tuple[Moments, Fit, tuple[Dropped, ...], float]:
    """Fit, remove drift with that fit's weights, leave out what it calls unfit, and again.

    With `robust`, changes beyond 3 standard deviations of each fit count as 3.
    """
    changes, learned = found.lag > 0, found.kappa > 0
    index, near, quiet, vast, too_few = 1.0, 0, 0, 0.0, False
    used = size_resolved(found, np.full(found.step.size, found.step[changes].var()), index, cluster)
    kept, chosen = found, np.ones(found.step.size, dtype=bool)
    for turn in range(_ROBUST_ROUNDS if robust else _ROUNDS):
        # From scratch: the large changes of the first turn may have led far from the likeliest fit.
        fit = fit_noise_and_index(used, np.ones((1, len(used.counts))), stated=known)
        index = within(WEIGHING, fit.index[0])
        # By size alone, never by the change itself, so what stays is unbiased. What is learned
        # only about noise stays; a signal too large or a noise too near does not.
        close, large = unfit(measured, found.centre, found.middle, fit)
        large &= learned & ~close
        near = int((close & learned).sum())
        quiet = int((close & changes & ~learned).sum())  # of the null
        vast = float(large.sum() / learned.sum())
        few = learned.sum() - near - large.sum() < FEWEST_CHANGES
        fitting = np.ones(found.step.size, dtype=bool) if few else ~close & ~large
        if not np.array_equal(fitting, chosen):  # else they are those of the last turn
            kept, chosen = found.select(fitting), fitting
        # Drift and jumps of the first turn may have led far from the likeliest fit.
        too_few = few and turn > 0
        used = size_resolved(kept, expected_variance(kept, fit), index, cluster, robust=robust)
        _check_left(used)
        if too_few:
            break
    fit = fit_noise_and_index(used, np.ones((1, len(used.counts))), stated=known)
    left_out = Dropped(
        round(float(kept.weight[kept.lag > 0].sum() - used.counts[:, used.lag > 0].sum())),
        "changes alone in their group",
        "too few synapses in a group and session to tell drift from change",
    )
    dropped = (
        Dropped(
            0 if too_few else near + quiet,
            "changes near the noise",
            f"size within {_NEAR_NOISE:g} noise sd of the detection threshold",
        ),
        Dropped(
            0 if too_few else round(vast * learned.sum()),
            "changes too large",
            f"signal sd of log size above {_LARGE:g} a session: not small against the size",
        ),
        left_out,
    )
    return used, fit, dropped, vast


def _check_left(used: Moments) -> None:
    if used.counts[:, used.kappa > 0].sum() > 0:
        return
    raise DataError(
        "no change of size can be told from the drift of its group and session: sizes jump so far"
        " that a few of them rule the rest; are most of the measurements outlying, or rows in"
        " another order?"
    )


def unfit(
    measured: Measurements, centre: float, middle: np.ndarray, fit: Fit
) -> tuple[np.ndarray, np.ndarray]:
    signal, noise = _variances(np.clip(fit.index, *SEARCHED), fit, middle)
    size = np.exp(middle + centre)
    threshold = measured.detection_limit or 0.0
    close = size - threshold < _NEAR_NOISE * np.sqrt(noise) * size
    return close, np.sqrt(signal) > _LARGE


def expected_variance(found: Pairs, fit: Fit) -> Float[np.ndarray, " p"]:
    """The variance that a fit expects of every change."""
    signal, noise = _variances(np.clip(fit.index, *WEIGHING), fit, found.middle)
    return np.maximum(found.kappa * signal + found.nu * noise, 1e-12)


def _variances(
    index: Float[np.ndarray, " 1"], fit: Fit, middle: Float[np.ndarray, " p"]
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Of signal and of noise at every size, in parts that the processor's cache holds."""
    signal, noise = np.empty(middle.size), np.empty(middle.size)
    for first in range(0, middle.size, _PART):
        part = slice(first, first + _PART)
        signal[part] = signal_at(index, fit.log_signal, middle[part])[0]
        noise[part] = noise_at(fit.noise, middle[part])[0]
    return signal, noise


def share_of(
    measured: Measurements,
    found: Pairs,
    moments: Moments,
    fit: Fit,
    draw: Fit,
    weights: np.ndarray,
    cluster: np.ndarray,
) -> tuple[float, Float[np.ndarray, " b"]]:
    """Share of the signal in the variance of change: by products where there are four sessions."""
    if measured.sessions >= 4 and not measured.null.any():
        step = about_drift(found, fit)
        products, squares = product_share(found, step, cluster)
        if squares.sum() > 0:
            with np.errstate(invalid="ignore"):
                drawn = resampled(weights, np.stack([products, squares], axis=1))
                return float(products.sum() / squares.sum()), drawn[:, 0] / drawn[:, 1]
    lag = moments.lag[moments.kappa > 0].min()
    part = moments.select((moments.lag == lag) & (moments.kappa > 0))

    def of(fitted: Fit, weight: np.ndarray) -> np.ndarray:
        count = resampled(weight, part.counts)
        noise = part.nu * noise_at(fitted.noise, part.middle)
        return 1 - (count * noise).sum(axis=1) / resampled(weight, part.squares).sum(axis=1)

    return float(of(fit, np.ones((1, weights.shape[1])))[0]), of(draw, weights)


def about_drift(found: Pairs, fit: Fit) -> Float[np.ndarray, " p"]:
    """Changes less the precision-weighted drift of their group and session."""
    precision = 1 / expected_variance(found, fit)
    total = np.bincount(found.cell, precision)
    mean = np.bincount(found.cell, precision * found.step) / np.maximum(total, 1e-300)
    return found.step - mean[found.cell]
