"""Processes find each other again, whatever an earlier `fit` or start has left behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import torch.distributed as dist

from skdeepcluster.training import distributed


@pytest.fixture
def store():
    return dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)


def meet(store, size=3):
    """Let processes meet, the first one last."""
    ranks = list(reversed(range(size)))
    clients = [dist.TCPStore("127.0.0.1", store.port, is_master=False) for _ in ranks]
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(distributed._meeting, clients, ranks, [size] * size))


def test_every_fit_is_a_meeting_of_its_own(store):
    assert [meet(store) for _ in range(3)] == [[1] * 3, [2] * 3, [3] * 3]


@pytest.mark.parametrize("gone", [("1",), ("2",), ("1", "2")])
def test_a_meeting_that_some_did_not_live_to_join_is_not_joined_later(gone, store):
    store.add("skdeepcluster/meetings", 1)  # by the first, which then died
    for rank in gone:
        store.add(f"skdeepcluster/1/{rank}", 1)
    assert meet(store) == [2, 2, 2]


def test_who_waits_in_vain_is_told(monkeypatch, store):
    monkeypatch.setattr(distributed, "PATIENCE", timedelta(seconds=0.1))
    for rank in (1, 0):
        with pytest.raises(RuntimeError, match="Not all 2 processes have called fit"):
            distributed._meeting(store, rank, 2)
