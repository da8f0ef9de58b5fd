"""Random augmentation of batches of vectors."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions
from torch import Tensor

from skdeepcluster.constraints import SHARE, RealInterval, whole_number

# 0.1 for two features, where CLC lost blobs with more; 0.56 for the 64 on which it was chosen.
NOISE, MOST_NOISE = 0.07, 1.0


class VectorAugmentation(BaseEstimator):
    """Jitter the rows of a batch of scaled vectors, and say whose views are contrasted.

    In `fit`, the first view is of a row and the second of one of its `n_neighbors` nearest rows of
    the training set, drawn anew each time: they mostly belong to the same cluster and differ as its
    members do, which noise alone cannot imitate.

    Gaussian noise is added to both. Before that, where asked for, every row is paired with a random
    row of the same batch, its partner (itself once in B times): it moves a random part of the way
    towards the partner (`mix`), and random features are replaced with the partner's
    (`mask_probability`), which keeps every feature's own distribution, after [1]_.

    Parameters
    ----------
    n_neighbors : int, default=10
        Among how many nearest rows, by Euclidean distance, the second view is drawn; at most one
        less than there are rows. With 0 both views are of the row itself. The search is exact, in a
        time that grows with the square of the number of rows; only on the CPU, among more than
        50,000 rows and where faiss is installed, nearly all of the nearest are found by an index.
    noise : float or "auto", default="auto"
        Standard deviation of the noise, in units of the features' root-mean-square spread.
        ``"auto"`` is 0.07 sqrt(d), at most 1: distances between clusters grow with the number d
        of features, noise along the line between them does not.
    mask_probability : float, default=0
        Probability that a feature is replaced with the partner's value.
    mix : float, default=0
        The part of the way towards the partner is uniform in [0, mix].

    References
    ----------
    .. [1] Bahri et al., "SCARF: Self-Supervised Contrastive Learning using Random Feature
       Corruption", ICLR 2022, section 3.

    Examples
    --------
    >>> import torch
    >>> from skdeepcluster.augmentation import VectorAugmentation
    >>> augment = VectorAugmentation(noise=0.05)
    >>> augment(torch.zeros(8, 3), torch.Generator().manual_seed(0)).shape
    torch.Size([8, 3])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_neighbors": [whole_number(0)],
        "noise": [StrOptions({"auto"}), RealInterval(Real, 0, 1e4, closed="both")],
        "mask_probability": [SHARE],
        "mix": [SHARE],
    }

    def __init__(
        self,
        *,
        n_neighbors: int = 10,
        noise: float | str = "auto",
        mask_probability: float = 0.0,
        mix: float = 0.0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.noise = noise
        self.mask_probability = mask_probability
        self.mix = mix

    def validate(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError
            If a parameter is out of range; the message names it, the range and the value.
        """
        self._validate_params()

    def __call__(self, rows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Augment a batch.

        Parameters
        ----------
        rows : float Tensor of shape (B, d)
            Centred vectors whose spread is 1 on average; not written to.
        generator : torch.Generator or None, default=None
            Source of randomness, on the device of `rows`.

        Returns
        -------
        Tensor of shape (B, d)
            Augmented vectors, of the dtype of `rows`.
        """
        if self.mix > 0 or self.mask_probability > 0:
            rows = self._meet(rows, generator)
        auto = min(MOST_NOISE, NOISE * rows.shape[1] ** 0.5)
        noise = auto if self.noise == "auto" else float(self.noise)
        if noise > 0:
            rows = rows + rows.new_empty(rows.shape).normal_(0, noise, generator=generator)
        return rows

    def _meet(self, rows: Tensor, generator: torch.Generator | None) -> Tensor:
        """Move rows towards their partners: all the way in the masked features."""
        count = len(rows)
        partner = torch.randint(count, (count,), device=rows.device, generator=generator)
        part = rows.new_empty(count, 1).uniform_(0, float(self.mix), generator=generator)
        chance = rows.new_empty(rows.shape).uniform_(generator=generator)
        part = torch.where(chance < float(self.mask_probability), 1.0, part)
        return torch.lerp(rows, rows[partner], part)
