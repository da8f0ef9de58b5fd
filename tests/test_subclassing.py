"""Shipped estimators as bases of others."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from saved import load_quietly
from sklearn.base import clone

from skdeepcluster import ContrastiveClustering, ProPos

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Longer(ContrastiveClustering):
    """One parameter more, and few of the others."""

    def __init__(self, n_clusters=2, *, patience=3, random_state=0):
        super().__init__(n_clusters, max_epochs=patience, random_state=random_state)
        self.patience = patience


class Narrow(ProPos):
    """A parameter less, and another default."""

    def __init__(self, n_clusters=2, *, max_epochs=1, random_state=0):
        super().__init__(
            n_clusters, max_epochs=max_epochs, embedding_dim=5, random_state=random_state
        )


@pytest.mark.parametrize("Class", [Longer, Narrow])
def test_a_subclass_with_its_own_parameters_is_an_estimator(Class, rows, tmp_path):
    model = clone(Class()).set_params(n_clusters=3).fit(rows)
    assert set(model.get_params()) == set(Class().get_params())
    assert model.n_epochs_ == Class().max_epochs
    model.save(tmp_path / "model")
    for again in (pickle.loads(pickle.dumps(model)), load_quietly(tmp_path / "model")):
        assert again.get_params() == model.get_params()
        np.testing.assert_array_equal(again.transform(rows), model.transform(rows))


def test_a_subclass_gives_what_its_base_gives(rows):
    base = ContrastiveClustering(2, max_epochs=3, random_state=0).fit(rows)
    np.testing.assert_array_equal(Longer().fit(rows).transform(rows), base.transform(rows))
