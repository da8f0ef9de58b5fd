"""Muon for the kernels of convolutions, Adam for everything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

LR_FACTOR = 20.0  # an orthogonal update is as long as its rank allows, however small the gradient
_MOMENTUM = 0.95
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_LEAST_WEIGHTS = 512


def is_kernel(parameter: Tensor) -> bool:
    """
    Tell whether Muon updates a parameter.

    Parameters
    ----------
    parameter : Tensor
        A parameter of a network.

    Returns
    -------
    bool
        Whether it is the kernel of a convolution, with 512 weights or more; a stem on grey images
        has too few for a direction to be worth more than a length. What has a single row, such as
        the positions of a vision transformer, is none.
    """
    return parameter.ndim > 2 and len(parameter) > 1 and parameter.numel() >= _LEAST_WEIGHTS


def orthogonalise(matrices: Tensor, n_steps: int = 5) -> Tensor:
    """
    Set the singular values of matrices to about 1, by a few steps of Newton and Schulz.

    Parameters
    ----------
    matrices : Tensor of shape (m, a, b)
        Any matrices.
    n_steps : int, default=5
        Rounds; after 5, singular values down to a hundredth of the norm are within 0.32 of 1.

    Returns
    -------
    Tensor of shape (m, a, b)
        With the singular vectors of the given ones; zero where they are zero.

    References
    ----------
    .. [1] Jordan, K., et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices  # the products below are of the shorter side
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-12)
    # Each round multiplies x by a polynomial of its Gram matrix. These commute, so that the rounds
    # can be made on the small Gram matrix alone, at a third of the cost.
    gram = x @ x.mT
    factor = torch.eye(x.shape[1], device=x.device, dtype=x.dtype).expand_as(gram)
    for _ in range(n_steps):
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        polynomial.diagonal(dim1=1, dim2=2).add_(a)
        factor = polynomial @ factor
        gram = polynomial @ gram @ polynomial
    x = factor @ x
    return x.mT if tall else x


class Muon(torch.optim.AdamW):
    """
    Move kernels of convolutions along orthogonal matrices, other parameters as AdamW does.

    A kernel is taken as the matrix of shape (channels out, everything else). Its momentum is made
    orthogonal, so that rare directions are learnt as fast as frequent ones; its learning rate is
    20 times that of the group.

    Parameters
    ----------
    groups : iterable of dict
        Groups of parameters.
    lr : float
        Learning rate.
    weight_decay : float
        Decoupled weight decay.
    fused : bool
        Whether Adam's part is fused.

    References
    ----------
    .. [1] Jordan, K., et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], lr: float, weight_decay: float, fused: bool
    ) -> None:
        super().__init__(groups, lr=lr, weight_decay=weight_decay, fused=fused)
        # A fused Adam would be left to unscale gradients itself, which Muon needs unscaled.
        self._step_supports_amp_scaling = False

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """
        Make one step.

        Parameters
        ----------
        closure : None
            Not used; AdamW's signature.

        Returns
        -------
        None
            What AdamW returns without a closure.
        """
        held: list[tuple[Tensor, Tensor]] = []
        for group in self.param_groups:
            kernels = [p for p in group["params"] if p.grad is not None and is_kernel(p)]
            self._move(kernels, group["lr"] * LR_FACTOR, group["weight_decay"])
            held += [(kernel, kernel.grad) for kernel in kernels]
            for kernel in kernels:
                kernel.grad = None  # so that Adam passes it over
        result = super().step(closure)
        for kernel, gradient in held:
            kernel.grad = gradient
        return result

    def _move(self, kernels: list[Tensor], lr: float, weight_decay: float) -> None:
        by_shape: dict[torch.Size, list[Tensor]] = {}
        for kernel in kernels:
            by_shape.setdefault(kernel.shape, []).append(kernel)
        for shape, alike in by_shape.items():  # at once, as a GPU would wait for single kernels
            updates = orthogonalise(torch.stack([self._direction(k).flatten(1) for k in alike]))
            stretch = max(1.0, updates.shape[1] / updates.shape[2]) ** 0.5
            for kernel, update in zip(alike, updates, strict=True):
                kernel.mul_(1 - lr * weight_decay)
                kernel.add_(update.view(shape), alpha=-lr * stretch)

    def _direction(self, kernel: Tensor) -> Tensor:
        """Return the gradient after Nesterov's momentum."""
        state, gradient = self.state[kernel], kernel.grad
        assert gradient is not None
        if not state:
            # AdamW looks for a step in all that it loads.
            state["step"] = torch.zeros((), device=kernel.device)
            state["momentum_buffer"] = torch.zeros_like(kernel)
        state["momentum_buffer"].mul_(_MOMENTUM).add_(gradient)
        return gradient.add(state["momentum_buffer"], alpha=_MOMENTUM)
