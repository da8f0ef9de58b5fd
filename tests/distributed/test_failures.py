"""What one process cannot do ends all of them, soon and with its cause."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec

import pytest
import torch
from shared_steps import each, estimator, failing, images
from together import together

from skdeepcluster.training.device import resolve_device
from skdeepcluster.training.distributed import ANNOUNCED, Processes, open_processes

KINDS = {
    "input": ("failed in process 1: ValueError: Input X contains NaN", "contains NaN"),
    "data": ("process 1 has another number of samples", "process 1 has another number of samples"),
    "parameter": ("process 1 has another temperature", "process 1 has another temperature"),
    "counting": ("has another max_clusters, n_clusters", "has another max_clusters, n_clusters"),
    "folder": ("has another use of checkpoint_dir", "has another use of checkpoint_dir"),
    "callbacks": ("process 1 has another set of callbacks", "another set of callbacks"),
    "error": ("Another process of this training has failed", "the disk is gone"),
    "interrupt": ("Another process of this training has failed", "KeyboardInterrupt"),
}
if find_spec("sklearn.callback") is None:  # before scikit-learn 1.9
    del KINDS["callbacks"]


def test_all_processes_end_where_one_fails_and_can_train_again(tmp_path):
    found = together(each, 2, tmp_path, failing, [(kind,) for kind in (*KINDS, "")])
    for rank, told in enumerate(found):
        for (message, seconds), expected in zip(told[:-1], KINDS.values(), strict=True):
            assert expected[rank] in message
            assert seconds < 30
        assert told[-1][0] == ""


def test_processes_that_are_demanded_must_be_there():
    with pytest.raises(ValueError, match=r"distributed=True needs .*torchrun"):
        estimator("CLC", distributed=True).fit(images())
    with open_processes(False, torch.device("cpu")) as processes:
        assert (processes.rank, processes.size) == (0, 1)


def test_shares_differ_by_one_row_at_most():
    assert Processes(2, 3).lengths(10) == [3, 3, 4]
    assert [Processes(rank, 3).share(10) for rank in range(3)] == [
        slice(0, 3),
        slice(3, 6),
        slice(6, 10),
    ]


def test_a_worker_of_a_search_does_not_wait_for_the_launcher_s_processes(monkeypatch):
    for name, value in zip(ANNOUNCED, ("0", "2", "localhost", "1"), strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("multiprocessing.parent_process", lambda: object())
    with pytest.raises(ValueError, match="n_jobs=1"):
        estimator("CLC").fit(images())


def test_each_process_of_a_machine_has_a_device_of_its_own(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    assert resolve_device("auto") == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert resolve_device("auto") == resolve_device("cuda") == torch.device("cuda:3")
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    assert resolve_device("cpu") == torch.device("cpu")


def test_objects_are_sent_by_the_gpu_of_their_process(monkeypatch):
    """NCCL sends objects by the current device, which is the first in every process."""
    current = []

    @contextmanager
    def on(device):
        current.append(device)
        yield
        current.pop()

    group = {"new_group": lambda **_: None, "get_rank": lambda: 1, "get_world_size": lambda: 2}
    group |= {"is_initialized": lambda: True, "destroy_process_group": lambda *_: None}
    for name, function in group.items():
        monkeypatch.setattr(f"torch.distributed.{name}", function)
    monkeypatch.setattr("skdeepcluster.training.distributed._patience_of_world", lambda: None)
    monkeypatch.setattr("torch.cuda.device", on)
    with open_processes("auto", torch.device("cuda", 1)) as processes:
        assert current == [processes.device] == [torch.device("cuda", 1)]
    assert not current
