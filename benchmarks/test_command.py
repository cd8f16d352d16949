"""How long the command line takes to answer, as a whole process."""

import subprocess
import sys


def test_help_answers_at_once(benchmark):
    command = [sys.executable, "-m", "steepest", "--help"]
    done = benchmark.pedantic(
        subprocess.run, (command,), {"capture_output": True}, rounds=7, warmup_rounds=1
    )
    assert done.returncode == 0
