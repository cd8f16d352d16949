"""Strict JAX, run-time type checks, and a count of the tests that need our shared data."""

from pathlib import Path

import jax
import matplotlib
import pytest
from jaxtyping import install_import_hook

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# Every annotated function of ours is checked, shapes included, whenever a test calls it.
install_import_hook("steepest", "beartype.beartype")

SHARED = Path(__file__).resolve().parents[2] / "shared"
NO_SHARED_DATA = "shared data not beside this checkout"


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
