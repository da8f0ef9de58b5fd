r"""
Prototype Scattering and Positive Sampling (ProPos): BYOL whose clusters are pushed apart.

An online network (trunk, projector, predictor g) is trained; a target network (trunk, projector)
follows as its moving average. Both get two augmented views of each of B samples. With online
projections :math:`o_i` of one view, unit-length target projections :math:`t_i` of the other, which
get no gradient, and noise :math:`\epsilon_i \sim N(0, I)`, positive sampling alignment is

.. math::

    L_\mathrm{psa} = \frac{1}{B} \sum_i \| \hat g_i - t_i \|^2, \qquad
    \hat g_i = g(o_i + \sigma \epsilon_i) / \| g(o_i + \sigma \epsilon_i) \| .

Before an epoch (E-step), spherical k-means on the target projections of all samples gives
pseudo-labels. The normalised mean of the :math:`o_i / \|o_i\|` with pseudo-label k is the online
prototype :math:`\mu_k`, that of the :math:`t_i` the target prototype :math:`\mu_k'`. Over the set E
of the clusters that occur in the batch, prototype scattering is

.. math::

    L_\mathrm{psl} = -\frac{1}{|E|} \sum_{k \in E} \log \frac{\exp(\mu_k^\top \mu_k' / \tau)}
        {\exp(\mu_k^\top \mu_k' / \tau) + \sum_{l \in E, l \neq k} \exp(\mu_k^\top \mu_l / \tau)} .

The loss :math:`L_\mathrm{psa} + \lambda L_\mathrm{psl}` is the mean over both orders of the views;
at first, :math:`\sigma` and :math:`\lambda` are 0. A sample belongs to the nearest centre.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import StrOptions
from torch import Tensor, nn
from torch.nn import functional

from skdeepcluster._warn import warn
from skdeepcluster.base import DeepClusterer
from skdeepcluster.clustering.pseudo_labels import balancing_weights, clusters_like
from skdeepcluster.constraints import NOT_NEGATIVE, POSITIVE, SHARE, whole_number
from skdeepcluster.losses.cosine import cosine_logits, unit_vectors
from skdeepcluster.losses.prototype import positive_sampling, prototype_scattering
from skdeepcluster.networks.ema import cosine_momentum, ema_momentum, update_ema
from skdeepcluster.networks.heads import mlp
from skdeepcluster.networks.model import Model
from skdeepcluster.networks.queue import SampleQueue
from skdeepcluster.training.objective import (
    Batch,
    Objective,
    Schedule,
    Step,
    average,
    ordered_pairs,
    trainable,
)
from skdeepcluster.training.training_set import TrainingSet

KNOWN_PART = 0.02  # of the loss: what alignment can bear


class ProPosModel(Model):
    """The target network, trunk and projector, and the centres of k-means in its embedding."""

    centers: Tensor

    def __init__(
        self, backbone: nn.Module, n_features: int, generator: torch.Generator, method: ProPos
    ) -> None:
        super().__init__(backbone)
        self.temperature = method.temperature
        self.hidden = _hidden(method.hidden_dim, n_features)
        widths = (n_features, self.hidden, method.embedding_dim)
        self.projector = mlp(widths, generator, batch_norm=True)
        self.register_buffer("centers", torch.zeros(method.n_clusters, method.embedding_dim))

    @property
    def network(self) -> nn.Sequential:
        """Trunk and projector as one module."""
        return nn.Sequential(self.backbone, self.projector)

    def project(self, x: Tensor) -> Tensor:
        """Return target projections of any length."""
        return self.projector(self.backbone(x))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the unit-length target projection and its cosines to the centres."""
        embedding = unit_vectors(self.project(x))
        return embedding, cosine_logits(embedding, self.centers, self.temperature)


