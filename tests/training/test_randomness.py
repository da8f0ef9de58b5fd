"""All randomness follows random_state, and the streams of torch and numpy stay where they are."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from comparing import assert_same_fit
from torch import nn
from trainings import at_the_end_of_epoch, make

from skdeepcluster import ProPos, TwinContrastClustering
from skdeepcluster.networks.randomness import global_streams


def dropping(shape):
    """Build a trunk that drops features, and whole samples."""
    return nn.Sequential(nn.Linear(*shape, 16), nn.ReLU(), nn.Dropout(0.4), DropPath())


class DropPath(nn.Module):
    """Stochastic depth, as many libraries have it: from the global stream."""

    def forward(self, x):
        return x * (torch.rand(len(x), 1, device=x.device) < 0.8) if self.training else x


def drawing(batch, generator):
    """Make views as those do who know of no generators."""
    return batch + 0.1 * torch.randn(batch.shape, device=batch.device)


OWN = {
    "module": {"backbone": dropping((16,))},
    "callable": {"backbone": dropping},
    "augmentation": {"augmentation": drawing},
}


def learnt(shape):
    """Build a trunk of what a fit has learnt."""
    rows = np.random.default_rng(0).random((40, *shape))
    return make(max_epochs=1).fit(rows)._model.model.backbone


def streams():
    numpy_state = [str(part) for part in np.random.get_state()]  # noqa: NPY002
    return torch.get_rng_state().tolist(), numpy_state, random.getstate()


@pytest.mark.parametrize("own", OWN)
def test_what_the_callers_code_draws_follows_the_seed(rows, own):
    before = streams()
    first = make(**OWN[own]).fit(rows)
    assert streams() == before
    torch.rand(5)
    assert_same_fit(make(**OWN[own]).fit(rows), first, rows)
    other = make(**OWN[own], random_state=1).fit(rows)
    assert other.history_[0]["loss"] != first.history_[0]["loss"]


def test_a_trunk_may_be_built_by_a_fit(rows):
    models = [make(max_epochs=2, backbone=learnt).fit(rows) for _ in range(2)]
    assert_same_fit(*models, rows)


@pytest.mark.parametrize("method", [ProPos, TwinContrastClustering])
def test_embedding_views_between_epochs_leaves_no_trace(rows, method):
    """What is embedded between epochs draws from copies of the streams."""
    settings = {"n_clusters": 3, "max_epochs": 3, "random_state": 0, "augmentation": drawing}
    before = streams()
    models = [method(**settings, backbone=dropping).fit(rows) for _ in range(2)]
    assert streams() == before
    assert_same_fit(*models, rows)


@pytest.mark.parametrize("own", OWN)
def test_a_resumed_fit_draws_what_the_unbroken_one_draws(rows, tmp_path, monkeypatch, own):
    unbroken = make(**OWN[own]).fit(rows)

    def stop():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        at_the_end_of_epoch(patch, 3, stop)
        with pytest.raises(KeyboardInterrupt):
            make(**OWN[own], checkpoint_dir=tmp_path).fit(rows)
    torch.rand(7)
    assert_same_fit(make(**OWN[own], checkpoint_dir=tmp_path).fit(rows), unbroken, rows)


def test_threads_that_draw_from_the_shared_stream_take_turns(rows):
    serial = [make(backbone=dropping, random_state=seed).fit(rows) for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        fits = pool.map(lambda seed: make(backbone=dropping, random_state=seed).fit(rows), range(3))
        for fit, other in zip(fits, serial, strict=True):
            assert_same_fit(fit, other, rows)


def test_the_streams_are_put_back_whatever_happens():
    generator = torch.Generator().manual_seed(3)
    expected, before = torch.rand(4, generator=torch.Generator().manual_seed(3)), streams()
    with pytest.raises(ZeroDivisionError), global_streams(generator):
        assert torch.equal(torch.rand(4), expected)
        raise ZeroDivisionError
    assert streams() == before
    assert not torch.equal(torch.rand(4, generator=generator), expected)
