"""Temperature of the soft assignment, fitted without labels."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

WIDEST = 6.0  # of the logarithm: from a 400th to 400 times


def fit_temperature(first: np.ndarray, second: np.ndarray) -> float:
    """
    Find the temperature at which each view best predicts the cluster of the other.

    Where training has come to its end, confidence then is about the probability that another view
    of the sample is in the same cluster, whatever sharpness a loss has led to. Where views often
    disagree it is lower.

    Parameters
    ----------
    first, second : ndarray of shape (n, K)
        Unnormalised log-probabilities of the clusters for two views of the same samples.

    Returns
    -------
    float
        By what to divide log-probabilities: the value of least cross-entropy, after [1]_, with the
        most probable cluster of the other view in place of the class.

    References
    ----------
    .. [1] Guo, C., Pleiss, G., Sun, Y., Weinberger, K. Q., "On calibration of modern neural
       networks", ICML 2017, section 4.2.
    """
    from scipy.optimize import minimize_scalar  # here, to keep the package's import light

    logits = np.concatenate([first, second]).astype(np.float64)
    target = np.concatenate([second, first]).argmax(axis=1)[:, None]
    if logits.shape[1] == 1:
        return 1.0

    def cross_entropy(log_temperature: float) -> float:
        log_p = log_softmax(logits * np.exp(-log_temperature), axis=1)
        # One view more, that could be in any cluster: where all views agree, confidence would else
        # be 1 for all samples, and no longer say which are the clearest.
        unknown = log_p.mean() / len(log_p)
        return -float(np.take_along_axis(log_p, target, axis=1).mean() + unknown)

    found = minimize_scalar(cross_entropy, bounds=(-WIDEST, WIDEST), method="bounded")
    return float(np.exp(found.x))


def cluster_agreement(first: np.ndarray, second: np.ndarray, n_clusters: int) -> np.ndarray:
    """
    Tell for each cluster how often a view is joined in it by the other view of its sample.

    Parameters
    ----------
    first, second : ndarray of shape (n,), dtype int
        Clusters of two views of the same samples.
    n_clusters : int
        Number K of clusters.

    Returns
    -------
    ndarray of shape (K,), dtype float64
        From 0 to 1; NaN for a cluster that no view is in.
    """
    joined = np.bincount(first[first == second], minlength=n_clusters)
    views = np.bincount(np.concatenate([first, second]), minlength=n_clusters)
    with np.errstate(invalid="ignore"):
        share: np.ndarray = 2 * joined / views
    return share
