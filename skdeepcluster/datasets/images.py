"""Folders of images as arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.utils import Bunch

from skdeepcluster._warn import warn
from skdeepcluster.datasets.cache import Cache, Found
from skdeepcluster.datasets.listing import HIDDEN, Entry, find_files, first_folders
from skdeepcluster.datasets.pictures import Options
from skdeepcluster.datasets.reading import read_files, refuse

CHOICES = {
    "resize": ("pad", "crop", "squash"),
    "color": ("auto", "gray", "rgb"),
    "dtype": ("auto", "uint8", "float32"),
    "on_error": ("skip", "raise"),
}
MANY = 0.01  # share of files whose loss is worth a warning


def load_images(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    image_size: int | tuple[int, int] = 64,
    resize: str = "pad",
    color: str = "auto",
    dtype: str = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    on_error: str = "skip",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Bunch:
    """
    Read image files of any sizes and formats into one array, which is kept on disk.

    Files are only ever opened for reading. A second call with the same options opens none of them,
    as long as their paths, sizes and times of change are the same.

    Parameters
    ----------
    source : path-like or sequence of path-like
        A folder, which is read with all folders in it, sorted by the names on the paths; or files,
        in their order.
    image_size : int or tuple of two int, default=64
        Height and width of the images in pixels; one number is both.
    resize : {"pad", "crop", "squash"}, default="pad"
        How a picture of another shape gets there. ``"pad"`` scales it until it fits and repeats
        its outermost pixels around it, ``"crop"`` scales it until it covers all and cuts off what
        is too much on both sides, ``"squash"`` scales height and width each by its own factor.
        Smaller pictures are enlarged.
    color : {"auto", "gray", "rgb"}, default="auto"
        ``"auto"`` gives grey images if all files are grey, otherwise all are in colour.
    dtype : {"auto", "uint8", "float32"}, default="auto"
        Type of the values. ``"auto"`` is uint8 if no file has more than 8 bits, otherwise float32.
        See Notes for the values.
    cache_dir : path-like or None, default=None
        Where the array is kept. None is ``skdeepcluster/images`` in ``$XDG_CACHE_HOME`` or else in
        ``~/.cache``. Whatever is there may be deleted at any time.
    on_error : {"skip", "raise"}, default="skip"
        What to do if a file cannot be read: leave it out, or raise an error that names it.
    n_jobs : int or None, default=None
        Number of threads; None and -1 are as many as there are cores.
    verbose : int, default=0
        Whether to show progress, with images per second and the time that is left.

    Returns
    -------
    Bunch
        With the attributes

        - ``images``: ndarray of shape (n, H, W) or (n, H, W, C), uint8 or float32, a read-only
          memory map;
        - ``filenames``: list of str, the file of each image. A name that is not valid text can be
          opened and decoded as Python does it, see `os.fsencode`;
        - ``skipped``: list of tuple of two str, the other files and why they have no image;
        - ``target``: ndarray of shape (n,), dtype int64, or None: the class of each image, if all
          lie in at least two folders within the folder;
        - ``target_names``: list of str or None: the names of these folders.

    Raises
    ------
    FileNotFoundError
        If the folder is not there.
    ImportError
        If Pillow is not installed.
    OSError
        If the cache cannot be written.
    TypeError
        If a parameter is of the wrong type.
    ValueError
        If a parameter has a value that is not allowed, or no file could be read, or one could not
        and `on_error` is ``"raise"``.

    Warns
    -----
    UserWarning
        If more than one file in a hundred could not be read, or if floating-point images beyond
        [0, 1] are among those of integers.

    See Also
    --------
    sklearn.datasets.load_files : The same for texts.
    skdeepcluster.ContrastiveClustering : Clusters the images.

    Notes
    -----
    Formats are JPEG, PNG, TIFF (also OME and ImageJ), GIF, BMP, WebP, AVIF, JPEG 2000 and PNM;
    content decides, not the name. Every file is in ``filenames`` or in ``skipped``: hidden ones
    (with a name on their path that begins with a dot), empty, damaged and unreadable ones are
    skipped, and so are those with more pixels than ``PIL.Image.MAX_IMAGE_PIXELS``. Links are
    followed, except to a folder that they lie in.

    Orientation by EXIF is applied, colour profiles are not. What is transparent stands on white.
    Of animations and stacks the first picture is read: the first time and depth of TIFF files, but
    all of their channels. Files with 2, 4 or more channels (four that are not colour and opacity)
    keep them, so the images have a last axis of that length, and files with another number than
    most have are skipped. Estimators then need ``channel_axis="last"``, except for four.

    In float32, integers are shares of the range of their type: of 16 bits without a sign, 65535 is
    1; of 16 bits with a sign, the smallest is 0; of more with a sign, the largest is 1, and what is
    not above 0 is 0. Floating-point files are as they are. In uint8 these shares are multiplied by
    255 and rounded. Pillow reads PNG files with 16 bits as ones of 8 if they are in colour or have
    opacity. A model has to be given images in the dtype that it was trained on.

    Reduction averages over the pixels that become one (bilinear, with antialiasing); JPEG files
    are decoded at the smallest scale that suffices.

    A read that was interrupted goes on where it was. If files change, all are read again, and the
    new array takes the place of the one before.

    Examples
    --------
    >>> from skdeepcluster import ContrastiveClustering
    >>> from skdeepcluster.datasets import load_images
    >>> found = load_images("plates", image_size=64)  # doctest: +SKIP
    >>> model = ContrastiveClustering(n_clusters=12).fit(found.images)  # doctest: +SKIP
    """
    options = _checked(image_size, resize=resize, color=color, dtype=dtype, on_error=on_error)
    n_threads = _n_threads(n_jobs)
    folder, entries = find_files(source)
    cache = Cache(_root(cache_dir, folder), folder, entries, options)
    found = cache.load()
    if found is None:
        found = read_files(cache, n_threads, on_error == "raise", bool(verbose))
    if on_error == "raise":
        for number, reason in found.reasons.items():
            refuse(entries[number], reason)
    return _bunch(folder, entries, found)


def _checked(image_size: Any, on_error: Any, **choices: Any) -> Options:
    for name, value in {**choices, "on_error": on_error}.items():
        if not isinstance(value, str) or value not in CHOICES[name]:
            allowed = ", ".join(map(repr, CHOICES[name]))
            raise ValueError(f"{name} must be one of {allowed}; got {value!r}.")
    sides = (image_size, image_size) if _is_whole(image_size) else image_size
    if not isinstance(sides, (tuple, list)) or len(sides) != 2 or not all(map(_is_whole, sides)):
        raise TypeError(
            f"image_size must be an integer or two, (height, width); got {image_size!r}."
        )
    if min(sides) < 1:
        raise ValueError(f"image_size must be at least 1; got {image_size!r}.")
    return Options(int(sides[0]), int(sides[1]), **choices)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _n_threads(n_jobs: Any) -> int:
    if n_jobs is not None and not _is_whole(n_jobs):
        raise TypeError(f"n_jobs must be None or an integer; got {n_jobs!r}.")
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0: None uses all cores.")
    n_cores = joblib.cpu_count()
    if n_jobs is None:
        return n_cores
    return int(n_jobs) if n_jobs > 0 else max(1, n_cores + 1 + int(n_jobs))


def _root(cache_dir: Any, folder: str | None) -> Path:
    """Return the folder of all caches, which must not become part of what is read."""
    if cache_dir is None:
        home = os.environ.get("XDG_CACHE_HOME", "")
        root = (Path(home) if os.path.isabs(home) else Path.home() / ".cache") / "skdeepcluster"
    elif isinstance(cache_dir, (str, os.PathLike)):
        root = Path(cache_dir)
    else:
        raise TypeError(f"cache_dir must be None or a path; got {cache_dir!r}.")
    if folder is not None and Path(folder).resolve() in [root.resolve(), *root.resolve().parents]:
        raise ValueError(
            "cache_dir must not lie in the folder that is read (where it is None, XDG_CACHE_HOME "
            f"says where the cache is); got {str(root)!r}."
        )
    return root / "images"


def _bunch(folder: str | None, entries: list[Entry], found: Found) -> Bunch:
    """Put together what is returned, and warn of what is missing."""
    skipped = [(entries[n].name, reason) for n, reason in sorted(found.reasons.items())]
    filenames = [entry.name for n, entry in enumerate(entries) if n not in found.reasons]
    _warn_of_losses(skipped, len(entries), found.mixed)
    classes = None if folder is None else first_folders(folder, filenames)
    names, target = (None, None) if classes is None else np.unique(classes, return_inverse=True)
    return Bunch(
        images=found.images,
        filenames=filenames,
        skipped=skipped,
        target=target,
        target_names=None if names is None else names.tolist(),
    )


def _warn_of_losses(skipped: list[tuple[str, str]], n_files: int, mixed: bool) -> None:
    lost = [pair for pair in skipped if pair[1] != HIDDEN]
    if len(lost) > MANY * n_files:
        name, reason = lost[0]
        warn(f"{len(lost)} of {n_files} files could not be read: {name!r}, for example ({reason}).")
    if mixed:
        warn(
            "Some files hold floating-point values beyond [0, 1], which stay as they are, while "
            "those of the others are in [0, 1]: images of the two kinds are not comparable."
        )
