"""What every estimator promises beyond scikit-learn's checks."""

from __future__ import annotations

import math
import pickle
import random
import warnings
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from comparing import without_times
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from strategies import tiny

from skdeepcluster import ContrastiveClustering, load
from skdeepcluster.augmentation import ImageAugmentation, VectorAugmentation
from skdeepcluster.fitting.attributes import _directions
from skdeepcluster.fitting.doubts import warn_if_doubtful

HISTORY_KEYS = {
    "epoch",
    "loss",
    "lr",
    "seconds",
    "images_per_second",
    "cluster_entropy",
    "largest_share",
    "changed_labels",
    "confidence",
    "spread",
}


def weights(model):
    return {k: v.cpu().numpy() for k, v in model._model.model.state_dict().items()}


def cosine(done):
    """Return the share of the peak that is left of the learning rate after a part of its fall."""
    return 0.005 + 0.995 * (1 + math.cos(math.pi * done)) / 2


def test_fitted_attributes_agree_with_each_other(fitted, digits):
    model = fitted
    n, k = len(digits), model.n_clusters_
    assert model.labels_.shape == (n,)
    assert model.labels_.dtype == np.int64
    assert set(model.labels_) == set(range(k))
    np.testing.assert_array_equal(model.labels_, model.predict(digits))
    probabilities, embedding = model.predict_proba(digits), model.transform(digits)
    assert probabilities.shape == (n, k)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), model.labels_)
    assert embedding.dtype == np.float32
    assert embedding.shape == (n, model.cluster_centers_.shape[1])
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)
    assert model.cluster_centers_.shape[0] == k
    assert 0 <= model.view_agreement_ <= 1
    assert model.cluster_trust_.shape == (k,)
    assert np.nanmin(model.cluster_trust_) >= 0
    assert np.nanmax(model.cluster_trust_) <= 1
    np.testing.assert_allclose(np.linalg.norm(model.cluster_centers_, axis=1), 1, atol=1e-5)
    most = math.log(k)
    assert -2 * most <= model.score(digits) <= most
    assert len(model.get_feature_names_out()) == embedding.shape[1]


def test_history_has_one_entry_an_epoch_with_every_key(quick, rows):
    model = quick(max_epochs=3).fit(rows)
    assert model.n_epochs_ == len(model.history_) == 3
    for number, entry in enumerate(model.history_, start=1):
        terms = [value for name, value in entry.items() if name.startswith("loss_")]
        assert set(entry) >= HISTORY_KEYS
        assert entry["epoch"] == number
        assert terms
        assert entry["loss"] == pytest.approx(sum(terms))
        assert 0 <= entry["cluster_entropy"] <= 1
        assert 1 / 3 <= entry["largest_share"] <= 1
        assert 0 <= entry["changed_labels"] <= 1
        assert 1 / 3 <= entry["confidence"] <= 1
        assert entry["images_per_second"] * entry["seconds"] == pytest.approx(60)


@pytest.mark.parametrize(
    ("warmup_epochs", "expected"),
    [(1, [1, cosine(1 / 6), cosine(3 / 6), cosine(5 / 6)]), (3, [2 / 6, 4 / 6, 1, cosine(1 / 2)])],
)
def test_the_learning_rate_rises_and_falls_along_a_cosine(rows, warmup_epochs, expected):
    """An epoch has two steps, of which the history has the second's rate."""
    settings = {"max_epochs": 4, "batch_size": 32, "warmup_epochs": warmup_epochs, "lr": 0.01}
    model = ContrastiveClustering(3, random_state=0, **settings).fit(rows)
    rates = [entry["lr"] / 0.01 for entry in model.history_]
    assert rates == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["images", "vectors"])
def test_the_same_seed_gives_the_same_model(quick, small, rows, kind):
    X = small if kind == "images" else rows
    first, second, other = (quick(random_state=seed).fit(X) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.labels_, second.labels_)
    np.testing.assert_array_equal(first.cluster_centers_, second.cluster_centers_)
    assert without_times(first.history_) == without_times(second.history_)
    for name, value in weights(first).items():
        np.testing.assert_array_equal(value, weights(second)[name], err_msg=name)
    assert without_times(first.history_) != without_times(other.history_)


