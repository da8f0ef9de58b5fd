"""What the history says of an epoch, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from skdeepcluster.training import Step
from skdeepcluster.training.record import EpochRecord

CPU = torch.device("cpu")
SURE = 100.0  # a logit so large that its softmax is 1


def step(labels, n_clusters, embedding=None, **losses):
    """Make what a method returns of samples that are certain of their clusters."""
    logits = SURE * torch.eye(n_clusters)[labels]
    embedding = torch.zeros(len(labels), 2) if embedding is None else torch.tensor(embedding)
    return Step({n: torch.tensor(v) for n, v in (losses or {"a": 0.0}).items()}, logits, embedding)


def entry_of(labels, previous=None, n_clusters=2, index=None):
    """Record an epoch of one step."""
    previous = None if previous is None else torch.tensor(previous)
    n_samples = len(labels) if previous is None else len(previous)
    record = EpochRecord(n_samples, n_clusters, CPU, previous)
    record.add(step(labels, n_clusters), torch.tensor(index or range(len(labels))))
    return record.finish(1, 0.1)


def test_terms_are_means_over_steps_and_the_loss_is_their_sum():
    record = EpochRecord(6, 2, CPU, None)
    for k in range(3):
        terms = {"instance": 1.0 + k, "cluster": 0.5 * k}
        record.add(step([0, 1], 2, **terms), torch.tensor([2 * k, 2 * k + 1]))
    entry = record.finish(7, 0.01)
    assert entry["loss_instance"] == 2.0
    assert entry["loss_cluster"] == 0.5
    assert entry["loss"] == 2.5
    assert (entry["epoch"], entry["lr"]) == (7, 0.01)
    assert entry["images_per_second"] * entry["seconds"] == pytest.approx(6)
    assert not [value for value in entry.values() if type(value) not in (int, float)]


def test_confidence_and_spread_are_means_over_steps():
    record = EpochRecord(4, 2, CPU, None)
    record.add(step([0, 1], 2, [[1.0, 0.0], [-1.0, 0.0]]), torch.tensor([0, 1]))
    unsure = step([0, 1], 2, [[0.6, 0.8], [0.6, 0.8]])._replace(logits=torch.zeros(2, 2))
    record.add(unsure, torch.tensor([2, 3]))
    entry = record.finish(1, 0.1)
    assert entry["confidence"] == 0.75  # 1 and 1/2
    assert entry["spread"] == 0.5  # 1 and 0


def test_the_sums_keep_no_graph():
    record = EpochRecord(2, 2, CPU, None)
    result = step([0, 1], 2)
    weight = torch.ones(2, requires_grad=True)
    result = Step({"a": weight.sum()}, result.logits * weight, result.embedding * weight)
    record.add(result, torch.tensor([0, 1]))
    assert not any(value.requires_grad for value in record.sums.values())


@pytest.mark.parametrize(
    ("labels", "n_clusters", "entropy", "share"),
    [
        ([0, 1, 2, 3], 4, 1, 1 / 4),
        ([0, 1, 0, 1], 4, 1 / 2, 1 / 2),
        ([3, 3, 3, 3], 4, 0, 1),
        ([0, 0, 0, 1], 2, (0.75 * math.log(4 / 3) + 0.25 * math.log(4)) / math.log(2), 3 / 4),
        ([0, 0], 1, 1, 1),
    ],
)
def test_evenness_of_the_clusters(labels, n_clusters, entropy, share):
    entry = entry_of(labels, n_clusters=n_clusters)
    assert entry["cluster_entropy"] == pytest.approx(entropy)
    assert entry["largest_share"] == share


def test_samples_left_out_of_an_epoch_are_in_no_cluster():
    entry = entry_of([0, 1, 1], previous=[0] * 10, index=[7, 2, 5])
    assert entry["largest_share"] == pytest.approx(2 / 3)
    assert entry["changed_labels"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("previous", "changed"),
    [
        (None, 1.0),  # nothing to compare with
        ([0, 1, 0, 1], 0.0),
        ([1, 0, 0, 1], 0.5),
        ([-1, 0, -1, 1], 0.5),  # of the samples seen in both epochs
        ([-1, -1, -1, -1], 0.0),  # there is none
    ],
)
def test_the_share_of_changed_labels(previous, changed):
    assert entry_of([0, 1, 0, 1], previous)["changed_labels"] == changed


def test_of_a_sample_seen_twice_the_last_label_counts():
    record = EpochRecord(2, 2, CPU, torch.tensor([0, 0]))
    record.add(step([0, 0], 2), torch.tensor([0, 1]))
    record.add(step([1], 2), torch.tensor([1]))
    assert record.assigned.tolist() == [0, 1]
    assert record.finish(1, 0.1)["changed_labels"] == 0.5
