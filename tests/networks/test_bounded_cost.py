"""The small network's cost stays within bounds at every size."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from skdeepcluster.networks.resnet import SmallResNet


def _operations(side: int) -> int:
    network = SmallResNet(3, side).eval()
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, side, side))
    return counter.get_total_flops()


@pytest.mark.parametrize("side", [41, 48, 64, 65, 96, 128, 224])
def test_an_image_costs_little_more_than_one_of_40_pixels(side):
    assert _operations(side) < 2.5 * _operations(40)
