"""Timing on any device: pairs in turn, medians, and where the time of a step goes."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch

Action = Callable[[], Any]


def wait(device: torch.device) -> None:
    """Wait until the device has done all its work."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def seconds(action: Action, device: torch.device) -> float:
    """Time a call, the device idle before and after."""
    wait(device)
    start = time.perf_counter()
    action()
    wait(device)
    return time.perf_counter() - start


def in_turn(
    actions: dict[str, Action], n_rounds: int, device: torch.device, n_warm_up: int = 1
) -> dict[str, list[float]]:
    """Time several calls one after the other, again and again; the first rounds do not count."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(n_warm_up + n_rounds):
        for name, action in actions.items():
            taken = seconds(action, device)
            if turn >= n_warm_up:
                times[name].append(taken)
    return times


def ratio(numerator: list[float], denominator: list[float]) -> tuple[float, str]:
    """Return the median of the rounds' ratios, and the range of these ratios in words."""
    ratios = sorted(a / b for a, b in zip(numerator, denominator, strict=True))
    return statistics.median(ratios), f"rounds {ratios[0]:.3g} to {ratios[-1]:.3g}"


class Laps:
    """
    A stopwatch that is pushed wherever an object calls one of its watched functions.

    Parameters
    ----------
    device : torch.device
        Where the work is done: on CUDA laps are events, which do not hold it up.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.marks: list[tuple[str, Any]] = []

    def lap(self, name: str) -> None:
        """Give the time since the last lap a name; an empty name throws it away."""
        if self.device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self.marks.append((name, event))
        else:
            self.marks.append((name, time.perf_counter()))

    def watch(self, owner: Any, attribute: str, name: str, before: str) -> None:
        """Name the time inside of a function of an object, and the time that led up to it."""
        function = getattr(owner, attribute)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self.lap(before)
            result = function(*args, **kwargs)
            self.lap(name)
            return result

        # Past nn.Module's bookkeeping, which would not have a function as an attribute.
        object.__setattr__(owner, attribute, watched)

    def read(self) -> dict[str, float]:
        """Return the seconds by name, and start anew."""
        wait(self.device)
        totals: dict[str, float] = defaultdict(float)
        for (_, start), (name, stop) in zip(self.marks, self.marks[1:], strict=False):
            on_cuda = self.device.type == "cuda"
            totals[name] += start.elapsed_time(stop) / 1000 if on_cuda else stop - start
        self.marks.clear()
        totals.pop("", None)
        return dict(totals)
