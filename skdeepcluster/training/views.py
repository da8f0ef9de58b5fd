"""Views of the samples of a batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from skdeepcluster.augmentation.draws import Draws
from skdeepcluster.augmentation.image import ImageAugmentation
from skdeepcluster.augmentation.resolve import Augmentation, is_own
from skdeepcluster.training.inference import is_out_of_memory


class Views:
    """
    Make views of every sample, all by one augmentation.

    Another way, such as a weak and a strong augmentation, is a class with the same attributes that
    is called with the same arguments; `NeighborViews` overrides what is augmented.

    Parameters
    ----------
    augmentation : callable or None
        Makes a view of each sample of a batch; None leaves samples as they are.
    n_views : int, default=2
        Views of each sample.
    """

    def __init__(self, augmentation: Augmentation | None, n_views: int = 2) -> None:
        self.augmentation = augmentation
        self.n_views = n_views

    @property
    def augments(self) -> bool:
        """Whether views differ from the samples, and from each other."""
        return self.augmentation is not None

    @property
    def draws_globally(self) -> bool:
        """Whether views may draw from torch's global streams: ours never do."""
        return not is_own(self.augmentation)

    def __call__(
        self, batch: Tensor, index: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        """
        Make views of every sample of a batch.

        Parameters
        ----------
        batch : Tensor of shape (b, *shape), dtype float32
            Samples in the unit range.
        index : Tensor of shape (b,), dtype int64
            Numbers of the samples in the training set.
        generator : torch.Generator
            Source of the views, on the device of the batch.

        Returns
        -------
        tuple of `n_views` Tensors of shape (b, *shape), dtype float32
            Views in the unit range.

        Raises
        ------
        ValueError
            If the augmentation fails, or returns anything but a tensor of its batch's shape.
        """
        if self.augmentation is None:
            return (batch,) * self.n_views
        # One call for all views: on a GPU the number of kernels counts more than their size.
        stacked = self._stacked(batch, index, generator)
        views = _augmented(stacked, self.augmentation, generator)
        if not isinstance(views, Tensor) or views.shape != stacked.shape:
            raise ValueError(
                "augmentation must return a tensor of the shape of its batch, "
                f"{tuple(stacked.shape)}; got {_told(views)}."
            )
        return views.to(stacked).chunk(self.n_views)

    @property
    def divides(self) -> bool:
        """Whether views of a part of a batch can be made without the rest of it."""
        # A class derived from it may have a way of its own of making views.
        return self.augmentation is None or type(self.augmentation) is ImageAugmentation

    def of_share(
        self, samples: Tensor, share: slice, count: int, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        """
        Make views of a part of a batch: those that calling this with the whole would make of it.

        Parameters
        ----------
        samples : Tensor of shape (b, *shape), dtype float32
            The part, in the unit range.
        share : slice
            Its place in the batch.
        count : int
            Number of samples of the batch.
        generator : torch.Generator
            Source of the views of the whole batch.

        Returns
        -------
        tuple of `n_views` Tensors of shape (b, *shape), dtype float32
            Views in the unit range.
        """
        if self.augmentation is None:
            return (samples,) * self.n_views
        assert isinstance(self.augmentation, ImageAugmentation)  # what `divides` has asked for
        stacked = torch.cat((samples,) * self.n_views)
        rows, there = (
            torch.arange(count * self.n_views, device=device)
            .view(self.n_views, count)[:, share]
            .flatten()
            for device in (torch.device("cpu"), samples.device)
        )
        draws = Draws(stacked, generator, rows, count * self.n_views, there)
        return self.augmentation.augment(stacked, draws).chunk(self.n_views)

    def _stacked(self, batch: Tensor, index: Tensor, generator: torch.Generator) -> Tensor:
        """Put side by side what is augmented: each sample as often as there are views."""
        return torch.cat((batch,) * self.n_views)


def _told(views: Any) -> str:
    if isinstance(views, Tensor):
        return f"a tensor of shape {tuple(views.shape)}"
    shape = f" of shape {tuple(views.shape)}" if hasattr(views, "shape") else ""
    return f"{type(views).__name__}{shape}"


def _augmented(batch: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Any:
    try:
        return augmentation(batch, generator)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ValueError(
            "augmentation must take a float32 batch and a torch.Generator; it failed on a "
            f"batch of shape {tuple(batch.shape)} with {type(error).__name__}: {error}"
        ) from error
