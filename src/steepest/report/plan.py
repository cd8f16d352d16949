"""A plan, how many synapses an experiment takes, as an answer."""

from typing import TYPE_CHECKING

from steepest._version import __version__
from steepest.files import to_csv
from steepest.inference.designs.planning import Plan, described
from steepest.papers.pogodin2024 import CITATION
from steepest.report.answer import Answer
from steepest.report.page import Page, Section
from steepest.report.tables import plain_table, text, together
from steepest.report.words import capital

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["plan_answer"]

_MEANING = (
    "The experiments were simulated, and judged by the code that judges measured synapses.",
    "They hold for synapses like these: another spread, change or noise needs another plan.",
)
_CAPTION = (
    "How often simulated experiments name each geometry rightly (solid, with standard errors) and"
    " wrongly (dashed), against the number of synapses; the grey line is 80 %."
)


def plan_answer(plan: Plan) -> Answer:
    """The plan for terminal, JSON and page.

    >>> from steepest.inference import Design, plan
    >>> planned = plan(Design(synapses=40, sessions=3, groups=4), truths=["euclidean"], runs=1)
    >>> plan_answer(planned).page().statement
    'None of these designs is enough for any of these geometries.'
    """
    return Answer(
        name="plan",
        heading="",
        content=plan.to_dict(),
        table=lambda: _table(plan),
        page=lambda: _page(plan),
        draw=plan.plot,
        others={"plan.csv": lambda: _csv(plan)},
    )


def _page(plan: Plan) -> Page:
    enough = [truth for truth in plan.truths if plan.enough(truth) is not None]
    return Page(
        title="Plan of an experiment",
        question="How many synapses does it take to name a geometry?",
        asked=f"Asked of {plan.runs} simulated experiments of each kind; {_assumed(plan)}.",
        statement=(
            f"One of these designs is enough for {', '.join(enough)}."
            if enough
            else "None of these designs is enough for any of these geometries."
        ),
        tone="good" if len(enough) == len(plan.truths) else "open",
        meaning=_MEANING,
        paper=[("Results", capital(plan.sentence())), ("Methods", _methods(plan))],
        reason="Enough is: 80 % of the experiments name the geometry rightly.",
        alt="Share of experiments that name each geometry, by the number of synapses",
        caption=_CAPTION,
        sections=[
            Section(
                "The smallest design that is enough",
                ("Geometry", "Design"),
                _enough(plan),
                folded=False,
            ),
            Section(
                "Share of experiments that name the geometry rightly (wrongly)",
                ("Design", *plan.truths),
                _shares(plan),
                numbers=tuple(range(1, 1 + len(plan.truths))),
            ),
        ],
        citations=[CITATION],
        seed=plan.seed,
    )


def _csv(plan: Plan) -> str:
    columns = ("synapses", "sessions", "replicates", "geometry", "named rightly",
               "standard error", "named wrongly")  # fmt: skip
    return to_csv(
        columns,
        (
            (
                design.synapses,
                design.sessions,
                design.replicates,
                truth,
                float(plan.power[row, column]),
                float(plan.standard_error[row, column]),
                float(plan.wrong[row, column]),
            )
            for row, design in enumerate(plan.designs)
            for column, truth in enumerate(plan.truths)
        ),
    )


def _methods(plan: Plan) -> str:
    return (
        f"Experiments were simulated with steepest {__version__}: {plan.runs} for each design and"
        f" geometry, with {_assumed(plan)}. A design is enough where 80 % of its experiments name"
        f" the geometry rightly. Random seed {plan.seed}."
    )


def _table(plan: Plan) -> "Group":
    """Power of every design and geometry, wrong names in brackets, and what is enough."""
    rows = plain_table("Design", *plan.truths, numbers=1)
    for row in _shares(plan):
        rows.add_row(*row)
    head = text(
        "Share of experiments that name the geometry rightly (wrongly), of"
        f" {plan.runs} simulated; {_assumed(plan)}"
    )
    lines = [text(f"80 % for {truth}: {design}") for truth, design in _enough(plan)]
    return together(head, "", rows, "", *lines)


def _assumed(plan: Plan) -> str:
    design = plan.designs[0]
    return (
        f"spread {design.spread:.2g}, change {design.change:.2g}, noise"
        f" {design.multiplicative:.2g} multiplicative, {design.shot:.2g} shot,"
        f" {design.additive:.2g} additive, {design.groups} groups"
    )


def _shares(plan: Plan) -> list[tuple[str, ...]]:
    return [
        (described(design), *(f"{p:.2f} ({w:.2f})" for p, w in zip(power, wrong, strict=True)))
        for design, power, wrong in zip(plan.designs, plan.power, plan.wrong, strict=True)
    ]


def _enough(plan: Plan) -> list[tuple[str, str]]:
    designs = ((truth, plan.enough(truth)) for truth in plan.truths)
    return [
        (truth, "none of these designs" if design is None else described(design))
        for truth, design in designs
    ]
