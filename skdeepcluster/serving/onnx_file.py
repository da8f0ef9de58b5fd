"""A fitted estimator as an ONNX file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from skdeepcluster._files import refuse_existing, write_whole
from skdeepcluster._torch_state import in_plain_torch
from skdeepcluster._version import __version__
from skdeepcluster.base import DeepClusterer
from skdeepcluster.data.layout import Layout
from skdeepcluster.data.samples import Samples
from skdeepcluster.serving.module import FittedNetwork, check_estimator

if TYPE_CHECKING:
    from onnx import ModelProto

OUTPUTS = ["labels", "probabilities", "embedding"]


@in_plain_torch
def export_onnx(
    estimator: DeepClusterer,
    X: Any,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> None:
    """
    Write a fitted estimator to an ONNX file, which other languages and runtimes run.

    The graph takes samples as they are: scaling and `image_size` are part of it. Its input ``X``
    has any number of samples, its outputs are ``labels`` of shape (n,) and dtype int64, and
    ``probabilities`` of shape (n, n_clusters_) and ``embedding`` of shape (n, d), both float32.

    Parameters
    ----------
    estimator : estimator of this package
        A fitted one. Of a pipeline, give the last step.
    X : array-like or Tensor, as in `predict`
        One sample or more in the form that the graph will be given. Only shape and dtype count: the
        input has the same layout, and is uint8 for uint8 and bool, float32 for float16 and float32,
        and float64 for everything else.
    path : str or path
        Where to. The file is written beside and renamed, so that it is there whole or not.
    overwrite : bool, default=False
        Whether a file that is there is replaced.

    Raises
    ------
    TypeError
        If `estimator` is not one of this package, or `X` is not numeric.
    NotFittedError
        If it is not fitted.
    ValueError
        If `X` has another shape than the samples of `fit`, or ONNX cannot express a backbone of the
        caller's own.
    FileExistsError
        If there is a file and `overwrite` is False.
    OSError
        If the file cannot be written.
    ImportError
        If onnx or onnxscript is not installed.

    See Also
    --------
    as_module : The same network for PyTorch.

    Notes
    -----
    The graph runs in float32 whatever `precision` is, and checks no values: what is not a number,
    or far from the training samples, gives results that mean nothing. An ONNX file holds no more
    than 2 GB.

    Its metadata are ``class``, ``n_clusters``, ``layout`` of the input, such as ``(n, H, W, C)``,
    ``skdeepcluster``, the version, and, for data frames, ``feature_names`` as JSON.

    Examples
    --------
    >>> from skdeepcluster import ProPos
    >>> from skdeepcluster.serving import export_onnx
    >>> model = ProPos(n_clusters=10).fit(X)  # doctest: +SKIP
    >>> export_onnx(model, X[:1], "digits.onnx")  # doctest: +SKIP
    """
    check_estimator(estimator)
    _require_onnx()
    path = Path(path)
    if not overwrite:
        refuse_existing(path)
    samples = estimator._read(X, reset=False)
    graph = _graph(estimator, samples)
    _describe(graph, estimator, samples.layout)
    write_whole(path, [graph.SerializeToString(deterministic=True)], overwrite=overwrite)


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'export_onnx needs onnx and onnxscript: pip install "skdeepcluster[onnx]".'
        ) from error


def _graph(estimator: DeepClusterer, samples: Samples) -> ModelProto:
    # Two samples: torch takes sizes of 0 and 1 for constants.
    example = torch.zeros(2, *samples.layout.stored, dtype=samples.batch(0, 1).dtype)
    try:
        program = torch.onnx.export(
            FittedNetwork(estimator),
            (example,),
            input_names=["X"],
            output_names=OUTPUTS,
            dynamic_shapes=({0: torch.export.Dim("n_samples")},),
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        raise ValueError(
            "The networks cannot be written as ONNX, which knows no loops or branches that depend "
            "on the samples, and not all functions of torch; a backbone of your own must do "
            "without."
        ) from error
    assert program is not None
    graph: ModelProto = program.model_proto
    if not graph.graph.input[0].type.tensor_type.shape.dim[0].HasField("dim_param"):
        raise ValueError(
            "The networks cannot be written as ONNX for any number of samples: a backbone of your "
            "own makes it a constant by len(x), int(x.shape[0]) or a loop over x. Take x.shape[0], "
            "or x.flatten(1)."
        )
    return graph


def _describe(graph: ModelProto, estimator: DeepClusterer, layout: Layout) -> None:
    """Say in a graph what it is, in place of how and where torch made it."""
    parts = graph.graph
    for part in (graph, parts, *parts.node, *parts.input, *parts.output, *parts.value_info):
        part.ClearField("metadata_props")
    for part in (*parts.initializer, *graph.functions):
        part.ClearField("metadata_props")
    entries = {
        "class": type(estimator).__name__,
        "skdeepcluster": __version__,
        "n_clusters": str(estimator.n_clusters_),
        "layout": _layout_name(layout),
    }
    if hasattr(estimator, "feature_names_in_"):
        entries["feature_names"] = json.dumps([str(n) for n in estimator.feature_names_in_])
    for key, value in entries.items():
        graph.metadata_props.add(key=key, value=value)


def _layout_name(layout: Layout) -> str:
    if not layout.is_image:
        return "(n, d)"
    sides = ["H", "W", "C"] if layout.channels_last else ["C", "H", "W"]
    if len(layout.stored) == 1:
        return f"(n, {' * '.join(sides)})"
    return f"(n, {', '.join(sides[-len(layout.stored) :])})"
