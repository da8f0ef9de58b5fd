"""Seeds for local generators from scikit-learn's `random_state`."""

from __future__ import annotations

import numpy as np

__all__ = ["draw_seeds"]


def draw_seeds(random_state: int | np.random.RandomState | None, n_seeds: int) -> list[int]:
    """
    Draw independent seeds.

    Parameters
    ----------
    random_state : int, RandomState or None
        An int gives the same seeds at every call; a `RandomState` is drawn from and moves on; None
        takes fresh entropy from the operating system and leaves numpy's global state alone.
    n_seeds : int
        How many.

    Returns
    -------
    list of int
        Seeds below 2**31.
    """
    if isinstance(random_state, np.random.RandomState):
        return [int(seed) for seed in random_state.randint(2**31 - 1, size=n_seeds)]
    words = np.random.SeedSequence(random_state).generate_state(n_seeds)
    return [int(word) >> 1 for word in words]
