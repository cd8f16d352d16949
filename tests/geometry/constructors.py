"""One of each geometry: what the laws are run over. Points are (m, 2), inside every domain here.

A concrete geometry that stands in none of these dictionaries fails `test_every_geometry_is_here`.
"""

import jax.numpy as jnp
import numpy as np

from steepest.geometry import (
    Attenuation,
    Box,
    Composed,
    Constant,
    Coupled,
    Diagonal,
    DualPower,
    Elementwise,
    Entropy,
    Euclidean,
    Fermi,
    FisherDensity,
    FisherExponentialFamily,
    FisherGaussian,
    FisherNormal,
    Homogeneous,
    HomogeneousState,
    HyperbolicEntropy,
    Identity,
    Linear,
    Logit,
    LossGradientCovariance,
    MatrixMetric,
    Metabolic,
    MetabolicEnergies,
    Neighbour,
    NormPullback,
    PNorm,
    Power,
    Pullback,
    RankTwo,
    Scaling,
    Spectral,
    SumOfInverseMetrics,
    SumOfMetrics,
    WassersteinDistribution,
    WassersteinGaussian,
    WassersteinQuantile,
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
    "rank_two": lambda: RankTwo([1.0, -0.4], [0.5, 0.3]),
    "rank_two_wide": lambda: RankTwo([1.0, -0.4], [0.5, 0.3], alpha=3.0),
    "weber_constant": lambda: Pullback(Constant(SPD), Elementwise(jnp.log, jnp.exp)),
    "matrix_in_linear": lambda: Pullback(MatrixMetric(lambda x: jnp.diag(1 + x**2)), Linear(SHEAR)),
}


def neuron_fisher():
    from steepest.spiking import NeuronFisher, PoissonNeuron

    return NeuronFisher(PoissonNeuron(), [10.0, 50.0])


def input_covariance():
    from steepest.recurrent import InputCovariance

    return InputCovariance(SPD)


def intrinsic_fisher():
    from steepest.models import IntrinsicModel, NormalInput

    return IntrinsicModel(NormalInput(1.0, 2.0)).fisher()


def least_anisotropic():
    from steepest.inference.flows.tailored import LeastAnisotropic

    return LeastAnisotropic(lambda x: x @ x / 2, lambda x: -jnp.asarray(SHEAR) @ x)


def alternative():
    from steepest.papers._alternatives import alternatives

    return alternatives([Euclidean(), Weber()])[1]


def of_mean(x):
    return x[:1]


def of_variance(x):
    return x[1:, None] ** 2


# Computed at each point, some by quadrature: the laws look at one point of each.
COMPUTED = {
    "fisher_normal": lambda: FisherNormal(),
    "fisher_gaussian": lambda: FisherGaussian(of_mean, of_variance),
    "fisher_exponential_family": lambda: FisherExponentialFamily(
        lambda eta: jnp.log(1 + jnp.sum(jnp.exp(eta)))
    ),
    "fisher_density": lambda: FisherDensity(
        lambda x, p: -(((x - p[0]) / p[1]) ** 2) / 2 - jnp.log(p[1] * np.sqrt(2 * np.pi))
    ),
    "loss_gradient_covariance": lambda: LossGradientCovariance(
        lambda x, p: (p[0] * x + p[1] * x**2) ** 2, [-1.0, 0.5, 2.0, 3.0]
    ),
    "metabolic_energies": lambda: MetabolicEnergies(jnp.square, [1.0, 2.0], 0.1),
    "homogeneous": lambda: Homogeneous(2.0, 0.3),
    "homogeneous_state": lambda: HomogeneousState(
        lambda x: x**-2, lambda x: 0.7 / x, Box(lower=0.0)
    ),
    "neighbour": lambda: Neighbour([0.0, 5.0], 5.0, 0.6),
    "wasserstein_quantile": lambda: WassersteinQuantile(lambda u, p: p[0] * u + p[1] * u**2),
    "wasserstein_distribution": lambda: WassersteinDistribution(
        lambda x, p: (x + p[0] * x**2 + p[1] * x**3) / (1 + p[0] + p[1]), 0.0, 1.0
    ),
    "wasserstein_gaussian": lambda: WassersteinGaussian(of_mean, of_variance),
    "neuron_fisher": neuron_fisher,
    "input_covariance": input_covariance,
    "intrinsic_fisher": intrinsic_fisher,
    "least_anisotropic": least_anisotropic,
    "alternative": alternative,
}

# Of points with six coordinates.
NORMS = {
    "near sign descent": lambda: DualPower(1.05),
    "Q = 1.5": lambda: DualPower(1.5),
    "Euclid": lambda: DualPower(2.0),
    "Q = 4": lambda: DualPower(4.0),
    "spectral": lambda: Spectral(shape=(2, 3)),
    "seen": lambda: NormPullback(DualPower(3.0), Elementwise(jnp.sinh, jnp.arcsinh)),
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

GEOMETRIES = {**METRICS, **COMPUTED, **NORMS, **POTENTIALS}
