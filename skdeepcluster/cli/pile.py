"""The images of a run, their features and their labels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from skdeepcluster._warn import warn
from skdeepcluster.cli.labels import numbered, read_labels
from skdeepcluster.cli.settings import Settings
from skdeepcluster.datasets import load_images

FEATURES = ".features-*.npy"
DARK = 0.25


@dataclass(frozen=True)
class Pile:
    """
    The images of a folder.

    Parameters
    ----------
    images : ndarray of shape (n, H, W) or (n, H, W, C)
        The images.
    samples : ndarray of shape (n, ...)
        What the estimator is given: the images, or features of them.
    filenames : list of str
        Their files, absolute.
    skipped : list of tuple of str and str
        Files that could not be read, and why.
    known : ndarray of shape (n,), dtype int64
        Classes, -1 where they are not known.
    classes : list of str
        Names of the classes; empty where they have numbers only.
    """

    images: NDArray[Any]
    samples: NDArray[Any]
    filenames: list[str]
    skipped: list[tuple[str, str]]
    known: NDArray[np.int64]
    classes: list[str]


def read_pile(settings: Settings, out: Path, verbose: bool) -> Pile:
    """
    Read the images of a run, and their features where it has some.

    Parameters
    ----------
    settings : Settings
        The run.
    out : Path
        Its folder, in which features are kept.
    verbose : bool
        Whether to show progress.

    Returns
    -------
    Pile
        The images.
    """
    labels = read_labels(settings.labels, settings.folder)
    found = load_images(settings.folder, verbose=int(verbose), **settings.reading)
    known = numbered(labels, found.filenames, [name for name, _ in found.skipped])
    samples = found.images
    if settings.features is not None:
        _refuse_out_of_range(settings, found.images, found.filenames)
        if settings.bits is None:
            _warn_if_dark(found.images)
        samples = _features(settings, samples, out, verbose)
    return Pile(found.images, samples, found.filenames, found.skipped, *known)


def _refuse_out_of_range(settings: Settings, images: NDArray[Any], filenames: list[str]) -> None:
    """Refuse, by name, a file whose values do not lie between black and white."""
    from skdeepcluster.features.preprocessing import ROUNDING

    if images.dtype.kind != "f":
        return
    span = settings.value_range
    low, high = (0.0, 1.0) if isinstance(span, str) else span
    axes = tuple(range(1, images.ndim))
    least, most = images.min(axis=axes), images.max(axis=axes)
    slack = ROUNDING * (high - low)
    beyond = np.flatnonzero((least < low - slack) | (most > high + slack))
    if not beyond.size:
        return
    row = beyond[0]
    values = f"{filenames[row]} has values from {least[row]:.3g} to {most[row]:.3g}"
    if settings.bits is not None and low - slack <= least[row] and most[row] <= 1 + slack:
        raise ValueError(
            f"{values} of what its type can hold; of {settings.bits} bits in 16, as --bits says, "
            f"they end at {high:.3g}. Take out files of other depths, or leave out --bits."
        )
    raise ValueError(f"{values}: for --features, black must be 0 and white {high:.3g}.")


def _warn_if_dark(images: NDArray[Any]) -> None:
    brightest = float(images.max()) if images.dtype.kind == "f" else 1.0
    if brightest < DARK:
        warn(
            f"The brightest value of all images is {brightest:.2g} of the largest that their type "
            "can hold, as with cameras of 12 bits: to the pretrained network they are all but "
            "black. Say so by --bits 12."
        )


def _features(settings: Settings, images: NDArray[Any], out: Path, verbose: bool) -> NDArray[Any]:
    """Compute features of unit length, or take those that an interrupted run has kept."""
    from skdeepcluster.features import PretrainedFeatures

    name, weights = settings.features, settings.weights
    assert name is not None
    span = settings.value_range if images.dtype.kind == "f" else "auto"
    # The folder of the images may have changed since then, or the network.
    asked = f"{name} {weights} {span}"
    digest = hashlib.blake2b(asked.encode(), digest_size=8)
    digest.update(np.ascontiguousarray(images).data)
    if weights is not None and Path(weights).is_file():
        with open(weights, "rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    path = out / FEATURES.replace("*", digest.hexdigest())
    if not path.exists():
        network = PretrainedFeatures(
            name,
            weights=weights,
            channel_axis="last",
            value_range=span,
            verbose=int(verbose),
            out=path,
        )
        try:
            network.transform(images)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{error} This command fetches nothing: give the file as --weights FILE."
            ) from None
    return normalize(np.load(path))


def forget_features(out: Path) -> None:
    """
    Remove the features that a run has kept.

    Parameters
    ----------
    out : Path
        Folder of the run.
    """
    for path in out.glob(FEATURES):
        path.unlink()
