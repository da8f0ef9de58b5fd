"""Features of frozen networks: which images, which numbers, which files, and what is refused."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import joblib
import numpy as np
import pytest
import torch
import zarr
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)
from torch import nn

from skdeepcluster import CLC
from skdeepcluster.data.samples import read_samples
from skdeepcluster.features import PretrainedFeatures, pretrained
from skdeepcluster.features.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from skdeepcluster.features.sources import find_source

N_BUILT: list[int] = []


class Tiny(nn.Sequential):
    """A network of maps that takes images of any size, and notes when it is built."""

    def __init__(self) -> None:
        N_BUILT.append(1)
        super().__init__(nn.Conv2d(3, 8, 1), nn.ReLU())


def _features(network: Any = Tiny, **parameters: Any) -> PretrainedFeatures:
    return PretrainedFeatures(network, **{"device": "cpu", "batch_size": 7, **parameters})


def _by_hand(module: nn.Module, X: np.ndarray) -> np.ndarray:
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    batch = ((torch.from_numpy(np.array(X)).double() / 255 - mean) / std).movedim(3, 1).float()
    with torch.no_grad():
        return module(batch).mean((2, 3)).numpy()


# --- what comes out ---------------------------------------------------------------------------


def test_features_are_the_mean_over_space_of_what_the_module_makes(photos: np.ndarray) -> None:
    module = Tiny()
    Z = _features(module).transform(photos)
    assert Z.shape == (24, 8)
    assert Z.dtype == np.float32
    np.testing.assert_allclose(Z, _by_hand(module, photos), atol=1e-6)


def test_every_layout_and_dtype_of_the_same_images_gives_the_same(photos: np.ndarray) -> None:
    expected = _features().transform(photos)
    first = np.moveaxis(photos, 3, 1)
    for X, options in [
        (first, {}),
        (torch.from_numpy(photos.copy()), {}),
        (photos.reshape(24, -1), {"image_shape": (10, 12, 3)}),
        (photos.astype(np.uint16) * 257, {}),
        ((photos / 255).astype(np.float32), {}),
        (photos / 255, {}),
        (photos.astype(np.int64), {"value_range": (0, 255)}),
        (photos * 2.0 - 255, {"value_range": (-255, 255)}),
    ]:
        np.testing.assert_allclose(_features(**options).transform(X), expected, atol=2e-6)


def test_grey_images_count_as_colour_images_without_colour(photos: np.ndarray) -> None:
    grey = photos[..., 0]
    colour = np.repeat(grey[..., None], 3, axis=3)
    np.testing.assert_allclose(
        _features().transform(grey), _features().transform(colour), atol=1e-6
    )


def test_sliced_containers_are_read_batch_by_batch(photos: np.ndarray, tmp_path: Path) -> None:
    expected = _features().transform(photos)
    with h5py.File(tmp_path / "photos.h5", "w") as file:
        stored = file.create_dataset("X", data=photos, chunks=(5, 10, 12, 3))
        np.testing.assert_array_equal(_features().transform(stored), expected)
    chunked = zarr.create_array(str(tmp_path / "photos.zarr"), shape=photos.shape, dtype="u1")
    chunked[:] = photos
    np.testing.assert_array_equal(_features().transform(chunked), expected)


def test_a_sample_does_not_depend_on_its_batch(photos: np.ndarray) -> None:
    one = _features(batch_size=1).transform(photos)
    np.testing.assert_allclose(one, _features(batch_size="auto").transform(photos), atol=1e-6)
    np.testing.assert_allclose(one[3:5], _features().transform(photos[3:5]), atol=1e-6)


def test_image_size_takes_the_middle_square_at_that_side() -> None:
    X = np.zeros((2, 20, 40, 3), np.uint8)
    X[:, :, :10], X[:, :, 30:] = 255, 255  # beyond the middle
    seen: list[torch.Size] = []

    class Looks(nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            seen.append(batch.shape)
            return batch.amax((2, 3))

    network = nn.Sequential(Looks())
    Z = _features(lambda: network, image_size=10, mean=[0, 0, 0], std=[1, 1, 1]).transform(X)
    assert set(seen) == {torch.Size([2, 3, 10, 10])}
    assert Z.max() < 0.3  # the antialiased edge


@pytest.mark.parametrize("n_channels", [1, 5])
def test_a_network_of_other_channels_says_so_by_mean_and_std(n_channels: int) -> None:
    X = np.random.default_rng(0).random((4, 8, 8, n_channels))
    module = nn.Conv2d(n_channels, 2, 3)
    Z = _features(
        module, channel_axis="last", mean=[0.5] * n_channels, std=[0.25] * n_channels
    ).transform(X)
    with torch.no_grad():
        expected = module(torch.from_numpy((X - 0.5) / 0.25).movedim(3, 1).float()).mean((2, 3))
    np.testing.assert_allclose(Z, expected, atol=1e-5)


def test_lower_precision_gives_nearly_the_same_in_float32(photos: np.ndarray) -> None:
    exact = _features().transform(photos)
    rough = _features(precision="bfloat16").transform(photos)
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 0.02 * np.abs(exact).max()


def test_threads_share_a_transformer(photos: np.ndarray) -> None:
    features = _features()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(features.transform, [photos] * 8))
    for result in results:
        np.testing.assert_array_equal(result, results[0])


def test_callers_modes_and_defaults_do_not_matter_and_stay(photos: np.ndarray) -> None:
    expected = _features().transform(photos)
    state = torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        features = _features()
        assert len(features.fit(photos).get_feature_names_out()) == 8
        np.testing.assert_array_equal(features.transform(photos), expected)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.get_rng_state(), state)


# --- the network ------------------------------------------------------------------------------


def test_the_callers_module_stays_as_it_is_and_is_read_anew(photos: np.ndarray) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).double().train()
    before = copy.deepcopy(module.state_dict())
    features = _features(module).fit(photos)
    first = features.transform(photos)
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())
    for name, value in module.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.equal(value, before[name])
    with torch.no_grad():
        module[1].bias += 1
    np.testing.assert_allclose(features.transform(photos), first + 1, atol=1e-5)


def test_a_callable_is_built_once_and_always_with_the_same_weights(photos: np.ndarray) -> None:
    N_BUILT.clear()
    features = _features()
    first = features.fit(photos).transform(photos)
    features.transform(photos)
    assert len(N_BUILT) == 1
    np.testing.assert_array_equal(clone(features).transform(photos), first)


def test_another_network_takes_the_place_of_the_one_before(photos: np.ndarray) -> None:
    features = _features().fit(photos)
    assert features.set_params(network=lambda: nn.Conv2d(3, 2, 1)).transform(photos).shape == (
        24,
        2,
    )


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_of_a_module_come_from_a_file(
    photos: np.ndarray, tmp_path: Path, suffix: str
) -> None:
    from safetensors.torch import save_file

    module, path = Tiny(), tmp_path / f"weights.{suffix}"
    (save_file if suffix == "safetensors" else torch.save)(module.state_dict(), path)
    Z = _features(weights=path).transform(photos)
    np.testing.assert_array_equal(Z, _features(module).transform(photos))


def test_a_state_dict_may_stand_under_its_usual_name(photos: np.ndarray, tmp_path: Path) -> None:
    module = Tiny()
    torch.save({"epoch": 3, "state_dict": module.state_dict()}, tmp_path / "checkpoint.pth")
    Z = _features(weights=str(tmp_path / "checkpoint.pth")).transform(photos)
    np.testing.assert_array_equal(Z, _features(module).transform(photos))


# --- scikit-learn -----------------------------------------------------------------------------


@pytest.fixture
def _rows_are_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read rows of whatever length as images one pixel high: the checks have rows of many."""

    def read(X: Any, image_shape: Any, channel_axis: str, **options: Any) -> Any:
        shape = getattr(X, "shape", None) or np.asarray(X).shape
        image_shape = (1, shape[1]) if len(shape) == 2 and shape[1] else None
        return read_samples(X, image_shape, channel_axis, **options)

    monkeypatch.setattr(pretrained, "read_samples", read)


