"""Whether training survives SIGKILL: fits killed at random moments, resumed, and compared.

One command, ``python benchmarks/kills.py --kills 100``, trains each method on 64 images of 8 x 8
pixels for 12 epochs, in float32 and in the default precision, with a state written after every
epoch. A process of its own fits; it is killed at a moment drawn evenly from the time an unbroken
fit takes, and started again on the same ``checkpoint_dir``, with twice the time at most, then three
times, until it ends. Labels, embedding and all of ``history_`` but the times must then equal those
of a fit that was never broken and wrote no states, bit for bit, and nothing half-written may be
left in the folder. The exit status is 1 if any differ or leave something, or if a fit fails.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import pickle
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

METHODS = ("CLC", "ContrastiveClustering", "ProPos", "TwinContrastClustering")
PRECISIONS = ("float32", "auto")
COLUMNS = ("runs", "kills", "in a write", "resumed", "from a state", "unreadable")
COLUMNS += ("left over", "mismatches")
PRELOADED = ["skdeepcluster.methods", "sklearn.datasets", "torch._dynamo"]  # seconds to import
TIMES = ("seconds", "images_per_second")
Case = tuple[str, str]


def fit(case: Case, folder: Path | None, out: Path) -> None:
    """Fit in this process and write down what came of it."""
    from sklearn.datasets import load_digits

    from skdeepcluster import methods

    warnings.simplefilter("ignore")
    name, precision = case
    X = load_digits().images[:64].astype("uint8")
    model = getattr(methods, name)(
        n_clusters=4,
        batch_size=32,
        max_epochs=12,
        warmup_epochs=2,
        precision=precision,
        checkpoint_dir=folder,
        checkpoint_interval=0,
        random_state=0,
    ).fit(X)
    history = [{k: v for k, v in entry.items() if k not in TIMES} for entry in model.history_]
    out.write_bytes(pickle.dumps((model.labels_.tobytes(), model.transform(X).tobytes(), history)))


class Killer:
    """Starts fits in processes of their own and kills them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOADED)
        self.unbroken: dict[Case, tuple[Any, float]] = {}
        self.counts = {case: Counter() for case in itertools.product(METHODS, PRECISIONS)}
        self.start((METHODS[0], PRECISIONS[0]), None, None)  # imports, so that none is timed

    def start(self, case: Case, folder: Path | None, seconds: float | None) -> bool:
        """Let a process fit for some seconds; return whether it ended by itself."""
        process = self.context.Process(target=fit, args=(case, folder, self.folder / "out"))
        process.start()
        process.join(seconds)
        killed = process.is_alive()
        if killed:
            process.kill()
            process.join()
        if not killed and process.exitcode != 0:
            raise RuntimeError(f"A fit of {case} failed with exit status {process.exitcode}.")
        return not killed

    def result(self) -> Any:
        """Return what the fit that ended last wrote down."""
        return pickle.loads((self.folder / "out").read_bytes())

    def reference(self, case: Case) -> tuple[Any, float]:
        """Return the result of the unbroken fit, and its seconds."""
        if case not in self.unbroken:
            start = time.perf_counter()
            self.start(case, None, None)
            self.unbroken[case] = self.result(), time.perf_counter() - start
        return self.unbroken[case]

    def run(self, case: Case, folder: Path) -> None:
        """Kill and resume one fit until it ends, and compare it with the unbroken one."""
        expected, seconds = self.reference(case)
        counts = self.counts[case]
        counts["runs"] += 1
        for attempt in itertools.count(1):
            if self.start(case, folder, self.random.uniform(0, attempt * seconds)):
                break
            counts["kills"] += 1
            counts["in a write"] += any(folder.glob("*.part"))
            counts["resumed"] += 1
            counts["from a state"] += any(folder.glob("*.state"))
            counts["unreadable"] += count_unreadable(folder)
        counts["left over"] += any(folder.glob("*.part"))
        counts["mismatches"] += self.result() != expected

    def n_kills(self) -> int:
        """Count the kills so far."""
        return sum(counts["kills"] for counts in self.counts.values())


def count_unreadable(folder: Path) -> int:
    """Count the states that are not what was written."""
    from skdeepcluster.training.checkpoint import _read

    return sum(_read(path) is None for path in folder.glob("*.state"))


def table(counts: dict[Case, Counter[str]]) -> str:
    """Return a markdown table of the counts."""
    total = sum(counts.values(), Counter())
    rows = [*counts.items(), (("all", ""), total)]
    lines = [f"| method | precision | {' | '.join(COLUMNS)} |", f"|{'---|' * (len(COLUMNS) + 2)}"]
    for case, own in rows:
        lines.append(f"| {' | '.join([*case, *(str(own[name]) for name in COLUMNS)])} |")
    return "\n".join(lines)


def main() -> int:
    """Kill as often as asked for; return the exit status."""
    parser = argparse.ArgumentParser(description="Kill fits, resume them, compare the results.")
    parser.add_argument("--kills", type=int, default=100, help="at least so many")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        killer = Killer(Path(folder), options.seed)
        for number, case in enumerate(itertools.cycle(killer.counts)):
            killer.run(case, Path(folder) / str(number))
            print(f"{killer.n_kills()} kills in {number + 1} runs", file=sys.stderr, flush=True)
            if killer.n_kills() >= options.kills:
                break
    print(table(killer.counts))
    bad = ("mismatches", "left over")
    return int(any(counts[name] for counts in killer.counts.values() for name in bad))


if __name__ == "__main__":
    sys.exit(main())
