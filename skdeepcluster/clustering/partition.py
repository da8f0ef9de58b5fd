"""Nearest centres of all samples, kept up to date while the centres move."""

from __future__ import annotations

import torch
from torch import Tensor

from skdeepcluster.clustering.precision import widest

_SLACK = 1.0 + 1e-5  # bounds closer than this are not trusted, because of rounding


class Partition:
    """
    Assignment of samples to their nearest centres.

    For each sample, an upper bound on the distance to its own centre and a lower bound on the
    distance to all others are kept. When the centres move, the bounds move with them, and only
    samples whose bounds meet are compared with the centres again. Distances are those of float32:
    groups that are some 100,000 times farther away than others are wide blur what is near.

    Parameters
    ----------
    x : Tensor of shape (n, d), float32
        Samples.
    centers : Tensor of shape (K, d), float32
        First centres.
    size : int
        Number of samples whose distances to all centres are held at a time.

    Attributes
    ----------
    labels : Tensor of shape (n,), int64
        Nearest centre of each sample; the first of several equally near ones.
    sums : Tensor of shape (K, d), float64 (MPS: float32)
        Sum of the samples of each centre.

    References
    ----------
    .. [1] Hamerly, G., "Making k-means even faster", SDM 2010.
    """

    def __init__(self, x: Tensor, centers: Tensor, size: int) -> None:
        self.x, self.centers, self.size = x, centers, size
        self.labels = torch.zeros(len(x), dtype=torch.long, device=x.device)
        # Samples are added and subtracted again and again, which in float32 would pile up errors.
        self.sums = torch.zeros_like(centers, dtype=widest(x.device))
        for rows in x.split(size):  # all samples start in the first cluster
            self.sums[0] += rows.sum(dim=0)
        self._norms = torch.linalg.vector_norm(x, dim=1).square_()
        # Bounds of 0 meet for every sample, so the first move compares all of them.
        self._upper = torch.zeros_like(self._norms)
        self._lower = torch.zeros_like(self._norms)
        self.move(centers)

    def counts(self) -> Tensor:
        """
        Count the samples of each centre.

        Returns
        -------
        Tensor of shape (K,), int64
            Numbers of samples.
        """
        return torch.bincount(self.labels, minlength=len(self.centers))

    def squared_distances(self) -> Tensor:
        """
        Compute the squared distance of each sample to its centre.

        Returns
        -------
        Tensor of shape (n,)
            Squared distances, by subtraction: exact for tight clusters too.
        """
        differences = (
            rows - self.centers.index_select(0, own)
            for rows, own in zip(self.x.split(self.size), self.labels.split(self.size), strict=True)
        )
        return torch.cat([torch.linalg.vector_norm(rows, dim=1) for rows in differences]).square_()

    def move(self, centers: Tensor) -> bool:
        """
        Replace the centres and reassign the samples.

        Parameters
        ----------
        centers : Tensor of shape (K, d), float32
            New centres.

        Returns
        -------
        bool
            Whether any label changed.
        """
        drift = torch.linalg.vector_norm(centers - self.centers, dim=1)
        self.centers, self._center_norms = centers, centers.square().sum(dim=1)
        self._upper += drift.index_select(0, self.labels)
        self._lower -= drift.max()
        unsure = (self._upper * _SLACK >= self._lower).nonzero()[:, 0]
        n_changed = sum(self._reassign(rows) for rows in unsure.split(self.size))
        return n_changed > 0

    def _reassign(self, rows: Tensor) -> int:
        """Compare some samples with all centres, and return how many labels changed."""
        x, norms, old = (t.index_select(0, rows) for t in (self.x, self._norms, self.labels))
        # A sample's own norm changes no order, so only the two distances kept get it, below.
        distances = torch.addmm(self._center_norms, x, self.centers.T, alpha=-2)
        nearest, new = distances.min(dim=1)
        second = distances.scatter_(1, new[:, None], float("inf")).amin(dim=1)
        self._upper.index_copy_(0, rows, nearest.add_(norms).clamp_min_(0).sqrt_())
        self._lower.index_copy_(0, rows, second.add_(norms).clamp_min_(0).sqrt_())
        self.labels.index_copy_(0, rows, new)
        changed = (new != old).nonzero()[:, 0]
        moving = x.index_select(0, changed).to(self.sums.dtype)
        self.sums.index_add_(0, new.index_select(0, changed), moving)
        self.sums.index_add_(0, old.index_select(0, changed), moving, alpha=-1)
        return len(changed)
