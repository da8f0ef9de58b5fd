"""`tol` ends a training whose clusters have settled; rates and momentum that stay."""

from __future__ import annotations

import pytest
from comparing import assert_same_fit
from trainings import trainer_of

from skdeepcluster import ContrastiveClustering, ProPos

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SETTINGS = {"max_epochs": 8, "batch_size": 32, "warmup_epochs": 2, "random_state": 0}


@pytest.mark.parametrize("tol", [1.0, 0.0])
def test_training_ends_after_three_quiet_epochs_beyond_the_warm_up(rows, tol):
    model = ContrastiveClustering(3, tol=tol, **SETTINGS).fit(rows)
    assert model.n_epochs_ == len(model.history_) == (5 if tol else 8)


@pytest.mark.parametrize(
    ("changed", "n_epochs"),
    [
        ([0.9, 0.9, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9], 5),
        ([0.1, 0.1, 0.1, 0.1, 0.3, 0.1, 0.1, 0.1], 8),
        ([0.1, 0.1, 0.1, 0.2, 0.3, 0.2, 0.2, 0.2], 8),
        ([0.9, 0.9, 0.9, 0.2, 0.2, 0.2, 0.9, 0.9], 6),
    ],
)
def test_quiet_epochs_follow_one_another(rows, changed, n_epochs):
    trainer = trainer_of(ContrastiveClustering(3, tol=0.2, **SETTINGS), rows)
    trainer._train_epoch = lambda: {"loss": 0.0, "changed_labels": changed[trainer.epoch]}
    trainer.run(lambda: None, lambda entry: False)
    assert trainer.epoch == len(trainer.history) == n_epochs


def test_a_warm_start_judges_its_own_epochs(rows):
    model = ContrastiveClustering(3, tol=1.0, warm_start=True, **SETTINGS).fit(rows)
    assert model.fit(rows).n_epochs_ == 10


def test_a_settled_training_is_returned_from_its_folder(rows, tmp_path):
    model = ContrastiveClustering(3, tol=1.0, checkpoint_dir=tmp_path, **SETTINGS)
    first = ContrastiveClustering(**model.get_params()).fit(rows)
    second = model.fit(rows)
    assert_same_fit(first, second, rows)
    assert second.history_[-1]["seconds"] == first.history_[-1]["seconds"]


def test_the_learning_rate_can_stay(rows):
    model = ContrastiveClustering(3, lr=0.01, lr_schedule="constant", **SETTINGS).fit(rows)
    rates = [entry["lr"] for entry in model.history_]
    assert rates == pytest.approx([0.005] + [0.01] * 7)


@pytest.mark.parametrize(("schedule", "last"), [("constant", 0.75), ("cosine", 1.0)])
def test_the_momentum_can_stay(rows, schedule, last):
    model = ProPos(3, momentum=0.75, momentum_schedule=schedule, **SETTINGS)
    objective = trainer_of(model, rows).objective
    moved = []
    for step in (0, objective.schedule.n_steps):
        for parameter in objective.model.network.parameters():
            parameter.data.zero_()
        for parameter in objective.online.parameters():
            parameter.data.fill_(1.0)
        objective.after_step(step, ())
        moved.append(float(next(objective.model.network.parameters()).flatten()[0]))
    assert moved == pytest.approx([0.25, 1 - last])
