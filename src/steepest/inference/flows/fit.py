"""Fit a metric to samples of a flow on a known cost, and say what the samples do not fix."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy import optimize

from steepest.arrays.entry import entry_point
from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Numbers
from steepest.errors import DataError, MetricError
from steepest.geometry.chart import Pullback
from steepest.geometry.matrix import Constant
from steepest.geometry.metric import AbstractMetric
from steepest.inference.flows.ftest import FTest, LeastSquares, least_squares, nested_f_test
from steepest.inference.flows.mobility import ANY, ISOTROPIC, SYMMETRIC, MobilityFamily
from steepest.inference.flows.samples import FlowSamples

__all__ = [
    "MobilityFit",
    "ParametricFit",
    "compare_families",
    "euclidean_tests",
    "fit_mobility",
    "fit_parametric",
]


@dataclass(frozen=True, eq=False)
class MobilityFit:
    """A family's least-squares fit: its coefficients, and the mobility M = G^-1 they add up to.

    `mobility` (n, n) is that in the family's chart. `fit.intervals()` are 95 % t-intervals;
    `fit.unidentified` are the combinations of coefficients on which the samples have no bearing.

    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from steepest.inference.flows import flow_samples
    >>> positions = np.random.default_rng(0).standard_normal((20, 2))
    >>> noise = np.random.default_rng(1).standard_normal((20, 2))
    >>> velocities = -positions * [2.0, 0.5] + 0.01 * noise
    >>> samples = flow_samples(positions, velocities, lambda x: jnp.sum(x**2) / 2)
    >>> fit = fit_mobility(samples)
    >>> fit.is_metric, [str(label) for label in fit.labels]
    (True, ['M00', 'M01', 'M11'])
    """

    family: MobilityFamily
    labels: tuple[str, ...]
    fit: LeastSquares
    mobility: Float[np.ndarray, "n n"]
    samples: int

    @property
    def is_metric(self) -> bool:
        """Whether the mobility is symmetric positive definite, as that of a metric is."""
        M = self.mobility
        symmetric = np.abs(M - M.T).max() <= 1e-9 * np.abs(M).max()
        return bool(symmetric and np.linalg.eigvalsh((M + M.T) / 2)[0] > 0)

    @property
    def aicc(self) -> float:
        """Akaike's criterion, corrected for small samples: less is better."""
        m, k = self.fit.degrees + self.fit.rank, self.fit.rank + 1
        if m - k - 1 <= 0 or self.fit.sse <= 0:
            return float("nan") if self.fit.sse > 0 else float("-inf")
        return float(m * np.log(self.fit.sse / m) + 2 * k + 2 * k * (k + 1) / (m - k - 1))

    def metric(self) -> AbstractMetric:
        """The fitted metric G = M^-1, learning rate included.

        Raises `MetricError` where some combination is not identified or M is no inverse metric.
        """
        if len(self.fit.unidentified):
            raise MetricError(
                f"{self.family.name}: {len(self.fit.unidentified)} combination(s) of "
                f"{', '.join(self.labels)} are not identified; give flows on another cost, or at "
                "positions where the differential points elsewhere"
            )
        if not self.is_metric:
            raise MetricError(
                f"{self.family.name}: the fitted mobility {self.mobility.tolist()} is not "
                "symmetric positive definite, so it belongs to no metric"
            )
        inverse = np.linalg.inv(self.mobility)
        return Pullback(Constant((inverse + inverse.T) / 2), self.family.chart)

    def to_dict(self) -> dict[str, Any]:
        """The fit as plain JSON values; numbers that are not identified are null."""
        low_high = self.fit.intervals()
        return {
            "family": self.family.name,
            "coefficients": [
                {
                    "name": name,
                    "value": float(x) if known else None,
                    "interval": [float(lo), float(hi)] if known and np.isfinite(lo) else None,
                }
                for name, x, known, (lo, hi) in zip(
                    self.labels, self.fit.coefficients, self.fit.identified, low_high, strict=True
                )
            ],
            "mobility": self.mobility.tolist() if not len(self.fit.unidentified) else None,
            "is_metric": self.is_metric,
            "unidentified": self.fit.unidentified.tolist(),
            "sse": self.fit.sse,
            "degrees": self.fit.degrees,
            "aicc": self.aicc if np.isfinite(self.aicc) else None,
        }


