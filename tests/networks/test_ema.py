"""The moving average of a network, and its momentum."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from skdeepcluster.networks.ema import cosine_momentum, ema_momentum, update_ema


def network(seed: int) -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator))
    model[1].num_batches_tracked.fill_(seed)
    return model


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9, 0.999, 1.0])
def test_update_is_the_weighted_mean(momentum: float) -> None:
    target, online = network(1), network(7)
    before, followed = copy.deepcopy(target.state_dict()), copy.deepcopy(online.state_dict())
    update_ema(target, online, momentum)
    for name, value in target.state_dict().items():
        if value.is_floating_point():
            expected = momentum * before[name] + (1 - momentum) * followed[name]
            torch.testing.assert_close(value, expected)
        else:
            assert value == 7
        assert torch.equal(online.state_dict()[name], followed[name])


def test_momentum_zero_copies_exactly() -> None:
    target, online = network(1), network(7)
    update_ema(target, online, 0.0)
    for name, value in online.state_dict().items():
        assert torch.equal(target.state_dict()[name], value)


def test_update_is_in_place_and_leaves_no_graph() -> None:
    target, online = network(1), network(7)
    parameters = list(target.parameters())
    update_ema(target, online, 0.5)
    assert all(a is b for a, b in zip(parameters, target.parameters(), strict=True))
    assert all(p.is_leaf and p.grad_fn is None for p in (*parameters, *online.parameters()))


def test_networks_of_different_structure_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        update_ema(network(1), nn.Linear(3, 4), 0.5)


@pytest.mark.parametrize("model", [nn.Linear(2, 2), nn.BatchNorm1d(2), nn.ReLU()])
def test_networks_without_buffers_or_parameters(model: nn.Module) -> None:
    target = copy.deepcopy(model)
    update_ema(target, model, 0.5)
    for name, value in model.state_dict().items():
        assert torch.equal(target.state_dict()[name], value)


@pytest.mark.parametrize(
    ("n_steps", "expected"),
    [
        (0, 0.0),
        (1, 0.0),
        (10, 0.0),
        (50, 0.8),
        (100, 0.9),
        (400, 0.9),
        (5_000, 0.99),
        (10**6, 0.996),
    ],
)
def test_momentum_fits_the_length_of_the_training(n_steps: int, expected: float) -> None:
    assert ema_momentum(n_steps, cap=0.996) == pytest.approx(expected, abs=1e-9)


def test_momentum_grows_with_the_steps_and_stays_below_the_cap() -> None:
    values = [ema_momentum(n, 0.999) for n in range(0, 200_000, 97)]
    assert values == sorted(values)
    assert values[0] >= 0 and values[-1] == 0.999
    assert ema_momentum(300, cap=0.5) == 0.5


@pytest.mark.parametrize("n_steps", [1, 7, 100])
def test_cosine_momentum_runs_from_base_to_one(n_steps: int) -> None:
    values = [cosine_momentum(0.9, step, n_steps) for step in range(n_steps + 1)]
    assert values[0] == pytest.approx(0.9, abs=1e-12) and values[-1] == 1
    assert values == sorted(values)
    assert cosine_momentum(0.9, n_steps + 5, n_steps) == 1
    middle = 1 - 0.1 * (1 + math.cos(math.pi * 0.5)) / 2
    assert cosine_momentum(0.9, n_steps, 2 * n_steps) == pytest.approx(middle, abs=1e-12)


def test_cosine_momentum_of_no_steps() -> None:
    assert cosine_momentum(0.9, 0, 0) == pytest.approx(0.9)


def test_no_host_synchronisation() -> None:
    with FakeTensorMode(allow_non_fake_inputs=True), torch.device("meta"):
        update_ema(nn.BatchNorm1d(4), nn.BatchNorm1d(4), 0.9)
        model = nn.BatchNorm1d(4)
        update_ema(model, model, 0.9)
        assert model.running_mean.device.type == "meta"
