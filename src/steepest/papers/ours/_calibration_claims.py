"""What the calibration study must show, from its outcomes."""

import math

import numpy as np
import xarray as xr
from scipy.stats import beta

from steepest.inference import GEOMETRIES
from steepest.study import Claim

__all__ = ["claims", "printed"]


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Wrong names are rare in every cell, noise alone is never named, intervals hold the truth."""
    outcomes = dataset["outcomes"]
    runs = int(outcomes.isel(design=0, truth=0, noise=0).sum())
    enough = runs >= 100
    wrong = outcomes.sel(outcome="wrong") / runs
    worst = float(wrong.max())
    stated = [
        _at_most(
            "Wrong names in the worst cell of truth and noise (designs apart)", 0.05, worst, runs
        )
    ]
    limit = _upper_limit(int(outcomes.sel(outcome="wrong").max()), runs)
    stated.append(
        Claim.below(
            "Upper 95 % limit of the wrong names in that cell (Clopper and Pearson, two-sided)",
            limit,
            0.08,
            inclusive=True,
            tested=enough,
        )
    )
    if "no change" in dataset["truth"].values:
        still = outcomes.sel(outcome="wrong", truth="no change")
        many = int(still.size * runs)
        stated.append(
            _at_most("Files of pure noise that are named", 0.01, float(still.sum()) / many, many)
        )
    held = dataset["covered"].sel(truth=[t for t in dataset["truth"].values if t in GEOMETRIES])
    many = int(np.isfinite(held.values).sum())
    share = float(np.nanmean(held.values)) if many else math.nan
    stated.append(
        Claim.above(
            "The 95 % interval of the index holds the truth (verdicts not refused)",
            share,
            0.9,
            standard_error=math.sqrt(share * (1 - share) / many) if many else None,
            inclusive=True,
            tested=enough,
        )
    )
    stated.append(_lowest_coverage(held))
    stated += [_parts(dataset, design) for design in dataset["design"].values]
    stated += [_power(dataset, design, runs) for design in dataset["design"].values]
    held = dataset["logroot_coverage"]
    count = int(dataset["logroot_runs"])
    error = math.sqrt(0.95 * 0.05 / count)
    stated.append(
        Claim.near(
            "Coverage of the logroot interval, worst of three shapes and five geometries",
            0.95,
            (held.min(), held.max()),
            error,
            by=2,
            tolerance=0.03,
            tested=count >= 100,
        )
    )
    naive = float(dataset["naive_wrong"].sel(criterion="Delta CDF").sum())
    total = int(outcomes.sum())
    of_all = float(outcomes.sel(outcome="wrong").sum()) / total
    stated.append(
        Claim.above(
            "Naming the smallest Delta CDF without regard to noise is wrong more often than this"
            " verdict",
            naive / total,
            of_all,
        )
    )
    return stated


def _at_most(statement: str, limit: float, measured: float, runs: int) -> Claim:
    enough = runs >= 100
    error = math.sqrt(max(measured * (1 - measured), limit * (1 - limit)) / runs)
    return Claim.below(
        statement,
        measured,
        limit,
        standard_error=error,
        inclusive=True,
        tested=enough,
    )


def _upper_limit(events: int, runs: int) -> float:
    return 1.0 if events == runs else float(beta.ppf(0.975, events + 1, runs - events))


def _lowest_coverage(held: xr.DataArray) -> Claim:
    """Where the index's interval holds the truth least often, among cells with enough verdicts."""
    cells = held.stack(cell=("design", "truth", "noise")).transpose("cell", "run")
    judged, shares = cells.count("run").values, cells.mean("run").values
    enough = judged >= 100
    said, error = "no cell has 100 verdicts", None
    if enough.any():
        lowest = int(np.argmin(np.where(enough, shares, np.inf)))
        share, many = float(shares[lowest]), int(judged[lowest])
        said = (
            f"{share:.2f} of {many} ({', '.join(cells['cell'].values[lowest])});"
            f" {int((shares[enough] < 0.9).sum())} of {int(enough.sum())} cells are below .9"
        )
        error = math.sqrt(share * (1 - share) / many)
    words = "Coverage of the index's interval in the worst cell of 100 verdicts or more"
    return printed(words, said, error)


def _parts(dataset: xr.Dataset, design: str) -> Claim:
    held = dataset["covered_part"].sel(design=design)
    counts = held.count(("truth", "noise", "run"))
    shares = held.mean(("truth", "noise", "run"))
    said = ", ".join(
        f"{part} {float(shares.sel(part=part)):.2f} of {int(counts.sel(part=part))}"
        for part in dataset["part"].values
        if int(counts.sel(part=part))
    )
    words = f"Intervals of parts that hold the truth, all cells ({design})"
    return printed(words, said or "none judged")


def _power(dataset: xr.Dataset, design: str, runs: int) -> Claim:
    right = dataset["outcomes"].sel(outcome="right", design=design) / runs
    truths = [t for t in dataset["truth"].values if t in GEOMETRIES]
    shares = right.sel(truth=truths).mean("noise")
    said = ", ".join(f"{t} {float(shares.sel(truth=t)):.2f}" for t in truths)
    return printed(f"Right names, mean over noises ({design})", said)


def printed(statement: str, said: str, error: float | None = None) -> Claim:
    """What is told, with nothing to hold it against: made by hand for that."""
    return Claim(
        statement=statement,
        expected="printed, not tested",
        measured=said,
        standard_error=error,
        holds=None,
    )
