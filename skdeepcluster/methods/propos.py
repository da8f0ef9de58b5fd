r"""
Prototype Scattering and Positive Sampling (ProPos): BYOL whose clusters are pushed apart.

An online network (trunk, projector, predictor g) is trained; a target network (trunk, projector)
follows as its moving average. Both get two augmented views of each of B samples. With online
projections :math:`o_i` of one view, unit-length target projections :math:`t_i` of the other, which
get no gradient, and noise :math:`\epsilon_i \sim N(0, I)`, positive sampling alignment is

.. math::

    L_\mathrm{psa} = \frac{1}{B} \sum_i \left\|
        \frac{g(o_i + \sigma \epsilon_i)}{\|g(o_i + \sigma \epsilon_i)\|} - t_i \right\|^2 .

Before an epoch (E-step), spherical k-means on the target projections of all samples, not augmented,
gives pseudo-labels. The normalised mean of the :math:`o_i / \|o_i\|` with pseudo-label k is the
online prototype :math:`\mu_k`, that of the :math:`t_i` the target prototype :math:`\mu_k'`. Over the
set E of the clusters that occur in the batch, prototype scattering is

.. math::

    L_\mathrm{psl} = -\frac{1}{|E|} \sum_{k \in E} \log
        \frac{\exp(\mu_k^\top \mu_k' / \tau)}
        {\exp(\mu_k^\top \mu_k' / \tau) + \sum_{l \in E, l \neq k} \exp(\mu_k^\top \mu_l / \tau)} .

The loss :math:`L_\mathrm{psa} + \lambda L_\mathrm{psl}` is averaged over both orders of the views;
:math:`\sigma` and :math:`\lambda` are 0 in the first epochs. A sample belongs to the nearest centre.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from skdeepcluster.base import DeepClusterer
from skdeepcluster.clustering.kmeans import kmeans
from skdeepcluster.clustering.matching import match_centers
from skdeepcluster.losses import positive_sampling, prototype_scattering, unit_vectors
from skdeepcluster.losses.similarity import cosine_logits
from skdeepcluster.networks import mlp
from skdeepcluster.networks.ema import cosine_momentum, ema_momentum, update_ema
from skdeepcluster.networks.queue import FeatureQueue
from skdeepcluster.training import Objective, Schedule, Step

__all__ = ["ProPos"]


class ProPosObjective(Objective):
    """
    Networks, E-step and loss of ProPos.

    Parameters
    ----------
    backbone : nn.Module
        The trunk.
    n_features : int
        Number of its features.
    generator : torch.Generator
        Source of the weights, on the CPU.
    method : ProPos
        The estimator, whose parameters are read.
    """

    centers: Tensor
    labels: Tensor
    noise: Tensor
    active: Tensor

    def __init__(
        self, backbone: nn.Module, n_features: int, generator: torch.Generator, method: ProPos
    ) -> None:
        super().__init__(backbone)
        hidden, dim = method.hidden_dim, method.embedding_dim
        self.projector = mlp((n_features, hidden, dim), generator, batch_norm=True)
        self.predictor = mlp((dim, hidden, dim), generator, batch_norm=True)
        for weight in (self.predictor[0].weight, self.predictor[-1].weight):
            nn.init.normal_(weight, std=0.01, generator=generator)
        nn.init.zeros_(self.predictor[-1].bias)
        self.target = copy.deepcopy(nn.Sequential(backbone, self.projector)).requires_grad_(False)
        self.register_buffer("centers", torch.zeros(method.n_clusters, dim))
        self.register_buffer("active", torch.zeros(()))
        self.temperature, self.sigma = method.temperature, method.noise
        self.scattering_weight = method.scattering_weight
        self.cluster_warmup_epochs = method.cluster_warmup_epochs
        self.assign_interval, self.n_init = method.assign_interval, method.n_init
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
        like, self.n_steps = self.centers, schedule.n_steps
        self.labels = like.new_zeros(schedule.n_samples, dtype=torch.long)
        self.noise = like.new_empty(2 * schedule.batch_size, like.shape[1])
        self.noise.normal_(generator=generator)
        if self.queue_length:
            self.queue = FeatureQueue(self.queue_length, like.shape[1:]).to(like.device)
            self.numbers = FeatureQueue(self.queue_length, ()).to(like.device)
            self.numbers.rows = self.numbers.rows.long()

    def start_epoch(self, epoch: int, embed_all: Callable[[], Tensor]) -> Tensor | None:
        """Make the E-step where it is due."""
        self.active.fill_(float(epoch >= self.cluster_warmup_epochs))
        if epoch % self.assign_interval == 0:
            self.finish(embed_all)
        if not self.balanced_sampling:
            return None
        sizes = torch.bincount(self.labels, minlength=len(self.centers))
        return (len(self.labels) / sizes)[self.labels]

    def finish(self, embed_all: Callable[[], Tensor]) -> None:
        """Make an E-step: the new clusters keep the numbers of the old ones that they resemble."""
        known = bool(self.centers.any())
        result = kmeans(
            embed_all(),
            len(self.centers),
            spherical=True,
            n_init=self.n_init,
            init=self.centers if known else None,
            generator=self.generator,
        )
        order = match_centers(result.centers, self.centers)
        self.centers = result.centers[order]
        self.labels = order.argsort()[result.labels]

    def forward(self, views: Tensor) -> tuple[Tensor, ...]:
        """Return online projections, their predictions, and target projections of both views."""
        online = self.projector(self.backbone(views))
        prediction = self.predictor(online.float() + self.active * self.sigma * self.noise)
        with torch.no_grad():
            target = self.target(views)
        return online, prediction, target

    def step(self, outputs: tuple[Tensor, ...], index: Tensor) -> Step:
        """Return alignment and scattering, averaged over both orders of the views."""
        (o1, o2), (g1, g2), (t1, t2) = (unit_vectors(rows).chunk(2) for rows in outputs)
        scattering = self._scatter(o1, t2, index) + self._scatter(o2, t1, index)
        losses = {
            "alignment": (positive_sampling(g1, t2) + positive_sampling(g2, t1)) / 2,
            "scattering": self.active * self.scattering_weight * scattering / 2,
        }
        self.fresh = torch.cat([t1, t2]), index.repeat(2)
        return Step(losses, cosine_logits(t1, self.centers, self.temperature), t1)

    def _scatter(self, online: Tensor, target: Tensor, index: Tensor) -> Tensor:
        labels = self.labels[index]
        if self.queue is not None:
            past = self.labels[self.numbers.rows].where(self.queue.mask() > 0, -1)
            labels = torch.cat([labels, past])
            online, target = (torch.cat([rows, self.queue.rows]) for rows in (online, target))
        k = len(self.centers)
        return prototype_scattering(online, target, labels, k, self.temperature)

    def after_step(self, step: int) -> None:
        """Move the target network and the queue, and draw the noise of the next step."""
        auto = isinstance(self.momentum, str)
        base = ema_momentum(self.n_steps, 0.996) if auto else self.momentum
        momentum = cosine_momentum(base, step, self.n_steps)
        for target, online in zip(self.target, (self.backbone, self.projector), strict=True):
            update_ema(target, online, momentum)
        if self.queue is not None:
            self.queue.push(self.fresh[0])
            self.numbers.push(self.fresh[1])
        self.noise.normal_(generator=self.generator)

    def infer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the unit-length target projection and its cosines to the centres."""
        embedding = unit_vectors(self.target(x))
        return embedding, cosine_logits(embedding, self.centers, self.temperature)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Group the predictor apart, for its higher learning rate."""
        online = [*self.backbone.parameters(), *self.projector.parameters()]
        return [
            {"params": online, "lr_scale": 1.0},
            {"params": list(self.predictor.parameters()), "lr_scale": self.predictor_lr_factor},
        ]

    def release(self) -> None:
        """Forget pseudo-labels, noise and queue."""
        super().release()
        self.queue = self.numbers = self.fresh = None
        self.register_buffer("labels", self.centers.new_zeros(0, dtype=torch.long))
        self.register_buffer("noise", self.centers.new_zeros(0))


class ProPos(DeepClusterer):
    """
    Prototype Scattering and Positive Sampling (ProPos).

    Learns a representation without negative pairs, by predicting a slowly moving copy's view of a
    sample from another view. k-means on the representation of all samples, again and again,
    gives clusters, whose prototypes are pushed apart.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters looked for.
    backbone : str, nn.Module or callable, default="auto"
        The trunk: ``"small"``, ``"resnet18"``, ``"resnet34"``, ``"resnet50"``, ``"mlp"`` for
        vectors; a module, which is copied; or a callable from the shape of a sample,
        ``(C, H, W)`` or ``(d,)``, to a module. ``"auto"`` is ``"mlp"`` for vectors, ``"small"``
        for images of at most 40 pixels on the longer side, else ``"resnet18"``.
    image_shape : sequence of int or None, default=None
        Shape of one image where rows of a 2-D `X` are flattened images.
    channel_axis : {"auto", "first", "last"}, default="auto"
        Where channels stand in 4-D input. ``"auto"`` takes the end of length 1, 3 or 4.
    augmentation : str, callable or None, default="auto"
        Makes the views: ``"photo"``, ``"glyph"``, ``"vector"``, a configured object, or a callable
        of a float32 batch in [0, 1] and a `torch.Generator`. ``"auto"`` is ``"photo"`` for images
        of three channels, ``"glyph"`` for other images, ``"vector"`` for vectors.
    max_epochs : int, default=100
        Number of passes over the samples. The paper trains for 1000.
    batch_size : int, default=256
        Largest number of samples in a batch; all batches of an epoch are equally large.
    optimizer : {"adam", "sgd"}, default="sgd"
        Adam with decoupled weight decay, or SGD with momentum 0.9.
    lr : float, default=0.05
        Peak learning rate, reached after `warmup_epochs` and left along a cosine. The paper takes
        0.05 for batches of 256, and in proportion for others.
    weight_decay : float, default=5e-4
        Weight decay.
    warmup_epochs : int, default=10
        Epochs of linearly rising learning rate.
    embedding_dim : int, default=256
        Length of the embedding.
    temperature : float, default=0.5
        Temperature of prototype scattering, and of `predict_proba`.
    hidden_dim : int, default=512
        Width of the hidden layer of projector and predictor. The paper has 4096.
    noise : float, default=0.001
        Standard deviation :math:`\sigma` of positive sampling.
    scattering_weight : float, default=0.1
        Weight :math:`\lambda` of prototype scattering.
    cluster_warmup_epochs : int, default=10
        Epochs without noise and scattering; the paper has 50 of 1000. No more than that many
        epochs in all leave BYOL followed by k-means.
    assign_interval : int, default=1
        Epochs from one E-step to the next.
    n_init : int, default=2
        Starts of k-means at an E-step: one from the last centres, the others from k-means++. The
        paper starts 10 times.
    balanced_sampling : bool, default=False
        Whether samples are drawn with replacement, all clusters equally often.
    momentum : float or "auto", default="auto"
        Momentum of the target network at first; it rises to 1 along half a cosine. ``"auto"``
        looks back over 2 % of the steps, at least 10, and is at most the published 0.996.
    queue_length : int, default=0
        Number of past target projections that join both sets of prototypes; 0 for none. Wanted
        where a batch has few samples of each cluster.
    predictor_lr_factor : float, default=10.0
        Learning rate of the predictor in units of `lr`.
    device : str or torch.device, default="auto"
        Where to train and infer. ``"auto"`` takes cuda, then mps, then cpu.
    precision : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        Precision of the networks in training; losses are always float32. ``"auto"`` is bfloat16
        for images where the hardware does it well. Inference is float32 unless a lower precision
        is named.
    compile : bool, default=False
        Whether the training step goes through `torch.compile`.
    checkpoint_dir : str, path or None, default=None
        Folder for the state of training; a `fit` with the same parameters and data goes on from it
        and ends where the unbroken one would have ended.
    checkpoint_interval : float, default=60.0
        Least seconds between two states written.
    warm_start : bool, default=False
        Whether `fit` goes on from the fitted model.
    verbose : int, default=0
        Above 0, shows a progress bar.
    random_state : int, RandomState or None, default=None
        An int makes `fit` reproducible on the same machine.

    Attributes
    ----------
    labels_ : ndarray of shape (n,), dtype int64
        Clusters of the training samples, equal to ``predict(X)``.
    n_clusters_ : int
        Number of clusters that have members.
    cluster_centers_ : ndarray of shape (n_clusters_, embedding_dim), dtype float32
        Unit-length mean embedding of each cluster.
    history_ : list of dict
        One entry an epoch: ``epoch``, ``loss``, its terms ``loss_alignment`` and
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
        Column names, where `X` was a data frame with such.

    Notes
    -----
    Embedding, labels and `backbone_` are those of the target network, with a last E-step after
    training. `scattering_weight` is the published one, which the authors' code, on several GPUs,
    divides by their number. E-steps number clusters after those before.

    References
    ----------
    .. [1] Huang, Z., Chen, J., Zhang, J., Shan, H., "Learning representation for clustering via
       prototype scattering and positive sampling", IEEE Transactions on Pattern Analysis and
       Machine Intelligence (2022), arXiv 2111.11821.

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
        "hidden_dim": [Interval(Integral, 1, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "scattering_weight": [Interval(Real, 0, None, closed="left")],
        "cluster_warmup_epochs": [Interval(Integral, 0, None, closed="left")],
        "assign_interval": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "balanced_sampling": ["boolean"],
        "momentum": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
        "queue_length": [Interval(Integral, 0, None, closed="left")],
        "predictor_lr_factor": [Interval(Real, 0, None, closed="neither")],
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
        batch_size: int = 256,
        optimizer: str = "sgd",
        lr: float = 0.05,
        weight_decay: float = 5e-4,
        warmup_epochs: int = 10,
        embedding_dim: int = 256,
        temperature: float = 0.5,
        hidden_dim: int = 512,
        noise: float = 0.001,
        scattering_weight: float = 0.1,
        cluster_warmup_epochs: int = 10,
        assign_interval: int = 1,
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
        super().__init__(
            n_clusters,
            backbone=backbone,
            image_shape=image_shape,
            channel_axis=channel_axis,
            augmentation=augmentation,
            max_epochs=max_epochs,
            batch_size=batch_size,
            optimizer=optimizer,
            lr=lr,
            weight_decay=weight_decay,
            warmup_epochs=warmup_epochs,
            embedding_dim=embedding_dim,
            temperature=temperature,
            device=device,
            precision=precision,
            compile=compile,
            checkpoint_dir=checkpoint_dir,
            checkpoint_interval=checkpoint_interval,
            warm_start=warm_start,
            verbose=verbose,
            random_state=random_state,
        )
        self.hidden_dim = hidden_dim
        self.noise = noise
        self.scattering_weight = scattering_weight
        self.cluster_warmup_epochs = cluster_warmup_epochs
        self.assign_interval = assign_interval
        self.n_init = n_init
        self.balanced_sampling = balanced_sampling
        self.momentum = momentum
        self.queue_length = queue_length
        self.predictor_lr_factor = predictor_lr_factor

    def _build_objective(
        self, backbone: nn.Module, n_features: int, generator: torch.Generator
    ) -> Objective:
        return ProPosObjective(backbone, n_features, generator, self)
