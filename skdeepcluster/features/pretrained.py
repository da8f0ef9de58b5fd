"""The transformer from images to features of a frozen, pretrained network."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import validate_data
from torch import nn

from skdeepcluster._torch_state import in_plain_torch
from skdeepcluster.constraints import whole_number
from skdeepcluster.data.samples import Samples, read_samples
from skdeepcluster.features.inference import embed, extract
from skdeepcluster.features.output import Out, check_out, store
from skdeepcluster.features.preprocessing import Preprocessing, resolve_value_range
from skdeepcluster.features.sources import Network, Source, Weights, find_source
from skdeepcluster.networks.randomness import global_streams
from skdeepcluster.training.device import DTYPES, resolve_device

LARGEST_BATCH = 64
BATCH_VALUES = 2**26

_LOADING = threading.Lock()


class PretrainedFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """
    Features of images by a frozen, pretrained network.

    Turns images into vectors, which the estimators of this package, or any of scikit-learn's,
    cluster. Nothing is trained, and nothing is fetched from the network unless ``download=True``.
    The transformer is stateless: `transform` needs no `fit`.

    Parameters
    ----------
    network : str, nn.Module or callable, default="resnet50"
        The name of a classifier of torchvision, which is used without its last linear layer;
        ``"timm:"`` followed by the name of a network of timm, which needs the extra ``timm``; a
        module, which is copied and never changed; or a callable without arguments that makes one,
        always the same. A module maps images to vectors, or to maps whose mean over space is taken.
    weights : str, path or None, default=None
        A file of weights: of safetensors by its suffix, otherwise of `torch.save`, from which
        nothing but tensors is read. Or the name of weights of torchvision, such as
        ``"IMAGENET1K_V1"``. None takes the default weights of a name, and a module as it is.
    download : bool, default=False
        Whether the weights of a name are fetched if torchvision or timm do not have them in their
        caches. If False, a `FileNotFoundError` says what would be fetched from where.
    image_shape : sequence of int or None, default=None
        Shape of one image, if the rows of a 2-D `X` are flattened images.
    channel_axis : {"auto", "first", "last"}, default="auto"
        Where the channels of 4-D input are. ``"auto"`` takes the end of length 1, 3 or 4.
    image_size : int or None, default=None
        Side in pixels of the square that the network sees: the shorter side of images is brought to
        this length on the device, with antialiasing, and the middle is cut out. None does what the
        weights of a name were tested with, which may cut off a margin, and leaves images as they
        are for a module or callable.
    value_range : "auto" or sequence of 2 floats, default="auto"
        The values that stand for black and white. ``"auto"`` is the range of the dtype for bool,
        uint8 and uint16, and [0, 1] for floats. Values outside are an error.
    mean, std : sequence of float or None, default=None
        Mean and standard deviation by which the channels of images in [0, 1] are standardised.
        None takes those of the weights, and those of ImageNet for a module or callable. Their
        length is the number of channels that the network takes; grey images are repeated to it.
    batch_size : int or "auto", default="auto"
        Number of images that go through the network at a time. ``"auto"`` is 64, fewer for images
        of more than some 600 pixels a side.
    device : str or torch.device, default="auto"
        Device for the network. ``"auto"`` is cuda if available, else mps, else cpu.
    precision : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        Precision of the network. ``"auto"`` is float32; on hardware that has it, bfloat16 is up to
        twice as fast.
    out : str, path, ndarray of shape (n, d) or None, default=None
        Where `transform` writes features: the path of a .npy file, which is written beside and
        renamed, so that it is there whole or not; or an array of float32, such as a memory map, for
        use outside of pipelines and searches, which would copy it. None takes memory.
    overwrite : bool, default=False
        Whether a file that is there is replaced.
    verbose : int, default=0
        If above 0, a progress bar is shown.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of one image seen in `fit` as (C, H, W). `transform` takes images of other sizes too.
    n_features_in_ : int
        Number of values in a row seen in `fit`, if `X` was 2-D.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, if `X` was a data frame that has them.

    See Also
    --------
    skdeepcluster.CLC : An estimator that clusters features.
    sklearn.preprocessing.Normalizer : Brings features to unit length.

    Notes
    -----
    A batch at a time is read, in a thread of its own, resized and embedded, so that the memory
    needed depends on the number of images only by the features themselves; with `out` not even by
    them. Sliced containers such as HDF5 and zarr are never loaded whole.

    A pickle holds the parameters, with a module that was given as `network`, but not the weights
    of a name: these are loaded again where they are needed.

    A pipeline with `memory` computes features once if `network` is a name or a function that can be
    imported; joblib takes each copy of a module for another one.

    Networks of timm that were tested on squashed images get the middle square as well.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> from skdeepcluster.features import PretrainedFeatures
    >>> X = np.zeros((5, 32, 32, 3), np.uint8)
    >>> PretrainedFeatures(nn.Conv2d(3, 16, 3), device="cpu").transform(X).shape
    (5, 16)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "network": [str, nn.Module, callable],
        "weights": [None, str, os.PathLike],
        "download": ["boolean"],
        "image_shape": [None, "array-like"],
        "channel_axis": [StrOptions({"auto", "first", "last"})],
        "image_size": [None, whole_number(1)],
        "value_range": [StrOptions({"auto"}), "array-like"],
        "mean": [None, "array-like"],
        "std": [None, "array-like"],
        "batch_size": [StrOptions({"auto"}), whole_number(1)],
        "device": [str, torch.device],
        "precision": [StrOptions({"auto", *DTYPES})],
        "out": [None, str, os.PathLike, np.ndarray],
        "overwrite": ["boolean"],
        "verbose": ["verbose"],
    }

    image_shape_: tuple[int, ...]
    _loaded: tuple[tuple[Any, ...], nn.Module]

    def __init__(
        self,
        network: Network = "resnet50",
        *,
        weights: Weights = None,
        download: bool = False,
        image_shape: Sequence[int] | None = None,
        channel_axis: str = "auto",
        image_size: int | None = None,
        value_range: str | Sequence[float] = "auto",
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        batch_size: int | str = "auto",
        device: str | torch.device = "auto",
        precision: str = "auto",
        out: Out = None,
        overwrite: bool = False,
        verbose: int = 0,
    ) -> None:
        self.network = network
        self.weights = weights
        self.download = download
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.image_size = image_size
        self.value_range = value_range
        self.mean = mean
        self.std = std
        self.batch_size = batch_size
        self.device = device
        self.precision = precision
        self.out = out
        self.overwrite = overwrite
        self.verbose = verbose

    @in_plain_torch
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """
        Check parameters and images, and load the network.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, H, W), (n, H, W, C), (n, C, H, W) or (n, d)
            Images of any real dtype; rows are flattened images, with `image_shape` set.
        y : object, default=None
            Ignored, present for API consistency.

        Returns
        -------
        self
            The transformer.

        Raises
        ------
        ValueError
            If a parameter, `X` or a file of weights is invalid, alone or together.
        TypeError
            If `X` is sparse or not numeric.
        FileNotFoundError
            If the weights are not on this machine and `download` is False.
        OSError
            If they cannot be fetched.
        ImportError
            If timm is asked for and missing.
        """
        source, preprocessing = self._find()
        samples, _ = self._read(X, preprocessing, reset=True)
        self.__dict__.pop("_loaded", None)
        module = self._load(source)
        self._count_features(module, preprocessing, samples.shape)
        self.image_shape_ = samples.shape
        return self

    @in_plain_torch
    def transform(self, X: Any) -> np.ndarray:
        """
        Compute the features of images.

        Parameters
        ----------
        X : array-like or Tensor, as in `fit`
            Images, also of other sizes than those seen in `fit`.

        Returns
        -------
        ndarray of shape (n, d), dtype float32
            The features: `out` if it is an array, a read-only memory map if it is a path.

        Raises
        ------
        ValueError
            If a parameter, `X` or a file of weights is invalid, alone or together, or the network
            gives no finite features.
        TypeError
            If `X` is sparse or not numeric.
        FileExistsError
            If there is a file at `out` and `overwrite` is False.
        OSError
            If weights are missing, as in `fit`, or `out` cannot be written.
        NotFittedError
            If data frames are to be returned, whose columns cannot be named before `fit`.
        """
        self._validate_params()
        check_out(self.out, self.overwrite)
        source, preprocessing = self._find()
        if _get_output_config("transform", self)["dense"] != "default":
            _ = self._n_features_out  # refused before the work: a data frame names its columns
        samples, value_range = self._read(X, preprocessing, reset=False)
        batch_size = self._batch_size(preprocessing.largest(samples.shape))
        device, dtype = resolve_device(self.device), DTYPES.get(self.precision)
        parts = extract(
            self._load(source), samples, preprocessing, value_range, batch_size, device, dtype
        )
        return store(self._shown(parts, len(samples)), len(samples), self.out, self.overwrite)

    def _find(self) -> tuple[Source, Preprocessing]:
        """Find out what there is, before anything large is read."""
        resolve_device(self.device)
        source = find_source(self.network, self.weights, self.image_size, bool(self.download))
        return source, source.preprocessing.adapted(self.image_size, self.mean, self.std)

    def _read(
        self, X: Any, preprocessing: Preprocessing, *, reset: bool
    ) -> tuple[Samples, tuple[float, float]]:
        samples = read_samples(X, self.image_shape, self.channel_axis, estimator=self)
        if not samples.layout.is_image:
            raise ValueError(
                f"X must hold images; got rows of {samples.shape[0]} values. Set image_shape if "
                "they are flattened images."
            )
        if samples.shape[0] not in (1, preprocessing.n_channels):
            raise ValueError(
                f"X must hold images with {preprocessing.n_channels} channels, or grey ones, as "
                f"the network takes them; got {samples.shape[0]} channels. For a network of your "
                "own that takes others, mean and std must have one number for each."
            )
        if reset:  # those of an earlier fit to rows
            for name in ("n_features_in_", "feature_names_in_"):
                self.__dict__.pop(name, None)
        if len(samples.layout.stored) == 1 and (reset or hasattr(self, "n_features_in_")):
            validate_data(self, X, reset=reset, skip_check_array=True)
        return samples, resolve_value_range(samples, self.value_range)

    def _load(self, source: Source) -> nn.Module:
        """Build the network, or take it as it was built, unless it is the caller's own."""
        device = resolve_device(self.device)
        key = (self.network, str(self.weights), self.image_size, device)
        if isinstance(self.network, nn.Module):  # it may have been trained in the meantime
            return _frozen(source, device)
        with _LOADING:
            loaded = self.__dict__.get("_loaded")
            if loaded is None or loaded[0] != key:
                loaded = self._loaded = key, _frozen(source, device)
            return loaded[1]

    def _batch_size(self, n_values: int) -> int:
        if self.batch_size != "auto":
            return int(self.batch_size)
        return max(1, min(LARGEST_BATCH, BATCH_VALUES // n_values))

    def _shown(self, parts: Iterator[np.ndarray], n_samples: int) -> Iterator[np.ndarray]:
        from tqdm.auto import tqdm

        name = type(self).__name__
        with tqdm(total=n_samples, desc=name, unit="image", disable=not self.verbose) as bar:
            for part in parts:
                yield part
                bar.update(len(part))

    def _count_features(
        self, module: nn.Module, preprocessing: Preprocessing, shape: tuple[int, ...]
    ) -> int:
        blank = torch.zeros(
            1, *preprocessing.input_shape(shape), device=resolve_device(self.device)
        )
        return embed(module, blank, DTYPES.get(self.precision)).shape[1]

    @property
    @in_plain_torch
    def _n_features_out(self) -> int:
        source, preprocessing = self._find()
        if preprocessing.crop is None and not hasattr(self, "image_shape_"):
            raise NotFittedError(
                "The number of features may depend on the size of the images: call fit first, or "
                "set image_size."
            )
        shape = getattr(self, "image_shape_", (1, 1, 1))
        return self._count_features(self._load(source), preprocessing, shape)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in super().__getstate__().items() if k != "_loaded"}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = self.image_shape is not None
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _frozen(source: Source, device: torch.device) -> nn.Module:
    """Build a network for inference; the weights that a callable draws are always the same."""
    with global_streams(torch.Generator().manual_seed(0)):
        module = source.build()
    module = module.float().eval().requires_grad_(False)
    return module.to(memory_format=torch.channels_last).to(device)
