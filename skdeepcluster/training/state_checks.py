"""The rules for a training state that is read from a file, before anything of it is used."""

from __future__ import annotations

import math
import reprlib
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from skdeepcluster.training.engine import Trainer
from skdeepcluster.training.muon import Muon, is_kernel
from skdeepcluster.training.objective import are_ours

NUMBERS = (bool, int, float)
LARGEST = sys.float_info.max


def check_state(trainer: Trainer, state: Any) -> None:
    """
    Check that a state could be one of a trainer.

    Fused optimisers do not look at what they are given: a moment of another shape would end the
    process.

    Parameters
    ----------
    trainer : Trainer
        At its start.
    state : object
        What the file holds in place of what `Trainer.state_dict` returned.

    Raises
    ------
    ValueError
        If it could not; the message names the part.
    """
    own = trainer.state_dict()
    if not isinstance(state, dict) or state.keys() != own.keys():
        raise ValueError(f"it lacks, or should not have, parts beside {sorted(own)}")
    for part in ("objective", "generators", "noise", "scaler"):
        _check_like(part, own[part], state[part])
    _check_ranges(trainer, own["objective"], state["objective"])
    _check_progress(trainer, state)
    _check_optimizer(trainer.optimizer, state["optimizer"])


def _check_like(name: str, own: Any, found: Any) -> None:
    """Check that something has one structure with its own, down to types, shapes and dtypes."""
    if isinstance(own, Tensor):
        same = isinstance(found, Tensor) and (found.shape, found.dtype) == (own.shape, own.dtype)
        plain = same and found.layout == torch.strided and found.device.type == "cpu"
        if not plain or not (_is_finite(found) or not _is_finite(own)):
            shape = tuple(own.shape)
            raise ValueError(f"{name} is not {own.dtype} of shape {shape}, dense and finite")
        return
    if type(found) is not type(own) or not _is_finite(found):
        raise ValueError(f"{name} is {reprlib.repr(found)}")
    if isinstance(own, (list, tuple)):
        own, found = dict(enumerate(own)), dict(enumerate(found))
    if isinstance(own, dict):
        if found.keys() != own.keys():
            raise ValueError(f"{name} has other entries")
        for key, value in own.items():
            _check_like(f"{name}[{key!r}]", value, found[key])


def _is_finite(value: Any) -> bool:
    if isinstance(value, Tensor) and value.is_floating_point():
        return bool(value.isfinite().all())
    return not isinstance(value, float) or math.isfinite(value)


def _check_ranges(trainer: Trainer, own: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    ends = {"labels": trainer.settings.n_clusters, "rows": len(trainer.source)}
    is_ours = are_ours(type(trainer.objective), type(trainer.objective.model))
    for name, tensor in found.items():
        last = name.rpartition(".")[2]
        if last == "running_var":
            _check_range(name, tensor, 0, math.inf)
        elif is_ours and not tensor.is_floating_point() and last != "num_batches_tracked":
            # Numbers of clusters or samples; or places in a queue, which wrap round. A trunk of
            # the caller's own may hold others, and so may a method.
            end = ends.get(last, 2**31)
            if _is_within(own[name], 0, end):
                _check_range(name, tensor, 0, end)


def _check_range(name: str, tensor: Tensor, least: float, end: float) -> None:
    if not _is_within(tensor, least, end):
        raise ValueError(f"{name} holds values below {least} or from {end} on")


def _is_within(tensor: Tensor, least: float, end: float) -> bool:
    return not tensor.numel() or bool(least <= tensor.min() and tensor.max() < end)


def _check_progress(trainer: Trainer, state: Mapping[str, Any]) -> None:
    epoch, history, assigned = state["epoch"], state["history"], state["assigned"]
    if type(epoch) is not int or not 0 <= epoch <= trainer.settings.schedule.max_epochs:
        raise ValueError(f"epoch is {reprlib.repr(epoch)}")
    length = trainer.n_epochs_before + epoch
    if not isinstance(history, list) or len(history) != length or not all(map(_is_entry, history)):
        raise ValueError("history does not have one entry per epoch")
    if assigned is not None:
        _check_like("assigned", torch.empty(len(trainer.source), dtype=torch.int64), assigned)
        _check_range("assigned", assigned, -1, trainer.settings.n_clusters)


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and all(isinstance(name, str) for name in entry)
        and all(type(value) in NUMBERS and abs(value) <= LARGEST for value in entry.values())
        and {"epoch", "loss", "changed_labels"} <= entry.keys()
    )


def _check_optimizer(optimizer: torch.optim.Optimizer, state: Any) -> None:
    own = optimizer.state_dict()
    if not isinstance(state, dict) or state.keys() != own.keys():
        raise ValueError("optimizer has other entries")
    _check_like("optimizer['param_groups']", own["param_groups"], state["param_groups"])
    if [_fixed(g) for g in state["param_groups"]] != [_fixed(g) for g in own["param_groups"]]:
        raise ValueError("optimizer['param_groups'] has other settings")
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments = state["state"]
    if not isinstance(moments, dict) or not moments.keys() <= set(range(len(parameters))):
        raise ValueError("optimizer['state'] has other parameters")
    for number, values in moments.items():
        if not isinstance(values, dict) or values.keys() != _moments(optimizer, parameters[number]):
            raise ValueError(f"optimizer['state'][{number}] has other entries")
        for name, value in values.items():
            place = f"optimizer['state'][{number}][{name!r}]"
            _check_moment(optimizer, place, parameters[number], value)


def _moments(optimizer: torch.optim.Optimizer, parameter: Tensor) -> set[str]:
    """Name what an optimiser keeps of a parameter."""
    if isinstance(optimizer, torch.optim.SGD):
        return {"momentum_buffer"}
    if isinstance(optimizer, Muon) and is_kernel(parameter):
        return {"step", "momentum_buffer"}
    return {"step", "exp_avg", "exp_avg_sq"}


def _check_moment(
    optimizer: torch.optim.Optimizer, name: str, parameter: Tensor, value: Any
) -> None:
    if value is None and isinstance(optimizer, torch.optim.SGD):
        return
    own = torch.empty(()) if name.endswith("['step']") else parameter
    _check_like(name, own.detach(), value)
    # Fused optimisers take it that a moment lies in memory as its parameter does.
    strides = zip(value.shape, value.stride(), own.stride(), strict=True)
    if any(size > 1 and one != other for size, one, other in strides):
        raise ValueError(f"{name} is laid out in another way than its parameter")
    if name.endswith(("['step']", "['exp_avg_sq']")):
        _check_range(name, value, 0, math.inf)


def _fixed(group: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the learning rate, which every step sets."""
    return {name: value for name, value in group.items() if name != "lr"}
