"""Whatever users hand in, they get a right result or a refusal that says why, before training.

A few dozen examples a property, always the same ones. Thousands of new ones, on one core in less
than an hour: ``pytest tests/test_fuzzing.py -n 0 --hypothesis-profile=slow --timeout=7200``
"""

from __future__ import annotations

import copy
import functools
import math
import pickle
import re
import time
import traceback
import warnings
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import strategies
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from skdeepcluster import methods
from skdeepcluster.augmentation import ImageAugmentation, VectorAugmentation
from skdeepcluster.training.engine import TrainingDiverged
from skdeepcluster.training.fitted import FittedModel
from skdeepcluster.training.record import EpochRecord

METHODS = [getattr(methods, name) for name in methods.__all__]
ABOUT_SAMPLES = r"\bX\b|channel_axis|[Ss]amples?\b|features?\b|Found array|np\.matrix|[Ss]parse"
NEVER = "(?!)"  # matches no message: what must not be refused
LONGEST = 30.0  # seconds for one call on a few tiny samples; they take a fraction of one


def make(Estimator, **parameters):
    """Make an estimator that trains for one short epoch."""
    quick = {"n_clusters": 2, "max_epochs": 1, "backbone": strategies.tiny, "embedding_dim": 3}
    return Estimator(**{**quick, "device": "cpu", "random_state": 0, **parameters})


def attempt(action, about, may_diverge=False):
    """Return what an action returns, or None if it refuses, early and clearly."""
    add = EpochRecord.add  # called after each step of the optimiser
    with mock.patch.object(EpochRecord, "add", autospec=True, side_effect=add) as step:
        started = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = action()
            except TrainingDiverged as error:
                assert may_diverge, error
                assert re.search(r"not finite (in|after) epoch \d", str(error))
                result = None
            except (TypeError, ValueError) as error:
                assert not step.called, "refused after training had begun"
                assert_substantial(error, about)
                result = None
    assert time.perf_counter() - started < LONGEST
    assert [str(w.message) for w in caught if not is_meant(w)] == []
    return result


def is_meant(warning):
    """Tell what the documentation announces, and scikit-learn's word on the names of columns."""
    texts = ("feature names", "on another scale")
    known = any(text in str(warning.message) for text in texts)
    return warning.category is ConvergenceWarning or known


def assert_substantial(error, about):
    """Check that an error names what is wrong and comes from where arguments are checked."""
    message, where = str(error), traceback.extract_tb(error.__traceback__)[-1].filename
    assert re.search(about, message), f"says nothing of {about}: {message}"
    assert 20 < len(message) < 2000, message
    assert re.search(r"skdeepcluster|sklearn.(base|utils)", where), f"from {where}: {message}"


def snapshot(X):
    """Return something that changes when a value in X does."""
    if isinstance(X, pd.DataFrame):
        return repr(X.to_dict("list")), str(X.dtypes)
    try:
        return pickle.dumps(X)
    except Exception:  # an object that has no bytes
        return repr(X)


def assert_right(model, X, expected_n):
    """Check everything that is documented of a fitted model, on its training samples."""
    labels, k = model.labels_, model.n_clusters_
    assert labels.dtype == np.int64
    assert labels.shape == (expected_n,)
    np.testing.assert_array_equal(np.unique(labels), np.arange(k))
    assert k <= model.n_clusters
    assert_right_inference(model, X, expected_n, labels)
    assert model.cluster_centers_.shape == (k, len(model.get_feature_names_out()))
    np.testing.assert_allclose(np.linalg.norm(model.cluster_centers_, axis=1), 1, atol=1e-5)
    assert len(model.history_) == model.n_epochs_
    assert np.isfinite([list(entry.values()) for entry in model.history_]).all()


