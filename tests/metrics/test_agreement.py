"""The score without labels, of any clusterer and of ours."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits, make_blobs
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from trainings import make

from skdeepcluster.metrics import view_agreement_score


class Recorder:
    """A clusterer that keeps what it is asked about, and answers by the sum of a sample."""

    def __init__(self):
        self.seen = []

    def predict(self, X):
        self.seen.append(X)
        X = X.double() if isinstance(X, torch.Tensor) else X  # NumPy has no bfloat16
        return (np.asarray(X).reshape(len(X), -1).sum(axis=1) > 40).astype(int)


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(400, centers=5, n_features=6, random_state=3)[0]


def test_it_finds_the_number_of_blobs(blobs):
    scores = {
        k: view_agreement_score(KMeans(k, n_init=5, random_state=0).fit(blobs), blobs)
        for k in range(2, 10)
    }
    assert max(scores, key=scores.get) == 5
    assert scores[5] == pytest.approx(math.log(5), abs=0.02)


def test_a_search_takes_it_for_scoring(blobs):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), KMeans(n_init=5, random_state=0)),
        {"kmeans__n_clusters": [2, 5, 9]},
        scoring=view_agreement_score,
        cv=3,
    ).fit(blobs)
    assert search.best_params_ == {"kmeans__n_clusters": 5}


def test_pipelines_that_know_columns_by_name(blobs):
    frame = pd.DataFrame(blobs, columns=list("abcdef"))
    scaled = ColumnTransformer([("some", StandardScaler(), ["a", "b"])], remainder="passthrough")
    model = make_pipeline(scaled, KMeans(5, n_init=5, random_state=0)).fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert view_agreement_score(model, frame) > 1


def test_of_our_estimators_it_is_their_own_score(fitted, digits):
    assert view_agreement_score(fitted, digits) == fitted.score(digits)
    assert fitted.score(digits) == fitted.score(digits)


def test_a_pipeline_is_asked_as_a_whole(rows):
    model = make_pipeline(StandardScaler(), make()).fit(rows)
    assert math.isfinite(view_agreement_score(model, rows))
    assert math.isfinite(model.score(rows))


def test_names_of_clusters_may_be_anything(blobs):
    class Named:
        def predict(self, X):
            return np.where(X[:, 0] > 0, "right", "left")

    class Numbered:
        def predict(self, X):
            return np.where(X[:, 0] > 0, 7, -1)

    assert view_agreement_score(Named(), blobs) == view_agreement_score(Numbered(), blobs)


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [(np.uint8, 1), (np.int16, -300), (np.float32, 0.01), (np.float16, 1), (np.float64, 1e3)],
)
def test_views_come_in_the_type_and_range_of_the_samples(digits, dtype, scale):
    X, model = (digits.astype(float) * scale).astype(dtype), Recorder()
    view_agreement_score(model, X)
    for view in model.seen:
        assert view.shape == X.shape
        assert view.dtype == X.dtype
        low, high, room = float(X.min()), float(X.max()), abs(4 * scale)
        assert low - room <= view.min() <= view.max() <= high + room
    assert not np.array_equal(model.seen[0], model.seen[1])


@pytest.mark.parametrize("tensor", [torch.uint8, torch.bfloat16, torch.float8_e4m3fn, torch.bool])
def test_tensors_and_booleans(digits, tensor):
    X, model = torch.tensor(digits > 8).to(tensor), Recorder()
    assert math.isfinite(view_agreement_score(model, X))
    assert model.seen[0].shape == X.shape


def test_without_augmentation_views_are_the_samples(photos):
    for X in (photos, photos.transpose(0, 3, 1, 2), photos.astype(np.float32) / 255):
        model = Recorder()
        view_agreement_score(model, X, augmentation=None)
        np.testing.assert_allclose(model.seen[0], X, atol=1e-6)
        np.testing.assert_array_equal(model.seen[0], model.seen[1])


def test_flattened_images_are_turned_as_images(digits):
    model, flat = Recorder(), digits.reshape(60, 64)
    score = view_agreement_score(model, flat, image_shape=(8, 8))
    other = Recorder()
    assert view_agreement_score(other, digits) == score
    np.testing.assert_array_equal(model.seen[0].reshape(60, 8, 8), other.seen[0])


def test_bad_input_is_refused_by_name(blobs):
    with pytest.raises(ValueError, match="image_shape must multiply"):
        view_agreement_score(Recorder(), blobs, image_shape=(2, 2))
    with pytest.raises(ValueError, match="'augmentation' parameter"):
        view_agreement_score(Recorder(), blobs, augmentation="photo")


def test_the_order_of_many_samples_does_not_decide_which_are_looked_at():
    X = np.repeat(np.arange(5000, dtype=np.float32)[:, None], 2, axis=1)
    model = Recorder()
    view_agreement_score(model, X, augmentation=None)
    assert sum(map(len, model.seen)) == 2 * 4096
    assert model.seen[0].min() == pytest.approx(0, abs=0.5)
    assert model.seen[-1].max() == pytest.approx(4999, abs=0.5)


class Strict(Recorder):
    """One that refuses what is outside [0, 1]."""

    def predict(self, X):
        assert 0 <= X.min() <= X.max() <= 1
        return super().predict(X)


def test_views_keep_to_the_range_of_the_images():
    images = load_digits().images[:200].astype(np.float32) / 16
    images[:, 0, :] = 1
    assert math.isfinite(view_agreement_score(Strict(), images))


def test_tensors_are_looked_at_as_tensors(blobs):
    recorder = Recorder()
    view_agreement_score(recorder, torch.from_numpy(blobs))
    assert all(isinstance(X, torch.Tensor) and X.dtype == torch.float64 for X in recorder.seen)


class Table:
    """A table as pyarrow has it, which is not made by its class."""

    columns = tuple("abcdef")

    def __init__(self, rows):
        self.rows, self.shape = rows, rows.shape

    def __array__(self, dtype=None, copy=None):
        return self.rows


def test_tables_that_cannot_be_made_anew_become_arrays(blobs):
    recorder = Recorder()
    view_agreement_score(recorder, Table(blobs))
    assert all(isinstance(X, np.ndarray) for X in recorder.seen)


def test_an_estimator_is_shown_views_of_the_images_as_they_are():
    images = np.random.default_rng(0).integers(0, 255, (60, 24, 24), dtype=np.uint8)
    model = make(image_size=12, max_epochs=1).fit(images)
    whole = view_agreement_score(make_pipeline(model), images)
    assert view_agreement_score(model, images) == pytest.approx(whole)
    flat = make(image_size=12, max_epochs=1, image_shape=(24, 24)).fit(images.reshape(60, -1))
    assert view_agreement_score(flat, images.reshape(60, -1)) == pytest.approx(whole)


def test_weights_of_samples_are_refused(blobs):
    model = make(max_epochs=1).fit(blobs)
    assert math.isfinite(model.score(blobs, sample_weight=None))
    with pytest.raises(ValueError, match="sample_weight must be None"):
        model.score(blobs, sample_weight=np.ones(len(blobs)))
