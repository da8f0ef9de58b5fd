"""The contract between engine and method: a fifth method is one short file."""

from __future__ import annotations

from sklearn.utils.estimator_checks import check_estimator
from toy_method import SOURCE, ToyMethod


def test_it_is_short():
    lines = [line.strip() for line in SOURCE.splitlines()]
    assert len([line for line in lines if line and not line.startswith("#")]) <= 50


def test_it_passes_the_checks_of_scikit_learn():
    results = check_estimator(ToyMethod(max_epochs=30), on_skip=None, on_fail=None)
    assert len(results) > 40
    not_passed = {result["check_name"]: result for result in results}
    not_passed = {n: r["exception"] for n, r in not_passed.items() if r["status"] != "passed"}
    assert set(not_passed) <= {"check_array_api_input"}, not_passed


def test_it_clusters(digits):
    model = ToyMethod(n_clusters=3, max_epochs=3, batch_size=32, random_state=0).fit(digits)
    assert set(model.labels_) == set(range(model.n_clusters_))
    assert model.history_[-1]["loss"] < model.history_[0]["loss"]
    assert {"loss_instance", "loss_agreement", "loss_balance"} <= set(model.history_[0])
