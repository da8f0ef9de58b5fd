"""Nearest neighbours of the training samples as views of them."""

from __future__ import annotations

import torch
from torch import Tensor

from skdeepcluster.augmentation.vector import VectorAugmentation
from skdeepcluster.data.source import Source
from skdeepcluster.training.distributed import ALONE, Processes
from skdeepcluster.training.views import Views

BLOCK = 4096  # a block of similarities takes 64 MiB
QUERY_VALUES = 2**25  # values of the rows that look for neighbours in one pass over all: 128 MiB


def n_neighbors(augmentation: VectorAugmentation, n_samples: int) -> int:
    """
    Tell among how many nearest rows second views are drawn.

    Parameters
    ----------
    augmentation : VectorAugmentation
        Says how many are wanted.
    n_samples : int
        Number of rows.

    Returns
    -------
    int
        As many, or all others.
    """
    return min(int(augmentation.n_neighbors), n_samples - 1)


def nearest_neighbors(source: Source, n_neighbors: int, processes: Processes = ALONE) -> Tensor:
    """
    Find the nearest rows of every row but itself, by Euclidean distance and exactly.

    Memory does not grow with the number of rows, apart from the result.

    Parameters
    ----------
    source : Source
        Vectors.
    n_neighbors : int
        How many, less than the number of rows.
    processes : Processes, default=Processes()
        Those that share out the rows.

    Returns
    -------
    Tensor of shape (n, n_neighbors), dtype int32
        Numbers of the rows, the nearest first, on the training device.
    """
    size = max(BLOCK, QUERY_VALUES // source.shape[0])
    part = processes.share(len(source))
    found, start = [], part.start
    for rows in source.in_order(size, part):
        nearest = _Nearest(rows, start, n_neighbors)
        for number, others in enumerate(source.in_order(BLOCK)):
            nearest.look_at(others, number * BLOCK)
        found.append(nearest.index)
        start += len(rows)
    return processes.gather(torch.cat(found), len(source))


class _Nearest:
    """The nearest of the rows looked at so far, for rows that have numbers from `start` on."""

    def __init__(self, rows: Tensor, start: int, count: int) -> None:
        self.rows, self.start = rows, start
        self.value = rows.new_full((len(rows), count), -torch.inf)
        self.index = torch.zeros((len(rows), count), dtype=torch.int32, device=rows.device)

    def look_at(self, others: Tensor, first: int) -> None:
        half_squares = others.square().sum(dim=1) / 2
        for begin in range(0, len(self.rows), BLOCK):
            part = slice(begin, begin + BLOCK)
            # Minus half the squared distance, up to what a row has in common with all others.
            near = torch.addmm(half_squares, self.rows[part], others.T, beta=-1)
            _exclude_itself(near, self.start + begin - first)
            self._keep(part, near, first)

    def _keep(self, part: slice, near: Tensor, first: int) -> None:
        count = self.index.shape[1]
        value, index = near.topk(min(count, near.shape[1]), dim=1)
        both = torch.cat([self.index[part], index.int() + first], dim=1)
        self.value[part], best = torch.cat([self.value[part], value], dim=1).topk(count, dim=1)
        self.index[part] = both.gather(1, best)


def _exclude_itself(near: Tensor, offset: int) -> None:
    """Take out of each row i the column i + offset, where there is such a column."""
    if -len(near) < offset < near.shape[1]:
        near.diagonal(offset).fill_(-torch.inf)


class NeighborViews(Views):
    """
    Make a view of each sample, and one of a neighbour of it, drawn anew at every call.

    Parameters
    ----------
    augmentation : VectorAugmentation
        Augments both; its `n_neighbors` says among how many the neighbour is drawn.
    source : Source
        The training samples.
    n_views : int, default=2
        Views of each sample: one of itself, the others of neighbours.
    processes : Processes, default=Processes()
        Those that look for neighbours together.
    neighbors : Tensor of shape (n, n_neighbors), dtype int32, or None, default=None
        Numbers of the neighbours; None to look for them.
    """

    def __init__(
        self,
        augmentation: VectorAugmentation,
        source: Source,
        n_views: int = 2,
        processes: Processes = ALONE,
        neighbors: Tensor | None = None,
    ) -> None:
        super().__init__(augmentation, n_views)
        self.source = source
        if neighbors is None:
            count = n_neighbors(augmentation, len(source))
            neighbors = nearest_neighbors(source, count, processes)
        self.neighbors = neighbors

    def _stacked(self, batch: Tensor, index: Tensor, generator: torch.Generator) -> Tensor:
        """Put the samples before their neighbours."""
        size = len(index), self.n_views - 1
        drawn = torch.randint(
            self.neighbors.shape[1], size, device=index.device, generator=generator
        )
        others = self.neighbors[index].gather(1, drawn).T.flatten()
        return torch.cat([batch, self.source.rows(others)])
