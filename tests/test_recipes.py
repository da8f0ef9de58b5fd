"""The papers' settings: right numbers, valid parameters, and plain words on what is not theirs."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import skdeepcluster
from skdeepcluster.augmentation import ImageAugmentation
from skdeepcluster.recipes import Recipe, known_recipes, recipe

PAIRS = known_recipes()
SMALL = {"n_clusters": 3, "max_epochs": 1, "batch_size": 6, "random_state": 0}


def distinct():
    """List the first of all pairs with the same settings but for those that `SMALL` replaces."""
    first = {}
    for method, data in PAIRS:
        kept = {name: value for name, value in recipe(method, data).items() if name not in SMALL}
        first.setdefault((method, repr(sorted(kept.items()))), (method, data))
    return list(first.values())


def build(settings):
    return getattr(skdeepcluster, settings.method)(**settings)


def test_which_pairs_are_known():
    small = ["cifar10", "cifar20", "stl10", "imagenet10", "imagenet_dogs"]
    expected = {
        "cc": [*small, "tiny_imagenet"],
        "tcc": small,
        "clc": ["cifar10", "cifar20", "imagenet"],
        "propos": [*small, "imagenet"],
    }
    assert [(method, data) for method, found in expected.items() for data in found] == PAIRS


@pytest.mark.parametrize(("method", "data"), PAIRS)
def test_parameters_are_valid(method, data):
    settings = recipe(method, data)
    model = build(settings)
    model._validate_params()
    assert model.get_params().items() >= settings.items()
    if isinstance(model.augmentation, ImageAugmentation):
        model.augmentation.validate()


@pytest.mark.parametrize(("method", "data"), distinct())
def test_an_epoch_on_tiny_images(method, data):
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    model = build(recipe(method, data)).set_params(**SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(images)
    assert np.isfinite(model.history_[0]["loss"])
    assert model.labels_.shape == (12,)


@pytest.mark.parametrize(("method", "data"), PAIRS)
def test_what_is_said_beside_the_parameters(method, data):
    settings = recipe(method, data)
    assert settings.data == data
    assert settings.image_size in {32, 96, 224}
    assert settings.reconstructed <= settings.keys()
    assert all(0 < value < 1 for value in settings.results.values())
    assert all(note.endswith(".") and "  " not in note for note in settings.notes)
    assert len(set(settings.notes)) == len(settings.notes) > 1


@pytest.mark.parametrize(
    ("method", "data", "expected"),
    [
        ("cc", "cifar10", {"lr": 3e-4, "batch_size": 256, "optimizer": "adam", "n_clusters": 10}),
        ("cc", "tiny_imagenet", {"n_clusters": 200, "warmup_epochs": 0, "lr_schedule": "constant"}),
        ("tcc", "cifar20", {"momentum": 0.999, "queue_length": 16384, "jitter": 0.05}),
        ("clc", "cifar10", {"swapped_weight": 0.0, "temperature": 0.5, "lr": 0.05}),
        ("clc", "imagenet", {"backbone": "resnet50", "n_clusters": 1000, "batch_size": 1024}),
        ("propos", "cifar10", {"batch_size": 512, "lr": 0.1, "momentum_schedule": "constant"}),
        (
            "propos",
            "cifar20",
            {"batch_size": 256, "balanced_sampling": True, "momentum_schedule": "cosine"},
        ),
        ("propos", "imagenet_dogs", {"n_clusters": 15, "momentum": 0.996, "hidden_dim": 4096}),
        ("propos", "imagenet", {"scattering_weight": 0.001, "noise": 1e-4, "momentum": 0.99}),
    ],
)
def test_published_numbers(method, data, expected):
    settings = recipe(method, data)
    assert {name: settings[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("method", "data", "nmi", "acc", "ari"),
    [
        ("cc", "cifar10", 0.705, 0.790, 0.637),
        ("cc", "imagenet_dogs", 0.445, 0.429, 0.274),
        ("tcc", "stl10", 0.732, 0.814, 0.689),
        ("propos", "cifar10", 0.886, 0.943, 0.884),
        ("propos", "imagenet10", 0.896, 0.956, 0.906),
    ],
)
def test_published_results(method, data, nmi, acc, ari):
    assert recipe(method, data).results == {"NMI": nmi, "ACC": acc, "ARI": ari}


def test_results_that_are_not_known_are_not_given():
    assert recipe("clc", "cifar10").results == {}
    assert recipe("clc", "imagenet").results == {"ACC": 0.534}
    assert recipe("propos", "imagenet").results == {"AMI": 0.525}


@pytest.mark.parametrize(
    ("method", "data", "jitter", "hue", "blur"),
    [
        ("cc", "cifar10", 0.4, 0.1, 0.0),
        ("cc", "stl10", 0.8, 0.2, 0.0),
        ("cc", "imagenet10", 0.8, 0.2, 0.5),
        ("propos", "cifar10", 0.4, 0.1, 0.0),
        ("propos", "imagenet_dogs", 0.4, 0.1, 0.5),
    ],
)
def test_published_augmentation(method, data, jitter, hue, blur):
    augmentation = recipe(method, data)["augmentation"]
    assert augmentation.crop_scale == (0.08, 1.0)
    assert augmentation.flip_probability == 0.5
    assert augmentation.brightness == augmentation.contrast == augmentation.saturation == jitter
    assert (augmentation.hue, augmentation.blur_probability) == (hue, blur)
    assert (augmentation.jitter_probability, augmentation.grayscale_probability) == (0.8, 0.2)


@pytest.mark.parametrize(("method", "data"), PAIRS)
def test_reconstructed_methods_mark_everything(method, data):
    settings = recipe(method, data)
    if method in ("tcc", "clc"):
        assert settings.reconstructed == settings.keys() - {"n_clusters"}
        assert any("published no code" in note for note in settings.notes)
    else:
        assert "lr" not in settings.reconstructed or data in ("stl10", "imagenet10")


@pytest.mark.parametrize("data", ["cifar10", "stl10", "imagenet10", "imagenet"])
def test_propos_notes_warn_of_the_weight_on_one_gpu(data):
    assert any("scattering_weight is" in note for note in recipe("propos", data).notes)


@pytest.mark.parametrize("data", ["cifar20", "imagenet_dogs"])
def test_propos_notes_tell_of_the_second_version(data):
    notes = recipe("propos", data).notes
    assert any("second version" in note for note in notes)
    assert not any("acts like" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("CC", "cc"),
        ("ContrastiveClustering", "cc"),
        ("twin_contrast_clustering", "tcc"),
        ("CDC", "clc"),
        ("clc", "clc"),
        ("ProPos", "propos"),
    ],
)
@pytest.mark.parametrize("data", ["cifar10", "CIFAR-10"])
def test_names_are_read_leniently(name, method, data):
    found, plain = recipe(name, data), recipe(method, "cifar10")
    assert (found.method, found.data) == (plain.method, plain.data)


def test_class_names_are_names():
    for name in skdeepcluster.methods.__all__:
        assert recipe(name, "cifar10").method == name


@pytest.mark.parametrize(
    ("method", "data"), [("simclr", "cifar10"), ("propos", "tiny_imagenet"), ("clc", "mnist")]
)
def test_an_unknown_pair_is_refused_with_what_is_known(method, data):
    with pytest.raises(ValueError, match="'propos' with cifar10") as error:
        recipe(method, data)
    assert repr(method) in str(error.value)
    assert repr(data) in str(error.value)


def test_a_recipe_is_the_callers_own():
    first = recipe("propos", "cifar10")
    first["lr"] = 7.0
    first["augmentation"].hue = 0.0
    first.results["ACC"] = 1.0
    second = recipe("propos", "cifar10")
    assert (second["lr"], second["augmentation"].hue, second.results["ACC"]) == (0.1, 0.1, 0.943)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
def test_copies_keep_everything(duplicate):
    first = recipe("tcc", "cifar10")
    second = duplicate(first)
    assert isinstance(second, Recipe)
    assert second.keys() == first.keys()
    assert (second.notes, second.reconstructed) == (first.notes, first.reconstructed)


def test_every_parameter_is_the_estimators():
    for method, data in PAIRS:
        settings = recipe(method, data)
        signature = inspect.signature(getattr(skdeepcluster, settings.method))
        assert settings.keys() <= signature.parameters.keys()


def _row(method, data):
    settings = recipe(method, data)
    found = [settings.results.get(score) for score in ("NMI", "ACC", "ARI")]
    cells = ["" if value is None else f"{value:.3f}" for value in found]
    return ", ".join([f"``{method}``", f"``{data}``", str(settings.image_size), *cells]).rstrip()


def test_the_guide_shows_every_recipe():
    guide = Path(__file__).parents[1].joinpath("docs", "recipes.rst").read_text()
    for pair in PAIRS:
        assert f"   {_row(*pair)}\n" in guide
