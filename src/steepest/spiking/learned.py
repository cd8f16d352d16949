"""What a network's learning gives back: loss against time, and the state from which it goes on."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from steepest.data.numpy_files import load_npz
from steepest.errors import DataError, UsageError
from steepest.files import writing
from steepest.spiking.network import LayeredNetwork

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from xarray import Dataset

__all__ = ["Collector", "LearnedNetwork", "NetworkState"]


@dataclass(frozen=True, eq=False)
class NetworkState:
    """Everything a network's run needs to go on: `updates` done, and its `arrays` by name.

    >>> state = NetworkState(0, {"weights_0": np.zeros((1, 2, 3))})
    >>> [w.shape for w in state.weights]
    [(1, 2, 3)]
    """

    updates: int
    arrays: dict[str, np.ndarray]

    @classmethod
    def of(cls, updates: int, trial: Any) -> "NetworkState":
        """The state of trials as the engine holds them."""
        leaves = jax.tree.leaves(trial)
        arrays = {f"part_{k}": np.asarray(leaf) for k, leaf in enumerate(leaves)}
        named = {f"weights_{k}": np.asarray(w) for k, w in enumerate(trial.weights)}
        return cls(updates, arrays | named)

    @property
    def weights(self) -> tuple[np.ndarray, ...]:
        """The weights that learn, (trials, neurons, afferents) a layer."""
        names = sorted(name for name in self.arrays if name.startswith("weights_"))
        return tuple(self.arrays[name] for name in names)

    def restore(self, fresh: Any) -> Any:
        """The trials of the engine, whose shape is that of `fresh`; refuses another network's."""
        leaves, tree = jax.tree.flatten(fresh)
        parts = [self.arrays.get(f"part_{k}") for k in range(len(leaves))]
        fits = len(self.arrays) == len(leaves) + len(self.weights) and all(
            part is not None and part.shape == leaf.shape and part.dtype == leaf.dtype
            for part, leaf in zip(parts, leaves, strict=True)
        )
        if not fits:
            raise UsageError(
                "the state belongs to another network, task, rule or number of trials; give those"
                " with which it was made, or its weights as `start`"
            )
        return jax.tree.unflatten(tree, [jnp.asarray(part) for part in parts])

    def save(self, path: str | Path) -> None:
        """Write a .npz file, from which `NetworkState.load` reads the very same numbers."""
        with writing(path) as file:
            np.savez(file, allow_pickle=False, updates=self.updates, **self.arrays)

    @classmethod
    def load(cls, path: str | Path) -> "NetworkState":
        """Read a state that `save` wrote; nothing in the file is run. Raises `DataError`."""
        try:
            arrays = load_npz(Path(path))
            if "updates" not in arrays or "weights_0" not in arrays:
                raise ValueError("it has no updates, or no weights_0")
            count = arrays.pop("updates")
            if count.shape or count.dtype.kind not in "iu" or count < 0:
                raise ValueError(f"updates is of type {count.dtype} and shape {count.shape}")
            return cls(int(count), arrays)
        except ValueError as error:  # a DataError of the reader is one
            raise DataError(f"{path} is not a saved state of a network: {error}") from error


@dataclass(frozen=True, eq=False, repr=False)
class LearnedNetwork:
    """Loss (nats/s) of trials at recorded `times` (s), (times, trials), and the learned weights.

    `accuracy` of patterns, (times, trials), or None; `spread` (mV) of the voltage of the neuron
    that varies most, by the running statistics; `options` of the rule and the run as they were
    given, damping and cap among them; `complete` is False where the run was interrupted.

    >>> from steepest.spiking import Descent, RatePatterns, learn
    >>> task = RatePatterns([[5.0, 40.0, 5.0, 40.0]], [[20.0, 2.0]])
    >>> result = learn(LayeredNetwork((4, 2)), task, Descent(1e-5), duration=0.1, record=1)
    >>> dict(result.to_dataset().sizes)
    {'time': 2, 'trial': 1}
    """

    network: LayeredNetwork
    times: Float[np.ndarray, " times"]
    loss: Float[np.ndarray, "times trials"]
    accuracy: Float[np.ndarray, "times trials"] | None
    spread: Float[np.ndarray, "times trials"]
    state: NetworkState
    options: dict[str, Any] = field(default_factory=dict)
    complete: bool = True

    @property
    def weights(self) -> tuple[Float[np.ndarray, "trials neurons afferents"], ...]:
        """The weights at the end, one array a layer: dendritic ones, where dendrites fade."""
        return self.state.weights

    def __repr__(self) -> str:
        options = dict(self.options)
        name = options.pop("rule", "a rule")
        listed = ", ".join(f"{key}={value}" for key, value in options.items())
        sizes = "-".join(str(size) for size in self.network.sizes)
        end = f"{self.times[-1]:g} s" if len(self.times) else "0 s"
        lines = [
            f"LearnedNetwork: {self.loss.shape[1]} trials of {sizes} neurons until {end}"
            + ("" if self.complete else "; interrupted"),
            f"{name}: {listed}",
        ]
        for what, values in (("loss (nats/s)", self.loss), ("accuracy", self.accuracy)):
            if values is not None and len(values):
                first, last = values[[0, -1]].mean(axis=1)
                lines.append(f"{what}: {first:.4g} -> {last:.4g}, mean over trials")
        return "\n".join(lines)

    def plot(self) -> "Figure":
        """Loss, and accuracy where there is one, against time."""
        from steepest.spiking.picture import draw_learning

        return draw_learning(self)

    def to_dataset(self) -> "Dataset":
        """The same with named axes and units; options are attributes."""
        import xarray as xr

        axes = ("time", "trial")
        data: dict[str, Any] = {
            "loss": (axes, self.loss, {"units": "nats/s"}),
            "spread": (axes, self.spread, {"units": "mV"}),
        }
        if self.accuracy is not None:
            data["accuracy"] = (axes, self.accuracy, {"units": "1"})
        dataset = xr.Dataset(data, coords={"time": self.times})
        dataset["time"].attrs["units"] = "s"
        dataset.attrs.update({**self.options, "complete": int(self.complete)})
        return dataset


class Collector:
    """What has been recorded so far of a network's run."""

    def __init__(self, network: LayeredNetwork, update: float, options: dict[str, Any]) -> None:
        self.network, self.update, self.options = network, update, options
        self.times: list[float] = []
        self.measures: list[dict[str, np.ndarray]] = []

    def add(self, updates: int, trial: Any, measures: dict[str, np.ndarray]) -> None:
        """Record the trials after so many updates, as they were measured."""
        spreads = [
            np.sqrt(np.einsum("tji,ti->tj", np.asarray(w) ** 2, np.asarray(v))).max(axis=1)
            for w, v in zip(self.network.somatic(trial.weights), trial.variances, strict=True)
        ]
        self.times.append(updates * self.update)
        self.measures.append(measures | {"spread": np.max(spreads, axis=0)})

    def close(self, state: NetworkState, complete: bool) -> LearnedNetwork:
        """The result of a run that ended in `state`."""
        trials = len(state.weights[0])
        named = {
            name: np.array([record[name] for record in self.measures]).reshape(-1, trials)
            for name in (self.measures[0] if self.measures else ("loss", "spread"))
        }
        return LearnedNetwork(
            self.network,
            np.array(self.times, dtype=np.float64),
            named["loss"],
            named.get("accuracy"),
            named["spread"],
            state,
            self.options,
            complete,
        )
