"""What the caller has set in torch changes nothing here, and is there again afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from comparing import assert_same_model
from trainings import at_the_end_of_epoch

from skdeepcluster import load

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@contextmanager
def default_dtype(dtype):
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device(device):
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


STATES = {
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "default device": lambda: default_device("meta"),
    "device context": lambda: torch.device("meta"),
}


def seen():
    return (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.empty(0).device,
    )


def uses(quick, rows, folder, monkeypatch):
    """Do all that can be done, and return what it came to."""
    model = quick(precision="float32").fit(rows)
    found = [model.predict(rows), model.transform(rows), model.score(rows)]
    model.save(folder / "model", overwrite=True, for_training=True)
    found.append((folder / "model").read_bytes())
    loaded = load(folder / "model", device="cpu")
    warm = loaded.set_params(warm_start=True).fit(rows)

    def stop():
        raise KeyboardInterrupt

    resumable = quick(precision="float32", checkpoint_dir=folder / "states")
    with monkeypatch.context() as patch:
        at_the_end_of_epoch(patch, 1, stop)
        with pytest.raises(KeyboardInterrupt):
            resumable.fit(rows)
    return [model, warm, resumable.fit(rows)], found


@pytest.fixture(scope="module")
def plain():
    return {}


@pytest.mark.parametrize("state", STATES)
def test_every_use_gives_what_it_gives_without(quick, rows, tmp_path, monkeypatch, plain, state):
    Estimator = type(quick())
    if Estimator not in plain:
        (tmp_path / "plain").mkdir()
        plain[Estimator] = uses(quick, rows, tmp_path / "plain", monkeypatch)
    with STATES[state]():
        before = seen()
        models, found = uses(quick, rows, tmp_path, monkeypatch)
        assert seen() == before
    for one, other in zip(models, plain[Estimator][0], strict=True):
        assert_same_model(one, other)
    # The file holds the times of the history: all but those is compared by the models above.
    for value, expected in zip(found[:3], plain[Estimator][1], strict=False):
        np.testing.assert_array_equal(value, expected)
    assert len(found[3]) == pytest.approx(len(plain[Estimator][1][3]), abs=100)


def test_threads_leave_the_default_dtype_as_it_was(quick, rows):
    model = quick().fit(rows)
    expected = model.transform(rows)
    with default_dtype(torch.float64):
        with ThreadPoolExecutor(8) as pool:
            for result in pool.map(lambda _: model.transform(rows), range(32)):
                np.testing.assert_array_equal(result, expected)
        assert torch.get_default_dtype() is torch.float64
