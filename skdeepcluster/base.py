"""The scikit-learn face of every method, once."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
import torch
from sklearn.base import _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import validate_data
from torch import nn

from skdeepcluster.augmentation import resolve_augmentation
from skdeepcluster.constraints import NOT_NEGATIVE, POSITIVE, plain_number, whole_number
from skdeepcluster.data import Samples, Scaling, open_source, read_samples
from skdeepcluster.fitted import FittedModel, fitted_attributes, warn_if_doubtful
from skdeepcluster.fitted_clusterer import FittedClusterer
from skdeepcluster.networks import BACKBONES, build_backbone
from skdeepcluster.training import Generators, Objective, Settings, Trainer
from skdeepcluster.training.callbacks import CallbackSupportMixin, EpochWatch, with_callbacks
from skdeepcluster.training.checkpoint import open_checkpoints
from skdeepcluster.training.device import DTYPES, resolve_device, training_dtype
from skdeepcluster.training.identity import training_identity
from skdeepcluster.training.schedule import fit_batch_size, plan_batches
from skdeepcluster.training.seeds import draw_seeds

__all__ = ["DeepClusterer"]

LEARNT_OF_INPUT = ("n_features_in_", "feature_names_in_", "image_shape_")


class DeepClusterer(CallbackSupportMixin, FittedClusterer):
    """
    Base of the deep clustering estimators.

    A method subclasses it, adds its own parameters to `__init__` and `_parameter_constraints`, and
    defines `_build_objective`. The parameters below have the same meaning in all methods.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [whole_number(1)],
        "backbone": [StrOptions({"auto", *BACKBONES}), nn.Module, callable],
        "image_shape": [None, "array-like"],
        "channel_axis": [StrOptions({"auto", "first", "last"})],
        "augmentation": [StrOptions({"auto", "photo", "glyph", "vector"}), callable, None],
        "max_epochs": [whole_number(1)],
        "batch_size": [StrOptions({"auto"}), whole_number(2)],
        "optimizer": [StrOptions({"adam", "sgd"})],
        "lr": [POSITIVE],
        "weight_decay": [NOT_NEGATIVE],
        "warmup_epochs": [whole_number(0)],
        "embedding_dim": [whole_number(1)],
        "temperature": [POSITIVE],
        "device": [str, torch.device],
        "precision": [StrOptions({"auto", *DTYPES})],
        "compile": ["boolean"],
        "checkpoint_dir": [None, str, os.PathLike],
        "checkpoint_interval": [NOT_NEGATIVE],
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
        batch_size: int | str = "auto",
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
        before = {name: self.__dict__[name] for name in LEARNT_OF_INPUT if name in self.__dict__}
        try:
            fitted, watch = self._fit(X, y)
        except BaseException:  # what was fitted before stays whole
            for name in LEARNT_OF_INPUT:
                self.__dict__.pop(name, None)
            self.__dict__.update(before)
            raise
        self.__dict__.update(fitted)
        warn_if_doubtful(self)
        watch.finish()
        return self

    def _fit(self, X: Any, y: Any) -> tuple[dict[str, Any], EpochWatch]:
        """Return what training gives, and who watched it."""
        device = resolve_device(self.device)
        samples = self._read(X, reset=True)
        trainer = self._with_plain_numbers()._build_trainer(samples, device)
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
        return fitted_attributes(trainer, samples, trainer.objective), watch

    def _with_plain_numbers(self) -> Self:
        """Return a copy whose numbers are Python's: they neither wrap round nor surprise torch."""
        plain = copy.copy(self)
        for name, value in self.get_params(deep=False).items():
            setattr(plain, name, value if name == "random_state" else plain_number(value))
        return plain

    def _train(self, trainer: Trainer, samples: Samples, watch: EpochWatch) -> None:
        if self.checkpoint_dir is None:
            trainer.run(watch.begin_epoch, watch.end_epoch)
            return
        identity = training_identity(self, samples)
        with open_checkpoints(
            self.checkpoint_dir, identity, self.checkpoint_interval
        ) as checkpoints:
            checkpoints.restore(trainer)
            watch.skip(trainer.epoch)

            def end_epoch(entry: dict[str, Any]) -> bool:
                checkpoints.keep(trainer)
                return watch.end_epoch(entry)

            trainer.run(watch.begin_epoch, end_epoch)

    def _build_trainer(self, samples: Samples, device: torch.device) -> Trainer:
        is_image = samples.layout.is_image
        memory_format = torch.channels_last if is_image else torch.preserve_format
        n, size = len(samples), self.batch_size
        size = fit_batch_size(n, self.n_clusters) if isinstance(size, str) else size
        schedule = plan_batches(n, size, self.max_epochs, self.warmup_epochs)
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

    # --- scikit-learn's bookkeeping -----------------------------------------------------------

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
