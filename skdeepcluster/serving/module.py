"""The way from samples as the user holds them to clusters, as one network."""

from __future__ import annotations

import copy
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skdeepcluster._torch_state import in_plain_torch
from skdeepcluster.base import DeepClusterer
from skdeepcluster.data.layout import infer_layout
from skdeepcluster.data.resizing import resize
from skdeepcluster.data.scaling import DeviceScaling
from skdeepcluster.training.fitted import soft_assignment


class FittedNetwork(nn.Module):
    """
    What an estimator does in `predict`, `predict_proba` and `transform`, at once.

    Parameters
    ----------
    estimator : estimator instance
        A fitted one; its networks are copied.
    """

    used: Tensor
    offset: Tensor
    factor: Tensor
    shift: Tensor
    gain: Tensor
    bias: Tensor
    offset_rest: Tensor

    def __init__(self, estimator: DeepClusterer) -> None:
        super().__init__()
        fitted = estimator._model
        self.shape, self.input_shape = fitted.shape, fitted.input_shape
        self.image_shape, self.channel_axis = estimator.image_shape, estimator.channel_axis
        self.model = copy.deepcopy(fitted.model).cpu().requires_grad_(False)
        self.register_buffer("used", torch.from_numpy(fitted.used.copy()))
        self.temperature = fitted.temperature
        maps = fitted.scaling.on(torch.device("cpu"))
        self.equal_length = maps.equal_length
        for name in ("offset", "factor", "shift", "gain", "bias"):
            self.register_buffer(name, getattr(maps, name))
        # Two float32 numbers instead of one float64, which not every device and runtime knows.
        rest = torch.from_numpy(fitted.scaling.offset) - self.offset.double()
        self.register_buffer("offset_rest", rest.float())
        self.eval()

    def forward(self, X: Tensor) -> dict[str, Tensor]:
        """
        Embed and assign samples.

        Parameters
        ----------
        X : Tensor, as in the estimator's `predict`
            Samples of any real dtype, on the module's device.

        Returns
        -------
        dict of str to Tensor
            ``"labels"`` of shape (n,), int64; ``"probabilities"`` of shape (n, n_clusters_) and
            ``"embedding"`` of shape (n, d), float32.
        """
        values = self.offset, self.factor, self.shift, self.gain, self.bias
        maps = DeviceScaling(*values, self.equal_length)
        batch = resize(maps.unit(self._read(X)), self.input_shape)
        embedding, logits = self.model(self.model.laid_out(maps.standardise(batch)))
        probabilities = soft_assignment(logits, self.used, self.temperature)
        return {
            "labels": probabilities.argmax(dim=1),
            "probabilities": probabilities,
            "embedding": embedding.float(),
        }

    def _read(self, X: Tensor) -> Tensor:
        """Return canonical samples without their offset, at the precision of `Scaling`."""
        layout = infer_layout(tuple(X.shape[1:]), self.image_shape, self.channel_axis)
        if layout.shape != self.shape:
            raise ValueError(
                f"X has samples of shape {layout.shape}, but the network takes samples of shape "
                f"{self.shape} (images count as (C, H, W))."
            )
        X = layout.canonical(X)
        first, second = (
            offset.view(-1, 1, 1) if layout.is_image else offset
            for offset in (self.offset, self.offset_rest)
        )
        if X.dtype == torch.uint8 or X.is_floating_point():
            return (X - first - second).float()
        if X.device.type != "mps":
            return (X.double() - first - second).float()
        return _less_whole(X, first, second)


def _less_whole(X: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Take offsets off whole numbers where there are no doubles: first what is whole of them."""
    whole = first.round().long()
    return (X.long() - whole).float() - (first - whole.float()) - second


@in_plain_torch
def as_module(estimator: DeepClusterer) -> nn.Module:
    """
    Copy a fitted estimator into a network that takes samples as they are.

    Parameters
    ----------
    estimator : estimator of this package
        A fitted one.

    Returns
    -------
    nn.Module
        Maps a tensor of samples, in any layout and of any dtype that `predict` takes, to a dict of
        tensors: ``"labels"`` of shape (n,) and dtype int64, ``"probabilities"`` of shape
        (n, n_clusters_), and ``"embedding"`` of shape (n, d), both float32. Scaling and
        `image_size` are part of it. It is on the CPU, in evaluation mode, with frozen weights, and
        shares nothing with the estimator.

    Raises
    ------
    TypeError
        If it is not an estimator of this package.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    export_onnx : Writes the same network to a file.

    Notes
    -----
    All samples go through the networks at once, in float32 whatever `precision` is, and values are
    not checked: what is not a number, or far from the training samples, gives results that mean
    nothing.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import CLC
    >>> from skdeepcluster.serving import as_module
    >>> X = load_digits().images[:64].astype("uint8")
    >>> model = CLC(n_clusters=3, max_epochs=1, device="cpu", random_state=0).fit(X)
    >>> result = as_module(model)(torch.from_numpy(X))
    >>> bool((result["labels"].numpy() == model.labels_).all())
    True
    """
    check_estimator(estimator)
    return FittedNetwork(estimator)


def check_estimator(estimator: Any) -> None:
    """
    Refuse what is not a fitted estimator of this package.

    Parameters
    ----------
    estimator : object
        What was given.

    Raises
    ------
    TypeError
        If it is something else.
    NotFittedError
        If it is not fitted.
    """
    if not isinstance(estimator, DeepClusterer):
        hint = ""
        if hasattr(estimator, "steps"):
            hint = (
                " Give its last step, model[-1]: the network takes what the steps before it make."
            )
        elif hasattr(estimator, "best_estimator_"):
            hint = " Give its best_estimator_."
        raise TypeError(
            "estimator must be a fitted estimator of skdeepcluster, such as ProPos; got "
            f"{type(estimator).__name__}.{hint}"
        )
    check_is_fitted(estimator)
