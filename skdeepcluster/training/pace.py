"""How long a training is going to take, judged by its first steps."""

from __future__ import annotations

import time

import torch

from skdeepcluster._warn import warn

SKIPPED = 2  # the first steps allocate memory, choose kernels, compile
JUDGED_BY = 4
LONG = 2 * 3600.0


class Pace:
    """
    Time a few steps near the start, and warn once where the rest will take hours.

    Parameters
    ----------
    device : torch.device
        Where they are made.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.made = 0
        self.started = 0.0

    def step(self, n_left: int) -> None:
        """
        Count a step that has been made.

        Parameters
        ----------
        n_left : int
            Number of steps still to be made.

        Warns
        -----
        UserWarning
            If the steps after the first six will take two hours or more, at the pace of four of
            them.
        """
        self.made += 1
        if self.made == SKIPPED:
            self.started = self._now()
        elif self.made == SKIPPED + JUDGED_BY:
            each = (self._now() - self.started) / JUDGED_BY
            left = each * n_left
            if left >= LONG:
                warn(_told(left, each, self.device))

    def _now(self) -> float:
        if self.device.type == "cuda":  # steps are queued there long before they are made
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def _told(left: float, each: float, device: torch.device) -> str:
    return (
        f"This fit will take about {left / 3600:.1f} hours: a step takes {each:.2g} s on "
        f"{device.type}. A smaller image_size, backbone='small', fewer max_epochs or a GPU make it "
        "shorter; with checkpoint_dir it can be interrupted and resumed."
    )
