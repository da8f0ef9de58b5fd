"""
Draw accuracy against CPU seconds for the results page, from the runs on record.

    python docs/_ext/result_plot.py FOLDER

A build calls it by itself; the pictures are in ``docs/_plots``, for light and for dark pages.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
RUNS = DOCS.parent / "benchmarks" / "results" / "learning.json"
DATA = {"digits": "Digits", "mnist5000": "MNIST, 5,000", "fashion10000": "Fashion-MNIST, 10,000"}
METHODS = {
    "ContrastiveClustering": ("ContrastiveClustering", "o"),
    "CLC": ("CLC", "s"),
    "ProPos": ("ProPos", "D"),
    "TwinContrastClustering": ("TwinContrastClustering", "^"),
    "UMAP+KMeans": ("UMAP + k-means", "X"),
    "KMeans": ("k-means", "P"),
}
INKS = {
    "light": ["#1f5fa8", "#b34700", "#2f7a3c", "#a02c5d", "#50565c", "#50565c"],
    "dark": ["#7db7f5", "#ffab70", "#86d694", "#f59ac0", "#b4bac0", "#b4bac0"],
}
PLAIN = {"light": "#33393f", "dark": "#ced6dd"}
LEAST_GAP = 0.085  # between two names, in heights of a panel


def read() -> list[dict[str, Any]]:
    """Return the runs with default settings."""
    runs = json.loads(RUNS.read_text())["runs"]
    return [run for run in runs if not (run["parameters"] or run["limit"] or "error" in run)]


def spread(heights: list[float]) -> list[float]:
    """Move heights from 0 to 1, in descending order, apart until names at them do not touch."""
    found: list[float] = []
    for height in heights:
        found.append(min([height, *(found[-1:] and [found[-1] - LEAST_GAP])]))
    return [height + max(0.0, -found[-1]) for height in found]


def panel(ax: Axes, runs: list[dict[str, Any]], inks: list[str], plain: str) -> None:
    """Draw one kind of images: a small mark for each seed, a large one for their median."""
    medians = []
    for (method, (name, marker)), ink in zip(METHODS.items(), inks, strict=True):
        own = [run for run in runs if run["method"] == method]
        points = [[run[key] for run in own] for key in ("cpu_seconds", "ACC")]
        ax.scatter(*points, s=14, color=ink, alpha=0.6, linewidths=0)
        at = [statistics.median(values) for values in points]
        ax.scatter(*at, s=60, color=ink, marker=marker, linewidths=0, zorder=3)
        medians.append((at[1], at[0], name, ink))
    ax.margins(0.05, 0.12)
    low, high = ax.get_ylim()
    medians.sort(reverse=True)
    places = spread([(accuracy - low) / (high - low) for accuracy, *_ in medians])
    for (accuracy, seconds, name, ink), place in zip(medians, places, strict=True):
        ax.annotate(
            name,
            (seconds, accuracy),
            xytext=(1.05, place),
            textcoords="axes fraction",
            va="center",
            color=ink,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": ink,
                "alpha": 0.35,
                "linewidth": 0.8,
                "relpos": (0, 0.5),
                "shrinkB": 5,
            },
        )
    ax.set_xlim(left=min(0.0, ax.get_xlim()[0]))
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[:].set_color(plain)
    ax.tick_params(colors=plain)
    ax.grid(axis="y", color=plain, alpha=0.15)


def draw(folder: Path) -> None:
    """Write the pictures, for light and for dark pages."""
    folder.mkdir(exist_ok=True)
    runs = read()
    settings = {"font.size": 11, "svg.hashsalt": "results", "axes.titlelocation": "left"}
    for theme, inks in INKS.items():
        with matplotlib.rc_context(settings):
            figure = Figure(figsize=(6.4, 8.2))
            panels = figure.subplots(len(DATA))
            for ax, (data, title) in zip(panels, DATA.items(), strict=True):
                panel(ax, [r for r in runs if r["data"] == data], inks, PLAIN[theme])
                ax.set_title(title, color=PLAIN[theme], fontsize=12, fontweight="bold")
                ax.set_ylabel("accuracy", color=PLAIN[theme])
                ax.set_facecolor("none")
            panels[-1].set_xlabel("CPU seconds of one core", color=PLAIN[theme])
            figure.subplots_adjust(left=0.12, right=0.64, top=0.96, bottom=0.07, hspace=0.4)
            path = folder / f"accuracy_{theme}.svg"
            figure.savefig(path, transparent=True, metadata={"Date": None})


def setup(app: Sphinx) -> dict[str, bool]:
    """Draw before the pages are read."""
    app.connect("builder-inited", lambda app: draw(Path(app.srcdir) / "_plots"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
