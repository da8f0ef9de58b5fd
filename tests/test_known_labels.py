"""A few known classes: what they change, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import without_times
from sklearn import config_context
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from trainings import make

from skdeepcluster import load
from skdeepcluster.metrics import clustering_accuracy_score


@pytest.fixture(scope="module")
def classes():
    return load_digits().target[:60]


@pytest.fixture
def known(classes):
    """Return classes 2 and 5 where they are known: in the first thirty samples."""
    return np.where(np.isin(classes, [2, 5]) & (np.arange(60) < 30), classes, -1)


@pytest.fixture
def told(quick, digits, known):
    return quick().fit(digits, known_labels=known)


def test_clusters_stand_for_the_known_classes(told, digits, known):
    np.testing.assert_array_equal(told.classes_, [2, 5])
    assert told.cluster_to_class_.shape == (told.n_clusters_,)
    assert set(told.cluster_to_class_) <= {-1, 2, 5}
    named = told.predict_classes(digits)
    np.testing.assert_array_equal(named, told.cluster_to_class_[told.predict(digits)])
    assert all(np.isfinite(entry["loss_known"]) for entry in told.history_)


def test_training_heeds_the_known_classes(Estimator, digits, classes):
    settings = {"max_epochs": 40, "warmup_epochs": 10, "batch_size": 30, "random_state": 0}
    settings["n_clusters"] = 10
    # ProPos takes a fiftieth of it. So the seeds from 0 to 5 reach 0.85 or more, with all methods.
    settings["known_weight"] = 20 if Estimator.__name__ == "ProPos" else 1
    known, rows = np.where(np.arange(60) < 40, classes, -1), digits.reshape(60, 64)
    model = Estimator(**settings).fit(rows, known_labels=known)
    learnt = model.predict_classes(rows)[:40]
    unaware = Estimator(**settings).fit(rows).labels_[:40]
    found = np.mean(learnt == classes[:40])
    assert found > 0.85
    assert found > clustering_accuracy_score(classes[:40], unaware)


def test_y_is_ignored(quick, digits, classes):
    """Searches pass true labels there, to score with."""
    one, other = quick().fit(digits, classes), quick().fit(digits)
    np.testing.assert_array_equal(one.labels_, other.labels_)
    assert without_times(one.history_) == without_times(other.history_)
    assert not hasattr(one, "classes_")


def test_labels_that_are_all_unknown_change_nothing(quick, digits):
    one, other = quick().fit(digits, known_labels=np.full(60, -1)), quick().fit(digits)
    assert without_times(one.history_) == without_times(other.history_)
    np.testing.assert_array_equal(one.transform(digits), other.transform(digits))
    np.testing.assert_array_equal(one.cluster_to_class_, np.full(one.n_clusters_, -1))


def test_one_sample_of_one_class_is_enough(quick, digits):
    known = np.full(60, -1)
    known[7] = 4
    model = quick().fit(digits, known_labels=known)
    assert model.predict_classes(digits[7:8]).tolist() == [4]
    assert (model.cluster_to_class_ == 4).sum() == 1


def test_weight_0_only_names_clusters(quick, digits, known):
    model = quick(known_weight=0).fit(digits, known_labels=known)
    assert all(entry["loss_known"] == 0 for entry in model.history_)
    assert set(model.cluster_to_class_) & {2, 5}


def test_without_known_labels_there_are_no_classes_to_predict(fitted, digits):
    with pytest.raises(ValueError, match="predict_classes needs a fit with known_labels"):
        fitted.predict_classes(digits)


def test_wrong_labels_are_refused_before_training(rows, monkeypatch):
    monkeypatch.setattr("skdeepcluster.fitting.fit.build_trainer", None)
    with pytest.raises(ValueError, match="one label for each of the 60 samples"):
        make().fit(rows, known_labels=[1, 2])


def test_the_classes_are_saved(told, digits, tmp_path):
    told.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.classes_, told.classes_)
    np.testing.assert_array_equal(loaded.cluster_to_class_, told.cluster_to_class_)
    np.testing.assert_array_equal(loaded.predict_classes(digits), told.predict_classes(digits))


def test_a_pipeline_hands_them_on(rows, known):
    model = make_pipeline(StandardScaler(), make())
    labels = model.fit_predict(rows, contrastiveclustering__known_labels=known)
    assert labels.shape == (60,)
    np.testing.assert_array_equal(model[-1].classes_, [2, 5])


def test_a_search_divides_them_among_its_folds(rows, known, classes):
    with config_context(enable_metadata_routing=True):
        model = make().set_fit_request(known_labels=True)
        pipeline = make_pipeline(StandardScaler(), model)
        grid = {"contrastiveclustering__lr": [1e-3, 3e-3]}
        search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
        search.fit(rows, classes, known_labels=known)
    np.testing.assert_array_equal(search.best_estimator_[-1].classes_, [2, 5])


def test_a_state_of_other_known_labels_is_not_gone_on_from(rows, known, tmp_path):
    model = make(checkpoint_dir=tmp_path)
    model.fit(rows, known_labels=known)
    with pytest.raises(ValueError, match="known_labels"):
        model.fit(rows)


def test_a_fit_with_known_labels_is_resumed_to_the_same_end(rows, known, tmp_path, monkeypatch):
    from trainings import at_the_end_of_epoch

    whole = make().fit(rows, known_labels=known)

    def stop():
        raise OSError("power failure")

    with monkeypatch.context() as patch:
        at_the_end_of_epoch(patch, 2, stop)
        with pytest.raises(OSError, match="power failure"):
            make(checkpoint_dir=tmp_path).fit(rows, known_labels=known)
    resumed = make(checkpoint_dir=tmp_path).fit(rows, known_labels=known)
    np.testing.assert_array_equal(resumed.transform(rows), whole.transform(rows))
