"""Seeds from what scikit-learn calls `random_state`, and generators from seeds."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skdeepcluster.training.seeds import Generators, draw_seeds

CPU = torch.device("cpu")


def draws(generators):
    return {name: torch.rand(3, generator=g).tolist() for name, g in vars(generators).items()}


def states(generators):
    return {name: g.get_state().tolist() for name, g in vars(generators).items()}


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
def test_an_int_gives_the_same_seeds_at_every_call(seed):
    seeds = draw_seeds(seed, 4)
    assert draw_seeds(seed, 4) == draw_seeds(np.int64(seed), 4) == seeds
    assert len(set(seeds)) == 4
    assert all(type(s) is int and 0 <= s < 2**31 for s in seeds)
    assert not set(seeds) & set(draw_seeds(seed ^ 1, 4))


def test_a_random_state_moves_on():
    stream = np.random.RandomState(0)
    first, second = draw_seeds(stream, 4), draw_seeds(stream, 4)
    assert not set(first) & set(second)
    assert draw_seeds(np.random.RandomState(0), 8) == first + second
    assert all(type(s) is int and 0 <= s < 2**31 for s in first)


def test_none_gives_others_at_every_call_and_leaves_the_global_stream_alone():
    before = [str(part) for part in np.random.get_state()]  # noqa: NPY002
    assert not set(draw_seeds(None, 4)) & set(draw_seeds(None, 4))
    assert [str(part) for part in np.random.get_state()] == before  # noqa: NPY002


def test_equal_seeds_give_equal_generators_each_of_its_own():
    first, second = (draws(Generators.seeded([1, 2, 3], CPU)) for _ in range(2))
    assert first == second
    assert len(set(map(tuple, first.values()))) == 5


@pytest.mark.parametrize("changed", range(3))
def test_every_seed_counts(changed):
    seeds = [1, 2, 3]
    seeds[changed] = 7
    ours, theirs = (draws(Generators.seeded(s, CPU)) for s in ([1, 2, 3], seeds))
    differ = {name for name in ours if ours[name] != theirs[name]}
    assert differ == [{"order"}, {"augmentation"}, {"noise", "host", "networks"}][changed]


def test_a_copy_goes_on_alike_and_leaves_the_original_where_it_is():
    original = Generators.seeded([1, 2, 3], CPU)
    draws(original)
    before, copy = states(original), original.copy()
    drawn = draws(copy)
    assert states(original) == before
    assert draws(original) == drawn


def test_streams_are_one_per_device():
    generators = Generators.seeded([1, 2, 3], CPU)
    assert len(generators.streams()) == 1
    assert generators.streams()[0] in (generators.host, generators.networks)
    assert generators.streams(wanted=False) == ()
    elsewhere = SimpleNamespace(device=torch.device("cuda:1"))
    generators.networks = elsewhere
    assert generators.streams() == (generators.host, elsewhere)
