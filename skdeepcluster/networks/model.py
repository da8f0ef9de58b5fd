"""What stays of a training: networks that embed samples and assign them to clusters."""

from __future__ import annotations

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

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

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
