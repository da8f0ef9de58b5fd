r"""
Twin-contrast clustering (TCC): contrast of instances and of clusters, linked by the assignment.

A trained branch has a trunk, a head and prototypes :math:`\mu_k` of unit length; a key branch is
its moving average without gradient, marked by bars. One of two views of a sample gives :math:`u_i`
in the former, the other :math:`\bar u_i` in the latter, both of unit length. With B samples, Gumbel
noise :math:`g_{ik}` and :math:`\hat a = a / \|a\|`,

.. math::

    \pi_i = \mathrm{softmax}_k(\mu_k^\top u_i / \kappa), \quad
    c_i = \mathrm{softmax}_k((\log \pi_{ik} + g_{ik}) / \lambda), \quad
    r_k = \widehat{\textstyle\sum_i c_{ik} u_i}, \quad
    e_i = \widehat{u_i + s \textstyle\sum_k c_{ik} \mu_k}

are the posterior of the cluster, a sample of it, the vector of a cluster, and an instance shifted
by its cluster. With queues of past :math:`\bar e` and of past sets of :math:`\bar r`, the latter
jittered to :math:`\tilde r`, and a prior p that is :math:`\bar \pi_i` or uniform,

.. math::

    L_\mathrm{ins} &= -\frac{1}{B} \sum_i \log \frac{\exp(e_i^\top \bar e_i / t)}
        {\exp(e_i^\top \bar e_i / t) + \sum_j \exp(e_i^\top \bar e_j / t)}
        + \frac{1}{B} \sum_i \mathrm{KL}(\pi_i \,\|\, p), \\
    L_\mathrm{clu} &= -\frac{1}{K} \sum_k \log \frac{\exp(r_k^\top \bar r_k / t_c)}
        {\exp(r_k^\top \bar r_k / t_c) + \sum_{l \neq k} [\exp(r_k^\top \bar r_l / t_c)
        + \exp(r_k^\top r_l / t_c) + \sum_q \exp(r_k^\top \tilde r_{q,l} / t_c)]} .

:math:`L_\mathrm{ins}` relaxes a bound of the likelihood of an instance with a latent cluster. The
loss is the mean of :math:`L_\mathrm{ins} + \alpha L_\mathrm{clu}` over both orders of the views. A
sample belongs to the most likely cluster. The equations are reconstructed, not the paper's own.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import StrOptions
from torch import Tensor, nn
from torch.nn import functional

from skdeepcluster.base import DeepClusterer
from skdeepcluster.clustering.pseudo_labels import clusters_like, views_needed
from skdeepcluster.constraints import NOT_NEGATIVE, POSITIVE, SHARE, whole_number
from skdeepcluster.losses import twin as losses
from skdeepcluster.losses.contrast import info_nce
from skdeepcluster.losses.cosine import cosine_logits, unit_vectors
from skdeepcluster.networks.ema import ema_momentum, update_ema
from skdeepcluster.networks.heads import Prototypes, mlp
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
from skdeepcluster.training.training_set import TrainingSet

N_STARTS = 20
PLACEMENT, LATEST_PLACEMENT = 0.4, 500  # share of the epochs, steps


class TwinContrastModel(Model):
    """Trunk, head and prototypes: a branch."""

    def __init__(
        self,
        backbone: nn.Module,
        n_features: int,
        generator: torch.Generator,
        method: TwinContrastClustering,
    ) -> None:
        super().__init__(backbone)
        self.kappa = method.assignment_temperature
        self.head = mlp((n_features, n_features, method.embedding_dim), generator)
        self.prototypes = Prototypes(method.n_clusters, method.embedding_dim, generator)

    def project(self, x: Tensor) -> Tensor:
        """Return embeddings of any length."""
        return self.head(self.backbone(x))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the unit-length embedding and its cosines to the prototypes."""
        u = unit_vectors(self.project(x))
        return u, cosine_logits(u, self.prototypes.rows, self.kappa)


