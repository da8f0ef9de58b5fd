"""Local generators, and seeds for them from scikit-learn's `random_state`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


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


@dataclass
class Generators:
    """
    Local sources of randomness.

    Parameters
    ----------
    order : torch.Generator
        Order of the samples, on the CPU.
    augmentation, noise : torch.Generator
        Views, and the method's own noise, on the training device.
    host, networks : torch.Generator
        What code of the caller's draws from torch's global streams in a step, as a trunk with
        dropout does: that of the CPU, and that of the training device.
    """

    order: torch.Generator
    augmentation: torch.Generator
    noise: torch.Generator
    host: torch.Generator
    networks: torch.Generator

    @classmethod
    def seeded(cls, seeds: list[int], device: torch.device) -> Generators:
        """
        Make the generators.

        Parameters
        ----------
        seeds : list of int
            Three seeds.
        device : torch.device
            The training device.

        Returns
        -------
        Generators
            The generators.
        """
        cpu = torch.device("cpu")
        places = (cpu, device, device, cpu, device)
        seeds = [*seeds, *draw_seeds(seeds[-1], 2)]
        return cls(*(torch.Generator(p).manual_seed(s) for p, s in zip(places, seeds, strict=True)))

    def streams(self, wanted: bool = True) -> tuple[torch.Generator, ...]:
        """
        List what takes the place of torch's global streams, one generator per device.

        Parameters
        ----------
        wanted : bool, default=True
            Whether anything may draw from them.

        Returns
        -------
        tuple of torch.Generator
            That of the CPU, and that of another training device; none where none is wanted.
        """
        one_each = {str(g.device): g for g in (self.host, self.networks)}
        return tuple(one_each.values()) if wanted else ()

    def copy(self) -> Generators:
        """
        Copy the generators: the copies give what these would give, and leave them where they are.

        Returns
        -------
        Generators
            Generators on the same devices, in the same states.
        """
        return Generators(*map(_copy, vars(self).values()))


def _copy(generator: torch.Generator) -> torch.Generator:
    copy = torch.Generator(generator.device)
    copy.set_state(generator.get_state())
    return copy
