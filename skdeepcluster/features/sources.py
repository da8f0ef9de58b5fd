"""Where networks and their weights come from: torchvision, timm, a file, the caller."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlparse

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from skdeepcluster._text import printable
from skdeepcluster.features.preprocessing import Preprocessing

TIMM = "timm:"
# What timm looks for on the Hugging Face hub, the best first.
HUB_FILES = ("model.safetensors", "pytorch_model.bin")
MISFITS_SHOWN = 300
SCALING = ("googlenet", "inception_v3")  # which scale their images once more

Network = str | nn.Module | Callable[[], nn.Module]
Weights = str | os.PathLike[str] | None


@dataclass(frozen=True)
class Source:
    """
    A network that has been found but not yet built.

    Parameters
    ----------
    preprocessing : Preprocessing
        What it expects of images.
    build : callable
        Makes it, with its weights, on the CPU; without its classifier if it had a name.
    """

    preprocessing: Preprocessing
    build: Callable[[], nn.Module]


def find_source(
    network: Network, weights: Weights, image_size: int | None, download: bool
) -> Source:
    """
    Find a network and its weights, without building or reading them.

    Parameters
    ----------
    network : str, nn.Module or callable
        A name of torchvision's, or of timm's behind ``"timm:"``; a module, or what makes one.
    weights : str, path or None
        The name of torchvision's weights, or a file of them.
    image_size : int or None
        Side that a network of timm's that takes only one size is built for.
    download : bool
        Whether weights that are not on this machine are fetched.

    Returns
    -------
    Source
        What was found.

    Raises
    ------
    ValueError
        If there is no such network, or there are no such weights.
    FileNotFoundError
        If the weights are not on this machine and `download` is False.
    OSError
        If they cannot be fetched.
    ImportError
        If timm is asked for and missing.
    """
    if not isinstance(network, str):
        return _own(network, weights)
    if network.startswith(TIMM):
        return _of_timm(network.removeprefix(TIMM), weights, image_size, download)
    return _of_torchvision(network, weights, download)


def _own(network: nn.Module | Callable[[], nn.Module], weights: Weights) -> Source:
    path = None if weights is None else _existing(weights, "a path to a file")

    def build() -> nn.Module:
        # isinstance comes first: modules are callable as well.
        module = copy.deepcopy(network) if isinstance(network, nn.Module) else network()
        if not isinstance(module, nn.Module):
            raise TypeError(f"network must build an nn.Module; got a {type(module).__name__}.")
        return module if path is None else load_weights(module, path)

    return Source(Preprocessing(), build)


# --- torchvision ------------------------------------------------------------------------------


def _of_torchvision(name: str, weights: Weights, download: bool) -> Source:
    from torchvision import models

    if name not in models.list_models(module=models):
        raise ValueError(
            "network must be the name of a classifier of torchvision, such as 'resnet50', 'timm:' "
            f"and a name of timm's, an nn.Module or a callable that makes one; got {name!r}."
        )
    known = models.get_model_weights(name)
    named = "DEFAULT" if weights is None else weights
    if isinstance(named, str) and named in known.__members__:
        entry, path = known[named], None
        _fetched(entry.url, str(entry), f" ({entry.meta['_file_size']:.0f} MB)", download)
    else:
        names = ", ".join(repr(member) for member in known.__members__)
        entry, path = known.DEFAULT, _existing(named, f"{names} or a path to a file")

    def build() -> nn.Module:
        if path is None:
            return _without_classifier(models.get_model(name, weights=entry, progress=False))[0]
        # Without weights of its own torchvision leaves out what they expect of the images.
        further = {"transform_input": True, "init_weights": False} if name in SCALING else {}
        module, classifier = _without_classifier(models.get_model(name, weights=None, **further))
        return load_weights(module, path, classifier)

    preset = entry.transforms()
    preprocessing = Preprocessing(
        tuple(preset.mean),
        tuple(preset.std),
        preset.resize_size[0],
        preset.crop_size[0],
        preset.interpolation.value,
    )
    return Source(preprocessing, build)


def _without_classifier(module: nn.Module) -> tuple[nn.Module, str]:
    """Take away the last linear layer, which makes classes of features; return its name too."""
    linear = [name for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    if not linear:  # SqueezeNet's classifier is a convolution and the mean over space
        module.classifier = nn.AdaptiveAvgPool2d(1)
        return module, "classifier"
    owner, _, last = linear[-1].rpartition(".")
    setattr(module.get_submodule(owner), last, nn.Identity())
    return module, linear[-1]


# --- timm -------------------------------------------------------------------------------------


def _of_timm(name: str, weights: Weights, image_size: int | None, download: bool) -> Source:
    try:
        import timm
        from timm.data import resolve_data_config
    except ImportError as error:
        raise ImportError(
            f'network="{TIMM}{name}" needs timm: pip install "skdeepcluster[timm]"'
        ) from error
    try:
        config: Any = timm.get_pretrained_cfg(name, allow_unregistered=False)
    except RuntimeError as error:
        raise ValueError(
            f"network={TIMM + name!r} is none of timm's, which timm.list_pretrained() lists: "
            f"{error}"
        ) from error
    data = resolve_data_config(pretrained_cfg=config.to_dict())
    size: dict[str, Any] = {}
    if image_size is not None and config.fixed_input_size:
        size["img_size"] = int(image_size)
    if weights is None:
        path = _timm_file(config, download)
    else:
        path = _existing(weights, "None or a path to a file: timm has them in the network's name")

    def build() -> nn.Module:
        # With its classifier first, as timm then refuses what does not fit.
        known = {"state_dict": read_weights(path)}
        with _explained(path):
            module: Any = timm.create_model(
                name, pretrained=True, pretrained_cfg_overlay=known, **size
            )
        module.pretrained_cfg.pop("state_dict")
        module.reset_classifier(0)
        return cast(nn.Module, module)

    crop = data["input_size"][-1]
    preprocessing = Preprocessing(
        tuple(data["mean"]),
        tuple(data["std"]),
        math.floor(crop / data["crop_pct"]),
        crop,
        "bicubic" if data["interpolation"] == "bicubic" else "bilinear",
    )
    return Source(preprocessing, build)


def _timm_file(config: Any, download: bool) -> Path:
    """Return the file of the weights that timm publishes, fetched if that is asked for."""
    if not config.has_weights:
        raise ValueError(
            f"timm has no weights for {config.architecture!r}: add a tag, as in "
            "'timm:vit_small_patch14_dinov2.lvd142m', or give weights=path."
        )
    if not config.hf_hub_id:
        return _fetched(config.url, config.architecture, "", download)
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    names = (config.hf_hub_filename,) if config.hf_hub_filename else HUB_FILES
    for file in names:
        found = try_to_load_from_cache(config.hf_hub_id, file)
        if isinstance(found, str):
            return Path(found)
    place = f"https://huggingface.co/{config.hf_hub_id}"
    if not download:
        raise _missing(config.hf_hub_id, "the cache of the Hugging Face hub", place)
    with _fetching(place):
        return Path(hf_hub_download(config.hf_hub_id, names[0]))


# --- files ------------------------------------------------------------------------------------


def load_weights(module: nn.Module, path: Path, classifier: str = "") -> nn.Module:
    """
    Fill a network with the weights of a file, all of them.

    Parameters
    ----------
    module : nn.Module
        The network.
    path : Path
        The file.
    classifier : str, default=""
        Name of a part that was taken away, whose weights are passed over.

    Returns
    -------
    nn.Module
        The network.

    Raises
    ------
    ValueError
        If the file holds no weights, or others than the network's.
    """
    state = read_weights(path)
    if classifier:
        state = {k: v for k, v in state.items() if not k.startswith(f"{classifier}.")}
    with _explained(path):
        module.load_state_dict(state)
    return module


def read_weights(path: Path) -> dict[str, Any]:
    """
    Read a state dict, without running code that the file may hold.

    Parameters
    ----------
    path : Path
        A file of safetensors, by its suffix, or of `torch.save`; the state dict may stand under
        ``"state_dict"`` or ``"model"`` there.

    Returns
    -------
    dict
        Tensors by name, on the CPU.

    Raises
    ------
    ValueError
        If the file is another.
    """
    state: Any
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # of many kinds: of pickle, zipfile, safetensors and torch
        reason = printable(str(error).partition("\n")[0].partition(". ")[0])
        raise ValueError(f"weights={str(path)!r} is no file of weights: {reason}") from error
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not any(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(
            f"weights={str(path)!r} must hold a state dict; it holds a {type(state).__name__}."
        )
    return state


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say which file it was that does not fit."""
    try:
        yield
    except RuntimeError as error:
        reason = printable(str(error))[:MISFITS_SHOWN]
        raise ValueError(f"weights={str(path)!r} do not fit the network: {reason} ...") from error


def _existing(weights: Any, rule: str) -> Path:
    path = Path(weights).expanduser()
    if not path.is_file():
        raise ValueError(f"weights must be {rule}; got {str(weights)!r}, which is no file.")
    return path


def _fetched(url: str, name: str, size: str, download: bool) -> Path:
    """Return the file in torch's cache, fetched if that is asked for."""
    path = Path(torch.hub.get_dir(), "checkpoints", os.path.basename(urlparse(url).path))
    if path.is_file():
        return path
    if not download:
        raise _missing(name, repr(str(path)), url, size)
    with _fetching(url):
        torch.hub.load_state_dict_from_url(url, progress=False, check_hash=True, weights_only=True)
    return path


def _missing(name: str, cache: str, place: str, size: str = "") -> FileNotFoundError:
    return FileNotFoundError(
        f"The weights {name} are not on this machine: they are not in {cache}. download=True "
        f"fetches them once from {place}{size}; weights=path takes them from a file."
    )


@contextmanager
def _fetching(place: str) -> Iterator[None]:
    """Say what could not be fetched, and what to do."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # the latter of a file that is not the one expected
        raise OSError(
            f"The weights could not be fetched from {place}: {printable(str(error))} weights=path "
            "takes them from a file."
        ) from error
