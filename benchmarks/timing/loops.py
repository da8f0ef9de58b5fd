"""Whole epochs: ours against the published loop, and against lightly's."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from timing.clock import in_turn, ratio
from timing.report import Plan, Row
from timing.workloads import LARGE, SMALL, Workload, open_trainer, train_epoch


def n_images(workload: Workload, plan: Plan) -> int:
    """Return the images of an epoch: a whole number of batches."""
    steps = plan.pick(3, 1) if workload is LARGE else plan.pick(20, 5)
    return steps * workload.batch_size


def rivals() -> dict[str, tuple[str, type, str]]:
    """Return the loops by name: our method, the other loop, the target."""
    from timing.published import PublishedLoop

    found: dict[str, tuple[str, type, str]] = {
        "CC / published loop": ("ContrastiveClustering", PublishedLoop, ">= 4")
    }
    try:
        from timing.peers import BYOL, SimCLR
    except ImportError as error:
        print(f"lightly is left out: {error}")
        return found
    found["ProPos / lightly BYOL"] = ("ProPos", BYOL, ">= 3")
    found["CC / lightly SimCLR"] = ("ContrastiveClustering", SimCLR, "")
    return found


def compare(
    ours: dict[str, Any], theirs: Any, n: int, plan: Plan
) -> Iterator[tuple[str, float, str]]:
    """
    Train all in turn; yield name, ratio of the rates and detail for each of ours.

    An epoch of ours holds what its method does between epochs; the detail has the rate without it.
    """
    actions = {name: lambda own=own: train_epoch(own) for name, own in ours.items()}
    n_rounds = plan.pick(3, 2)
    times = in_turn({**actions, "theirs": theirs.epoch}, n_rounds, plan.device)
    rates = {name: n / statistics.median(taken) for name, taken in times.items()}
    for name, own in ours.items():
        value, spread = ratio(times["theirs"], times[name])
        against = f"{rates[name]:.0f} against {rates['theirs']:.0f} images/s"
        last = [entry["images_per_second"] for entry in own.history[-n_rounds:]]
        steps = statistics.median(last) / rates["theirs"]
        yield name, value, f"{against}; {spread}; steps alone {steps:.3g} times"


def measure(plan: Plan) -> Iterator[Row]:
    """Compare every pair at both sizes."""
    for workload in (LARGE, SMALL):
        n = n_images(workload, plan)
        for name, (method, other, target) in rivals().items():
            ours = {"eager": open_trainer(method, workload, n, plan.device)}
            if plan.compile:
                ours["compiled"] = open_trainer(method, workload, n, plan.device, compile=True)
            theirs = other(workload, n, plan.device)
            for mode, value, detail in compare(ours, theirs, n, plan):
                case = f"{name}, {workload.name}" + (", compiled" if mode == "compiled" else "")
                yield Row("loops", case, "times as fast", value, target, detail)
            del ours, theirs
