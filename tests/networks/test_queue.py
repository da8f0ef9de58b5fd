"""The queue against a list: wrap-around, long pushes, state, devices."""

from __future__ import annotations

import copy
from collections import deque

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from skdeepcluster.networks.queue import FeatureQueue


def numbered(start: int, n: int, shape: tuple[int, ...] = ()) -> Tensor:
    rows = torch.arange(start, start + n, dtype=torch.float32)
    return rows.reshape(-1, *[1] * len(shape)).expand(n, *shape)


@pytest.mark.parametrize("size", [1, 4, 7])
@pytest.mark.parametrize("lengths", [[1] * 9, [3, 3, 3], [2, 0, 5], [7, 4, 8], [20], [5, 20, 1]])
@pytest.mark.parametrize("shape", [(), (2,), (3, 2)])
def test_holds_the_last_rows(size: int, lengths: list[int], shape: tuple[int, ...]) -> None:
    queue, expected = FeatureQueue(size, shape), deque[float](maxlen=size)
    assert queue.mask().sum() == 0
    for length in lengths:
        rows = numbered(1 + sum(lengths), length, shape) + len(expected)
        queue.push(rows)
        expected.extend(row.flatten()[0].item() for row in rows)
        valid = queue.rows[queue.mask() == 1]
        assert sorted(row.flatten()[0].item() for row in valid) == sorted(expected)
        flat = valid.reshape(len(valid), -1)
        assert torch.equal(flat, flat[:, :1].expand_as(flat))  # no row is torn
        assert (queue.rows[queue.mask() == 0] == 0).all()
    assert queue.filled == min(size, sum(lengths))


def test_the_oldest_go_first_across_the_wrap_around() -> None:
    queue = FeatureQueue(5, ())
    for start, n in ((1, 3), (4, 4), (8, 1)):
        queue.push(numbered(start, n))
    assert queue.rows.tolist() == [6, 7, 8, 4, 5] and queue.pointer == 3
    queue.push(numbered(9, 5))
    assert queue.rows.roll(-int(queue.pointer)).tolist() == [9, 10, 11, 12, 13]


def test_state_survives_saving() -> None:
    queue = FeatureQueue(4, (2,))
    queue.push(torch.randn(3, 2, generator=torch.Generator().manual_seed(0)))
    other = FeatureQueue(4, (2,))
    other.load_state_dict(copy.deepcopy(queue.state_dict()))
    for each in (queue, other):
        each.push(numbered(1, 2, (2,)))
    assert set(queue.state_dict()) == {"rows", "filled", "pointer"}
    assert torch.equal(other.rows, queue.rows) and torch.equal(other.mask(), queue.mask())


def test_rows_are_stored_as_detached_float32_copies() -> None:
    queue, rows = FeatureQueue(4, (2,)), torch.ones(2, 2, dtype=torch.bfloat16, requires_grad=True)
    queue.push(rows)
    rows.data.fill_(5)
    assert queue.rows.dtype == torch.float32 and not queue.rows.requires_grad
    assert queue.rows.sum() == 4 and list(queue.parameters()) == []


def test_the_caller_keeps_the_same_buffer() -> None:
    queue = FeatureQueue(4, (2,))
    buffer = queue.rows
    queue.push(torch.ones(3, 2))
    assert queue.rows is buffer


@pytest.mark.parametrize("size", [0, -1])
def test_an_impossible_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        FeatureQueue(size, (2,))


def test_no_host_synchronisation_and_no_other_device() -> None:
    with FakeTensorMode(), torch.device("meta"):
        queue = FeatureQueue(4, (2,))
        for n in (1, 3, 9):
            queue.push(torch.randn(n, 2))
        assert queue.mask().device.type == "meta"
