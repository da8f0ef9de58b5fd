"""How far two labellings of the same samples agree, for clusterings of any number of clusters."""

from __future__ import annotations

import numpy as np
from scipy.special import entr

PENALTY = 2.0


def chance_corrected_agreement(first: np.ndarray, second: np.ndarray) -> float:
    """
    Compute the adjusted mutual information of two labellings, 0 where it is negative.

    Parameters
    ----------
    first, second : ndarray of shape (n,), dtype int
        Clusters of the same samples.

    Returns
    -------
    float
        From 0, no more than chance gives, to 1, where they are the same but for names.
    """
    from sklearn.metrics import adjusted_mutual_info_score  # its import draws random numbers

    # Rounding may take it beyond 1.
    return min(1.0, max(0.0, float(adjusted_mutual_info_score(first, second))))


def agreement_score(first: np.ndarray, second: np.ndarray) -> float:
    r"""
    Weigh what two labellings agree on against what they disagree on.

    With the mean entropy H of the two and their adjusted mutual information A, the score is
    :math:`H (A - 2 (1 - A))`: the information that they share, less twice the rest. (By [1]_, A is
    corrected for the agreement that chance gives to many clusters of few samples.) More clusters
    raise H, and are worth it as long as they are told apart alike: to split a cluster in halves at
    random lowers the score, and so does merging two that are distinct.

    Parameters
    ----------
    first, second : ndarray of shape (n,), dtype int
        Clusters of the same samples.

    Returns
    -------
    float
        In nats, from -2 log K to log K for K clusters, higher is better; 0 if all is in one
        cluster, and below 0 if more is disagreed on than that is worth.

    References
    ----------
    .. [1] Vinh, N. X., Epps, J., Bailey, J., "Information theoretic measures for clusterings
       comparison: variants, properties, normalization and correction for chance", JMLR 11 (2010).
    """
    size = np.mean([entr(np.bincount(labels) / len(labels)).sum() for labels in (first, second)])
    shared = chance_corrected_agreement(first, second)
    return float(size * (shared - PENALTY * (1 - shared)))
