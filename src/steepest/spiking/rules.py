"""Error-correcting plasticity of a Poisson neuron: Euclidean, natural, approximate, any metric.

Every rule descends the same cost, so it shares the postsynaptic factor `neuron.score` (1/mV) and
differs in the direction that it makes of the USPs x (Kreutzer et al. 2022, Eqs 10, 13, 38, 114):

    dw = eta score gamma_s [homosynaptic - gamma_u uniform + gamma_w w]

In a chart (dendritic weights) the natural rules give the same somatic change, whatever the chart;
the Euclidean rule is the one that depends on the coordinates in which it learns.
"""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from steepest.arrays.numbers import Coordinates, like
from steepest.descent.step import mirror_step
from steepest.geometry.chart import AbstractChart, Identity
from steepest.geometry.metric import AbstractMetric
from steepest.geometry.potential import AbstractPotential
from steepest.spiking.fisher import FisherCoefficients, NeuronFisher

__all__ = [
    "AbstractRule",
    "AbstractSomaticRule",
    "ApproximateNaturalRule",
    "Coefficients",
    "EuclideanRule",
    "MetricRule",
    "MirrorRule",
    "NaturalRule",
    "Parts",
    "QuadraticNaturalRule",
]


class Coefficients(NamedTuple):
    """A neuron's three scalars (Eqs 107-109): gamma_s (mV^2/Hz), gamma_u and gamma_w (1/mV).

    >>> Coefficients(1.0, 0.0, 0.0).gamma_s
    1.0
    """

    gamma_s: Float[Array, ""]
    gamma_u: Float[Array, ""]
    gamma_w: Float[Array, ""]


class Parts(NamedTuple):
    """The three additive parts of a rule's direction, each (n,) and times gamma_s (Eqs 21-23).

    `homosynaptic` (x at this synapse), `uniform` (the same for all), `proportional` (to w).

    >>> import jax.numpy as jnp
    >>> float(Parts(jnp.array([3.0]), jnp.array([-1.0]), jnp.array([0.5])).total[0])
    2.5
    """

    homosynaptic: Float[Array, " n"]
    uniform: Float[Array, " n"]
    proportional: Float[Array, " n"]

    @property
    def total(self) -> Float[Array, " n"]:
        """The direction itself."""
        return self.homosynaptic + self.uniform + self.proportional


class AbstractRule(eqx.Module):
    """What a neuron makes of its USPs: the direction of change at a postsynaptic score of 1.

    >>> import numpy as np
    >>> from steepest.spiking import NeuronFisher, PoissonNeuron
    >>> fisher = NeuronFisher(PoissonNeuron(), [10.0, 50.0])
    >>> weights, usps = np.array([0.1, 0.2]), np.array([1.0, 2.0])
    >>> EuclideanRule().direction(fisher, weights, usps).tolist()
    [1.0, 2.0]
    """

    @abstractmethod
    def respond(
        self,
        fisher: NeuronFisher,
        point: Float[Array, " n"],
        usps: Float[Array, " n"],
        chart: AbstractChart,
    ) -> tuple[Float[Array, " n"], Float[Array, ""]]:
        """The direction, and gamma_s gamma_w: the part of it that multiplies the weights.

        `fisher` is the neuron with its input statistics, `point` (n,) the weights that learn,
        `usps` x (mV); `chart` leads from the point to somatic weights.
        """

    def direction(
        self,
        fisher: NeuronFisher,
        point: Coordinates,
        usps: Coordinates,
        chart: AbstractChart | None = None,
    ) -> Float[Array, " n"]:
        """Change of the weights (n,) that learn, per score (1/mV) and learning rate eta.

        Arguments as for `respond`; without a chart the weights are somatic ones.
        """
        chart = Identity() if chart is None else chart
        return self.respond(fisher, jnp.asarray(point), jnp.asarray(usps), chart)[0]

    def step(
        self,
        fisher: NeuronFisher,
        point: Float[Array, " n"],
        usps: Float[Array, " n"],
        chart: AbstractChart,
        dose: Float[Array, "*n"],
    ) -> tuple[Float[Array, " n"], Float[Array, ""]]:
        """The weights after one step of `dose` (learning rate times score), and gamma_s gamma_w.

        Explicit Euler, the dose times the direction, unless a rule says otherwise.
        """
        change, growth = self.respond(fisher, point, usps, chart)
        return point + dose * change, growth

    def check(self, points: Float[np.ndarray, "trials n"]) -> None:
        """Raise the error that says which weights the rule cannot start from; most know none."""


