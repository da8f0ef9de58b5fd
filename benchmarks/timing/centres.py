"""One restart of k-means, ours against scikit-learn's."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.cluster import KMeans

from skdeepcluster.clustering.kmeans import KMeansResult, kmeans
from timing.clock import in_turn, ratio
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


def compare(kind: str, n: int, n_clusters: int, n_rounds: int, plan: Plan) -> tuple[Row, Row]:
    """Return the ratios of times and of inertias over several seeds."""
    rows = draw(kind, n, n_clusters)
    x = torch.from_numpy(rows).to(plan.device)
    ours: list[KMeansResult] = []
    theirs: list[KMeans] = []

    def run_ours(**limits: int) -> None:
        generator = torch.Generator(plan.device).manual_seed(len(ours))
        ours.append(kmeans(x, n_clusters, generator=generator, **limits))

    def run_theirs(**limits: int) -> None:
        theirs.append(KMeans(n_clusters, n_init=1, random_state=len(theirs), **limits).fit(rows))

    actions = {"ours": run_ours, "theirs": run_theirs}
    for action in actions.values():
        action(max_iter=1)
    ours.clear(), theirs.clear()
    times = in_turn(actions, n_rounds, plan.device, n_warm_up=0)
    value, spread = ratio(times["theirs"], times["ours"])
    medians = {name: statistics.median(own) for name, own in times.items()}
    updates = [statistics.fmean(own) for own in zip(*counts(ours, theirs), strict=True)]
    detail = f"{medians['ours']:.3g} against {medians['theirs']:.3g} s; "
    detail += f"{updates[0]:.0f} against {updates[1]:.0f} updates; {spread}"
    case = f"{kind}, {n} x {N_FEATURES}, K = {n_clusters}"
    inertia = sum(r.inertia for r in ours) / sum(r.inertia_ for r in theirs)
    return (
        Row("kmeans", case, "times as fast", value, ">= 1", detail),
        Row(
            "kmeans", case, "inertia over scikit-learn's", inertia, "<= 1.01", f"mean of {n_rounds}"
        ),
    )


def counts(ours: list[KMeansResult], theirs: list[KMeans]) -> list[tuple[int, int]]:
    """Return the numbers of updates, restart by restart."""
    return [(a.n_iter, b.n_iter_) for a, b in zip(ours, theirs, strict=True)]


def measure(plan: Plan) -> Iterator[Row]:
    """Compare at both sizes, on clusters and on noise."""
    n, n_clusters = plan.pick((200_000, 1000), (40_000, 200))
    yield from compare("clusters", 60_000, 10, plan.pick(20, 10), plan)
    yield from compare("noise", 60_000, 10, plan.pick(5, 2), plan)
    yield from compare("clusters", n, n_clusters, 1, plan)
    yield from compare("noise", n, n_clusters, 1, plan)