class ProPosObjective(Objective):
    """Online network, E-step and loss of ProPos, by the parameters of `method`."""

    further = ("online", "predictor")
    model: ProPosModel
    method: ProPos
    labels: Tensor

    def __init__(
        self, model: ProPosModel, schedule: Schedule, generator: torch.Generator, method: ProPos
    ) -> None:
        super().__init__(model, schedule, generator, method)
        dim = method.embedding_dim
        self.online = copy.deepcopy(model.network)
        widths = (dim, model.hidden, dim)
        self.predictor = mlp(widths, generator, batch_norm=True, std=0.01)
        self.register_buffer("labels", torch.zeros(schedule.n_samples, dtype=torch.long))
        size = method.queue_length
        self.queue = SampleQueue(size, dim) if size else None
        given, auto = method.assign_interval, -(-5 // schedule.steps_per_epoch)
        self.interval = auto if given == "auto" else int(given)
        given, auto = method.cluster_warmup_epochs, _first_clustering(schedule)
        self.first_clustering = auto if given == "auto" else int(given)
        if given != "auto" and self.first_clustering >= schedule.max_epochs:
            warn(
                f"cluster_warmup_epochs={given} of max_epochs={schedule.max_epochs} leave no epoch "
                "in which clusters take part: this is BYOL followed by k-means. Lower it, or set "
                "'auto'."
            )
        self.clustering = 0.0
        speed = (0.004, 2.0) if schedule.is_image else (0.02, 10.0)
        auto_momentum = ema_momentum(schedule.n_steps, 0.996, *speed)
        self.base = auto_momentum if method.momentum == "auto" else float(method.momentum)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Draw the noise of the online projections."""
        shape = self.schedule.n_views, self.schedule.n_rows, self.method.embedding_dim
        return (torch.empty(shape, device=generator.device).normal_(generator=generator),)

    def start_epoch(self, epoch: int, training_set: TrainingSet) -> Tensor | None:
        """Make the E-step where it is due."""
        self.clustering = float(epoch >= self.first_clustering)
        if epoch % self.interval == 0:
            self._cluster(training_set)
        if not self.method.balanced_sampling:
            return None
        return balancing_weights(self.labels, self.method.n_clusters)

    def finish(self, training_set: TrainingSet) -> None:
        """Make the last E-step."""
        self._cluster(training_set)

    @torch.no_grad()
    def _cluster(self, training_set: TrainingSet) -> None:
        """Make an E-step; inertia judges the starts, as views of so few samples err by more."""
        found = training_set.embed_all(), None, training_set.generator, self.method.n_init
        centers, labels = clusters_like(self.model.centers, *found, known=training_set.known)
        self.model.centers.copy_(centers)
        self.labels.copy_(labels)

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return online projections, their predictions, and target projections of all views."""
        views = torch.cat(batch.views)
        online = self.online(views)
        noise = batch.noise[0][:, batch.share].flatten(0, 1)
        prediction = self.predictor(online.to(noise) + self.clustering * self.method.noise * noise)
        with torch.no_grad():
            target = self.model.project(views)
        return online, prediction, target

    def step(self, outputs: tuple[Tensor, ...], batch: Batch) -> Step:
        """Return alignment and scattering, averaged over all ordered pairs of views."""
        n_views, (online, prediction, target) = self.schedule.n_views, outputs
        online, target = unit_vectors(online), unit_vectors(target)
        o, t = online.chunk(n_views), target.chunk(n_views)
        # Rolled by whole views, row for row the target is another view of the same sample.
        rolled = (target.roll(turn * len(t[0]), 0) for turn in range(1, n_views))
        pairs = ordered_pairs(n_views)
        scattering = average(self._scatter(o[v], t[w], batch.index) for v, w in pairs)
        terms = {
            "alignment": average(positive_sampling(prediction, other) for other in rolled),
            "scattering": self.clustering * self.method.scattering_weight * scattering,
        }
        logits = cosine_logits(t[0], self.model.centers, self.method.temperature)
        return Step(terms, logits, t[0], (target, batch.index.repeat(n_views)))

    def predictions(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return the unit-length online projection and its cosines to the centres."""
        online = unit_vectors(outputs[0])
        return online, cosine_logits(online, self.model.centers, self.method.temperature)

    def supervise(self, outputs: tuple[Tensor, ...], batch: Batch) -> dict[str, Tensor]:
        """Return the cross-entropy alone, at a weight that leaves alignment the lead."""
        # Alignment pushes nothing apart. A contrast among the known classes would, and all that is
        # not known would be left to fall together.
        assert batch.known is not None
        _, logits = self.predictions(outputs)
        known = batch.known.repeat(self.schedule.n_views)
        term = functional.cross_entropy(logits, known)
        return {"known": KNOWN_PART * self.method.known_weight * term}

    def _scatter(self, online: Tensor, target: Tensor, index: Tensor) -> Tensor:
        labels, k = self.labels[index], self.method.n_clusters
        if self.queue is not None:
            labels = torch.cat([labels, self.queue.labels(self.labels)])
            online, target = (torch.cat([rows, self.queue.rows]) for rows in (online, target))
        return prototype_scattering(online, target, labels, k, self.method.temperature)

    def after_step(self, step: int, memory: tuple[Tensor, ...]) -> None:
        """Move the target network and the queue."""
        momentum = self.base
        if self.method.momentum_schedule == "cosine":
            momentum = cosine_momentum(self.base, step, self.schedule.n_steps)
        update_ema(self.model.network, self.online, momentum)
        if self.queue is not None:
            self.queue.push(*memory)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Group the predictor apart, for its higher learning rate; the target is not trained."""
        parts = ((self.online, 1.0), (self.predictor, self.method.predictor_lr_factor))
        return [{"params": trainable(part), "lr_scale": scale} for part, scale in parts]

    def trunks(self) -> tuple[nn.Module, ...]:
        """List the target's trunk and the online one."""
        return self.model.backbone, self.online[0]


def _first_clustering(schedule: Schedule) -> int:
    n_epochs = schedule.max_epochs
    auto = max(int(n_epochs > 1), n_epochs // 10) if schedule.is_image else 3 * n_epochs // 10
    return min(auto, 50)


def _hidden(given: int | str, n_features: int) -> int:
    return min(2 * n_features, 512) if given == "auto" else int(given)


class ProPos(DeepClusterer):
    r"""
    Prototype Scattering and Positive Sampling (ProPos).

    Learns a representation by predicting, from one view of a sample, what a slowly updated copy of
    the network makes of another; k-means on it gives clusters, which are pushed apart.

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
    lr : float, default=1e-3
        Peak learning rate, reached after `warmup_epochs`; `lr_schedule` says what follows. The
        paper uses SGD with 0.05 for batches of 256, and in proportion for others.
    backbone_lr_factor : float, default=1.0
        Learning rate of the trunk in units of `lr`. Below 1, the trunk's batch normalisation keeps
        the statistics that it has; 0 freezes the trunk.
    weight_decay : float, default=0.01
        Weight decay. The paper uses 5e-4 with SGD.
    warmup_epochs : int or "auto", default="auto"
        Number of epochs over which the learning rate rises linearly. ``"auto"`` is a quarter of all
        for images, and a fifth for vectors.
    lr_schedule : {"cosine", "constant"}, default="cosine"
        What the learning rate does after `warmup_epochs`: fall along half a cosine, or stay.
    embedding_dim : int, default=256
        Length of the embedding.
    temperature : float, default=0.5
        Temperature of prototype scattering, and of `predict_proba`.
    hidden_dim : int or "auto", default="auto"
        Hidden width of projector and predictor. The paper has 4096; ``"auto"`` is twice the
        number of the trunk's features, at most 512.
    noise : float, default=0.5
        Standard deviation :math:`\sigma` of positive sampling. The paper has 0.001, for larger
        networks.
    scattering_weight : float, default=0.1
        Weight :math:`\lambda` of prototype scattering.
    cluster_warmup_epochs : int or "auto", default="auto"
        Epochs of plain BYOL, without noise or scattering, at the start. The paper has 50 of 1000;
        ``"auto"`` is a tenth of all epochs for images, three tenths for vectors, at most 50.
    assign_interval : int or "auto", default="auto"
        Epochs from one E-step to the next. ``"auto"`` is 1, or as many as give 5 training steps.
    n_init : int, default=3
        Starts of k-means, the first from the last centres if any; the one of least inertia is
        taken. The paper makes 10 fresh starts.
    balanced_sampling : bool, default=False
        Whether samples are drawn with replacement, so that all clusters occur equally often.
    momentum : float or "auto", default="auto"
        Initial momentum of the target network, which moves its weights and its statistics of
        batches. ``"auto"`` averages over 0.4 % of the steps, at least 2, for images, and over 2 %,
        at least 10, for vectors; it is at most the published 0.996.
    momentum_schedule : {"cosine", "constant"}, default="cosine"
        Whether `momentum` rises to 1 along half a cosine, or stays.
    queue_length : int, default=0
        Number of past target projections that join both sets of prototypes, for many clusters.
    predictor_lr_factor : float, default=10.0
        Learning rate of the predictor in units of `lr`.
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
        One entry per epoch: ``epoch``, ``loss``, its terms ``loss_alignment`` and
        ``loss_scattering``, ``lr``, ``seconds``, ``images_per_second``, ``cluster_entropy``,
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
    Embedding, clusters and `backbone_` are those of the target network, after a final E-step.
    Samples of known class add their cross-entropy with the cluster of the class, times 0.02 and
    `known_weight`, and no contrast: alignment bears no more.
    Unlike here, the authors' code in effect divides `scattering_weight` by the number of GPUs.

    References
    ----------
    .. [1] Huang, Z., Chen, J., Zhang, J., Shan, H., "Learning representation for clustering via
       prototype scattering and positive sampling", IEEE TPAMI (2022), arXiv 2111.11821.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import ProPos
    >>> X = load_digits().images[:200]
    >>> model = ProPos(n_clusters=10, max_epochs=2, random_state=0).fit(X)
    >>> model.transform(X).shape
    (200, 256)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **DeepClusterer._parameter_constraints,
        "hidden_dim": [StrOptions({"auto"}), whole_number(1)],
        "noise": [NOT_NEGATIVE],
        "scattering_weight": [NOT_NEGATIVE],
        "cluster_warmup_epochs": [StrOptions({"auto"}), whole_number(0)],
        "assign_interval": [StrOptions({"auto"}), whole_number(1)],
        "n_init": [whole_number(1)],
        "balanced_sampling": ["boolean"],
        "momentum": [StrOptions({"auto"}), SHARE],
        "momentum_schedule": [StrOptions({"cosine", "constant"})],
        "queue_length": [whole_number(0)],
        "predictor_lr_factor": [POSITIVE],
    }
    _structural_parameters = (*DeepClusterer._structural_parameters, "hidden_dim")

    _model_class, _objective_class = ProPosModel, ProPosObjective
    hidden_dim: int | str
    noise: float
    scattering_weight: float
    cluster_warmup_epochs: int | str
    assign_interval: int | str
    n_init: int
    balanced_sampling: bool
    momentum: float | str
    momentum_schedule: str
    queue_length: int
    predictor_lr_factor: float

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
        weight_decay: float = 0.01,
        warmup_epochs: int | str = "auto",
        lr_schedule: str = "cosine",
        embedding_dim: int = 256,
        temperature: float = 0.5,
        hidden_dim: int | str = "auto",
        noise: float = 0.5,
        scattering_weight: float = 0.1,
        cluster_warmup_epochs: int | str = "auto",
        assign_interval: int | str = "auto",
        n_init: int = 3,
        balanced_sampling: bool = False,
        momentum: float | str = "auto",
        momentum_schedule: str = "cosine",
        queue_length: int = 0,
        predictor_lr_factor: float = 10.0,
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