def assert_right_inference(model, X, expected_n, labels=None):
    """Check the results of all methods that take samples; return the embedding."""
    embedding, probabilities = model.transform(X), model.predict_proba(X)
    assert embedding.dtype == probabilities.dtype == np.float32
    assert embedding.shape == (expected_n, model.cluster_centers_.shape[1])
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)
    assert probabilities.shape == (expected_n, model.n_clusters_)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    predicted = model.predict(X)
    assert predicted.dtype == np.int64
    np.testing.assert_array_equal(predicted, probabilities.argmax(axis=1))
    if labels is not None:
        np.testing.assert_array_equal(predicted, labels)
    most = math.log(model.n_clusters_)
    assert -2 * most - 1e-9 <= model.score(X) <= most + 1e-9
    return embedding


def fit(model, X, about, may_diverge=False):
    """Fit; whatever comes of it, the samples and the parameters stay as they were."""
    before, parameters = snapshot(X), model.get_params(deep=False)
    fitted = attempt(lambda: model.fit(X), about, may_diverge)
    assert snapshot(X) == before
    assert all(model.get_params(deep=False)[name] is value for name, value in parameters.items())
    if fitted is None:
        assert [name for name in vars(model) if name.endswith("_")] == []
    return fitted


# --- samples -----------------------------------------------------------------------------------


@given(
    given_=st.one_of(strategies.samples(), strategies.samples(), strategies.things()),
    Estimator=st.sampled_from(METHODS),
    axis=st.sampled_from(["auto", "auto", "first", "last"]),
    backbone=st.sampled_from([strategies.tiny, strategies.tiny, "auto"]),
)
def test_any_samples_are_clustered_or_refused(given_, Estimator, axis, backbone):
    settings = {"channel_axis": axis, "backbone": backbone}
    model = fit(make(Estimator, **settings), given_.X, ABOUT_SAMPLES)
    assert (model is not None) == given_.is_legal(axis)
    if model is None:
        return
    attempt(lambda: assert_right(model, given_.X, len(given_.plain)), NEVER)
    expected = make(Estimator, **settings)
    labels = attempt(lambda: expected.fit_predict(given_.plain), NEVER)
    np.testing.assert_array_equal(model.labels_, labels)
    np.testing.assert_array_equal(model.cluster_centers_, expected.cluster_centers_)


FITTED_ON = {
    "vectors": (12, 3),
    "grey": (12, 5, 4),
    "colour": (12, 5, 4, 3),
}


@functools.cache
def fitted(Estimator, kind, backbone):
    X = np.random.default_rng(0).normal(5, 2, FITTED_ON[kind]).round(2)
    return fit(make(Estimator, backbone=backbone), X, NEVER)


@st.composite
def new_samples(draw):
    """Draw samples for a model, mostly of the shape it was fitted on."""
    kind = draw(st.sampled_from(list(FITTED_ON)))
    n = draw(st.integers(0, 9))
    shape = (n, *FITTED_ON[kind][1:])
    forms = {"vectors": [shape], "grey": [shape, (*shape, 1), (n, 1, 5, 4)]}
    forms["colour"] = [shape, (n, 3, 5, 4)]
    right = st.sampled_from(forms[kind]).flatmap(strategies.samples)
    wrong = st.one_of(strategies.samples(), strategies.things())
    given_, is_right = draw(
        st.one_of([st.tuples(right, st.just(True))] * 3 + [st.tuples(wrong, st.just(False))])
    )
    return kind, given_, is_right


@given(
    new=new_samples(),
    Estimator=st.sampled_from(METHODS),
    backbone=st.sampled_from([strategies.tiny, "auto"]),
)
def test_a_fitted_model_reads_any_samples_or_refuses(new, Estimator, backbone):
    kind, given_, has_shape = new
    model = fitted(Estimator, kind, backbone)
    state, before = pickle.dumps(model._model.model.state_dict()), snapshot(given_.X)
    found = attempt(lambda: model.transform(given_.X), ABOUT_SAMPLES)
    if has_shape:
        assert (found is not None) == given_.is_legal(least=1)
    if found is None:
        for method in (model.predict, model.predict_proba, model.score):
            assert attempt(lambda method=method: method(given_.X), ABOUT_SAMPLES) is None
        return
    check = functools.partial(assert_right_inference, model, expected_n=len(given_.plain))
    np.testing.assert_array_equal(attempt(lambda: check(given_.X), NEVER), found)
    np.testing.assert_array_equal(attempt(lambda: check(given_.plain), NEVER), found)
    assert snapshot(given_.X) == before
    assert pickle.dumps(model._model.model.state_dict()) == state


