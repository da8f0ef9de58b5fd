"""The example script under torchrun, and after a death."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_run_whose_processes_are_killed_ends_as_one_that_is_left_alone():
    script = ROOT / "benchmarks" / "kills_together.py"
    command = [sys.executable, script, "--kills", "3", "--epochs", "8"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counted, runs, equal = (int(done.stdout.splitlines()[-1].split()[n]) for n in (0, 3, 5))
    assert counted == 3
    assert equal == runs