FOR_CHECKS = _features(image_shape=(1, 2), value_range=(-1e5, 1e5))


@pytest.mark.usefixtures("_rows_are_images")
@parametrize_with_checks([FOR_CHECKS])
def test_sklearn_check(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.usefixtures("_rows_are_images")
@pytest.mark.parametrize(
    "check",
    [
        check_param_validation,
        check_set_output_transform,
        check_set_output_transform_pandas,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
    ],
)
def test_further_sklearn_check(check: Any) -> None:
    check("PretrainedFeatures", FOR_CHECKS)


def test_tags_tell_what_it_takes() -> None:
    tags = PretrainedFeatures().__sklearn_tags__()
    assert not tags.requires_fit
    assert tags.input_tags.three_d_array
    assert not tags.input_tags.two_d_array
    assert not tags.no_validation
    assert PretrainedFeatures(image_shape=(8, 8)).__sklearn_tags__().input_tags.two_d_array


def test_transform_needs_no_fit_and_fit_ties_it_to_no_size(photos: np.ndarray) -> None:
    unfitted = _features().transform(photos)
    fitted = _features().fit(photos)
    np.testing.assert_array_equal(fitted.transform(photos), unfitted)
    assert fitted.image_shape_ == (3, 10, 12)
    assert fitted.transform(photos[:, :6, :7]).shape == (24, 8)


def test_names_are_known_without_fit_where_the_size_is(photos: np.ndarray) -> None:
    names = [f"pretrainedfeatures{i}" for i in range(8)]
    assert _features(image_size=8).get_feature_names_out().tolist() == names
    frame = _features(image_size=8).set_output(transform="pandas").transform(photos)
    assert frame.columns.tolist() == names
    with pytest.raises(NotFittedError):
        _features().get_feature_names_out()


def test_a_pickle_has_the_callers_module_once_and_no_other(photos: np.ndarray) -> None:
    module = nn.Conv2d(3, 1000, 3)
    features = _features(module).fit(photos)
    data = pickle.dumps(features)
    assert len(data) < 1.1 * len(pickle.dumps(module))
    np.testing.assert_array_equal(pickle.loads(data).transform(photos), features.transform(photos))
    by_function = _features().fit(photos)
    assert len(pickle.dumps(by_function)) < 1000
    assert set(by_function.get_params()) == set(_features().get_params())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_pipeline_clusters_photos_and_is_saved_whole(photos: np.ndarray, tmp_path: Path) -> None:
    model = make_pipeline(_features(), CLC(n_clusters=2, max_epochs=1, random_state=0))
    model.set_output(transform="pandas")
    labels = model.fit_predict(photos)
    assert labels.shape == (24,)
    joblib.dump(model, tmp_path / "model.joblib")
    np.testing.assert_array_equal(
        joblib.load(tmp_path / "model.joblib").predict(photos), model.predict(photos)
    )


class _Counted(PretrainedFeatures):
    """Notes how often features are computed by `fit_transform`."""

    n_computed = 0

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        type(self).n_computed += 1
        return super().fit_transform(X, y, **fit_params)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_search_with_memory_computes_features_once_a_fold(
    photos: np.ndarray, tmp_path: Path
) -> None:
    torch.save(Tiny().state_dict(), tmp_path / "weights.pth")
    features = _Counted(Tiny, weights=tmp_path / "weights.pth", device="cpu")
    pipeline = make_pipeline(features, CLC(n_clusters=2, max_epochs=1), memory=str(tmp_path))
    grid = {"clc__lr": [1e-3, 2e-3, 3e-3]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(photos)
    assert _Counted.n_computed == 3  # two folds, and the whole
    assert search.predict(photos).shape == (24,)


# --- where features go ------------------------------------------------------------------------


def test_a_file_is_written_whole_and_never_over_another(photos: np.ndarray, tmp_path: Path) -> None:
    expected, path = _features().transform(photos), tmp_path / "features.npy"
    Z = _features(out=path).transform(photos)
    assert isinstance(Z, np.memmap)
    np.testing.assert_array_equal(Z, expected)
    np.testing.assert_array_equal(np.load(path), expected)
    N_BUILT.clear()
    with pytest.raises(FileExistsError, match=r"features\.npy"):
        _features(out=path).transform(photos)
    assert not N_BUILT
    _features(out=str(path), overwrite=True).transform(photos[:5])
    np.testing.assert_allclose(np.load(path), expected[:5], atol=1e-6)


def test_a_run_that_fails_leaves_no_file(photos: np.ndarray, tmp_path: Path) -> None:
    class Fails(nn.Module):
        n_batches = 0

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            self.n_batches += 1
            return batch.mean((2, 3)) / (self.n_batches < 3)

    with pytest.raises(ValueError, match="NaN or infinity for sample 14"):
        _features(Fails, out=tmp_path / "features.npy").transform(photos)
    assert not list(tmp_path.iterdir())


def test_an_array_of_the_callers_is_filled(photos: np.ndarray, tmp_path: Path) -> None:
    out = np.lib.format.open_memmap(tmp_path / "out.npy", "w+", np.float32, (24, 8))
    assert _features(out=out).transform(photos) is out
    np.testing.assert_array_equal(out, _features().transform(photos))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((24, 8)), ValueError, "out must be a writable float32 array"),
        (np.zeros((24, 9), np.float32), ValueError, r"shape of the features, \(24, 8\)"),
        ("no/such/folder/features.npy", FileNotFoundError, "no such folder"),
        (Path.cwd(), IsADirectoryError, "must be a file; it is a folder"),
        (3, ValueError, "The 'out' parameter"),
    ],
)
def test_places_that_cannot_be_written_are_refused(
    photos: np.ndarray, out: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        _features(out=out, overwrite=True).transform(photos)


def test_a_progress_bar_is_shown_only_if_asked_for(photos: np.ndarray, capsys: Any) -> None:
    _features().transform(photos)
    assert capsys.readouterr() == ("", "")
    _features(verbose=1).transform(photos)
    assert "24/24" in capsys.readouterr().err


# --- what is refused --------------------------------------------------------------------------


def _images(*shape: int, dtype: Any = np.uint8) -> np.ndarray:
    return np.ones(shape, dtype)


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (_images(4, 64), {}, "rows of 64 values. Set image_shape"),
        (_images(4, 8, 8, 4), {}, "3 channels, or grey ones.*got 4 channels"),
        (_images(4, 8, 8) * 1.5, {}, r"\[0, 1\]; sample 0 holds values from 1.5 to 1.5"),
        (_images(4, 8, 8) * -0.5, {}, "value_range"),
        (_images(4, 8, 8, dtype=np.int32), {}, "dtype int32.*value_range"),
        (_images(4, 8, 8), {"value_range": (1, 0)}, "low < high; got"),
        (_images(4, 8, 8), {"value_range": (5, 9)}, r"X must lie in \[5, 9\]"),
        (_images(4, 8, 8), {"value_range": "bytes"}, "'value_range' parameter"),
        (_images(4, 8, 8), {"mean": [0.5]}, "one number per channel each; got 1 and 3"),
        (_images(4, 8, 8), {"std": [1, 0, 1]}, "std must be positive"),
        (_images(4, 8, 8), {"mean": ["a", 0, 1]}, "mean must be a sequence of numbers"),
        (_images(4, 8, 8), {"std": [1, np.inf, 1]}, "std must be a sequence of finite numbers"),
        (_images(4, 8, 8) * np.nan, {}, "contains NaN"),
        (_images(4, 8, 8), {"device": "cuda:99"}, "device must be present"),
        (_images(4, 8, 8), {"batch_size": 0}, "'batch_size' parameter"),
        (_images(4, 8, 8), {"network": "resnet51"}, "name of a classifier of torchvision"),
        (_images(4, 8, 8), {"network": nn.Flatten(0)}, "must map images .* to vectors"),
        (_images(4, 2, 2), {"network": nn.Conv2d(3, 4, 5)}, r"images of shape \(3, 2, 2\)"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "transform"])
