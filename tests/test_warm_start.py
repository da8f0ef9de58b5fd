"""A warm start goes on with the networks that are there, and with the parameters of now."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from comparing import without_times

from skdeepcluster import CLC, ContrastiveClustering, ProPos, TwinContrastClustering, load
from skdeepcluster.data.samples import read_samples
from skdeepcluster.training.inference import infer_samples

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def fitted(rows):
    def fit(Estimator, **parameters):
        settings = {"n_clusters": 3, "max_epochs": 2, "batch_size": 32, "random_state": 0}
        return Estimator(**{**settings, "warm_start": True, **parameters}).fit(rows)

    return fit


@pytest.mark.parametrize(
    ("method", "changed", "term"),
    [
        (ContrastiveClustering, {"entropy_weight": 0.0}, "loss_entropy"),
        (CLC, {"swapped_weight": 0.0}, "loss_swapped"),
        (ProPos, {"scattering_weight": 0.0, "cluster_warmup_epochs": 0}, "loss_scattering"),
        (TwinContrastClustering, {"cluster_weight": 0.0}, "loss_cluster"),
    ],
)
def test_parameters_of_the_loss_take_effect(fitted, rows, method, changed, term):
    model = fitted(method, **({"cluster_warmup_epochs": 0} if method is ProPos else {}))
    assert model.history_[-1][term] != 0
    model.set_params(**changed).fit(rows)
    assert [entry["epoch"] for entry in model.history_] == [1, 2, 3, 4]
    assert [entry[term] for entry in model.history_[2:]] == [0, 0]


def sharpness(model, rows):
    """Return how far the logits of a sample lie apart, before they are calibrated."""
    fitted = model._model
    found = infer_samples(fitted.model, read_samples(rows), fitted.scaling, None, lambda _: None)
    return np.ptp(np.concatenate([logits.cpu() for _, logits in found]), axis=1).mean()


@pytest.mark.parametrize(
    ("method", "changed"),
    [
        (CLC, {"categorical_temperature": 0.01}),
        (ProPos, {"temperature": 0.01}),
        (TwinContrastClustering, {"assignment_temperature": 0.01}),
    ],
)
def test_parameters_that_the_model_uses_take_effect(fitted, rows, tmp_path, method, changed):
    model = fitted(method, max_epochs=1)
    before = sharpness(model, rows)
    model.set_params(**changed).fit(rows)
    assert sharpness(model, rows) > 5 * before
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model").predict_proba(rows)
    np.testing.assert_array_equal(loaded, model.predict_proba(rows))


STRUCTURAL = [
    ({"n_clusters": 4}, "n_clusters was 3, is 4"),
    ({"embedding_dim": 7}, r"embedding_dim was \d+, is 7"),
    ({"backbone": torch.nn.Linear(16, 8)}, "backbone was 'auto', is Linear"),
]


@pytest.mark.parametrize(("changed", "message"), STRUCTURAL)
def test_parameters_of_the_networks_are_refused_by_name(fitted, rows, Estimator, changed, message):
    model = fitted(Estimator)
    before = model.transform(rows)
    with pytest.raises(ValueError, match=f"warm_start=True goes on with .*{message}"):
        model.set_params(**changed).fit(rows)
    np.testing.assert_array_equal(model.transform(rows), before)
    assert model.set_params(warm_start=False).fit(rows).n_epochs_ == 2


def test_another_shape_is_refused_by_name(fitted, rows):
    with pytest.raises(ValueError, match=r"shape of a sample was \(16,\), is \(15,\)"):
        fitted(CLC).fit(rows[:, 1:])


def test_all_parameters_that_shape_the_networks_are_known(Estimator, fitted, rows):
    """Of each number that is changed, the shapes of the weights or the list must know nothing."""

    def shapes(model):
        return {name: value.shape for name, value in model._model.model.state_dict().items()}

    model = fitted(Estimator, max_epochs=1)
    numbers = {n: v for n, v in model.get_params().items() if type(v) is int or v == "auto"}
    words = {"hidden_dim": 9, "queue_length": 9}
    costly = {"max_epochs", "n_clusters", "verbose", "random_state", "checkpoint_interval"}
    for name in numbers.keys() - costly - set(Estimator._structural_parameters):
        value = words.get(name, 3 if type(numbers[name]) is int else "auto")
        other = fitted(Estimator, max_epochs=1, **{name: value})
        assert shapes(other) == shapes(model), name


def test_weights_for_further_training_survive_a_pickle_where_they_are_wanted(rows, fitted):
    for Estimator in (ProPos, TwinContrastClustering):
        model = fitted(Estimator)
        kept = pickle.loads(pickle.dumps(model))
        dropped = pickle.loads(pickle.dumps(model.set_params(warm_start=False)))
        copied = copy.deepcopy(model)
        assert kept._further_weights.keys() == model._further_weights.keys() != set()
        assert dropped._further_weights == {}
        model.set_params(warm_start=True).fit(rows)
        for other in (kept, copied.set_params(warm_start=True)):
            assert without_times(other.fit(rows).history_) == without_times(model.history_)
        assert dropped.set_params(warm_start=True).fit(rows).n_epochs_ == 4


def test_weights_of_another_training_are_refused(rows, fitted):
    model = fitted(TwinContrastClustering)
    model._further_weights = fitted(ProPos)._further_weights
    with pytest.raises(ValueError, match="weights kept for further training do not belong"):
        model.fit(rows)


def test_columns_in_another_order_are_refused(rows):
    frame = pd.DataFrame(rows, columns=[f"value {i}" for i in range(rows.shape[1])])
    model = CLC(3, max_epochs=1, random_state=0, warm_start=True).fit(frame)
    before = model.labels_
    with pytest.raises(ValueError, match="same order"):
        model.fit(frame[frame.columns[::-1]])
    assert model.labels_ is before
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.fit(frame).n_epochs_ == 2
