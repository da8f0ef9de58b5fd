"""What twin contrast remembers from step to step, and the noise for the next step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skdeepcluster.losses import gumbel_noise, jitter_memory
from skdeepcluster.networks.queue import FeatureQueue

__all__ = ["TwinMemory"]


class TwinMemory(nn.Module):
    """
    Queues of past instances and of past sets of cluster vectors, and noise drawn in advance.

    The noise is drawn between steps, so that `torch.compile` sees only tensors and no generator.

    Parameters
    ----------
    n_keys : int
        Number of instances kept.
    n_sets : int
        Number of sets of cluster vectors kept, or 0.
    n_views : int
        Number of views in a step.
    shape : tuple of int
        Number K of clusters and length d of the vectors.
    jitter : float
        Standard deviation of the noise on past cluster vectors, in each coordinate.

    Attributes
    ----------
    keys, sets : FeatureQueue
        The queues, of entries of shape (d,) and (K, d).
    gumbel : Tensor of shape (2, n_views, K), dtype float32
        Gumbel noise for the two branches.
    jittered : Tensor of shape (max(1, n_sets), K, d), dtype float32
        The sets of cluster vectors with noise.
    """

    gumbel: Tensor
    jittered: Tensor

    def __init__(
        self, n_keys: int, n_sets: int, n_views: int, shape: tuple[int, ...], jitter: float
    ) -> None:
        super().__init__()
        self.n_sets, self.jitter = n_sets, jitter
        self.keys = FeatureQueue(n_keys, shape[1:])
        # A queue has at least one entry; without sets it stays empty, and the mask hides it.
        self.sets = FeatureQueue(max(1, n_sets), shape)
        self.register_buffer("gumbel", torch.zeros(2, n_views, shape[0]))
        self.register_buffer("jittered", torch.zeros_like(self.sets.rows))

    def push(self, keys: Tensor, sets: Tensor) -> None:
        """
        Store the key branch's results of a step.

        Parameters
        ----------
        keys : Tensor of shape (b, d)
            Instances.
        sets : Tensor of shape (m, K, d)
            Sets of cluster vectors.
        """
        self.keys.push(keys)
        if self.n_sets:
            self.sets.push(sets)

    def draw(self, generator: torch.Generator | None) -> None:
        """
        Draw the noise for the next step.

        Parameters
        ----------
        generator : torch.Generator or None
            Source of the noise, on the device of the queues.
        """
        self.gumbel.copy_(gumbel_noise(self.gumbel, generator))
        self.jittered.copy_(jitter_memory(self.sets.rows, self.jitter, generator))
