"""Small networks: shape, weights, and where they come from."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from skdeepcluster.networks import mlp


@pytest.mark.parametrize(
    ("batch_norm", "final_relu"), [(False, False), (True, False), (True, True)]
)
def test_layers(batch_norm: bool, final_relu: bool) -> None:
    network = mlp((4, 6, 3), torch.Generator(), batch_norm=batch_norm, final_relu=final_relu)
    norm = [nn.BatchNorm1d] if batch_norm else []
    end = [*norm, nn.ReLU] if final_relu else []
    assert [type(layer) for layer in network] == [nn.Linear, *norm, nn.ReLU, nn.Linear, *end]
    assert network(torch.randn(5, 4)).shape == (5, 3)


@pytest.mark.parametrize("std", [0.01, 0.2])
def test_normal_weights(std: float) -> None:
    network = mlp((300, 200, 300), torch.Generator().manual_seed(0), batch_norm=True, std=std)
    for layer in network:
        if isinstance(layer, nn.Linear):
            assert float(layer.weight.detach().std()) == pytest.approx(std, rel=0.02)
            assert layer.bias is None or not layer.bias.any()


@pytest.mark.parametrize("std", [None, 0.1])
def test_weights_come_from_the_generator_alone(std: float | None) -> None:
    before = torch.get_rng_state()
    first, second = (mlp((5, 4), torch.Generator().manual_seed(3), std=std) for _ in range(2))
    assert torch.equal(first[0].weight, second[0].weight)
    assert torch.equal(torch.get_rng_state(), before)
