"""Least squares, and the F-test of a linear model within a larger one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats

from steepest.errors import DataError

__all__ = ["FTest", "LeastSquares", "least_squares", "nested_f_test"]

_RANK = 1e-9  # singular values below this share of the largest count as 0


@dataclass(frozen=True)
class FTest:
    """A linear hypothesis within a larger model: statistic, degrees of freedom and p-value.

    `hypothesis` and `within` name the two models; `holds` is whether p >= .05.

    >>> FTest("small", "large", statistic=4.5, degrees=(1, 30), p_value=0.042).holds
    False
    """

    hypothesis: str
    within: str
    statistic: float
    degrees: tuple[int, int]
    p_value: float

    @property
    def holds(self) -> bool:
        return bool(self.p_value >= 0.05)

    def to_dict(self) -> dict[str, Any]:
        """The test as plain JSON values."""
        finite = np.isfinite(self.statistic)
        return {
            "hypothesis": self.hypothesis,
            "within": self.within,
            "statistic": self.statistic if finite else None,
            "degrees": list(self.degrees),
            "p_value": self.p_value,
            "holds": self.holds,
        }


@dataclass(frozen=True)
class LeastSquares:
    """A least-squares fit of k coefficients; those that the data do not fix are named.

    `unidentified` (k - rank, k): orthonormal combinations of coefficients on which the data have no
    bearing; `covariance` (k, k) is that of the rest, per unit variance of the noise.
    """

    coefficients: Float[np.ndarray, " k"]
    covariance: Float[np.ndarray, "k k"]
    unidentified: Float[np.ndarray, "u k"]
    sse: float
    degrees: int

    @property
    def rank(self) -> int:
        return len(self.coefficients) - len(self.unidentified)

    @property
    def noise_sd(self) -> float:
        """Standard deviation of the residuals; NaN where no degrees of freedom are left."""
        return float(np.sqrt(self.sse / self.degrees)) if self.degrees > 0 else float("nan")

    @property
    def identified(self) -> np.ndarray:
        """Which single coefficients the data fix, (k,)."""
        return np.linalg.norm(self.unidentified, axis=0) < 1e-6

    @property
    def standard_errors(self) -> Float[np.ndarray, " k"]:
        """Standard errors (k,), infinite for a coefficient that is not identified."""
        errors = self.noise_sd * np.sqrt(np.diagonal(self.covariance))
        return np.where(self.identified, errors, np.inf)

    def intervals(self, level: float = 0.95) -> Float[np.ndarray, "k 2"]:
        """Student-t intervals (k, 2); infinite where a coefficient is not identified."""
        reach = stats.t.ppf((1 + level) / 2, max(self.degrees, 1)) * self.standard_errors
        return np.stack([self.coefficients - reach, self.coefficients + reach], axis=1)


def least_squares(
    design: Float[np.ndarray, "m k"], response: Float[np.ndarray, " m"]
) -> LeastSquares:
    """The least-squares fit of `response` by the columns of `design`, least norm where not unique.

    Raises `DataError` where numbers are not finite or the design is 0.
    """
    if not (np.isfinite(design).all() and np.isfinite(response).all()):
        raise DataError(
            "the fit meets numbers that are not finite: a cost or metric is undefined at one of "
            "the positions; leave those rows out"
        )
    # Columns of one size, so that the rank does not depend on units.
    size = np.linalg.norm(design, axis=0)
    if not (size > 0).any():
        raise DataError("the cost is flat at every position: nothing can be learnt about a metric")
    scale = np.where(size > 0, size, 1.0)
    # All right vectors are needed, of the left ones only the first k.
    wide = design.shape[0] < design.shape[1]
    left, values, right = np.linalg.svd(design / scale, full_matrices=wide)
    rank = int((values > _RANK * values[0]).sum())
    inverse = right[:rank] / values[:rank, None]
    coefficients = (inverse.T @ (left[:, :rank].T @ response)) / scale
    covariance = inverse.T @ inverse / np.outer(scale, scale)
    # A null combination z of the scaled columns is z/scale of the columns themselves.
    null = right[rank:] / scale
    unidentified = np.linalg.qr(null.T)[0].T if len(null) else np.zeros((0, design.shape[1]))
    residual = response - design @ coefficients
    return LeastSquares(
        coefficients, covariance, unidentified, float(residual @ residual), len(response) - rank
    )


def nested_f_test(small: LeastSquares, large: LeastSquares, hypothesis: str, within: str) -> FTest:
    """The F-test of a model against one that contains it, fitted to the same response.

    Exact for independent Gaussian noise of equal variance. Raises `DataError` where the larger
    model leaves no degree of freedom for the noise, or is not larger.
    """
    more = large.rank - small.rank
    if large.degrees < 1:
        raise DataError(
            f"as many numbers ({large.rank}) are fitted as there are data: no noise can be told "
            "from misfit; give more samples"
        )
    if more < 1:
        raise DataError(f"{within} fits these data with no more coefficients than {hypothesis}")
    noise = large.sse / large.degrees
    gain = max(small.sse - large.sse, 0.0) / more
    statistic = gain / noise if noise > 0 else (np.inf if gain > 0 else 0.0)
    p_value = float(stats.f.sf(statistic, more, large.degrees))
    return FTest(hypothesis, within, float(statistic), (more, large.degrees), p_value)
