"""Nearest neighbours among very many rows, by an index of faiss."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from skdeepcluster.data.source import Source
from skdeepcluster.training.distributed import ALONE, Processes

EXACT_UP_TO = 50_000  # rows: two thirds of a minute of one core, at 384 features
BLOCK = 4096
LOOKED_AT = 8  # lists, of sqrt(n): 98 % of the nearest ten are found
ROWS_PER_LIST = 40  # from which the middle of a list is learnt


def is_worthwhile(n_samples: int, device: torch.device) -> bool:
    """
    Tell whether neighbours are searched with faiss.

    Parameters
    ----------
    n_samples : int
        Number of rows.
    device : torch.device
        Where training takes place: a GPU is fast enough to compare all with all.

    Returns
    -------
    bool
        Whether there are many, and faiss is installed.
    """
    # On macOS torch and faiss bring an OpenMP runtime each, and two in a process may crash it.
    is_wanted = device.type == "cpu" and n_samples > EXACT_UP_TO and sys.platform != "darwin"
    return is_wanted and find_spec("faiss") is not None


def approximate_neighbors(source: Source, n_neighbors: int, processes: Processes = ALONE) -> Tensor:
    """
    Find the nearest rows of every row but itself, by Euclidean distance, or nearly so.

    Rows are sorted into sqrt(n) lists by the nearest of so many centres; those in the 8 lists
    nearest to a row are compared with it, at 8 bits a value. The index is gone when all have been
    looked up.

    Parameters
    ----------
    source : Source
        Vectors, on the CPU.
    n_neighbors : int
        How many, less than the number of rows.
    processes : Processes, default=Processes()
        Those that share out the rows.

    Returns
    -------
    Tensor of shape (n, n_neighbors), dtype int32
        Numbers of the rows, the nearest first; a row's own number where too few were found.
    """
    part = processes.share(len(source))
    found, start = [], part.start
    with _threads(torch.get_num_threads()):
        index = _index(source)
        index.nprobe = max(LOOKED_AT, -(-LOOKED_AT * n_neighbors // index.nlist))
        for rows in source.in_order(BLOCK, part):
            numbers = torch.from_numpy(index.search(rows.numpy(), n_neighbors + 1)[1]).int()
            found.append(_without_own(numbers, start))
            start += len(rows)
    return processes.gather(torch.cat(found), len(source))


def _index(source: Source) -> Any:
    import faiss

    n, d = len(source), source.shape[0]
    n_lists = int(n**0.5)
    middles = faiss.IndexFlatL2(d)
    index = faiss.IndexIVFScalarQuantizer(middles, d, n_lists, faiss.ScalarQuantizer.QT_8bit)
    some = torch.linspace(0, n - 1, min(n, ROWS_PER_LIST * n_lists), dtype=torch.float64).long()
    middles_learnt_from = torch.empty(len(some), d)
    for part, numbers in zip(middles_learnt_from.split(BLOCK), some.split(BLOCK), strict=True):
        part.copy_(source.rows(numbers))
    index.train(middles_learnt_from.numpy())
    del middles_learnt_from
    for rows in source.in_order(BLOCK):
        index.add(rows.numpy())
    return index


def _without_own(numbers: Tensor, start: int) -> Tensor:
    """Take out of the numbers that were found for each row its own, or else the last."""
    own = torch.arange(start, start + len(numbers), dtype=torch.int32)[:, None]
    numbers = torch.where(numbers < 0, own, numbers)
    # A stable sort leaves the others in their order; only the last one falls out.
    order = (numbers == own).to(torch.int8).argsort(dim=1, stable=True)
    return numbers.gather(1, order)[:, :-1]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let faiss use so many threads meanwhile."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
