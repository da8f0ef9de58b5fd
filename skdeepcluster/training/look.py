"""What a method sees of the training samples between two epochs."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from skdeepcluster.data.source import Source
from skdeepcluster.training.inference import batch_size_of, gather, infer_batches
from skdeepcluster.training.objective import Objective
from skdeepcluster.training.seeds import Generators
from skdeepcluster.training.views import Augmentation, two_views

__all__ = ["Look"]


class Look:
    """
    Embed the training samples by the networks as they are, without a trace in training.

    Parameters
    ----------
    objective : Objective
        Networks, on the training device.
    source : Source
        The samples.
    augmentation : callable or None
        Makes views of a batch; None leaves samples as they are.
    generators : Generators
        Sources of randomness, of which copies are used.
    dtype : torch.dtype or None
        Precision of the networks, None for float32.
    """

    def __init__(
        self,
        objective: Objective,
        source: Source,
        augmentation: Augmentation | None,
        generators: Generators,
        dtype: torch.dtype | None,
    ) -> None:
        self.objective = objective
        self.source = source
        self.augmentation = augmentation
        self.generators = generators
        self.dtype = dtype

    def embed_all(self) -> Tensor:
        """
        Embed all samples, not augmented.

        Returns
        -------
        Tensor of shape (n, d), dtype float32
            Unit-length embedding by the objective's `infer`, on the training device.
        """
        batches = self.source.in_order(batch_size_of(self.source.shape))
        return self._embed(batches, len(self.source))

    def embed_views(self, n_samples: int) -> tuple[Tensor, Tensor] | None:
        """
        Embed two views of some samples, drawn without replacement.

        Parameters
        ----------
        n_samples : int
            Their number, rounded down to whole batches; all samples are drawn if there are fewer.

        Returns
        -------
        tuple of two Tensors of shape (m, d), dtype float32, or None
            Unit-length embeddings of first and second views by the objective's `infer`, on the
            training device; None if samples are not augmented.
        """
        if self.augmentation is None:
            return None
        n_samples = min(n_samples, len(self.source))
        size = min(batch_size_of(self.source.shape), n_samples)
        n_samples -= n_samples % size
        generators = self.generators.copy()
        order = torch.randperm(len(self.source), generator=generators.order)
        batches = (
            two_views(batch, self.augmentation, generators.augmentation)
            for _, batch in self.source.batches(order[:n_samples].view(-1, size))
        )
        pairs = self._embed(batches, 2 * n_samples).view(n_samples // size, 2, size, -1)
        first, second = pairs.transpose(0, 1).flatten(1, 2)
        return first, second

    def _embed(self, batches: Iterable[Tensor], n_rows: int) -> Tensor:
        self.objective.eval()
        results = infer_batches(self.objective, batches, self.source.maps, self.dtype)
        return gather((embedding for embedding, _ in results), n_rows, self.source.device)