class TwinContrastObjective(Objective):
    """Key branch, queues and loss of twin-contrast clustering, by the parameters of `method`."""

    further = ("key",)
    model: TwinContrastModel
    method: TwinContrastClustering
    lambda_: Tensor

    def __init__(
        self,
        model: TwinContrastModel,
        schedule: Schedule,
        generator: torch.Generator,
        method: TwinContrastClustering,
    ) -> None:
        super().__init__(model, schedule, generator, method)
        self.key = copy.deepcopy(model).requires_grad_(False)
        k, dim = method.n_clusters, method.embedding_dim
        auto = min(16384, max(schedule.n_samples // 4, 4 * schedule.batch_size))
        size = auto if method.queue_length == "auto" else int(method.queue_length)
        self.keys = FeatureQueue(size, (dim,))
        self.sets = FeatureQueue(max(1, method.cluster_queue_length), (k, dim))
        momentum = ema_momentum(schedule.n_steps, 0.999)
        self.momentum = momentum if method.momentum == "auto" else float(method.momentum)
        self.placement = _placement(schedule, method.placement)
        # A tensor, as it changes with every epoch: a compiled step stays what it is.
        self.register_buffer("lambda_", torch.ones(()), persistent=False)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Draw Gumbel noise for both branches, and the jitter of the past cluster vectors."""
        shape = (2, self.schedule.n_views, self.schedule.batch_size, self.method.n_clusters)
        gumbel = losses.gumbel_noise(torch.empty(shape, device=generator.device), generator)
        return gumbel, torch.empty_like(self.sets.rows).normal_(generator=generator)

    def start_epoch(self, epoch: int, training_set: TrainingSet) -> None:
        """Set the temperature of the samples, on its geometric way; place the prototypes once."""
        method, n_epochs = self.method, self.schedule.max_epochs
        first, last = method.first_gumbel_temperature, method.gumbel_temperature
        self.lambda_.fill_(first * (last / first) ** (epoch / max(n_epochs - 1, 1)))
        if epoch == self.placement:
            self._place(training_set)

    @torch.no_grad()
    def _place(self, training_set: TrainingSet) -> None:
        """Move each prototype to the nearest centre of the best k-means; of equals, one."""
        own = self.model.prototypes()
        views = training_set.embed_views(views_needed(len(own)))
        found = training_set.embed_all(), views, training_set.generator, N_STARTS
        centers, _ = clusters_like(own, *found, known=training_set.known)
        placed = torch.where(centers.any(dim=1, keepdim=True), centers, own)
        for branch in (self.model, self.key):
            branch.prototypes.rows.copy_(placed)

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return the embeddings of all views in the trained and in the key branch."""
        views = torch.cat(batch.views)
        trained = self.model.project(views)
        with torch.no_grad():
            key = self.key.project(views)
        return trained, key

    def step(self, outputs: tuple[Tensor, ...], batch: Batch) -> Step:
        """Return the instance, assignment and cluster terms, over all ordered pairs of views."""
        u, ubar = (unit_vectors(rows) for rows in outputs)
        g, gbar = batch.noise[0].flatten(1, 2)
        log_pi, e, r = self._assign(u, self.model.prototypes(), g)
        log_pibar, ebar, rbar = self._assign(ubar, self.key.prototypes(), gbar)
        n_views, b = self.schedule.n_views, batch.global_size
        # Rolled by whole views, row for row the key is another view of the same sample.
        turns = [turn * b for turn in range(1, n_views)]
        terms = {
            "instance": average(self._contrast(e, ebar.roll(turn, 0)) for turn in turns),
            "assignment": average(
                losses.categorical_kl(log_pi, self._prior(log_pibar.roll(turn, 0)))
                for turn in turns
            ),
            "cluster": self.method.cluster_weight * self._contrast_clusters(r, rbar, batch),
        }
        return Step(terms, log_pi[:b], u[:b], (ebar[:b], torch.stack(rbar)))

    def predictions(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return the unit-length embedding and its cosines to the prototypes."""
        u = unit_vectors(outputs[0])
        return u, cosine_logits(u, self.model.prototypes(), self.method.assignment_temperature)

    def _assign(self, u: Tensor, mu: Tensor, g: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return log-posteriors, shifted instances, and the cluster vectors of each view."""
        method, n_views = self.method, self.schedule.n_views
        logits = cosine_logits(u, mu, method.assignment_temperature)
        log_pi = functional.log_softmax(logits, dim=1)
        c = functional.softmax((log_pi + g) / self.lambda_, dim=1)
        views = zip(c.chunk(n_views), u.chunk(n_views), strict=True)
        r = [losses.cluster_vectors(*view) for view in views]
        return log_pi, losses.shift_by_prototypes(u, method.cluster_shift * c, mu), r

    def _contrast(self, e: Tensor, ebar: Tensor) -> Tensor:
        return info_nce(e, ebar, self.keys.rows, self.method.temperature, self.keys.mask())

    def _prior(self, log_pibar: Tensor) -> Tensor:
        flat = -math.log(self.method.n_clusters)
        return log_pibar if self.method.prior == "key" else torch.full_like(log_pibar, flat)

    def _contrast_clusters(self, r: list[Tensor], rbar: list[Tensor], batch: Batch) -> Tensor:
        past = losses.jitter_memory(self.sets.rows, self.method.jitter, batch.noise[1])
        settings = past, self.method.cluster_temperature, self.sets.mask()
        pairs = ordered_pairs(len(r))
        return average(losses.cluster_memory_contrast(r[v], rbar[w], *settings) for v, w in pairs)

    def after_step(self, step: int, memory: tuple[Tensor, ...]) -> None:
        """Move the key branch and fill the queues."""
        update_ema(self.key, self.model, self.momentum)
        keys, sets = memory
        self.keys.push(keys)
        if self.method.cluster_queue_length:
            self.sets.push(sets)

    def trunks(self) -> tuple[nn.Module, ...]:
        """List the trunks of both branches."""
        return self.model.backbone, self.key.backbone


def _placement(schedule: Schedule, share: float | str) -> int | None:
    """Return the epoch before which prototypes are placed, None for never."""
    if schedule.max_epochs == 1 or share in (0, 1):
        return None
    epoch = (PLACEMENT if isinstance(share, str) else share) * schedule.max_epochs
    if isinstance(share, str):
        epoch = min(epoch, LATEST_PLACEMENT / schedule.steps_per_epoch)
    return min(max(round(epoch), 1), schedule.max_epochs - 1)


class TwinContrastClustering(DeepClusterer):
    """
    Twin-contrast clustering (TCC).

    Contrasts instances given their clusters, and clusters through the sums of their members.

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
    lr : float, default=1e-3
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
        Length of the embedding.
    temperature : float, default=0.2
        Temperature t of the contrast between instances.
    cluster_temperature : float, default=0.2
        Temperature t_c of the contrast between clusters.
    assignment_temperature : float, default=0.1
        Temperature kappa of the posterior.
    gumbel_temperature : float, default=0.3
        Final temperature lambda of samples from it; the lower, the closer to a single cluster.
    first_gumbel_temperature : float, default=1.0
        Initial lambda; it falls geometrically, so that clusters settle late.
    placement : float or "auto", default="auto"
        Share of the epochs after which prototypes move once to k-means centres; 0 or 1: never.
        ``"auto"`` is 0.4, but no more than 500 steps.
    cluster_shift : float, default=0.5
        Length s of an instance's shift to its cluster; more ties embeddings closer to clusters.
    cluster_weight : float, default=1.0
        Weight alpha of the contrast between clusters, which keeps clusters from becoming empty.
    prior : {"key", "uniform"}, default="key"
        Prior of the cluster: the key branch's posterior of the other view, or 1 / n_clusters.
    momentum : float or "auto", default="auto"
        Momentum of the key branch. ``"auto"`` averages over 2 % of the steps; at most 0.999.
    queue_length : int or "auto", default="auto"
        Number of past instances. ``"auto"`` is n / 4, at least 4 batches, at most 16384.
    cluster_queue_length : int, default=20
        Number of past sets of cluster vectors; each step adds two.
    jitter : float, default=0.1
        Standard deviation of the noise on past cluster vectors, in each coordinate.
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
        One entry per epoch: ``epoch``, ``loss``, its terms ``loss_instance``, ``loss_assignment``
        (the KL term) and ``loss_cluster``, ``lr``, ``seconds``, ``images_per_second``,
        ``cluster_entropy``, ``largest_share``, ``changed_labels``, ``confidence``, ``spread``; with
        `known_labels`, ``loss_known``.
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
    No code was published; this was written without the full text. From the paper: assignments link
    both contrasts, clusters are aggregates of members, the instance term is a bound with samples.
    Our additions: `placement`, falling lambda, a shift below 1. All else is reconstructed.

    References
    ----------
    .. [1] Shen, Y., Shen, Z., Wang, M., Qin, J., Torr, P., Shao, L., "You never cluster alone",
       Advances in Neural Information Processing Systems 34 (2021).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import TwinContrastClustering
    >>> X = load_digits().images[:200]
    >>> model = TwinContrastClustering(n_clusters=10, max_epochs=2, random_state=0).fit(X)
    >>> model.transform(X).shape
    (200, 128)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **DeepClusterer._parameter_constraints,
        "cluster_temperature": [POSITIVE],
        "assignment_temperature": [POSITIVE],
        "gumbel_temperature": [POSITIVE],
        "first_gumbel_temperature": [POSITIVE],
        "placement": [StrOptions({"auto"}), SHARE],
        "cluster_shift": [NOT_NEGATIVE],
        "cluster_weight": [NOT_NEGATIVE],
        "prior": [StrOptions({"key", "uniform"})],
        "momentum": [StrOptions({"auto"}), SHARE],
        "queue_length": [StrOptions({"auto"}), whole_number(1)],
        "cluster_queue_length": [whole_number(0)],
        "jitter": [NOT_NEGATIVE],
    }

    _model_class, _objective_class = TwinContrastModel, TwinContrastObjective
    cluster_temperature: float
    assignment_temperature: float
    gumbel_temperature: float
    first_gumbel_temperature: float
    placement: float | str
    cluster_shift: float
    cluster_weight: float
    prior: str
    momentum: float | str
    queue_length: int | str
    cluster_queue_length: int
    jitter: float

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
        lr: float = 1e-3,
        backbone_lr_factor: float = 1.0,
        weight_decay: float = 0.0,
        warmup_epochs: int | str = "auto",
        lr_schedule: str = "cosine",
        embedding_dim: int = 128,
        temperature: float = 0.2,
        cluster_temperature: float = 0.2,
        assignment_temperature: float = 0.1,
        gumbel_temperature: float = 0.3,
        first_gumbel_temperature: float = 1.0,
        placement: float | str = "auto",
        cluster_shift: float = 0.5,
        cluster_weight: float = 1.0,
        prior: str = "key",
        momentum: float | str = "auto",
        queue_length: int | str = "auto",
        cluster_queue_length: int = 20,
        jitter: float = 0.1,
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
