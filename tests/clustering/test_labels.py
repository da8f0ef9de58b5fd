"""Compaction of labels and entropy of cluster sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skdeepcluster.clustering.labels import compact_labels, size_entropy


@pytest.mark.parametrize(
    ("labels", "n_clusters", "used", "compacted"),
    [
        ([0, 0], 1, [0], [0, 0]),
        ([4, 1, 4, 7], 8, [1, 4, 7], [1, 0, 1, 2]),
        ([2, 0, 1], 3, [0, 1, 2], [2, 0, 1]),
        ([], 3, [], []),
    ],
)
def test_compact_labels(
    labels: list[int], n_clusters: int, used: list[int], compacted: list[int]
) -> None:
    old = np.array(labels, dtype=np.int32)
    result = compact_labels(old, n_clusters)
    np.testing.assert_array_equal(result[0], used)
    np.testing.assert_array_equal(result[1], compacted)
    np.testing.assert_array_equal(result[0][result[1]], old)
    assert result[0].dtype == result[1].dtype == np.int64


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_compact_labels_refuses_labels_out_of_range(labels: list[int]) -> None:
    with pytest.raises(ValueError, match=r"0 \.\.\. 2"):
        compact_labels(np.array(labels), 3)


@pytest.mark.parametrize(
    ("counts", "entropy"),
    [
        ([5], 1.0),
        ([5, 0, 0], 0.0),
        ([4, 4, 4], 1.0),
        ([6, 6, 0, 0], 0.5),
        ([1, 3], (0.25 * math.log(4) + 0.75 * math.log(4 / 3)) / math.log(2)),
    ],
)
def test_size_entropy(counts: list[int], entropy: float) -> None:
    value = size_entropy(torch.tensor(counts))
    assert isinstance(value, float) and value == pytest.approx(entropy, abs=1e-12)


@pytest.mark.parametrize("k", [2, 3, 7, 10, 1000])
def test_size_entropy_stays_in_the_unit_interval(k: int) -> None:
    for counts in (np.full(k, 7), np.arange(k), np.eye(k)[0] * 9):
        assert 0 <= size_entropy(torch.from_numpy(counts)) <= 1


def test_size_entropy_needs_a_sample() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        size_entropy(torch.zeros(3))