# --- parameters --------------------------------------------------------------------------------

VECTORS = np.random.default_rng(0).normal(size=(12, 4))
IMAGES = np.random.default_rng(0).integers(0, 256, (9, 5, 4, 3), dtype=np.uint8)


@st.composite
def changed_parameters(draw):
    """Draw a method and one or two parameters of any value."""
    Estimator = draw(st.sampled_from(METHODS))
    name = st.sampled_from(sorted(Estimator._get_param_names()))
    names = draw(st.lists(name, min_size=1, max_size=2, unique=True))
    return Estimator, {name: draw(strategies.parameter_values(name)) for name in names}


@given(changed=changed_parameters(), X=st.sampled_from([VECTORS, IMAGES]))
def test_any_value_of_any_parameter_is_used_or_refused(changed, X):
    Estimator, parameters = changed
    model = make(Estimator, **{name: copied(value) for name, value in parameters.items()})
    model = fit(model, X, names(parameters), may_diverge=True)
    if model is not None:
        attempt(lambda: assert_right(model, X, len(X)), NEVER)


def names(parameters):
    return "|".join(rf"\b{name}\b" for name in parameters)


def copied(value):
    """Copy what a fit would use up."""
    return copy.deepcopy(value) if isinstance(value, np.random.RandomState) else value


LEGAL = {
    "max_epochs": st.integers(1, 2),
    "batch_size": st.integers(2, 45),
    "embedding_dim": st.sampled_from([1, 2, 5]),
    "optimizer": st.sampled_from(["adam", "sgd"]),
    "precision": st.sampled_from(["auto", "float32", "bfloat16"]),
    "augmentation": st.sampled_from(["auto", None]),
    "warmup_epochs": st.integers(0, 3),
    "weight_decay": st.sampled_from([0, 0.1]),
    "warm_start": st.booleans(),
    "random_state": st.integers(0, 2**32 - 1),
    "queue_length": st.integers(1, 50),
    "cluster_queue_length": st.integers(0, 3),
    "momentum": st.sampled_from(["auto", 0, 0.5, 1]),
    "prior": st.sampled_from(["key", "uniform"]),
    "jitter": st.sampled_from([0, 0.1]),
    "sinkhorn_iterations": st.integers(0, 4),
    "epsilon": st.sampled_from([0.05, 1.0]),
    "swapped_weight": st.sampled_from([0, 1.0]),
    "categorical_weight": st.sampled_from([0, 1.0]),
    "entropy_weight": st.sampled_from([0, 1.0]),
    "cluster_weight": st.sampled_from([0, 1.0]),
    "hidden_dim": st.sampled_from([1, 7]),
    "noise": st.sampled_from([0, 0.1]),
    "scattering_weight": st.sampled_from([0, 1.0]),
    "cluster_warmup_epochs": st.sampled_from(["auto", 0]),  # others leave no clusters in an epoch
    "assign_interval": st.integers(1, 3),
    "n_init": st.integers(1, 3),
    "balanced_sampling": st.booleans(),
}


@st.composite
def tasks(draw):
    """Draw legal settings of a method, and numbers of samples and clusters that may not fit."""
    Estimator = draw(st.sampled_from(METHODS))
    own = sorted(set(Estimator._get_param_names()) & LEGAL.keys())
    chosen = draw(st.lists(st.sampled_from(own), max_size=6, unique=True))
    parameters = {name: draw(LEGAL[name]) for name in chosen}
    parameters["n_clusters"] = draw(st.integers(1, 12))
    parameters["backbone"] = draw(st.sampled_from([strategies.tiny] * 5 + ["auto"]))
    n, seed = draw(st.integers(2, 40)), draw(st.integers(0, 99))
    shape = draw(
        st.sampled_from([(1,), (4,), (12,), (1, 1), (2, 6), (12, 12), (5, 4, 1), (2, 2, 3)])
    )
    X = np.random.default_rng(seed).integers(0, draw(st.sampled_from([2, 256])), (n, *shape))
    return Estimator, parameters, X.astype(draw(st.sampled_from(["u1", "f4"])))


