"""What the calibration of trainers must show, from its table of pairs; of odd seeds only."""

import math

import numpy as np
import xarray as xr

from steepest.papers.ours._calibration_claims import printed
from steepest.papers.ours._trainer_pairs import KINDS, UNRELATED
from steepest.papers.ours._trainers import GEOMETRY_OF, TRAINERS
from steepest.study import Claim

__all__ = ["ANSWERS", "answer_of", "claims", "confusion", "fates"]

_SHORT = {
    "SGD, with or without momentum": "SGD",
    "SGD with weight decay": "SGD, decay",
    "Adam": "Adam",
    "AdamW": "AdamW",
    "the sign of the gradient, or Lion": "sign, Lion",
    "Muon, or another orthogonalised momentum": "Muon",
    "exponentiated gradient": "EG",
    "adaptive exponentiated gradient": "adaptive EG",
    "mirror descent in the 3-norm": "3-norm",
}
ANSWERS = (*_SHORT.values(), "none", "refused")
"""What a pair can be called, in short."""

_FEWEST = 100  # pairs from which a share is tested


def answer_of(name: str, outcome: str = "named") -> str:
    """The short answer for a name that a verdict gives, or for an outcome without one."""
    return _SHORT.get(name, "none") if outcome == "named" else outcome


def confusion(dataset: xr.Dataset) -> tuple[list[str], np.ndarray, list[int]]:
    """Trainers, the shares of answers that each got (trainer, answer), and how many pairs."""
    held = _rows(dataset, ("trained",))
    trainers = [name for name in TRAINERS if name in held["trainer"].values]
    shares, counts = np.zeros((len(trainers), len(ANSWERS))), []
    for row, trainer in enumerate(trainers):
        here = np.flatnonzero(held["trainer"].values == trainer)
        counts.append(len(here))
        for at in here:
            answer = answer_of(str(held["name"].values[at]), str(held["outcome"].values[at]))
            shares[row, ANSWERS.index(answer)] += 1 / len(here)
    return trainers, shares, counts


def fates(dataset: xr.Dataset) -> dict[str, dict[str, int]]:
    """For each kind of pair that is not before and after: how many were refused, none, named."""
    return {
        kind: {
            outcome: int((_rows(dataset, (kind,))["outcome"].values == outcome).sum())
            for outcome in ("refused", "none", "named")
        }
        for kind in KINDS[1:]
    }


def claims(dataset: xr.Dataset) -> list[Claim]:
    """No geometry is wrong, unrelated pairs are refused; who was taken for whom is printed."""
    trained = _rows(dataset, ("trained",))
    named = trained["outcome"].values == "named"
    truth = np.array([GEOMETRY_OF.get(TRAINERS[t].name, "") for t in trained["trainer"].values])
    wrong = named & (trained["geometry"].values != truth)
    judged = len(truth)
    refused = _rows(dataset, UNRELATED)["outcome"].values == "refused"
    lost = trained["outcome"].values == "refused"
    stated = [
        _share("Networks whose geometry is named wrongly", wrong, 0.01),
        Claim.above(
            "Pairs that are not before and after one another are refused (unrelated, permuted,"
            " pruned, rewound with a mask, noise)",
            refused.mean() if refused.size else math.nan,
            0.98,
            standard_error=_error(refused),
            inclusive=True,
            tested=refused.size >= _FEWEST,
        ),
        printed("Networks that were trained, and refused", f"{lost.mean():.1%} of {judged}"),
    ]
    for kind, row in fates(dataset).items():
        said = ", ".join(f"{outcome} {count}" for outcome, count in row.items() if count)
        stated.append(printed(f"Pairs: {kind}", said or "none made"))
    trainers, shares, counts = confusion(dataset)
    for trainer, row, count in zip(trainers, shares, counts, strict=True):
        order = np.argsort(-row)
        said = ", ".join(f"{ANSWERS[at]} {round(row[at] * count)}" for at in order if row[at])
        stated.append(printed(f"Called, of {count} trained by {trainer}", said))
    return stated


def _rows(dataset: xr.Dataset, kinds: tuple[str, ...]) -> xr.Dataset:
    """The pairs of these kinds, of odd seeds: thresholds have not seen them."""
    held = (dataset["seed"].values % 2 == 1) & np.isin(dataset["kind"].values, kinds)
    return dataset.isel(pair=np.flatnonzero(held))


def _share(statement: str, events: np.ndarray, limit: float) -> Claim:
    return Claim.below(
        statement,
        events.mean() if events.size else math.nan,
        limit,
        standard_error=_error(events),
        inclusive=True,
        tested=events.size >= _FEWEST,
    )


def _error(events: np.ndarray) -> float | None:
    if not events.size:
        return None
    share = float(events.mean())
    return math.sqrt(share * (1 - share) / events.size)
