"""The example script under launchers; what they need is in the extra ``launchers``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kills_together import digest

EXAMPLES = Path(__file__).parents[2] / "examples" / "distributed"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
HOSTS, SEARCH = (Path(__file__).with_name(name) for name in ("two_hosts.py", "search.py"))
EPOCHS = "8"
KNOWN = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONUNBUFFERED": "1"}
OF_RAY = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | Path) -> str:
    """Run Python with such arguments; return what it prints."""
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **KNOWN, **OF_RAY},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def under_torchrun(tmp_path_factory):
    model = tmp_path_factory.mktemp("torchrun") / "model"
    run(*TORCHRUN, EXAMPLES / "train.py", "--epochs", EPOCHS, "--model", model)
    return digest(model)


@pytest.mark.parametrize("script", ["on_ray.py", "on_spark.py"])
def test_every_launcher_trains_the_same_model(script, under_torchrun, tmp_path):
    options = ["--epochs", EPOCHS, "--model", tmp_path / "model"]
    if script == "on_ray.py":
        options += ["--results", tmp_path]
    run(EXAMPLES / script, *options)
    assert digest(tmp_path / "model") == under_torchrun


def test_a_search_over_workers_finds_what_it_finds_alone():
    spread, alone = (
        next(line for line in found.splitlines() if line.startswith("best"))
        for found in (
            run(EXAMPLES / "on_dask.py", "--epochs", "1", "--workers", workers)
            for workers in ("2", "0")
        )
    )
    assert spread == alone


def test_a_search_under_torchrun_trains_each_candidate_on_all_processes(tmp_path):
    run(*TORCHRUN, SEARCH, tmp_path, "1")
    first, second = ((tmp_path / rank).read_text() for rank in "01")
    assert first == second
    assert "rank_test_score" in first


def test_a_search_under_torchrun_with_many_jobs_is_refused(tmp_path):
    run(*TORCHRUN, SEARCH, tmp_path, "2")
    assert all("a search needs n_jobs=1" in (tmp_path / rank).read_text() for rank in "01")


def test_a_host_that_is_cut_off_ends_both_and_the_next_start_goes_on(under_torchrun, tmp_path):
    command = ["unshare", "--map-root-user", "--net", sys.executable, HOSTS, tmp_path]
    subprocess.run(command, env={**os.environ, **KNOWN}, check=True)
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["seconds"] < 30
    assert found["left"] == 1
    assert found["again"] == [0, 0]
    assert digest(tmp_path / "model") == under_torchrun
