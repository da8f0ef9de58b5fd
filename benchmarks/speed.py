"""Speed and memory, each as a ratio within one run.

One command, for example

    python benchmarks/speed.py --only loops step --out speed.json

measures in sections and prints a table in markdown (and JSON to ``--out``):

- ``loops``: epochs of ours against the published loop, and against lightly's BYOL and SimCLR;
- ``step``: where the time of a step goes, and its arithmetic against the machine's peak;
- ``inference``: predicting against the bare trunk, and its memory;
- ``kmeans``: one restart against scikit-learn's;
- ``scaling``: time and memory as the number of images grows, and a memory map;
- ``precision``: bfloat16 against float32;
- ``small``: default fits on 50 x 2 blobs;
- ``compile``: `torch.compile` of every method's step;
- ``processes``: two processes beside one, at the same global batch.

What is compared runs in turn, and medians are reported. The number of threads is the ambient one
(``OMP_NUM_THREADS``). lightly comes with ``pip install ".[bench]"``; without it, it is left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import time
import warnings
from pathlib import Path

import torch
from timing.report import Plan, Row, about, heading

SECTIONS = {
    "loops": "loops.measure",
    "step": "steps.measure",
    "inference": "inference.measure",
    "kmeans": "centres.measure",
    "scaling": "scaling.measure",
    "precision": "small.precision",
    "small": "small.small",
    "compile": "small.compiled",
    "processes": "processes.measure",
}


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Speed and memory.")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller data")
    parser.add_argument("--compile", action="store_true", help="loops: also ours compiled")
    parser.add_argument("--out", type=Path, default=None, help="JSON file to write")
    return parser.parse_args()


def main() -> None:
    """Measure, print the table as it grows, and write the JSON file."""
    options = parse()
    warnings.simplefilter("ignore")
    plan = Plan(torch.device(options.device), options.quick, options.compile)
    rows: list[Row] = []
    taken = {}
    print(json.dumps(about(plan)), heading(), sep="\n\n", flush=True)
    for section in options.only:
        module, name = SECTIONS[section].split(".")
        start = time.perf_counter()
        for row in getattr(importlib.import_module(f"timing.{module}"), name)(plan):
            rows.append(row)
            print(row.line(), flush=True)
        taken[section] = round(time.perf_counter() - start)
    print(f"\nseconds by section: {taken}")
    if options.out:
        found = [{**dataclasses.asdict(row), "met": row.met} for row in rows]
        result = {**about(plan), "seconds": taken, "rows": found}
        options.out.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
