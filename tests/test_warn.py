"""A warning points at the line that called into the package, however deep it arises."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeepcluster
from skdeepcluster import CLC
from skdeepcluster._warn import warn

CALLS = {
    "fit": lambda model, X: model.fit(X),
    "fit_predict": lambda model, X: model.fit_predict(X),
    "fit_transform": lambda model, X: model.fit_transform(X),
    "pipeline": lambda model, X: make_pipeline(StandardScaler(), model).fit_predict(X),
    "search": lambda model, X: GridSearchCV(model, {"lr": [1e-3]}, cv=2).fit(X),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_warning_points_at_the_line_of_the_caller(name):
    X = np.repeat(np.eye(3, 4), 10, axis=0)  # three different rows, for ten clusters
    with pytest.warns(ConvergenceWarning, match="of n_clusters=10 clusters have members") as caught:
        CALLS[name](CLC(n_clusters=10, max_epochs=1, random_state=0), X)
    places = {(w.filename, w.lineno) for w in caught if w.category is ConvergenceWarning}
    assert places == {(__file__, CALLS[name].__code__.co_firstlineno)}


def place_of_a_warning_from(path):
    """Warn from code that seems to be in a file, and return where the warning points."""
    scope = {"warn": warn}
    exec(compile("def call(): warn('look')", str(path), "exec"), scope)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scope["call"]()
    assert caught[0].category is UserWarning
    return caught[0].filename


def test_the_package_itself_is_passed_and_its_namesakes_are_not():
    package = Path(skdeepcluster.__file__).parent
    assert place_of_a_warning_from(package / "training" / "engine.py") == __file__
    for folder in (package.with_name("skdeepcluster_plus"), Path("scripts")):
        assert place_of_a_warning_from(folder / "run.py") == str(folder / "run.py")
