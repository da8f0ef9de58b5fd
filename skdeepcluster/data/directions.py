"""Whether vectors are better compared by their directions alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from skdeepcluster.data.samples import Samples
from skdeepcluster.data.scaling import Scaling, to_equal_length

N_LOOKED_AT = 2000
N_NEIGHBORS = 10
GAIN = 0.04  # in the share of neighbours that are mutual


def with_length_rule(scaling: Scaling, samples: Samples) -> Scaling:
    """
    Decide by some of the samples whether vectors are brought to equal length.

    Parameters
    ----------
    scaling : Scaling
        What was learnt from the samples.
    samples : Samples
        The training samples; of images nothing is decided.

    Returns
    -------
    Scaling
        With `equal_length` set.
    """
    if samples.layout.is_image:
        return scaling
    index = np.linspace(0, len(samples) - 1, min(len(samples), N_LOOKED_AT)).astype(np.int64)
    cpu = torch.device("cpu")
    rows = scaling.on(cpu).unit(scaling.to_device(samples.take(index), cpu))
    return replace(scaling, equal_length=np.array([directions_suffice(rows)]))


def directions_suffice(rows: Tensor) -> bool:
    """
    Compare the neighbours that vectors have with those that their directions have.

    In many dimensions some rows are near to all others, and are neighbours of many whose neighbour
    is none of them [1]_; differences in length make it worse. Directions suffice if more of their
    neighbours are mutual, and if these are not farther, in full, by a larger share: else length
    tells clusters apart.

    Parameters
    ----------
    rows : Tensor of shape (n, d), dtype float32
        Centred vectors.

    Returns
    -------
    bool
        Whether they do.

    References
    ----------
    .. [1] Radovanovic, M., Nanopoulos, A., Ivanovic, M., "Hubs in space: popular nearest neighbors
       in high-dimensional data", JMLR 11 (2010).
    """
    count = min(N_NEIGHBORS, len(rows) // 10)
    if count < 2:
        return False
    distances = _squared_distances(rows)
    near = distances.topk(count, largest=False)
    by_direction = _squared_distances(to_equal_length(rows)).topk(count, largest=False).indices
    gain = _mutual_share(by_direction) - _mutual_share(near.indices)
    farther = distances.gather(1, by_direction).sum() / near.values.sum()
    return bool(gain >= GAIN and farther - 1 <= gain)


def _squared_distances(rows: Tensor) -> Tensor:
    """Return the squared distances between all rows, those of a row to itself infinite."""
    half_squares = rows.square().sum(dim=1) / 2
    half = half_squares[:, None] + torch.addmm(half_squares, rows, rows.T, alpha=-1)
    return half.mul_(2).clamp_(min=0).fill_diagonal_(torch.inf)


def _mutual_share(neighbors: Tensor) -> float:
    """Return how many of the neighbours of rows have these rows among their own."""
    own = torch.arange(len(neighbors), device=neighbors.device)[:, None, None]
    return float((neighbors[neighbors] == own).any(dim=2).float().mean())
