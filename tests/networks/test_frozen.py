"""What the caller froze stays frozen."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from trainings import trainer_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def trunk():
    return nn.Sequential(nn.Linear(16, 12), nn.BatchNorm1d(12), nn.Linear(12, 8))


def equal(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return [torch.equal(a, b) for a, b in pairs]


def test_a_frozen_trunk_does_not_change_at_all(quick, rows):
    frozen = trunk().requires_grad_(False)
    model = quick(backbone=frozen).fit(rows)
    assert all(equal(model.backbone_, frozen))
    assert not any(p.requires_grad for p in model.backbone_.parameters())
    again = model.set_params(warm_start=True).fit(rows)
    assert all(equal(again.backbone_, frozen))


def test_parts_that_are_frozen_keep_their_weights(quick, rows):
    given = trunk()
    given[0].requires_grad_(False)
    before = copy.deepcopy(given)
    model = quick(backbone=given).fit(rows)
    assert equal(model.backbone_[0], before[0]) == [True, True]
    assert not any(equal(model.backbone_[2], before[2]))
    assert not torch.equal(model.backbone_[1].running_mean, before[1].running_mean)
    flags = [p.requires_grad for p in model.backbone_.parameters()]
    assert flags == [p.requires_grad for p in given.parameters()]


def test_the_optimiser_sees_trainable_parameters_only(quick, rows):
    given = trunk()
    given[0].requires_grad_(False)
    for backbone in (given, trunk().requires_grad_(False)):
        trainer = trainer_of(quick(backbone=backbone), rows)
        trained = [p for group in trainer.optimizer.param_groups for p in group["params"]]
        assert trained
        assert all(p.requires_grad for p in trained)


def test_a_frozen_trunk_stays_in_evaluation_mode(quick, rows):
    objective = trainer_of(quick(backbone=trunk().requires_grad_(False)), rows).objective.train()
    assert not any(part.training for trunk in objective.trunks() for part in trunk.modules())
    assert any(part.training for part in objective.modules())
    objective = trainer_of(quick(backbone=trunk()), rows).objective.train()
    assert all(part.training for part in objective.modules())


def test_a_factor_of_0_freezes_the_trunk(quick, rows):
    given = trunk()
    model = quick(backbone=given, backbone_lr_factor=0).fit(rows)
    assert all(equal(model.backbone_, given))
    assert all(p.requires_grad for p in given.parameters())


def test_the_trunk_learns_at_its_own_rate(quick, rows):
    trainer = trainer_of(quick(backbone=trunk(), backbone_lr_factor=0.1), rows)
    trunk_parameters = {p for one in trainer.objective.trunks() for p in one.parameters()}
    trainer._set_lr(10**6)
    rates = {True: set(), False: set()}
    for group in trainer.optimizer.param_groups:
        for parameter in group["params"]:
            rates[parameter in trunk_parameters].add(group["lr"])
    (slow,), fast = rates[True], rates[False]
    assert slow == pytest.approx(0.1 * min(fast))
    plain = trainer_of(quick(backbone=trunk()), rows)
    counts = [
        sum(p.numel() for group in one.optimizer.param_groups for p in group["params"])
        for one in (trainer, plain)
    ]
    assert counts[0] == counts[1]


def test_a_slow_trunk_keeps_its_statistics_and_moves_its_weights(quick, rows):
    given = trunk()
    model = quick(backbone=given, backbone_lr_factor=0.1).fit(rows)
    assert torch.equal(model.backbone_[1].running_mean, given[1].running_mean)
    assert torch.equal(model.backbone_[1].running_var, given[1].running_var)
    assert not torch.equal(model.backbone_[0].weight, given[0].weight)
    assert not torch.equal(model.backbone_[1].weight, given[1].weight)
