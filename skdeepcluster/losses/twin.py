"""Twin contrast: sampled assignments, contrast of cluster vectors, prototype shifts, KL term."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from skdeepcluster.losses.cosine import unit_vectors, without_autocast

_MINUS_INFINITY = float("-inf")


def gumbel_noise(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """
    Draw standard Gumbel noise.

    When it is added to log-probabilities, the largest entry of a row is a sample from their
    distribution, and the softmax of the row over a temperature is a relaxed one-hot sample.

    Parameters
    ----------
    like : Tensor
        Determines shape, dtype and device; its values are not read.
    generator : torch.Generator or None
        Source of the noise, on the device of ``like``. None means torch's default generator.

    Returns
    -------
    Tensor
        Finite noise.

    References
    ----------
    .. [1] Jang, E., Gu, S., Poole, B., "Categorical reparameterization with Gumbel-softmax",
       ICLR 2017, equation (1).
    """
    # Minus the log of an exponential variable is Gumbel; a draw of 0 would make it infinite.
    waiting_times = torch.empty_like(like).exponential_(generator=generator)
    return waiting_times.clamp_min_(torch.finfo(like.dtype).tiny).log_().neg_()


@without_autocast
def cluster_vectors(assignments: Tensor, features: Tensor) -> Tensor:
    """
    Aggregate the features of a batch into one unit vector for each cluster.

    The result does not depend on how much weight a cluster has, only on how the weight is spread
    over the samples. A cluster whose weights are all zero gets the zero vector.

    Parameters
    ----------
    assignments : Tensor of shape (n, K)
        Non-negative weights of the samples in each cluster.
    features : Tensor of shape (n, d)
        Unit vectors.

    Returns
    -------
    Tensor of shape (K, d)
        float32, unit rows: the normalised weighted sums.

    References
    ----------
    .. [1] Shen, Y., Shen, Z., Wang, M., Qin, J., Torr, P., Shao, L., "You never cluster alone",
       NeurIPS 2021: representation of a cluster as the aggregate of its members.
    """
    return unit_vectors(assignments.float().T @ features.float())


def jitter_memory(memory: Tensor, scale: float, noise: Tensor) -> Tensor:
    """
    Add noise to unit vectors and normalise them again.

    Parameters
    ----------
    memory : Tensor of shape (..., d)
        Unit vectors.
    scale : float
        Standard deviation of the noise in each coordinate.
    noise : Tensor of shape (..., d)
        Standard normal values.

    Returns
    -------
    Tensor of shape (..., d)
        float32 unit vectors.
    """
    return unit_vectors(memory.float() + scale * noise)


@without_autocast
def cluster_memory_contrast(
    r: Tensor, rbar: Tensor, memory: Tensor, temperature: float, memory_mask: Tensor
) -> Tensor:
    """
    Contrast the clusters of a batch with those of the key branch and of past batches.

    The positive of cluster k is the same cluster in the key branch. Its negatives are the other
    clusters of its own branch, of the key branch and of the memory; memory entries of cluster k
    itself are neither positive nor negative. Key branch and memory are targets: no gradient flows
    into them. The loss is 0 for K = 1.

    Parameters
    ----------
    r : Tensor of shape (K, d)
        Cluster vectors of the trained branch, unit rows.
    rbar : Tensor of shape (K, d)
        Cluster vectors of the key branch, unit rows.
    memory : Tensor of shape (Q, K, d)
        Past cluster vectors of the key branch, unit vectors (jittered by the caller, if at all).
    temperature : float
        Positive divisor of the inner products.
    memory_mask : Tensor of shape (Q,)
        1 for the entries of ``memory`` that hold vectors, 0 for those to be ignored. Ignored
        entries must be finite.

    Returns
    -------
    Tensor
        float32 scalar, mean over the clusters, in nats.

    References
    ----------
    .. [1] Shen, Y., Shen, Z., Wang, M., Qin, J., Torr, P., Shao, L., "You never cluster alone",
       NeurIPS 2021: cluster-level contrast. The exact set of negatives is a reconstruction.
    """
    r, keys = r.float(), torch.cat([rbar.detach().float()[None], memory.detach().float()])
    cluster = torch.arange(r.shape[0], device=r.device)
    same = cluster[:, None] == cluster
    own = (r @ r.T).masked_fill(same, _MINUS_INFINITY)
    to_keys = torch.einsum("kd,qld->kql", r, keys)
    ignored = same[:, None, :] | (memory_mask == 0)[None, :, None]
    past = to_keys[:, 1:].masked_fill(ignored, _MINUS_INFINITY).flatten(start_dim=1)
    return functional.cross_entropy(
        torch.cat([to_keys[:, 0], own, past], dim=1) / temperature, cluster
    )


@without_autocast
def shift_by_prototypes(u: Tensor, assignments: Tensor, prototypes: Tensor) -> Tensor:
    """
    Shift features towards the prototypes of their clusters.

    Parameters
    ----------
    u : Tensor of shape (n, d)
        Unit vectors.
    assignments : Tensor of shape (n, K)
        Soft (or one-hot) assignment of each sample.
    prototypes : Tensor of shape (K, d)
        Unit rows.

    Returns
    -------
    Tensor of shape (n, d)
        float32 unit vectors, the directions of ``u + assignments @ prototypes``.

    References
    ----------
    .. [1] Shen, Y., Shen, Z., Wang, M., Qin, J., Torr, P., Shao, L., "You never cluster alone",
       NeurIPS 2021: instance-level contrast given the cluster. The form is a reconstruction.
    """
    return unit_vectors(u.float() + assignments.float() @ prototypes.float())


def categorical_kl(log_q: Tensor, log_p: Tensor) -> Tensor:
    """
    Compute the mean Kullback-Leibler divergence of posteriors from fixed priors.

    The prior is a target: no gradient flows into it.

    Parameters
    ----------
    log_q : Tensor of shape (n, K)
        Finite log-probabilities of the posteriors, as `torch.log_softmax` gives them.
    log_p : Tensor of shape (n, K)
        Finite log-probabilities of the priors.

    Returns
    -------
    Tensor
        float32 scalar: mean over the rows of sum_k q_k (log q_k - log p_k), in nats.
    """
    log_q, log_p = log_q.float(), log_p.detach().float()
    return (log_q.exp() * (log_q - log_p)).sum(dim=1).mean()
