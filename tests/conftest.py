"""Strict JAX, run-time type checks, and a count of the tests that need our shared data."""

import gc
import os
from pathlib import Path

# Programs that one worker, or an earlier run, has compiled are read by the others. Set before JAX
# is imported, and inherited by the processes that tests start.
COMPILED = Path(__file__).resolve().parents[1] / ".pytest_cache" / "xla"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(COMPILED))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
# A program that can call back to raise cannot be kept: what the solvers check inside it (our own
# checks come before) makes its result NaN instead, which no test of a flow survives.
os.environ.setdefault("EQX_ON_ERROR", "nan")
# Where in the source each operation stands costs 3 % and is read by nobody.
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")

import economy
import jax
import jaxtyping
import matplotlib
import pytest
import typed
from threadpoolctl import threadpool_limits

matplotlib.use("Agg")
economy.share_contexts()
economy.leave_at_once()
# On matrices as small as ours the threads of BLAS wait for each other: NumPy's, then SciPy's.
threadpool_limits(1, "blas")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# Every annotated function of ours is checked, shapes included, whenever a test calls it.
jaxtyping.jaxtyped = typed.guarded_when_called
jaxtyping.install_import_hook("steepest", "typed.checked")

SHARED = Path(__file__).resolve().parents[2] / "shared"
NO_SHARED_DATA = "shared data not beside this checkout"


# Half the time of the normal suite was XLA compiling some thousand small programs that run once.
COMPILE_FAST = (
    "--xla_backend_optimization_level=1"
    " --xla_llvm_disable_expensive_passes=true"
    " --xla_cpu_use_fusion_emitters=false"
    " --xla_cpu_parallel_codegen_split_count=1"
)


def pytest_configure(config):
    """In the normal suite, compile quickly and check fewer calls; `XLA_FLAGS= pytest` does not."""
    if config.option.markexpr == "not slow":
        os.environ.setdefault("XLA_FLAGS", COMPILE_FAST)
        os.environ.setdefault("STEEPEST_TESTS_CHECK_FIRST_CALLS", "100")  # see `typed.py`


def pytest_collection_finish(session):
    # Traced programs are many small objects: looking through them less often saves a tenth.
    gc.set_threshold(100_000, 20, 100)
    gc.freeze()  # what was imported stays: no need to look through it again at every collection


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    # One look for what nobody holds and cannot be closed; pytest would take five.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings beside our own checkouts; skips where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(NO_SHARED_DATA)
    return folder


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Run a command line in an empty folder; gives its code, stdout and stderr."""
    from steepest import cli  # after the hook, so that it is checked too

    monkeypatch.chdir(tmp_path)

    def call(*tokens):
        code = cli.run([str(token) for token in tokens])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(NO_SHARED_DATA in str(report.longrepr) for report in skipped)
    terminalreporter.write_line(f"tests skipped because shared data is absent: {count}")


@pytest.fixture
def sketched(monkeypatch):
    """Pictures of one empty panel, where nothing is asked of them: to draw a verdict takes 3 s."""
    from matplotlib.figure import Figure

    from steepest.report import answer

    figure = Figure(figsize=(2, 2))
    figure.subplots()
    for name in ("panels", "png", "pdf"):
        saved = getattr(answer, name)
        monkeypatch.setattr(answer, name, lambda _, saved=saved: saved(figure))
