r"""
Contrastive Clustering (CC): contrast in the rows and in the columns of one feature matrix.

Two augmented views of a batch of B samples go through one trunk and two heads. The instance head
gives unit vectors :math:`z_i^{(v)}`, the cluster head a softmax :math:`y_i^{(v)}` over K clusters;
:math:`Y^{(v)}` stacks the latter as rows. With NT-Xent over n pairs,

.. math::

    \mathrm{NT}(A, B; \tau) = -\frac{1}{2n} \sum_{r=1}^{2n}
        \log \frac{\exp(s_{r, r'} / \tau)}{\sum_{t \neq r} \exp(s_{r, t} / \tau)},

where s are the cosine similarities among all 2n rows and r' is the other view of row r, the loss is

.. math::

    L = \mathrm{NT}(Z^{(1)}, Z^{(2)}; \tau_I)
      + \mathrm{NT}({Y^{(1)}}^\top, {Y^{(2)}}^\top; \tau_C)
      + w \left(2 \log K - H(\bar y^{(1)}) - H(\bar y^{(2)})\right),

with H the entropy of the batch's mean assignment, which keeps clusters from becoming empty. A
sample belongs to the cluster that is most probable for it without augmentation.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from skdeepcluster.base import DeepClusterer
from skdeepcluster.constraints import NOT_NEGATIVE, POSITIVE
from skdeepcluster.losses.contrast import cluster_contrast, entropy_deficit, nt_xent
from skdeepcluster.networks.heads import mlp
from skdeepcluster.networks.model import Model
from skdeepcluster.training.objective import Batch, Objective, Step, average, ordered_pairs


class ContrastiveModel(Model):
    """Trunk, and two heads: to the embedding, and to the logits of the clusters."""

    def __init__(
        self,
        backbone: nn.Module,
        n_features: int,
        generator: torch.Generator,
        method: ContrastiveClustering,
    ) -> None:
        super().__init__(backbone)
        self.instance_head = mlp((n_features, n_features, method.embedding_dim), generator)
        self.cluster_head = mlp((n_features, n_features, method.n_clusters), generator)

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the projection, of any length, and the cluster logits."""
        features = self.backbone(x)
        return self.instance_head(features), self.cluster_head(features)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the unit-length projection and the cluster logits."""
        projections, logits = self.heads(x)
        return functional.normalize(projections.float(), dim=1), logits


class ContrastiveObjective(Objective):
    """Loss of Contrastive Clustering, by the parameters of `method`."""

    model: ContrastiveModel
    method: ContrastiveClustering

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return projections and cluster logits of all views, stacked."""
        return self.model.heads(torch.cat(batch.views))

    def step(self, outputs: tuple[Tensor, ...], batch: Batch) -> Step:
        """Return the instance, cluster and entropy terms, averaged over the pairs of views."""
        n_views, method = self.schedule.n_views, self.method
        z = outputs[0].chunk(n_views)
        p = functional.softmax(outputs[1], dim=1).chunk(n_views)
        pairs = [(v, w) for v, w in ordered_pairs(n_views) if v < w]  # the terms are symmetric
        t, t_c = method.temperature, method.cluster_temperature
        entropy = average(entropy_deficit(p[v], p[w]) for v, w in pairs)
        terms = {
            "instance": average(nt_xent(z[v], z[w], t) for v, w in pairs),
            "cluster": average(cluster_contrast(p[v], p[w], t_c) for v, w in pairs),
            "entropy": method.entropy_weight * entropy,
        }
        return Step(terms, outputs[1][: len(z[0])], functional.normalize(z[0], dim=1))

    def predictions(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return the unit-length projection and the cluster logits."""
        return functional.normalize(outputs[0], dim=1), outputs[1]


class ContrastiveClustering(DeepClusterer):
    """
    Contrastive Clustering (CC).

    Learns a representation and its clusters at once, by contrast between instances and between
    clusters: two augmented views of a sample should be alike, and unlike other samples; the two
    views' soft assignment columns of a cluster should be alike, and unlike other clusters.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of clusters to find. With ``"auto"``, a first training with `max_clusters` finds out
        which of those clusters two views of a sample do not tell apart, and a second is made with
        as many as are left.
    max_clusters : int or "auto", default="auto"
        Largest number of clusters that ``n_clusters="auto"`` considers; better too many than too
        few. ``"auto"`` is 0.7 times the square root of the number of samples, at least 4 and at
        most 50, but no more than a third of the samples.
    backbone : str, nn.Module or callable, default="auto"
        The trunk: ``"small"``, ``"resnet18"``, ``"resnet34"``, ``"resnet50"``, ``"mlp"`` for
        vectors; a module, which is copied; or a callable that maps the shape of a sample,
        ``(C, H, W)`` or ``(d,)``, to a module. ``"auto"`` is ``"mlp"`` for vectors and
        ``"small"`` for images.
    image_shape : sequence of int or None, default=None
        Shape of one image, if the rows of a 2-D `X` are flattened images.
    channel_axis : {"auto", "first", "last"}, default="auto"
        Where the channels of 4-D input are. ``"auto"`` takes the end of length 1, 3 or 4.
    image_size : int or None, default=None
        Length in pixels that the shorter side of images is reduced to on the device, in training
        and in inference. None, or more than the images have, leaves them as they are.
    augmentation : str, callable or None, default="auto"
        What makes the views: ``"texture"``, ``"micrograph"``, ``"photo"``, ``"glyph"``,
        ``"vector"``, a configured object, a transform of torchvision, or a callable that takes a
        float32 batch in [0, 1] and, if it has a second argument, a `torch.Generator`. ``"auto"``
        is ``"texture"`` for three channels, ``"glyph"`` for other images, ``"vector"`` for vectors.
    max_epochs : int or "auto", default="auto"
        Number of passes over the samples. ``"auto"`` is as many as make 500 steps, at least 25 and
        at most 50, for images, but 100 for fewer than 1,000 images; and 50 for vectors. Where that
        is more than 2,500 steps, it is as many as make those, at least 10. The paper trains for
        1000.
    tol : float, default=0.0
        Training ends early once, three epochs in a row after the warm-up, no more than this share
        of the samples has changed its cluster. 0 trains to the end.
    batch_size : int or "auto", default="auto"
        Largest number of samples in a batch; all batches of an epoch are equally large. ``"auto"``
        is an eighth of the samples, at least 64 and 4 per cluster, at most 256.
    optimizer : {"auto", "muon", "adam", "sgd"}, default="auto"
        Adam with decoupled weight decay; Muon, which is Adam but for the kernels of convolutions:
        these move along orthogonal matrices, at 20 times `lr`; or SGD with momentum 0.9.
        ``"auto"`` is Muon for images and Adam for vectors.
    lr : float, default=3e-3
        Peak learning rate, reached after `warmup_epochs`; `lr_schedule` says what follows. The
        paper keeps 3e-4 throughout its 1000 epochs.
    backbone_lr_factor : float, default=1.0
        Learning rate of the trunk in units of `lr`. Below 1, the trunk's batch normalisation keeps
        the statistics that it has; 0 freezes the trunk.
    weight_decay : float, default=0.0
        Weight decay.
    warmup_epochs : int or "auto", default="auto"
        Number of epochs over which the learning rate rises linearly. ``"auto"`` is a quarter of all
        for images, and a fifth for vectors.
    lr_schedule : {"cosine", "constant"}, default="cosine"
        What the learning rate does after `warmup_epochs`: fall along half a cosine, or stay.
    embedding_dim : int, default=128
        Length of the embedding.
    temperature : float, default=0.5
        Temperature of the contrast between instances.
    cluster_temperature : float, default=1.0
        Temperature of the contrast between clusters.
    entropy_weight : float, default=1.0
        Weight of the term that evens out cluster sizes: raise it if clusters become empty, lower it
        if the true sizes are far from even.
    known_weight : float, default=1.0
        Weight of the term of samples whose class `fit` is told.
    device : str or torch.device, default="auto"
        Device for training and inference. ``"auto"`` is cuda if available, else mps, else cpu.
    precision : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        Precision of the networks; losses are always float32. ``"auto"`` is bfloat16 for training on
        images if the hardware handles it well, and float32 otherwise and for inference.
    compile : bool, default=False
        Whether to compile the training step with `torch.compile`.
    distributed : bool or "auto", default="auto"
        Whether the processes of a `torch.distributed` group train one model together. ``"auto"``
        does where there is a group, or torchrun has announced one; True demands that.
    checkpoint_dir : str, path or None, default=None
        Folder for the training state, from which the same `fit` resumes, with the same result.
    checkpoint_interval : float, default=60.0
        Minimum number of seconds between two saved states.
    warm_start : bool, default=False
        Whether `fit` continues from the fitted model.
    verbose : int, default=0
        If above 0, a progress bar is shown.
    random_state : int, RandomState or None, default=None
        Pass an int to make `fit` reproducible on the same machine.

    Attributes
    ----------
    labels_ : ndarray of shape (n,), dtype int64
        Clusters of the training samples, equal to ``predict(X)``.
    n_clusters_ : int
        Number of clusters that have members.
    n_clusters_curve_ : dict of str to ndarray
        With ``n_clusters="auto"``: the numbers ``"n_clusters"``; for each the ``"separation"`` of
        the two clusters that views tell apart worst, at most 1; and a ``"score"``, what views agree
        on, weighed against what they do not.
    cluster_centers_ : ndarray of shape (n_clusters_, embedding_dim), dtype float32
        Unit-length mean embedding of each cluster.
    history_ : list of dict
        One entry per epoch: ``epoch``, ``loss``, its terms ``loss_instance``, ``loss_cluster`` and
        ``loss_entropy``, ``lr``, ``seconds``, ``images_per_second``, ``cluster_entropy``,
        ``largest_share``, ``changed_labels``, ``confidence``, ``spread``; with `known_labels`,
        ``loss_known``.
    n_epochs_ : int
        Number of epochs trained.
    view_agreement_ : float
        Adjusted mutual information of the clusters of two views of training samples: 1 if they
        always agree, 0 if no more than by chance.
    cluster_trust_ : ndarray of shape (n_clusters_,), dtype float64
        How often a view that is in a cluster is joined there by the other view of its sample.
    classes_ : ndarray of shape (c,), dtype int64
        Classes in `known_labels`. Only there if some class was known.
    cluster_to_class_ : ndarray of shape (n_clusters_,), dtype int64
        Known class that each cluster stands for, -1 for none.
    backbone_ : nn.Module
        A copy of the trained trunk.
    image_shape_ : tuple of int or None
        Shape of one image as (C, H, W), None for vectors.
    n_features_in_ : int
        Number of values in one sample.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, if `X` was a data frame that has them.

    Notes
    -----
    The instance contrast and the cluster contrast are equations (2) to (7) of the paper; as in the
    authors' code, and unlike in the paper's denominators, a vector is not its own negative. The
    learning rate is warmed up and annealed here, because short training has few steps.

    References
    ----------
    .. [1] Li, Y., Hu, P., Liu, Z., Peng, D., Zhou, J. T., Peng, X., "Contrastive clustering",
       Proceedings of the AAAI Conference on Artificial Intelligence 35 (2021).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import ContrastiveClustering
    >>> X = load_digits().images[:200]
    >>> model = ContrastiveClustering(n_clusters=10, max_epochs=2, random_state=0).fit(X)
    >>> model.transform(X).shape
    (200, 128)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **DeepClusterer._parameter_constraints,
        "cluster_temperature": [POSITIVE],
        "entropy_weight": [NOT_NEGATIVE],
    }

    _model_class, _objective_class = ContrastiveModel, ContrastiveObjective
    cluster_temperature: float
    entropy_weight: float

    def __init__(
        self,
        n_clusters: int | str = 8,
        *,
        max_clusters: int | str = "auto",
        backbone: str | nn.Module | Callable[[tuple[int, ...]], nn.Module] = "auto",
        image_shape: Sequence[int] | None = None,
        channel_axis: str = "auto",
        image_size: int | None = None,
        augmentation: Any = "auto",
        max_epochs: int | str = "auto",
        tol: float = 0.0,
        batch_size: int | str = "auto",
        optimizer: str = "auto",
        lr: float = 3e-3,
        backbone_lr_factor: float = 1.0,
        weight_decay: float = 0.0,
        warmup_epochs: int | str = "auto",
        lr_schedule: str = "cosine",
        embedding_dim: int = 128,
        temperature: float = 0.5,
        cluster_temperature: float = 1.0,
        entropy_weight: float = 1.0,
        known_weight: float = 1.0,
        device: str | torch.device = "auto",
        precision: str = "auto",
        compile: bool = False,
        distributed: bool | str = "auto",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_interval: float = 60.0,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self._keep(locals())
