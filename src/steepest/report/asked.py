"""From a file of sizes and what is asked of it to the answer: a pair, sessions, or unpaired."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from steepest.data.tables import Columns
from steepest.errors import DataError
from steepest.files import plain
from steepest.inference.synapses.request import Request, is_said
from steepest.report.answer import Answer

__all__ = ["answer_request", "classify_request"]


def answer_request(file: Path, request: Request) -> Answer:
    """What a file of sizes says about what is asked. Raises DataError as readers and estimators do.

    The file is read once, and before the estimators are imported: a bad one is refused at once.

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
    columns = request.columns(file)
    if request.pairs:
        return _pairs(columns, request)
    if request.unpaired:
        return _unpaired(columns, request)
    if request.paired:
        return _pair(columns, request)
    return _measured(columns, request)


def classify_request(file: Path, request: Request, *, change: float, fdr: float) -> Answer:
    """A call for every synapse of a file. Raises as readers, estimators and `classify` do.

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
    columns = request.columns(file)
    measured = request.measurements(columns)
    stated = request.noise_cv is not None or request.noise_sd is not None
    if measured.source is None and not stated:
        raise DataError(
            f"{columns.path}: calls need a known noise, and two columns hold none: give a third"
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
    return calls_answer(calls, source=columns.path.name, request=asked)


def _measured(columns: Columns, request: Request) -> Answer:
    from steepest.inference.synapses.measured import infer_measured
    from steepest.report.measured import measured_answer

    measured = request.measurements(columns)
    stated = request.noise_cv is not None or request.noise_sd is not None
    if measured.source is None and not stated:
        # Groups alone say nothing about noise: the pair is judged without it, and never named.
        return _pair(columns, request)
    verdict = infer_measured(
        measured,
        noise_cv=request.noise_cv,
        noise_sd=request.noise_sd,
        seed=request.seed or 0,
        keep_outliers=request.keep_outliers,
    )
    return measured_answer(
        verdict, source=columns.path.name, request=_understood(request), rows=columns.rows.tolist()
    )


def _pair(columns: Columns, request: Request) -> Answer:
    from steepest.inference.synapses.assumed_noise import sensitivity
    from steepest.inference.synapses.covariate import rate_exponent
    from steepest.inference.synapses.pair import infer_geometry
    from steepest.report.pair import pair_answer
    from steepest.report.rows import pair_rows

    before, after = columns.labelled()[:2]
    seed = request.seed or 0
    groups = columns.labels[0] if request.group is not None else None
    try:
        verdict = infer_geometry(
            before,
            after,
            noise_cv=request.noise_cv,
            noise_sd=request.noise_sd,
            detection_limit=request.detection_limit,
            groups=groups,
            seed=seed,
        )
    except DataError as error:
        raise DataError(f"{columns.path}: {error}") from error
    rate = assumed = None
    if request.rate is not None:
        rate = rate_exponent(*columns.arrays[:3], groups=groups, seed=seed)
    if verdict.noise.kind == "unknown":
        assumed = sensitivity(verdict.before, verdict.after)
    return pair_answer(
        verdict,
        source=columns.path.name,
        before=str(request.before),
        after=str(request.after),
        rate=rate,
        assumed=assumed,
        request=_understood(request),
        rows=lambda: pair_rows(
            columns.names[:2],
            columns.rows.tolist(),
            columns.arrays[0],
            columns.arrays[1],
            request.detection_limit,
        ),
    )


def _unpaired(columns: Columns, request: Request) -> Answer:
    from steepest.inference.synapses.unpaired import infer_unpaired
    from steepest.report.rows import unpaired_rows
    from steepest.report.unpaired import unpaired_answer

    try:
        verdict = infer_unpaired(columns.arrays[0], columns.arrays[1], seed=request.seed or 0)
    except DataError as error:
        raise DataError(f"{columns.path}: {error}") from error
    return unpaired_answer(
        verdict,
        source=columns.path.name,
        before=str(request.before),
        after=str(request.after),
        request=_understood(request),
        rows=lambda: unpaired_rows(
            columns.names, columns.rows.tolist(), columns.arrays[0], columns.arrays[1]
        ),
    )


def _pairs(columns: Columns, request: Request) -> Answer:
    from steepest.inference.synapses.exchangeable import infer_pairs, long_pairs
    from steepest.report.pairs import pairs_answer

    try:
        if request.pair is None:
            sizes = columns.arrays[0], columns.arrays[1]
            called = f"column {request.before} and column {request.after}"
        else:
            sizes = long_pairs(columns.labels[0], columns.arrays[0])
            called = f"column {request.size} by {request.pair}"
        verdict = infer_pairs(
            *sizes,
            noise_cv=request.noise_cv,
            noise_sd=request.noise_sd,
            seed=request.seed or 0,
        )
    except DataError as error:
        raise DataError(f"{columns.path}: {error}") from error
    return pairs_answer(
        verdict, source=columns.path.name, columns=called, request=_understood(request)
    )


def _understood(request: Request) -> dict[str, Any]:
    """What was asked, as it was understood; only what was said."""
    return plain(
        {name: value for name, value in asdict(request).items() if is_said(value)}
        | {"seed": request.seed or 0}
    )
