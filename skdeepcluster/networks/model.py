"""What stays of a training: networks that embed samples and assign them to clusters."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Model(nn.Module):
    """
    Networks that embed samples and assign them to clusters.

    This alone is kept after training, pickled and saved. What only training needs, such as queues
    or a second network, belongs to the `Objective`.

    Parameters
    ----------
    backbone : nn.Module
        The trunk.
    """

    backbone: nn.Module
    channels_last: bool = True  # how images and kernels lie in memory; convolutions are fastest so

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    @property
    def memory_format(self) -> torch.memory_format:
        """How images lie in memory when they come to the networks."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def laid_out(self, x: Tensor) -> Tensor:
        """
        Lay samples out in memory as the networks take them.

        Parameters
        ----------
        x : Tensor of shape (b, *shape)
            Standardised samples.

        Returns
        -------
        Tensor of shape (b, *shape)
            The same.
        """
        return x.contiguous(memory_format=self.memory_format) if x.ndim == 4 else x

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """
        Embed and assign samples.

        Parameters
        ----------
        x : Tensor of shape (b, *shape)
            Standardised samples, not augmented.

        Returns
        -------
        embedding : Tensor of shape (b, d)
            Unit-length embedding.
        logits : Tensor of shape (b, n_clusters)
            Unnormalised log-probabilities of the clusters.
        """
        raise NotImplementedError