def test_a_random_state_instance_moves_on(quick, rows):
    state = np.random.RandomState(0)
    first = quick(random_state=state).fit(rows)
    second = quick(random_state=state).fit(rows)
    assert without_times(first.history_) != without_times(second.history_)


def test_nothing_global_changes(quick, small):
    def state():
        return (
            random.getstate(),
            [str(part) for part in np.random.get_state()],  # noqa: NPY002
            torch.get_rng_state().tolist(),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cudnn.benchmark,
            torch.is_autocast_enabled("cpu"),
        )

    before, X = state(), small.copy()
    for seed in (0, None):
        model = quick(random_state=seed).fit(X)
        model.predict(X), model.transform(X), model.score(X)
    assert state() == before
    np.testing.assert_array_equal(X, small)


def test_a_failed_fit_keeps_the_fitted_model(quick, rows, monkeypatch):
    model = quick().fit(rows)
    labels, expected = model.labels_.copy(), model.transform(rows)

    def interrupt(*_):
        raise KeyboardInterrupt

    for warm in (False, True):
        model.set_params(warm_start=warm)
        monkeypatch.setattr("skdeepcluster.training.callbacks.EpochWatch.begin_epoch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.fit(rows)
        np.testing.assert_array_equal(model.labels_, labels)
        np.testing.assert_array_equal(model.transform(rows), expected)


def test_prediction_does_not_depend_on_the_batch(fitted, digits):
    together = fitted.predict_proba(digits)
    alone = np.concatenate([fitted.predict_proba(image[None]) for image in digits])
    shuffled = fitted.predict_proba(digits[::-1])[::-1]
    # Probabilities are the steeper, the lower their temperature.
    rounding = 1e-5 / min(1.0, fitted._model.temperature)
    np.testing.assert_allclose(together, alone, atol=rounding)
    np.testing.assert_allclose(together, shuffled, atol=rounding)


def test_threads_predict_as_one(fitted, digits):
    expected = fitted.transform(digits)
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(lambda _: fitted.transform(digits), range(16)):
            np.testing.assert_array_equal(result, expected)


def test_fits_in_threads_equal_serial_fits(quick, small):
    def fit(seed):
        return quick(random_state=seed, max_epochs=1).fit(small)

    serial = [fit(seed) for seed in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        threaded = list(pool.map(fit, (0, 1)))
    for one, other in zip(serial, threaded, strict=True):
        np.testing.assert_array_equal(one.labels_, other.labels_)
        np.testing.assert_array_equal(one.cluster_centers_, other.cluster_centers_)


def test_pickles_are_small_and_equal(quick, digits):
    fitted = quick(device="cpu").fit(digits)  # where pickles are opened
    dump = pickle.dumps(fitted)
    loaded = pickle.loads(dump)
    np.testing.assert_array_equal(loaded.transform(digits), fitted.transform(digits))
    np.testing.assert_array_equal(loaded.labels_, fitted.labels_)
    stored = sum(value.nbytes for value in weights(fitted).values())
    assert len(dump) <= 1.2 * stored + 20_000


@pytest.mark.parametrize("n", [2, 3])
def test_as_many_clusters_as_samples(quick, n):
    X = np.random.default_rng(0).integers(0, 255, (n, 6, 6), dtype=np.uint8)
    model = quick(n_clusters=n).fit(X)
    assert model.labels_.shape == (n,)
    assert np.isfinite([entry["loss"] for entry in model.history_]).all()


def test_centers_have_unit_length_even_where_members_cancel_out():
    sums = np.array([[3.0, 0, 4], [0, 0, 0], [1e-20, 0, 0]])
    np.testing.assert_allclose(_directions(sums), [[0.6, 0, 0.8], [1, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize("one", [1, True, np.uint8(1)])
def test_one_cluster_takes_everything(quick, rows, one):
    model = quick(n_clusters=one).fit(rows)
    assert model.n_clusters_ == 1
    assert set(model.labels_) == {0}
    assert model.score(rows) == 0
    assert np.isfinite([entry["loss"] for entry in model.history_]).all()


def test_empty_clusters_are_left_out_and_said(quick, rows):
    X = np.repeat(rows[:5], 12, axis=0)
    with pytest.warns(ConvergenceWarning, match=r"Only \d+ of n_clusters=50 clusters"):
        model = quick(n_clusters=50).fit(X)
    assert model.n_clusters_ <= 5
    assert set(model.labels_) == set(range(model.n_clusters_))
    assert model.predict_proba(X).shape == (len(X), model.n_clusters_)


@pytest.mark.parametrize(
    ("found", "agreement", "message"),
    [
        (2, 1.0, "Only 2 of n_clusters=3"),
        (3, 0.66, "adjusted mutual information 0.66"),
        (3, 0.67, ""),
    ],
)
def test_doubtful_clusterings_are_said(found, agreement, message):
    model = ContrastiveClustering(n_clusters=3)
    model.n_clusters_, model.view_agreement_ = found, agreement
    model._model = SimpleNamespace(n_clusters=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_doubtful(model)
    assert [w.category for w in caught] == ([ConvergenceWarning] if message else [])
    assert all(message in str(w.message) for w in caught)


@pytest.mark.parametrize(("max_epochs", "said"), [(1, True), (60, False)])
def test_a_fit_that_is_too_short_is_said(rows, max_epochs, said):
    blobs = rows * 0.01 + 50 * np.eye(16)[np.arange(60) % 3]
    model = ContrastiveClustering(n_clusters=3, max_epochs=max_epochs, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(blobs)
    assert any(w.category is ConvergenceWarning for w in caught) == said


def test_a_warning_turned_into_an_error_loses_no_model(quick, rows):
    model = quick(n_clusters=3)
    alike = np.zeros_like(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning):
            model.fit(alike)
    np.testing.assert_array_equal(model.labels_, model.predict(alike))


def test_warm_start_goes_on(quick, rows):
    model = quick(warm_start=True).fit(rows)
    first = model.history_
    model.fit(rows)
    assert [entry["epoch"] for entry in model.history_] == [1, 2, 3, 4]
    assert without_times(model.history_[:2]) == without_times(first)
    assert model.history_[2]["loss"] < first[0]["loss"]
    with pytest.raises(ValueError, match="warm_start"):
        model.set_params(n_clusters=4).fit(rows)


def test_a_module_is_copied_and_a_callable_is_called(quick, digits):
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 16))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    model = quick(backbone=module).fit(digits)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
    assert set(model.backbone_.state_dict()) == set(before)
    assert not torch.equal(model.backbone_.state_dict()["1.weight"], before["1.weight"])

    def build(shape):
        assert shape == (1, 8, 8)
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 16))

    first, second = quick(backbone=build).fit(digits), quick(backbone=build).fit(digits)
    np.testing.assert_array_equal(first.transform(digits), second.transform(digits))


def test_the_backbone_is_ready_for_transfer(quick, fitted):
    with pytest.raises(AttributeError, match="backbone_"):
        _ = quick().backbone_
    assert not fitted.backbone_.training
    device = next(fitted.backbone_.parameters()).device
    features = fitted.backbone_(torch.zeros(2, 1, 8, 8, device=device))
    assert features.ndim == 2
    assert all(not key.startswith("backbone") for key in fitted.backbone_.state_dict())


def test_what_becomes_of_the_backbone_elsewhere_does_not_change_predictions(fitted, digits):
    embedding = fitted.transform(digits)
    trunk = fitted.backbone_.train()
    trunk(torch.rand(8, 1, 8, 8, device=next(trunk.parameters()).device))
    np.testing.assert_array_equal(fitted.transform(digits), embedding)


@pytest.mark.parametrize(
    "augmentation",
    ["glyph", "photo", None, ImageAugmentation(flip_probability=0), lambda x, generator: x + 0.1],
)
def test_augmentations(quick, digits, augmentation):
    model = quick(augmentation=augmentation, backbone=tiny).fit(digits)
    assert clone(model).augmentation is not None or augmentation is None
    assert model.labels_.shape == (len(digits),)


def test_parameters_of_the_augmentation_are_nested(quick, digits):
    model = quick(augmentation=ImageAugmentation())
    model.set_params(augmentation__flip_probability=0.25)
    assert model.augmentation.flip_probability == 0.25
    with pytest.raises(ValueError, match=r"flip_probability.*1.5"):
        model.set_params(augmentation__flip_probability=1.5).fit(digits)
    with pytest.raises(ValueError, match="augmentation"):
        quick(augmentation=VectorAugmentation()).fit(digits)


@pytest.mark.parametrize("result", [lambda x: x[:3], lambda x: None, lambda x: x * np.nan])
def test_a_bad_augmentation_is_named(quick, digits, result):
    with pytest.raises(ValueError, match=r"augmentation|not finite"):
        quick(augmentation=lambda x, generator: result(x), backbone=tiny).fit(digits)


def test_an_augmentation_that_fails_is_named(quick, digits):
    with pytest.raises(ValueError, match=r"augmentation must take .* failed on .* RuntimeError"):
        quick(augmentation=torch.nn.Linear(7, 8)).fit(digits)
    with pytest.raises(ValueError, match=r"augmentation must take .* ZeroDivisionError"):
        quick(augmentation=lambda batch, generator: 1 / 0).fit(digits)


def test_an_augmentation_without_memory_says_so(quick, digits):
    def greedy(batch, generator):
        raise MemoryError("no more")

    with pytest.raises(MemoryError, match="no more"):
        quick(augmentation=greedy).fit(digits)


def test_numbers_of_narrow_types_mean_what_they_say(quick, rows, tmp_path):
    narrow = {}
    for name, value in quick(batch_size=50).get_params(deep=False).items():
        if isinstance(value, float):
            narrow[name] = np.float16(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            narrow[name] = np.uint8(value) if value < 256 else np.int16(value)
    wide = {name: value.item() for name, value in narrow.items()}
    found, expected = (quick(**numbers).fit(rows) for numbers in (narrow, wide))
    np.testing.assert_array_equal(found.transform(rows), expected.transform(rows))
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    assert all(found.get_params()[name] is value for name, value in narrow.items())
    found.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.transform(rows), expected.transform(rows))


def test_unfitted_use_is_refused(quick, digits):
    for name in ("predict", "transform", "predict_proba", "score"):
        with pytest.raises(NotFittedError):
            getattr(quick(), name)(digits)


def test_a_loss_that_diverges_stops_with_advice(quick, digits):
    with pytest.raises(ValueError, match=r"not finite in epoch 1.*lr"):
        quick(lr=1e30, optimizer="sgd", warmup_epochs=0, precision="float32").fit(digits)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(("optimizer", "lr"), [("adam", 1e-3), ("sgd", 1e-1)])
def test_precisions_and_optimisers_train(quick, rows, precision, optimizer, lr):
    settings = {"precision": precision, "optimizer": optimizer, "max_epochs": 8}
    model = quick(lr=lr, warmup_epochs=1, **settings).fit(rows)
    still = quick(lr=1e-9, warmup_epochs=1, **settings).fit(rows)
    assert model.history_[-1]["loss"] < still.history_[-1]["loss"]
    assert model.transform(rows).dtype == np.float32


def test_convolutions_train_in_half_precision(quick, small):
    """One epoch on a few images: without support in hardware it takes long."""
    small = small[:24]
    model = quick(precision="bfloat16", batch_size=12, max_epochs=1).fit(small)
    other = quick(precision="float32", batch_size=12, max_epochs=1).fit(small)
    assert model.history_[0]["loss"] == pytest.approx(other.history_[0]["loss"], rel=0.05)
    assert model.history_[0]["loss"] != other.history_[0]["loss"]
    assert model.transform(small).dtype == np.float32


def test_the_transform_feeds_another_clusterer(fitted, digits):
    embedding = fitted.transform(digits)
    labels = KMeans(3, n_init=1, random_state=0).fit_predict(embedding)
    assert len(labels) == len(digits)


def test_verbose_shows_a_bar_on_stderr_alone(quick, rows, capfd):
    quick(verbose=1).fit(rows)
    out, err = capfd.readouterr()
    assert out == ""
    assert "2/2" in err
    assert "loss=" in err
    quick().fit(rows)
    assert capfd.readouterr() == ("", "")
