"""Classes that the caller knows, and which clusters stand for them."""

from __future__ import annotations

import numpy as np
import pytest

from skdeepcluster.data.known_labels import KnownLabels, match_to_classes, read_known_labels


def test_each_class_gets_the_cluster_of_its_place():
    known = read_known_labels([7, -1, 3, 7, -1], 5, 4)
    np.testing.assert_array_equal(known.classes, [3, 7])
    np.testing.assert_array_equal(known.clusters, [1, -1, 0, 1, -1])


@pytest.mark.parametrize("labels", [None, [-1, -1, -1], np.full(3, -1, dtype=np.int8)])
def test_nothing_known_is_none(labels):
    assert read_known_labels(labels, 3, 2) is None


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_any_integers_do(dtype):
    known = read_known_labels(np.array([1, 0, 1], dtype=dtype), 3, 2)
    np.testing.assert_array_equal(known.clusters, [1, 0, 1])


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 1], ValueError, r"one label for each of the 3 samples.*shape \(2,\)"),
        ([[0], [1], [1]], ValueError, r"shape \(3, 1\)"),
        ([0.0, 1.0, np.nan], TypeError, "must be integers.*float64"),
        (["cat", "dog", None], TypeError, "LabelEncoder"),
        ([True, False, True], TypeError, "must be integers.*bool"),
        ([0, -2, 1], ValueError, "-1 .unknown. or more; got -2"),
        (np.ma.array([0, 1, 1], mask=[0, 0, 1]), ValueError, "must not be masked"),
        (np.array([0, 1, 2**63], np.uint64), ValueError, r"below 2\*\*63; got 9223372036854775808"),
        ([0, 1, 2], ValueError, "names 3 classes, more than n_clusters=2"),
    ],
)
def test_what_cannot_be_read_is_refused(labels, error, message):
    with pytest.raises(error, match=message):
        read_known_labels(labels, 3, 2)


def test_clusters_are_matched_one_to_one_by_most_samples():
    known = KnownLabels(np.array([3, 7]), np.array([0, 0, 1, 1, 1, -1, -1]))
    labels = np.array([2, 2, 0, 0, 2, 1, 1])
    np.testing.assert_array_equal(match_to_classes(labels, 3, known), [7, -1, 3])


def test_a_class_that_shares_its_only_cluster_with_a_larger_one_has_none():
    known = KnownLabels(np.array([0, 1]), np.array([0, 0, 1, -1]))
    np.testing.assert_array_equal(match_to_classes(np.array([0, 0, 0, 1]), 2, known), [0, -1])
