"""Embeddings laid flat: two coordinates per sample, for maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_array

_METHODS = ("auto", "pca", "umap")
_FEWEST_FOR_UMAP = 4


def project(
    embedding: ArrayLike,
    method: str = "auto",
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.float32]:
    """
    Lay an embedding flat: two coordinates for each sample.

    Parameters
    ----------
    embedding : array-like of shape (n_samples, n_features)
        Vectors, such as ``transform`` of an estimator returns; at least two.
    method : {"auto", "pca", "umap"}, default="auto"
        How the coordinates are found. ``"pca"`` takes the two directions of largest variance.
        ``"umap"`` keeps neighbours together, which suits many clusters better, and needs the
        ``umap`` extra. ``"auto"`` is ``"pca"``.
    random_state : int, RandomState instance or None, default=None
        Seed of ``"umap"``: an int gives the same map each time, on one processor. ``"pca"`` draws
        nothing.

    Returns
    -------
    ndarray of shape (n_samples, 2), dtype float32
        The coordinates of each sample; the second is 0 where there is only one feature.

    Raises
    ------
    ValueError
        If `embedding` is not a table of finite numbers with at least two rows (four for
        ``"umap"``), or `method` is unknown.
    ImportError
        If `method` is ``"umap"`` and umap-learn is not installed.

    Notes
    -----
    ``"auto"`` does not look at what is installed, so that a script draws the same map on every
    machine. PCA leaves the sign of a direction open; here its largest weight is positive.

    Examples
    --------
    >>> from skdeepcluster.plotting.projection import project
    >>> project([[3.0, 0.0], [0.0, 0.0], [0.0, 0.0]]).tolist()
    [[2.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]]
    """
    if method not in _METHODS:
        raise ValueError(f"method must be one of {_METHODS}, got {method!r}.")
    table = check_array(
        embedding,
        dtype=[np.float64, np.float32],
        ensure_min_samples=_FEWEST_FOR_UMAP if method == "umap" else 2,
        input_name="embedding",
    )
    return _umap(table, random_state) if method == "umap" else _pca(table)


def _pca(table: NDArray[Any]) -> NDArray[np.float32]:
    """Return the first two principal coordinates."""
    n_samples, n_features = table.shape
    # Both are exact and fix the signs; the default would take a randomised one for large tables.
    solver = "covariance_eigh" if n_features <= n_samples else "full"
    points = np.zeros((n_samples, 2), dtype=np.float32)
    with np.errstate(invalid="ignore"):  # shares of a variance of 0 are 0 / 0
        flat = PCA(min(2, n_features), svd_solver=solver).fit_transform(table.astype(np.float64))
    points[:, : flat.shape[1]] = flat
    return points


def _umap(
    table: NDArray[Any], random_state: int | np.random.RandomState | None
) -> NDArray[np.float32]:
    """Return the coordinates of UMAP."""
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError(
            'method="umap" needs umap-learn, which the umap extra installs: '
            'pip install "skdeepcluster[umap]".'
        ) from error
    mapper = UMAP(
        n_neighbors=min(15, len(table) - 1),
        random_state=random_state,
        n_jobs=-1 if random_state is None else 1,  # a seed holds for one thread only
    )
    return np.asarray(mapper.fit_transform(table), dtype=np.float32)
