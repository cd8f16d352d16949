"""One of each: what the laws are run over. Points are (m, 2), inside every domain used here."""

import jax.numpy as jnp
import numpy as np

from steepest.geometry import (
    Attenuation,
    Composed,
    Constant,
    Coupled,
    Diagonal,
    Elementwise,
    Entropy,
    Euclidean,
    Fermi,
    HyperbolicEntropy,
    Identity,
    Linear,
    Logit,
    MatrixMetric,
    Metabolic,
    PNorm,
    Power,
    Pullback,
    Scaling,
    SumOfInverseMetrics,
    SumOfMetrics,
    Weber,
)

POINTS = np.array([[0.5, 0.7], [0.2, 0.3], [0.9, 0.05]])
SHEAR = np.array([[1.0, 0.8], [0.0, 1.0]])
SPD = np.array([[2.0, 0.5], [0.5, 1.0]])


def fisher_of_a_gaussian(x):
    """Coordinates (mean, standard deviation)."""
    return [[1 / x[1] ** 2, 0.0], [0.0, 2 / x[1] ** 2]]


CHARTS = {
    "identity": lambda: Identity(),
    "linear": lambda: Linear(SHEAR),
    "log": lambda: Elementwise(jnp.log, jnp.exp),
    "square": lambda: Elementwise(jnp.square, jnp.sqrt),
    "unit": lambda: Scaling([1000.0, -0.5]),
    "attenuation": lambda: Attenuation([0.0, 460.5], 200.0),
    "composed": lambda: Composed(Elementwise(jnp.log, jnp.exp), Linear(SHEAR)),
}

METRICS = {
    "euclidean": lambda: Euclidean(),
    "constant": lambda: Constant(SPD),
    "diagonal": lambda: Diagonal([1.0, 4.0]),
    "weber": lambda: Weber(),
    "metabolic": lambda: Metabolic(2.0, (1.0, np.inf)),
    "metabolic_default": lambda: Metabolic(),
    "fisher_as_matrix": lambda: MatrixMetric(fisher_of_a_gaussian),
    "sum": lambda: SumOfMetrics([Diagonal([1.0, 4.0]), Constant(SPD)], [0.5, 2.0]),
    "sum_of_inverses": lambda: SumOfInverseMetrics([Weber(), Constant(SPD)]),
    **{
        f"euclidean_in_{name}": lambda chart=chart: Pullback(Euclidean(), chart())
        for name, chart in CHARTS.items()
    },
    "weber_constant": lambda: Pullback(Constant(SPD), Elementwise(jnp.log, jnp.exp)),
    "matrix_in_linear": lambda: Pullback(MatrixMetric(lambda x: jnp.diag(1 + x**2)), Linear(SHEAR)),
}

INDICES = (-2.0, -1.0, -0.5, 0.0, 0.5, 0.9, 1.0, 1.1, 1.5, 2.0, 3.0)
POTENTIALS = {
    **{f"power_{a:g}": lambda a=a: Power(a) for a in INDICES},
    **{f"{p:g}_norm": lambda p=p: PNorm(p) for p in (1.1, 1.5, 2.0, 3.0)},
    "entropy": lambda: Entropy(),
    "hyperbolic": lambda: HyperbolicEntropy(0.3),
    "fermi": lambda: Fermi(1.5),
    "logit": lambda: Logit([1.0, 2.0]),
    "coupled": lambda: Coupled(PNorm(3), SHEAR),
    "coupled_entropy": lambda: Coupled(Entropy(), SHEAR),
}
