"""Batch normalisation by the statistics of the whole batch, of which each process has a share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from skdeepcluster.training.distributed import Processes

_Norm = nn.modules.batchnorm._BatchNorm


@contextmanager
def global_batch_norm(module: nn.Module, processes: Processes) -> Iterator[None]:
    """
    Let the batch normalisation of a module see the batches of all processes.

    It keeps its weights, their names, and afterwards its class. Unlike torch's SyncBatchNorm it
    works on every device.

    Parameters
    ----------
    module : nn.Module
        Networks, the same in every process.
    processes : Processes
        The processes.

    Yields
    ------
    None
        While it does so.
    """
    if processes.size > 1:
        for part in module.modules():
            if isinstance(part, _Norm):
                own: Any = type(part)
                part.__class__ = _joint(own)
                vars(part)["processes"] = processes  # no parameter, buffer or module
    try:
        yield
    finally:
        local_batch_norm(module)


def local_batch_norm(module: nn.Module) -> None:
    """
    Let the batch normalisation of a module see what it is given, as it does by itself.

    Parameters
    ----------
    module : nn.Module
        Networks, or a copy of some, on which `global_batch_norm` works.
    """
    for part in module.modules():
        if isinstance(part, _Norm) and "processes" in vars(part):
            part.__class__ = type(part).__mro__[1]
            del vars(part)["processes"]


@cache
def _joint(own: Any) -> Any:
    """Make the class of a layer whose statistics in training are those of all processes."""

    def forward(self: Any, x: Tensor) -> Tensor:
        if not self.training:
            return own.forward(self, x)
        return _normalised(self, x)

    return type(own.__name__, (own,), {"forward": forward})


def _normalised(norm: Any, x: Tensor) -> Tensor:
    """Normalise a share of a batch as `norm` would the whole, and move its running averages."""
    norm._check_input_dim(x)
    with torch.no_grad():
        mean, square, count = _statistics(_wide(x.detach()), norm.processes)
        _move_averages(norm, mean, square, count)
    return _Normalise.apply(
        x, norm.weight, norm.bias, mean, square / count, count, norm.eps, norm.processes
    )


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _statistics(x: Tensor, processes: Processes) -> tuple[Tensor, Tensor, Tensor]:
    """
    Return the mean of each channel, the sum of squares about it, and the number of values.

    The number stays on the device, so that no layer waits for a GPU.
    """
    own_count = x.numel() // x.shape[1]
    if x.device.type == "cpu":  # there twenty times as fast as the other
        mean, variance = torch.batch_norm_update_stats(x, None, None, 0.0)
    else:
        axes = [axis for axis in range(x.ndim) if axis != 1]
        variance, mean = torch.var_mean(x, dim=axes, correction=0)
    own = torch.cat([mean, variance * own_count, mean.new_full((1,), own_count)])
    found = processes.gather(own[None], processes.size)
    means, squares = found[:, : len(mean)], found[:, len(mean) : -1]
    counts = found[:, -1:]
    total = counts.sum()
    mean = (means * counts).sum(0) / total
    squares = squares.sum(0) + ((means - mean).square() * counts).sum(0)  # Chan et al.
    return mean, squares, total


def _move_averages(norm: Any, mean: Tensor, square: Tensor, count: Tensor) -> None:
    if norm.running_mean is None:
        return
    norm.num_batches_tracked.add_(1)
    share = norm.momentum
    if share is None:
        share = 1 / float(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean.to(norm.running_mean), share)
    norm.running_var.lerp_((square / (count - 1)).to(norm.running_var), share)


class _Normalise(torch.autograd.Function):
    """Normalise by given statistics, and know in the gradient that they depend on the batch."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        count: Tensor,
        eps: float,
        processes: Processes,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance, count)
        ctx.eps, ctx.processes = eps, processes
        return nn.functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (dy,) = gradients
        x, weight, mean, variance, count = ctx.saved_tensors
        gain = -(variance + ctx.eps).rsqrt() / count
        if weight is None:
            weight = torch.ones_like(mean)
        # As if the statistics were constants,
        dx, dweight, dbias = torch.ops.aten.native_batch_norm_backward(
            dy, x, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        sums = torch.stack([dweight, dbias]).to(mean)
        ctx.processes.add_up([sums])
        # and what they add: gain * (sum of dy + normalised x * sum of dy * normalised x).
        sums *= gain * weight.to(gain)
        dx += nn.functional.batch_norm(x, mean, variance, sums[0], sums[1], False, 0.0, ctx.eps)
        wanted = zip((dweight, dbias), ctx.needs_input_grad[1:3], strict=True)
        own = (gradient.to(weight) if needed else None for gradient, needed in wanted)
        return dx, *own, None, None, None, None, None
