"""The scikit-learn API of every method, once."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
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
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from skdeepcluster._torch_state import in_plain_torch
from skdeepcluster._version import __version__
from skdeepcluster._warn import warn
from skdeepcluster.augmentation.resolve import AUGMENTATIONS
from skdeepcluster.clustering.agreement import agreement_score
from skdeepcluster.clustering.suggestions import open_rows, suggest
from skdeepcluster.constraints import NOT_NEGATIVE, POSITIVE, SHARE, whole_number
from skdeepcluster.data.samples import Samples, read_samples
from skdeepcluster.fitting.doubts import warn_if_doubtful
from skdeepcluster.fitting.fit import NOT_IN_EVERY_FIT, fit
from skdeepcluster.networks.backbone import BACKBONES
from skdeepcluster.networks.model import Model
from skdeepcluster.persistence.loading import register
from skdeepcluster.persistence.saving import save_model
from skdeepcluster.persistence.versions import version_note
from skdeepcluster.training.agreement import labels_of_views
from skdeepcluster.training.callbacks import CallbackSupportMixin, with_callbacks
from skdeepcluster.training.device import DTYPES
from skdeepcluster.training.fitted import FittedModel, deep_copy, on_cpu
from skdeepcluster.training.objective import Objective, Schedule

__all__ = ["DeepClusterer"]

LEARNT_OF_INPUT = ("n_features_in_", "feature_names_in_", "image_shape_")


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
    names its `Model` in `_model_class` and its `Objective` in `_objective_class`. The parameters of
    this class have the same meaning in all methods, which describe them. Those that decide what the
    networks look like are named in `_structural_parameters`: a warm start refuses to go on with
    others.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [StrOptions({"auto"}), whole_number(1)],
        "max_clusters": [StrOptions({"auto"}), whole_number(2)],
        "backbone": [StrOptions({"auto", *BACKBONES}), nn.Module, callable],
        "image_shape": [None, "array-like"],
        "channel_axis": [StrOptions({"auto", "first", "last"})],
        "image_size": [None, whole_number(1)],
        "augmentation": [StrOptions({"auto", *AUGMENTATIONS}), callable, None],
        "max_epochs": [StrOptions({"auto"}), whole_number(1)],
        "tol": [SHARE],
        "batch_size": [StrOptions({"auto"}), whole_number(2)],
        "optimizer": [StrOptions({"auto", "muon", "adam", "sgd"})],
        "lr": [POSITIVE],
        "backbone_lr_factor": [NOT_NEGATIVE],
        "weight_decay": [NOT_NEGATIVE],
        "warmup_epochs": [StrOptions({"auto"}), whole_number(0)],
        "lr_schedule": [StrOptions({"cosine", "constant"})],
        "embedding_dim": [whole_number(1)],
        "temperature": [POSITIVE],
        "known_weight": [NOT_NEGATIVE],
        "device": [str, torch.device],
        "precision": [StrOptions({"auto", *DTYPES})],
        "compile": ["boolean"],
        "distributed": ["boolean", StrOptions({"auto"})],
        "checkpoint_dir": [None, str, os.PathLike],
        "checkpoint_interval": [NOT_NEGATIVE],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    _model_class: ClassVar[Any]
    _objective_class: ClassVar[Any]
    _structural_parameters: ClassVar[tuple[str, ...]] = (
        "n_clusters",
        "backbone",
        "embedding_dim",
        "image_size",
    )
    _model: FittedModel
    _further_weights: dict[str, Tensor]
    labels_: np.ndarray
    n_clusters_: int
    cluster_centers_: np.ndarray
    history_: list[dict[str, Any]]
    classes_: np.ndarray
    cluster_to_class_: np.ndarray
    view_agreement_: float
    cluster_trust_: np.ndarray
    n_clusters_curve_: dict[str, np.ndarray]

    n_clusters: Any  # a number wherever networks are made: fit resolves "auto" before
    max_clusters: int | str
    backbone: str | nn.Module | Callable[[tuple[int, ...]], nn.Module]
    image_shape: Sequence[int] | None
    channel_axis: str
    image_size: int | None
    augmentation: Any
    max_epochs: int | str
    tol: float
    batch_size: int | str
    optimizer: str
    lr: float
    backbone_lr_factor: float
    weight_decay: float
    warmup_epochs: int | str
    lr_schedule: str
    embedding_dim: int
    temperature: float
    known_weight: float
    device: str | torch.device
    precision: str
    compile: bool
    distributed: bool | str
    checkpoint_dir: str | os.PathLike[str] | None
    checkpoint_interval: float
    warm_start: bool
    verbose: int
    random_state: int | np.random.RandomState | None

    def __init__(
        self,
        n_clusters: int | str = 8,
        *,
        max_clusters: int | str = "auto",
        backbone: str | nn.Module | Callable[[tuple[int, ...]], nn.Module] = "auto",
        image_shape: Sequence[int] | None = None,
        channel_axis: str = "auto",
        image_size: int | None = None,
        augmentation: Any = "auto",
        max_epochs: int | str = "auto",
        tol: float = 0.0,
        batch_size: int | str = "auto",
        optimizer: str = "auto",
        lr: float = 3e-3,
        backbone_lr_factor: float = 1.0,
        weight_decay: float = 0.0,
        warmup_epochs: int | str = "auto",
        lr_schedule: str = "cosine",
        embedding_dim: int = 128,
        temperature: float = 0.5,
        known_weight: float = 1.0,
        device: str | torch.device = "auto",
        precision: str = "auto",
        compile: bool = False,
        distributed: bool | str = "auto",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_interval: float = 60.0,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self._keep(locals())

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        register(cls)

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Store the arguments of a method's `__init__`, its ``locals()``, and nothing else."""
        for name in arguments.keys() - {"self", "__class__"}:
            setattr(self, name, arguments[name])

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """
        Get the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the parameters of a configured augmentation, as ``augmentation__name``.

        Returns
        -------
        dict
            Values by name.
        """
        parameters: dict[str, Any] = super().get_params(deep=False)
        # Not of everything that has a `get_params`: some transforms of torchvision draw by it.
        own = {n: v for n, v in parameters.items() if deep and isinstance(v, BaseEstimator)}
        for name, value in own.items():
            parameters |= {f"{name}__{inner}": v for inner, v in value.get_params().items()}
        return parameters

    def _build_model(
        self, backbone: nn.Module, n_features: int, generator: torch.Generator
    ) -> Model:
        """Build the method's networks on a trunk of so many features, on the CPU."""
        model: Model = self._model_class(backbone, n_features, generator, self)
        return model

    def _build_objective(
        self, model: Model, schedule: Schedule, generator: torch.Generator
    ) -> Objective:
        """Build what trains the model, on the CPU."""
        objective: Objective = self._objective_class(model, schedule, generator, self)
        return objective

    # --- fitting ---------------------------------------------------------------------------

    @in_plain_torch
    @_fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X: Any, y: Any = None, *, known_labels: Any = None) -> Self:
        """
        Train the networks and cluster the samples.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, d), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of any real dtype, flattened images where `image_shape` is set, or vectors.
        y : object, default=None
            Ignored, present for API consistency: a search passes true labels here, which training
            must not see.
        known_labels : array-like of shape (n,), dtype int, default=None
            Classes of the samples whose class is known, as integers from 0 on; -1 for all others.
            There is a cluster for each class, and any further clusters are of the others.

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
            If `X` is sparse or holds what are no numbers, or `known_labels` are not integers.
        KeyboardInterrupt
            If training is interrupted. The estimator then is fitted as of the last epoch that was
            finished, unless it had been fitted before and ``warm_start=False``: then it stays as
            it was; so it does in the first of the two trainings of ``n_clusters="auto"``. With
            `checkpoint_dir`, the same `fit` goes on from that epoch.
        """
        changed = (*LEARNT_OF_INPUT, *NOT_IN_EVERY_FIT)
        before = {name: self.__dict__[name] for name in changed if name in self.__dict__}
        try:
            done = fit(self, X, y, known_labels)
        except BaseException:  # what was fitted before stays whole
            for name in changed:
                self.__dict__.pop(name, None)
            self.__dict__.update(before)
            raise
        self.__dict__.update(done.attributes)
        if done.interrupt is not None:
            raise done.interrupt
        if done.is_first:
            warn_if_doubtful(self)
        done.watch.finish()
        return self

    def _read(self, X: Any, *, reset: bool) -> Samples:
        """Validate samples; at fit, learn their shape, later hold them against it."""
        samples = read_samples(
            X, self.image_shape, self.channel_axis, min_samples=2 if reset else 1, estimator=self
        )
        if reset and self.image_size is not None and not samples.layout.is_image:
            raise ValueError(
                f"image_size={self.image_size} is for images; X holds vectors of "
                f"{samples.shape[0]} features. Set image_shape if they are flattened images."
            )
        if not reset and samples.shape != self._model.shape:
            self._refuse_shape(samples)
        if reset and self.n_clusters != "auto" and len(samples) < self.n_clusters:
            raise ValueError(f"n_samples={len(samples)} should be >= n_clusters={self.n_clusters}.")
        goes_on = self.warm_start and hasattr(self, "_model")  # with columns in the same order
        names = {"reset": reset and not goes_on, "skip_check_array": True, "ensure_2d": False}
        validate_data(self, X, **names)
        if reset:
            self.n_features_in_ = samples.layout.n_features
            self.image_shape_ = samples.shape if samples.layout.is_image else None
        return samples

    def _refuse_shape(self, samples: Samples) -> NoReturn:
        name, fitted = type(self).__name__, self._model.shape
        hint = ""
        if math.prod(samples.layout.stored) * len(samples) == math.prod(fitted):
            hint = " A single sample X is passed as X[None]."
        if len(samples.shape) == len(fitted) == 1:
            raise ValueError(
                f"X has {samples.shape[0]} features, but {name} is expecting {fitted[0]} features "
                f"as input.{hint}"
            )
        raise ValueError(
            f"X has samples of shape {samples.shape}, but {name} was fitted on samples of shape "
            f"{fitted} (images count as (C, H, W); rows are flattened images only where "
            f"image_shape is set).{hint}"
        )

    # --- use of the fitted model ---------------------------------------------------------------

    @in_plain_torch
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

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If `X` is invalid, has samples of another shape, or values so far from those of the
            training that their embedding is not finite.
        TypeError
            If `X` is sparse or holds what are no numbers.

        Warns
        -----
        UserWarning
            If the samples together are on quite another scale than the training samples.
        """
        return self._collect(X, lambda embedding, probabilities: probabilities.argmax(dim=1))

    @in_plain_torch
    def predict_classes(self, X: Any) -> np.ndarray:
        """
        Assign samples to classes, after a fit with `known_labels`.

        Parameters
        ----------
        X : array-like or Tensor, as in `fit`
            Samples of the shape seen in `fit`.

        Returns
        -------
        ndarray of shape (n,), dtype int64
            Classes as numbered in `known_labels`; -1 for samples of clusters that stand for none of
            them.

        Raises
        ------
        ValueError
            If `fit` was given no `known_labels`.
        """
        check_is_fitted(self)
        if not hasattr(self, "classes_"):
            raise ValueError(
                "predict_classes needs a fit with known_labels; this one had none. predict gives "
                "the clusters."
            )
        classes: np.ndarray = self.cluster_to_class_[self.predict(X)]
        return classes

    @in_plain_torch
    def suggest_labels(self, X: Any, n: int, *, known_labels: Any = None) -> np.ndarray:
        """
        Suggest which samples to label next: doubtful ones of all kinds.

        The embedding is divided into `n` groups of samples, and each gives the one that is most in
        doubt between two clusters.

        Parameters
        ----------
        X : array-like or Tensor, as in `fit`
            Samples of the shape seen in `fit`.
        n : int
            Number of suggestions.
        known_labels : array-like of shape (n_samples,), dtype int, default=None
            Classes of the samples whose class is known already, -1 for all others: only these are
            suggested.

        Returns
        -------
        ndarray of shape (n,), dtype int64
            Numbers of samples, the most doubtful first. The same input gives the same suggestions.

        Raises
        ------
        ValueError
            If there are fewer than `n` samples of unknown class.
        TypeError
            If `n` or `known_labels` are not integers.
        """
        check_is_fitted(self)
        samples = self._read(X, reset=False)
        rows = open_rows(n, len(samples), known_labels)
        both = self._model.collect(samples, lambda *batch: torch.cat(batch, dim=1))
        embedding, probabilities = np.split(both, [-self.n_clusters_], axis=1)
        return suggest(rows, probabilities, embedding, n)

    @in_plain_torch
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

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If `X` is invalid, has samples of another shape, or values so far from those of the
            training that their embedding is not finite.
        TypeError
            If `X` is sparse or holds what are no numbers.

        Warns
        -----
        UserWarning
            If the samples together are on quite another scale than the training samples.
        """
        return self._collect(X, lambda embedding, probabilities: probabilities)

    @in_plain_torch
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

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If `X` is invalid, has samples of another shape, or values so far from those of the
            training that their embedding is not finite.
        TypeError
            If `X` is sparse or holds what are no numbers.

        Warns
        -----
        UserWarning
            If the samples together are on quite another scale than the training samples.
        """
        return self._collect(X, lambda embedding, probabilities: embedding)

    @in_plain_torch
    def score(self, X: Any, y: Any = None, sample_weight: None = None) -> float:
        r"""
        Judge the clustering of samples without labels: how far views of a sample stay together.

        Two views of up to 4,096 samples are assigned to clusters. With the mean entropy H of the
        cluster sizes and the adjusted mutual information A of the two assignments, the score is
        :math:`H (A - 2 (1 - A))`. The views are those of ``augmentation="auto"``, whatever the
        estimator was trained with, so that scores of different settings, methods and numbers of
        clusters can be compared on the same samples; but for `image_size`, to which samples are
        reduced before. `skdeepcluster.metrics.view_agreement_score` makes views of the samples as
        they are, or other views, and takes any clusterer.

        Parameters
        ----------
        X : array-like or Tensor, as in `fit`
            Samples of the shape seen in `fit`.
        y : object, default=None
            Ignored, present for API consistency.
        sample_weight : None, default=None
            Present because pipelines hand it on under metadata routing; there are no weights.

        Returns
        -------
        float
            In nats, from -2 log K to log K for K clusters, higher is better; 0 if all is in one
            cluster, and below 0 if more is disagreed on than that is worth.

        Raises
        ------
        ValueError
            If `X` is invalid, or `sample_weight` is not None.
        """
        check_is_fitted(self)
        if sample_weight is not None:
            raise ValueError(
                "sample_weight must be None: score counts all samples alike; got a "
                f"{type(sample_weight).__name__}."
            )
        return agreement_score(*labels_of_views(self._model, self._read(X, reset=False)))

    def _collect(self, X: Any, result: Callable[[Tensor, Tensor], Tensor]) -> np.ndarray:
        check_is_fitted(self)
        return self._model.collect(self._read(X, reset=False), result)

    @in_plain_torch
    def save(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        for_training: bool = False,
    ) -> None:
        """
        Write the fitted estimator to a file that `skdeepcluster.load` reads.

        The file holds numbers and text, no code, in the safetensors format: weights, labels,
        centres, history and the parameters as they were at `fit`. It does not hold `X`, the
        caller's own `backbone`, `augmentation` or RandomState, nor what belongs to one machine:
        `device`, `compile`, `checkpoint_dir`.

        Parameters
        ----------
        path : str or path
            Where to. The file is written beside and renamed, so that it is there whole or not.
        overwrite : bool, default=False
            Whether a file that is there is replaced.
        for_training : bool, default=False
            Whether weights that only further training needs are written too. Without them a warm
            start of the loaded estimator makes do with the weights of the model.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        FileExistsError
            If there is a file and `overwrite` is False.
        ValueError
            If a parameter has no form in JSON.
        OSError
            If the file cannot be written.
        """
        check_is_fitted(self)
        save_model(self, path, overwrite=overwrite, for_training=for_training)

    def __getstate__(self) -> dict[str, Any]:
        state = {**super().__getstate__(), "_skdeepcluster_version": __version__}
        if "_further_weights" in state and not self.warm_start:
            state["_further_weights"] = {}
        # Modules of the caller's, too, are to load where there is no GPU; one that two hold is one.
        moved: dict[int, Any] = {}
        state = {name: on_cpu(value, moved) for name, value in state.items()}
        if moved and "_model" in state:
            kept = {n: on_cpu(v, moved) for n, v in state["_model"].parameters.items()}
            state["_model"] = replace(state["_model"], parameters=kept)
        return state

    def __copy__(self) -> Self:
        # `__getstate__` is for pickles: a copy in memory shares modules, where they are.
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return deep_copy(self, memo)

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        found = state.pop("_skdeepcluster_version", "(unknown)")
        note = version_note({"skdeepcluster": found})
        if note:
            warn(note)
        super().__setstate__(state)

    @property
    def backbone_(self) -> nn.Module:
        """Copy of the trained trunk, in evaluation mode: maps standardised samples to features."""
        if not hasattr(self, "_model"):
            raise AttributeError(f"{type(self).__name__} has no backbone_ before fit.")
        # What becomes of it elsewhere, such as further training, is not to change `predict`.
        return copy.deepcopy(self._model.model.backbone)

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[1])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")

    # --- scikit-learn's bookkeeping -----------------------------------------------------------

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
