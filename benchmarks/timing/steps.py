"""Where the time of a training step goes, and how close its arithmetic comes to the peak."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

import torch
from torch.utils.flop_counter import FlopCounterMode

from skdeepcluster.methods import __all__ as METHODS
from skdeepcluster.training.engine import Trainer
from timing.clock import Laps, seconds
from timing.report import Plan, Row
from timing.workloads import LARGE, WORKLOADS, Workload, open_steps, open_trainer

PHASES = ("augmentation", "forward", "backward", "optimiser", "average and queues", "rest")
BURST_SECONDS = 0.1


def watch(trainer: Trainer, device: torch.device) -> Laps:
    """Put laps on a trainer's step."""
    laps = Laps(device)
    laps.watch(trainer, "batch", "augmentation", before="rest")
    laps.watch(trainer, "evaluate", "forward", before="rest")
    laps.watch(trainer.scaler, "step", "optimiser", before="backward")
    laps.watch(trainer.objective, "after_step", "average and queues", before="rest")
    return laps


def n_operations(trainer: Trainer) -> int:
    """Count the floating-point operations of a step's forward and backward pass."""
    batch = trainer.batch(*next(iter(trainer.source.batches(trainer._order(None)))))
    with FlopCounterMode(display=False) as counter:
        losses = trainer.evaluate(batch).losses
        torch.stack(list(losses.values())).sum().backward()
    trainer.optimizer.zero_grad(set_to_none=True)
    return counter.get_total_flops()


def matmul_burst(device: torch.device) -> tuple[Callable[[], None], float]:
    """Return bfloat16 matrix products of the size that goes fastest, and their operations."""
    best, best_rate = None, 0.0
    for side in (4096, 8192) if device.type == "cuda" else (256, 512, 1024, 2048):
        matrix = torch.randn(side, side, device=device).bfloat16()
        seconds(lambda matrix=matrix: matrix @ matrix, device)
        taken = min(seconds(lambda matrix=matrix: matrix @ matrix, device) for _ in range(5))
        if side**3 / taken > best_rate:
            best, best_rate = matrix, side**3 / taken
            count = max(1, round(BURST_SECONDS / taken))
    assert best is not None

    def burst() -> None:
        for _ in range(count):
            best @ best

    return burst, 2.0 * count * len(best) ** 3


def profile(
    method: str, workload: Workload, plan: Plan
) -> tuple[dict[str, float], list[float], list[float], int]:
    """Return the phases' median seconds, steps' and peak's rates by round, and memory in bytes."""
    trainer = open_trainer(method, workload, 4 * workload.batch_size, plan.device)
    step, laps = open_steps(trainer), watch(trainer, plan.device)
    step()
    operations = n_operations(trainer)
    burst, burst_operations = matmul_burst(plan.device)
    if plan.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(plan.device)
    phases: dict[str, list[float]] = {name: [] for name in PHASES}
    rates, peaks = [], []
    n_rounds = plan.pick(5, 2) if workload is LARGE else plan.pick(20, 8)
    for turn in range(1 + n_rounds):
        laps.marks.clear()
        laps.lap("")
        taken = seconds(step, plan.device)
        own = laps.read()
        peak = burst_operations / seconds(burst, plan.device)
        if turn:
            for name in PHASES:
                phases[name].append(own.get(name, 0.0))
            rates.append(operations / taken)
            peaks.append(peak)
    memory = torch.cuda.max_memory_allocated(plan.device) if plan.device.type == "cuda" else 0
    return {n: statistics.median(own) for n, own in phases.items()}, rates, peaks, memory


def measure(plan: Plan) -> Iterator[Row]:
    """Take apart the step of every method at both sizes."""
    for workload in WORKLOADS:
        for method in plan.pick(METHODS, METHODS[1:3]):
            phases, rates, peaks, memory = profile(method, workload, plan)
            total, case = sum(phases.values()), f"{method}, {workload.name}"
            parts = ", ".join(f"{name} {own / total:.1%}" for name, own in phases.items())
            detail = f"{total * 1000:.4g} ms: {parts}"
            if memory:
                detail += f"; at most {memory / 2**20:.0f} MiB on the device"
            share = phases["augmentation"] / total
            yield Row("step", case, "share of augmentation", share, "<= 0.15", detail)
            value = statistics.median(r / p for r, p in zip(rates, peaks, strict=True))
            both = f"{statistics.median(rates) / 1e9:.4g} of {statistics.median(peaks) / 1e9:.4g}"
            target = ">= 0.8" if workload is LARGE else ""
            detail = f"{both} GFLOP/s in bfloat16 products"
            yield Row("step", case, "share of peak arithmetic", value, target, detail)
