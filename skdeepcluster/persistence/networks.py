"""What a model's networks should be like, and networks without weights to put them into."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skdeepcluster.networks import build_backbone
from skdeepcluster.training import Objective

__all__ = ["build_untrained", "describe_difference", "expected_tensors", "plain_settings"]

OBJECTIVE = "objective."
LISTED = 3


def build_untrained(
    estimator: Any,
    trunk: nn.Module | None,
    shape: tuple[int, ...],
    n_features: int,
    device: str = "cpu",
) -> Objective:
    """
    Build an estimator's networks and loss, in evaluation mode.

    Parameters
    ----------
    estimator : estimator instance
        Gives method and parameters.
    trunk : nn.Module or None
        The caller's own trunk, which is copied; None for the one that `backbone` names.
    shape : tuple of int
        Canonical shape of one sample.
    n_features : int
        The number of the trunk's features.
    device : str, default="cpu"
        ``"meta"`` gives shapes and dtypes without memory behind them.

    Returns
    -------
    Objective
        With arbitrary weights; on ``"meta"``, a trunk of the caller's is a copy in memory.

    Raises
    ------
    ValueError
        If they cannot be built so.
    """
    generator = torch.Generator()
    try:
        with torch.device(device):
            if trunk is None:
                trunk, _ = build_backbone(estimator.backbone, shape, generator)
            else:
                trunk = copy.deepcopy(trunk).cpu()
            plain = estimator._with_plain_numbers()
            objective: Objective = plain._build_objective(trunk, n_features, generator)
            objective.eval().release()
    except (RuntimeError, TypeError, OverflowError) as error:
        name, reason = type(estimator).__name__, str(error).partition("\n")[0]
        raise ValueError(f"{name} cannot be built on device {device!r}: {reason}") from error
    return objective


def expected_tensors(
    objective: Objective, shape: tuple[int, ...], sizes: Mapping[str, int]
) -> dict[str, Tensor]:
    """
    List the tensors that the file of a model holds.

    Parameters
    ----------
    objective : Objective
        The model's networks, with any weights.
    shape : tuple of int
        Canonical shape of one sample.
    sizes : mapping of str to int
        ``"samples"``, ``"clusters"`` and ``"embedding"``: lengths of the fitted attributes.

    Returns
    -------
    dict of str to Tensor
        Right in name, shape and dtype; those beside the objective's have no memory.
    """
    samples, clusters, embedding = (sizes[n] for n in ("samples", "clusters", "embedding"))
    units, channels = (1, shape[0]) if len(shape) == 3 else (shape[0], 1)
    beside = {
        "scaling.offset": torch.empty(units, dtype=torch.float64, device="meta"),
        "scaling.factor": torch.empty(1, device="meta"),
        "scaling.shift": torch.empty(units, device="meta"),
        **{f"scaling.{n}": torch.empty(channels, device="meta") for n in ("mean", "spread")},
        "labels": torch.empty(samples, dtype=torch.int64, device="meta"),
        "used": torch.empty(clusters, dtype=torch.int64, device="meta"),
        "cluster_centers": torch.empty(clusters, embedding, device="meta"),
    }
    return {**{OBJECTIVE + name: t for name, t in objective.state_dict().items()}, **beside}


def plain_settings(objective: Objective) -> dict[str, Any]:
    """
    Collect the numbers and strings that an objective keeps beside its tensors.

    Parameters
    ----------
    objective : Objective
        Any.

    Returns
    -------
    dict
        Values by attribute name.
    """
    return {
        name: value
        for name, value in vars(objective).items()
        if isinstance(value, bool | int | float | str | np.generic)
        and not name.startswith("_")
        and name != "training"
    }


def describe_difference(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """
    Say in what tensors differ from those expected, values apart.

    Parameters
    ----------
    expected, found : mapping of str to Tensor
        Tensors by name.

    Returns
    -------
    str
        The first differences in name, dtype and shape; empty where there is none.
    """
    lines = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    lines += [f"{name} is unknown" for name in sorted(found.keys() - expected.keys())]
    for name in sorted(expected.keys() & found.keys()):
        want, have = (f"{t.dtype} of shape {tuple(t.shape)}" for t in (expected[name], found[name]))
        lines += [f"{name} is {have}, not {want}"] * (want != have)
    more = len(lines) - LISTED
    return "; ".join(lines[:LISTED]) + (f"; and {more} more" if more > 0 else "")
