"""Networks of Poisson neurons: own metrics, credit, caps, states, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from steepest.errors import DataError, LearningError, UsageError
from steepest.spiking import (
    Adam,
    Descent,
    LayeredNetwork,
    LayerView,
    NetworkState,
    NeuronFisher,
    OutputFisher,
    OwnFisher,
    PoissonNeuron,
    RatePatterns,
    RectifiedQuadratic,
    TeacherNetwork,
    hidden_shares,
    learn,
)
from steepest.spiking.network_rules import network_shares

# Its moments have a closed form: nothing to compile for a quadrature.
NEURON = PoissonNeuron(RectifiedQuadratic(gain=0.1))
NETWORK = LayeredNetwork((3, 2, 2), NEURON)
PATTERNS = RatePatterns(
    [[40.0, 5.0, 20.0], [5.0, 40.0, 20.0]], [[60.0, 5.0], [5.0, 60.0]], hold=0.02
)
OWN = OwnFisher((1.0, 0.1), damping=0.05, max_step=0.3)
START = NETWORK.draw_weights(2, mean=0.4, spread=0.1)


def taught(rule=OWN, start=START, task=PATTERNS, network=NETWORK, **options):
    options = {"duration": 0.08, "trials": 2, "record": 1, "window": 0.02, "seed": 1} | options
    return learn(network, task, rule, start, **options)


# To compile a network's run takes seconds: what needs one is slow.
@pytest.fixture(scope="module")
def whole():
    return taught()


def view(factors):
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        somatic = jnp.asarray(random.normal(0.3, 0.05, (2, 3)))
        means, variances = jnp.array([20.0, 10.0, 5.0]), jnp.array([700.0, 300.0, 200.0])
        factors = jnp.asarray(np.broadcast_to(factors, (2, 3)))
        covector = jnp.asarray(random.normal(size=(2, 3)))
        return LayerView(somatic / factors, factors, means, variances, jnp.ones(2)), covector


def test_every_neuron_takes_the_sharp_of_its_own_metric():
    layer, covector = view(1.0)
    with jax.enable_x64(True):
        (direction,), _ = OwnFisher(1.0).directions(NEURON, (layer,), (covector,), ())
        for w, p, d in zip(layer.weights, covector, direction, strict=True):
            fisher = NeuronFisher(NEURON, np.ones(3), layer.means, layer.variances)
            assert np.allclose(fisher.sharp(w, p), d, rtol=1e-12)


def test_fading_dendrites_do_not_change_what_the_soma_does_under_the_own_metric():
    even, covector = view(1.0)
    fading, _ = view([0.2, 1.0, 0.5])
    with jax.enable_x64(True):
        rule, neuron = OwnFisher(1.0, damping=0.1), NEURON
        (there,), _ = rule.directions(neuron, (even,), (covector,), ())
        (here,), _ = rule.directions(neuron, (fading,), (covector,), ())
        assert np.allclose(here * fading.factors, there, rtol=1e-10)
        (euclid,), _ = Descent(1.0).directions(neuron, (fading,), (covector,), ())
        assert np.allclose(euclid, covector * fading.factors)


def test_shares_are_those_of_the_outputs_information_that_each_neuron_carries():
    random = np.random.default_rng(1)
    v, rates, information = random.normal(size=(2, 4)), random.uniform(5, 50, 4), np.array([2.0, 3])
    with jax.enable_x64(True):
        shares = hidden_shares(
            PoissonNeuron(), jnp.asarray(v), jnp.asarray(rates), jnp.asarray(information)
        )
    # Of spikes seen through outputs, the information that is left when the others are noise.
    full = np.linalg.inv(np.diag(1 / rates)) @ v.T
    spread = v @ np.diag(rates) @ v.T + np.diag(1 / information)
    assert np.allclose(shares, np.diag(full @ np.linalg.inv(spread) @ v), rtol=1e-10)
    assert (np.asarray(shares) < 1).all()
    assert np.sum(shares) < 2  # as many as there are outputs


def test_shares_fall_from_layer_to_layer():
    random = np.random.default_rng(2)
    sizes = (5, 4, 3, 2)
    with jax.enable_x64(True):
        somatic = [jnp.asarray(random.normal(size=s)) for s in zip(sizes[1:], sizes, strict=False)]
        rates = [jnp.asarray(random.uniform(5, 50, n)) for n in sizes[1:-1]]
        seen = [jnp.asarray(random.uniform(0.5, 2, n)) for n in sizes[2:]]
        shares = network_shares(NEURON, somatic, rates, seen)
        last = hidden_shares(NEURON, somatic[2], rates[1], seen[1])
        whole = hidden_shares(NEURON, somatic[1], rates[0], seen[0])  # were all spikes seen
    assert np.array_equal(shares[1], last)
    assert (np.asarray(shares[0]) < np.asarray(whole)).all()
    assert np.array_equal(shares[2], np.ones(2))


@pytest.mark.slow
def test_a_run_that_goes_on_is_the_run_that_never_stopped(whole, tmp_path):
    half = taught(duration=0.04)
    half.state.save(tmp_path / "half.npz")
    rest = taught(duration=0.04, state=NetworkState.load(tmp_path / "half.npz"))
    assert all(np.array_equal(a, b) for a, b in zip(rest.weights, whole.weights, strict=True))
    assert rest.loss[-1].tolist() == whole.loss[-1].tolist()
    assert rest.times.tolist() == [0.04, 0.08]


@pytest.mark.slow
def test_options_are_recorded_and_the_result_speaks_in_a_few_lines(whole):
    assert whole.options["damping"] == 0.05
    assert whole.to_dataset().attrs["max_step"] == 0.3
    lines = repr(whole).splitlines()
    assert lines[0] == "LearnedNetwork: 2 trials of 3-2-2 neurons until 0.08 s"
    assert "damping=0.05" in lines[1]
    assert "accuracy" in lines[-1]


@pytest.mark.slow
def test_no_update_goes_past_the_cap(whole):
    slow = taught(OwnFisher((1.0, 0.1), damping=0.05, max_step=1e-6))
    change = slow.weights[0] - START[0]
    # Eight updates, each of at most 1e-6 mV rms: far less than a weight's own USP would be.
    assert 0 < np.abs(change).max() < 1e-6
    assert np.abs(whole.weights[0] - START[0]).max() > 1e-4


@pytest.mark.slow
def test_a_step_past_the_cap_without_the_option_is_told_with_place_and_cure():
    with pytest.raises(LearningError, match=r"trial \d, .* layer \d, neuron \d.*max_step=0.3"):
        taught(OwnFisher((1e4, 1e4), damping=0.05))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LayeredNetwork((3,)), "hidden, ..., outputs"),
        (lambda: LayeredNetwork((3, 0)), "whole numbers"),
        (lambda: LayeredNetwork((3, 2), attenuation=[np.zeros(3)]), "above 0"),
        (lambda: LayeredNetwork((3, 2), attenuation=[np.ones(4)]), "one factor an afferent"),
        (lambda: taught(start=[np.ones((3, 2)), np.ones((2, 2))]), "layer 0 have shape"),
        (lambda: taught(start=[np.ones((2, 3))]), "1 matrices for 2 layers"),
        (
            lambda: taught(start=[np.ones((2, 3)), np.eye(2) * [0, 1]]),
            "hidden neuron 0 has no path",
        ),
        (
            lambda: taught(
                Descent(1.0),
                network=LayeredNetwork((3, 2, 2, 2), NEURON),
                start=[np.ones((2, 3)), np.eye(2), np.eye(2) * [0, 1]],
            ),
            "hidden neuron 0 of layer 1 has no path",
        ),
        (
            lambda: taught(
                Descent(1.0),
                network=LayeredNetwork((3, 2, 2, 2), NEURON),
                start=[np.ones((2, 3)), [[0, 1], [0, 1]], np.eye(2)],
            ),
            "hidden neuron 0 of layer 0 has no path",
        ),
        (lambda: taught(network=LayeredNetwork((4, 2), NEURON), start=None), "must fit"),
        (lambda: taught(credit="exact"), "credit 'exact'"),
        (lambda: taught(duration=0.033), "no whole number"),
        (lambda: taught(OwnFisher((1.0, 1.0, 1.0))), "one for each of 2"),
        (lambda: taught(OwnFisher(1.0, damping=-1.0)), "damping is -1"),
        (lambda: taught(Adam(1.0, max_step=0.0)), "max_step is 0.0"),
        (lambda: RatePatterns([[1.0]], [[1.0], [2.0]]), "patterns: rates"),
        (lambda: RatePatterns([[-1.0]], [[1.0]]), "not negative"),
        (lambda: TeacherNetwork(NETWORK, [np.ones((2, 3))], np.ones(3)), "teacher's weights"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_and_how(make, words):
    with pytest.raises(UsageError, match=words):
        make()


def test_silent_inputs_without_damping_are_named_with_the_cure():
    silent = RatePatterns([[40.0, 0.0, 20.0]], [[60.0, 5.0]], hold=0.02)
    with pytest.raises(UsageError, match=r"inputs 1 never fire.*damping=0.05"):
        taught(OutputFisher(0.1), task=silent)


@pytest.mark.slow
def test_a_state_of_another_network_or_a_spoiled_file_is_refused(whole, tmp_path):
    with pytest.raises(UsageError, match="belongs to another network"):
        NetworkState(8, dict(list(whole.state.arrays.items())[:-3])).restore(START)
    (tmp_path / "spoiled.npz").write_bytes(b"PK no such thing")
    with pytest.raises(DataError, match="not a saved state of a network"):
        NetworkState.load(tmp_path / "spoiled.npz")


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule", [Descent((1e-4, 1e-5)), Adam(1e-3, max_step=0.3), OutputFisher(0.1, 0.3, 0.05)]
)
@pytest.mark.parametrize("credit", ["expected", "trapezoid", "spikes"])
def test_every_rule_learns_with_either_credit(rule, credit):
    result = taught(rule, duration=4.0, credit=credit, window=0.2)
    assert result.loss[-1].mean() < 0.9 * result.loss[0].mean()


@pytest.mark.slow
@pytest.mark.parametrize("credit", ["expected", "trapezoid"])
@pytest.mark.parametrize(
    "rule",
    [
        Descent((1e-3, 1e-3, 1e-4), max_step=0.3),
        Adam(3e-3, max_step=0.3),
        OwnFisher((1.0, 1.0, 0.1), 0.3, 0.05),
        OutputFisher(0.1, 0.3, 0.05),
    ],
)
def test_every_rule_learns_through_two_hidden_layers(rule, credit):
    network = LayeredNetwork((3, 3, 2, 2))  # neurons whose rates have a limit
    start = network.draw_weights(2, mean=0.2, spread=0.1)
    options = {"network": network, "start": start, "duration": 4.0, "window": 0.2}
    result = taught(rule, credit=credit, **options)
    assert result.loss[-1].mean() < 0.95 * result.loss[0].mean()