class AbstractSomaticRule(AbstractRule):
    """A rule gamma_s [homosynaptic - gamma_u uniform + gamma_w w] in somatic weights.

    >>> import numpy as np
    >>> from steepest.spiking import NeuronFisher, PoissonNeuron
    >>> fisher = NeuronFisher(PoissonNeuron(), [10.0, 50.0])
    >>> weights, usps = np.array([0.1, 0.2]), np.array([1.0, 2.0])
    >>> EuclideanRule().parts(fisher, weights, usps).homosynaptic.tolist()
    [1.0, 2.0]
    """

    @abstractmethod
    def coefficients(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Coefficients:
        """(gamma_s, gamma_u, gamma_w) at somatic weights (n,) and USPs (n,) in mV."""

    @abstractmethod
    def homosynaptic(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Float[Array, " n"]:
        """The homosynaptic term (n,) before gamma_s: x, or x over its variance."""

    def parts(self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates) -> Parts:
        """The homosynaptic, uniform and weight-proportional parts at somatic weights (n,)."""
        w, x = jnp.asarray(somatic), jnp.asarray(usps)
        return self._parts(fisher, w, x, self.coefficients(fisher, w, x))

    def _parts(self, fisher: NeuronFisher, w: Array, x: Array, gamma: Coefficients) -> Parts:
        kernel = fisher.neuron.kernel
        uniform = fisher.precision_mean(w) / like(kernel.c_eps * kernel.integral, w)
        return Parts(
            gamma.gamma_s * self.homosynaptic(fisher, w, x),
            -gamma.gamma_s * gamma.gamma_u * uniform,
            gamma.gamma_s * gamma.gamma_w * w,
        )

    def respond(
        self,
        fisher: NeuronFisher,
        point: Float[Array, " n"],
        usps: Float[Array, " n"],
        chart: AbstractChart,
    ) -> tuple[Float[Array, " n"], Float[Array, ""]]:
        somatic = chart(point)
        gamma = self.coefficients(fisher, somatic, usps)
        change = self._parts(fisher, somatic, usps, gamma).total
        return chart.push_back(point, change), gamma.gamma_s * gamma.gamma_w


class EuclideanRule(AbstractSomaticRule):
    """dw = eta score x (Eq 10): the perceptron's rule with spikes; gamma = (1, 0, 0).

    In a chart it descends in the coordinates that learn, dw_d = eta score f' x, which is not the
    same change of the soma (Eq 44).

    >>> import numpy as np
    >>> from steepest.spiking import NeuronFisher, PoissonNeuron
    >>> fisher = NeuronFisher(PoissonNeuron(), [10.0, 50.0])
    >>> weights, usps = np.array([0.1, 0.2]), np.array([1.0, 2.0])
    >>> EuclideanRule().direction(fisher, weights, usps).tolist()
    [1.0, 2.0]
    """

    def coefficients(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Coefficients:
        one = jnp.ones((), dtype=jnp.asarray(somatic).dtype)
        return Coefficients(one, 0 * one, 0 * one)

    def homosynaptic(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Float[Array, " n"]:
        return jnp.asarray(usps)

    def respond(
        self,
        fisher: NeuronFisher,
        point: Float[Array, " n"],
        usps: Float[Array, " n"],
        chart: AbstractChart,
    ) -> tuple[Float[Array, " n"], Float[Array, ""]]:
        return chart.pull(point, usps), jnp.zeros((), dtype=point.dtype)


class NaturalRule(AbstractSomaticRule):
    """The natural-gradient rule (Eq 13): `NeuronFisher.sharp` on the Euclidean covector.

    gamma_s = 1/c1, gamma_u = -c eps0 (c eps0 g1 sum x + g2 V), gamma_w = c eps0 g2 sum x + g4 V.

    >>> import numpy as np
    >>> from steepest.spiking import NeuronFisher, PoissonNeuron
    >>> fisher = NeuronFisher(PoissonNeuron(), [10.0, 50.0])
    >>> weights, usps = np.array([0.1, 0.2]), np.array([1.0, 2.0])
    >>> change = NaturalRule().direction(fisher, weights, usps)
    >>> [round(float(x), 3) for x in change]
    [0.004, 0.002]
    """

    def coefficients(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Coefficients:
        w, x = jnp.asarray(somatic), jnp.asarray(usps)
        c = fisher.coefficients(w)
        total, V = jnp.sum(fisher.precision_mean(w) * x), jnp.sum(w * x)
        return natural_coefficients(c, fisher, total, V)

    def homosynaptic(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Float[Array, " n"]:
        return fisher.normalised(somatic, usps)


def natural_coefficients(
    c: FisherCoefficients, fisher: NeuronFisher, total: Any, voltage: Any
) -> Coefficients:
    """Eqs 107-109 from the metric's coefficients, total = E[x]' S^-1 x, and V."""
    kernel = fisher.neuron.kernel
    scale = like(kernel.c_eps * kernel.integral, c.c1)
    return Coefficients(
        1 / c.c1, -scale * (c.g1 * total + c.g2 * voltage), c.g2 * total + c.g4 * voltage
    )


class ApproximateNaturalRule(AbstractSomaticRule):
    """The natural rule with gamma_u = c_u c_eps eps0 and gamma_w = c_w V (Eq 114).

    The defaults are the paper's, c_w in 1/mV^2. c_u = 0.95 is the mean of gamma_u/c_eps, 0.967,
    seen over random weights, and c_w near the mean of g4 (0.033, not the 0.05 of the text,
    n = 100). As a recipe it is as invariant as the natural rule; Eq 114 prints f' where its inverse
    belongs.

    >>> import numpy as np
    >>> from steepest.spiking import NeuronFisher, PoissonNeuron
    >>> fisher = NeuronFisher(PoissonNeuron(), [10.0, 50.0])
    >>> weights, usps = np.array([0.1, 0.2]), np.array([1.0, 2.0])
    >>> change = ApproximateNaturalRule().direction(fisher, weights, usps)
    >>> [round(float(x), 3) for x in change]
    [-0.036, -0.035]
    """

    c_u: float = 0.95
    c_w: float = 0.05

    def coefficients(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Coefficients:
        w, x = jnp.asarray(somatic), jnp.asarray(usps)
        kernel = fisher.neuron.kernel
        c1 = fisher.neuron.moments(*fisher.voltage_moments(w))[0]
        gamma_u = like(self.c_u * kernel.c_eps * kernel.integral, w)
        return Coefficients(1 / c1, gamma_u, like(self.c_w, w) * jnp.sum(w * x))

    def homosynaptic(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Float[Array, " n"]:
        return fisher.normalised(somatic, usps)


class QuadraticNaturalRule(AbstractSomaticRule):
    """The natural rule of a neuron with phi'^2/phi = 1 (Eqs 123-124), with any transfer function.

    gamma_s = 1, gamma_w = 0, gamma_u = c^2 eps0^2 sum x/(q + 1): nothing depends on the weights.
    It is `NaturalRule` for a `RectifiedQuadratic` of gain 1/4 far above its threshold.

    >>> import numpy as np
    >>> from steepest.spiking import NeuronFisher, PoissonNeuron
    >>> fisher = NeuronFisher(PoissonNeuron(), [10.0, 50.0])
    >>> weights, usps = np.array([0.1, 0.2]), np.array([1.0, 2.0])
    >>> change = QuadraticNaturalRule().direction(fisher, weights, usps)
    >>> [round(float(x), 4) for x in change]
    [0.0018, 0.0002]
    """

    def coefficients(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Coefficients:
        w, x = jnp.asarray(somatic), jnp.asarray(usps)
        kernel = fisher.neuron.kernel
        ratio = fisher.precision_mean(w)
        q = jnp.sum(ratio * like(fisher.usp_means(), w))
        one = jnp.ones_like(q)
        scale = like(kernel.c_eps * kernel.integral, w)
        return Coefficients(one, scale * jnp.sum(ratio * x) / (q + 1), 0 * one)

    def homosynaptic(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Float[Array, " n"]:
        return fisher.normalised(somatic, usps)


class MetricRule(AbstractRule):
    """Steepest descent in any metric on the weights that learn: `metric.sharp` on the covector.

    With a chart the metric is one on the chart's points; `Pullback(metric, chart)` puts a metric
    known in somatic weights there. Steps are Euler's, so a weight may cross 0 also where the flow
    would not: for a potential take `MirrorRule`.

    >>> from steepest.geometry import Euclidean
    >>> import numpy as np
    >>> from steepest.spiking import NeuronFisher, PoissonNeuron
    >>> fisher = NeuronFisher(PoissonNeuron(), [10.0, 50.0])
    >>> weights, usps = np.array([0.1, 0.2]), np.array([1.0, 2.0])
    >>> MetricRule(Euclidean()).direction(fisher, weights, usps).tolist()
    [1.0, 2.0]
    """

    metric: AbstractMetric

    def respond(
        self,
        fisher: NeuronFisher,
        point: Float[Array, " n"],
        usps: Float[Array, " n"],
        chart: AbstractChart,
    ) -> tuple[Float[Array, " n"], Float[Array, ""]]:
        change = self.metric.sharp(point, chart.pull(point, usps))
        return change, jnp.zeros((), dtype=point.dtype)


class MirrorRule(AbstractRule):
    """Mirror descent in a potential: the dual of the weights moves by rate times score times x.

    The flow is that of `MetricRule(potential)`, the step `mirror_step`: under `Entropy(sign)` a
    weight changes by a percentage and keeps its sign for ever, whatever the rate. The dense engine
    runs it. With a chart the potential is one of the chart's points.

    >>> import jax
    >>> import numpy as np
    >>> from steepest.geometry import Entropy
    >>> from steepest.spiking import MirrorRule, paper_task, simulate
    >>> task, start = paper_task(trials=1, n=4)
    >>> rule = MirrorRule(Entropy(np.sign(start[0])))
    >>> run = simulate(task, rule, start[0], rate=0.1, duration=0.01, seed=0)
    >>> bool((run.weights[-1] * start[0] > 0).all()), run.engine
    (True, 'dense')
    """

    potential: AbstractPotential

    def respond(
        self,
        fisher: NeuronFisher,
        point: Float[Array, " n"],
        usps: Float[Array, " n"],
        chart: AbstractChart,
    ) -> tuple[Float[Array, " n"], Float[Array, ""]]:
        change = self.potential.sharp(point, chart.pull(point, usps))
        return change, jnp.zeros((), dtype=point.dtype)

    def step(
        self,
        fisher: NeuronFisher,
        point: Float[Array, " n"],
        usps: Float[Array, " n"],
        chart: AbstractChart,
        dose: Float[Array, "*n"],
    ) -> tuple[Float[Array, " n"], Float[Array, ""]]:
        covector = -dose * chart.pull(point, usps)
        return mirror_step(self.potential, point, covector, 1.0), jnp.zeros((), dtype=point.dtype)

    def check(self, points: Float[np.ndarray, "trials n"]) -> None:
        for point in points:
            self.potential.check(point)
