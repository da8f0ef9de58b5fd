"""Reasons not to trust a clustering, found without labels."""

from __future__ import annotations

from typing import Any

from sklearn.exceptions import ConvergenceWarning

from skdeepcluster._warn import warn
from skdeepcluster.clustering.number import FLAT, choose_number

LEAST_AGREEMENT = 2 / 3  # below, what views disagree on outweighs what they agree on


def warn_if_doubtful(estimator: Any) -> None:
    """
    Warn when the clustering should not be trusted.

    Parameters
    ----------
    estimator : estimator instance
        A fitted one.

    Warns
    -----
    ConvergenceWarning
        If clusters are empty, or ``n_clusters="auto"`` has found only one; if two views of a sample
        are so often in different clusters that the adjusted mutual information of the two is below
        2/3; or if ``n_clusters="auto"`` has found numbers of clusters that differ by half and more
        to be as good as each other.
    """
    doubt, remedy = _doubt(estimator)
    if doubt:
        warn(f"{doubt} Try {remedy}.", ConvergenceWarning)


def _doubt(estimator: Any) -> tuple[str, str]:
    """Say what makes a clustering doubtful, if anything does, and what might help."""
    asked, found, agreement = estimator.n_clusters, estimator.n_clusters_, estimator.view_agreement_
    trained = estimator._model.n_clusters
    fewer = "the number that you need" if asked == "auto" else "a smaller n_clusters"
    usual = f"{fewer}, more max_epochs, another augmentation, or a larger batch_size"
    if found < trained:
        of = (
            f"the {trained} clusters of n_clusters='auto'"
            if asked == "auto"
            else f"n_clusters={asked} clusters"
        )
        return f"Only {found} of {of} have members.", usual
    if asked == "auto" and found == 1:
        text = (
            "n_clusters='auto' found no two clusters that views tell apart: all samples are in one."
        )
        return text, "more max_epochs, another augmentation, or the number that you need"
    if agreement < LEAST_AGREEMENT:
        return (
            "The clusters should not be trusted: two views of a sample are often in different ones "
            f"(adjusted mutual information {agreement:.2f}, below {LEAST_AGREEMENT:.2f}).",
            usual,
        )
    curve = getattr(estimator, "n_clusters_curve_", {}) if asked == "auto" else {}
    # After a warm start from a given number there is none, and old files hold no separation.
    least, _, most = choose_number(curve) if "separation" in curve else (found,) * 3
    if most >= FLAT * least and least <= found <= most:
        text = f"n_clusters='auto' took {found}, but any number from {least} to {most} is as good."
        return text, "the number that you need"
    return "", ""
