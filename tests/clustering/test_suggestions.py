"""Which samples are suggested for labelling."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from trainings import make

from skdeepcluster.clustering import suggestions
from skdeepcluster.clustering.suggestions import margins, open_rows, suggest

N, GROUPS = 120, 6


def embedded(n: int = N) -> np.ndarray:
    """Return points in six directions, in turn."""
    spread = np.random.default_rng(0).normal(scale=0.02, size=(n, GROUPS))
    return (np.eye(GROUPS)[np.arange(n) % GROUPS] + spread).astype(np.float32)


def certain(n: int = N, margin: float = 0.9) -> np.ndarray:
    return np.tile(np.array([1 + margin, 1 - margin, 0], np.float32) / 2, (n, 1))


def test_each_group_gives_its_most_doubtful_sample_the_most_doubtful_first() -> None:
    probabilities = certain()
    doubtful = [63, 4, 41, 72, 13, 50]  # one of each group
    for row, margin in zip(doubtful, np.linspace(0, 0.5, 6), strict=True):
        probabilities[row] = certain(1, margin)[0]
    np.testing.assert_array_equal(suggest(np.arange(N), probabilities, embedded(), 6), doubtful)


def test_the_margin_is_between_the_two_most_probable_clusters() -> None:
    found = margins(np.array([[0.2, 0.5, 0.3], [0.0, 0.0, 1.0], [0.4, 0.2, 0.4]]))
    np.testing.assert_allclose(found, [0.2, 1.0, 0.0])


def test_only_open_samples_are_suggested() -> None:
    known = np.where(np.arange(N) % 2, 3, -1)
    rows = open_rows(10, N, known)
    np.testing.assert_array_equal(rows, np.arange(0, N, 2))
    chosen = suggest(rows, certain(), embedded(), 10)
    assert len(set(chosen)) == 10
    assert set(chosen) <= set(rows)


def test_with_one_cluster_suggestions_are_spread() -> None:
    chosen = suggest(np.arange(N), np.ones((N, 1), np.float32), embedded(), GROUPS)
    assert set(chosen % GROUPS) == set(range(GROUPS))


@pytest.mark.parametrize("n", [0, 1, 50, N])
def test_there_are_as_many_suggestions_as_asked_for_and_none_twice(n: int) -> None:
    for embedding in (embedded(), np.ones((N, 4), np.float32), np.zeros((N, 4), np.float64)):
        chosen = suggest(np.arange(N), certain(), embedding, n)
        assert chosen.dtype == np.int64
        assert len(chosen) == len(set(chosen)) == n
        assert set(chosen) <= set(range(N))


def test_distinct_samples_come_before_their_copies() -> None:
    copies = np.eye(4, dtype=np.float32)[np.arange(N) % 4]
    chosen = suggest(np.arange(N), certain(), copies, 10)
    assert set(chosen[:4] % 4) == set(range(4))


def test_of_many_samples_some_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "FEWEST_CANDIDATES", 10)
    monkeypatch.setattr(suggestions, "PER_SUGGESTION", 5)
    seen = []
    monkeypatch.setattr(suggestions, "margins", lambda p: seen.append(len(p)) or margins(p))
    assert len(suggest(np.arange(N), certain(), embedded(), 6)) == 6
    assert seen == [30]


@pytest.mark.parametrize(
    ("n", "known", "error", "message"),
    [
        (61, None, ValueError, "got n=61 for 60 samples"),
        (-1, None, ValueError, "n must be from 0 .*got n=-1 for 60 samples"),
        (31, np.arange(60) % 2 - 1, ValueError, "n=31 for 60 samples, of which 30 have a known"),
        (2.0, None, TypeError, "n must be an integer; got 2.0"),
        (2, [1, 2], ValueError, "known_labels must have one label for each of the 60 samples"),
        (2, np.zeros(60), TypeError, "known_labels must be integers"),
    ],
)
def test_what_cannot_be_suggested_is_refused_before_the_networks_are_asked(
    n: object, known: object, error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = load_digits().images[:60].astype(np.uint8)
    model = make(n_clusters=2, max_epochs=1, image_size=4).fit(images)
    monkeypatch.setattr(type(model._model), "collect", None)
    with pytest.raises(error, match=message):
        model.suggest_labels(images, n, known_labels=known)


def test_a_fitted_estimator_suggests_the_same_samples_every_time() -> None:
    images = load_digits().images[:60].astype(np.uint8)
    model = make(max_epochs=2).fit(images)
    known = np.where(np.arange(60) < 20, 0, -1)
    chosen = model.suggest_labels(images, 7, known_labels=known)
    np.testing.assert_array_equal(chosen, model.suggest_labels(images, 7, known_labels=known))
    rows = np.arange(20, 60)
    expected = suggest(rows, model.predict_proba(images), model.transform(images), 7)
    np.testing.assert_array_equal(chosen, expected)
