"""Time and memory of training as the number of images grows."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from timing.clock import in_turn
from timing.memory import MIB, measured_apart
from timing.report import Plan, Row
from timing.workloads import SMALL, open_trainer, train_epoch


def epochs(plan: Plan) -> Iterator[Row]:
    """Compare the time of an epoch an image."""
    sizes = plan.pick((2_000, 8_000, 32_000), (1_000, 4_000))
    trainers = {n: open_trainer("ContrastiveClustering", SMALL, n, plan.device) for n in sizes}
    actions = {str(n): lambda own=own: train_epoch(own) for n, own in trainers.items()}
    times = in_turn(actions, plan.pick(3, 2), plan.device)
    each = {n: statistics.median(times[str(n)]) / n for n in sizes}
    value = max(each.values()) / min(each.values())
    detail = ", ".join(f"{own * 1e6:.0f} us at {n}" for n, own in each.items())
    measure = "largest over least time an image"
    yield Row("scaling", "epoch of CC, 28 px", measure, value, "<= 1.1", detail)


def growth(plan: Plan) -> Iterator[Row]:
    """Compare the peak memory of fits, in processes of their own."""
    sizes = plan.pick((20_000, 80_000, 320_000), (20_000, 160_000))
    own = [measured_apart("fit", n_images=n, device=str(plan.device)) for n in sizes]
    parts = [f"{r['growth'] / MIB:.0f} for {r['images'] / MIB:.0f}" for r in own]
    first, last = own[0], own[-1]
    value = (last["growth"] - first["growth"]) / (last["images"] - first["images"])
    detail = f"beyond the caller's array, MiB: {', '.join(parts)} of images"
    measure = "bytes of peak memory a byte of images"
    yield Row("scaling", "fit, 28 px uint8", measure, value, "<= 1.1", detail)


def memmap(plan: Plan) -> Iterator[Row]:
    """Train for an epoch on a memory map."""
    n = plan.pick(2**31, 5 * 2**28) // (64 * 64 * 3)
    own = measured_apart("memmap", n_images=n, device=str(plan.device))
    value, total = own["anonymous_growth"] / 2**30, own["growth"] / 2**30
    detail = (
        f"anonymous pages (RssAnon); with the file's own pages {total:.2f} GiB; "
        f"{own['images'] / 2**30:.2f} GiB in {own['seconds']:.0f} s"
    )
    measure = "GiB of peak memory"
    yield Row("scaling", "fit on a memory map, 64 px RGB", measure, value, "<= 1.5", detail)


def measure(plan: Plan) -> Iterator[Row]:
    """Measure time, then memory."""
    yield from epochs(plan)
    yield from growth(plan)
    yield from memmap(plan)
