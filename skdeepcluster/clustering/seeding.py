"""Initial centres for k-means by greedy k-means++."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skdeepcluster.clustering.precision import widest

_ROWS_PER_CLUSTER = 64
_FEWEST_ROWS = 2**14


def plus_plus_centers(x: Tensor, n_clusters: int, generator: torch.Generator | None) -> Tensor:
    """
    Choose samples far from each other as centres.

    Each centre is the best of 2 + log K candidates, drawn with probabilities proportional to the
    squared distance to the nearest centre so far. To bound the cost, the centres are chosen from
    at most max(16384, 64 K) samples, drawn at random without replacement.

    Parameters
    ----------
    x : Tensor of shape (n, d), float32
        Samples, at least as many as clusters, preferably centred on the origin.
    n_clusters : int
        Number K of centres.
    generator : torch.Generator or None
        Source of randomness, on any device. None means torch's default generator.

    Returns
    -------
    Tensor of shape (K, d)
        Centres, rows of ``x``; if there are fewer distinct samples than clusters, some repeat.

    References
    ----------
    .. [1] Arthur, D., Vassilvitskii, S., "k-means++: the advantages of careful seeding",
       SODA 2007; greedy variant of section 7.
    """
    source = x.device if generator is None else generator.device
    order = torch.randperm(len(x), generator=generator, device=source).to(x.device)
    sample = order[: max(_FEWEST_ROWS, _ROWS_PER_CLUSTER * n_clusters)]
    x = x.index_select(0, sample)
    shape = (n_clusters, 2 + int(math.log(n_clusters)))
    # All at once: from a generator on another device that is one transfer, not one per centre.
    precise = widest(x.device)
    draws = torch.rand(shape, dtype=widest(source), generator=generator, device=source)
    draws = draws.to(x.device, precise)
    norms = x.square().sum(dim=1)
    chosen = torch.zeros(n_clusters, dtype=torch.long, device=x.device)  # the first: random already
    nearest = _squared_distances(x, norms, chosen[:1])[0]
    for k in range(1, n_clusters):
        cumulated = nearest.cumsum(0, dtype=precise)
        # right=True skips rows at distance 0, whose cumulated value equals the one before.
        candidates = torch.searchsorted(cumulated, draws[k] * cumulated[-1], right=True)
        # With all distances 0, as when distinct samples run out, the index is past the end.
        candidates = candidates.clamp_max(len(x) - 1)
        distances = _squared_distances(x, norms, candidates).minimum(nearest)
        # The choice stays a tensor: reading it would make every round wait for the device.
        best = distances.sum(dim=1).argmin().view(1)
        nearest = distances.index_select(0, best)[0]
        chosen[k : k + 1] = candidates.index_select(0, best)
    return x[chosen]


def _squared_distances(x: Tensor, norms: Tensor, chosen: Tensor) -> Tensor:
    """Return the squared distances of some rows to all rows."""
    products = torch.addmm(norms, x[chosen], x.T, alpha=-2)
    return products.add_(norms[chosen, None]).clamp_min_(0)  # rounding may make them negative
