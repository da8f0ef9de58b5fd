"""What the page holds: images, clusters, pairs of them, and as many thumbnails as fit."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from skdeepcluster.clustering.suggestions import suggest
from skdeepcluster.plotting.projection import project
from skdeepcluster.report.summary import (
    Assignment,
    Pair,
    Trust,
    extremes,
    hard_pairs,
    loose_clusters,
    unsure_clusters,
)
from skdeepcluster.report.thumbnails import Thumbnails

N_NEIGHBORS = 8
N_SUGGESTED = 24


def contents(
    found: Assignment,
    embedding: NDArray[Any],
    trust: Trust,
    names: Mapping[int, str],
    unlabelled: NDArray[np.int64],
    random_state: Any,
) -> dict[str, Any]:
    """
    Describe images, clusters and pairs of clusters for the page.

    Parameters
    ----------
    found : Assignment
        The assignment of n images to k clusters.
    embedding : ndarray of shape (n, d)
        Their embedding.
    trust : Trust
        What is known of the clusters.
    names : mapping of int to str
        Names that clusters have from the start.
    unlabelled : ndarray of shape (m,), dtype int64
        Rows of the images that may be suggested for labelling.
    random_state : int, RandomState instance or None
        Seed of the map.

    Returns
    -------
    dict
        Numbers and text only; long arrays as base64.
    """
    positions = np.zeros((1, 2))
    if len(embedding) > 1:
        positions = np.asarray(project(embedding, random_state=random_state))
    clusters = [_cluster(found, trust, k) for k in range(len(found.sizes))]
    for k in {*unsure_clusters(found), *loose_clusters(found, trust)}:
        clusters[k]["doubtful"] = True
    for k, name in names.items():
        clusters[k]["name"] = name
    suggested = suggest(
        unlabelled, found.probabilities, embedding, min(N_SUGGESTED, len(unlabelled))
    )
    return {
        "count": len(embedding),
        "label": _packed(found.labels),
        "second": _packed(found.second),
        "confidence": _packed(found.confidence),
        "x": _packed(positions[:, 0]),
        "y": _packed(positions[:, 1]),
        "neighbors": _packed(nearest_neighbors(embedding)),
        "clusters": clusters,
        "pairs": [_pair(pair) for pair in hard_pairs(found)],
        "suggested": suggested.tolist(),
    }


def nearest_neighbors(embedding: NDArray[Any]) -> NDArray[np.intp]:
    """
    Find the nearest other samples of each by the angle between their embeddings.

    Parameters
    ----------
    embedding : ndarray of shape (n, d)
        The embedding.

    Returns
    -------
    ndarray of shape (n, min(8, n - 1)), dtype intp
        Rows, the nearest first. Memory grows with n, not with its square.
    """
    count = min(N_NEIGHBORS, len(embedding) - 1)
    if count < 1:
        return np.zeros((len(embedding), 0), dtype=np.intp)
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(normalize(embedding))
    rows: NDArray[np.intp] = search.kneighbors(return_distance=False)
    return rows


def first_shown(known: dict[str, Any]) -> list[int]:
    """
    List the images that the page shows before anyone asks for more.

    Parameters
    ----------
    known : dict
        What `contents` returns.

    Returns
    -------
    list of int
        Rows, each once: the extremes of clusters, what is between two, and suggestions.
    """
    parts = [c[kind] for kind in ("certain", "least") for c in known["clusters"]]
    parts += [pair["between"] for pair in known["pairs"]]
    parts += [known["suggested"]]
    return list(dict.fromkeys(itertools.chain.from_iterable(parts)))


def embedded(thumbnails: Thumbnails, first: list[int], n: int, budget: int) -> list[str]:
    """
    Encode thumbnails as long as there is room: those shown first, and others spread evenly.

    Parameters
    ----------
    thumbnails : Thumbnails
        Of n images.
    first : list of int
        Rows of the images shown first.
    n : int
        Number of images.
    budget : int
        Number of characters that there is room for.

    Returns
    -------
    list of str
        One a row, empty where there was no room.
    """
    texts = [""] * n
    used = _fill(texts, thumbnails.encoded(np.array(first, dtype=np.intp)), budget)
    others = np.setdiff1d(np.arange(n), first)
    fitting = min(len(others), (budget - used) * len(first) // max(1, used))
    if fitting > 0:
        spread = np.unique(np.linspace(0, len(others) - 1, fitting).astype(np.intp))
        _fill(texts, thumbnails.encoded(others[spread]), budget - used)
    return texts


def _fill(texts: list[str], encoded: Iterable[tuple[int, str]], budget: int) -> int:
    """Put thumbnails in their places while there is room, and return how much they took."""
    used = 0
    for row, text in encoded:
        if used + len(text) > budget:
            break
        texts[row] = text
        used += len(text)
    return used


def _packed(values: NDArray[Any]) -> dict[str, str]:
    """Encode numbers as what a script makes a typed array of, row by row."""
    kind, dtype = "Float32Array", "<f4"
    if values.dtype.kind in "iu":
        is_short = values.size == 0 or values.max() < 2**16
        kind, dtype = ("Uint16Array", "<u2") if is_short else ("Uint32Array", "<u4")
    text = base64.b64encode(values.astype(dtype).tobytes()).decode("ascii")
    return {"type": kind, "base64": text}


def _cluster(found: Assignment, trust: Trust, k: int) -> dict[str, Any]:
    certain, least = extremes(found, k)
    own = float(trust.clusters[k])
    return {
        "size": int(found.sizes[k]),
        "confidence": round(float(found.means[k]), 4),
        "trust": None if np.isnan(own) else round(own, 4),
        "doubtful": False,
        "name": "",
        "certain": certain,
        "least": least,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {**pair._asdict(), "a_to_b": round(pair.a_to_b, 4), "b_to_a": round(pair.b_to_a, 4)}
