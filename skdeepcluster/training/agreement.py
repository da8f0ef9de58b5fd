"""Clusters of two views of the same samples, by which a clustering is judged without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor

from skdeepcluster.augmentation.resolve import Augmentation, resolve_augmentation
from skdeepcluster.augmentation.vector import VectorAugmentation
from skdeepcluster.data.samples import Samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.data.source import ResidentSource, Source, StreamedSource
from skdeepcluster.networks.randomness import global_streams
from skdeepcluster.training.fitted import Extent, FittedModel
from skdeepcluster.training.inference import batch_size_of, infer_batches
from skdeepcluster.training.neighbors import NeighborViews
from skdeepcluster.training.views import Views

JUDGED = 4096
# Pairs of views by which clusters are counted: with fewer, chance has a say in how often two
# clusters cross. More than ten of a sample take too long beside the training.
COUNTED, LOOKS = 16384, 10
Pair = tuple[np.ndarray, np.ndarray]


def look_at_views(
    samples: Samples,
    scaling: Scaling,
    look: Callable[[Tensor], np.ndarray],
    device: torch.device,
    *,
    augmentation: Augmentation | str = "auto",
    image_size: int | None = None,
    watch: Callable[[Tensor], None] | None = None,
    often: bool = False,
) -> Pair:
    """
    Look at two views of samples, at most 4,096, that lie evenly spread among all.

    The views are the same at every call. Those of vectors are a row and one of its nearest rows
    among the chosen ones: of so many fewer, as fewer are chosen.

    Parameters
    ----------
    samples : Samples
        The samples.
    scaling : Scaling
        Brings them into the unit range.
    look : callable
        From a batch of views, in the unit range, to an array with a row for each, such as their
        clusters.
    device : torch.device
        Where views are made.
    augmentation : callable or str, default="auto"
        What makes the views.
    image_size : int or None, default=None
        Shorter side that images are reduced to before.
    watch : callable or None, default=None
        Called with each batch of samples, in the unit range, before views are made of it.
    often : bool, default=False
        Whether each sample is looked at again, up to ten times, until there are 16,384 pairs.

    Returns
    -------
    first : ndarray of shape (m, ...), or (r, m, ...) if `often`
        What was seen of the first view of each of m samples, r times.
    second : ndarray of the same shape
        What was seen of the second.
    """
    chosen = np.unique(np.linspace(0, len(samples) - 1, JUDGED).astype(np.int64))
    if not samples.layout.is_image:
        part = len(chosen) / len(samples)
        samples, chosen = _some(samples, chosen), np.arange(len(chosen))
        source: Source = ResidentSource(samples, scaling, device)
        if watch is not None and scaling.equal_length:  # of directions there would be none to see
            for batch in ResidentSource(samples, scaling.with_lengths(), device).in_order(JUDGED):
                watch(batch)
            watch = None
    else:
        part, source = 1.0, StreamedSource(samples, scaling, device, image_size)
    views = _views(resolve_augmentation(augmentation, source.shape), source, part)
    looks = min(LOOKS, -(-COUNTED // len(chosen))) if often else 1
    order = np.tile(chosen, looks)
    pairs = [[look(view) for view in pair] for pair in _pairs(source, views, order, watch)]
    first, second = (np.concatenate(seen) for seen in zip(*pairs, strict=True))
    if not often:
        return first, second
    in_looks = (looks, len(chosen))
    return first.reshape(in_looks + first.shape[1:]), second.reshape(in_looks + second.shape[1:])


def logits_of_views(
    fitted: FittedModel,
    samples: Samples,
    augmentation: Augmentation | str = "auto",
    watch: Callable[[Tensor], None] | None = None,
) -> Pair:
    """
    Run a fitted model on two views of samples.

    Parameters
    ----------
    fitted : FittedModel
        The model.
    samples : Samples
        Samples of the shape learnt.
    augmentation : callable or str, default="auto"
        What makes the views.
    watch : callable or None, default=None
        Called with each batch of samples, in the unit range, before views are made of it.

    Returns
    -------
    first : ndarray of shape (m, n_clusters_), dtype float32
        Unnormalised log-probabilities of the clusters that have members, for the first view of each
        sample.
    second : ndarray of shape (m, n_clusters_), dtype float32
        The same of the second.
    """
    used = torch.tensor(fitted.used)

    def logits_of_used(_: Tensor, logits: Tensor) -> Tensor:
        return logits[:, used.to(logits.device)]

    return _run_on_views(fitted, samples, augmentation, logits_of_used, watch)


def embedding_of_views(
    fitted: FittedModel, samples: Samples, augmentation: Augmentation | str = "auto"
) -> Pair:
    """
    Embed views of samples by a fitted model: 16,384 pairs or more, and up to ten of a sample.

    Parameters
    ----------
    fitted : FittedModel
        The model.
    samples : Samples
        Samples of the shape learnt.
    augmentation : callable or str, default="auto"
        What makes the views.

    Returns
    -------
    first : ndarray of shape (r, m, d), dtype float32
        Unit-length embedding of the first view of each of m samples, r times.
    second : ndarray of shape (r, m, d), dtype float32
        The same of the second.
    """
    return _run_on_views(fitted, samples, augmentation, lambda embedding, _: embedding, often=True)


def _run_on_views(
    fitted: FittedModel,
    samples: Samples,
    augmentation: Augmentation | str,
    take: Callable[[Tensor, Tensor], Tensor],
    watch: Callable[[Tensor], None] | None = None,
    often: bool = False,
) -> Pair:
    device = next(fitted.model.parameters()).device
    maps = fitted.scaling.on(device)

    def look(view: Tensor) -> np.ndarray:
        parts = infer_batches(fitted.model, [view], maps, fitted.dtype)
        found: np.ndarray = torch.cat([take(*part) for part in parts]).cpu().numpy()
        return found

    return look_at_views(
        samples,
        fitted.scaling,
        look,
        device,
        augmentation=augmentation,
        image_size=fitted.parameters.get("image_size"),
        watch=watch,
        often=often,
    )


def labels_of_views(fitted: FittedModel, samples: Samples) -> Pair:
    """
    Assign two views of samples to the clusters of a fitted model.

    Parameters
    ----------
    fitted : FittedModel
        The model.
    samples : Samples
        Samples of the shape learnt.

    Returns
    -------
    first : ndarray of shape (m,), dtype int64
        Cluster of the first view of each sample.
    second : ndarray of shape (m,), dtype int64
        Cluster of the second.

    Warns
    -----
    UserWarning
        If the samples together are on quite another scale than the training samples.
    """
    seen = Extent()
    first, second = logits_of_views(fitted, samples, watch=seen.add)
    seen.warn_if_odd()
    return first.argmax(axis=1), second.argmax(axis=1)


def _some(samples: Samples, chosen: np.ndarray) -> Samples:
    if len(chosen) == len(samples):
        return samples
    return Samples(samples.take(chosen).numpy(force=True), samples.layout)


def _views(augmentation: Augmentation | None, source: Source, part: float) -> Views:
    if not isinstance(augmentation, VectorAugmentation) or len(source) < 2:
        return Views(augmentation)
    count = round(part * augmentation.n_neighbors)
    if augmentation.n_neighbors:
        count = max(1, count)
    fewer = clone(augmentation)
    fewer.n_neighbors = count  # which a class of the caller's need not have as a parameter
    return NeighborViews(fewer, source) if count else Views(fewer)


def _pairs(
    source: Source,
    views: Views,
    chosen: np.ndarray,
    watch: Callable[[Tensor], None] | None,
) -> Iterator[tuple[Tensor, ...]]:
    generator = torch.Generator(source.device).manual_seed(0)
    host = torch.Generator().manual_seed(0)
    there = (torch.Generator(source.device).manual_seed(0),) if source.device.type != "cpu" else ()
    streams = (host, *there) if views.draws_globally else ()
    order, size = torch.from_numpy(chosen), min(len(chosen), batch_size_of(source.samples.shape))
    whole = len(chosen) - len(chosen) % size
    for part in (order[:whole].view(-1, size), order[None, whole:]):
        for index, batch in source.batches(part) if part.numel() else ():
            if watch is not None:
                watch(batch)
            with global_streams(*streams):
                pair = views(batch, index, generator)
            yield pair
