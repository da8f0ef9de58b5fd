"""Several processes learn what one would."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from shared_steps import (
    METHODS,
    each,
    fitted,
    images,
    known_labels,
    train_and_record,
    vectors,
)
from together import together

WARM = {"ProPos": {"cluster_warmup_epochs": 0}}
# Three processes, and batches that do not divide among them; and a hook of each kind.
CALLS = {
    2: [*((method, images(), WARM.get(method, {})) for method in METHODS)],
    3: [
        ("CLC", images(), {"batch_size": 31}),
        ("ProPos", vectors(), WARM["ProPos"]),
        ("ProPos", images(), {**WARM["ProPos"], "known_labels": known_labels()}),
    ],
}


@pytest.mark.parametrize("n", CALLS)
def test_every_step_is_that_of_one_process(n, tmp_path):
    found = together(each, n, tmp_path, train_and_record, CALLS[n])
    for number, expected in enumerate(each(train_and_record, CALLS[n])):
        first, *others = (process[number] for process in found)
        assert len(first["losses"]) == 5
        # A third is rounded, a half is not: rectifiers that rounding turns end the likeness soon.
        for step in range(5 if n == 2 else 1):
            assert first["losses"][step] == pytest.approx(expected["losses"][step], rel=1e-6)
            for part in ("gradients", "after"):
                one, other = first[part][step], expected[part][step]
                # Within the losses there are sums in float32.
                torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
            for process in others:
                for name, tensor in first["after"][step].items():
                    assert torch.equal(tensor, process["after"][step][name])
        assert all(torch.equal(first["embedding"], other["embedding"]) for other in others)


def test_all_processes_keep_the_same_and_one_of_them_speaks(tmp_path):
    settings = {"optimizer": "auto", "lr": 3e-3, "random_state": None, "n_clusters": 3}
    calls = [(method, images(), settings) for method in METHODS]
    calls += [("TwinContrastClustering", images(), {**settings, "known_labels": known_labels()})]
    for first, second in zip(*together(each, 2, tmp_path, fitted, calls), strict=True):
        for name in ("labels", "centers", "embedding"):
            np.testing.assert_array_equal(first[name], second[name])
        assert first["history"] == second["history"]
        assert first["score"] == second["score"]
        assert second["n_warnings"] == 0