def fit_mobility(samples: FlowSamples, family: MobilityFamily = SYMMETRIC) -> MobilityFit:
    """Least squares of the velocities by a family of mobilities, with intervals.

    Exact for velocities with independent Gaussian noise of equal variance. K costs that share one
    metric identify n(n+1)/2 - (n-r)(n-r+1)/2 numbers of a constant one, r the dimension that their
    differentials span. Raises `DataError` for fewer numbers than coefficients.

    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from steepest.inference.flows import flow_samples
    >>> positions = np.random.default_rng(0).standard_normal((20, 2))
    >>> noise = np.random.default_rng(1).standard_normal((20, 2))
    >>> velocities = -positions * [2.0, 0.5] + 0.01 * noise
    >>> samples = flow_samples(positions, velocities, lambda x: jnp.sum(x**2) / 2)
    >>> fit_mobility(samples).mobility.round(2)
    array([[2. , 0. ],
           [0. , 0.5]])
    """
    return _fit(samples, family, family.design(samples.positions, samples.covectors))


def _fit(
    samples: FlowSamples, family: MobilityFamily, design: Float[np.ndarray, "m n k"]
) -> MobilityFit:
    k = design.shape[-1]
    if samples.velocities.size < k:
        n = samples.dimension
        raise DataError(
            f"{family.name}: {k} coefficients need at least {-(-k // n)} samples of {n} "
            f"coordinates, not {len(samples)}"
        )
    fit = least_squares(design.reshape(-1, k), samples.velocities.ravel())
    basis = family.basis(samples.dimension)
    mobility = np.einsum("k,kij->ij", fit.coefficients, basis)
    return MobilityFit(family, tuple(family.labels(samples.dimension)), fit, mobility, len(samples))


def compare_families(samples: FlowSamples, small: MobilityFamily, large: MobilityFamily) -> FTest:
    """The F-test of one family within another that contains it.

    Raises `DataError` where it does not, or no degrees of freedom are left.

    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from steepest.inference.flows import flow_samples
    >>> positions = np.random.default_rng(0).standard_normal((20, 2))
    >>> noise = np.random.default_rng(1).standard_normal((20, 2))
    >>> velocities = -positions * [2.0, 0.5] + 0.01 * noise
    >>> samples = flow_samples(positions, velocities, lambda x: jnp.sum(x**2) / 2)
    >>> test = compare_families(samples, ISOTROPIC, SYMMETRIC)
    >>> test.holds, test.degrees
    (False, (2, 37))
    """
    families = small, large
    designs = [family.design(samples.positions, samples.covectors) for family in families]
    first, second = (_fit(samples, f, design) for f, design in zip(families, designs, strict=True))
    inside, outside = (design.reshape(samples.velocities.size, -1) for design in designs)
    apart = inside - outside @ np.linalg.lstsq(outside, inside, rcond=None)[0]
    if np.abs(apart).max() > 1e-6 * np.abs(inside).max():
        raise DataError(f"{small.name} is not contained in {large.name}: compare them by `aicc`")
    return nested_f_test(first.fit, second.fit, small.name, large.name)


def euclidean_tests(samples: FlowSamples) -> tuple[FTest, FTest]:
    """Is Euclid consistent with a flow? eta I within any constant metric within any matrix.

    The first test asks whether one learning rate suffices, the second whether any constant metric
    does. In the plane they are F(2, 2m - 3) and F(1, 2m - 4) for m samples.

    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from steepest.inference.flows import flow_samples
    >>> positions = np.random.default_rng(0).standard_normal((20, 2))
    >>> noise = np.random.default_rng(1).standard_normal((20, 2))
    >>> velocities = -positions * [2.0, 0.5] + 0.01 * noise
    >>> samples = flow_samples(positions, velocities, lambda x: jnp.sum(x**2) / 2)
    >>> [test.holds for test in euclidean_tests(samples)]
    [False, True]
    """
    return (
        compare_families(samples, ISOTROPIC, SYMMETRIC),
        compare_families(samples, SYMMETRIC, ANY),
    )


