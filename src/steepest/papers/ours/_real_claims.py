"""What the study of spoiled experiments must show, from its outcomes."""

import math
from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy.stats import beta

from steepest.papers.ours._calibration_claims import printed
from steepest.study import Claim

__all__ = ["claims"]

_ENOUGH = 100


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Wrong names are rare in every cell, power is kept, intervals and calls hold what they say."""
    runs = int(dataset["outcomes"].isel(design=0, cell=0).sum())
    return [
        *_wrong(dataset, runs),
        _silence(dataset, runs),
        _power(dataset, runs),
        *_coverage(dataset, runs),
        *_groups(dataset, runs),
        _calls(dataset, runs),
        _directed(dataset, runs),
        *_pairs(dataset, runs),
        _kesten(dataset),
    ]


def _cells(dataset: xr.Dataset, chosen: Callable[[str], bool]) -> xr.Dataset:
    return dataset.sel(cell=[str(cell) for cell in dataset["cell"].values if chosen(str(cell))])


def _starts(dataset: xr.Dataset, *kinds: str) -> xr.Dataset:
    return _cells(dataset, lambda cell: cell.startswith(kinds))


def _wrong(dataset: xr.Dataset, runs: int) -> list[Claim]:
    here = _cells(dataset, lambda cell: not cell.startswith("Kesten"))
    wrong = here["outcomes"].sel(outcome="wrong")
    worst = int(wrong.max())
    place = np.unravel_index(int(wrong.values.argmax()), wrong.shape)
    where = f"{here['design'].values[place[0]]}, {here['cell'].values[place[1]]}"
    limit = 1.0 if worst == runs else float(beta.ppf(0.975, worst + 1, runs - worst))
    return [
        Claim.below(
            f"Wrong names in the worst cell ({where})",
            worst / runs,
            0.05,
            standard_error=math.sqrt(0.05 * 0.95 / runs),
            inclusive=True,
            tested=runs >= _ENOUGH,
        ),
        Claim.below(
            "Upper 95 % limit of the wrong names in that cell (Clopper and Pearson, two-sided)",
            limit,
            0.08,
            inclusive=True,
            tested=runs >= _ENOUGH,
        ),
    ]


def _silence(dataset: xr.Dataset, runs: int) -> Claim:
    still = _starts(dataset, "no change")["outcomes"].sel(outcome="wrong")
    many = max(int(still.size) * runs, 1)
    return Claim.below(
        "Files of pure noise that are named",
        float(still.sum()) / many,
        0.01,
        inclusive=True,
        tested=runs >= _ENOUGH and still.size > 0,
    )


def _power(dataset: xr.Dataset, runs: int) -> Claim:
    right = dataset["outcomes"].sel(outcome="right") / runs
    known = set(map(str, dataset["cell"].values))
    shares = []
    for truth in ("multiplicative", "1.5-norm", "euclidean"):
        names = f"clean: {truth}", f"outliers 2 %: {truth}"
        if known >= set(names) and "series" in dataset["design"].values:
            clean, spoiled = (float(right.sel(design="series", cell=name)) for name in names)
            shares.append(spoiled / clean if clean else math.nan)
    return Claim.above(
        "Power at 2 % of measurements tripled, over that without (series; multiplicative,"
        " 1.5-norm, euclidean)",
        shares or [math.nan],
        0.8,
        inclusive=True,
        tested=runs >= _ENOUGH and bool(shares),
    )


def _coverage(dataset: xr.Dataset, runs: int) -> list[Claim]:
    claims = []
    for kinds, words, least in (
        (("clean", "noise by group", "whole pixels"), "without outliers", 0.92),
        (("outliers 2 %:",), "with 2 % of outliers", 0.88),
    ):
        held = _starts(dataset, *kinds)["covered"]
        count = int(held.count())
        share = float(held.mean()) if count else math.nan
        claims.append(
            Claim.above(
                f"The 95 % interval of the index holds the truth, {words} (verdicts not refused)",
                share,
                least,
                standard_error=math.sqrt(share * (1 - share) / count) if count else None,
                inclusive=True,
                tested=runs >= _ENOUGH and count > 0,
            )
        )
    return claims


def _groups(dataset: xr.Dataset, runs: int) -> list[Claim]:
    alike = _starts(dataset, "clean", "noise by group", "t3:")["differ"]
    other = _starts(dataset, "groups")["differ"]
    size = float(alike.mean("run").max()) if int(alike.count()) else math.nan
    power = float(other.mean("run").min()) if int(other.count()) else math.nan
    return [
        Claim.below(
            "Groups of one geometry said to differ at p < .01, worst cell (unequal noise among"
            " them)",
            size,
            0.05,
            inclusive=True,
            tested=runs >= _ENOUGH and math.isfinite(size),
        ),
        Claim.above(
            "Half the groups in another geometry are said to differ, worst cell",
            power,
            0.8,
            inclusive=True,
            tested=runs >= _ENOUGH and math.isfinite(power),
        ),
    ]


def _calls(dataset: xr.Dataset, runs: int) -> Claim:
    rates = dataset["false"].mean("run")
    share = float((rates <= 0.08).sum()) / max(int(rates.count()), 1)
    return Claim.above(
        "Cells in which the share of wrong calls is at most that asked for (5 %) plus 3 %"
        f" (worst {float(rates.max()):.3f}, the usual rule"
        f" {float(dataset['by_ratio'].mean('run').max()):.2f})",
        share,
        0.95,
        inclusive=True,
        tested=runs >= _ENOUGH,
    )


def _directed(dataset: xr.Dataset, runs: int) -> Claim:
    held = _cells(dataset, lambda cell: not cell.startswith("ceiling"))["directed"]
    share = float(held.mean()) if int(held.count()) else math.nan
    return Claim.above(
        "The interval of the directed slope holds the truth (multiplicative truths)",
        share,
        0.9,
        inclusive=True,
        tested=runs >= _ENOUGH and math.isfinite(share),
    )


def _pairs(dataset: xr.Dataset, runs: int) -> list[Claim]:
    truth = dataset["pairs"].values
    bias = dataset["pairs_index"].median("run").values - truth
    held = dataset["pairs_covered"].mean("run").values
    return [
        Claim.close("Bias of the index of pairs (1, .75, .5)", np.zeros(truth.size), bias, 0.03,
                    tested=runs >= _ENOUGH),
        Claim.above("Coverage of the interval of pairs (1, .75, .5)", held, 0.92,
                    inclusive=True, tested=runs >= _ENOUGH),
    ]  # fmt: skip


def _kesten(dataset: xr.Dataset) -> Claim:
    here = _starts(dataset, "Kesten")
    said = []
    for cell in here["cell"].values:
        outcomes = here["outcomes"].sel(cell=cell).sum("design")
        total = int(outcomes.sum())
        reverts = float(here["reverts"].sel(cell=cell).mean())
        said.append(
            f"{cell}: dominant term {int(outcomes.sel(outcome='right'))}, other names"
            f" {int(outcomes.sel(outcome='wrong'))} of {total}, reversion flagged {reverts:.2f}"
        )
    words = "Kesten processes that get the name of a term, a partial truth"
    return printed(words, "; ".join(said) or "none simulated")
