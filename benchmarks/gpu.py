"""What to know of a GPU, on the day that there is one.

One command,

    python benchmarks/gpu.py --device cuda --cifar10 data --out gpu.json

runs these parts, one after the other, and prints a table in markdown (and JSON to ``--out``):

- ``suite``: ``pytest --device cuda``;
- ``determinism``: the same seed twice, and a fit that was broken off and resumed;
- ``memory``: the peak of fits;
- ``compile``: compiled steps against eager ones, without and with CUDA graphs;
- ``lightly``: training against lightly's, whose views are made by workers or there already;
- ``cifar10``: the papers' settings on the CIFAR-10 in torchvision's folder, the papers' figures
  beside. This takes hours a method, days for that of 224 pixels: see ``--methods``,
  ``--max-epochs`` and ``--image-size``; with ``--checkpoint-dir`` the same command goes on.

``--only`` chooses parts. One that fails does not stop the others; the exit status is then 1.
``--toy`` runs them all in seconds, on the CPU unless ``--device`` says otherwise, to see that they
work: its numbers mean nothing.
lightly comes with ``pip install ".[bench]"``. How fast training, inference and k-means are in
themselves, ``speed.py --device cuda`` measures.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
import traceback
import warnings
from pathlib import Path

import gpu_parts
from learning import write
from timing.report import Plan, Row, about, heading

from skdeepcluster.recipes import known_recipes
from skdeepcluster.training.device import resolve_device

PARTS = {
    "suite": gpu_parts.suite,
    "determinism": gpu_parts.determinism,
    "memory": gpu_parts.peak_memory,
    "compile": gpu_parts.compiled,
    "lightly": gpu_parts.lightly,
    "cifar10": gpu_parts.cifar10,
}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    recipes = [method for method, data in known_recipes() if data == "cifar10"]
    parser = argparse.ArgumentParser(description="Tests, speed, memory and results on a GPU.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--device", help="cuda, or cpu for a toy, unless named")
    parser.add_argument("--toy", action="store_true", help="tiny: whether the parts work")
    parser.add_argument("--cifar10", type=Path, default=Path("data"), help="torchvision's folder")
    parser.add_argument("--methods", nargs="+", choices=recipes, default=recipes)
    parser.add_argument("--max-epochs", type=int, help="cifar10: instead of the papers' number")
    parser.add_argument("--image-size", type=int, help="cifar10: instead of the papers' pixels")
    parser.add_argument("--checkpoint-dir", type=Path, help="cifar10: where states are kept")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    if options.toy:
        options.image_size, options.max_epochs = 8, 1
    try:
        options.device = resolve_device(options.device or ("cpu" if options.toy else "cuda"))
    except ValueError as error:
        parser.error(f"--device: {error}")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the parts, print the table as it grows, and write the JSON file after each part."""
    options = parse(arguments)
    warnings.simplefilter("ignore")
    plan = Plan(options.device, quick=options.toy)
    rows: list[Row] = []
    seconds: dict[str, int] = {}
    errors: dict[str, str] = {}
    print(json.dumps(about(plan)), heading(), sep="\n\n", flush=True)
    for part in options.only:
        start = time.perf_counter()
        try:
            for row in PARTS[part](plan, options):
                rows.append(row)
                print(row.line(), flush=True)
        except (Exception, SystemExit) as error:
            errors[part] = f"{type(error).__name__}: {error}"
            traceback.print_exc()
        seconds[part] = round(time.perf_counter() - start)
        if options.out:
            found = [{**dataclasses.asdict(row), "met": row.met} for row in rows]
            result = {**about(plan), "seconds": seconds, "errors": errors, "rows": found}
            write(options.out, json.dumps(result, indent=1) + "\n")
    print(f"\nseconds by part: {seconds}")
    for part, error in errors.items():
        print(f"{part} failed: {error}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
