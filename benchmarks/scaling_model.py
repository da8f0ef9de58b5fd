"""Time of a training step on many GPUs, on paper, from what a step computes and sends.

    python benchmarks/scaling_model.py

Counted in a real step of the engine, for which no second process is needed: operations, bytes and
messages. Assumed: how fast a GPU computes (`benchmarks/speed.py --only step --device cuda` measures
it), how fast the network is, and how long a message takes to begin. The formula: docs/scaling.rst.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from timing.workloads import Workload, estimator
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from skdeepcluster.fitting.building import build_trainer
from skdeepcluster.training.batch_norm import global_batch_norm
from skdeepcluster.training.distributed import Processes
from skdeepcluster.training.record import EpochRecord

CASES = {
    "ResNet-50, 224 px, batch 1024": (Workload("", (224, 224, 3), "resnet50", 16), 1024),
    "ResNet-18, 32 px, batch 256": (Workload("", (32, 32, 3), "resnet18", 16), 256),
}
COUNTS, GIGABYTES = (8, 64), (25, 200)
MESSAGE = 1e-5  # seconds until it begins, on its way to each of log2(n) processes


@dataclass(frozen=True)
class Counted(Processes):
    """One process that counts what it would send, and gets back what it has sent."""

    sent: Counter[str] = field(default_factory=Counter)

    def gather(self, rows: Tensor, count: int) -> Tensor:
        """Count rows, and repeat them to the number of the whole."""
        whole = rows.repeat(math.ceil(count / len(rows)), *[1] * (rows.ndim - 1))[:count]
        # A row from each process is its statistics for batch normalisation.
        kind = "statistics" if count == self.size else "outputs"
        self.sent.update({kind: whole.nbytes, "messages": 1})
        return whole

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Count tensors."""
        self.sent.update({"sums": sum(tensor.nbytes for tensor in tensors), "messages": 1})

    def from_first(self, value: object) -> object:
        """Return the value."""
        return value


def count(method: str, workload: Workload, batch: int) -> Counter[str]:
    """Return a step's operations, bytes and messages, at a batch size that is not tried."""
    X, device, processes = workload.images(workload.batch_size), torch.device("cpu"), Counted(0, 2)
    model = estimator(method, workload, device, max_epochs=2, precision="float32")
    trainer = build_trainer(model, model._read(X, reset=True), processes)
    record = EpochRecord(len(X), model.n_clusters, device, None)
    trainer.objective.start_epoch(0, trainer.training_set)
    trainer.objective.train()
    order = trainer._order(None)
    _, samples = next(iter(trainer.source.batches(order[:, trainer.share])))
    processes.sent.clear()
    losses, update = FlopCounterMode(display=False), FlopCounterMode(display=False)
    trainer.losses = counting(trainer.losses, losses)  # type: ignore[method-assign]
    trainer.optimizer.step = counting(trainer.optimizer.step, update)  # type: ignore[method-assign]
    with global_batch_norm(trainer.objective, processes), FlopCounterMode(display=False) as step:
        trainer._train_step(order[0], samples, record)
    found, scale = processes.sent, batch / len(X)
    repeated = 3 * losses.get_total_flops(), update.get_total_flops()  # forward and backward
    found["outputs"] = round(found["outputs"] * scale)
    found["networks"] = round(processes.size * (step.get_total_flops() - sum(repeated)) * scale)
    found["losses"], found["update"] = round(repeated[0] * scale**2), repeated[1]
    return found


def counting(function: Callable[..., Any], counter: FlopCounterMode) -> Callable[..., Any]:
    """Let a function count its operations."""

    def counted(*arguments: Any, **options: Any) -> Any:
        with counter:
            return function(*arguments, **options)

    return counted


def seconds(found: Counter[str], n: int, network: float, gpu: float) -> list[float]:
    """Return the seconds of what is shared, of what each GPU repeats, of bytes, and of waits."""
    shared, repeated = found["networks"] / n, found["losses"] + found["update"]
    gathered = found["outputs"] + found["statistics"] * n / 2
    n_bytes = (2 * found["sums"] + gathered) * (n - 1) / n
    waits = (n > 1) * found["messages"] * MESSAGE * (1 + math.log2(n))
    return [shared / gpu, repeated / gpu, n_bytes / network, waits]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="ProPos")
    parser.add_argument("--teraflops", type=float, default=100.0, help="of a GPU, sustained")
    options = parser.parse_args()
    gpu = options.teraflops * 1e12
    for name, (workload, batch) in CASES.items():
        found = count(options.method, workload, batch)
        told = ", ".join(f"{kind} {number:.4g}" for kind, number in sorted(found.items()))
        print(f"\n{options.method}, {name}: {told}")
        print("| GPUs | GB/s | ms: shared + repeated + bytes + waits | times as fast |")
        print("|---|---|---|---|")
        one = sum(seconds(found, 1, math.inf, gpu))
        for n, network in product(COUNTS, GIGABYTES):
            parts = seconds(found, n, network * 1e9, gpu)
            told = " + ".join(f"{1000 * part:.1f}" for part in parts)
            total = sum(parts)
            print(f"| {n} | {network} | {1000 * total:.1f} = {told} | {one / total:.1f} |")


if __name__ == "__main__":
    main()
