"""The queue that knows whose features it holds."""

from __future__ import annotations

import pytest
import torch

from skdeepcluster.networks.queue import SampleQueue


@pytest.mark.parametrize("size", [1, 4, 9])
def test_labels_follow_the_samples(size: int) -> None:
    queue, pushed = SampleQueue(size, 2), []
    labels = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6])
    assert queue.labels(labels).tolist() == [-1] * size
    for numbers in (torch.tensor([7, 0, 3]), torch.tensor([2, 2]), torch.tensor([6])):
        queue.push(numbers[:, None] * torch.ones(1, 2), numbers)
        pushed += numbers.tolist()
        kept = pushed[-size:]
        for now in (labels, labels.flip(0)):
            found = queue.labels(now)
            assert sorted(found[found >= 0].tolist()) == sorted(int(now[i]) for i in kept)
            for row, label in zip(queue.rows, found.tolist(), strict=True):
                assert label == -1 or label == int(now[int(row[0])])


def test_numbers_are_exact_and_part_of_the_state() -> None:
    queue, other = SampleQueue(3, 1), SampleQueue(3, 1)
    large = 2**40 + 1
    queue.push(torch.ones(1, 1), torch.tensor([large]))
    other.load_state_dict(queue.state_dict())
    assert int(other.numbers.rows[0]) == large
    assert other.numbers.rows.dtype == torch.int64
