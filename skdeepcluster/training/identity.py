"""What makes two trainings the same: parameters and data, in a form that can be compared."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from sklearn.base import BaseEstimator
from torch import nn

from skdeepcluster.data import Samples

__all__ = ["training_identity"]

# These change neither what is computed nor where it ends.
IRRELEVANT = {"device", "verbose", "warm_start", "checkpoint_dir", "checkpoint_interval"}
N_PIECES = 64
PIECE_BYTES = 2**20


def training_identity(estimator: BaseEstimator, samples: Samples) -> dict[str, str]:
    """
    Describe a training.

    Parameters
    ----------
    estimator : BaseEstimator
        Gives the class and the parameters.
    samples : Samples
        The training samples. Of large ones, 64 pieces of 1 MiB spread over all are looked at.

    Returns
    -------
    dict of str to str
        Equal for equal trainings.
    """
    parameters = estimator.get_params(deep=False)
    described = {n: _describe(v) for n, v in parameters.items() if n not in IRRELEVANT}
    return {
        "method": type(estimator).__name__,
        **described,
        "number of samples": str(len(samples)),
        "shape of a sample": str(samples.shape),
        "samples": _digest(samples),
    }


def _describe(value: Any) -> str:
    if isinstance(value, nn.Module):
        digest = hashlib.sha256(repr(value).encode())
        for name, tensor in value.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return f"{type(value).__name__} {digest.hexdigest()[:16]}"
    if callable(value) and not isinstance(value, BaseEstimator):
        return str(getattr(value, "__qualname__", type(value).__name__))
    if isinstance(value, (list, tuple)):
        return repr(tuple(value))
    return repr(value) if not hasattr(value, "get_state") else type(value).__name__


def _digest(samples: Samples) -> str:
    digest = hashlib.sha256()
    rows = max(1, PIECE_BYTES // (4 * samples.layout.n_features))
    n_pieces = min(N_PIECES, -(-len(samples) // rows))
    for piece in range(n_pieces):
        start = piece * max(0, len(samples) - rows) // max(1, n_pieces - 1)
        values = samples.batch(start, min(start + rows, len(samples))).float()
        digest.update(values.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