@dataclass(frozen=True, eq=False)
class ParametricFit:
    """A fitted metric of any parametric form: `parameters` (k,), with errors from the Jacobian.

    `unidentified` (u, k) are directions in which the parameters do not change the velocities.

    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from steepest.inference.flows import flow_samples
    >>> positions = np.random.default_rng(0).standard_normal((20, 2))
    >>> noise = np.random.default_rng(1).standard_normal((20, 2))
    >>> velocities = -positions * [2.0, 0.5] + 0.01 * noise
    >>> samples = flow_samples(positions, velocities, lambda x: jnp.sum(x**2) / 2)
    >>> from steepest.geometry import Constant
    >>> fit = fit_parametric(samples, lambda logs: Constant(jnp.diag(jnp.exp(logs))), [0.0, 0.0])
    >>> fit.unidentified.shape, fit.intervals().shape
    ((0, 2), (2, 2))
    """

    parameters: Float[np.ndarray, " k"]
    fit: LeastSquares
    metric: AbstractMetric

    @property
    def unidentified(self) -> Float[np.ndarray, "u k"]:
        return self.fit.unidentified

    def intervals(self, level: float = 0.95) -> Float[np.ndarray, "k 2"]:
        """Student-t intervals (k, 2) by linearisation; infinite where not identified."""
        return self.parameters[:, None] + self.fit.intervals(level) - self.fit.coefficients[:, None]


@entry_point(kernel="the metric's sharp")
def fit_parametric(
    samples: FlowSamples, metric_of: Callable[[Any], AbstractMetric], initial: Numbers
) -> ParametricFit:
    """Fit a metric of any form, `metric_of(parameters (k,)) -> metric`, by nonlinear least squares.

    `initial` (k,) starts the search (trust region, Jacobian by autodiff). Write positive numbers
    as exponentials of parameters. Raises `DataError` for fewer numbers than parameters, or when
    the search does not converge, and the metric's own error where it is none at `initial`.

    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from steepest.inference.flows import flow_samples
    >>> positions = np.random.default_rng(0).standard_normal((20, 2))
    >>> noise = np.random.default_rng(1).standard_normal((20, 2))
    >>> velocities = -positions * [2.0, 0.5] + 0.01 * noise
    >>> samples = flow_samples(positions, velocities, lambda x: jnp.sum(x**2) / 2)
    >>> from steepest.geometry import Constant
    >>> fit = fit_parametric(samples, lambda logs: Constant(jnp.diag(jnp.exp(logs))), [0.0, 0.0])
    >>> np.exp(fit.parameters).round(2)
    array([0.5 , 2.01])
    """
    start = np.atleast_1d(real_numbers(initial, "initial", error=DataError))
    if samples.velocities.size < start.size:
        raise DataError(
            f"{start.size} parameters need more numbers than the {samples.velocities.size} given"
        )
    positions, covectors = (jnp.asarray(x) for x in (samples.positions, samples.covectors))
    metric_of(jnp.asarray(start)).check(positions[0, 0])

    @eqx.filter_jit
    def misses(parameters: Array) -> Array:
        metric = metric_of(parameters)
        moves = -jax.vmap(jax.vmap(metric.sharp))(positions, covectors)
        return (moves.mean(axis=1) - jnp.asarray(samples.velocities)).ravel()

    slopes = eqx.filter_jit(jax.jacfwd(misses))
    try:
        optimum = optimize.least_squares(
            lambda x: np.asarray(misses(jnp.asarray(x))),
            start,
            jac=lambda x: np.asarray(slopes(jnp.asarray(x))),  # pyright: ignore[reportArgumentType]
            x_scale="jac",
            xtol=1e-12,
            ftol=1e-12,
            gtol=1e-12,
        )
    except ValueError as error:
        raise DataError(
            f"the fit met a metric that is not defined at all positions ({error}); start elsewhere "
            "or write the parameters so that every value of them is a metric"
        ) from error
    if not optimum.success:
        raise DataError(f"the fit did not converge: {optimum.message}; start it elsewhere")
    jacobian = np.asarray(optimum.jac)
    linear = least_squares(jacobian, -optimum.fun + jacobian @ optimum.x)
    exact = LeastSquares(
        linear.coefficients, linear.covariance, linear.unidentified,
        float(optimum.fun @ optimum.fun), linear.degrees,
    )  # fmt: skip
    return ParametricFit(optimum.x, exact, metric_of(jnp.asarray(optimum.x)))
