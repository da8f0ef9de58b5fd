"""Loss terms of the deep clustering methods, as pure functions of tensors."""

from __future__ import annotations

from skdeepcluster.losses.cluster_contrast import cluster_contrast, entropy_deficit
from skdeepcluster.losses.contrast import info_nce, nt_xent
from skdeepcluster.losses.disentangled import joint_contrast
from skdeepcluster.losses.normalise import unit_vectors
from skdeepcluster.losses.prototype import positive_sampling, prototype_scattering, prototypes
from skdeepcluster.losses.similarity import cosine_logits
from skdeepcluster.losses.twin import (
    categorical_kl,
    cluster_memory_contrast,
    cluster_vectors,
    gumbel_noise,
    jitter_memory,
    shift_by_prototypes,
)

__all__ = [
    "categorical_kl",
    "cluster_contrast",
    "cluster_memory_contrast",
    "cluster_vectors",
    "cosine_logits",
    "entropy_deficit",
    "gumbel_noise",
    "info_nce",
    "jitter_memory",
    "joint_contrast",
    "nt_xent",
    "positive_sampling",
    "prototype_scattering",
    "prototypes",
    "shift_by_prototypes",
    "unit_vectors",
]
