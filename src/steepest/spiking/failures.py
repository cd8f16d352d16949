"""How a trial ends that no rule can go on with, in words: one error for every engine."""

import math
from dataclasses import dataclass

from steepest.errors import LearningError, MetricError, SteepestError
from steepest.spiking._updates import MOST_EXPONENT
from steepest.spiking.event_model import EventModel

__all__ = ["Failure"]


@dataclass(frozen=True)
class Failure:
    """Where a trial ended: lambda, the mean and variance of V (mV, mV^2), and V, without the bias.

    >>> Failure("trial 0, step 3", growth=-0.5, mean=0.0, variance=1.0, voltage=0.0).where
    'trial 0, step 3'
    """

    where: str
    growth: float
    mean: float
    variance: float
    voltage: float

    def past_zero(self, model: EventModel) -> SteepestError:
        """Lambda = 1 + g gamma_w is not positive: the learning rate is too large."""
        return LearningError(
            f"{self.where}: the learning rate {model.eta:g} multiplies the weights by "
            f"{self.growth:.3g} in one step (lambda = 1 + g gamma_w), past 0; the largest safe "
            f"rate there is {model.eta / (1.0 - self.growth):.3g}"
        )

    def indefinite(self, model: EventModel) -> SteepestError:
        """The Fisher metric is not positive definite."""
        return MetricError(
            f"{self.where}: the neuron's Fisher metric is not positive definite (mean voltage "
            f"{self.mean:.4g} mV): the weights have run away; lower the learning rate"
        )

    def far(self, model: EventModel) -> SteepestError:
        """V or its mean is where an exponential was cut."""
        return MetricError(
            f"{self.where}: V = {self.voltage:.4g} mV (mean {self.mean:.4g} mV) with the bias of "
            f"{model.bias:g} mV is more than {MOST_EXPONENT / model.slope:.4g} mV from the "
            "threshold, where the firing says nothing about the voltage: start from weights nearer "
            "to it, change the neuron's bias, or lower the learning rate if the weights have run "
            "away"
        )

    def wide(self, model: EventModel) -> SteepestError:
        """The voltage spreads further than the quadrature reaches."""
        return MetricError(
            f"{self.where}: the voltage spreads by {math.sqrt(self.variance):.4g} mV (standard "
            f"deviation), more than the {MOST_EXPONENT / model.slope:.4g} mV over which the rule's "
            "quadrature reaches: the weights have run away; lower the learning rate"
        )
