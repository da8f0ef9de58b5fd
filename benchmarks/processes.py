"""Images a second of two processes beside one, at the same global batch, one thread each.

    python benchmarks/processes.py

Each process times epochs of one training, in float32 and in the precision that is chosen by itself;
the first epoch is left out. Runs of one and of two processes alternate. `benchmarks/speed.py --only
processes` prints the same rows.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
from timing.report import Row, heading

CASES = {
    "resnet18, 32 px": {"backbone": "resnet18", "shape": [768, 32, 32, 3], "batch_size": 256},
    "small, 28 px": {"backbone": "auto", "shape": [5120, 28, 28], "batch_size": 256},
}
TARGETS = {"resnet18, 32 px": ">= 1.8", "small, 28 px": ">= 1.7"}


def work(case: str, precision: str) -> None:
    """Train for a few epochs, and print the images a second of all but the first."""
    import torch

    from skdeepcluster import ContrastiveClustering

    torch.set_num_threads(1)
    options = dict(CASES[case])
    shape = options.pop("shape")
    X = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    model = ContrastiveClustering(
        10, max_epochs=4, precision=precision, device="cpu", random_state=0, **options
    ).fit(X)
    if int(os.environ.get("RANK", 0)) == 0:
        rates = [entry["images_per_second"] for entry in model.history_[1:]]
        print(json.dumps(statistics.median(rates)))


def rate(case: str, precision: str, n_processes: int) -> float:
    """Return the images a second of so many processes."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = str(one.getsockname()[1])
    known = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(n_processes)}
    command = [sys.executable, __file__, "--case", case, "--precision", precision]
    started = [
        subprocess.Popen(
            command,
            env={**os.environ, **known, "RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for rank in range(n_processes)
    ]
    first, *_ = [process.communicate()[0] for process in started]
    return float(first.splitlines()[-1])


def measure(repeats: int = 2) -> Iterator[Row]:
    """Compare two processes with one, in every case."""
    for case, target in TARGETS.items():
        for precision in ("float32", "auto"):
            found = [[rate(case, precision, n) for n in (1, 2)] for _ in range(repeats)]
            one, two = (statistics.median(rates) for rates in zip(*found, strict=True))
            what = "times the images a second of one process"
            detail = f"{two:.0f} against {one:.0f} images/s"
            yield Row("processes", f"{case}, {precision}", what, two / one, target, detail)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    if options.case:
        work(options.case, options.precision)
        return
    print(heading())
    for row in measure(options.repeats):
        print(row.line(), flush=True)


if __name__ == "__main__":
    main()
