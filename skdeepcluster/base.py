"""The scikit-learn face of every method, once."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from skdeepcluster.augmentation import resolve_augmentation
from skdeepcluster.clustering.silhouette import simplified_silhouette
from skdeepcluster.data import Samples, Scaling, open_source, read_samples
from skdeepcluster.fitted import FittedModel, fitted_attributes, warn_if_doubtful
from skdeepcluster.networks import BACKBONES, build_backbone
from skdeepcluster.persistence import present_versions, save_model, version_note
from skdeepcluster.training import Generators, Objective, Settings, Trainer
from skdeepcluster.training.callbacks import CallbackSupportMixin, EpochWatch, with_callbacks
from skdeepcluster.training.checkpoint import open_checkpoints
from skdeepcluster.training.device import DTYPES, resolve_device, training_dtype
from skdeepcluster.training.identity import training_identity
from skdeepcluster.training.schedule import plan_batches
from skdeepcluster.training.seeds import draw_seeds

__all__ = ["DeepClusterer"]


class DeepClusterer(
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    ClusterMixin,
    BaseEstimator,
):
    """
    Base of the deep clustering estimators.

    A method subclasses it, adds its own parameters to `__init__` and `_parameter_constraints`, and
    defines `_build_objective`. The parameters below have the same meaning in all methods.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "backbone": [StrOptions({"auto", *BACKBONES}), nn.Module, callable],
        "image_shape": [None, "array-like"],
        "channel_axis": [StrOptions({"auto", "first", "last"})],
        "augmentation": [StrOptions({"auto", "photo", "glyph", "vector"}), callable, None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "optimizer": [StrOptions({"adam", "sgd"})],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "warmup_epochs": [Interval(Integral, 0, None, closed="left")],
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "device": [str, torch.device],
        "precision": [StrOptions({"auto", *DTYPES})],
        "compile": ["boolean"],
        "checkpoint_dir": [None, str, os.PathLike],
        "checkpoint_interval": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        backbone: str | nn.Module | Callable[[tuple[int, ...]], nn.Module] = "auto",
        image_shape: Sequence[int] | None = None,
        channel_axis: str = "auto",
        augmentation: Any = "auto",
        max_epochs: int = 100,
        batch_size: int = 256,
        optimizer: str = "adam",
        lr: float = 3e-3,
        weight_decay: float = 0.0,
        warmup_epochs: int = 10,
        embedding_dim: int = 128,
        temperature: float = 0.5,
        device: str | torch.device = "auto",
        precision: str = "auto",
        compile: bool = False,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_interval: float = 60.0,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.backbone = backbone
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.augmentation = augmentation
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.warmup_epochs = warmup_epochs
        self.embedding_dim = embedding_dim
        self.temperature = temperature
        self.device = device
        self.precision = precision
        self.compile = compile
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_interval = checkpoint_interval
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Store the arguments of a method's `__init__`, its ``locals()``, and nothing else."""
        for name in self._get_param_names():
            setattr(self, name, arguments[name])

    # --- what a method defines -------------------------------------------------------------

    def _build_objective(
        self, backbone: nn.Module, n_features: int, generator: torch.Generator
    ) -> Objective:
        """Build the method's networks and loss on a trunk, on the CPU."""
        raise NotImplementedError

    # --- fitting ---------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X: Any, y: Any = None) -> Self:
        """
        Train the networks and cluster the samples.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, d), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of any real dtype, flattened images where `image_shape` is set, or vectors.
        y : object, default=None
            Ignored, present for API consistency.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or `X` is invalid, alone or together; the message names the parameter,
            the rule and the value. Also if the loss stops being finite.
        TypeError
            If `X` is sparse or not numeric.
        """
        device = resolve_device(self.device)
        samples = self._read(X, reset=True)
        trainer = self._build_trainer(samples, device)
        watch = EpochWatch(
            self,
            X,
            y,
            self.max_epochs,
            lambda: fitted_attributes(trainer, samples, copy.deepcopy(trainer.objective)),
        )
        try:
            self._train(trainer, samples, watch)
        finally:
            watch.close()
        for name, value in fitted_attributes(trainer, samples, trainer.objective).items():
            setattr(self, name, value)
        warn_if_doubtful(self)
        watch.finish()
        return self

    def _train(self, trainer: Trainer, samples: Samples, watch: EpochWatch) -> None:
        if self.checkpoint_dir is None:
            trainer.run(watch.begin_epoch, watch.end_epoch)
            return
        identity = training_identity(self, samples)
        with open_checkpoints(
            self.checkpoint_dir, identity, self.checkpoint_interval
        ) as checkpoints:
            checkpoints.restore(trainer)

            def end_epoch(entry: dict[str, Any]) -> bool:
                checkpoints.keep(trainer)
                return watch.end_epoch(entry)

            trainer.run(watch.begin_epoch, end_epoch)

    def _build_trainer(self, samples: Samples, device: torch.device) -> Trainer:
        is_image = samples.layout.is_image
        memory_format = torch.channels_last if is_image else torch.preserve_format
        schedule = plan_batches(len(samples), self.batch_size, self.max_epochs, self.warmup_epochs)
        settings = Settings(
            schedule=schedule,
            optimizer=self.optimizer,
            lr=self.lr,
            weight_decay=self.weight_decay,
            dtype=training_dtype(self.precision, device, is_image=is_image),
            inference_dtype=DTYPES.get(self.precision),
            compile=self.compile,
            n_clusters=self.n_clusters,
        )
        augmentation = resolve_augmentation(self.augmentation, samples.shape)
        seeds = draw_seeds(self.random_state, 4)
        warm = self._warm_model(samples)
        if warm is None:
            generator = torch.Generator().manual_seed(seeds[0])
            trunk, n_features = build_backbone(self.backbone, samples.shape, generator)
            objective = self._build_objective(trunk, n_features, generator)
            scaling = Scaling.learn(samples)
        else:
            objective, scaling = copy.deepcopy(warm.objective), warm.scaling
        return Trainer(
            objective.to(device).to(memory_format=memory_format),
            open_source(samples, scaling, device),
            augmentation,
            settings,
            Generators.seeded(seeds[1:], device),
            history=[] if warm is None else list(self.history_),
        )

    def _warm_model(self, samples: Samples) -> FittedModel | None:
        """Return the model to go on from, None to start afresh."""
        if not self.warm_start or not hasattr(self, "_model"):
            return None
        model: FittedModel = self._model
        if model.shape != samples.shape or model.n_clusters != self.n_clusters:
            raise ValueError(
                "warm_start=True goes on with the same n_clusters and shape of samples: the fitted "
                f"model has n_clusters={model.n_clusters} and shape {model.shape}, got "
                f"n_clusters={self.n_clusters} and shape {samples.shape}."
            )
        return model

    def _read(self, X: Any, *, reset: bool) -> Samples:
        """Validate samples; at fit, learn their shape, later hold them against it."""
        samples = read_samples(
            X, self.image_shape, self.channel_axis, min_samples=2 if reset else 1, estimator=self
        )
        if not reset and samples.shape != self._model.shape:
            self._refuse_shape(samples)
        if reset and len(samples) < self.n_clusters:
            raise ValueError(f"n_samples={len(samples)} should be >= n_clusters={self.n_clusters}.")
        validate_data(self, X, reset=reset, skip_check_array=True, ensure_2d=False)
        if reset:
            self.n_features_in_ = samples.layout.n_features
            self.image_shape_ = samples.shape if samples.layout.is_image else None
        return samples

    def _refuse_shape(self, samples: Samples) -> NoReturn:
        name, fitted = type(self).__name__, self._model.shape
        if len(samples.shape) == len(fitted) == 1:
            raise ValueError(
                f"X has {samples.shape[0]} features, but {name} is expecting {fitted[0]} features "
                "as input."
            )
        raise ValueError(
            f"X has samples of shape {samples.shape}, but {name} was fitted on samples of shape "
            f"{fitted} (images count as (C, H, W); rows are flattened images only where "
            "image_shape is set)."
        )

    # --- using -----------------------------------------------------------------------------

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
        labels: np.ndarray = self.predict_proba(X).argmax(axis=1)
        return labels

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
        return self._infer(X)[1]

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
        return self._infer(X)[0]

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
        embedding, probabilities = self._infer(X)
        return simplified_silhouette(embedding, probabilities.argmax(1), self.cluster_centers_)

    def _infer(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        check_is_fitted(self)
        return self._model.infer(self._read(X, reset=False))

    # --- keeping ---------------------------------------------------------------------------

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

    # --- scikit-learn's bookkeeping -----------------------------------------------------------

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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
