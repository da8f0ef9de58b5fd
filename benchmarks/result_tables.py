"""Tables of the documentation, from the measurements in ``results``.

``python benchmarks/result_tables.py`` writes CSV files to ``docs/results``: one for each data set
of ``learning.json``, and one of ``speed.json``.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
RUNS = HERE / "results" / "learning.json"
SPEED = HERE / "results" / "speed.json"
FOLDER = HERE.parent / "docs" / "results"


def read(path: Path = RUNS) -> pd.DataFrame:
    """Return the runs with default settings on all samples that ended, one a row, by seed."""
    runs = json.loads(path.read_text())["runs"]
    own = [r for r in runs if not (r["parameters"] or r["limit"] or "error" in r)]
    return pd.DataFrame(own).sort_values("seed", kind="stable")


def span(values: Iterable[float]) -> str:
    """Return the least and the largest number, rounded, once if they are equal."""
    least, largest = f"{min(values):.1f}", f"{max(values):.1f}"
    return least if least == largest else f"{least} to {largest}"


def row(runs: pd.DataFrame) -> dict[str, str]:
    """Sum up the runs of a method."""
    accuracies = runs["ACC"].tolist()
    several = len(accuracies) > 1
    return {
        "method": runs["method"].iloc[0],
        "seeds": ", ".join(map(str, runs["seed"])),
        "ACC of each": ", ".join(f"{value:.3f}" for value in accuracies),
        "median": f"{statistics.median(accuracies):.3f}",
        "deviation": f"{statistics.stdev(accuracies):.3f}" if several else "",
        "NMI": f"{runs['NMI'].mean():.3f}",
        "ARI": f"{runs['ARI'].mean():.3f}",
        "minutes": span(runs["cpu_seconds"] / 60),
    }


def tables(runs: pd.DataFrame) -> dict[str, str]:
    """Return the content of each file by its name, methods from the best down."""
    found = {}
    for data, own in runs.groupby("data"):
        rows = pd.DataFrame([row(of_one) for _, of_one in own.groupby("method")])
        rows = rows.sort_values("median", ascending=False, kind="stable")
        found[f"{data}.csv"] = rows.to_csv(index=False)
    return found


def speed(path: Path = SPEED) -> dict[str, str]:
    """Return the content of the file of ratios by its name."""
    rows = pd.DataFrame(json.loads(path.read_text())["rows"])
    rows["value"] = rows["value"].map("{:.3g}".format)
    return {"speed.csv": rows[["case", "measure", "value", "detail"]].to_csv(index=False)}


def main() -> None:
    """Write the files."""
    for name, content in (tables(read()) | speed()).items():
        (FOLDER / name).write_text(content)


if __name__ == "__main__":
    main()
