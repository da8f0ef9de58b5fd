"""Pipelines, searches and callbacks around the estimators."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from strategies import tiny
from watching import Watcher

from skdeepcluster.metrics import clustering_accuracy_score


def test_a_scaler_before_it(quick, small):
    flat = small.reshape(len(small), -1)
    pipeline = make_pipeline(StandardScaler(), quick(image_shape=(5, 5)))
    labels = pipeline.fit_predict(flat)
    np.testing.assert_array_equal(pipeline.predict(flat), labels)
    assert pipeline[-1].image_shape_ == (1, 5, 5)


def test_a_function_before_it_keeps_images(quick, small):
    pipeline = make_pipeline(FunctionTransformer(lambda X: X[:, ::2, :2]), quick())
    assert pipeline.fit(small)[-1].image_shape_ == (1, 3, 2)


def test_a_classifier_after_it(quick, rows):
    y = np.arange(len(rows)) % 2
    pipeline = make_pipeline(quick(), LogisticRegression()).fit(rows, y)
    assert pipeline.predict(rows).shape == y.shape
    assert len(cross_val_score(pipeline, rows, y, cv=2)) == 2


@pytest.mark.parametrize(("form", "n_jobs"), [("3-d", 1), ("4-d", 2), ("flat", 1)])
def test_a_search_without_labels(quick, small, form, n_jobs):
    X = {"3-d": small, "4-d": small[..., None], "flat": small.reshape(len(small), -1)}[form]
    backbone = tiny if n_jobs == 1 else "auto"  # other processes do not know of `tiny`
    model = quick(image_shape=(5, 5) if form == "flat" else None, backbone=backbone, max_epochs=1)
    search = GridSearchCV(model, {"n_clusters": [2, 3]}, cv=2, n_jobs=n_jobs).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_["n_clusters"] in (2, 3)
    assert search.predict(X).shape == (len(small),)


@pytest.mark.parametrize(
    "scoring", ["adjusted_rand_score", make_scorer(adjusted_rand_score), "accuracy"], ids=str
)
def test_a_search_with_labels(quick, rows, scoring):
    if scoring == "accuracy":
        scoring = make_scorer(clustering_accuracy_score)
    y = np.arange(len(rows)) % 3
    search = GridSearchCV(quick(max_epochs=1), {"lr": [1e-3, 1e-2]}, cv=2, scoring=scoring)
    search.fit(rows, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_callbacks_see_every_epoch_and_may_stop(quick, rows):
    pytest.importorskip("sklearn.callback")
    watcher = Watcher(last_epoch=1)
    model = quick(max_epochs=4).set_callbacks(watcher).fit(rows)
    assert model.n_epochs_ == 2
    assert watcher.tasks[0] == "setup"
    assert watcher.tasks[-2:] == [("end", watcher.tasks[1][1]), "teardown"]
    assert watcher.tasks.count(("end", "epoch")) == 2
    assert len(watcher.labels) == 2
    np.testing.assert_array_equal(watcher.labels[-1], model.labels_)


def test_callbacks_see_nothing_of_an_earlier_fit(quick, rows):
    pytest.importorskip("sklearn.callback")
    watcher = Watcher()
    known = np.where(np.arange(60) < 30, np.arange(60) % 3, -1)
    model = quick(n_clusters="auto", max_clusters=6).fit(rows, known_labels=known)
    model.set_params(n_clusters=3).set_callbacks(watcher).fit(rows)
    assert watcher.has == [set()] * 2


class Locked:
    """An augmentation that cannot be copied."""

    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, batch, generator):
        with self.lock:
            return batch + 0.1 * torch.randn(batch.shape, generator=generator)


def test_callbacks_see_the_model_of_parts_that_cannot_be_copied(quick, rows):
    pytest.importorskip("sklearn.callback")
    watcher = Watcher(last_epoch=1)
    quick(max_epochs=2, device="cpu", augmentation=Locked()).set_callbacks(watcher).fit(rows)
    assert len(watcher.labels) == 2


def test_watching_does_not_change_the_result(quick, rows):
    pytest.importorskip("sklearn.callback")
    watched = quick(max_epochs=3).set_callbacks(Watcher()).fit(rows)
    alone = quick(max_epochs=3).fit(rows)
    np.testing.assert_array_equal(watched.cluster_centers_, alone.cluster_centers_)
