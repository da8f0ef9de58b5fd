"""Naming new clusters after old ones."""

from __future__ import annotations

import torch
from torch import Tensor


def match_centers(centers: Tensor, previous: Tensor) -> Tensor:
    """
    Pair new centres with previous ones so that the sum of their inner products is largest.

    Parameters
    ----------
    centers : Tensor of shape (K, d)
        New centres.
    previous : Tensor of shape (K, d)
        Previous centres.

    Returns
    -------
    Tensor of shape (K,), int64
        On the device of ``centers``: entry k is the new centre that takes the place of the previous
        centre k.
    """
    from scipy.optimize import linear_sum_assignment  # here, to keep the package's import light

    # SciPy refuses NaN; centres that are not finite are paired somehow.
    similarity = (previous @ centers.T).nan_to_num().cpu().numpy()
    _, columns = linear_sum_assignment(similarity, maximize=True)
    return torch.from_numpy(columns).to(centers.device)