@given(task=tasks())
def test_every_legal_setting_trains(task):
    Estimator, parameters, X = task
    model = fit(make(Estimator, **parameters), X, "n_clusters")
    assert (model is not None) == (len(X) >= parameters["n_clusters"])
    if model is None:
        return
    attempt(lambda: assert_right(model, X, len(X)), NEVER)
    epochs = model.max_epochs * (1 + model.warm_start)
    attempt(lambda: assert_right(model.fit(X), X, len(X)), NEVER)
    assert model.n_epochs_ == epochs


@given(
    d=st.integers(1, 12),
    sides=st.lists(st.integers(-1, 12), max_size=4),
    axis=st.sampled_from(["auto", "first", "last"]),
)
def test_flattened_images_are_read_as_their_shape_says_or_refused(d, sides, axis):
    X = np.arange(4 * d).reshape(4, d) % 7
    fits = len(sides) in (2, 3) and min(sides) > 0 and np.prod(sides) == d
    ends = [side in strategies.CHANNELS for side in (*sides[:1], *sides[-1:])]
    clear = len(sides) == 2 or axis != "auto" or ends[:1] != ends[1:]
    model = make(methods.ContrastiveClustering, image_shape=sides, channel_axis=axis)
    model = fit(model, X, "image_shape|channel_axis")
    assert (model is not None) == (fits and clear)
    if model is not None:
        images = X.reshape(4, *sides)
        expected = fit(make(methods.ContrastiveClustering, channel_axis=axis), images, NEVER)
        np.testing.assert_array_equal(model.cluster_centers_, expected.cluster_centers_)
        np.testing.assert_array_equal(expected.labels_, model.predict(images))


@pytest.mark.parametrize("wrong", [{"backbone": lambda shape: None}, {"augmentation": "photo"}])
def test_a_refused_fit_leaves_the_fitted_model_as_it_was(Estimator, wrong):
    first, second = (pd.DataFrame(VECTORS[:, :d], columns=list("abcd")[:d]) for d in (2, 3))
    model = fit(make(Estimator), first, NEVER)
    labels, learnt = model.predict(first), set(vars(model))
    model.set_params(**wrong)
    assert attempt(lambda: model.fit(second), names(wrong)) is None
    np.testing.assert_array_equal(attempt(lambda: model.predict(first), NEVER), labels)
    assert set(vars(model)) == learnt
    assert model.n_features_in_ == 2


# --- augmentation ------------------------------------------------------------------------------


@st.composite
def augmentations(draw):
    """Draw an augmentation with a few parameters of any value."""
    Augmentation = draw(st.sampled_from([ImageAugmentation, ImageAugmentation, VectorAugmentation]))
    own = sorted(Augmentation._get_param_names())
    chosen = draw(st.lists(st.sampled_from(own), min_size=1, max_size=3, unique=True))
    ranges = ("crop_scale", "crop_ratio", "zoom", "blur_sigma")
    values = {
        name: strategies.pairs() if name in ranges else strategies.parameter_values(name)
        for name in chosen
    }
    switched_on = {"blur_probability": 1.0} if "blur_sigma" in chosen else {}
    parameters = {name: draw(values[name]) for name in chosen}
    return Augmentation(**{**switched_on, **parameters}), chosen


