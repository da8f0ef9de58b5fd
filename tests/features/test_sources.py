"""Networks by name, and their weights: from a file, from a cache, and from nowhere else."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torchvision import models

from skdeepcluster.features import PretrainedFeatures
from skdeepcluster.features.sources import find_source

URL = "https://download.pytorch.org/models/resnet18-f37072fd.pth"


@pytest.fixture(autouse=True)
def _empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let caches be empty and the network be away, so that whoever turns to it fails."""
    from huggingface_hub import constants

    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "huggingface"))

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError("the network is away")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    torch.hub.set_dir(before)


@pytest.fixture(scope="module")
def resnet18() -> nn.Module:
    """Return torchvision's network with random weights, running statistics of its own included."""
    torch.manual_seed(0)
    return models.resnet18(weights=None).eval()


def _expected(module: nn.Module, X: np.ndarray) -> np.ndarray:
    """Return what torchvision's own transforms, and all but the classifier, make of images."""
    preset = models.ResNet18_Weights.DEFAULT.transforms()
    trunk = nn.Sequential(*list(module.children())[:-1], nn.Flatten())
    with torch.inference_mode():
        return trunk(preset(torch.from_numpy(X.copy()).movedim(3, 1).float() / 255)).numpy()


def test_a_name_with_a_file_is_torchvisions_network_and_preset(
    photos: np.ndarray, resnet18: nn.Module, tmp_path: Path
) -> None:
    torch.save(resnet18.state_dict(), tmp_path / "own.pth")
    features = PretrainedFeatures("resnet18", weights=tmp_path / "own.pth", device="cpu")
    Z = features.fit_transform(photos[:3])
    np.testing.assert_allclose(Z, _expected(resnet18, photos[:3]), rtol=1e-3, atol=1e-4)
    assert len(features.get_feature_names_out()) == 512


def test_weights_in_the_cache_are_used_without_the_network(
    photos: np.ndarray, resnet18: nn.Module, tmp_path: Path
) -> None:
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(resnet18.state_dict(), tmp_path / "hub" / "checkpoints" / Path(URL).name)
    for weights in (None, "IMAGENET1K_V1"):
        Z = PretrainedFeatures("resnet18", weights=weights, device="cpu").transform(photos[:2])
        np.testing.assert_allclose(Z, _expected(resnet18, photos[:2]), rtol=1e-3, atol=1e-4)


def test_missing_weights_are_not_fetched_but_named(photos: np.ndarray) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        PretrainedFeatures("resnet18").fit(photos)
    for part in ("ResNet18_Weights.IMAGENET1K_V1", URL, "45 MB", "download=True", "weights=path"):
        assert part in str(caught.value)


def test_a_failed_download_says_what_and_how_to_do_without(photos: np.ndarray) -> None:
    with pytest.raises(OSError, match=rf"{URL}.*network is away.*weights=path"):
        PretrainedFeatures("resnet18", download=True).transform(photos)


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("resnet18", "IMAGENET1K_V9", "'IMAGENET1K_V1', 'DEFAULT' or a path to a file; got"),
        ("resnet18", "{tmp}/text.pth", "no file of weights"),
        ("resnet18", "{tmp}/text.safetensors", "no file of weights"),
        ("resnet18", "{tmp}/list.pth", "must hold a state dict; it holds a list"),
        ("resnet34", "{tmp}/resnet18.pth", "do not fit the network: .*layer1.2"),
        ("timm:test_resnet", "{tmp}/resnet18.pth", "do not fit the network"),
        ("timm:nonsense", None, "none of timm's"),
        ("timm:resnet18.nonsense", None, "Invalid pretrained tag"),
        ("timm:vit_tiny_patch16_224", "IMAGENET1K_V1", "weights must be None or a path to a file"),
    ],
)
def test_bad_weights_and_names_are_refused_by_name(
    photos: np.ndarray,
    resnet18: nn.Module,
    tmp_path: Path,
    name: str,
    weights: str | None,
    message: str,
) -> None:
    torch.save(resnet18.state_dict(), tmp_path / "resnet18.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    for suffix in ("pth", "safetensors"):
        (tmp_path / f"text.{suffix}").write_text("no weights")
    weights = weights and weights.format(tmp=tmp_path)
    with pytest.raises(ValueError, match=message):
        PretrainedFeatures(name, weights=weights, device="cpu").fit(photos)


def test_code_in_a_file_of_weights_is_not_run(photos: np.ndarray, tmp_path: Path) -> None:
    class Code:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "run",))

    torch.save({"weight": Code()}, tmp_path / "code.pth")
    with pytest.raises(ValueError, match="no file of weights"):
        PretrainedFeatures("resnet18", weights=tmp_path / "code.pth").fit(photos)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small", "convnext_tiny"])
def test_other_families_lose_their_classifier_too(name: str, tmp_path: Path) -> None:
    module = models.get_model(name)
    torch.save(module.state_dict(), tmp_path / "weights.pth")
    width = {"squeezenet1_1": 512, "mobilenet_v3_small": 1024, "convnext_tiny": 768}[name]
    built = find_source(name, tmp_path / "weights.pth", None, False).build().eval()
    with torch.inference_mode():
        assert built(torch.zeros(1, 3, 64, 64)).shape == (1, width)


# --- timm -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_a_name_of_timm_with_a_file_is_its_network_and_preset(
    photos: np.ndarray, tmp_path: Path, name: str
) -> None:
    module = timm.create_model(name).eval()
    torch.save(module.state_dict(), tmp_path / "weights.pth")
    Z = PretrainedFeatures(
        f"timm:{name}", weights=tmp_path / "weights.pth", device="cpu"
    ).transform(photos[:3])
    module.reset_classifier(0)
    data = timm.data.resolve_model_data_config(module)
    preset = timm.data.create_transform(**data)
    from PIL import Image

    with torch.inference_mode():
        expected = module(torch.stack([preset(Image.fromarray(photo)) for photo in photos[:3]]))
    # timm resizes bytes, which rounds to 1/255.
    np.testing.assert_allclose(Z, expected, atol=0.02 * float(expected.abs().max()))


def test_image_size_changes_a_network_of_fixed_size(photos: np.ndarray, tmp_path: Path) -> None:
    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "weights.pth")
    features = PretrainedFeatures(
        "timm:test_vit", weights=tmp_path / "weights.pth", image_size=64, device="cpu"
    )
    assert features.transform(photos[:2]).shape == (2, 64)


def test_missing_weights_of_timm_are_not_fetched_but_named(photos: np.ndarray) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        PretrainedFeatures("timm:test_vit.r160_in1k").fit(photos)
    for part in ("https://huggingface.co/timm/test_vit.r160_in1k", "download=True", "weights=path"):
        assert part in str(caught.value)


def test_weights_of_timm_in_the_cache_are_used(
    photos: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, path = timm.create_model("test_resnet"), tmp_path / "model.bin"
    torch.save(module.state_dict(), path)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda repo, file: str(path))
    Z = PretrainedFeatures("timm:test_resnet", device="cpu").transform(photos[:2])
    by_file = PretrainedFeatures("timm:test_resnet", weights=path, device="cpu")
    np.testing.assert_array_equal(Z, by_file.transform(photos[:2]))


def test_without_timm_the_error_names_the_extra(
    photos: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ImportError, match=r"skdeepcluster\[timm\]"):
        PretrainedFeatures("timm:test_vit").fit(photos)
