"""The rules for a training state that is read from a file, before anything of it is used."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from skdeepcluster.training.engine import Trainer

NUMBERS = (bool, int, float)
LARGEST = sys.float_info.max
# What an optimiser keeps of each parameter.
MOMENTS = {
    torch.optim.AdamW: {"step", "exp_avg", "exp_avg_sq"},
    torch.optim.SGD: {"momentum_buffer"},
}


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
    _check_progress(trainer, state)
    _check_tensors("objective", own["objective"], state["objective"])
    _check_values(trainer, state["objective"])
    _check_tensors("generators", own["generators"], state["generators"])
    _check_tensors("noise", dict(enumerate(own["noise"])), _numbered(state["noise"]))
    _check_optimizer(trainer.optimizer, state["optimizer"])
    if not _alike(state["scaler"], own["scaler"]):
        raise ValueError("its scaler is not of the right form")


def _check_progress(trainer: Trainer, state: Mapping[str, Any]) -> None:
    epoch, history, assigned = state["epoch"], state["history"], state["assigned"]
    if type(epoch) is not int or not 0 <= epoch <= trainer.settings.schedule.max_epochs:
        raise ValueError(f"its epoch is {epoch!r}")
    length = trainer.n_epochs_before + epoch
    if not isinstance(history, list) or len(history) != length or not all(map(_is_entry, history)):
        raise ValueError("its history does not have one entry per epoch")
    if assigned is None:
        return
    blank = torch.empty(len(trainer.source), dtype=torch.int64, device="meta")
    _check_tensors("assigned", {"labels": blank}, {"labels": assigned})
    _check_range("assigned", assigned, -1, trainer.settings.n_clusters)


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and all(isinstance(name, str) for name in entry)
        and all(isinstance(value, NUMBERS) and abs(value) <= LARGEST for value in entry.values())
        and {"epoch", "loss", "changed_labels"} <= entry.keys()
    )


def _numbered(values: Any) -> Any:
    return dict(enumerate(values)) if isinstance(values, list) else values


def _check_tensors(part: str, own: Mapping[Any, Tensor], found: Any) -> None:
    if not isinstance(found, dict) or found.keys() != own.keys():
        raise ValueError(f"its {part} has other entries")
    for name, tensor in own.items():
        want, have = tensor, found[name]
        same = isinstance(have, Tensor) and have.shape == want.shape and have.dtype == want.dtype
        if not same or not _is_plain(have) or not _is_sound(have):
            raise ValueError(f"{name!r} of its {part} is not {want.dtype} of {tuple(want.shape)}")


def _is_plain(tensor: Tensor) -> bool:
    """Tell whether a tensor has values, all in memory."""
    return tensor.layout == torch.strided and tensor.device.type == "cpu"


def _is_sound(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(tensor.isfinite().all())


def _check_values(trainer: Trainer, tensors: Mapping[str, Tensor]) -> None:
    ends = {"labels": trainer.settings.n_clusters, "rows": len(trainer.source)}
    for name, tensor in tensors.items():
        last = name.rpartition(".")[2]
        if last == "running_var":
            _check_range(name, tensor, 0, math.inf)
        elif not tensor.is_floating_point() and last != "num_batches_tracked":
            # Numbers of clusters or samples; or places in a queue, which wrap round.
            _check_range(name, tensor, 0, ends.get(last, 2**31))


def _check_range(name: str, tensor: Tensor, least: float, end: float) -> None:
    if tensor.numel() and not (least <= tensor.min() and tensor.max() < end):
        raise ValueError(f"{name!r} holds values below {least} or from {end} on")


def _check_optimizer(optimizer: torch.optim.Optimizer, state: Any) -> None:
    own = optimizer.state_dict()["param_groups"]
    groups = state.get("param_groups") if isinstance(state, dict) else None
    if not isinstance(groups, list) or not _alike(groups, own):
        raise ValueError("its optimizer has other groups of parameters")
    if [_fixed(group) for group in groups] != [_fixed(group) for group in own]:
        raise ValueError("its optimizer has other settings")
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments = state.get("state")
    if not isinstance(moments, dict) or not moments.keys() <= set(range(len(parameters))):
        raise ValueError("its optimizer has other parameters")
    for number, values in moments.items():
        same = isinstance(values, dict) and values.keys() == MOMENTS[type(optimizer)]
        if not same or not all(
            _is_moment(name, value, parameters[number]) for name, value in values.items()
        ):
            raise ValueError(f"its optimizer does not fit parameter {number}")


def _fixed(group: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the learning rate, which every step sets."""
    return {name: value for name, value in group.items() if name != "lr"}


def _is_moment(name: str, value: Any, parameter: Tensor) -> bool:
    if name == "momentum_buffer" and value is None:
        return True
    own = torch.empty(()) if name == "step" else parameter
    return (
        isinstance(value, Tensor)
        and value.shape == own.shape
        and value.dtype == torch.float32
        and _is_plain(value)
        and _lie_alike(value, own)
        and bool((value >= 0).all() if name in ("step", "exp_avg_sq") else value.isfinite().all())
        and _is_sound(value)
    )


def _lie_alike(value: Tensor, own: Tensor) -> bool:
    """Tell whether two tensors of one shape are laid out alike: fused optimisers take it so."""
    strides = zip(value.shape, value.stride(), own.stride(), strict=True)
    return all(one == other for size, one, other in strides if size > 1)


def _alike(value: Any, own: Any) -> bool:
    """Tell whether plain values have one structure, down to the types."""
    if isinstance(own, dict):
        same = isinstance(value, dict) and value.keys() == own.keys()
        return same and all(_alike(value[name], own[name]) for name in own)
    if isinstance(own, (list, tuple)):
        same = type(value) is type(own) and len(value) == len(own)
        return same and all(map(_alike, value, own))
    return type(value) is type(own) and (not isinstance(own, float) or math.isfinite(value))