def test_bad_input_is_refused_by_name(
    X: np.ndarray, options: dict[str, Any], message: str, method: str
) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(_features(**options), method)(X)


def test_what_builds_no_module_is_refused(photos: np.ndarray) -> None:
    with pytest.raises(TypeError, match="network must build"):
        _features(lambda: 3).fit(photos)


def test_frames_whose_columns_cannot_be_named_are_refused_before_the_work(tmp_path):
    out = tmp_path / "out.npy"
    model = PretrainedFeatures(Tiny(), device="cpu", out=out).set_output(transform="pandas")
    with pytest.raises(NotFittedError, match="call fit first"):
        model.transform(np.zeros((4, 8, 8, 3), np.uint8))
    assert not out.exists()


def test_images_after_rows_leave_no_number_of_columns():
    rows, images = np.zeros((4, 192), np.uint8), np.zeros((4, 6, 6, 3), np.uint8)
    model = PretrainedFeatures(Tiny(), device="cpu", image_shape=(8, 8, 3)).fit(rows)
    assert model.n_features_in_ == 192
    model.set_params(image_shape=None).fit(images)
    assert not hasattr(model, "n_features_in_")


def test_a_value_that_rounding_takes_out_of_the_range_is_taken():
    images = np.full((1, 8, 8, 3), 1 + 2**-52)
    assert np.isfinite(PretrainedFeatures(Tiny(), device="cpu").transform(images)).all()


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_networks_from_a_file_scale_images_as_those_by_name_do(name, monkeypatch, tmp_path):
    asked = {}

    def get_model(name, **further):
        asked.update(further)
        raise RuntimeError

    (tmp_path / "w.pth").touch()
    monkeypatch.setattr("torchvision.models.get_model", get_model)
    with pytest.raises(RuntimeError):
        find_source(name, tmp_path / "w.pth", None, False).build()
    assert asked["transform_input"]
