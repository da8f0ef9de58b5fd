"""Tests train on the CPU, or on the device that ``pytest --device`` names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import devices
import pytest

from skdeepcluster.training.device import resolve_device

ROOT = Path(__file__).parents[1]


def test_models_are_on_the_device_asked_for(fitted, request):
    asked = resolve_device(request.config.getoption("--device"))
    assert resolve_device("auto") == asked
    assert {weights.device.type for weights in fitted.backbone_.parameters()} == {asked.type}


@pytest.mark.parametrize("name", ["meta", "nonsense", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(ValueError, match=f"device must be .*{name}"):
        devices.use(name)


def test_another_than_the_default_device_is_refused(monkeypatch):
    """With several GPUs tests would train on the first, whichever was asked for."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    devices.use("cuda")
    with pytest.raises(ValueError, match=r"'cuda'; got 'cuda:1'.*CUDA_VISIBLE_DEVICES"):
        devices.use("cuda:1")


def test_pytest_ends_at_once_where_the_device_is_absent():
    command = [sys.executable, "-m", "pytest", "--device", "cuda"]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=ROOT, env=hidden, capture_output=True, text=True)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--device: device must be present on this machine; got 'cuda'" in done.stderr
    assert not done.stdout