@given(drawn=augmentations(), Estimator=st.sampled_from(METHODS), seed=st.integers(0, 2**32 - 1))
def test_any_parameter_of_an_augmentation_is_used_or_refused(drawn, Estimator, seed):
    augmentation, chosen = drawn
    generator = torch.Generator().manual_seed(seed)
    is_image = isinstance(augmentation, ImageAugmentation)
    X = IMAGES if is_image else VECTORS
    model = make(Estimator, augmentation=augmentation, random_state=seed)
    model = fit(model, X, names(chosen), may_diverge=not is_image)
    if model is None:
        return
    attempt(lambda: assert_right(model, X, len(X)), NEVER)
    batch = torch.rand(6, 3, 5, 4, generator=generator) if is_image else torch.rand(6, 4)
    result = augmentation(batch, generator)
    assert result.shape == batch.shape
    assert result.dtype == torch.float32
    assert result.isfinite().all()
    if is_image:
        assert ((result >= 0) & (result <= 1 + 1e-6)).all()  # weights sum to 1 up to rounding


# --- what is legal and must finish -------------------------------------------------------------

RNG = np.random.default_rng(0)
DEGENERATE = {
    "constant images": np.full((10, 5, 5), 7, np.uint8),
    "constant vectors": np.full((10, 3), 0.1),
    "duplicates of one image": np.repeat(RNG.random((1, 5, 5)), 10, axis=0),
    "duplicates of two vectors": np.repeat(RNG.random((2, 3)), 5, axis=0),
    "one sample per cluster": RNG.random((3, 5, 5)),
    "one vector per cluster": RNG.random((3, 4)),
    "two samples": RNG.random((2, 5, 5)),
    "two vectors": RNG.random((2, 4)),
    "images of one pixel": RNG.random((10, 1, 1)),
    "100 channels": RNG.random((10, 4, 4, 100)),
    "100 channels of one pixel": RNG.random((10, 1, 1, 100)),
    "one feature": RNG.random((10, 1)),
    "one column of pixels": RNG.random((10, 12, 1)),
    "one constant channel": RNG.random((10, 4, 4, 3)) * [1, 0, 1],
    "the largest values": RNG.choice([-1e37, 0, 1e37], (10, 4, 4)),
    "the largest vectors": RNG.choice([-1e37, 0, 1e37], (10, 4)),
    "the smallest values": RNG.choice([-5e-324, 0, 5e-324], (10, 4, 4)),
    "features of all sizes": RNG.random((10, 4)) * [1e-30, 1e-300, 1, 1e36],
    "one far outlier": np.where(np.arange(10)[:, None] == 3, 1e37, RNG.random((10, 4))),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_samples_are_clustered(Estimator, name):
    """Each set goes through the trunk of its shape in one of the methods, in turn."""
    X = DEGENERATE[name]
    turn = list(DEGENERATE).index(name) % len(METHODS)
    backbone = "auto" if METHODS[turn] is Estimator else strategies.tiny
    settings = {"n_clusters": min(3, len(X)), "batch_size": 4, "max_epochs": 2}
    model = make(Estimator, backbone=backbone, channel_axis="last", **settings)
    model = fit(model, X, NEVER)
    attempt(lambda: assert_right(model, X, len(X)), NEVER)
    if "constant " in name or "of one image" in name:
        assert model.n_clusters_ == (1 if "channel" not in name else model.n_clusters_)


@pytest.mark.parametrize("backbone", ["auto", strategies.tiny], ids=["auto", "tiny"])
@pytest.mark.parametrize("kind", FITTED_ON)
def test_new_samples_far_from_the_old_ones_are_assigned(Estimator, kind, backbone):
    model = fitted(Estimator, kind, backbone)
    for fill in (0.0, 1e36, -1e36, 1e-40):
        X = np.full((3, *FITTED_ON[kind][1:]), fill)
        attempt(lambda X=X: assert_right_inference(model, X, 3), NEVER)


@pytest.mark.parametrize("shape", [(10, 4), (10, 5, 5)], ids=str)
def test_samples_too_far_for_half_precision_are_assigned_or_refused(Estimator, shape, monkeypatch):
    model = fit(make(Estimator), RNG.random(shape), NEVER)
    monkeypatch.setattr(FittedModel, "dtype", torch.float16)  # as on a GPU
    for fill in (10.0, 1e3, 1e36):
        X = np.full((3, *shape[1:]), fill)
        about = NEVER if fill == 10 else "Input X.*sample 0.*precision='float32'"
        attempt(lambda X=X: assert_right_inference(model, X, 3), about)
