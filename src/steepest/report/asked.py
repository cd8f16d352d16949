"""From files of sizes and what is asked of them to the answer: a pair, sessions, or unpaired."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.data.header import parse_header_row
from steepest.data.settings import is_said
from steepest.data.size_table import SizeTable
from steepest.data.tables import open_file, take_columns
from steepest.errors import DataError, UsageError
from steepest.files import plain
from steepest.inference.synapses.request import Request
from steepest.report.answer import Answer
from steepest.report.page import Page
from steepest.report.tables import text, together

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["answer_request", "classify_request"]


def answer_request(files: Path | Sequence[Path], request: Request) -> Answer:
    """What sizes say about what is asked. Raises DataError as readers and estimators do.

    Every file is read once, and before the estimators are imported: a bad one is refused at once.

    >>> import tempfile
    >>> import numpy as np
    >>> from steepest.inference import simulate_change
    >>> from steepest.inference.synapses.request import Request
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "sizes.npy"
    ...     np.save(file, np.column_stack(simulate_change(100, 1.0, seed=1)))
    ...     answer = answer_request(file, Request(before="0", after="1", noise_cv=0))
    >>> answer.content["outcome"], answer.content["request"]
    ('undecided', {'before': '0', 'after': '1', 'noise_cv': 0, 'seed': 0})
    """
    if request.pairs:
        return _pairs(files, request)
    sizes = request.read(files)
    if "compare" in sizes.labels:
        answer = _compared(sizes, request)
    elif request.unpaired:
        answer = _unpaired(sizes, request)
    elif request.signed or request.noise is not None or request.paired(sizes):
        answer = _pair(sizes, request)
    else:
        answer = _measured(sizes, request)
    return _noted(answer, sizes.notes)


def classify_request(
    files: Path | Sequence[Path], request: Request, *, change: float, fdr: float
) -> Answer:
    """A call for every synapse of a table. Raises as readers, estimators and `classify` do.

    >>> import tempfile
    >>> import numpy as np
    >>> from steepest.inference import Design, simulate_design
    >>> from steepest.inference.synapses.request import Request
    >>> sizes = np.exp(simulate_design(Design(synapses=100, sessions=3), 1, seed=1).log_sizes)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "sizes.npy"
    ...     np.save(file, sizes)
    ...     answer = classify_request(file, Request(sessions=("0", "1", "2")), change=0.2, fdr=0.05)
    >>> answer.content["schema"]
    'steepest.calls/1'
    """
    from steepest.inference.synapses.calls import check_asked, classify
    from steepest.inference.synapses.measured import infer_measured
    from steepest.report.calls import calls_answer

    check_asked(change, fdr)
    sizes = request.read(files)
    measured = request.measurements(sizes)
    stated = request.noise_cv is not None or request.noise_sd is not None
    if measured.source is None and not stated:
        raise DataError(
            f"{sizes.path}: calls need a known noise, and two columns hold none: give a third"
            " session, replicates, or a null condition; --noise-cv 0 says that sizes are exact"
        )
    verdict = infer_measured(
        measured,
        noise_cv=request.noise_cv,
        noise_sd=request.noise_sd,
        seed=request.seed or 0,
        keep_outliers=request.keep_outliers,
    )
    calls = classify(verdict, change, fdr)
    asked = _understood(request) | {"change": change, "fdr": fdr}
    answer = calls_answer(
        calls, measured, source=sizes.source, request=asked, rows=sizes.row_names()
    )
    return _noted(answer, sizes.notes)


def _measured(sizes: SizeTable, request: Request) -> Answer:
    from steepest.inference.synapses.measured import infer_measured
    from steepest.report.measured import measured_answer

    try:
        measured = request.measurements(sizes)
    except DataError as error:
        raise DataError(f"{sizes.path}: {error}") from error
    stated = request.noise_cv is not None or request.noise_sd is not None
    if measured.source is None and not stated:
        # Groups alone say nothing about noise: the pair is judged without it, and never named.
        return _pair(sizes, request)
    verdict = infer_measured(
        measured,
        noise_cv=request.noise_cv,
        noise_sd=request.noise_sd,
        seed=request.seed or 0,
        keep_outliers=request.keep_outliers,
    )
    return measured_answer(
        verdict, source=sizes.source, request=_understood(request), rows=sizes.row_names()
    )


def _pair(sizes: SizeTable, request: Request) -> Answer:
    from steepest.inference.synapses.assumed_noise import sensitivity
    from steepest.inference.synapses.covariate import rate_exponent
    from steepest.inference.synapses.pair import infer_geometry
    from steepest.report.pair import pair_answer
    from steepest.report.rows import pair_rows

    option = "--signed" if request.signed else "--noise"
    if len(sizes.sessions) != 2 or sizes.replicated:
        raise DataError(
            f"{sizes.path}: {option} judges one pair of sessions, and there are"
            f" {len(sizes.sessions)}{' with replicates' if sizes.replicated else ''}: choose two"
        )
    before, after = (columns[0] for columns in sizes.sessions)
    seed = request.seed or 0
    labels = sizes.labels.get("cluster") or sizes.labels.get("group")
    groups = None if labels is None else labels.texts()
    try:
        verdict = infer_geometry(
            before,
            after,
            **request.stated_noise(),
            detection_limit=request.detection_limit,
            groups=groups,
            signed=request.signed,
            seed=seed,
        )
    except DataError as error:
        raise DataError(f"{sizes.path}: {error}") from error
    rate = assumed = None
    if sizes.rates is not None:
        columns = (before.values, after.values, sizes.rates.values)
        rate = rate_exponent(*columns, groups=groups, seed=seed)
    if verdict.noise.kind == "unknown" and not request.signed:
        assumed = sensitivity(verdict.before, verdict.after)
    return pair_answer(
        verdict,
        source=sizes.source,
        before=request.before or sizes.names[0],
        after=request.after or sizes.names[1],
        rate=rate,
        assumed=assumed,
        request=_understood(request),
        rows=lambda: pair_rows(
            _called(sizes),
            sizes.row_names(),
            before.values,
            after.values,
            request.detection_limit,
        ),
    )


def _compared(sizes: SizeTable, request: Request) -> Answer:
    """A verdict for every value of the condition that is compared, and their differences."""
    from steepest.inference.synapses.comparison import compare_conditions
    from steepest.report.comparison import comparison_answer

    values = sizes.labels["compare"]
    stated = request.noise_cv is not None or request.noise_sd is not None
    measured = {}
    for code in np.argsort(np.array(values.names, dtype=object)):
        name = values.names[code]
        try:
            part = request.measurements(sizes.select(values.codes == code))
        except DataError as error:
            raise DataError(f"{sizes.path}: condition {name!r}: {error}") from error
        if part.source is None and not stated:
            raise DataError(
                f"{sizes.path}: --compare needs to know the noise of measurement: give three"
                " sessions or more, replicates, or a stated noise (--noise-cv 0 says that sizes are"
                " exact)"
            )
        measured[name] = part
    try:
        comparison = compare_conditions(
            measured,
            noise_cv=request.noise_cv,
            noise_sd=request.noise_sd,
            seed=request.seed or 0,
        )
    except DataError as error:
        raise DataError(f"{sizes.path}: {error}") from error
    return comparison_answer(
        comparison,
        source=sizes.source,
        condition=request.compare or "file",
        request=_understood(request),
    )


def _unpaired(sizes: SizeTable, request: Request) -> Answer:
    from steepest.inference.synapses.unpaired import infer_unpaired
    from steepest.report.rows import unpaired_rows
    from steepest.report.unpaired import unpaired_answer

    before, after = (columns[0].values for columns in sizes.sessions)
    try:
        verdict = infer_unpaired(before, after, seed=request.seed or 0)
    except DataError as error:
        raise DataError(f"{sizes.path}: {error}") from error
    return unpaired_answer(
        verdict,
        source=sizes.source,
        before=str(request.before),
        after=str(request.after),
        request=_understood(request),
        rows=lambda: unpaired_rows(_called(sizes), sizes.row_names(), before, after),
    )


def _pairs(files: Path | Sequence[Path], request: Request) -> Answer:
    from steepest.inference.synapses.exchangeable import infer_pairs, long_pairs
    from steepest.report.pairs import pairs_answer

    several = [files] if isinstance(files, Path) else [*files]
    if len(several) > 1:
        raise UsageError("--pairs of several files: give one file with both synapses of every pair")
    path = several[0]
    try:
        if request.pair is None:
            before, after = (columns[0] for columns in request.read(path).sessions)
            sizes = before.values, after.values
            called = f"column {request.before} and column {request.after}"
        else:
            size, pair = str(request.size), request.pair
            header_row = parse_header_row(request.header_row)
            columns = take_columns(
                open_file(path, request.table, header_row=header_row, asked=[size, pair]),
                [size],
                labels=[pair],
                absent=request.absent,
                not_measured=request.not_measured,
                missing=True,
            )
            sizes = long_pairs(columns.labels[0], columns.arrays[0])
            called = f"column {request.size} by {request.pair}"
        verdict = infer_pairs(
            *sizes,
            noise_cv=request.noise_cv,
            noise_sd=request.noise_sd,
            seed=request.seed or 0,
        )
    except DataError as error:
        if str(error).startswith(str(path)):
            raise
        raise DataError(f"{path}: {error}") from error
    return pairs_answer(verdict, source=path.name, columns=called, request=_understood(request))


def _called(sizes: SizeTable) -> list[str]:
    """The two columns of a pair by their own names, or by the sessions' in a long table."""
    names = [columns[0].name for columns in sizes.sessions]
    return names if names[0] != names[1] else list(sizes.names)


def _noted(answer: Answer, notes: Sequence[str]) -> Answer:
    """The answer with sentences on how the table was understood, in each of its forms."""
    if not notes:
        return answer

    def noted(printed: "Callable[[], RenderableType]") -> "Callable[[], RenderableType]":
        return lambda: together(*(text(f"note: {note}") for note in notes), "", printed())

    def page() -> Page:
        plain = answer.page()
        return replace(plain, notes=[*plain.notes, *(("Of the table:", note) for note in notes)])

    content = answer.content | {"notes": list(notes)}
    short = None if answer.short is None else noted(answer.short)
    return replace(answer, content=content, table=noted(answer.table), short=short, page=page)


def _understood(request: Request) -> dict[str, Any]:
    """What was asked, as it was understood; only what was said."""
    return plain(
        {name: value for name, value in asdict(request).items() if is_said(value)}
        | {"seed": request.seed or 0}
    )
