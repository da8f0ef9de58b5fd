"""How estimators show themselves, at a prompt and in a notebook."""

from __future__ import annotations

import copy


def test_only_changed_parameters_are_shown(Estimator):
    assert repr(Estimator()) == f"{Estimator.__name__}()"
    assert repr(Estimator(5, lr=0.1)) == f"{Estimator.__name__}(lr=0.1, n_clusters=5)"


def test_a_notebook_shows_whether_an_estimator_is_fitted(Estimator, fitted):
    assert "<span>Not fitted</span>" in Estimator()._repr_html_()
    shown = copy.deepcopy(fitted)._repr_html_()
    assert "<span>Fitted</span>" in shown
    assert "Not fitted" not in shown
