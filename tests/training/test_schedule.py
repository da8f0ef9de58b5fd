"""Batches of equal size, as many as training needs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from trainings import trainer_of

from skdeepcluster import CLC
from skdeepcluster.training import schedule
from skdeepcluster.training.schedule import (
    choose_max_epochs,
    choose_warmup_epochs,
    draw_rows,
    fit_batch_size,
    plan_batches,
)


@pytest.mark.parametrize(
    ("n", "n_clusters", "expected"),
    [(10, 2, 64), (512, 16, 64), (513, 16, 65), (300, 20, 80), (2041, 10, 256), (10**6, 500, 256)],
)
def test_the_size_of_batches_follows_samples_and_clusters(n, n_clusters, expected):
    assert fit_batch_size(n, n_clusters) == expected


def test_an_automatic_batch_is_what_the_rule_says(rows):
    trainers = []
    for size in ("auto", 75):
        trainers.append(trainer_of(CLC(2, batch_size=size), np.tile(rows, (10, 1))))
    assert trainers[0].settings.schedule == trainers[1].settings.schedule
    assert trainers[0].settings.schedule.steps_per_epoch == 8


@pytest.mark.parametrize(
    ("n", "batch_size"), [(10, 256), (256, 256), (257, 256), (1797, 128), (31, 2)]
)
def test_batches_are_equal_and_cover_nearly_everything(n, batch_size):
    schedule = plan_batches(n, batch_size, max_epochs=3, warmup_epochs=9)
    seen = schedule.batch_size * schedule.steps_per_epoch
    assert 2 <= schedule.batch_size <= batch_size
    assert n - schedule.steps_per_epoch < seen <= n
    assert schedule.n_steps == 3 * schedule.steps_per_epoch
    assert schedule.warmup_epochs == 3


def test_an_epoch_leaves_the_samples_over_that_make_no_whole_batch(rows):
    trainer = trainer_of(CLC(2, batch_size=16, random_state=0), rows[:50])
    orders = [trainer._order(None) for _ in range(20)]
    assert {order.shape for order in orders} == {(4, 12)}
    assert all(len(order.unique()) == 48 for order in orders)
    left_over = [set(range(50)) - set(order.flatten().tolist()) for order in orders]
    assert len(set().union(*left_over)) > 10


@pytest.mark.parametrize(
    ("is_image", "steps", "epochs"),
    [
        (False, 1, 50),
        (False, 50, 50),
        (False, 51, 50),
        (False, 100, 25),
        (False, 1000, 10),
        (True, 8, 50),
        (True, 15, 34),
        (True, 20, 25),
        (True, 200, 13),
        (True, 1000, 10),
    ],
)
def test_trainings_are_as_long_as_their_steps_say(is_image, steps, epochs):
    assert choose_max_epochs(is_image, steps, 10_000) == epochs


def test_a_few_hundred_images_are_trained_for_longer():
    assert [choose_max_epochs(True, 8, n) for n in (2, 500, 999, 1000)] == [100, 100, 100, 50]
    assert choose_max_epochs(True, 100, 500) == 25  # in batches of five
    assert choose_max_epochs(False, 8, 500) == 50


def test_the_rate_rises_over_a_share_of_the_epochs():
    assert choose_warmup_epochs(False, 50) == 10
    assert choose_warmup_epochs(True, 50) == 12
    assert choose_warmup_epochs(False, 3) == choose_warmup_epochs(True, 3) == 0


@pytest.mark.parametrize("most", [2**24, 2])
def test_rows_are_drawn_as_often_as_their_weights_say(monkeypatch, most):
    monkeypatch.setattr(schedule, "MOST_OF_TORCH", most)
    weights = torch.tensor([1.0, 0.0, 3.0, 4.0])
    drawn = draw_rows(weights, 8000, torch.Generator().manual_seed(0))
    share = torch.bincount(drawn, minlength=4) / 8000
    torch.testing.assert_close(share, weights / 8, atol=0.02, rtol=0)
