"""What the study of spoiled experiments must show, from its outcomes."""

import math
from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy.stats import beta

from steepest.papers.ours._calibration_claims import printed
from steepest.papers.ours._comparisons import COMPARISONS
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
        *_directed(dataset, runs),
        *_pairs(dataset, runs),
        *_comparisons(dataset, runs),
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
    clean = _starts(dataset, "clean", "noise by group", "whole pixels")["covered"]
    spoiled = _starts(dataset, "outliers 2 %:")["covered"]
    share, error = _share(spoiled)
    return [
        _between(
            "The 95 % interval of the index holds the truth, without outliers (verdicts not"
            " refused)",
            clean,
            0.03,
            runs,
        ),
        Claim.above(
            "The 95 % interval of the index holds the truth, with 2 % of outliers (verdicts not"
            " refused)",
            share,
            0.88,
            standard_error=error,
            inclusive=True,
            tested=runs >= _ENOUGH and error is not None,
        ),
    ]


def _share(held: xr.DataArray) -> tuple[float, float | None]:
    """The share of those that were judged, and its standard error."""
    count = int(held.count())
    if not count:
        return math.nan, None
    share = float(held.mean())
    return share, math.sqrt(share * (1 - share) / count)


def _between(statement: str, held: xr.DataArray, tolerance: float, runs: int) -> Claim:
    """The claim that intervals hold the truth in 95 %, give or take the tolerance and chance."""
    count = int(held.count())
    return Claim.near(
        f"{statement}, .95 give or take {tolerance:g}",
        0.95,
        float(held.mean()) if count else math.nan,
        math.sqrt(0.95 * 0.05 / count) if count else math.nan,
        by=2,
        tolerance=tolerance,
        tested=runs >= _ENOUGH,
    )


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


def _directed(dataset: xr.Dataset, runs: int) -> list[Claim]:
    """Multiplicative truths only; errors, ceilings and losses by size move the slope."""
    kinds = "clean", "noise by group", "whole pixels", "directed change"
    held = _starts(dataset, *kinds)["directed"]
    claims = []
    if "pair and replicates" in dataset["design"].values:
        claims.append(
            _between(
                "The interval of the directed slope holds the truth, corrected by replicates",
                held.sel(design="pair and replicates"),
                0.025,
                runs,
            )
        )
    for design, words, least in (
        ("pair and null", "less that of the sham", 0.92),
        ("series", "corrected by the noise curve of a series", 0.9),
    ):
        if design in dataset["design"].values:
            share, error = _share(held.sel(design=design))
            claims.append(
                Claim.above(
                    f"The interval of the directed slope holds the truth, {words}",
                    share,
                    least,
                    standard_error=error,
                    inclusive=True,
                    tested=runs >= _ENOUGH and error is not None,
                )
            )
    return claims


def _pairs(dataset: xr.Dataset, runs: int) -> list[Claim]:
    truth = dataset["pairs"].values
    bias = dataset["pairs_index"].median("run").values - truth
    held = dataset["pairs_covered"].mean("run").values
    return [
        Claim.close("Bias of the index of pairs (1, .75, .5)", np.zeros(truth.size), bias, 0.03,
                    tested=runs >= _ENOUGH),
        Claim.near("Coverage of the interval of pairs (1, .75, .5), .95 give or take .02", 0.95,
                   held, math.sqrt(0.95 * 0.05 / runs), by=2, tolerance=0.02,
                   tested=runs >= _ENOUGH),
    ]  # fmt: skip


def _comparisons(dataset: xr.Dataset, runs: int) -> list[Claim]:
    """Conditions of one geometry seldom differ, and of two they mostly do."""
    counts = dataset["compared"]
    said = counts.sel(answer=["differ", "alike"]).sum("answer")
    alike = [str(name) for name in counts["comparison"].values if _alike(str(name))]
    other = [name for name in ("1 and .5", "1 and 0") if name in counts["comparison"].values]
    differ = counts.sel(answer="differ")
    error = math.sqrt(0.05 * 0.95 / runs)
    return [
        Claim.below(
            "Conditions of one geometry said to differ, worst of"
            f" {len(alike)} kinds (of all experiments)",
            float(differ.sel(comparison=alike).max()) / runs if alike else math.nan,
            0.05,
            standard_error=error,
            by=2,
            inclusive=True,
            tested=runs >= _ENOUGH and bool(alike),
        ),
        Claim.above(
            "Conditions of index 1 and .5, and of 1 and 0, said to differ (of those that are"
            " compared), the rarer",
            float((differ / said).sel(comparison=other).min()) if other else math.nan,
            0.8,
            inclusive=True,
            tested=runs >= _ENOUGH and bool(other),
        ),
        printed(
            "Intervals of the difference that hold the truth",
            "; ".join(
                f"{name}: {float(held.mean()):.3f} of {int(held.count())}"
                for name in counts["comparison"].values
                if int((held := dataset["difference_covered"].sel(comparison=name)).count())
            )
            or "none compared",
        ),
    ]


def _alike(name: str) -> bool:
    return COMPARISONS[name].first == COMPARISONS[name].second


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
