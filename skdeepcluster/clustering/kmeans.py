"""Lloyd's k-means on the device of its samples, plain or spherical."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from skdeepcluster.clustering.partition import Partition
from skdeepcluster.clustering.precision import widest
from skdeepcluster.clustering.seeding import plus_plus_centers

_ROUNDING = 1e-6  # of a sum of squared distances, relative
_CPU_CHUNK = 2048  # a chunk stays in the cache between its three uses
_DISTANCES_ON_DEVICE = 2**26  # 256 MiB of float32


class KMeansResult(NamedTuple):
    """
    Outcome of `kmeans`.

    Parameters
    ----------
    centers : Tensor of shape (K, d), float32
        Centres, of unit length if spherical.
    labels : Tensor of shape (n,), int64
        Nearest of these centres for each sample.
    inertia : float
        Sum of the squared distances of the (if spherical, normalised) samples to their centres.
    n_iter : int
        Number of updates of the centres in the best restart.
    """

    centers: Tensor
    labels: Tensor
    inertia: float
    n_iter: int


@torch.no_grad()
def kmeans(
    x: Tensor,
    n_clusters: int,
    *,
    spherical: bool = False,
    n_init: int = 1,
    score: Callable[[Tensor], float] | None = None,
    max_iter: int = 300,
    tol: float = 1e-4,
    init: Tensor | None = None,
    generator: torch.Generator | None = None,
    chunk_size: int | None = None,
) -> KMeansResult:
    """
    Cluster samples by Lloyd's algorithm from several starts and keep the best.

    Centres are initialised by greedy k-means++. A cluster that loses all its samples restarts at
    the sample farthest from its centre. A start ends when no label changes, when the centres move
    by no more than ``tol``, or after ``max_iter`` updates; its labels belong to its last centres.
    On the CPU the result depends only on the samples and the generator.

    Memory beyond ``x``: one centred (or normalised) float32 copy of it, about six numbers for each
    sample, and ``chunk_size * (K + 4 d)`` values; during initialisation, a copy of at most
    max(16384, 64 K) samples and 2 + log K distances for each of them.

    Parameters
    ----------
    x : Tensor of shape (n, d)
        Samples of any floating dtype, finite.
    n_clusters : int
        Number K of clusters.
    spherical : bool, default=False
        Whether samples and centres are scaled to unit length, so that the cosine decides.
    n_init : int, default=1
        Number of starts.
    score : callable, optional
        Judges the final centres of a start, of shape (K, d): the best start has the highest
        score. By default, the best has the least inertia.
    max_iter : int, default=300
        Largest number of updates of the centres for each start.
    tol : float, default=1e-4
        Bound on the squared movement of all centres, in units of the mean variance of the features
        (the rounding error of float32 is added).
    init : Tensor of shape (K, d), optional
        Centres from which the first start begins; the others are initialised by k-means++.
    generator : torch.Generator, optional
        Source of the initial centres, on any device. None means torch's default generator.
    chunk_size : int, optional
        Number of samples whose distances to all centres are held at a time. By default 2048 on the
        CPU, and on other devices as many as give about 2**26 values.

    Returns
    -------
    KMeansResult
        Centres, labels, inertia and number of iterations of the best start.

    Raises
    ------
    ValueError
        If there are fewer samples than clusters, or ``init`` does not have shape (K, d).

    References
    ----------
    .. [1] Lloyd, S., "Least squares quantization in PCM", IEEE Transactions on Information
       Theory 28, 1982.
    .. [2] Dhillon, I. S., Modha, D. S., "Concept decompositions for large sparse text data using
       clustering", Machine Learning 42, 2001 (spherical k-means).
    """
    _check(x, n_clusters, init)
    x = x.detach().float()
    # Distances come from expanded squares, which far from the origin would cancel in float32.
    offset = torch.zeros_like(x[0]) if spherical else x.mean(dim=0)
    x = functional.normalize(x) if spherical else x - offset
    size = chunk_size or _default_chunk(x, n_clusters)
    tolerance = _tolerance(x, n_clusters, tol)
    starts = []
    for number in range(n_init):
        if number == 0 and init is not None:
            centers = init.detach().to(x) - offset
            centers = functional.normalize(centers) if spherical else centers
        else:
            centers = plus_plus_centers(x, n_clusters, generator)
        start = _lloyd(x, centers, spherical, max_iter, tolerance, size)
        starts.append(start._replace(centers=start.centers + offset))
    if score is None:
        # Starts that come to the same end differ by rounding, which must not choose among them.
        least = min(start.inertia for start in starts) * (1 + _ROUNDING)
        return next((start for start in starts if start.inertia <= least), starts[0])
    return max(starts, key=lambda start: score(start.centers))


def _check(x: Tensor, n_clusters: int, init: Tensor | None) -> None:
    """Refuse what cannot be clustered."""
    if x.ndim != 2 or not 1 <= n_clusters <= len(x):
        raise ValueError(
            f"k-means needs a matrix with at least n_clusters={n_clusters} >= 1 rows, "
            f"got shape {tuple(x.shape)}."
        )
    if init is not None and init.shape != (n_clusters, x.shape[1]):
        raise ValueError(
            f"init must have shape {(n_clusters, x.shape[1])}, got {tuple(init.shape)}."
        )


def _tolerance(x: Tensor, n_clusters: int, tol: float) -> float:
    """Return the squared movement of all centres that counts as no movement."""
    # The norm and the mean make no temporary copy of x, as squares or deviations would.
    mean_square = float(torch.linalg.vector_norm(x)) ** 2 / len(x)
    variance = (mean_square - float(x.mean(dim=0).square().sum())) / x.shape[1]
    rounding = n_clusters * torch.finfo(x.dtype).eps ** 2 * mean_square
    return tol * max(variance, 0.0) + rounding


def _default_chunk(x: Tensor, n_clusters: int) -> int:
    """Return how many samples are handled at a time."""
    if x.device.type == "cpu":
        return _CPU_CHUNK
    return max(1, _DISTANCES_ON_DEVICE // (n_clusters + 2 * x.shape[1]))


def _lloyd(
    x: Tensor, centers: Tensor, spherical: bool, max_iter: int, tolerance: float, size: int
) -> KMeansResult:
    """Alternate between centres and labels; the labels returned belong to the centres returned."""
    partition, n_iter = Partition(x, centers, size), 0
    moved, changed = True, True
    while n_iter < max_iter and moved and changed:
        previous, centers = centers, _next_centers(partition, spherical)
        changed = partition.move(centers)
        moved = float((centers - previous).square().sum()) > tolerance
        n_iter += 1
    # So that it is not the rounding of the sum that decides between starts.
    inertia = float(partition.squared_distances().sum(dtype=widest(x.device)))
    return KMeansResult(centers, partition.labels, inertia, n_iter)


def _next_centers(partition: Partition, spherical: bool) -> Tensor:
    """Return the means, with the farthest samples in place of the means of empty clusters."""
    counts = partition.counts()
    divisor = partition.sums.norm(dim=1) if spherical else counts
    means = (partition.sums / divisor[:, None]).float()
    # Unit vectors may cancel out; their mean then has no direction, and the centre stays put.
    means = torch.where(divisor[:, None] > 0, means, partition.centers)
    empty = (counts == 0).nonzero()[:, 0]
    if len(empty):
        means[empty] = partition.x[partition.squared_distances().topk(len(empty)).indices]
    return means
