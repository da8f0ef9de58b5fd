"""One restart of k-means, ours against scikit-learn's."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.cluster import KMeans

from skdeepcluster.clustering import kmeans
from timing.clock import ratio, seconds
from timing.report import Plan, Row

N_FEATURES = 128


def draw(kind: str, n: int, n_clusters: int) -> np.ndarray:
    """
    Draw Gaussian clusters, three for each that is looked for, or Gaussian noise.

    With as many as are looked for, a start finds all or misses some, and one restart is luck.
    """
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((n, N_FEATURES), dtype=np.float32)
    if kind == "clusters":
        centres = rng.standard_normal((3 * n_clusters, N_FEATURES), dtype=np.float32)
        rows += 1.5 * centres[rng.integers(len(centres), size=n)]
    return rows


def compare(rows: np.ndarray, n_clusters: int, n_rounds: int, plan: Plan) -> tuple[Row, Row]:
    """Return the ratios of times and of inertias over several seeds."""
    x = torch.from_numpy(rows).to(plan.device)
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    ours, theirs = [], []

    def run_ours(seed: int) -> None:
        generator = torch.Generator(plan.device).manual_seed(seed)
        ours.append(kmeans(x, n_clusters, generator=generator))

    def run_theirs(seed: int) -> None:
        theirs.append(KMeans(n_clusters, n_init=1, random_state=seed).fit(rows))

    kmeans(x[: 4 * n_clusters], n_clusters, max_iter=2)
    KMeans(n_clusters, n_init=1, max_iter=2).fit(rows[: 4 * n_clusters])
    for seed in range(n_rounds):
        times["ours"].append(seconds(lambda seed=seed: run_ours(seed), plan.device))
        times["theirs"].append(seconds(lambda seed=seed: run_theirs(seed), plan.device))
    value, spread = ratio(times["theirs"], times["ours"])
    medians = {name: statistics.median(own) for name, own in times.items()}
    rounds = [statistics.fmean(r.n_iter for r in ours), statistics.fmean(r.n_iter_ for r in theirs)]
    detail = f"{medians['ours']:.3g} against {medians['theirs']:.3g} s; "
    detail += f"{rounds[0]:.0f} against {rounds[1]:.0f} updates; {spread}"
    case = f"{len(rows)} x {N_FEATURES}, K = {n_clusters}"
    inertia = sum(r.inertia for r in ours) / sum(r.inertia_ for r in theirs)
    return (
        Row("kmeans", case, "times as fast", value, ">= 1", detail),
        Row("kmeans", case, "inertia over scikit-learn's", inertia, "<= 1.01"),
    )


def measure(plan: Plan) -> Iterator[Row]:
    """Compare at both sizes, on clusters and on noise."""
    large = plan.pick((200_000, 1000, 1), (40_000, 200, 1))
    for n, n_clusters, n_rounds in ((60_000, 10, plan.pick(5, 3)), large):
        for kind in ("clusters", "noise"):
            for row in compare(draw(kind, n, n_clusters), n_clusters, n_rounds, plan):
                yield Row(row.section, f"{kind}, {row.case}", *(getattr(row, f) for f in FIELDS))


FIELDS = ("measure", "value", "target", "detail")
