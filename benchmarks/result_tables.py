"""Tables of the documentation, from the measurements in ``results``.

``python benchmarks/result_tables.py`` writes CSV files to ``docs/results``: one for each data set
of ``learning.json``, ``summary.csv`` of the medians, ``history.csv`` of these and of the earlier
runs in ``learning-DATE.json``, and ``speed.csv`` of ``speed.json``. It then prints the table of the
README.
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

OURS = ["ContrastiveClustering", "CLC", "ProPos", "TwinContrastClustering"]
OTHERS = {"KMeans": "k-means", "UMAP+KMeans": "UMAP + k-means"}
IMAGES = {
    "digits": "scikit-learn's digits, 1,797 of 8 x 8",
    "mnist5000": "MNIST, 5,000 of 28 x 28",
    "fashion10000": "Fashion-MNIST, 10,000 of 28 x 28",
}
SECTIONS = {"loops", "inference", "scaling"}  # of speed.json, for readers


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


def median_of(runs: pd.DataFrame, data: str, method: str) -> tuple[float, float]:
    """Return the medians of the accuracy and of the CPU seconds."""
    own = runs[(runs["data"] == data) & (runs["method"] == method)]
    return own["ACC"].median(), own["cpu_seconds"].median()


def summary(runs: pd.DataFrame) -> dict[str, str]:
    """Return the content of the file of medians by its name, one row for each method."""
    rows = []
    for method in [*OURS, *OTHERS]:
        cells = {"method": OTHERS.get(method, method)}
        for data, images in IMAGES.items():
            accuracy, seconds = median_of(runs, data, method)
            took = f"in {round(seconds)} s" if seconds >= 1 else "within 1 s"
            cells[images] = f"{accuracy:.3f} {took}"
        rows.append(cells)
    return {"summary.csv": pd.DataFrame(rows).to_csv(index=False)}


def history() -> dict[str, str]:
    """Return the content of the file that sets earlier states beside today's, by its name."""
    rows = [{"images": images, "method": method} for images in IMAGES.values() for method in OURS]
    for path in [*sorted(RUNS.parent.glob("learning-*.json")), RUNS]:
        runs = read(path)
        ours = runs[runs["method"].isin(OURS) & runs["data"].isin(IMAGES)]
        last = max(ours["environment"], key=lambda environment: environment["date"])
        state = f"{last['skdeepcluster']}, {last['date']}"
        pairs = ((data, method) for data in IMAGES for method in OURS)
        for cells, pair in zip(rows, pairs, strict=True):
            accuracy, seconds = median_of(runs, *pair)
            cells[state] = f"{accuracy:.3f} in {round(seconds)} s"
    return {"history.csv": pd.DataFrame(rows).to_csv(index=False)}


def readme(runs: pd.DataFrame) -> str:
    """Return the README's table: medians of accuracy, and the seconds of our methods."""
    names = [*(f"`{method}`" for method in OURS), *OTHERS.values()]
    lines = [["images", *names, "seconds of a fit"], ["---"] * (len(names) + 2)]
    for data, images in IMAGES.items():
        medians = [median_of(runs, data, method) for method in [*OURS, *OTHERS]]
        seconds = [round(seconds) for _, seconds in medians[: len(OURS)]]
        took = f"{min(seconds)} to {max(seconds)}"
        lines.append([images, *(f"{accuracy:.3f}" for accuracy, _ in medians), took])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def speed(path: Path = SPEED) -> dict[str, str]:
    """Return the content of the file of ratios by its name."""
    rows = pd.DataFrame(json.loads(path.read_text())["rows"])
    rows = rows[rows["section"].isin(SECTIONS)]
    rows["value"] = rows["value"].map("{:.3g}".format)
    return {"speed.csv": rows[["case", "measure", "value"]].to_csv(index=False)}


def files() -> dict[str, str]:
    """Return the content of all files by their names."""
    runs = read()
    return tables(runs) | summary(runs) | history() | speed()


def main() -> None:
    """Write the files."""
    for name, content in files().items():
        (FOLDER / name).write_text(content)
    print(readme(read()), end="")


if __name__ == "__main__":
    main()
