"""The progress bar, whatever becomes of a training."""

from __future__ import annotations

import pytest
from tqdm.auto import tqdm
from trainings import at_the_end_of_epoch, make


def test_the_bar_is_closed_when_a_fit_fails(rows, monkeypatch):
    open_before = len(tqdm._instances)

    def interrupt():
        assert len(tqdm._instances) == open_before + 1
        raise KeyboardInterrupt

    at_the_end_of_epoch(monkeypatch, 2, interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:  # keeps the bar from being collected
        make(verbose=1).fit(rows)
    assert len(tqdm._instances) == open_before
    del caught
