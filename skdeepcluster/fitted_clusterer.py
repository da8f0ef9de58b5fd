"""What a fitted clusterer does: infer, judge, and be kept."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skdeepcluster.clustering.silhouette import simplified_silhouette
from skdeepcluster.data import Samples
from skdeepcluster.fitted import FittedModel
from skdeepcluster.persistence import present_versions, save_model, version_note

__all__ = ["FittedClusterer"]


class FittedClusterer(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    ClusterMixin,
    BaseEstimator,
):
    """Base of `DeepClusterer`: everything that needs a fitted model and no training."""

    _model: FittedModel
    cluster_centers_: np.ndarray

    def _read(self, X: Any, *, reset: bool) -> Samples:
        """Validate samples; at fit, learn their shape, later hold them against it."""
        raise NotImplementedError

    def predict(self, X: Any) -> np.ndarray:
        """
        Assign samples to clusters.

        Parameters
        ----------
        X : array-like or Tensor, as in `fit`
            Samples of the shape seen in `fit`.

        Returns
        -------
        ndarray of shape (n,), dtype int64
            Numbers of the clusters, from 0 to ``n_clusters_ - 1``.
        """
        return self._collect(X, lambda embedding, probabilities: probabilities.argmax(dim=1))

    def predict_proba(self, X: Any) -> np.ndarray:
        """
        Compute the soft assignment of samples.

        Parameters
        ----------
        X : array-like or Tensor, as in `fit`
            Samples of the shape seen in `fit`.

        Returns
        -------
        ndarray of shape (n, n_clusters_), dtype float32
            Probabilities of the clusters; their argmax is what `predict` returns.
        """
        return self._collect(X, lambda embedding, probabilities: probabilities)

    def transform(self, X: Any) -> np.ndarray:
        """
        Embed samples.

        Parameters
        ----------
        X : array-like or Tensor, as in `fit`
            Samples of the shape seen in `fit`.

        Returns
        -------
        ndarray of shape (n, n_features_out), dtype float32
            Embedding of unit length.
        """
        return self._collect(X, lambda embedding, probabilities: embedding)

    def score(self, X: Any, y: Any = None) -> float:
        """
        Judge the clustering of samples without labels: the simplified silhouette.

        Distances are taken in the embedding, to the clusters' centres, so the time is linear in
        the number of samples.

        Parameters
        ----------
        X : array-like or Tensor, as in `fit`
            Samples of the shape seen in `fit`.
        y : object, default=None
            Ignored, present for API consistency.

        Returns
        -------
        float
            Between -1 and 1, higher is better; 0 for a single cluster.
        """
        check_is_fitted(self)
        samples, total = self._read(X, reset=False), 0.0
        for embedding, probabilities in self._model.batches(samples):
            batch = embedding.cpu().numpy(), probabilities.argmax(dim=1).cpu().numpy()
            total += len(embedding) * simplified_silhouette(*batch, self.cluster_centers_)
        return total / len(samples)

    def _collect(self, X: Any, result: Callable[[Tensor, Tensor], Tensor]) -> np.ndarray:
        check_is_fitted(self)
        return self._model.collect(self._read(X, reset=False), result)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """
        Write the fitted estimator to a file that `skdeepcluster.load` reads.

        The file holds numbers and text, no code, in the safetensors format: weights, labels,
        centres, history and parameters. It does not hold `X`, `checkpoint_dir`, and the caller's
        own `backbone`, `augmentation` or RandomState.

        Parameters
        ----------
        path : str or path
            Where to. The file is written beside and renamed, so that it is there whole or not.
        overwrite : bool, default=False
            Whether a file that is there is replaced.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        FileExistsError
            If there is a file and `overwrite` is False.
        ValueError
            If a parameter has no form in JSON, is out of its range, or was changed after `fit` so
            that it does not describe the fitted networks.
        OSError
            If the file cannot be written.
        """
        save_model(self, path, overwrite=overwrite)

    def __getstate__(self) -> dict[str, Any]:
        version = present_versions()["skdeepcluster"]
        return {**super().__getstate__(), "_skdeepcluster_version": version}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        found = state.pop("_skdeepcluster_version", "(unknown)")
        note = version_note({"skdeepcluster": found})
        if note:
            warnings.warn(note, UserWarning, stacklevel=2)
        super().__setstate__(state)

    @property
    def backbone_(self) -> nn.Module:
        """Trained trunk alone, in evaluation mode: maps standardised samples to features."""
        if not hasattr(self, "_model"):
            raise AttributeError(f"{type(self).__name__} has no backbone_ before fit.")
        return self._model.objective.trunk

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[1])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")
