"""A fit that is going to take hours says so near its start, and no other does."""

from __future__ import annotations

import warnings

import pytest
import torch

from skdeepcluster import ContrastiveClustering
from skdeepcluster.training import pace
from skdeepcluster.training.pace import Pace

CPU = torch.device("cpu")


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def walk(n_steps, clock, seconds):
    watch = Pace(CPU)
    for number in range(min(n_steps, 20)):
        clock.now += seconds if number >= pace.SKIPPED else 60.0
        watch.step(n_steps - number - 1)


def test_hours_are_told_once(clock):
    with pytest.warns(UserWarning, match=r"about 5\.0 hours: a step takes 3 s on cpu") as caught:
        walk(6006, clock, 3.0)
    assert len(caught) == 1
    assert "image_size" in str(caught[0].message)
    assert "a GPU" in str(caught[0].message)


def test_what_does_not_apply_is_not_advised(clock):
    watch = Pace(torch.device("meta"), is_image=False)
    with pytest.warns(UserWarning, match=r"shorter: fewer max_epochs\. With") as caught:
        for number in range(10):
            clock.now += 3.0
            watch.step(6000 - number)
    assert len(caught) == 1


@pytest.mark.parametrize(("n_steps", "seconds"), [(2400, 2.9), (5, 10_000.0), (6, 10_000.0)])
def test_less_is_not_told(clock, n_steps, seconds):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        walk(n_steps, clock, seconds)


def test_a_resumed_fit_counts_what_is_left(clock):
    watch = Pace(CPU)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(20):
            clock.now += 3.0
            watch.step(2000 - number)


def test_it_points_at_the_line_of_the_fit(rows, monkeypatch):
    monkeypatch.setattr(pace, "LONG", 0.0)
    model = ContrastiveClustering(3, max_epochs=4, batch_size=16, random_state=0)
    with pytest.warns(UserWarning, match="This fit will take about") as caught:
        model.fit(rows)
    told = [w for w in caught if "will take" in str(w.message)]
    assert [w.filename for w in told] == [__file__]
