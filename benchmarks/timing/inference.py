"""Predicting and embedding against the bare trunk, and the memory that it takes."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from skdeepcluster.training.device import DTYPES, autocast
from skdeepcluster.training.inference import batch_size_of
from timing.clock import in_turn, ratio
from timing.memory import measured_apart
from timing.report import Plan, Row
from timing.workloads import LARGE, WORKLOADS, Workload, estimator

MIB = 2**20


def bare_trunk(
    model: Any, images: np.ndarray, workload: Workload, plan: Plan, dtype: torch.dtype | None
) -> Callable[[], None]:
    """Return the trunk alone on batches that are there already, in the layout it likes best."""
    rows = torch.from_numpy(images).view(len(images), *workload.shape[:2], -1).permute(0, 3, 1, 2)
    inputs = [
        (chunk.to(plan.device).float() / 128 - 1).contiguous(memory_format=torch.channels_last)
        for chunk in rows.split(batch_size_of(workload.canonical))
    ]
    trunk = model.backbone_.eval()

    def run() -> None:
        with torch.inference_mode(), autocast(plan.device, dtype):
            for batch in inputs:
                trunk(batch)

    return run


def rates(workload: Workload, precision: str, plan: Plan) -> Iterator[Row]:
    """Compare both public functions with the trunk."""
    n_batches = plan.pick(3, 1) if workload is LARGE else plan.pick(16, 4)
    images = workload.images(n_batches * batch_size_of(workload.canonical))
    model = estimator(
        "ContrastiveClustering", workload, plan.device, max_epochs=1, precision=precision
    ).fit(images[: 2 * workload.batch_size])
    bare = bare_trunk(model, images, workload, plan, DTYPES.get(precision))
    actions = {
        "trunk": bare,
        "predict": lambda: model.predict(images),
        "transform": lambda: model.transform(images),
    }
    times = in_turn(actions, plan.pick(5, 3), plan.device)
    named = "float32" if precision == "auto" else precision
    for name in ("predict", "transform"):
        value, spread = ratio(times["trunk"], times[name])
        rate = len(images) / statistics.median(times[name])
        detail = f"{rate:.0f} images/s; {spread}"
        case = f"{name}, {workload.name.rsplit(',', 1)[0]}, {named}"
        yield Row("inference", case, "rate over the bare trunk's", value, ">= 0.9", detail)


def memory(plan: Plan) -> Iterator[Row]:
    """Compare the peak memory of predicting n and 8 n images."""
    # What they return and collect for it: labels and probabilities, the embedding.
    for action, target in (("predict", "<= 128"), ("transform", "<= 640")):
        n = plan.pick(20_000, 8_000)
        own = [
            measured_apart(action, n_images=size, device=str(plan.device)) for size in (n, 8 * n)
        ]
        small, large = (result["growth"] / MIB for result in own)
        per_image = (own[1]["growth"] - own[0]["growth"]) / (7 * n)
        detail = f"{small:.0f} MiB for {n}, {large:.0f} MiB for {8 * n} images of 28 px"
        if plan.device.type == "cuda":
            on_device = [f"{result['device_peak'] / MIB:.0f}" for result in own]
            detail += f"; on the device {' and '.join(on_device)} MiB"
        measure = "bytes of peak memory a further image"
        yield Row("inference", action, measure, per_image, target, detail)


def measure(plan: Plan) -> Iterator[Row]:
    """Measure rates, then memory."""
    for workload in WORKLOADS:
        for precision in ("auto", "bfloat16"):
            yield from rates(workload, precision, plan)
    yield from memory(plan)
