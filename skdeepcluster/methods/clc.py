r"""
Contrastive-learning-based clustering (CLC, also CDC): the cluster and the rest in one vector.

The output of one head is split into logits :math:`a_i` of K clusters and a vector :math:`b_i`. For
two augmented views of each of B samples, with temperature T of the softmax,

.. math::

    p_i = \mathrm{softmax}(a_i / T), \qquad n_i = b_i / \|b_i\| .

The code :math:`q_j` of a sample in the other view is a row of the matrix Q that maximises
:math:`\langle Q, A \rangle + \epsilon H(Q)` with rows that sum to 1 and columns that sum to B / K
(equipartition), found by a few rounds of Sinkhorn-Knopp on the logits A. One contrast uses both
parts,

.. math::

    L = -\frac{1}{B} \sum_i \log
        \frac{\exp(s_{ii} / \tau)}{\sum_j \exp(s_{ij} / \tau)}, \qquad
    s_{ij} = \gamma \, p_i^\top q_j + n_i^\top n_j' ,

averaged over both orders of the views; the other view (q and n') gets no gradient. By default the
swapped cross-entropy :math:`-\sum_k q_{ik} \log p_{ik}` is added to it. The similarity
of the second parts weights the negatives of the first: the closer, the stronger they push. A sample
belongs to the cluster with the largest logit. The equations are reconstructed, not taken from the
paper.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import StrOptions
from torch import Tensor, nn
from torch.nn import functional

from skdeepcluster.base import DeepClusterer
from skdeepcluster.clustering.sinkhorn import sinkhorn
from skdeepcluster.constraints import NOT_NEGATIVE, POSITIVE, whole_number
from skdeepcluster.losses.contrast import joint_contrast
from skdeepcluster.losses.cosine import unit_vectors
from skdeepcluster.networks.heads import mlp
from skdeepcluster.networks.model import Model
from skdeepcluster.networks.queue import FeatureQueue
from skdeepcluster.training.objective import (
    Batch,
    Objective,
    Schedule,
    Step,
    average,
    ordered_pairs,
)

ROWS_PER_CLUSTER = 5


class CLCModel(Model):
    """Trunk, and a head whose output has two parts: logits of the clusters, and the rest."""

    def __init__(
        self, backbone: nn.Module, n_features: int, generator: torch.Generator, method: CLC
    ) -> None:
        super().__init__(backbone)
        self.n_clusters, self.temperature = method.n_clusters, method.categorical_temperature
        widths = (n_features, n_features, method.n_clusters + method.embedding_dim)
        self.head = mlp(widths, generator, batch_norm=True)

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two parts of the head's output."""
        output = self.head(self.backbone(x))
        return output[:, : self.n_clusters], output[:, self.n_clusters :]

    def log_probabilities(self, logits: Tensor) -> Tensor:
        """Return the logarithms of p."""
        return functional.log_softmax(logits / self.temperature, dim=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the unit-length joint representation and the logits of the clusters."""
        a, b = (part.float() for part in self.parts(x))
        log_p = self.log_probabilities(a)
        return unit_vectors(torch.cat([log_p.exp(), unit_vectors(b)], dim=1)), log_p


class CLCObjective(Objective):
    """Queue and loss of CLC, by the parameters of `method`."""

    model: CLCModel
    method: CLC

    def __init__(
        self, model: CLCModel, schedule: Schedule, generator: torch.Generator, method: CLC
    ) -> None:
        super().__init__(model, schedule, generator, method)
        missing = max(0, ROWS_PER_CLUSTER * method.n_clusters - schedule.batch_size)
        size = missing if method.queue_length == "auto" else int(method.queue_length)
        self.queue = FeatureQueue(size, (method.n_clusters,)) if size else None

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return the two parts of the head's output for all views, stacked."""
        return self.model.parts(torch.cat(batch.views))

    def step(self, outputs: tuple[Tensor, ...], batch: Batch) -> Step:
        """Return the contrast, and the swapped prediction of codes, over all pairs of views."""
        n_views, method = self.schedule.n_views, self.method
        a, n = outputs[0].chunk(n_views), unit_vectors(outputs[1]).chunk(n_views)
        log_p, q = [self.model.log_probabilities(part) for part in a], [*map(self._codes, a)]
        p, pairs = [part.exp() for part in log_p], ordered_pairs(n_views)
        settings = method.temperature, method.categorical_weight
        swapped = average(-q[w] * log_p[v] for v, w in pairs).sum(1).mean()
        terms = {
            "contrast": average(
                joint_contrast(p[v], n[v], q[w], n[w], *settings) for v, w in pairs
            ),
            "swapped": method.swapped_weight * swapped,
        }
        return Step(terms, log_p[0], unit_vectors(torch.cat([p[0], n[0]], dim=1)), (a[0].detach(),))

    def predictions(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return the part that does not encode the cluster, and the logits of the one that does."""
        return unit_vectors(outputs[1]), self.model.log_probabilities(outputs[0])

    def _codes(self, logits: Tensor) -> Tensor:
        past, known = None, None
        if self.queue is not None:
            past, known = self.queue.rows, self.queue.mask()
        rounds = self.method.sinkhorn_iterations
        return sinkhorn(logits, self.method.epsilon, rounds, past, known)

    def after_step(self, step: int, memory: tuple[Tensor, ...]) -> None:
        """Fill the queue with the logits of first views."""
        if self.queue is not None:
            self.queue.push(*memory)


class CLC(DeepClusterer):
    """
    Contrastive-learning-based clustering (CLC).

    Splits the representation in two: one part encodes the cluster, under the constraint that
    clusters are of even size, the other whatever else distinguishes a sample. One contrast trains
    both.

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
        is more than 2,500 steps, it is as many as make those, at least 10.
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
        Peak learning rate, reached after `warmup_epochs`; `lr_schedule` says what follows.
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
        Length of the part that does not encode the cluster.
    temperature : float, default=0.5
        Temperature tau of the contrast. Below about 0.5, the second part may solve the task on its
        own, so that no clusters form.
    categorical_temperature : float, default=1.0
        Temperature T of the softmax over the clusters.
    categorical_weight : float, default=1.0
        Weight gamma of the first part in the contrast.
    epsilon : float, default=1.0
        Weight of the entropy of the codes: the smaller, the closer each is to a single cluster.
    sinkhorn_iterations : int, default=3
        Number of rounds of Sinkhorn-Knopp.
    swapped_weight : float, default=1.0
        Weight of a further term, the cross-entropy of p with the code of the other view. It is not
        part of the single contrastive loss in the paper's abstract; 0 leaves only that loss.
    queue_length : int or "auto", default="auto"
        Number of past logits over which codes are balanced as well. ``"auto"`` fills a batch up
        to 5 times `n_clusters` samples; 0 means none.
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
    cluster_centers_ : ndarray of shape (n_clusters_, n_clusters + embedding_dim), dtype float32
        Unit-length mean embedding of each cluster.
    history_ : list of dict
        One entry per epoch: ``epoch``, ``loss``, its terms ``loss_contrast`` and ``loss_swapped``,
        ``lr``, ``seconds``, ``images_per_second``, ``cluster_entropy``, ``largest_share``,
        ``changed_labels``, ``confidence``, ``spread``; with `known_labels`,
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
    The authors published no code, and this was written from the paper's abstract. The idea is
    theirs: a representation in two parts, equipartition, one contrast in which instance similarity
    weights the negatives of the categorical part. The equations and every number are
    reconstructed. The paper's second version calls the method CDC.

    `transform` returns both parts, p and n, as one vector, scaled to unit length.

    References
    ----------
    .. [1] Ding, F., Zhang, D., Yang, Y., Krovi, V., Luo, F., "CLC: cluster assignment via
       contrastive representation learning", arXiv 2306.05439 (2023).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import CLC
    >>> X = load_digits().images[:200]
    >>> model = CLC(n_clusters=10, max_epochs=2, random_state=0).fit(X)
    >>> model.transform(X).shape
    (200, 138)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **DeepClusterer._parameter_constraints,
        "categorical_temperature": [POSITIVE],
        "categorical_weight": [NOT_NEGATIVE],
        "epsilon": [POSITIVE],
        "sinkhorn_iterations": [whole_number(0)],
        "swapped_weight": [NOT_NEGATIVE],
        "queue_length": [StrOptions({"auto"}), whole_number(0)],
    }

    _model_class, _objective_class = CLCModel, CLCObjective
    categorical_temperature: float
    categorical_weight: float
    epsilon: float
    sinkhorn_iterations: int
    swapped_weight: float
    queue_length: int | str

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
        categorical_temperature: float = 1.0,
        categorical_weight: float = 1.0,
        epsilon: float = 1.0,
        sinkhorn_iterations: int = 3,
        swapped_weight: float = 1.0,
        queue_length: int | str = "auto",
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
