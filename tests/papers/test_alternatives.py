"""Alternatives are the metrics they stand for, and share what is compiled."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from steepest.errors import DomainError
from steepest.geometry import Constant, Euclidean, Power, Weber
from steepest.papers._alternatives import alternatives

METRICS = [Euclidean(), Weber(), Power(2.0), Constant(np.array([[2.0, 1.0], [1.0, 3.0]]))]


def test_each_is_the_metric_it_stands_for_and_all_are_compiled_once():
    point, other = jnp.array([0.5, 2.0]), jnp.array([1.0, -3.0])
    traces = []

    @eqx.filter_jit
    def both_maps(metric, point, other):
        traces.append(metric)
        return metric.sharp(point, other), metric.flat(point, other)

    for metric, alternative in zip(METRICS, alternatives(METRICS), strict=True):
        raised, lowered = both_maps(alternative, point, other)
        np.testing.assert_allclose(raised, metric.sharp(point, other), rtol=1e-12)
        np.testing.assert_allclose(lowered, metric.flat(point, other), rtol=1e-12)
        assert type(alternative.domain) is type(metric.domain)
    assert len(traces) == 1


def test_what_is_wrong_with_a_point_is_what_the_chosen_metric_says():
    euclidean, weber, *_ = alternatives(METRICS)
    euclidean.check(np.array([0.0, 1.0]))
    with pytest.raises(DomainError, match="Weber"):
        weber.check(np.array([0.0, 1.0]))
