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
    is_image : bool, default=True
        Whether samples are images, which can be made smaller.
    """

    def __init__(self, device: torch.device, *, is_image: bool = True) -> None:
        self.device, self.is_image = device, is_image
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
                warn(self._told(left, each))

    def _now(self) -> float:
        if self.device.type == "cuda":  # steps are queued there long before they are made
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def _told(self, left: float, each: float) -> str:
        ways = ["a smaller image_size", "backbone='small'"] if self.is_image else []
        ways += ["fewer max_epochs"] + ["a GPU"] * (self.device.type == "cpu")
        return (
            f"This fit will take about {left / 3600:.1f} hours: a step takes {each:.2g} s on "
            f"{self.device.type}. To make it shorter: {', '.join(ways)}. With checkpoint_dir it "
            "can be interrupted and resumed."
        )
