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

from skdeepcluster.base import DeepClusterer
from skdeepcluster.clustering import PseudoLabels, views_needed
from skdeepcluster.constraints import NOT_NEGATIVE, POSITIVE, SHARE, whole_number
from skdeepcluster.losses import positive_sampling, prototype_scattering, unit_vectors
from skdeepcluster.losses.similarity import cosine_logits
from skdeepcluster.networks import SampleQueue, cosine_momentum, ema_momentum, mlp, update_ema
from skdeepcluster.training import Look, Objective, Schedule, Step

__all__ = ["ProPos"]


class ProPosObjective(Objective):
    """Networks, E-step and loss of ProPos, by the parameters of `method`."""

    noise: Tensor
    queue: SampleQueue | None
    fresh: tuple[Tensor, ...]

    def __init__(
        self, backbone: nn.Module, n_features: int, generator: torch.Generator, method: Any
    ) -> None:
        super().__init__(backbone)
        hidden, dim = method.hidden_dim, method.embedding_dim
        hidden = min(2 * n_features, 512) if hidden == "auto" else hidden
        self.projector = mlp((n_features, hidden, dim), generator, batch_norm=True)
        self.predictor = mlp((dim, hidden, dim), generator, batch_norm=True, std=0.01)
        self.target = copy.deepcopy(nn.Sequential(backbone, self.projector))
        self.clusters = PseudoLabels(method.n_clusters, dim, method.n_init)
        self.temperature, self.sigma = method.temperature, method.noise
        self.clustering, self.scattering_weight = 0.0, method.scattering_weight
        self.cluster_warmup_epochs = method.cluster_warmup_epochs
        self.assign_interval = method.assign_interval
        self.balanced_sampling, self.queue_length = method.balanced_sampling, method.queue_length
        self.momentum, self.predictor_lr_factor = method.momentum, method.predictor_lr_factor
        self.release()

    @property
    def trunk(self) -> nn.Module:
        """The target network's trunk."""
        return self.target[0]

    def begin(self, schedule: Schedule, generator: torch.Generator) -> None:
        """Allocate pseudo-labels, noise and queue, and fit the momentum to the steps."""
        super().begin(schedule, generator)
        self.n_steps, given = schedule.n_steps, self.assign_interval
        self.interval = -(-5 // schedule.steps_per_epoch) if given == "auto" else given
        auto, given = min(3 * schedule.max_epochs // 10, 50), self.cluster_warmup_epochs
        self.first_clustering = auto if given == "auto" else given
        self.clusters.resize(schedule.n_samples)
        self.target.requires_grad_(False)
        centers, dim = self.clusters.centers, self.clusters.centers.shape[1]
        self.noise = centers.new_empty(2 * schedule.batch_size, dim).normal_(generator=generator)
        if self.queue_length:
            self.queue = SampleQueue(self.queue_length, dim).to(centers.device)

    def start_epoch(self, epoch: int, look: Look) -> Tensor | None:
        """Make the E-step where it is due."""
        self.clustering = float(epoch >= self.first_clustering)
        if epoch % self.interval == 0:
            self._cluster(look)
        return self.clusters.balancing_weights() if self.balanced_sampling else None

    def finish(self, look: Look) -> None:
        """Make the last E-step."""
        self._cluster(look)

    def _cluster(self, look: Look) -> None:
        """Make an E-step; views are looked at where there are starts to choose among."""
        n_views, several = views_needed(len(self.clusters.centers)), self.clusters.n_init > 1
        views = look.embed_views(n_views) if several else None
        self.clusters.update(look.embed_all(), views, self.generator)

    def forward(self, views: Tensor) -> tuple[Tensor, ...]:
        """Return online projections, their predictions, and target projections of both views."""
        online = self.projector(self.backbone(views))
        prediction = self.predictor(online.float() + self.clustering * self.sigma * self.noise)
        with torch.no_grad():
            target = self.target(views)
        return online, prediction, target

    def step(self, outputs: tuple[Tensor, ...], index: Tensor) -> Step:
        """Return alignment and scattering, averaged over both orders of the views."""
        online, prediction, target = outputs[0], outputs[1], unit_vectors(outputs[2])
        (o1, o2), (t1, t2) = unit_vectors(online).chunk(2), target.chunk(2)
        scattering = self._scatter(o1, t2, index) + self._scatter(o2, t1, index)
        losses = {
            "alignment": positive_sampling(prediction, target.roll(len(t1), 0)),
            "scattering": self.clustering * self.scattering_weight * scattering / 2,
        }
        self.fresh = target, index.repeat(2)
        return Step(losses, cosine_logits(t1, self.clusters.centers, self.temperature), t1)

    def _scatter(self, online: Tensor, target: Tensor, index: Tensor) -> Tensor:
        labels, k = self.clusters.labels[index], len(self.clusters.centers)
        if self.queue is not None:
            labels = torch.cat([labels, self.queue.labels(self.clusters.labels)])
            online, target = (torch.cat([rows, self.queue.rows]) for rows in (online, target))
        return prototype_scattering(online, target, labels, k, self.temperature)

    def after_step(self, step: int) -> None:
        """Move the target network and the queue, and draw the noise of the next step."""
        base = ema_momentum(self.n_steps, 0.996) if self.momentum == "auto" else self.momentum
        momentum = cosine_momentum(base, step, self.n_steps)
        update_ema(self.target, nn.Sequential(self.backbone, self.projector), momentum)
        if self.queue is not None:
            self.queue.push(*self.fresh)
        self.noise.normal_(generator=self.generator)

    def infer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the unit-length target projection and its cosines to the centres."""
        embedding = unit_vectors(self.target(x))
        return embedding, cosine_logits(embedding, self.clusters.centers, self.temperature)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Group the predictor apart, for its higher learning rate."""
        online = nn.Sequential(self.backbone, self.projector)
        parts = ((online, 1.0), (self.predictor, self.predictor_lr_factor))
        return [{"params": list(part.parameters()), "lr_scale": scale} for part, scale in parts]

    def release(self) -> None:
        """Forget pseudo-labels, noise and queue."""
        super().release()
        self.queue, self.fresh = None, ()
        self.clusters.resize(0)
        self.register_buffer("noise", self.clusters.centers.new_zeros(0))
        self.target.requires_grad_(True)


class ProPos(DeepClusterer):
    r"""
    Prototype Scattering and Positive Sampling (ProPos).

    Learns a representation by predicting, from one view of a sample, what a slowly updated copy of
    the network makes of another; k-means on it gives clusters, which are pushed apart.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters to find.
    backbone : str, nn.Module or callable, default="auto"
        The trunk: ``"small"``, ``"resnet18"``, ``"resnet34"``, ``"resnet50"``, ``"mlp"`` for
        vectors; a module, which is copied; or a callable that maps the shape of a sample,
        ``(C, H, W)`` or ``(d,)``, to a module. ``"auto"`` is ``"mlp"`` for vectors, ``"small"``
        for images of at most 40 pixels on the longer side, else ``"resnet18"``.
    image_shape : sequence of int or None, default=None
        Shape of one image, if the rows of a 2-D `X` are flattened images.
    channel_axis : {"auto", "first", "last"}, default="auto"
        Where the channels of 4-D input are. ``"auto"`` takes the end of length 1, 3 or 4.
    augmentation : str, callable or None, default="auto"
        What makes the views: ``"photo"``, ``"glyph"``, ``"vector"``, a configured object, or a
        callable that takes a float32 batch in [0, 1] and a `torch.Generator`. ``"auto"`` is
        ``"photo"`` for three channels, ``"glyph"`` for other images, ``"vector"`` for vectors.
    max_epochs : int, default=100
        Number of passes over the samples. The paper trains for 1000.
    batch_size : int or "auto", default="auto"
        Largest number of samples in a batch; all batches of an epoch are equally large. ``"auto"``
        is an eighth of the samples, at least 64 and 4 per cluster, at most 256.
    optimizer : {"adam", "sgd"}, default="adam"
        Adam with decoupled weight decay, or SGD with momentum 0.9.
    lr : float, default=1e-3
        Peak learning rate, reached after `warmup_epochs`; it then falls along a cosine. The paper
        uses SGD with 0.05 for batches of 256, and in proportion for others.
    weight_decay : float, default=0.01
        Weight decay. The paper uses 5e-4 with SGD.
    warmup_epochs : int, default=10
        Number of epochs over which the learning rate rises linearly.
    embedding_dim : int, default=256
        Length of the embedding.
    temperature : float, default=0.5
        Temperature of prototype scattering, and of `predict_proba`.
    hidden_dim : int or "auto", default="auto"
        Hidden width of projector and predictor. The paper has 4096; ``"auto"`` is twice the
        number of the trunk's features, at most 512.
    noise : float, default=0.001
        Standard deviation :math:`\sigma` of positive sampling.
    scattering_weight : float, default=0.1
        Weight :math:`\lambda` of prototype scattering.
    cluster_warmup_epochs : int or "auto", default="auto"
        Epochs of plain BYOL, without noise or scattering, at the start. The paper has 50 of 1000;
        ``"auto"`` is three tenths of `max_epochs`, at most 50.
    assign_interval : int or "auto", default="auto"
        Epochs from one E-step to the next. ``"auto"`` is 1, or as many as give 5 training steps.
    n_init : int, default=2
        Starts of k-means, the first from the last centres if any; two views of samples decide which
        is best. The paper makes 10 fresh starts and takes the least inertia.
    balanced_sampling : bool, default=False
        Whether samples are drawn with replacement, so that all clusters occur equally often.
    momentum : float or "auto", default="auto"
        Initial momentum of the target network; it rises to 1 along half a cosine. ``"auto"``
        averages over 2 % of the steps, at least 10, and is at most the published 0.996.
    queue_length : int, default=0
        Number of past target projections that join both sets of prototypes, for many clusters.
    predictor_lr_factor : float, default=10.0
        Learning rate of the predictor in units of `lr`.
    device : str or torch.device, default="auto"
        Device for training and inference. ``"auto"`` is cuda if available, else mps, else cpu.
    precision : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        Precision of the networks; losses are always float32. ``"auto"`` is bfloat16 for training on
        images if the hardware handles it well, and float32 otherwise and for inference.
    compile : bool, default=False
        Whether to compile the training step with `torch.compile`.
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
    cluster_centers_ : ndarray of shape (n_clusters_, embedding_dim), dtype float32
        Unit-length mean embedding of each cluster.
    history_ : list of dict
        One entry per epoch: ``epoch``, ``loss``, its terms ``loss_alignment`` and
        ``loss_scattering``, ``lr``, ``seconds``, ``images_per_second``, ``cluster_entropy``,
        ``largest_share``, ``changed_labels``, ``confidence``, ``spread``.
    n_epochs_ : int
        Number of epochs trained.
    backbone_ : nn.Module
        The trained trunk.
    image_shape_ : tuple of int or None
        Shape of one image as (C, H, W), None for vectors.
    n_features_in_ : int
        Number of values in one sample.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, if `X` was a data frame that has them.

    Notes
    -----
    Embedding, clusters and `backbone_` are those of the target network, after a final E-step.
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
        "queue_length": [whole_number(0)],
        "predictor_lr_factor": [POSITIVE],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        backbone: str | nn.Module | Callable[[tuple[int, ...]], nn.Module] = "auto",
        image_shape: Sequence[int] | None = None,
        channel_axis: str = "auto",
        augmentation: Any = "auto",
        max_epochs: int = 100,
        batch_size: int | str = "auto",
        optimizer: str = "adam",
        lr: float = 1e-3,
        weight_decay: float = 0.01,
        warmup_epochs: int = 10,
        embedding_dim: int = 256,
        temperature: float = 0.5,
        hidden_dim: int | str = "auto",
        noise: float = 0.001,
        scattering_weight: float = 0.1,
        cluster_warmup_epochs: int | str = "auto",
        assign_interval: int | str = "auto",
        n_init: int = 2,
        balanced_sampling: bool = False,
        momentum: float | str = "auto",
        queue_length: int = 0,
        predictor_lr_factor: float = 10.0,
        device: str | torch.device = "auto",
        precision: str = "auto",
        compile: bool = False,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_interval: float = 60.0,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self._keep(locals())

    def _build_objective(
        self, backbone: nn.Module, n_features: int, generator: torch.Generator
    ) -> Objective:
        return ProPosObjective(backbone, n_features, generator, self)
