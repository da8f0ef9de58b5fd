"""What stays after training, and embeds and assigns samples."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from skdeepcluster._warn import warn
from skdeepcluster.data.resizing import resized_shape
from skdeepcluster.data.samples import Samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.data.source import ALL
from skdeepcluster.networks.model import Model
from skdeepcluster.training.device import inference_dtype
from skdeepcluster.training.inference import gather, infer_batches, infer_samples

T = TypeVar("T")

NEEDED = ("n_clusters", "image_size", "precision")
LARGEST_TRIED = 32

ODD = 32.0  # a 32nd, or 32 times, of the training samples' extent
FEW = 8
LARGE = 2.0  # mean of images in units of the range: 0 to 1 in training, but for hot pixels


def soft_assignment(logits: Tensor, used: Tensor, temperature: float) -> Tensor:
    """
    Turn what networks say into probabilities of the clusters that have members.

    Parameters
    ----------
    logits : Tensor of shape (b, n_clusters)
        Unnormalised log-probabilities.
    used : Tensor of shape (n_clusters_,), dtype int64
        Those of the clusters looked for that have members.
    temperature : float
        Divisor of the log-probabilities.

    Returns
    -------
    Tensor of shape (b, n_clusters_), dtype float32
        Probabilities.
    """
    return functional.softmax(logits.index_select(1, used).float() / temperature, dim=1)


def on_cpu(value: Any, moved: dict[int, Any]) -> Any:
    """
    Copy a module that is on a GPU to the CPU, once; other things stay what they are.

    Parameters
    ----------
    value : object
        Anything.
    moved : dict of int to nn.Module
        Copies by the `id` of their originals, to which this one is added.

    Returns
    -------
    object
        The copy, or the value itself.
    """
    if not isinstance(value, nn.Module) or all(
        tensor.device.type == "cpu" for tensor in value.state_dict().values()
    ):
        return value
    if id(value) not in moved:
        moved[id(value)] = copy.deepcopy(value).cpu()
    return moved[id(value)]


def deep_copy(value: T, memo: dict[int, Any]) -> T:
    """
    Copy an object in memory, of which `__getstate__` is for pickles.

    Parameters
    ----------
    value : object
        The object.
    memo : dict
        As `copy.deepcopy` hands it on.

    Returns
    -------
    object
        The copy.
    """
    made = object.__new__(type(value))
    memo[id(value)] = made
    made.__dict__.update(copy.deepcopy(value.__dict__, memo))
    return made


def parameters_of(estimator: Any) -> dict[str, Any]:
    """
    Return the parameters of an estimator, and those that its model needs after the fit.

    Parameters
    ----------
    estimator : estimator instance
        A method of the caller's may set some itself, instead of taking them.

    Returns
    -------
    dict of str to Any
        Values by name.
    """
    needed = {name: getattr(estimator, name) for name in NEEDED}
    return needed | estimator.get_params(deep=False)


@dataclass
class FittedModel:
    """
    A model, the scaling of its input, and the parameters that it was fitted with.

    Parameters
    ----------
    model : Model
        The trained networks, in evaluation mode.
    scaling : Scaling
        Learnt from the training samples.
    shape : tuple of int
        Canonical shape of one sample, as `predict` takes it.
    parameters : dict
        The estimator's parameters at `fit`.
    used : ndarray of shape (n_clusters_,), dtype int64
        Those of the clusters looked for that have members.
    temperature : float, default=1.0
        Divisor of the log-probabilities of the clusters.
    """

    model: Model
    scaling: Scaling
    shape: tuple[int, ...]
    parameters: dict[str, Any]
    used: np.ndarray
    temperature: float = 1.0

    @property
    def n_clusters(self) -> int:
        """Number of clusters looked for, of which some may have no members."""
        return int(self.parameters["n_clusters"])

    @property
    def dtype(self) -> torch.dtype | None:
        """Precision of inference, None for float32: a lower one has to be asked for by name."""
        device = next(self.model.parameters()).device
        return inference_dtype(self.parameters.get("precision", "auto"), device)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of what the networks see of one sample."""
        return resized_shape(self.shape, self.parameters.get("image_size"))

    def batches(self, samples: Samples, part: slice = ALL) -> Iterator[tuple[Tensor, Tensor]]:
        """
        Embed and assign samples, a batch at a time.

        Parameters
        ----------
        samples : Samples
            Samples of the shape learnt.
        part : slice, default=slice(None)
            Consecutive samples to look at.

        Yields
        ------
        embedding : Tensor of shape (b, d), dtype float32
            Unit-length embedding of a batch, in order, on the model's device.
        probabilities : Tensor of shape (b, n_clusters_), dtype float32
            Soft assignment to the clusters that have members.

        Raises
        ------
        ValueError
            If a sample is so far from those of the training that `dtype` cannot hold its features,
            or if the networks make nothing but zeros of it.

        Warns
        -----
        UserWarning
            If the samples together are on quite another scale than the training samples.
        """
        start, seen = part.start or 0, Extent()
        how = self.scaling, self.dtype, seen.add, self.parameters.get("image_size"), part
        for embedding, logits in infer_samples(self.model, samples, *how):
            probabilities = self.probabilities(logits)
            self._refuse_lost(embedding, probabilities, start)
            yield embedding, probabilities
            start += len(embedding)
        seen.warn_if_odd()

    def check(self) -> None:
        """
        Try a model of unknown origin on random samples; its trunk is one of this package.

        Such trunks take images of any size: small ones do.

        Raises
        ------
        ValueError
            If it gives no finite embedding of unit length, or no finite probabilities.
        """
        device = next(self.model.parameters()).device
        shape = self.input_shape[:1] + tuple(min(s, LARGEST_TRIED) for s in self.input_shape[1:])
        batch = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0)).to(device)
        scaling = self.scaling.on(device)
        for embedding, logits in infer_batches(self.model, [batch], scaling, self.dtype):
            if _lost(embedding, self.probabilities(logits)).any():
                raise ValueError("its networks give no finite embedding of unit length")

    def probabilities(self, logits: Tensor) -> Tensor:
        """
        Turn what the networks say into the soft assignment to the clusters that have members.

        Parameters
        ----------
        logits : Tensor of shape (b, n_clusters)
            Unnormalised log-probabilities.

        Returns
        -------
        Tensor of shape (b, n_clusters_)
            Probabilities.
        """
        used = torch.tensor(self.used, device=logits.device)
        return soft_assignment(logits, used, self.temperature)

    def _refuse_lost(self, embedding: Tensor, probabilities: Tensor, start: int) -> None:
        lost = _lost(embedding, probabilities)
        if lost.any():
            raise ValueError(
                f"Input X is too far from the training samples for {self.dtype or torch.float32}, "
                f"or the weights are too large: sample {start + int(lost.nonzero()[0])} has no "
                "finite embedding of unit length. precision='float32' reaches farthest."
            )

    def collect(
        self, samples: Samples, result: Callable[[Tensor, Tensor], Tensor], part: slice = ALL
    ) -> np.ndarray:
        """
        Compute something of each sample, holding no more than a batch and the results.

        Parameters
        ----------
        samples : Samples
            Samples of the shape learnt.
        result : callable
            From the embedding and the probabilities of a batch to a tensor of as many rows.
        part : slice, default=slice(None)
            Consecutive samples to look at.

        Returns
        -------
        ndarray of shape (n, ...)
            The results.
        """
        parts = (result(*batch) for batch in self.batches(samples, part))
        n_rows = len(range(*part.indices(len(samples))))
        return gather(parts, n_rows, torch.device("cpu")).numpy()

    def __deepcopy__(self, memo: dict[int, Any]) -> FittedModel:
        """Copy the networks where they are."""
        return deep_copy(self, memo)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with the networks on the CPU, so that it loads anywhere."""
        return {**self.__dict__, "model": on_cpu(self.model, {})}


def _lost(embedding: Tensor, probabilities: Tensor) -> Tensor:
    lengths = embedding.square().sum(dim=1)  # 1, or 0 where the networks give zeros
    return ~((lengths > 0.5) & probabilities.isfinite().all(dim=1))


class Extent:
    """Extent of scaled samples, 1 for those of the training: the range of images, or the spread."""

    def __init__(self) -> None:
        self.low, self.high = torch.tensor(torch.inf), torch.tensor(-torch.inf)
        self.sums, self.squares, self.n_vectors = torch.zeros(()), torch.zeros(()), 0
        self.size, self.n_images = torch.zeros(()), 0

    def add(self, batch: Tensor) -> None:
        """
        Add a batch, without waiting for its device.

        Parameters
        ----------
        batch : Tensor of shape (b, *shape)
            Samples in the unit range.
        """
        if batch.ndim == 4:
            low, high = batch.aminmax()
            self.low, self.high = self.low.to(low).minimum(low), self.high.to(high).maximum(high)
            self.size = self.size.to(batch) + batch.abs().mean(dim=(1, 2, 3)).sum()
            self.n_images += len(batch)
        else:
            self.sums = self.sums.to(batch) + batch.sum(0)
            self.squares = self.squares.to(batch) + batch.square().sum(0)
            self.n_vectors += len(batch)

    def warn_if_odd(self) -> None:
        """
        Warn where the extent is another than 1 by far.

        Warns
        -----
        UserWarning
            If it is less than a 32nd, or more than 32, and this not for a few hot pixels alone.
        """
        if 0 < self.n_vectors < FEW:  # near to each other by chance
            return
        n = max(self.n_vectors, 1)
        spread = (self.squares / n - (self.sums / n).square()).mean().clamp_min(0).sqrt()
        extent = float(spread if self.n_vectors else self.high - self.low)
        is_large = extent > ODD and (self.n_vectors > 0 or float(self.size) > LARGE * self.n_images)
        if 0 < extent < 1 / ODD or is_large:  # 0 is a blank image
            warn(
                f"The values of X span {extent:.2g} of what those of the training samples spanned: "
                "are they on another scale, such as [0, 1] in place of 0 to 255? Results cannot be "
                "trusted then."
            )
