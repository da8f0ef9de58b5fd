"""What a method sees of the training samples between two epochs."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from skdeepcluster.data.source import Source
from skdeepcluster.networks.model import Model
from skdeepcluster.networks.randomness import global_streams
from skdeepcluster.training.distributed import ALONE, Processes
from skdeepcluster.training.inference import batch_size_of, gather, infer_batches
from skdeepcluster.training.seeds import Generators
from skdeepcluster.training.views import Views


class TrainingSet:
    """
    Embed the training samples by the model as it is, without a trace in training.

    Parameters
    ----------
    model : Model
        Networks, on the training device.
    source : Source
        The samples.
    views : Views
        Makes views of a batch.
    generators : Generators
        Sources of randomness, of which copies are used.
    dtype : torch.dtype or None
        Precision of the networks, None for float32.
    processes : Processes, default=Processes()
        Those that share out the embedding of all samples.
    known : Tensor of shape (n,), dtype int64, or None, default=None
        Clusters of the samples whose class is known, -1 where it is not, on the training device.
    """

    def __init__(
        self,
        model: Model,
        source: Source,
        views: Views,
        generators: Generators,
        dtype: torch.dtype | None,
        processes: Processes = ALONE,
        known: Tensor | None = None,
    ) -> None:
        self.model = model
        self.source = source
        self.views = views
        self.generators = generators
        self.dtype = dtype
        self.processes = processes
        self.known = known

    @property
    def generator(self) -> torch.Generator:
        """Source of a method's own randomness between epochs, such as the starts of k-means."""
        return self.generators.noise

    def embed_all(self) -> Tensor:
        """
        Embed all samples, not augmented.

        Returns
        -------
        Tensor of shape (n, d), dtype float32
            Unit-length embedding, on the training device.
        """
        part = self.processes.share(len(self.source))
        batches = self.source.in_order(batch_size_of(self.source.samples.shape), part)
        own = self._embed(batches, part.stop - part.start)
        return self.processes.gather(own, len(self.source))

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
            Unit-length embeddings of first and second views, on the training device; None if
            samples are not augmented.
        """
        if not self.views.augments:
            return None
        n_samples = min(n_samples, len(self.source))
        size = min(batch_size_of(self.source.samples.shape), n_samples)
        n_samples -= n_samples % size
        generators = self.generators.copy()
        order = torch.randperm(len(self.source), generator=generators.order)

        def batches() -> Iterable[Tensor]:
            for index, batch in self.source.batches(order[:n_samples].view(-1, size)):
                with global_streams(*generators.streams(self.views.draws_globally)):
                    views = self.views(batch, index, generators.augmentation)
                yield torch.cat(views[:2])

        pairs = self._embed(batches(), 2 * n_samples).view(n_samples // size, 2, size, -1)
        first, second = pairs.transpose(0, 1).flatten(1, 2)
        return first, second

    def _embed(self, batches: Iterable[Tensor], n_rows: int) -> Tensor:
        self.model.eval()
        results = infer_batches(self.model, batches, self.source.maps, self.dtype)
        return gather((embedding for embedding, _ in results), n_rows, self.source.device)
