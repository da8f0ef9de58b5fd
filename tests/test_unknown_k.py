"""`n_clusters="auto"`: how many clusters there are is found out first."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from comparing import without_times
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from trainings import at_the_end_of_epoch, make
from watching import Watcher

from skdeepcluster import load
from skdeepcluster.clustering.number import choose_number
from skdeepcluster.data.samples import read_samples
from skdeepcluster.fitting.doubts import warn_if_doubtful
from skdeepcluster.plotting import ClusterNumberDisplay
from skdeepcluster.training.agreement import embedding_of_views


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(240, centers=4, n_features=6, random_state=1)[0].astype(np.float32)


def test_blobs_are_counted(Estimator, blobs):
    model = Estimator("auto", random_state=0).fit(blobs)
    assert model.n_clusters_ == 4
    curve = model.n_clusters_curve_
    assert choose_number(curve).best == 4
    assert curve["n_clusters"][0] == 2
    assert model.n_clusters == "auto"
    assert np.bincount(model.labels_).tolist() == [60] * 4


def test_the_fit_is_that_with_the_number_found(quick, rows):
    model = quick(n_clusters="auto", max_clusters=6).fit(rows)
    same = quick(n_clusters=model._model.n_clusters).fit(rows)
    np.testing.assert_array_equal(model.labels_, same.labels_)
    assert without_times(model.history_) == without_times(same.history_)
    again = quick(n_clusters="auto", max_clusters=6).fit(rows)
    np.testing.assert_array_equal(model.transform(rows), again.transform(rows))


def test_images_too(quick, digits):
    model = quick(n_clusters="auto").fit(digits)
    assert 1 <= model.n_clusters_ <= 5
    assert model.predict_proba(digits).shape == (60, model.n_clusters_)
    assert clone(model).n_clusters == "auto"


def test_few_samples(rows):
    for n in (2, 3, 7, 12):
        model = make(n_clusters="auto").fit(rows[:n])
        assert 1 <= model.n_clusters_ <= max(1, n // 3)


def test_no_fewer_clusters_than_known_classes(rows):
    known = np.repeat([0, 1, 2, -1, -1, -1], 10)
    model = make(n_clusters="auto").fit(rows, known_labels=known)
    assert model._model.n_clusters >= 3
    with pytest.raises(ValueError, match=r"max_clusters must be at least .* 3; got 2"):
        make(n_clusters="auto", max_clusters=2).fit(rows, known_labels=known)
    many = np.arange(len(rows)) % 20
    model = make(n_clusters="auto", max_epochs=1).fit(rows, known_labels=many)
    assert model._model.n_clusters == 20
    display = ClusterNumberDisplay.from_estimator(model)
    assert display.ax_.get_title() == "20 clusters"


def test_a_curve_is_that_of_the_last_fit(rows):
    model = make(n_clusters="auto").fit(rows)
    assert model.n_clusters_curve_
    assert not hasattr(model.set_params(n_clusters=2).fit(rows), "n_clusters_curve_")


def test_bad_numbers_are_refused(rows):
    for parameters in ({"n_clusters": "all"}, {"n_clusters": "auto", "max_clusters": 1}):
        with pytest.raises(ValueError, match="clusters' parameter"):
            make(**parameters).fit(rows)


def test_a_saved_model_has_the_number_that_was_found(rows, tmp_path):
    model = make(n_clusters="auto").fit(rows)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.n_clusters == model._model.n_clusters
    np.testing.assert_array_equal(loaded.predict(rows), model.labels_)
    for name, values in model.n_clusters_curve_.items():
        np.testing.assert_array_equal(loaded.n_clusters_curve_[name], values)
    curve = loaded.n_clusters_curve_
    assert loaded.set_params(warm_start=True).fit(rows).n_clusters_curve_ is curve
    assert not hasattr(loaded.set_params(warm_start=False).fit(rows), "n_clusters_curve_")


def test_a_warm_start_goes_on_with_the_number_that_was_found(rows):
    model = make(n_clusters="auto", warm_start=True).fit(rows)
    curve, epochs = model.n_clusters_curve_, model.n_epochs_
    model.fit(rows)
    assert model.n_epochs_ == 2 * epochs
    assert model.n_clusters_curve_ is curve


def test_a_warm_start_needs_as_many_samples_as_there_are_clusters(rows):
    model = make(n_clusters=4, warm_start=True).fit(rows).set_params(n_clusters="auto")
    with pytest.raises(ValueError, match="n_samples=3 should be >= n_clusters=4, the number"):
        model.fit(rows[:3])


@pytest.mark.parametrize("curve", [{}, {"n_clusters": np.array([2]), "score": np.ones(1)}])
def test_a_warm_start_from_a_model_without_a_separation(rows, curve):
    model = make(n_clusters=3, warm_start=True).fit(rows)
    model.n_clusters_curve_ = curve
    model.set_params(n_clusters="auto").fit(rows)
    assert model._model.n_clusters == 3
    assert hasattr(model, "n_clusters_curve_") == bool(curve)
    assert getattr(model, "n_clusters_curve_", curve) is curve


@pytest.mark.parametrize("epoch", [2, 4])
def test_both_trainings_are_resumed(rows, tmp_path, monkeypatch, epoch):
    whole, seen = make(n_clusters="auto").fit(rows), []

    def stop():
        seen.append(epoch)
        if len(seen) == (1 if epoch == 2 else 2):  # in the first training, or in the second
            raise OSError("power failure")

    with monkeypatch.context() as patch:
        at_the_end_of_epoch(patch, epoch, stop)
        with pytest.raises(OSError, match="power failure"):
            make(n_clusters="auto", checkpoint_dir=tmp_path).fit(rows)
    resumed = make(n_clusters="auto", checkpoint_dir=tmp_path).fit(rows)
    np.testing.assert_array_equal(resumed.transform(rows), whole.transform(rows))


def test_states_of_another_training_are_refused_before_the_first(rows, tmp_path, monkeypatch):
    make(n_clusters=3, checkpoint_dir=tmp_path).fit(rows)
    at_the_end_of_epoch(monkeypatch, 1, lambda: pytest.fail("it has trained"))
    with pytest.raises(ValueError, match=r"other parameters or data: lr was"):
        make(n_clusters="auto", lr=0.5, checkpoint_dir=tmp_path).fit(rows)


def test_callbacks_and_the_caller_see_only_the_second_training(rows):
    model = make(n_clusters="auto").fit(rows)
    assert [entry["epoch"] for entry in model.history_] == [1, 2, 3, 4, 5]
    pytest.importorskip("sklearn.callback")
    watcher = Watcher()
    model = make(n_clusters="auto").set_callbacks(watcher).fit(rows)
    assert watcher.tasks[0] == "setup"
    assert watcher.tasks[-2:] == [("end", watcher.tasks[1][1]), "teardown"]
    assert watcher.tasks.count(("end", "epoch")) == 5
    np.testing.assert_array_equal(watcher.labels[-1], model.labels_)


@pytest.mark.parametrize(("most", "said"), [(5, False), (6, True)])
def test_a_flat_curve_is_said(most, said):
    model = make(n_clusters="auto")
    model.n_clusters_, model.view_agreement_ = 4, 1.0
    model._model = SimpleNamespace(n_clusters=4)
    score = np.where(np.arange(2, 9) <= most, 1.0, 0.0)
    score[:2] = 0.5
    falling = 1 - np.array([0.02, 0.04, 0.07, 0.08, 0.11, 0.12, 0.13])
    curve = {"n_clusters": np.arange(2, 9), "score": score, "separation": falling}
    model.n_clusters_curve_ = curve
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_doubtful(model)
    texts = [str(w.message) for w in caught if w.category is ConvergenceWarning]
    assert any("any number from 4 to 6 is as good" in text for text in texts) == said


@pytest.mark.parametrize(("trained", "said"), [(3, "1 of the 3 clusters"), (1, "no two clusters")])
def test_clusters_without_members_are_said(trained, said):
    model = make(n_clusters="auto")
    model.n_clusters_, model.view_agreement_ = 1, 1.0
    model._model = SimpleNamespace(n_clusters=trained)
    with pytest.warns(ConvergenceWarning, match=said):
        warn_if_doubtful(model)


def test_samples_are_looked_at_again(rows):
    model = make().fit(rows)
    samples = read_samples(rows)
    first, second = embedding_of_views(model._model, samples)
    assert first.shape[:2] == second.shape[:2] == (10, len(rows))  # no more of each
    again = np.linalg.norm(first[0] - first[1], axis=1)
    assert np.median(again) > 0  # not by the same views
    many = np.tile(rows, (50, 1))
    found = embedding_of_views(model._model, read_samples(many))
    assert found[0].shape[:2] == (6, len(many))


def test_a_random_state_may_be_given_again(rows, tmp_path):
    """Its position is another when the second training begins."""

    def fit():
        state = np.random.RandomState(0)
        return make(n_clusters="auto", checkpoint_dir=tmp_path, random_state=state).fit(rows)

    np.testing.assert_array_equal(fit().labels_, fit().labels_)
