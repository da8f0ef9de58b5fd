"""What `checkpoint_dir` costs, in per cent of the time that an epoch takes.

One command, ``python benchmarks/checkpoint_cost.py``, trains each method on 5,000 random images of
28 x 28 pixels. Epochs come in rounds of three, in turning order: one without states, one whose
state is copied in memory, as every epoch's is, and one whose state is copied and written. Printed
are medians of wall time and of the time of this process on the processor:

- an epoch without states, and a copy and a write by themselves;
- the share of them in an epoch, with a write every 60 seconds, the default of
  ``checkpoint_interval``, and with one every epoch;
- an epoch with a copy, and one with a copy and a write, against the one without of the same round:
  this holds whatever else they may slow down, and the noise of the machine;
- what a fit pays once: the description of parameters and data, and reading a state back.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skdeepcluster import methods
from skdeepcluster.fitting.building import build_trainer
from skdeepcluster.training.checkpoint import Checkpoints
from skdeepcluster.training.engine import Trainer
from skdeepcluster.training.identity import training_identity

INTERVALS = {"off": None, "copy": math.inf, "write": 0.0}
DEFAULT_INTERVAL = 60.0
COLUMNS = ("MB", "epoch s", "copy ms", "write ms", "default %", "every epoch %")
PAIRED = ("copy, paired %", "write, paired %")


def now() -> np.ndarray:
    """Return the wall clock and the process's time."""
    return np.array([time.perf_counter(), time.process_time()])


def timed(action: Callable[[], Any]) -> np.ndarray:
    """Return the wall and process seconds of a call."""
    start = now()
    action()
    return now() - start


class Rounds:
    """
    Times epochs and what is done with their states, kind by kind.

    Called at the beginning and at the end of each epoch by a trainer.
    """

    def __init__(self, trainer: Trainer, folder: Path) -> None:
        self.trainer = trainer
        self.stores = {
            kind: Checkpoints(folder, {}, interval)
            for kind, interval in INTERVALS.items()
            if interval is not None
        }
        self.epochs: dict[str, list[np.ndarray]] = {kind: [] for kind in INTERVALS}
        self.states: dict[str, list[np.ndarray]] = {kind: [] for kind in INTERVALS}

    def begin(self) -> None:
        """Note the time."""
        self.start = now()

    def end(self, entry: dict[str, Any]) -> bool:
        """Deal with the state as the epoch's kind says; the first epoch warms up."""
        kind = self.kind(entry["epoch"])
        store = self.stores.get(kind)
        spent = np.zeros(2) if store is None else timed(lambda: store.keep(self.trainer))
        if entry["epoch"] > 1:
            self.epochs[kind].append(now() - self.start)
            self.states[kind].append(spent)
        return False

    @staticmethod
    def kind(epoch: int) -> str:
        """Turn the order from round to round."""
        number, place = divmod(epoch - 2, 3)
        return list(INTERVALS)[(place + number) % 3]

    def medians(self) -> dict[str, np.ndarray]:
        """Return the median wall and process seconds of everything."""
        epoch, copy, both = (
            np.median(values, axis=0)
            for values in (self.epochs["off"], self.states["copy"], self.states["write"])
        )
        write = np.maximum(both - copy, 0)
        off = np.array(self.epochs["off"])
        paired = [np.median(self.epochs[kind] / off, axis=0) - 1 for kind in self.stores]
        often = np.minimum(1, epoch / DEFAULT_INTERVAL)
        return {
            "epoch s": epoch,
            "copy ms": 1e3 * copy,
            "write ms": 1e3 * write,
            "default %": 100 * (copy + write * often) / epoch,
            "every epoch %": 100 * both / epoch,
            **{name: 100 * value for name, value in zip(PAIRED, paired, strict=True)},
        }


def measure(name: str, X: np.ndarray, n_rounds: int) -> list[str]:
    """Train one method; return the cells of its row."""
    model = getattr(methods, name)(n_clusters=10, max_epochs=1 + 3 * n_rounds, random_state=0)
    samples = model._read(X, reset=True)
    trainer = build_trainer(model, samples)
    with tempfile.TemporaryDirectory() as folder:
        rounds = Rounds(trainer, Path(folder))
        trainer.run(rounds.begin, rounds.end)
        size = max(path.stat().st_size for path in Path(folder).glob("*.state")) / 1e6
        read = [timed(lambda: Checkpoints(Path(folder), {}, 0).restore(trainer)) for _ in range(3)]
    described = [timed(lambda: training_identity(model, samples)) for _ in range(3)]
    values = rounds.medians()
    once = [1e3 * statistics.median(run[0] for run in runs) for runs in (described, read)]
    cells = [f"{wall:.2f} / {process:.2f}" for wall, process in values.values()]
    return [name, f"{size:.0f}", *cells, *(f"{value:.0f}" for value in once)]


def main() -> None:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(description="Cost of checkpoint_dir, wall / process time.")
    parser.add_argument("--methods", nargs="+", default=methods.__all__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=5000)
    options = parser.parse_args()
    X = np.random.default_rng(0).integers(0, 256, (options.images, 28, 28), dtype=np.uint8)
    head = ["method", *COLUMNS, *PAIRED, "describe ms", "read ms"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for name in options.methods:
        print(f"| {' | '.join(measure(name, X, options.rounds))} |", flush=True)


if __name__ == "__main__":
    main()
